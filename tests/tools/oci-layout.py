#!/usr/bin/env python3
"""Make an OCI layout from layer tars, byte for byte the same every time.

usage: oci-layout.py --out DIR [--tag TAG] [--layer COMPRESSION:FILE]… [--env K=V]… [--label K=V]…
                     [--entrypoint WORD]… [--cmd WORD]… [--volume PATH]… [--workdir DIR] [--user USER]
                     [--created TIME] [--arch ARCH] [--docker]

COMPRESSION is none, gzip, gzip-multi (several members), zstd, zstd-multi (several frames, skippable ones
between), ready-gzip for a good gzip file, or raw-gzip and raw-zstd for bytes that are no good (the diff_id is
made up). With --docker the manifest is a Docker schema 2 one. Prints the manifest's digest.
"""
import argparse
import gzip
import hashlib
import json
import os
import re
import struct
import subprocess
import sys

MEDIA = {
    "oci": {
        "manifest": "application/vnd.oci.image.manifest.v1+json",
        "config": "application/vnd.oci.image.config.v1+json",
        "none": "application/vnd.oci.image.layer.v1.tar",
        "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
        "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    },
    "docker": {
        "manifest": "application/vnd.docker.distribution.manifest.v2+json",
        "config": "application/vnd.docker.container.image.v1+json",
        "none": "application/vnd.docker.image.rootfs.diff.tar",
        "gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd",
    },
}


def zstd(data):
    return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def compress(kind, data):
    if kind == "none" or kind.startswith(("raw-", "ready-")):
        return data
    if kind == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if kind == "zstd":
        return zstd(data)
    cut = len(data) // 3
    parts = [data[:cut], b"", data[cut:]]
    if kind == "gzip-multi":
        return b"".join(gzip.compress(p, 6, mtime=0) for p in parts)
    if kind == "zstd-multi":
        skip = struct.pack("<II", 0x184D2A50, 5) + b"hello"
        return skip + skip.join(zstd(p) for p in parts) + skip
    sys.exit("unknown compression " + kind)


class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.join(path, "blobs", "sha256"), exist_ok=True)
        with open(os.path.join(path, "oci-layout"), "w") as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.path, "blobs", "sha256", digest), "wb") as f:
            f.write(data)
        return "sha256:" + digest

    def document(self, doc):
        data = json.dumps(doc, separators=(",", ":")).encode()
        return self.blob(data), len(data)


def image_config(args, diff_ids):
    config = {
        "Env": args.env or ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Entrypoint": args.entrypoint or None,
        "Cmd": args.cmd or None,
        "WorkingDir": args.workdir,
        "Volumes": {v: {} for v in args.volume} or None,
        "Labels": dict(label.split("=", 1) for label in args.label) or None,
        "User": args.user,
    }
    return {
        "created": args.created,
        "architecture": args.arch,
        "os": "linux",
        "config": {k: v for k, v in config.items() if v},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": args.created, "created_by": "layer %d" % i} for i in range(len(diff_ids))],
    }


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--tag", default="latest")
    p.add_argument("--created", default="2024-01-02T03:04:05Z")
    p.add_argument("--arch", default={"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "amd64"))
    p.add_argument("--workdir")
    p.add_argument("--user")
    p.add_argument("--docker", action="store_true")
    for name in ("layer", "env", "label", "entrypoint", "cmd", "volume"):
        p.add_argument("--" + name, action="append", default=[])
    args = p.parse_args()

    media = MEDIA["docker" if args.docker else "oci"]
    layout = Layout(args.out)
    layers, diff_ids = [], []
    for layer in args.layer:
        kind, path = layer.split(":", 1)
        with open(path, "rb") as f:
            data = f.read()
        tar = gzip.decompress(data) if kind == "ready-gzip" else data
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        packed = compress(kind, data)
        layers.append({"mediaType": media[re.sub("^(raw|ready)-", "", kind).split("-")[0]], "digest": layout.blob(packed), "size": len(packed)})

    digest, size = layout.document(image_config(args, diff_ids))
    manifest = {
        "schemaVersion": 2,
        "mediaType": media["manifest"],
        "config": {"mediaType": media["config"], "digest": digest, "size": size},
        "layers": layers,
    }
    digest, size = layout.document(manifest)
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": media["manifest"],
                "digest": digest,
                "size": size,
                "annotations": {"org.opencontainers.image.ref.name": args.tag},
            }
        ],
    }
    with open(os.path.join(args.out, "index.json"), "w") as f:
        json.dump(index, f)
    print(digest)


if __name__ == "__main__":
    main()
