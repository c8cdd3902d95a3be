#!/usr/bin/env bats
# Several hosts that share a directory as over NFS: each has its own name, boot id and processes, and sees those of no
# other; and there is no flock, no O_TMPFILE, no RENAME_NOREPLACE.

load helpers
setup() {
	need_root
	common_setup
	need_image busybox
	need_image odd
	local built=${ENROOT_TEST_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build/$BUILD}/tests/tools/fault-write.so n
	[ -e "$built" ] || skip "fault-write.so is not built"
	install -m 755 "$built" "$SUITE/fault.so"
	TEST_ENV=("LD_PRELOAD=$SUITE/fault.so" FAULT_NFS=1)
	export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=1:exitcode=99
	mkdir -p "$SUITE/hosts"
	for n in 1 2; do
		printf '%08d-0000-4000-8000-000000000000\n' "$n" >"$SUITE/hosts/boot$n"
	done
	cat >"$SUITE/hosts/run" <<-'END'
		#!/bin/sh
		exec unshare --uts --mount --pid --fork --kill-child --mount-proc -- sh -c '
			hostname "node$0"
			mount --bind "$BOOT_IDS/boot$0" /proc/sys/kernel/random/boot_id && exec "$@"' "$@"
	END
	chmod 755 "$SUITE/hosts/run"
	export BOOT_IDS=$SUITE/hosts
}
teardown() { common_teardown; }

# on HOST OUTPUT ARG…: enroot there, in the background; $SPAWNED ends it all when it is killed.
on() {
	local host=$1 out=$2
	shift 2
	(
		EXEC="exec $SUITE/hosts/run $host"
		enroot "$@"
	) >"$out" 2>&1 </dev/null 3>&- &
	SPAWNED=$!
}

# The process that runs in there: its number here.
inside_of() {
	local child=
	child=$(pgrep -P "$1") && printf '%s\n' "$child"
}

recorded() {
	unsquashfs -cat "$1" etc/rc 2>/dev/null | sed -n 's/^# enroot-manifest: //p'
}

waits_for_node() { # LOG NODE
	grep -q "Waiting for .*pid [0-9]* on node$2" "$1"
}

# All of PIDS end well.
all_good() {
	local pid
	for pid; do
		wait "$pid" || {
			cat log*
			false
		}
	done
}

no_dot_files() {
	[ -z "$(find "$@" -name '.*' ! -name '.*.prev' -type f)" ]
}

@test "what a lock says: the host's name, and nothing that another host could take for its own process" {
	proxy "/blobs/$(busybox_layer)=hold:$WORK/go"
	on 1 log1 import --if-needed -o out.sqsh "docker://$PROXY#busybox:1"
	local first=$SPAWNED
	wait_until test -e .out.sqsh.lock
	[ "$(head -1 .out.sqsh.lock)" = node1 ]
	[ "$(sed -n 2p .out.sqsh.lock)" = 00000001-0000-4000-8000-000000000000 ]
	on 2 log2 import --if-needed -o out.sqsh "docker://$PROXY#busybox:1"
	wait_until waits_for_node log2 1
	touch go
	all_good "$first" "$SPAWNED"
	[ "$(cat log1 log2 | grep -c '^\[INFO\] Wrote ')" -eq 1 ]
	no_dot_files .
}

@test "sixteen on two hosts, one output, readers beside them: one build, one download, no reader fails" {
	proxy
	local uri=docker://$PROXY#odd:1 i pids=() reader
	enroot import --if-needed -o out.sqsh "docker://$REGISTRY#busybox:1"
	rm -rf home/.cache
	(
		while [ ! -e stop ]; do
			[ -n "$(recorded out.sqsh)" ] || echo bad >>bad-reads
			echo x >>reads
		done
	) 3>&- &
	reader=$!
	for ((i = 0; i < 16; i++)); do
		on $((i % 2 + 1)) "log$i" import --if-needed -o out.sqsh "$uri"
		pids+=("$SPAWNED")
	done
	all_good "${pids[@]}"
	touch stop
	wait "$reader"
	[ ! -e bad-reads ] && [ -s reads ]
	[ "$(recorded out.sqsh)" = "$(enroot digest "$uri" 2>/dev/null)" ]
	[ "$(cat log* | grep -c '^\[INFO\] Wrote ')" -eq 1 ]
	[ "$(grep -c ' /v2/odd/blobs/' "$LOG")" -eq "$(grep ' /v2/odd/blobs/' "$LOG" | cut -d' ' -f2 | sort -u | wc -l)" ]
	no_dot_files . home/.cache
}

@test "sixteen imports on two hosts with one cache: each blob is asked for once" {
	proxy
	local uri=docker://$PROXY#odd:1 i pids=()
	for ((i = 0; i < 16; i++)); do
		on $((i % 2 + 1)) "log$i" import -o "out$i.sqsh" "$uri"
		pids+=("$SPAWNED")
	done
	all_good "${pids[@]}"
	for ((i = 1; i < 16; i++)); do
		cmp out0.sqsh "out$i.sqsh"
	done
	[ "$(grep -c ' /v2/odd/blobs/' "$LOG")" -eq "$(grep ' /v2/odd/blobs/' "$LOG" | cut -d' ' -f2 | sort -u | wc -l)" ]
	no_dot_files home/.cache
}

@test "a builder that is killed on another host holds nobody up for longer than a minute" {
	proxy "/blobs/$(busybox_layer)=hold:$WORK/go*1"
	local uri=docker://$PROXY#busybox:1
	on 1 log1 import --if-needed -o out.sqsh "$uri"
	local first=$SPAWNED
	wait_until test -e .out.sqsh.lock
	wait_until grep -q "/blobs/$(busybox_layer)" "$LOG"
	on 2 log2 import --if-needed -o out.sqsh "$uri"
	kill -9 "$first"
	wait "$first" 2>/dev/null || true
	# as alive as before, for all that node2 can see
	wait_until waits_for_node log2 1
	[ -e .out.sqsh.lock ] && [ ! -e out.sqsh ]
	# a minute later
	find . -name '.*.lock' -exec touch -d '-70 seconds' {} +
	all_good "$SPAWNED"
	[ -n "$(recorded out.sqsh)" ]
	[ -z "$(find . -name '.*.lock')" ]
	# what the dead one was writing goes when it is old for certain
	find . -name '.enroot-*' -exec touch -d '-2 days' {} +
	truncate -s 1000 out.sqsh
	enroot import --if-needed -o out.sqsh "$uri"
	enroot cache prune
	[ -n "$(recorded out.sqsh)" ]
	no_dot_files .
}

@test "one that slept too long comes back: two builders are harmless" {
	proxy "/blobs/$(busybox_layer)=hold:$WORK/go*1"
	local uri=docker://$PROXY#busybox:1 first sleeper
	on 1 log1 import --if-needed -o out.sqsh "$uri"
	first=$SPAWNED
	wait_until grep -q "/blobs/$(busybox_layer)" "$LOG"
	wait_until inside_of "$first" >/dev/null
	sleeper=$(inside_of "$first")
	kill -STOP "$sleeper"
	find . -name '.*.lock' -exec touch -d '-70 seconds' {} +
	on 2 log2 import --if-needed -o out.sqsh "$uri"
	all_good "$SPAWNED"
	local made
	made=$(recorded out.sqsh)
	[ -n "$made" ]
	touch go
	kill -CONT "$sleeper"
	all_good "$first"
	[ "$(recorded out.sqsh)" = "$made" ]
	no_dot_files .
}
