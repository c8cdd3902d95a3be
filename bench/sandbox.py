"""What running in a container costs: starts against peers, many starts, memory and system calls inside. A part of bench/run."""
import json
import os
import re
import statistics
import subprocess

from lib import HERE, quietly, say

STARTS = "start, standard mounts and built-in hooks, /bin/true"


def part(bench):
    home = bench.m.folder("sandbox")
    env = bench.m.environment(home, ENROOT_DATA_PATH=home + "/data")
    bench.m.measure(["enroot", "create", "-n", "c", bench.own_image("small")], env)
    # Mount targets: enroot makes its own at the first start; the peers need the same.
    bench.m.measure(["enroot", "start", "c", "/bin/true"], env)
    starts(bench, home, env)
    in_sequence(bench, home, env)
    inside(bench, home, env)
    in_parallel(bench, home, env)


def starts(bench, home, env):
    say(STARTS)
    r, tree = bench.results, home + "/data/c"
    rows = list(bench.start_commands(tree, "c", ["/bin/true"]))
    # An image's /etc/rc is a script, so that enroot ends with two programs where the others end with one.
    same = "floor, the same final command: sh -l /etc/rc"
    rows.append((same, [bench.m.bin + "/floor-start", tree, "/bin/sh", "-l", "/etc/rc", "/bin/true"]))
    for _ in range(bench.runs(8, 3)):
        for row, line in rows:
            r.add(STARTS, row, bench.m.measure(line, env, runs=bench.runs(50, 20), warm=3))
    names = [row for row, _ in rows]
    r.target("start, standard mounts and hooks: to bwrap", r.ratio((STARTS, names[0]), (STARTS, names[2])), 0.6, True)
    r.target("start, standard mounts and hooks: to ch-run", r.ratio((STARTS, names[0]), (STARTS, names[3])), 1.0, True)
    floor = (STARTS, same)
    r.target("start, standard mounts and hooks: to the floor", r.ratio((STARTS, names[0]), floor), 1.25, True)
    counts = [system_calls(bench, home, env, line) for _, line in rows]
    print("\nsystem calls until /bin/true has ended: " + ", ".join("%s %s" % pair for pair in zip(names, counts)))
    if counts[0] and counts[2]:
        r.target("start: system calls, to bwrap", counts[0] / counts[2], 1.0, True)


def system_calls(bench, home, env, line):
    """As strace counts them, with those of children and of the command; None where that is not possible."""
    out = os.path.join(home, "strace")
    command = bench.m.as_user(["strace", "-f", "-c", "-o", out] + line)
    try:
        done = subprocess.run(command, env=env, cwd=home, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        total = re.search(r"^ *100\.00 .*?(\d+) +(?:\d+ +)?total$", open(out).read(), re.M)
    except OSError:
        return None
    return int(total.group(1)) if done.returncode == 0 and total else None


def listing(tree):
    """Everything that a start could change."""
    rows = []
    for folder, names, files in os.walk(tree):
        for name in names + files:
            st = os.lstat(os.path.join(folder, name))
            rows.append((os.path.join(folder, name), st.st_mode, st.st_uid, st.st_size, st.st_mtime_ns))
    return sorted(rows)


def state(home):
    files = sum(len(names) + len(files) for _, names, files in os.walk(home))
    passwd = os.lstat(home + "/data/c/etc/passwd").st_size
    with open("/proc/self/mounts") as f:
        return files, passwd, sum(1 for _ in f)


def in_sequence(bench, home, env):
    count = bench.runs(1000, 200)
    part = "start --rw, %d in sequence" % count
    say(part)
    command = ["enroot", "start", "--rw", "c", "/bin/true"]
    bench.m.measure(command, env)
    before = state(home)
    result = bench.m.measure(command, env, runs=count)
    after = state(home)
    bench.results.add(part, "enroot start NAME", result)
    grown = sum(a - b for a, b in zip(after, before)) if result else None
    bench.results.target("%s: growth of files, passwd and mounts" % part, grown, 0, True, "")
    if result:
        tenth = count // 10
        drift = statistics.median(result["wall"][-tenth:]) / statistics.median(result["wall"][:tenth])
        bench.results.target("%s: the last tenth, to the first" % part, drift, 1.25, True)


def in_parallel(bench, home, env):
    """Of one root filesystem that belongs to somebody else: every start gets an overlay."""
    if not bench.m.is_root:
        return
    part, tree, count = "start, 200 at once of one shared root filesystem", home + "/data/c", 200
    say(part)
    quietly("chown", "-R", "0:0", tree)
    quietly("chmod", "-R", "go=u-w", tree)
    before = listing(tree)
    command = bench.m.as_user([bench.m.bin + "/enroot", "start", "c", "/bin/true"])
    jobs = [subprocess.Popen(command, env=env, cwd=home, stdin=subprocess.DEVNULL) for _ in range(count)]
    failures = sum(job.wait() != 0 for job in jobs)
    bench.results.target("%s: failures" % part, failures, 0, True, "")
    changes = len(set(before) ^ set(listing(tree)))
    bench.results.target("%s: writes to it" % part, changes, 0, True, "")


def inside(bench, home, env):
    say("memory and system calls inside and outside")
    program = home + "/data/c/bin/inside"
    code = os.path.join(os.path.abspath(bench.args.build), "src", "sandbox")
    quietly("cc", "-O2", "-Wall", "-static", "-I", code, "-o", program, HERE + "/inside.c")
    os.chmod(program, 0o755)
    places = (
        ("outside", [program]),
        ("outside, same filter", [program, "-f"]),
        ("inside", [bench.m.bin + "/enroot", "start", "c", "/bin/inside"]),
    )
    best = {}
    for _ in range(bench.runs(5, 2)):
        for place, line in places:
            done = subprocess.run(bench.m.as_user(line), env=env, cwd=home, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                continue
            for key, value in json.loads(done.stdout).items():
                pick = max if key == "copy_mb_s" else min
                best[place, key] = pick(best.get((place, key), value), value)
    print("\n%-28s %12s %12s %16s" % ("where", "copy MB/s", "getpid ns", "open+close ns"))
    for place, _ in places:
        print("%-28s %12s %12s %16s" % ((place,) + tuple(best.get((place, k)) for k in ("copy_mb_s", "getpid_ns", "open_ns"))))
    for what, key, other, limit, at_most in (
        ("memory copy inside, to outside", "copy_mb_s", "outside", 0.97, False),
        ("getpid inside, to outside under the same filter", "getpid_ns", "outside, same filter", 1.05, True),
        ("open inside, to outside under the same filter", "open_ns", "outside, same filter", 1.05, True),
    ):
        a, b = best.get(("inside", key)), best.get((other, key))
        bench.results.target(what, a / b if a and b else None, limit, at_most)
