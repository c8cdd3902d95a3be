"""Starting cached images, and fetching over a bad network. Two parts of bench/run."""
import json
import os
import subprocess
import time

from lib import TOOLS, say

CACHED = "start, a cached image by its URI, /bin/true"
MIB = 1 << 20


def cached(bench):
    """Each way in turn, so that a busy moment meets all of them."""
    say(CACHED)
    image, uri = bench.own_image("small"), bench.reference("small")
    home = bench.m.folder("cached")
    env = bench.m.environment(home)
    bench.m.measure(["enroot", "start", uri, "/bin/true"], env)
    digest = subprocess.run(bench.m.as_user(["enroot", "digest", uri]), env=env, stdout=subprocess.PIPE, check=True, text=True)
    by_digest = uri.rsplit(":", 1)[0] + "@" + digest.stdout.strip()
    bench.m.measure(["enroot", "start", by_digest, "/bin/true"], env)
    rows = (
        ("enroot start IMAGE", ["enroot", "start", image, "/bin/true"]),
        ("enroot digest URI", ["enroot", "digest", uri]),
        ("enroot start URI", ["enroot", "start", uri, "/bin/true"]),
        ("enroot start --offline URI", ["enroot", "start", "--offline", uri, "/bin/true"]),
        ("enroot start URI@DIGEST", ["enroot", "start", by_digest, "/bin/true"]),
    )
    for _ in range(bench.runs(10, 4)):
        for row, line in rows:
            bench.results.add(CACHED, row, bench.m.measure(line, env, runs=bench.runs(20, 10), warm=2))
    r = bench.results
    start, ask, warm = (r.wall(CACHED, rows[i][0]) for i in range(3))
    if start and ask and warm:
        r.target("start URI, cached: to digest URI and start IMAGE", warm / (start + ask), 1.1, True)
    for row, _ in rows[3:]:
        r.target("%s, cached: to start IMAGE" % row[7:], r.ratio((CACHED, row), (CACHED, rows[0][0])), 1.1, True)


class Proxy:
    """tests/tools/fault-proxy.py in front of the bench's registry."""

    def __init__(self, bench, *options):
        folder = bench.m.folder("proxy")
        command = [TOOLS + "/fault-proxy.py", "--upstream", bench.m.registry, "--port-file", folder + "/port"]
        self.log = folder + "/log"
        self.process = subprocess.Popen(command + ["--log", self.log] + list(options), stdin=subprocess.PIPE)
        while not os.path.exists(folder + "/port"):
            if self.process.poll() is not None:
                raise RuntimeError("the proxy does not start")
            time.sleep(0.02)
        with open(folder + "/port") as f:
            self.host = "127.0.0.1:" + f.read()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait()

    def requests(self):
        with open(self.log) as f:
            return sum(1 for line in f if "/blobs/" in line)


def random_image(bench, name, layers):
    """An image of LAYERS of incompressible bytes (sizes in MiB), pushed once."""
    done = os.path.join(bench.m.cache, name + ".json")
    if os.path.exists(done):
        return
    folder = bench.m.folder("random")
    options = []
    for i, size in enumerate(layers):
        path = "%s/%d" % (folder, i)
        with open(path, "wb") as f:
            for _ in range(size):
                f.write(os.urandom(MIB))
        subprocess.run(["tar", "-C", folder, "-cf", path + ".tar", str(i)], check=True)
        options += ["--layer", "none:%s.tar" % path]
    layout = [TOOLS + "/oci-layout.py", "--out", folder + "/layout", "--tag", "1"] + options
    subprocess.run(layout, check=True, stdout=subprocess.DEVNULL)
    target = "%s/bench/%s:1" % (bench.m.registry, name)
    subprocess.run([TOOLS + "/push-layout.py", folder + "/layout:1", target], check=True)
    bench.m.remove(folder)
    with open(done, "w") as f:
        json.dump({"name": name, "layers": layers}, f)


NETWORKS = (
    ("clean", []),
    ("50 ms latency", ["--latency", "50"]),
    ("50 ms latency, 1 % of answers cut", ["--latency", "50", "--cut", "1"]),
    ("50 ms latency, 10 % of answers cut", ["--latency", "50", "--cut", "10"]),
)


def network(bench):
    """All of an image through one link of a fixed rate, so that the rate does not hide behind this machine's."""
    sizes = [64] * 4 + [24] * 4 + [1] * 16
    part = "import over a bad network, %d MiB at 100 MiB/s" % sum(sizes)
    say(part)
    random_image(bench, "random", sizes)
    for seed in range(bench.runs(5, 2)):
        for row, options in NETWORKS:
            home = bench.m.folder("network")
            env = bench.m.environment(home, ENROOT_SQUASH_OPTIONS="-noD -noF -noI")
            with Proxy(bench, "--rate", str(100 * MIB), "--seed", str(seed), *options) as proxy:
                uri = "docker://%s#bench/random:1" % proxy.host
                result = bench.m.measure(["enroot", "import", "-o", home + "/out.sqsh", uri], env)
                say("%s: %d requests for blobs, %s s" % (row, proxy.requests(), result and result["wall"]))
            bench.results.add(part, row, result)
            bench.m.remove(home)
    r, clean = bench.results, (part, NETWORKS[0][0])
    for row, _ in NETWORKS[1:]:
        limit = 0.8 if "10 %" not in row else 0.7
        r.target("import, %s: throughput to the clean network's" % row, r.ratio(clean, (part, row)), limit, False)
