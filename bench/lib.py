"""What bench/run stands on: programs, a user, a registry, measuring, tables. A module of bench/run."""
import fcntl
import glob
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TOOLS = os.path.join(ROOT, "tests", "tools")


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def quietly(*command, **more):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)


class Machine:
    """A scratch folder with the programs, an ordinary user, a registry that holds the images."""

    def __init__(self, cache, build):
        self.cache = cache
        os.makedirs(cache, exist_ok=True)
        self.lock = open(os.path.join(cache, "run.lock"), "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit("bench: another run is using %s" % cache)
        for left in glob.glob(os.path.join(cache, "run-*")):
            shutil.rmtree(left, ignore_errors=True)
        self.work = tempfile.mkdtemp(prefix="run-", dir=cache)
        for path in (cache, self.work):
            os.chmod(path, 0o755)
        self.is_root = os.getuid() == 0
        self.user = self.ordinary_user()
        self.bin = self.install(build)
        self.registry = self.start_registry()

    def ordinary_user(self):
        if not self.is_root:
            return pwd.getpwuid(os.getuid())
        try:
            return pwd.getpwnam("enroot-test")
        except KeyError:
            quietly("useradd", "-M", "-U", "-d", "/home/enroot-test", "-s", "/bin/sh", "enroot-test")
            return pwd.getpwnam("enroot-test")

    def install(self, build):
        stage = os.path.join(self.work, "stage")
        os.mkdir(stage)
        quietly("meson", "install", "-C", build, "--no-rebuild", "--quiet", env=dict(os.environ, DESTDIR=stage))
        programs = os.path.join(stage, "usr", "bin")
        os.link(os.path.join(stage, "usr/libexec/enroot/enroot-image"), os.path.join(programs, "enroot-image"))
        self.stage = stage
        compile_c = ["cc", "-O2", "-Wall"]
        quietly(*compile_c, "-o", programs + "/measure", HERE + "/measure.c")
        libraries = ["-lisal", "-lcrypto", "-lzstd", "-lpthread"]
        quietly(*compile_c, "-o", programs + "/floor-import", HERE + "/floor-import.c", *libraries)
        quietly(*compile_c, "-static", "-o", programs + "/floor-start", HERE + "/floor-start.c")
        return programs

    def start_registry(self):
        port = subprocess.run([TOOLS + "/free-port.py"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
        config = os.path.join(self.work, "registry.yml")
        with open(config, "w") as f:
            f.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n")
            f.write("storage:\n  filesystem: {rootdirectory: %s/registry}\n" % self.cache)
            f.write("http: {addr: '127.0.0.1:%s'}\n" % port)
        self.server = subprocess.Popen(
            ["docker-registry", "serve", config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(self.work, "registry.log"), "w"),
        )
        for _ in range(100):
            if subprocess.call(["curl", "-s", "-o", "/dev/null", "http://127.0.0.1:%s/v2/" % port]) == 0:
                return "127.0.0.1:" + port
            time.sleep(0.1)
        sys.exit("bench: the registry does not start")

    def close(self):
        self.server.terminate()
        self.server.wait()
        quietly("chmod", "-R", "u+rwX", self.work)
        shutil.rmtree(self.work, ignore_errors=True)

    def folder(self, name):
        """A fresh folder that the ordinary user owns."""
        path = os.path.join(self.work, name)
        self.remove(path)
        os.makedirs(path)
        if self.is_root:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def remove(self, path):
        if os.path.isdir(path) and not os.path.islink(path):
            subprocess.run(["chmod", "-R", "u+rwX", path], stderr=subprocess.DEVNULL)
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def environment(self, home, **settings):
        env = {
            "PATH": self.bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": home,
            "XDG_RUNTIME_DIR": home,
            "USER": self.user.pw_name,
            "LANG": "C.UTF-8",
            "ENROOT_ALLOW_HTTP": "y",
            "ENROOT_SYSCONF_PATH": self.stage + "/etc/enroot",
            "ENROOT_LIBRARY_PATH": self.stage + "/usr/lib/enroot",
        }
        env.update(settings)
        return env

    def as_user(self, command):
        if not self.is_root:
            return command
        ids = ["--reuid=%d" % self.user.pw_uid, "--regid=%d" % self.user.pw_gid, "--clear-groups"]
        return ["setpriv"] + ids + command

    def measure(self, command, env, runs=1, warm=0, cwd=None, user=True):
        """Run COMMAND by bench/measure; a dictionary with lists wall and cpu, and peak_kb."""
        log = os.path.join(env["HOME"], "log")
        self.remove(log)
        full = [self.bin + "/measure", "-n", str(runs), "-w", str(warm), "-l", log, "--"] + command
        if user:
            full = self.as_user(full)
        done = subprocess.run(full, env=env, cwd=cwd or env["HOME"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        result = json.loads(done.stdout) if done.returncode == 0 else {"status": -1}
        if result["status"] != 0:
            tail = open(log, errors="replace").read()[-300:] if os.path.exists(log) else ""
            say("failed: %s\n%s" % (" ".join(command), tail))
            return None
        return result


class Results:
    """Rows of a table; several measurements of one row are joined."""

    def __init__(self):
        self.rows = {}
        self.targets = []

    def add(self, part, name, result):
        if result is None:
            self.rows.setdefault((part, name), None)
            return
        row = self.rows.get((part, name)) or {"wall": [], "cpu": [], "peak_kb": 0}
        row["wall"] += result["wall"]
        row["cpu"] += result["cpu"]
        row["peak_kb"] = max(row["peak_kb"], result["peak_kb"])
        self.rows[(part, name)] = row

    def wall(self, part, name):
        row = self.rows.get((part, name))
        return statistics.median(row["wall"]) if row else None

    def peak_mb(self, part, name):
        row = self.rows.get((part, name))
        return row["peak_kb"] / 1000 if row else None

    def target(self, text, value, limit, at_most, unit="x"):
        """One line of "must reach"; VALUE None: not measured."""
        good = value is not None and (value <= limit if at_most else value >= limit)
        verdict = "OK" if good else "----" if value is None else "MISS"
        self.targets.append(
            {"what": text, "value": value, "limit": limit, "at_most": at_most, "unit": unit, "verdict": verdict}
        )

    def ratio(self, a, b):
        x, y = self.wall(*a), self.wall(*b)
        return x / y if x and y else None

    def print(self):
        part = None
        for (section, name), row in self.rows.items():
            if section != part:
                part = section
                print("\n%-46s %10s %10s %10s %8s %5s" % (section, "wall s", "CPU s", "peak MB", "ratio", "runs"))
            if row is None:
                print("  %-44s %10s" % (name, "failed"))
                continue
            first = next(r for (s, _), r in self.rows.items() if s == section and r)
            wall, cpu = statistics.median(row["wall"]), statistics.median(row["cpu"])
            ratio = wall / statistics.median(first["wall"])
            values = (name, time_text(wall), time_text(cpu), row["peak_kb"] / 1000, ratio, len(row["wall"]))
            print("  %-44s %10s %10s %10.1f %8.2f %5d" % values)
        if self.targets:
            print("\nMust reach")
        for t in self.targets:
            value = "not measured" if t["value"] is None else "%.2f %s" % (t["value"], t["unit"])
            bound = "%s %.4g %s" % ("<=" if t["at_most"] else ">=", t["limit"], t["unit"])
            print("  %-66s %14s  %-14s %s" % (t["what"], value, bound, t["verdict"]))

    def document(self):
        rows = []
        for (section, name), row in self.rows.items():
            entry = {"part": section, "name": name, "failed": row is None}
            if row:
                entry.update(row, wall_median=statistics.median(row["wall"]), cpu_median=statistics.median(row["cpu"]))
            rows.append(entry)
        return {"rows": rows, "must_reach": self.targets}


def time_text(seconds):
    return "%.5f" % seconds if seconds < 0.1 else "%.3f" % seconds


class SpaceWatch:
    """The most space that a file system had in use while the block ran, beyond what it had before."""

    def __init__(self, path):
        self.path = path

    def used(self):
        s = os.statvfs(self.path)
        return (s.f_blocks - s.f_bfree) * s.f_frsize

    def __enter__(self):
        self.before = self.most = self.used()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.stop.wait(0.02):
            self.most = max(self.most, self.used())

    def __exit__(self, *unused):
        self.stop.set()
        self.thread.join()
        self.most = max(self.most, self.used())
        self.grown = self.most - self.before
