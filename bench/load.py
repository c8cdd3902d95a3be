"""load and remove, next to tar and rm on the same tree. A module of bench/run.

Nobody here syncs: what is measured is how soon the tree is there, in the page cache or on the disk. The floor reads the
merged tree from one uncompressed tar in the page cache; load reads compressed layers, hashes and merges them.
"""
import os
import subprocess

from lib import say


def merged_tar(bench, name):
    """The tree that load makes, as one tar; its folder."""
    home = bench.m.folder("merged-" + name)
    env = bench.m.environment(home, ENROOT_DATA_PATH=home + "/data")
    bench.m.measure(["enroot", "load", "-q", "-n", "c", bench.reference(name)], env)
    bench.m.measure(["tar", "-C", home + "/data/c", "-cf", home + "/merged.tar", "."], env)
    bench.m.remove(home + "/data")
    bench.m.remove(home + "/.cache")
    return home


def into_page_cache(path):
    with open(path, "rb") as f:
        while f.read(1 << 20):
            pass
    os.sync()


def load_once(bench, part, row, name, home):
    env = bench.m.environment(home, ENROOT_DATA_PATH=home + "/data")
    bench.results.add(part, row, bench.m.measure(["enroot", "load", "-q", "-n", "c", bench.reference(name)], env))
    return env


def compare(bench, name, runs):
    part, removal = "load, %s (nobody syncs)" % name, "remove, %s" % name
    say(part)
    folder = merged_tar(bench, name)
    removed = []
    for _ in range(runs):
        home = bench.m.folder("load")
        into_page_cache(folder + "/merged.tar")
        env = load_once(bench, part, "enroot load, cold, with the download", name, home)
        os.sync()
        removed.append(("enroot remove", bench.m.measure(["enroot", "remove", "-f", "c"], env)))
        into_page_cache(folder + "/merged.tar")
        load_once(bench, part, "enroot load, layers in the cache", name, home)
        bench.m.remove(home)
        home = bench.m.folder("load")
        env = bench.m.environment(home)
        subprocess.run(bench.m.as_user(["mkdir", home + "/c"]), check=True)
        into_page_cache(folder + "/merged.tar")
        peer = ["tar", "-C", home + "/c", "-xf", folder + "/merged.tar"]
        bench.results.add(part, "tar x of the merged tree, from the page cache", bench.m.measure(peer, env))
        os.sync()
        removed.append(("rm -rf", bench.m.measure(["rm", "-rf", home + "/c"], env)))
        bench.m.remove(home)
    bench.m.remove(folder)
    for row, result in removed:
        bench.results.add(removal, row, result)
    r, floor = bench.results, (part, "tar x of the merged tree, from the page cache")
    for row in ("enroot load, cold, with the download", "enroot load, layers in the cache"):
        r.target("load, %s, %s: to tar x" % (name, row.split(", ", 1)[1]), r.ratio((part, row), floor), 1.5, True)
    r.target("remove, %s: to rm -rf" % name, r.ratio((removal, "enroot remove"), (removal, "rm -rf")), 1.0, True)


def part(bench):
    for name, many, few in bench.chosen((("middle", 5, 3), ("large", 2, 1))):
        bench.image(name)
        compare(bench, name, bench.runs(many, few))
