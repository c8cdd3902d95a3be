#!/usr/bin/env python3
"""Make a tree of all that a squashfs image can hold.

usage: make-tree.py DIR [ENTRIES]

ENTRIES (default 300) empty files lie in one directory. Extended attributes are made where the file system takes them.
"""
import errno
import os
import random
import sys

BLOCK = 131072
SIZES = (0, 1, 511, 4095, 4096, 4097, 8191, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 5, 1 << 20,
         (1 << 20) + 1)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def set_xattr(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError as e:
        if e.errno not in (errno.ENOTSUP, errno.EPERM, errno.ENOSPC):
            raise


def make_files(top, rng):
    for size in SIZES:
        words = bytes(rng.getrandbits(8) for _ in range(3000))
        write(top + b"/sizes/%d" % size, (words * (size // 3000 + 1))[:size])
    write(top + b"/random", rng.randbytes(600000))
    for n in range(300):
        write(top + b"/small/%d/f%d" % (n % 7, n), b"line %d\n" % n * rng.randrange(0, 600))
    write(top + b"/names/" + b"n" * 255, b"1")
    write(top + b"/names/\xff\xfe\n ", b"2")
    for mode in (0, 0o111, 0o444, 0o755, 0o4755, 0o2755, 0o1777):
        path = top + b"/modes/%o" % mode
        write(path, b"m")
        os.chmod(path, mode)


def make_holes(top):
    with open(top + b"/sparse", "wb") as f:
        f.seek(10 << 20)
        f.write(b"x" * 5000)
        f.seek(12 << 20)
        f.write(b"end")
    with open(top + b"/holes", "wb") as f:
        f.truncate(3 << 20)


def make_special(top, entries):
    os.makedirs(top + b"/big")
    for n in range(entries):
        open(top + b"/big/entry-with-a-name-%06d" % n, "wb").close()
    os.link(top + b"/random", top + b"/hard1")
    os.link(top + b"/random", top + b"/small/hard2")
    os.symlink(b"random", top + b"/link")
    os.symlink(b"/etc/" + b"x" * 3000, top + b"/longlink")
    os.symlink(b"nowhere", top + b"/dangling")
    os.mkfifo(top + b"/fifo", 0o640)
    deep = top + b"/deep" + b"".join(b"/d%d" % n for n in range(60))
    write(deep + b"/leaf", b"leaf")


def make_xattrs(top):
    for n in range(8):
        path = top + b"/xattr/%d" % n
        write(path, b"x")
        for k in range(n):
            set_xattr(path, "user.k%d" % k, b"v" * (k * 100))
    set_xattr(top + b"/xattr", "user.dir", b"d")
    set_xattr(top + b"/xattr/2", "security.capability", bytes.fromhex("01000002002" + "0" * 29))


def main():
    top = os.fsencode(sys.argv[1])
    entries = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rng = random.Random(7)
    os.makedirs(top)
    make_files(top, rng)
    make_holes(top)
    make_special(top, entries)
    make_xattrs(top)
    for base, dirs, files in os.walk(top):
        for name in dirs + files:
            os.utime(os.path.join(base, name), (1.6e9, 1.6e9 + len(name)), follow_symlinks=False)


if __name__ == "__main__":
    main()
