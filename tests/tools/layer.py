"""One layer of an image: a tar with every kind of entry, made from calls. A module of the make-*.py scripts."""
import hashlib
import io
import os
import tarfile

T0 = 1600000000


def noise(name, size):
    """Bytes that do not compress, a function of the name."""
    out = bytearray()
    block = name.encode()
    while len(out) < size:
        block = hashlib.sha512(block).digest()
        out += block
    return bytes(out[:size])


class Layer:
    def __init__(self, fmt=tarfile.PAX_FORMAT):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(
            fileobj=self.buffer, mode="w", format=fmt, encoding="utf-8", errors="surrogateescape"
        )
        self.clock = T0

    def entry(self, name, kind, mode, mtime=None, uid=0, gid=0, pax=None):
        info = tarfile.TarInfo(os.fsdecode(name))
        info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
        self.clock += 7
        info.mtime = self.clock if mtime is None else mtime
        info.pax_headers = pax or {}
        return info

    def dir(self, name, mode=0o755, **more):
        self.tar.addfile(self.entry(name, tarfile.DIRTYPE, mode, **more))

    def file(self, name, data=b"", mode=0o644, **more):
        if isinstance(data, str):
            data = data.encode()
        info = self.entry(name, tarfile.REGTYPE, mode, **more)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))

    def link(self, name, target, kind=tarfile.SYMTYPE, **more):
        info = self.entry(name, kind, 0o777 if kind == tarfile.SYMTYPE else 0o644, **more)
        info.linkname = os.fsdecode(target)
        self.tar.addfile(info)

    def hard(self, name, target, **more):
        self.link(name, target, tarfile.LNKTYPE, **more)

    def fifo(self, name, mode=0o644):
        self.tar.addfile(self.entry(name, tarfile.FIFOTYPE, mode))

    def device(self, name, kind, major, minor):
        info = self.entry(name, kind, 0o666)
        info.devmajor, info.devminor = major, minor
        self.tar.addfile(info)

    def whiteout(self, name):
        head, _, tail = name.rpartition("/")
        self.file((head + "/" if head else "") + ".wh." + tail)

    def opaque(self, name):
        self.file(name + "/.wh..wh..opq")

    def done(self):
        self.tar.close()
        return self.buffer.getvalue()
