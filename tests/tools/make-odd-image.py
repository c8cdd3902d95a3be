#!/usr/bin/env python3
"""Make the layers of the odd image: everything that layers may hold and mergers get wrong.

usage: make-odd-image.py DIR

Writes DIR/NN-what.tar and DIR/extra/what.tar, the same bytes every time, and DIR/exceptions: patterns of the paths in which an
extraction by another tool may differ (devices, what lies under /dev, what import itself writes).
"""
import os
import subprocess
import sys
import tarfile
import tempfile

from layer import T0, Layer, noise

def base():
    y = Layer()
    for name in ("bin", "etc", "usr", "usr/lib", "usr/share", "var", "var/lib", "opt", "srv", "home", "data"):
        y.dir(name)
    y.dir("srv/work dir")
    y.dir("tmp", 0o1777)
    y.dir("dev")
    y.device("dev/null", tarfile.CHRTYPE, 1, 3)
    y.file("dev/regular", "a file below /dev\n")
    y.dir("dev/shm", 0o1777)
    y.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
    y.file("etc/rc", "#!/bin/sh\necho from a layer\n", 0o755)
    y.link("etc/fstab", "/etc/passwd")
    sizes = (0, 1, 4095, 4096, 4097, 131071, 131072, 131073, 262144, 300000)
    for size in sizes:
        y.file("data/size-%d" % size, noise("s%d" % size, size))
    y.file("data/zeros", bytes(400000))
    y.file("data/zeros-then-data", bytes(262144) + noise("z", 5000))
    y.file("data/data-then-zeros", noise("z", 5000) + bytes(262144))
    y.file("data/same-1", noise("same", 200000))
    y.file("data/same-2", noise("same", 200000))
    y.file("data/same-tail", noise("same", 131072) + b"tail")
    y.file("opt/first", "one inode, three names\n", mtime=T0 + 5000)
    y.hard("opt/second", "opt/first")
    y.hard("var/third", "opt/first")
    y.link("opt/relative", "../usr/lib")
    y.link("opt/absolute", "/usr/share")
    y.link("opt/dangling", "/nowhere/at/all")
    y.link("opt/self", "self")
    y.fifo("opt/fifo", 0o600)
    y.device("opt/char", tarfile.CHRTYPE, 5, 1)
    y.device("opt/block", tarfile.BLKTYPE, 8, 0)
    for mode in (0o4755, 0o2755, 0o4111, 0o6711, 0o000, 0o111, 0o200, 0o444, 0o1644):
        y.file("var/mode-%04o" % mode, "mode %04o\n" % mode, mode)
    for mode in (0o000, 0o555, 0o111, 0o300, 0o1777, 0o2755):
        y.dir("var/dir-%04o" % mode, mode)
        y.file("var/dir-%04o/inside" % mode, "inside\n")
    y.file("home/someone", "not root's\n", uid=1000, gid=1000)
    y.file("home/far", "large ids\n", uid=3000000, gid=4000000)
    return y


def changed():
    """What the layers above will change."""
    y = Layer()
    for i in range(6):
        y.dir("w/d%d" % i)
        for j in range(3):
            y.file("w/d%d/f%d" % (i, j), "layer 1: %d %d\n" % (i, j))
    y.dir("w")
    y.dir("o")
    for i in range(4):
        y.dir("o/d%d" % i)
        y.dir("o/d%d/sub" % i)
        y.file("o/d%d/lower" % i, "lower\n")
        y.file("o/d%d/sub/lower" % i, "lower\n")
    y.dir("t")
    y.file("t/file-to-dir", "was a file\n")
    y.dir("t/dir-to-file")
    y.file("t/dir-to-file/child", "gone\n")
    y.link("t/link-to-dir", "../usr/lib")
    y.file("t/file-to-link", "was a file\n")
    y.dir("t/dir-to-link")
    y.file("t/dir-to-link/child", "gone\n")
    y.fifo("t/fifo-to-file")
    y.link("t/link-to-file", "../data/size-1")
    y.file("t/file-to-fifo", "was a file\n")
    y.dir("t/dir-again", 0o700)
    y.file("t/dir-again/kept", "kept\n")
    y.dir("h")
    y.file("h/lower", "linked from above\n" * 1000, mtime=T0 + 900000)
    y.file("h/hidden-later", noise("hidden", 150000), mtime=T0 + 900001)
    y.file("h/group-1", "group\n")
    y.hard("h/group-2", "h/group-1")
    return y


def whiteouts():
    y = Layer()
    y.dir("w")
    y.whiteout("w/d0")
    y.whiteout("w/d1/f1")
    y.dir("w/d2")
    y.file("w/d2/new", "stays: a whiteout does not hit its own layer\n")
    y.whiteout("w/d3")
    y.dir("w/d3", 0o711)
    y.file("w/d3/new", "a new directory after the whiteout\n")
    y.whiteout("w/d4/no-such-file")
    y.whiteout("var/dir-0300/inside")
    y.file("w/a.wh.b", "no whiteout: the prefix is in the middle\n")
    y.whiteout("opt/dangling")
    return y


def opaque():
    y = Layer()
    y.dir("o/d0")
    y.opaque("o/d0")
    y.file("o/d0/upper", "after the mark\n")
    y.dir("o/d1")
    y.file("o/d1/upper", "before the mark\n")
    y.dir("o/d1/sub")
    y.file("o/d1/sub/upper", "sub\n")
    y.opaque("o/d1")
    y.dir("o/d2/sub")
    y.opaque("o/d2/sub")
    y.dir("o/fresh")
    y.opaque("o/fresh")
    y.file("o/fresh/file", "an opaque directory that hides nothing\n")
    return y


def types():
    y = Layer()
    y.dir("t/file-to-dir")
    y.file("t/file-to-dir/child", "child\n")
    y.file("t/dir-to-file", "now a file\n")
    y.dir("t/link-to-dir")
    y.file("t/link-to-dir/child", "in a real directory\n")
    y.link("t/file-to-link", "dir-again")
    y.link("t/dir-to-link", "dir-again")
    y.file("t/fifo-to-file", "now a file\n")
    y.file("t/link-to-file", "now a file, the target is untouched\n")
    y.fifo("t/file-to-fifo")
    y.dir("t/dir-again", 0o750)
    return y


def links():
    y = Layer()
    y.hard("h/upper", "h/lower")
    y.hard("h/kept", "h/hidden-later")
    y.whiteout("h/hidden-later")
    y.whiteout("h/group-1")
    y.file("h/new-1", "a group in this layer\n")
    y.hard("h/new-2", "h/new-1")
    y.hard("h/new-3", "./h/new-2")
    y.hard("h/symlink-too", "opt/relative")
    return y


def names_pax():
    y = Layer()
    y.dir("n")
    y.file("n/" + "p" * 255, "255 bytes\n")
    deep = "n/" + "/".join(["directory-%02d" % i + "x" * 40 for i in range(12)])
    for i in range(1, 13):
        y.dir("/".join(deep.split("/")[: i + 1]))
    y.file(deep + "/leaf", "a path of %d bytes\n" % len(deep))
    y.link("n/long-target", "t/" * 900 + "end")
    y.hard("n/hard-to-long", "n/" + "p" * 255)
    y.file("n/\u00fcml\u00e4ut-\u4e2d\u6587-\U0001f600", "UTF-8\n")
    return y


def names_gnu():
    y = Layer(tarfile.GNU_FORMAT)
    y.dir("g")
    y.file("g/" + "g" * 250, "GNU long name\n")
    y.link("g/link", "l" * 300)
    y.file(b"g/latin-\xe9\xff\x80", "not UTF-8\n")
    for name in ("with space", "new\nline", "tab\there", "quote'\"`", "back\\slash", "-dash", "...", "..x", "$HOME", "*"):
        y.file("g/" + name, "named %r\n" % name)
    y.file("g/big-ids", "base-256\n", uid=3000000, gid=2500000)
    return y


def sparse(fmt):
    """GNU tar writes these; its four dialects are all in use."""
    with tempfile.TemporaryDirectory() as tmp:
        top = os.path.join(tmp, "s-" + fmt)
        os.mkdir(top)
        for name, pieces, size in (
            ("holes", ((0, 5000), (1 << 20, 3000), (5 << 20, 1)), 6 << 20),
            ("end-hole", ((65536, 70000),), 3 << 20),
            ("only-hole", (), 1 << 20),
            ("many", tuple((i << 17, 100) for i in range(40)), 40 << 17),
        ):
            with open(os.path.join(top, name), "wb") as f:
                for offset, length in pieces:
                    f.seek(offset)
                    f.write(noise(name + str(offset), length))
                f.truncate(size)
        options = {
            "gnu": ["--format=gnu"],
            "0.0": ["--format=posix", "--sparse-version=0.0"],
            "0.1": ["--format=posix", "--sparse-version=0.1"],
            "1.0": ["--format=posix", "--sparse-version=1.0"],
        }[fmt]
        command = ["tar", "--sparse", "--sort=name", "--mtime=@%d" % (T0 + 77), "--owner=0", "--group=0"]
        command += ["--numeric-owner", "--mode=u=rwX,go=rX", "-C", tmp, "-cf", "-"]
        if fmt != "gnu":
            options += ["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]
        return subprocess.run(command + options + ["s-" + fmt], stdout=subprocess.PIPE, check=True).stdout


def xattrs():
    y = Layer()
    y.dir("x", pax={"SCHILY.xattr.user.on-dir": "directory"})
    y.file("x/one", "one\n", pax={"SCHILY.xattr.user.one": "value"})
    y.file("x/two", "two\n", pax={"SCHILY.xattr.user.one": "value", "SCHILY.xattr.user.two": "line\nline = x"})
    y.file("x/large", "large\n", pax={"SCHILY.xattr.user.large": "v" * 2500})
    y.file("x/trusted", "dropped\n", pax={"SCHILY.xattr.trusted.overlay.opaque": "y"})
    y.file("x/selinux", "dropped\n", pax={"SCHILY.xattr.security.selinux": "system_u:object_r:etc_t:s0"})
    y.file("x/fraction", "a time with a fraction\n", mtime=T0 + 0.75)
    y.file("x/epoch", "1970\n", mtime=0)
    y.file("x/late", "2100\n", mtime=4102444800)
    return y


def many():
    y = Layer()
    y.dir("m")
    for i in range(700):
        y.file("m/file-%04d" % i, "content %d\n" % (i % 50))
    for i in range(40):
        y.dir("m/dir-%02d" % i)
        y.link("m/dir-%02d/link" % i, "../file-%04d" % i)
    return y


def paths():
    y = Layer()
    y.dir("./p")
    y.file("./p/dot", "leading ./\n")
    y.file("/p/absolute", "leading /\n")
    y.file("p//double", "two slashes\n")
    y.file("../../p/climbs", "clamped at the root\n")
    y.file("p/twice", "first\n")
    y.file("p/twice", "second wins\n", 0o600)
    y.dir("p/then-file")
    y.file("p/then-file/child", "gone\n")
    y.file("p/then-file", "the last entry wins\n")
    y.file("opt/relative/through-link", "lands in usr/lib\n")
    y.file("opt/absolute/through-link", "lands in usr/share\n")
    return y


def last():
    y = Layer()
    y.whiteout("m/file-0007")
    y.whiteout("m/dir-03")
    y.file("m/file-0011", "replaced\n", 0o755)
    y.whiteout("opt/relative")
    y.dir("w/d0")
    y.file("w/d0/back", "came back after a whiteout below\n")
    y.whiteout("data/same-1")
    y.dir("etc", 0o755)
    y.file("usr/lib/top", "top\n")
    return y


LAYERS = (
    ("base", base),
    ("changed", changed),
    ("whiteouts", whiteouts),
    ("opaque", opaque),
    ("types", types),
    ("links", links),
    ("names-pax", names_pax),
    ("names-gnu", names_gnu),
    ("sparse-00", lambda: sparse("0.0")),
    ("sparse-01", lambda: sparse("0.1")),
    ("sparse-10", lambda: sparse("1.0")),
    ("xattrs", xattrs),
    ("many", many),
    ("empty", Layer),
    ("paths", paths),
    ("last", last),
)

# Layers that umoci refuses, for tests with another oracle: old GNU sparse entries (type S).
EXTRA = (("sparse-gnu", lambda: sparse("gnu")),)

EXCEPTIONS = ("dev/*", "opt/char", "opt/block", "etc/rc", "etc/rc.local", "etc/environment", "etc/fstab")


def write(path, made):
    with open(path, "wb") as f:
        f.write(made.done() if isinstance(made, Layer) else made)


def main():
    top = sys.argv[1]
    os.makedirs(os.path.join(top, "extra"), exist_ok=True)
    for i, (name, make) in enumerate(LAYERS):
        write(os.path.join(top, "%02d-%s.tar" % (i, name)), make())
    for name, make in EXTRA:
        write(os.path.join(top, "extra", name + ".tar"), make())
    with open(os.path.join(top, "exceptions"), "w") as f:
        f.write("\n".join(EXCEPTIONS) + "\n")


if __name__ == "__main__":
    main()
