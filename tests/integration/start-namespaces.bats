#!/usr/bin/env bats
# --pid, --net, --ipc, --uts and the supervisor; the host's root.

load helpers

setup() {
	common_setup
	make_rootfs c PATH=/bin
}

teardown() {
	[ -z "${JOB:-}" ] || kill -KILL "$JOB" 2>/dev/null || true
	common_teardown
}

# spawn CMD…: in the background ("&"), the process itself being the program's.
spawn() {
	local env=()
	mapfile -d '' env < <(user_env)
	exec 3>&-
	if is_root; then
		exec setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups --inh-caps=-all env -i "${env[@]}" "$@"
	fi
	exec env -i "${env[@]}" "$@"
}

child_of() {
	cat "/proc/$1/task/$1/children" | tr -d ' '
}

state_of() {
	sed -n 's/^State:.\(.\).*/\1/p' "/proc/$1/status"
}

is_stopped() {
	[ "$(state_of "$1")" = T ]
}

is_not_stopped() {
	[ "$(state_of "$1")" != T ]
}

@test "--pid: the command is PID 1 with a /proc of its own" {
	run -0 enroot start --pid c sh -c 'echo $$; ls -d /proc/[0-9]* | wc -l'
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" -le 4 ]
}

@test "--pid: exit status and death by signal" {
	run -7 enroot start --pid c sh -c 'exit 7'
	run -0 enroot start --pid c true
	run -127 enroot start --pid c nothing-there
	run enroot start --pid c sh -c 'trap "" TERM; exit 0'
	[ "$status" -eq 0 ]
	# A process of the caller's namespace may kill PID 1 by any signal that cannot be handled.
	spawn "$BIN/enroot" start --pid c sh -c 'echo ready; exec sleep 100' >"$WORK/out" &
	JOB=$!
	wait_for grep -q ready "$WORK/out"
	kill -KILL "$(child_of $JOB)"
	status=0
	wait $JOB || status=$?
	[ "$status" -eq 137 ]
	JOB=
}

@test "--pid: signals are passed on once" {
	spawn "$BIN/enroot" start --pid c sh -c 'trap "echo usr1" USR1; trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.05; done' >"$WORK/out" &
	JOB=$!
	wait_for grep -q ready "$WORK/out"
	kill -USR1 $JOB
	wait_for grep -q usr1 "$WORK/out"
	kill -TERM $JOB
	status=0
	wait $JOB || status=$?
	JOB=
	[ "$status" -eq 3 ]
	[ "$(cat "$WORK/out")" = $'ready\nusr1\nterm' ]
}

@test "--pid: what the terminal sends arrives once" {
	cat >typist.py <<-'END'
		import os, pty, signal, sys

		pid, terminal = pty.fork()
		if pid == 0:
		    # A shell never traps what was ignored when it began, as SIGINT is in the background of another.
		    signal.signal(signal.SIGINT, signal.SIG_DFL)
		    os.execvp(sys.argv[1], sys.argv[1:])
		seen = b""
		while True:
		    try:
		        data = os.read(terminal, 4096)
		    except OSError:
		        data = b""
		    if not data:
		        break
		    if b"ready" in data:
		        os.write(terminal, b"\x03")
		    seen += data
		print(seen.decode())
	END
	run -0 as_user python3 typist.py "$BIN/enroot" start --pid c sh -c 'n=0; trap "n=\$((n + 1))" INT; echo ready
		while [ $n = 0 ]; do sleep 0.05; done; sleep 0.3; sleep 0.3; echo "signals: $n"'
	[[ $output == *"signals: 1"* ]]
}

@test "--pid: stop and continue are mirrored" {
	spawn "$BIN/enroot" start --pid c sh -c 'echo ready; while :; do sleep 0.05; done' >"$WORK/out" &
	JOB=$!
	wait_for grep -q ready "$WORK/out"
	local child
	child=$(child_of $JOB)
	kill -TSTP $JOB
	wait_for is_stopped "$child"
	wait_for is_stopped $JOB
	kill -CONT $JOB
	wait_for is_not_stopped "$child"
	# And the other way: who stops the container stops what stands for it.
	kill -STOP "$child"
	wait_for is_stopped $JOB
	kill -CONT $JOB
	wait_for is_not_stopped "$child"
	kill -KILL "$child"
	wait $JOB || true
	JOB=
}

@test "--pid: the container dies with its parent" {
	spawn "$BIN/enroot" start --pid c sh -c 'echo ready; while :; do sleep 0.05; done' >"$WORK/out" &
	JOB=$!
	wait_for grep -q ready "$WORK/out"
	local child
	child=$(child_of $JOB)
	kill -KILL $JOB
	wait $JOB || true
	JOB=
	wait_for test ! -e "/proc/$child/root/bin"
}

@test "--net: a network of its own with the loopback up" {
	run -0 enroot start --net c sh -c 'readlink /proc/self/ns/net; ls /sys/class/net; cat /sys/class/net/lo/operstate; grep " /sys " /proc/self/mounts'
	[ "${lines[0]}" != "$(readlink /proc/self/ns/net)" ]
	[[ $output == *lo* ]]
	[[ ${lines[-1]} == *" ro,"* ]]
	run -0 enroot start --net c ip addr show lo
	[[ $output == *UP* ]]
}

@test "--uts and --ipc" {
	run -0 enroot start --uts --root c sh -c 'hostname inside; hostname; readlink /proc/self/ns/uts'
	[ "${lines[0]}" = inside ]
	[ "${lines[1]}" != "$(readlink /proc/self/ns/uts)" ]
	[ "$(hostname)" != inside ]
	run -0 enroot start --ipc c readlink /proc/self/ns/ipc
	[ "$output" != "$(readlink /proc/self/ns/ipc)" ]
}

@test "all of them, by settings" {
	export ENROOT_UNSHARE_PID=y ENROOT_UNSHARE_NET=y ENROOT_UNSHARE_IPC=y ENROOT_UNSHARE_UTS=y
	run -4 enroot start --root --rw c sh -c 'echo $$; exit 4'
	[ "$output" = 1 ]
	unset ENROOT_UNSHARE_PID ENROOT_UNSHARE_NET ENROOT_UNSHARE_IPC ENROOT_UNSHARE_UTS
}

@test "where the host's root is the initial ramfs, which cannot be pivoted from" {
	need_root
	release_only # a static program, which needs nothing of the host
	on_ramfs() {
		unshare -m "$TOOLS/on-ramfs.py" bash -c "$(declare -p TEST_ENV WORK; declare -f)
			$1" 3>&-
	}
	run on_ramfs 'grep -E "^[^ ]+ [^ ]+ [^ ]+ / / .* - (rootfs|ramfs) " /proc/self/mountinfo'
	[ "$status" -ne 77 ] || skip "$output"
	[ "$status" -eq 0 ]
	run -0 on_ramfs "enroot start c sh -c 'echo \$\$; ls -d /proc $SUITE; wc -l </proc/self/mounts'"
	grep -qx /proc <<<"$output"
	[[ $output == *"$SUITE: No such file"* ]]
	[ "${lines[-1]}" -gt 10 ]
	run -0 on_ramfs "enroot start --pid --root --rw c sh -c 'echo \$\$; echo new >/new; cd /; cd ../..; ls -d $SUITE'; true"
	[ "${lines[0]}" = 1 ]
	[[ ${lines[1]} == *"No such file"* ]]
	[ "$(cat "$DATA/c/new")" = new ]
	# Root of the container cannot uncover what is under it, but does mount things.
	run -0 on_ramfs "enroot start --root c sh -c 'umount -l / && echo uncovered; mount -t tmpfs tmpfs /srv && umount /srv && id -u'"
	[ "${lines[-1]}" = 0 ]
	refute grep -q uncovered <<<"$output"
	# What joins lands in the container, and it is listed.
	run -0 on_ramfs 'enroot start --detach --name x c sh -c "exec sleep 100" >/dev/null
		enroot list -f | grep -c "^c .*sleep 100"; enroot exec x cat /new; enroot stop x'
	[ "$output" = $'1\nnew' ]
	run -0 on_ramfs 'enroot doctor'
	[[ $output == *"by moving mounts"* ]]
}

@test "a plain start forks nothing and execs once" {
	release_only
	command -v strace >/dev/null || skip "needs strace"
	run -0 as_user strace -f -e trace=execve,clone,clone3,fork,vfork -o "$WORK/trace" "$BIN/enroot" start c true
	[ "$(grep -c 'execve(' "$WORK/trace")" -le 2 ]
	refute grep -qE 'clone|fork' "$WORK/trace"
}
