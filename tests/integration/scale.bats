#!/usr/bin/env bats
# Many nodes and one shared file system: what each of them asks it for.

load helpers
setup() { common_setup; }
teardown() { common_teardown; }

@test "starting an image asks a shared file system for a few things a node, and for no write and no lock" {
	release_only
	need_root
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	local root=${BATS_TEST_DIRNAME%/*/*}
	"$root/bench/scale" --nodes 3 --build "${ENROOT_TEST_BUILD_DIR:-$root/build/$BUILD}" --cache "$WORK/bench" --json "$WORK/json" \
		>table 2>log 3>&- || {
		cat log
		false
	}
	cat table
	python3 - "$WORK/json" <<'END'
import json, sys
data = json.load(open(sys.argv[1]))
rows = {r["what"].strip(): r for r in data["rows"]}
assert len(rows) == 7
for r in rows.values():
    assert r["writes"] == 0 and r["locks"] == 0, r
    assert r["same"] is not False, r
one, again = rows["start IMAGE"], rows["a second time on the node"]
assert 1 <= one["open"] <= 2 and one["readdir"] == 0 and one["lookup"] + one["getattr"] <= 12, one
assert 0 < one["BYTES"] < 4 << 20, one  # of 65 MiB
assert again["lookup"] == 0 and again["BYTES"] == 0, again
tasks = rows["8 tasks of the node at once"]
assert tasks["BYTES"] <= one["BYTES"] * 1.5, tasks
for what in "start URI@DIGEST", "importer get URI@DIGEST, start":
    assert rows[what]["open"] + rows[what]["opendir"] <= 4 and rows[what]["lookup"] <= 16, rows[what]
tree = rows["start NAME, a shared directory"]
assert one["lookup"] < tree["lookup"] <= 80, tree
whole = rows["start IMAGE, read 64 MiB"]["BYTES"]
assert 64 << 20 <= whole < 70 << 20, whole
assert data["calls"].get("openat", 0) >= 1
assert not any("lock" in c or c in ("write", "rename", "unlink", "link", "mkdir") for c in data["calls"])
END
}
