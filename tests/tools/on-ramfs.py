#!/usr/bin/env python3
"""on-ramfs.py COMMAND [ARG…]: run COMMAND where "/" is the kernel's initial ramfs, as on hosts without a disk.

pivot_root(2) refuses there. Root of the host only, in a mount namespace of its own (unshare -m). The host's folders are
mounted below that "/"; what has to be made for that is removed again. Exits 77 where this kernel does not let us.
"""
import ctypes
import os
import sys

AT_FDCWD, AT_RECURSIVE = -100, 0x8000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH = 1, 4
MS_PRIVATE, MS_REC, MNT_DETACH, CLONE_NEWNS = 1 << 18, 1 << 14, 2, 0x20000
SYS_OPEN_TREE, SYS_MOVE_MOUNT = 428, 429

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        print("on-ramfs: %s: %s" % (what, os.strerror(ctypes.get_errno())), file=sys.stderr)
        sys.exit(77)
    return result


def main():
    here, namespace = os.getcwd(), os.open("/proc/self/ns/mnt", os.O_RDONLY)
    check(libc.mount(b"none", b"/", None, MS_PRIVATE | MS_REC, None), "private mounts")
    trees = {}
    links = {}
    for name in os.listdir("/"):
        path = "/" + name
        if os.path.islink(path):
            links[path] = os.readlink(path)
        elif os.path.isdir(path):
            call = libc.syscall(SYS_OPEN_TREE, AT_FDCWD, path.encode(), OPEN_TREE_CLONE | AT_RECURSIVE)
            trees[path] = check(call, "open_tree " + path)

    check(libc.umount2(b"/", MNT_DETACH), "umount /")
    check(libc.setns(namespace, CLONE_NEWNS), "setns")
    made = []
    try:
        for path, tree in trees.items():
            if not os.path.isdir(path):
                os.mkdir(path)
                made.append(path)
            call = libc.syscall(SYS_MOVE_MOUNT, tree, b"", AT_FDCWD, path.encode(), MOVE_MOUNT_F_EMPTY_PATH)
            check(call, "move_mount " + path)
        for path, target in links.items():
            if not os.path.lexists(path):
                os.symlink(target, path)
                made.append(path)
        os.chdir(here)
        child = os.fork()
        if child == 0:
            os.execvp(sys.argv[1], sys.argv[1:])
        status = os.waitpid(child, 0)[1]
    finally:
        os.chdir("/")
        for path in made:
            if os.path.islink(path):
                os.unlink(path)
            else:
                libc.umount2(path.encode(), MNT_DETACH)
                os.rmdir(path)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
