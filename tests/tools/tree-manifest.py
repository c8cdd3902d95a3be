#!/usr/bin/env python3
"""Print a canonical listing of a tree, so that diff can compare two of them.

usage: tree-manifest.py [option…] TREE

One line an entry, in byte order of the paths:
    PATH TYPE MODE size=… mtime=… sha256=… target=… link=FIRST_NAME_OF_THE_GROUP xattr:NAME=HEX…

  --repair-modes      show modes as after the permission repair: the owner reads everything, enters and writes
                      directories, executes what anybody executes
  --strip-setid       show modes without setuid and setgid
  --owners            also uid and gid
  --exclude PATTERN   leave out paths that match (fnmatch on the whole path, "dev/*" is everything below)
  --exclude-from FILE the same, one a line
  --no-mtime PATTERN  no mtime for these (directories that no layer names, parents of what import adds)
  --no-dir-mtime      no mtime for any directory
  --ignore-xattr PREFIX
"""
import argparse
import fnmatch
import hashlib
import os
import stat
import sys

TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFSOCK: "socket",
}


def shown(name):
    return "".join(chr(b) if 33 <= b < 127 and b != 92 else "\\%03o" % b for b in name)


def matches(path, patterns):
    text = shown(path)
    return any(fnmatch.fnmatchcase(text, p) for p in patterns)


def walk(top):
    """All entries below TOP, iteratively: trees may be deeper than the stack."""
    yield b".", os.lstat(top)
    stack = [b""]
    while stack:
        rel = stack.pop()
        with os.scandir(os.path.join(top, rel) if rel else top) as it:
            names = sorted(e.name for e in it)
        for name in names:
            path = os.path.join(rel, name) if rel else name
            st = os.lstat(os.path.join(top, path))
            yield path, st
            if stat.S_ISDIR(st.st_mode):
                stack.append(path)


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while True:
            data = f.read(1 << 20)
            if not data:
                return h.hexdigest()
            h.update(data)


def mode_of(st, args):
    mode = stat.S_IMODE(st.st_mode)
    if stat.S_ISLNK(st.st_mode):
        return 0o777
    if args.repair_modes:
        mode |= 0o400
        if stat.S_ISDIR(st.st_mode):
            mode |= 0o300
        elif mode & 0o111:
            mode |= 0o100
    if args.strip_setid:
        mode &= ~0o6000
    return mode


def xattrs(path, ignored):
    found = []
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        if not any(name.startswith(p) for p in ignored):
            value = os.getxattr(path, name, follow_symlinks=False)
            found.append("xattr:%s=%s" % (shown(os.fsencode(name)), value.hex()))
    return found


def line(top, path, st, first, args):
    full = os.path.join(top, path)
    kind = TYPES[stat.S_IFMT(st.st_mode)]
    out = [shown(path), kind, "%04o" % mode_of(st, args)]
    if args.owners:
        out.append("owner=%d:%d" % (st.st_uid, st.st_gid))
    if kind == "file":
        out.append("size=%d" % st.st_size)
    skip = matches(path, args.no_mtime) or (args.no_dir_mtime and kind == "dir")
    if not skip:
        out.append("mtime=%d" % (st.st_mtime_ns // 1000000000))
    if kind == "file":
        out.append("sha256=" + digest(full))
    elif kind == "link":
        out.append("target=" + shown(os.readlink(full)))
    elif kind in ("char", "block"):
        out.append("rdev=%d:%d" % (os.major(st.st_rdev), os.minor(st.st_rdev)))
    if kind != "dir" and (st.st_dev, st.st_ino) in first:
        out.append("link=" + shown(first[(st.st_dev, st.st_ino)]))
    return " ".join(out + xattrs(full, args.ignore_xattr))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("tree")
    p.add_argument("--exclude-from", action="append", default=[])
    for name in ("--exclude", "--no-mtime", "--ignore-xattr"):
        p.add_argument(name, action="append", default=[])
    for name in ("--repair-modes", "--strip-setid", "--owners", "--no-dir-mtime"):
        p.add_argument(name, action="store_true")
    args = p.parse_args()
    for name in args.exclude_from:
        with open(name) as f:
            args.exclude += [text for text in f.read().split("\n") if text]

    top = os.fsencode(args.tree)
    entries = [(path, st) for path, st in walk(top) if not matches(path, args.exclude)]
    entries.sort(key=lambda e: e[0])
    names = {}
    for path, st in entries:
        if not stat.S_ISDIR(st.st_mode):
            names.setdefault((st.st_dev, st.st_ino), []).append(path)
    first = {inode: group[0] for inode, group in names.items() if len(group) > 1}
    for path, st in entries:
        sys.stdout.write(line(top, path, st, first, args) + "\n")


if __name__ == "__main__":
    main()
