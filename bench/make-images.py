#!/usr/bin/env python3
"""Make the images of the benchmark, once: make-images.py CACHE HOST:PORT [NAME…]

Pushes each to the registry at HOST:PORT (whose storage is CACHE/registry) as bench/NAME:1, and writes
CACHE/NAME.json: the layers' blobs, where the live file data lies in their tars (for floor-import), the number of
entries and bytes. Names: small middle large files-10k files-100k files-1m.

The large image is made of real Debian packages, unpacked, a layer for each group; its top layer changes and
removes some of what is below, as images do.
"""
import fcntl
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, "..", "tests", "tools")
VERSION = 4

# A layer each; about 3.5 GB in all, a third of it in small files: a development image as people make them.
GROUPS = (
    ("gcc-12", "g++-12", "cpp-12", "libstdc++-12-dev", "libboost1.74-dev"),
    ("linux-image-amd64*",),
    ("libllvm14", "llvm-14-dev", "libclang-cpp14"),
    ("python3-numpy", "python3-scipy", "python3-pandas-lib", "python3-sympy", "python3-matplotlib", "python3-django",
     "python3-sklearn", "libpython3.11-stdlib", "libpython3.11-dev"),
    ("libreoffice-core", "libreoffice-common"),
    ("openjdk-17-jdk-headless", "openjdk-17-jre-headless"),
    ("golang-1.19-src",),
    ("chromium",),
    ("texlive-latex-extra", "texlive-latex-recommended", "texlive-fonts-recommended", "libjs-mathjax"),
    ("rust-src", "rust-doc"),
    ("fonts-noto-cjk", "perl-modules-5.36", "vim-runtime", "git", "emacs-common"),
)
TAR = ["tar", "--sort=name", "--mtime=@1700000000", "--owner=0", "--group=0", "--numeric-owner", "--format=pax"]
TAR += ["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]


def run(*command, **more):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **more)


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def real_package(name):
    """linux-image-amd64* stands for the package that linux-image-amd64 depends on."""
    if not name.endswith("*"):
        return name
    out = subprocess.run(
        ["apt-cache", "depends", "--no-recommends", name[:-1]], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    return [line.split()[-1] for line in out.splitlines() if "Depends:" in line][0]


def merge_usr(tree):
    """Debian's /bin, /lib, … are links into /usr; packages may still hold them as directories."""
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = os.path.join(tree, name)
        if os.path.isdir(path) and not os.path.islink(path):
            os.makedirs(os.path.join(tree, "usr", name), exist_ok=True)
            run("cp", "-a", path + "/.", os.path.join(tree, "usr", name))
            shutil.rmtree(path)


def package_layer(cache, work, number, names):
    debs = os.path.join(work, "debs")
    tree = os.path.join(work, "tree-%d" % number)
    os.makedirs(debs, exist_ok=True)
    os.makedirs(tree)
    names = [real_package(n) for n in names]
    say("layer %d: %s" % (number, " ".join(names)))
    run("apt-get", "-q", "-q", "-o", "APT::Sandbox::User=root", "download", *names, cwd=debs)
    for deb in sorted(os.listdir(debs)):
        run("dpkg-deb", "-x", os.path.join(debs, deb), tree)
    shutil.rmtree(debs)
    merge_usr(tree)
    out = os.path.join(work, "%02d.tar" % number)
    run(*TAR, "-C", tree, "-cf", out, ".")
    shutil.rmtree(tree)
    return out


def top_layer(work, below):
    """Changed files, new files, whiteouts and an opaque directory."""
    sys.path.insert(0, TOOLS)
    from layer import Layer, noise

    y = Layer()
    names = sorted(m.name for m in tarfile.open(below) if m.isreg() and "/doc/" in m.name)
    for name in names[:40:2]:
        y.whiteout(name[2:] if name.startswith("./") else name)
    for i in range(200):
        y.file("opt/app/module-%03d.py" % i, "# module %d\n" % i + "x = %d\n" % i * 300)
    y.file("opt/app/weights.bin", noise("weights", 20 << 20))
    y.dir("usr/share/vim")
    y.opaque("usr/share/vim")
    y.file("etc/app.conf", "changed = yes\n")
    path = os.path.join(work, "99.tar")
    with open(path, "wb") as f:
        f.write(y.done())
    return path


def compress(paths, level):
    """gzip, as many at a time as there are processors."""
    running = []
    for path in paths:
        while len(running) >= (os.cpu_count() or 1):
            if running.pop(0).wait():
                sys.exit("gzip failed")
        running.append(subprocess.Popen(["gzip", "-n", "-f", "-%d" % level, path]))
    if any(p.wait() for p in running):
        sys.exit("gzip failed")
    return [path + ".gz" for path in paths]


def files_tar(work, count):
    """COUNT files of a few bytes, a thousand a directory, with headers made by hand: tarfile takes a minute."""
    path = os.path.join(work, "files.tar")

    def block(name, size, kind, mode):
        fields = name.ljust(100, b"\0") + mode + b"0000000\0" * 2 + b"%011o\0" % size
        fields += b"14502712400\0" + b" " * 8 + kind + bytes(100) + b"ustar\00000"
        fields = fields.ljust(512, b"\0")
        return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]

    with open(path, "wb", buffering=1 << 20) as f:
        f.write(block(b"srv/", 0, b"5", b"0000755\0"))
        for i in range(count):
            if i % 1000 == 0:
                f.write(block(b"srv/directory-%04d/" % (i // 1000), 0, b"5", b"0000755\0"))
            data = b"the content of file number %d\n" % i
            f.write(block(b"srv/directory-%04d/file-%07d.dat" % (i // 1000, i), len(data), b"0", b"0000644\0"))
            f.write(data.ljust(512, b"\0"))
        f.write(bytes(1024))
    return path


class Merge:
    """Which file data is live, for the floor: last name wins, whiteouts hide. Returns extents by layer."""

    def __init__(self):
        self.tree = {}

    def remove(self, path, children_only=False):
        node = self.tree
        parts = [p for p in path.split("/") if p not in ("", ".")]
        for part in parts[:-1] if not children_only else parts:
            node = node.get(part)
            if not isinstance(node, dict):
                return
        if children_only:
            node.clear()
        elif parts:
            node.pop(parts[-1], None)

    def add(self, path, value):
        node = self.tree
        parts = [p for p in path.split("/") if p not in ("", ".")]
        if not parts:
            return
        for part in parts[:-1]:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        if isinstance(value, dict) and isinstance(node.get(parts[-1]), dict):
            return
        node[parts[-1]] = value

    def layer(self, number, path):
        entries = []
        with gzip.open(path) as raw, tarfile.open(fileobj=io.BufferedReader(raw, 1 << 20), mode="r|") as tar:
            for m in tar:
                head, _, tail = m.name.rpartition("/")
                if tail == ".wh..wh..opq":
                    self.remove(head, True)
                elif tail.startswith(".wh."):
                    self.remove(head + "/" + tail[4:])
                else:
                    data = (number, m.offset_data, m.size) if m.isreg() else {} if m.isdir() else None
                    entries.append((m.name, data))
        for name, data in entries:
            self.add(name, data)

    def walk(self):
        stack, entries, extents = [self.tree], 0, {}
        while stack:
            for value in stack.pop().values():
                entries += 1
                if isinstance(value, dict):
                    stack.append(value)
                elif value and value[2]:
                    extents.setdefault(value[0], []).append(value[1:])
        return entries, extents


def finish(cache, registry, name, layers, work, cmd="/bin/bash"):
    """Push the layers (gzip files) and describe the image."""
    layout = os.path.join(work, "layout")
    command = [os.path.join(TOOLS, "oci-layout.py"), "--out", layout, "--tag", "1", "--cmd", cmd]
    for path in layers:
        command += ["--layer", "ready-gzip:" + path]
    run(*command, stdout=subprocess.DEVNULL)
    target = "docker://%s/bench/%s:1" % (registry, name)
    run("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", "oci:%s:1" % layout, target)

    merge = Merge()
    for number, path in enumerate(layers):
        merge.layer(number, path)
    entries, extents = merge.walk()
    described, tar_bytes = [], 0
    for number, path in enumerate(layers):
        digest = subprocess.run(["sha256sum", path], stdout=subprocess.PIPE, check=True, text=True).stdout[:64]
        listed = os.path.join(cache, "extents", digest)
        os.makedirs(os.path.dirname(listed), exist_ok=True)
        with open(listed, "w") as f:
            for offset, length in sorted(extents.get(number, ())):
                f.write("%d %d\n" % (offset, length))
        blob = "registry/docker/registry/v2/blobs/sha256/%s/%s/data" % (digest[:2], digest)
        described.append({"blob": blob, "extents": "extents/" + digest})
        with gzip.open(path) as f:
            while True:
                n = len(f.read(1 << 20))
                tar_bytes += n
                if not n:
                    break
    info = {
        "version": VERSION,
        "layers": described,
        "entries": entries,
        "live_bytes": sum(e[1] for x in extents.values() for e in x),
        "tar_bytes": tar_bytes,
        "blob_bytes": sum(os.path.getsize(p) for p in layers),
    }
    with open(os.path.join(cache, name + ".json.part"), "w") as f:
        json.dump(info, f, indent=1)
    os.rename(os.path.join(cache, name + ".json.part"), os.path.join(cache, name + ".json"))
    say("%s: %d layers, %d entries, %d MB of tar" % (name, len(layers), entries, tar_bytes // 1000000))


def debian(work):
    path = os.path.join(work, "00.tar")
    run(os.path.join(TOOLS, "make-debian.sh"), path, env=dict(os.environ, ENROOT_TEST_CACHE=""))
    return path


def make(cache, registry, name):
    work = os.path.join(cache, "work-" + name)
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    cmd = "/bin/bash"
    if name == "small":
        tars, level, cmd = [os.path.join(work, "00.tar")], 6, "/bin/sh"
        run(os.path.join(TOOLS, "make-busybox.sh"), tars[0])
    elif name == "middle":
        tars, level = [debian(work)], 6
        tars.append(package_layer(cache, work, 1, ("perl-modules-5.36", "libpython3.11-stdlib")))
    elif name == "large":
        tars, level = [debian(work)], 6
        tars += [package_layer(cache, work, i + 1, group) for i, group in enumerate(GROUPS)]
        tars.append(top_layer(work, tars[-1]))
    else:
        tars, level = [files_tar(work, {"10k": 10000, "100k": 100000, "1m": 1000000}[name[6:]])], 1
    finish(cache, registry, name, compress(tars, level), work, cmd)
    shutil.rmtree(work)


def current(cache, name):
    try:
        with open(os.path.join(cache, name + ".json")) as f:
            return json.load(f)["version"] == VERSION
    except (OSError, ValueError, KeyError):
        return False


def main():
    cache, registry, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    lock = open(os.path.join(cache, "images.lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    for name in names:
        if not current(cache, name):
            say("making the image " + name)
            make(cache, registry, name)


if __name__ == "__main__":
    main()
