#!/usr/bin/env bats
# Images started directly: the image server, the overlay above it, and how all of it ends.

load helpers

setup() {
	common_setup
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	IMAGE=$SUITE/images/start-busybox.sqsh
	(
		flock 9
		[ -e "$IMAGE" ] || make_busybox_image "$IMAGE"
	) 9>"$SUITE/images/.start.lock"
}

teardown() {
	common_teardown
}

make_busybox_image() {
	local dir
	busybox_tar || return 1
	dir=$(mktemp -d "$SUITE/images/bb.XXXXXX")
	tar -C "$dir" -xf "$SUITE/images/busybox.tar"
	chmod 755 "$dir"
	mksquashfs "$dir" "$1.tmp" -comp zstd -Xcompression-level 1 -all-root -noappend -quiet -no-progress >/dev/null &&
		mv "$1.tmp" "$1"
	rm -rf "$dir"
}

# The image servers that serve images below WORK.
servers() {
	local pid line
	for pid in $(pgrep -x enroot-server); do
		IFS= read -r -d '' line < <(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) || true
		[[ "$line" != *"$WORK/"* ]] || echo "$pid"
	done
}

has_server() {
	[ -n "$(servers)" ]
}

no_servers() {
	[ -z "$(servers)" ]
}

# An image of its own for this test, so that its server can be told from others.
own_image() {
	cp "$IMAGE" "$WORK/image.sqsh"
	chmod 644 "$WORK/image.sqsh"
	IMAGE=$WORK/image.sqsh
}

spawn() {
	local env=()
	mapfile -d '' env < <(user_env)
	exec 3>&-
	if is_root; then
		exec setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups --inh-caps=-all env -i "${env[@]}" "$@"
	fi
	exec env -i "${env[@]}" "$@"
}

is_stopped() {
	grep -q '^State:.T' "/proc/$1/status"
}

# ---- what it looks like inside ----

@test "an image starts: the files are the caller's" {
	run -0 enroot start "$IMAGE" sh -c 'id -u; stat -c %u /bin/busybox; stat -c %a /bin/busybox'
	[ "$output" = "$TEST_UID"$'\n'"$TEST_UID"$'\n'755 ]
	run -0 enroot start --root "$IMAGE" sh -c 'id -u; stat -c %u /bin/busybox'
	[ "$output" = $'0\n0' ]
}

@test "the exit status, arguments and standard input are the command's" {
	run -7 enroot start "$IMAGE" sh -c 'exit 7'
	run -0 enroot start "$IMAGE" echo 'a b' '$x'
	[ "$output" = 'a b $x' ]
	[ "$(echo hello | enroot start "$IMAGE" cat)" = hello ]
}

@test "an image is read-only without --rw; changes die with the container" {
	run -1 enroot start "$IMAGE" touch /x
	[[ "$output" == *"Read-only file system"* ]]
	run -0 enroot start --rw "$IMAGE" sh -c 'echo a >/x && rm -r /etc/os-release /usr && mkdir /usr && ls /usr && cat /x'
	[ "$output" = a ]
	run -0 enroot start --rw "$IMAGE" sh -c 'test ! -e /x && ls /usr'
	[ -n "$output" ]
}

@test "nothing of it is seen outside, and nothing is left" {
	own_image
	run -0 enroot start --rw "$IMAGE" sh -c 'echo x >/x; grep -c enroot /proc/self/mountinfo || true'
	[ "$output" = 0 ]
	! grep "$WORK" /proc/self/mountinfo
	wait_for no_servers
	[ -z "$(find "$WORK/run" -type f)" ]
}

@test "a squashfs file in the working directory beats a container of that name" {
	own_image
	mkdir -p "$WORK/home/.local/share/enroot/image.sqsh"
	! is_root || chown -R "$TEST_UID" "$WORK/home"
	run -0 enroot start image.sqsh echo yes
	[ "$output" = yes ]
}

@test "with a PID namespace" {
	run -0 enroot start --pid "$IMAGE" sh -c 'echo $$; ps | grep -c "[e]nroot-server" || true'
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" = 0 ]
	run -9 enroot start --pid "$IMAGE" sh -c 'exit 9'
}

@test "standard mounts, hooks and -m work on an image" {
	mkdir "$WORK/data"
	echo content >"$WORK/data/file"
	chmod -R a+rX "$WORK/data"
	run -0 enroot start -m "$WORK/data:/new/place" "$IMAGE" sh -c 'cat /new/place/file; grep -c "^root:" /etc/passwd; test -c /dev/null'
	[ "$output" = $'content\n1' ]
}

# ---- what is served ----

compare_image() {
	local image=$1 oracle=$2 mnt=$WORK/mnt
	mkdir -p "$mnt"
	if is_root; then
		mount -t squashfs -o loop,ro "$image" "$mnt" 2>/dev/null || {
			rmdir "$mnt"
			unsquashfs -q -n -d "$mnt" "$image" >/dev/null
		}
	else
		rmdir "$mnt"
		unsquashfs -q -n -d "$mnt" "$image" >/dev/null
	fi
	manifest $oracle "$mnt" >"$WORK/want"
	mountpoint -q "$mnt" && umount "$mnt"
	rm -rf "$mnt"
	mkdir "$mnt"
	FUSE_MOUNT_ROOT=1 "$FUSE_MOUNT" "$image" "$mnt" "$TOOLS/tree-manifest.py" $oracle "$mnt" >"$WORK/got"
	[ "$(wc -l <"$WORK/got")" -gt 100 ]
	diff "$WORK/want" "$WORK/got" | head -20
	cmp "$WORK/want" "$WORK/got"
}

served_tree() {
	FUSE_MOUNT=${ENROOT_TEST_BUILD_DIR:-${TOOLS_ROOT:-$BATS_TEST_DIRNAME/../..}/build/$BUILD}/tests/tools/fuse-mount
	[ -x "$FUSE_MOUNT" ] || skip "fuse-mount is not built"
	"$TOOLS/make-tree.py" "$WORK/tree" "${1:-300}"
}

# Names of options as mksquashfs has them.
check_served() {
	local options
	for options; do
		echo "mksquashfs $options"
		# shellcheck disable=SC2086
		mksquashfs "$WORK/tree" "$WORK/t.sqsh" $options -noappend -quiet -no-progress >/dev/null
		compare_image "$WORK/t.sqsh" || return 1
	done
}

@test "trees read through the server equal the kernel's: every compressor" {
	served_tree
	check_served "-comp gzip" "-comp lzo -noD" "-comp lzo" "-comp lz4" "-comp xz" "-comp zstd" "-comp lzma" \
		"-noI -noD -noF -noX"
}

@test "trees read through the server equal the kernel's: block sizes and fragments" {
	served_tree
	check_served "-comp zstd -b 4K" "-comp lz4 -b 1M" "-comp xz -b 1M" "-comp zstd -no-fragments" \
		"-comp zstd -always-use-fragments -noI" "-comp gzip -b 16K -no-duplicates"
}

@test "trees read through the server equal the kernel's: 70,000 entries in a directory" {
	release_only
	served_tree 70000
	check_served "-comp zstd"
}

@test "a file of more than 4 GiB" {
	release_only
	served_tree 1
	truncate -s 5G "$WORK/large"
	printf begin | dd of="$WORK/large" conv=notrunc status=none
	printf middle | dd of="$WORK/large" bs=1 seek=4294967290 conv=notrunc status=none
	printf end | dd of="$WORK/large" bs=1 seek=$((5 * 1024 * 1024 * 1024 - 3)) conv=notrunc status=none
	mkdir "$WORK/in" "$WORK/m"
	mv "$WORK/large" "$WORK/in"
	mksquashfs "$WORK/in" "$WORK/l.sqsh" -comp zstd -noappend -quiet -no-progress >/dev/null
	run -0 "$FUSE_MOUNT" "$WORK/l.sqsh" "$WORK/m" sh -c "stat -c %s '$WORK/m/large'; head -c 5 '$WORK/m/large'; \
		tail -c +4294967291 '$WORK/m/large' | head -c 6; tail -c 3 '$WORK/m/large'"
	[ "$output" = $'5368709120\nbeginmiddleend' ]
}

@test "data that are not compressed: in pieces, of blocks of any size, behind other bytes; an image that ends early" {
	served_tree 1
	mkdir "$WORK/in" "$WORK/m"
	head -c 9999999 /dev/urandom >"$WORK/in/random"
	# The middle can be compressed, so that stored and packed blocks take turns.
	{ head -c 1500000 "$WORK/in/random" && head -c 3000000 /dev/zero && head -c 2000000 "$WORK/in/random"; } >"$WORK/in/mixed"
	local block reads="cmp random '$WORK/in/random' && cmp mixed '$WORK/in/mixed' &&
		for skip in 76 3 40 0 1; do
			for f in random mixed; do
				dd if=\$f bs=99999 skip=\$skip count=3 status=none | cmp -n 299997 - '$WORK/in/'\$f 0 \$((skip * 99999)) || exit 1
			done
		done"
	for block in 4K 128K 1M; do
		mksquashfs "$WORK/in" "$WORK/s.sqsh" -comp lzo -Xalgorithm lzo1x_1 -b $block -noappend -quiet -no-progress >/dev/null
		{ head -c 12345 /dev/zero && cat "$WORK/s.sqsh"; } >"$WORK/behind"
		run -0 "$FUSE_MOUNT" "$WORK/s.sqsh" "$WORK/m" sh -c "cd '$WORK/m' && $reads"
		run -0 "$FUSE_MOUNT" "$WORK/behind@12345" "$WORK/m" sh -c "cd '$WORK/m' && $reads"
	done
	run -1 "$FUSE_MOUNT" "$WORK/s.sqsh" "$WORK/m" sh -c "truncate -s 5000000 '$WORK/s.sqsh'; timeout 60 cat '$WORK/m/random' |
		cmp - '$WORK/in/random'"
	[[ $output == *"Input/output error"* ]]
}

@test "64 threads read one image at once" {
	release_only
	served_tree
	mksquashfs "$WORK/tree" "$WORK/t.sqsh" -comp zstd -noappend -quiet -no-progress >/dev/null
	mkdir "$WORK/m"
	(cd "$WORK/tree" && find . -type f -size -2M ! -path './modes/*' ! -path './names/*' -exec sha256sum {} + | sort >"$WORK/sums")
	# shellcheck disable=SC2016
	run -0 "$FUSE_MOUNT" "$WORK/t.sqsh" "$WORK/m" sh -c 'cd "$1" && cut -c67- "$2" | tr "\n" "\0" |
		xargs -0 -n 4 -P 64 sha256sum | sort' sh "$WORK/m" "$WORK/sums"
	diff "$WORK/sums" <(echo "$output")
}

# ---- hostile images ----

@test "what is no image is one error" {
	head -c 100000 /dev/urandom >bad.sqsh
	printf hsqs >magic.sqsh
	head -c 5000 /dev/zero >>magic.sqsh
	head -c 50000 "$IMAGE" >short.sqsh
	chmod 644 ./*.sqsh
	run enroot start ./bad.sqsh true
	assert_one_error "Invalid image format"
	run enroot start ./magic.sqsh true
	assert_one_error "Invalid image format|corrupt|unsupported"
	run enroot start ./short.sqsh true
	assert_one_error "short.sqsh"
}

@test "corrupt data are EIO and one message; the container goes on" {
	local dir=$WORK/tree
	mkdir "$dir"
	tar -C "$dir" -xf "$SUITE/images/busybox.tar"
	chmod 755 "$dir"
	head -c 1500000 /usr/bin/cmake /usr/bin/python3 /usr/bin/perl /bin/bash 2>/dev/null | head -c 3000000 >"$dir/data"
	IMAGE=$WORK/image.sqsh
	mksquashfs "$dir" "$IMAGE" -comp zstd -noF -all-root -noappend -quiet -no-progress >/dev/null
	# Garbage in the middle of the blocks of /data, wherever they are.
	python3 - "$IMAGE" <<-'END'
		import sys
		image = bytearray(open(sys.argv[1], "rb").read())
		magic = bytes.fromhex("28b52ffd")
		at, frames = 0, []
		while (at := image.find(magic, at)) >= 0:
		    frames.append(at)
		    at += 4
		# The largest files come in the order of the tree: bin/busybox, then data. Hit the last blocks before the tables.
		data = [f for f, n in zip(frames, frames[1:]) if n - f > 10000]
		for f in data[-3:]:
		    image[f + 6:f + 40] = b"\xff" * 34
		open(sys.argv[1], "wb").write(image)
	END
	chmod 644 "$IMAGE"
	run enroot start "$IMAGE" sh -c 'for i in 1 2 3; do cat /data >/dev/null; done; echo alive'
	[[ "$output" == *alive ]]
	[ "$(grep -c '^\[WARN\].*corrupt' <<<"$output")" -eq 1 ]
	[ "$(grep -c "Input/output error\|I/O error" <<<"$output")" -eq 3 ]
	wait_for no_servers
}

@test "images corrupted anywhere: no hang, no crash, nothing left" {
	release_only
	own_image
	local size i at
	size=$(stat -c %s "$IMAGE")
	cp "$IMAGE" "$WORK/good.sqsh"
	RANDOM=42
	for ((i = 0; i < 60; i++)); do
		cp "$WORK/good.sqsh" "$IMAGE"
		# Most of them in the tables at the end.
		if ((i % 3 == 0)); then at=$((RANDOM * 32768 % size + RANDOM % 97)); else at=$((size - 1 - (RANDOM * 7 + RANDOM) % 12000)); fi
		((at >= 0 && at < size)) || at=100
		printf "\\x$(printf %x $((RANDOM % 256)))" | dd of="$IMAGE" bs=1 seek=$at conv=notrunc status=none
		run as_user timeout -k 1 20 "$BIN/enroot" start "$IMAGE" sh -c 'find / -xdev >/dev/null; cat /bin/* >/dev/null; ls -lR /etc >/dev/null'
		[ "$status" -ne 124 ] && [ "$status" -ne 137 ]
		[ "$(grep -c '^\[ERROR\]' <<<"$output")" -le 1 ]
	done
	wait_for no_servers
}

# ---- its life ----

@test "no process of the container can wait for the server" {
	cat >probe.c <<-'END'
		#include <errno.h>
		#include <stdio.h>
		#include <sys/wait.h>
		int main(void)
		{
			int r = waitpid(-1, NULL, __WALL);
			printf("%d %d\n", r, errno == ECHILD);
			return 0;
		}
	END
	cc -static -o probe probe.c
	chmod 755 probe
	run -0 enroot start -m "$WORK/probe:/probe" "$IMAGE" /probe
	[ "$output" = "-1 1" ]
	TEST_ENV=(ENROOT_LOGIN_SHELL=n)
	run -0 enroot start -m "$WORK/probe:/probe" "$IMAGE" /probe
	[ "$output" = "-1 1" ]
}

@test "the server has a session of its own, no privileges and no files but its own" {
	own_image
	spawn "$BIN/enroot" start "$IMAGE" sleep 60 &
	JOBS=$!
	wait_for has_server
	local server
	server=$(servers)
	[ "$(ps -o sid= -p "$server" | tr -d ' ')" = "$server" ] || [ "$(ps -o sid= -p "$server" | tr -d ' ')" != "$(ps -o sid= -p "$JOBS" | tr -d ' ')" ]
	grep -q '^NoNewPrivs:.1' "/proc/$server/status"
	grep -q '^CapEff:.0000000000000000' "/proc/$server/status"
	[ "$BUILD" = san ] || grep -q '^Seccomp:.2' "/proc/$server/status"
	if is_root; then
		[ "$(readlink "/proc/$server/cwd")" = / ]
		[ "$(readlink "/proc/$server/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
		[ "$BUILD" = san ] || [ "$(find "/proc/$server/fd" -lname '/*' ! -lname '*/fuse' ! -lname "$IMAGE" ! -lname /dev/null | wc -l)" -le 1 ]
	fi
	kill "$JOBS"
	wait "$JOBS" || true
	wait_for no_servers
}

# Processors that each thread of process $1 may run on, one line for those that agree.
processors_of() {
	sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/"$1"/task/${2:-*}/status | sort -u
}

@test "commands, hooks and the server may run wherever the caller could" {
	own_image
	mkdir -p config/hooks.d
	# shellcheck disable=SC2016
	printf '#!/bin/sh\ngrep Cpus_allowed_list /proc/self/status >%s\n' "$WORK/hook" >config/hooks.d/90-where.sh
	chmod 755 config/hooks.d/90-where.sh
	! is_root || chown -R "$TEST_UID:$TEST_GID" .
	local all one
	all=$(processors_of self)
	one=${all%%[-,]*}
	TEST_ENV=(ENROOT_CONFIG_PATH="$WORK/config")
	run -0 enroot start "$IMAGE" grep Cpus_allowed_list /proc/self/status
	[[ $output =~ [[:space:]]"$all"$ ]]
	[[ $(cat hook) =~ [[:space:]]"$all"$ ]]
	run -0 as_user taskset -c "$one" "$BIN/enroot" start "$IMAGE" grep Cpus_allowed_list /proc/self/status
	[[ $output =~ [[:space:]]"$one"$ ]]
	# A start's worth of requests, and some more.
	# shellcheck disable=SC2016
	spawn "$BIN/enroot" start "$IMAGE" sh -c \
		'for i in 1 2 3 4 5 6 7 8; do for f in /bin/*; do [ -e "$f.$i" ]; done; done; touch /tmp/done; exec sleep 60' &
	JOBS=$!
	wait_for has_server
	wait_for test -e "/proc/$JOBS/root/tmp/done"
	# But for those two that keep to one, or off it, while there is one client: companion.h.
	[ "$(processors_of "$(servers)" "$(servers)")" = "$all" ]
	kill "$JOBS"
	wait "$JOBS" || true
	wait_for no_servers
}

# How many threads of the server anything else goes before.
idle_threads() {
	ps -L -o cls= -p "$(servers)" | grep -c IDL
}

@test "a client that asks alone is answered by a thread of the idle class; others on its processor do not starve it" {
	own_image
	[ "$(nproc)" -gt 1 ] || skip 'needs two processors'
	# shellcheck disable=SC2016
	local walk='for i in $(seq 20); do for f in /bin/* /etc/*; do [ -e "$f.$i" ] && echo "$f"; done; done; find / -xdev | sort'
	run -0 enroot start "$IMAGE" sh -c "$walk"
	local quiet=$output i hogs=()
	spawn "$BIN/enroot" start "$IMAGE" sleep 60 &
	JOBS=$!
	wait_for has_server
	[ "$(idle_threads)" = 1 ]
	kill "$JOBS"
	wait "$JOBS" || true
	wait_for no_servers
	for ((i = 0; i < 2 * $(nproc); i++)); do
		(while :; do :; done) 3>&- &
		hogs+=($!)
	done
	run enroot start "$IMAGE" sh -c "$walk"
	kill "${hogs[@]}"
	[ "$status" = 0 ]
	[ "$output" = "$quiet" ]
}

@test "the server serves while the start process is stopped, and ends with the last process" {
	need_root
	own_image
	mkdir -m 777 shared
	# shellcheck disable=SC2016
	spawn "$BIN/enroot" start -m "$WORK/shared:/shared" "$IMAGE" sh -c 'kill -STOP $$; exit 0' </dev/null &
	local first=$!
	JOBS=$first
	wait_for is_stopped "$first"
	# As Slurm's plugin: a task joins by setns, then the first process goes on and ends.
	spawn nsenter -t "$first" -U --preserve-credentials -m -r -w sh -c 'touch /shared/joined
		while [ ! -e /shared/go ]; do /bin/busybox ls -lR /bin /usr >/dev/null; sleep 0.05; done
		ls /etc/os-release >/shared/result' &
	local task=$!
	JOBS="$first $task"
	wait_for test -e shared/joined
	kill -CONT "$first"
	wait "$first"
	sleep 0.2
	has_server
	touch shared/go
	wait "$task"
	[ "$(cat shared/result)" = /etc/os-release ]
	JOBS=
	wait_for no_servers
}

@test "a background process keeps the server, but not the caller's pipe" {
	own_image
	mkdir -m 777 shared
	run -0 as_user timeout 60 "$BIN/enroot" start -m "$WORK/shared:/shared" "$IMAGE" sh -c \
		'(until [ -e /shared/go ]; do sleep 0.05; done; ls /bin >/dev/null) >/dev/null 2>&1 </dev/null & echo started'
	[ "$output" = started ]
	[ -n "$(servers)" ]
	touch shared/go
	wait_for no_servers
}

@test "the server ends when the container is killed" {
	own_image
	spawn "$BIN/enroot" start --pid "$IMAGE" sleep 60 &
	JOBS=$!
	wait_for has_server
	sleep 0.2
	kill -KILL "$JOBS"
	wait "$JOBS" || true
	wait_for no_servers
}

@test "signals of a terminal or a batch system do not end the server before the container" {
	need_root
	own_image
	mkdir -m 777 shared
	spawn "$BIN/enroot" start -m "$WORK/shared:/shared" "$IMAGE" sh -c \
		'trap "" TERM; echo ready; until [ -e /shared/go ]; do sleep 0.05; done; ls /bin/busybox' >out &
	JOBS=$!
	wait_for grep -q ready out
	local signal server
	server=$(servers)
	for signal in TERM INT HUP QUIT USR1 ALRM TSTP; do
		kill -"$signal" "$server"
	done
	touch shared/go
	wait "$JOBS"
	JOBS=
	grep -q /bin/busybox out
	wait_for no_servers
}

@test "500 starts killed at random moments leave nothing" {
	release_only
	own_image
	local i pid env=()
	mapfile -d '' env < <(user_env)
	for ((i = 0; i < 500; i++)); do
		if is_root; then
			setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups env -i "${env[@]}" "$BIN/enroot" start "$IMAGE" sleep 5 >/dev/null 2>&1 3>&- &
		else
			env -i "${env[@]}" "$BIN/enroot" start "$IMAGE" sleep 5 >/dev/null 2>&1 3>&- &
		fi
		pid=$!
		sleep "0.00$((RANDOM % 10))$((RANDOM % 10))"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	wait_for no_servers
	! grep "$WORK" /proc/self/mountinfo
	[ -z "$(find "$WORK/run" -mindepth 2)" ]
}

@test "64 starts of one image at once under full load: none fails" {
	release_only
	own_image
	local i env=() load=()
	mapfile -d '' env < <(user_env)
	for ((i = 0; i < $(nproc) * 2; i++)); do
		sh -c 'while :; do :; done' 3>&- &
		load+=($!)
	done
	JOBS="${load[*]}"
	for ((i = 0; i < 64; i++)); do
		(spawn "$BIN/enroot" start "$IMAGE" sh -c "echo ok" >"out.$i" 2>&1) &
		load+=($!)
	done
	for i in "${load[@]:$(($(nproc) * 2))}"; do
		wait "$i"
	done
	kill -KILL ${JOBS}
	JOBS=
	[ "$(cat out.* | grep -cx ok)" -eq 64 ]
	wait_for no_servers
}

# ---- the overlay ----

@test "--overlay keeps the changes, and makes the image writable" {
	run -0 enroot start --overlay kept "$IMAGE" sh -c 'echo one >/new; rm -r /usr; rm /etc/os-release'
	[ -d kept/upper ] && [ -d kept/work ] && [ -f kept/image ]
	run -0 enroot start --overlay kept "$IMAGE" sh -c 'cat /new; test ! -e /usr; test ! -e /etc/os-release'
	[ "$output" = one ]
	run -0 enroot start "$IMAGE" sh -c 'test ! -e /new; test -e /usr'
}

@test "--overlay is locked while in use, also by what outlives the start" {
	own_image
	spawn "$BIN/enroot" start --overlay kept "$IMAGE" sleep 60 &
	JOBS=$!
	wait_for test -d kept/upper
	run enroot start --overlay kept "$IMAGE" true
	assert_one_error "kept is in use"
	kill "$JOBS"
	wait "$JOBS" || true
	wait_for no_servers
	run -0 enroot start --overlay kept "$IMAGE" true
}

@test "--overlay refuses another image, foreign directories and file systems that cannot" {
	run -0 enroot start --overlay kept "$IMAGE" true
	mkdir other
	echo x >other/file
	chmod 644 other/file
	mksquashfs other other.sqsh -noappend -quiet -no-progress >/dev/null
	run enroot start --overlay kept ./other.sqsh true
	assert_one_error "another image"
	! is_root || chown -R "$TEST_UID" other
	run enroot start --overlay other "$IMAGE" true
	assert_one_error "neither empty nor"
	if is_root; then
		mkdir fs
		mount -t ramfs ramfs fs
		chown "$TEST_UID" fs
		run enroot start --overlay fs/kept "$IMAGE" true
		umount fs
		assert_one_error "cannot be the upper layer"
	fi
	mkdir -p home/.local/share/enroot/c
	run enroot start --overlay kept c true
	assert_one_error "--overlay is for images"
}

@test "ENROOT_OVERLAY_SIZE limits the changes in memory" {
	TEST_ENV=(ENROOT_OVERLAY_SIZE=1m)
	run -0 enroot start --rw "$IMAGE" sh -c 'dd if=/dev/zero of=/big bs=64k count=100 2>&1 | grep -o "No space left"; head -c 10000 /dev/zero >/small2 2>/dev/null; true'
	[ "$output" = "No space left" ]
	TEST_ENV=(ENROOT_OVERLAY_SIZE=nonsense)
	run enroot start --rw "$IMAGE" true
	assert_one_error "ENROOT_OVERLAY_SIZE"
}

no_overlay_program() {
	local pid
	for pid in $(pgrep -u "$TEST_UID" -x fuse-overlayfs); do
		! grep -qz "^HOME=$WORK/" "/proc/$pid/environ" 2>/dev/null || return 1 # no other test's
	done
}

@test "without the kernel's overlay: fuse-overlayfs" {
	command -v fuse-overlayfs >/dev/null || skip "needs fuse-overlayfs"
	own_image
	TEST_ENV=(ENROOT_NATIVE_OVERLAYFS=n)
	run -0 enroot start --rw "$IMAGE" sh -c 'echo a >/x && rm -r /usr && mkdir /usr && ls /usr && cat /x; sed -n "s/.* \/ .* - \([a-z.-]*\) .*/\1/p" /proc/self/mountinfo | head -1'
	[ "$output" = $'a\nfuse.fuse-overlayfs' ]
	wait_for no_servers
	wait_for no_overlay_program
}

@test "without any overlay: read-only, with one warning" {
	TEST_ENV=(ENROOT_NATIVE_OVERLAYFS=n PATH="$WORK/none")
	mkdir none
	run enroot start "$IMAGE" /bin/echo hello
	[ "$(grep -c '^\[WARN\].*read-only' <<<"$output")" -eq 1 ]
}
