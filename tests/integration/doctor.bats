# doctor: what it says of a host that can run containers, and of hosts that cannot.

load helpers
setup() { common_setup; }
teardown() { common_teardown; }

# status_of CHECK: OK, WARN or KO, from the JSON in $output.
status_of() {
	python3 -c 'import json, sys
for c in json.loads(sys.argv[1])["checks"]:
    if c["check"] == sys.argv[2]: print(c["status"])' "$output" "$1"
}

remedy_of() {
	python3 -c 'import json, sys
for c in json.loads(sys.argv[1])["checks"]:
    if c["check"] == sys.argv[2]: print(c["remedy"])' "$output" "$1"
}

# Every check that is not OK has a remedy, and can_start is what the checks say.
well_formed() {
	python3 -c 'import json, sys
d = json.loads(sys.argv[1])
assert len(d["checks"]) > 20
assert len({c["check"] for c in d["checks"]}) == len(d["checks"])
for c in d["checks"]:
    assert c["status"] in ("OK", "WARN", "KO") and c["found"], c
    assert (c["remedy"] is None) == (c["status"] == "OK"), c
    assert not (c["status"] == "KO" and c["needed_for"] == "optional"), c
bad = [c for c in d["checks"] if c["status"] == "KO" and c["needed_for"] == "start"]
assert d["can_start"] == (not bad), bad' "$output"
}

@test "here containers can be started, and nothing is left behind" {
	run --separate-stderr enroot doctor
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[-1]}" = "Containers can be started on this host." ]
	refute grep -q '^KO' <<<"$output"
	grep -qE '^OK +user namespaces +can be created' <<<"$output"
	[ -z "$(find run -mindepth 2)" ]
	refute grep -q "$WORK" /proc/self/mountinfo
}

@test "the same as JSON" {
	run --separate-stderr enroot doctor --json
	[ "$status" -eq 0 ]
	well_formed
	[ "$(status_of "change of the root directory")" = OK ]
	[ "$(status_of "seccomp filter")" = OK ]
}

@test "where user namespaces are used up" {
	run --separate-stderr as_user unshare -Ur sh -c "echo 0 >/proc/sys/user/max_user_namespaces; $BIN/enroot doctor --json"
	[ "$status" -eq 1 ]
	well_formed
	[ "$(status_of "user namespaces")" = KO ]
	[ "$(status_of "sysctl user.max_user_namespaces")" = KO ]
	[[ "$(remedy_of "sysctl user.max_user_namespaces")" == *"sysctl -w user.max_user_namespaces="* ]]
}

@test "where mount namespaces are used up" {
	run --separate-stderr as_user unshare -Ur sh -c "echo 0 >/proc/sys/user/max_mnt_namespaces; $BIN/enroot doctor --json"
	[ "$status" -eq 1 ]
	well_formed
	[ "$(status_of "user namespaces")" = OK ]
	[ "$(status_of "mount namespaces")" = KO ]
	[ "$(status_of "sysctl user.max_mnt_namespaces")" = KO ]
}

@test "without /dev/fuse containers can be started, but no images" {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	run --separate-stderr as_user unshare -Urm sh -c "mount --bind /dev/null /dev/fuse && $BIN/enroot doctor --json"
	[ "$status" -eq 0 ]
	well_formed
	[ "$(status_of "/dev/fuse")" = KO ]
	[ "$(status_of "FUSE mounts")" = KO ]
	[ "$(status_of "overlay mounts")" = OK ]
}

@test "in a chroot" {
	need_root
	mkdir -p outer/bin outer/proc outer/tmp
	cp "$BIN/enroot" outer/bin/
	release_only # a static program
	run --separate-stderr unshare -m sh -c 'mount -t proc proc outer/proc &&
		HOME=/tmp exec chroot --userspec='"$TEST_UID:$TEST_GID"' outer /bin/enroot doctor --json'
	[ "$status" -eq 1 ]
	well_formed
	[ "$(status_of chroot)" = KO ]
	[ "$(status_of "user namespaces")" = KO ]
	[[ "$(remedy_of "user namespaces")" == *chroot* ]]
}

@test "under a seccomp filter that forbids namespaces" {
	command -v bwrap >/dev/null || skip "no bwrap"
	# What Docker's default filter does to unshare(2) and clone(2), for this one call.
	python3 - <<-'PY'
		import struct
		def op(code, k, jt=0, jf=0): return struct.pack("<HBBI", code, jt, jf, k)
		nr = {"x86_64": 272, "aarch64": 97}[__import__("os").uname().machine]
		open("filter", "wb").write(op(0x20, 0) + op(0x15, nr, 0, 1) + op(0x06, 0x00050001) + op(0x06, 0x7fff0000))
	PY
	chmod 644 filter
	run --separate-stderr as_user bash -c "bwrap --dev-bind / / --seccomp 9 $BIN/enroot doctor --json 9<filter"
	[ "$status" -eq 1 ]
	well_formed
	[ "$(status_of "user namespaces")" = KO ]
	[[ "$(remedy_of "user namespaces")" == *seccomp* ]]
}

@test "masked /proc forbids --pid, not a start" {
	[ "$(grep -c ' - proc ' /proc/self/mountinfo)" -eq 1 ] || skip "another mount of proc is whole: the kernel goes by that"
	run --separate-stderr as_user unshare -Urm sh -c "mount --bind /dev/null /proc/uptime && $BIN/enroot doctor --json"
	[ "$status" -eq 0 ]
	well_formed
	[ "$(status_of "PID namespaces (--pid)")" = WARN ]
}

@test "directories that cannot be written" {
	mkdir closed
	chmod 555 closed
	! is_root || chown 0:0 closed
	ENROOT_RUNTIME_PATH=$WORK/closed/run run --separate-stderr enroot doctor --json
	[ "$status" -eq 1 ]
	well_formed
	[ "$(status_of "runtime directory")" = KO ]
	[[ "$(remedy_of "runtime directory")" == *ENROOT_RUNTIME_PATH* ]]
	ENROOT_DATA_PATH=$WORK/closed run --separate-stderr enroot doctor --json
	[ "$status" -eq 0 ]
	[ "$(status_of "data directory")" = WARN ]
}

@test "limits" {
	run --separate-stderr as_user sh -c "ulimit -n 256; $BIN/enroot doctor --json"
	[ "$status" -eq 0 ]
	well_formed
	[ "$(status_of limits)" = WARN ]
}

@test "a registry that answers and one that does not" {
	run --separate-stderr enroot doctor --json --registry "$REGISTRY"
	[ "$status" -eq 0 ]
	well_formed
	[ "$(status_of registry)" = OK ]
	port=$("$TOOLS/free-port.py")
	run --separate-stderr enroot doctor --json --registry "127.0.0.1:$port"
	[ "$status" -eq 0 ]
	well_formed
	[ "$(status_of registry)" = WARN ]
}

@test "command lines" {
	run enroot doctor --help
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "Usage: enroot doctor"* ]]
	for args in "--what" "operand" "--registry"; do
		run enroot doctor "$args"
		[ "$status" -eq 1 ]
		[[ "${lines[0]}" == "Usage: enroot doctor"* ]]
	done
}
