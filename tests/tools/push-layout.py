#!/usr/bin/env python3
"""Push an image of an OCI layout to a registry on loopback, its bytes as they are (skopeo recompresses).

usage: push-layout.py LAYOUT:TAG HOST:PORT/NAME:TAG
"""
import http.client
import json
import os
import sys


class Registry:
    def __init__(self, host, name):
        self.connection = http.client.HTTPConnection(host, timeout=60)
        self.name = name

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer, text

    def blob(self, digest, path):
        answer, _ = self.ask("HEAD", "/v2/%s/blobs/%s" % (self.name, digest))
        if answer.status == 200:
            return
        answer, text = self.ask("POST", "/v2/%s/blobs/uploads/" % self.name, b"")
        if answer.status != 202:
            sys.exit("upload: %d %s" % (answer.status, text))
        where = answer.getheader("Location")
        if where.startswith("http://"):
            where = "/" + where.split("/", 3)[3]
        where += ("&" if "?" in where else "?") + "digest=" + digest
        with open(path, "rb") as f:
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(os.path.getsize(path))}
            answer, text = self.ask("PUT", where, f, headers)
        if answer.status != 201:
            sys.exit("blob %s: %d %s" % (digest, answer.status, text))

    def manifest(self, tag, media, data):
        path = "/v2/%s/manifests/%s" % (self.name, tag)
        answer, text = self.ask("PUT", path, data, {"Content-Type": media})
        if answer.status != 201:
            sys.exit("manifest: %d %s" % (answer.status, text))


def main():
    layout, tag = sys.argv[1].rsplit(":", 1)
    host, rest = sys.argv[2].split("/", 1)
    name, target = rest.rsplit(":", 1)

    def blob_path(digest):
        return os.path.join(layout, "blobs", *digest.split(":"))

    with open(os.path.join(layout, "index.json")) as f:
        found = [
            m for m in json.load(f)["manifests"]
            if m.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag
        ]
    if not found:
        sys.exit("no tag %s in %s" % (tag, layout))
    with open(blob_path(found[0]["digest"]), "rb") as f:
        data = f.read()
    manifest = json.loads(data)
    registry = Registry(host, name)
    for part in [manifest["config"]] + manifest["layers"]:
        registry.blob(part["digest"], blob_path(part["digest"]))
    registry.manifest(target, found[0]["mediaType"], data)


if __name__ == "__main__":
    main()
