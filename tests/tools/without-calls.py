#!/usr/bin/env python3
"""without-calls.py ERRNO NUMBER[,NUMBER…] COMMAND [ARG…]: run COMMAND where these system calls fail with ERRNO.

As on older kernels (ENOSYS, 38), or under the filter of a container engine that does not know them (EPERM, 1).
"""
import ctypes
import os
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
FAIL, ALLOW = 0x00050000, 0x7FFF0000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 38, 22


def main():
    error, calls = int(sys.argv[1]), [int(n) for n in sys.argv[2].split(",")]
    code = [(LOAD, 0, 0, 0)]
    for number in calls:
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, FAIL | error)]
    code.append((RETURN, 0, 0, ALLOW))
    program = b"".join(struct.pack("HBBI", *line) for line in code)

    class Filter(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(Filter(len(code), program)), 0, 0) < 0:
        sys.exit("without-calls: %s" % os.strerror(ctypes.get_errno()))
    os.execvp(sys.argv[3], sys.argv[3:])


main()
