#!/usr/bin/env python3
"""Make images that attack who unpacks them.

usage: make-hostile-images.py DIR CANARY

CANARY is a folder of the victim that must not change. Each image is an OCI layout DIR/NAME with the tag 1.
DIR/list has a line an image: NAME WHAT, where WHAT is "refuse" (import must fail), "accept" (must work, harmless)
or "either" (as the tool likes, but cleanly).
"""
import gzip
import os
import struct
import subprocess
import sys
import tarfile

from layer import Layer

HERE = os.path.dirname(os.path.abspath(__file__))
CANARY = ""
IMAGES = {}


def image(name, what):
    """The decorated function returns a list of layers: Layer, tar bytes, or (compression, bytes)."""

    def add(function):
        IMAGES[name] = (what, function)
        return function

    return add


def header(name, size=b"00000000000\0", kind=b"0", link=b"", mode=b"0000644\0", magic=b"ustar\0" + b"00", fix=True):
    """A raw ustar header whose fields are bytes as given."""
    if isinstance(name, str):
        name = name.encode()
    block = name.ljust(100, b"\0")[:100] + mode + b"0000000\0" * 2 + size.ljust(12, b"\0")[:12]
    block += b"13723721400\0" + b" " * 8 + kind + link.ljust(100, b"\0")[:100] + magic
    block = block.ljust(512, b"\0")
    total = sum(block) if fix else 1
    return block[:148] + b"%06o\0 " % total + block[156:]


def octal(n):
    return b"%011o\0" % n


def base256(n, size=12):
    return (n & ((1 << (8 * size)) - 1) | (1 << (8 * size - 1))).to_bytes(size, "big")


def padded(data):
    return data + bytes(-len(data) % 512)


def pax(*records):
    """A pax header of raw records: (key, value), or bytes as they are."""
    body = b""
    for record in records:
        if not isinstance(record, bytes):
            text = b" " + record[0].encode() + b"=" + record[1] + b"\n"
            length = len(text)
            while length != len(text) + len(str(length)):
                length = len(text) + len(str(length))
            record = str(length).encode() + text
        body += record
    return header("pax", octal(len(body)), b"x") + padded(body)


END = bytes(1024)


def plain(name, data=b"data\n"):
    return header(name, octal(len(data))) + padded(data)


# Paths that lead out


@image("climb", "accept")
def climb():
    y = Layer()
    y.file("../../../../../../../../" + CANARY + "/climbed", "x")
    y.file("a/../../../b", "x")
    return [y]


@image("absolute", "accept")
def absolute():
    y = Layer()
    y.file(CANARY + "/absolute", "x")
    return [y]


@image("symlink-then-file", "either")
def symlink_then_file():
    y = Layer()
    y.link("l", CANARY)
    y.file("l/through", "x")
    y.link("up", "../../../../../../.." + CANARY)
    y.file("up/through", "x")
    return [y]


@image("symlink-then-file-across", "either")
def symlink_across():
    one, two = Layer(), Layer()
    one.link("l", CANARY)
    two.file("l/across", "x")
    two.whiteout("l/secret")
    two.opaque("l")
    return [one, two]


@image("symlink-file-overwritten", "accept")
def symlink_overwritten():
    one, two = Layer(), Layer()
    one.link("secret", CANARY + "/secret")
    two.file("secret", "overwritten\n")
    return [one, two]


@image("directory-becomes-symlink", "either")
def directory_swap():
    y = Layer()
    y.dir("d")
    y.file("d/one", "x")
    y.link("d", CANARY)
    y.file("d/two", "x")
    y.dir("d", 0o000)
    return [y]


@image("symlink-loop", "either")
def symlink_loop():
    y = Layer()
    y.link("a", "b")
    y.link("b", "a")
    y.file("a/x", "x")
    return [y]


@image("hardlink-to-host", "refuse")
def hardlink_host():
    y = Layer()
    y.hard("stolen", CANARY + "/secret")
    return [y]


@image("hardlink-climbs", "refuse")
def hardlink_climbs():
    y = Layer()
    y.hard("stolen", "../../../../../../../../.." + CANARY + "/secret")
    return [y]


@image("hardlink-to-symlink", "accept")
def hardlink_symlink():
    one, two = Layer(), Layer()
    one.link("l", CANARY + "/secret")
    one.hard("h", "l")
    two.file("h", "replaced, not written through\n")
    return [one, two]


@image("hardlink-through-symlink", "refuse")
def hardlink_through():
    y = Layer()
    y.link("l", CANARY)
    y.hard("stolen", "l/secret")
    return [y]


@image("hardlink-to-itself", "refuse")
def hardlink_self():
    y = Layer()
    y.hard("self", "self")
    return [y]


@image("hardlink-forward", "refuse")
def hardlink_forward():
    y = Layer()
    y.hard("before", "after")
    y.file("after", "x")
    return [y]


@image("hardlink-to-directory", "refuse")
def hardlink_directory():
    y = Layer()
    y.dir("d")
    y.hard("l", "d")
    return [y]


# What import itself writes


@image("etc-is-a-link", "accept")
def etc_link():
    y = Layer()
    y.link("etc", CANARY)
    return [y]


@image("four-files-are-links", "accept")
def four_links():
    y = Layer()
    y.dir("etc")
    for name in ("rc", "rc.local", "environment", "fstab"):
        y.link("etc/" + name, CANARY + "/secret")
    return [y]


@image("four-files-are-odd", "accept")
def four_odd():
    y = Layer()
    y.dir("etc")
    y.file("other", "keeps its content\n")
    y.fifo("etc/environment")
    y.dir("etc/rc")
    y.file("etc/rc/child", "x")
    y.hard("etc/fstab", "other")
    y.dir("etc/rc.local")
    return [y]


@image("devices", "accept")
def devices():
    y = Layer()
    y.device("mem", tarfile.CHRTYPE, 1, 1)
    y.device("disk", tarfile.BLKTYPE, 8, 0)
    y.device("whiteout-like", tarfile.CHRTYPE, 0, 0)
    y.dir("dev")
    y.file("dev/null", "a file in the place of a device\n")
    return [y]


# Whiteouts


@image("whiteout-bare", "refuse")
def whiteout_bare():
    y = Layer()
    y.dir("d")
    y.file("d/.wh.", "")
    return [y]


@image("whiteout-dot", "refuse")
def whiteout_dot():
    y = Layer()
    y.dir("d")
    y.file("d/.wh..", "")
    return [y]


@image("whiteout-dotdot", "refuse")
def whiteout_dotdot():
    y = Layer()
    y.dir("d")
    y.file("d/.wh...", "")
    return [y]


@image("whiteout-odd", "accept")
def whiteout_odd():
    one, two = Layer(), Layer()
    one.dir("d")
    for name in "abc":
        one.file("d/" + name, "x")
    two.dir("d/.wh.a")
    two.link("d/.wh.b", CANARY)
    two.file("d/.wh.c", "with content")
    two.file("d/.wh..wh.plnk", "aufs' own")
    return [one, two]


# Names


@image("name-256", "refuse")
def name_256():
    y = Layer()
    y.file("n" * 256, "x")
    return [y]


@image("deep", "refuse")
def deep():
    y = Layer()
    y.file("d/" * 1100 + "leaf", "x")
    return [y]


@image("deep-100k", "refuse")
def deep_100k():
    y = Layer()
    y.file("d/" * 100000 + "leaf", "x")
    return [y]


@image("deep-by-links", "either")
def deep_by_links():
    y = Layer()
    y.dir("a")
    for i in range(45):
        y.link("a/l%d" % i, "." if i == 0 else "l%d/l%d" % (i - 1, i - 1))
    y.file("a/l44/x", "x")
    return [y]


@image("nul-in-pax-path", "refuse")
def nul_path():
    return [pax(("path", b"good\0/../bad")) + plain("x") + END]


@image("dots-and-cases", "accept")
def dots():
    y = Layer()
    for name in ("foo/bar", "FOO/bar", "./foo//bar", "foo/./bar", "foo/x/../bar"):
        y.file(name, name)
    y.dir("foo/.")
    y.dir("./foo//")
    y.dir(".")
    y.dir("/")
    return [y]


@image("file-as-directory", "either")
def file_as_directory():
    y = Layer()
    y.file("f", "x")
    y.file("f/child", "x")
    return [y]


@image("root-is-a-file", "either")
def root_file():
    return [plain("./") + plain("/") + plain("..") + END]


@image("root-whiteout", "either")
def root_whiteout():
    one, two = Layer(), Layer()
    one.file("a", "x")
    two.opaque(".")
    return [one, two]


# Sizes


@image("size-negative", "refuse")
def size_negative():
    return [header("f", base256(-1)) + END]


@image("size-2-63", "refuse")
def size_63():
    return [header("f", base256((1 << 63) - 1)) + bytes(2048)]


@image("size-2-64", "refuse")
def size_64():
    return [header("f", base256((1 << 64) - 1)) + bytes(2048)]


@image("size-2-70", "refuse")
def size_70():
    return [header("f", base256(1 << 70)) + bytes(2048)]


@image("size-wraps-when-rounded", "refuse")
def size_wraps():
    return [header("f", base256((1 << 64) - 511)) + bytes(2048)]


@image("size-in-pax-negative", "refuse")
def pax_size_negative():
    return [pax(("size", b"-1")) + plain("f") + END]


@image("size-in-pax-huge", "refuse")
def pax_size_huge():
    return [pax(("size", b"18446744073709551615")) + plain("f") + END]


@image("size-not-octal", "refuse")
def size_text():
    return [header("f", b"zzzzzzzzzzz\0") + END]


@image("longname-1g", "refuse")
def longname_1g():
    return [header("././@LongLink", octal(1 << 30), b"L", magic=b"ustar  \0") + bytes(4096)]


@image("pax-1g", "refuse")
def pax_1g():
    return [header("pax", octal(1 << 30), b"x") + bytes(4096)]


@image("pax-global-1g", "refuse")
def pax_global_1g():
    return [header("pax", octal(1 << 30), b"g") + bytes(4096)]


@image("pax-record-length", "refuse")
def pax_record():
    return [pax(b"99999 path=x\n") + plain("f") + END]


@image("pax-record-without-newline", "refuse")
def pax_newline():
    return [pax(b"8 path=x") + plain("f") + END]


@image("sparse-huge", "refuse")
def sparse_huge():
    map_ = b"1\n0\n1\n"
    records = (
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"huge"),
        ("GNU.sparse.realsize", b"1152921504606846976"),
    )
    return [pax(*records) + header("f", octal(512 + 1)) + padded(map_) + padded(b"x") + END]


@image("sparse-map-overflows", "refuse")
def sparse_overflow():
    map_ = b"2\n0\n1\n9223372036854775807\n9223372036854775807\n"
    records = (
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"f"),
        ("GNU.sparse.realsize", b"10"),
    )
    return [pax(*records) + header("f", octal(512 + 1)) + padded(map_) + padded(b"x") + END]


@image("sparse-map-endless", "refuse")
def sparse_endless():
    records = (
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"f"),
        ("GNU.sparse.realsize", b"10"),
    )
    return [pax(*records) + header("f", octal(1024)) + padded(b"99999999999\n0\n1\n") + bytes(512) + END]


@image("xattr-1m", "either")
def xattr_large():
    return [pax(("SCHILY.xattr.user.big", b"v" * (1 << 20))) + plain("f") + END]


@image("xattr-nul-name", "either")
def xattr_nul():
    return [pax(("SCHILY.xattr.user.a\0b", b"v")) + plain("f") + END]


@image("symlink-empty", "either")
def symlink_empty():
    return [header("l", kind=b"2") + END]


@image("symlink-70000", "either")
def symlink_long():
    return [pax(("linkpath", b"t" * 70000)) + header("l", kind=b"2", link=b"t") + END]


@image("times-wild", "accept")
def times_wild():
    return [pax(("mtime", b"-99999999999.5")) + plain("a") + pax(("mtime", b"99999999999999")) + plain("b") + END]


@image("ids-wild", "accept")
def ids_wild():
    return [pax(("uid", b"4294967295"), ("gid", b"99999999999")) + plain("a") + END]


# Broken archives


@image("checksum", "refuse")
def checksum():
    return [header("f", fix=False) + END]


@image("cut-in-data", "refuse")
def cut_data():
    return [header("f", octal(100000)) + b"x" * 5000]


@image("cut-in-header", "refuse")
def cut_header():
    return [plain("a") + header("f")[:300]]


@image("cut-gzip", "refuse")
def cut_gzip():
    return [("raw-gzip", gzip.compress(plain("a", os.urandom(20000)) + END, mtime=0)[:-3000])]


@image("no-end", "either")
def no_end():
    return [plain("a")]


@image("lone-pax", "either")
def lone_pax():
    return [plain("a") + pax(("path", b"b")) + END]


@image("not-a-tar", "refuse")
def not_a_tar():
    return [b"this is no archive at all, whatever the manifest says\n" * 100]


@image("gzip-crc", "refuse")
def gzip_crc():
    data = bytearray(gzip.compress(plain("a") + END, mtime=0))
    data[-6] ^= 0xFF
    return [("raw-gzip", bytes(data))]


@image("gzip-garbage-behind", "either")
def gzip_garbage():
    return [("raw-gzip", gzip.compress(plain("a") + END, mtime=0) + b"garbage")]


@image("zstd-window", "refuse")
def zstd_window():
    # Frame header with a window descriptor of 3.75 TiB (RFC 8878, 3.1.1.1.2).
    return [("raw-zstd", struct.pack("<I", 0xFD2FB528) + b"\x00\xff" + b"\x01\x00\x00")]


@image("zstd-cut", "refuse")
def zstd_cut():
    data = subprocess.run(["zstd", "-q", "-c"], input=os.urandom(50000), stdout=subprocess.PIPE, check=True).stdout
    return [("raw-zstd", data[:-100])]


@image("raw-not-the-diff-id", "refuse")
def wrong_diff_id():
    return [("raw-gzip", gzip.compress(plain("a") + END, mtime=0))]


def build(top, name, layers):
    options = []
    for i, layer in enumerate(layers):
        kind = "gzip"
        if isinstance(layer, Layer):
            layer = layer.done()
        elif isinstance(layer, tuple):
            kind, layer = layer
        path = os.path.join(top, "%s-%d.layer" % (name, i))
        with open(path, "wb") as f:
            f.write(layer)
        options += ["--layer", "%s:%s" % (kind, path)]
    command = [sys.executable, os.path.join(HERE, "oci-layout.py"), "--out", os.path.join(top, name), "--tag", "1"]
    subprocess.run(command + options, stdout=subprocess.DEVNULL, check=True)
    for path in options[1::2]:
        os.unlink(path.split(":", 1)[1])


def main():
    global CANARY
    top, CANARY = sys.argv[1], os.path.abspath(sys.argv[2])
    os.makedirs(top, exist_ok=True)
    with open(os.path.join(top, "list"), "w") as f:
        for name, (what, make) in IMAGES.items():
            build(top, name, make())
            f.write("%s %s\n" % (name, what))


if __name__ == "__main__":
    main()
