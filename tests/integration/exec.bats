#!/usr/bin/env bats
# exec, list -f and the helpers enroot-mount, enroot-nsenter, enroot-switchroot: what happens to what runs already.

load helpers

setup() {
	common_setup
	make_rootfs box PATH=/bin
	BEFORE='cd /srv; export MULTI="first
second=2"'
}

teardown() {
	common_teardown
}

@test "exec by PID and by name: environment, directory, identity" {
	running box
	[ "$(enroot exec "$PID" pwd)" = /srv ]
	[ "$(enroot exec box pwd)" = /srv ]
	[ "$(enroot exec box id -u)" = "$TEST_UID" ]
	[ "$(enroot exec box sh -c 'echo "$MULTI"')" = $'first\nsecond=2' ]
	[ -z "$(enroot exec box sh -c 'echo "${second-}"')" ]
	[ "$(enroot exec -e A=1 --env B=x=y box sh -c 'echo $A $B')" = "1 x=y" ]
	TEST_ENV=(HERE=there)
	[ "$(enroot exec -e HERE -e NOWHERE box sh -c 'echo "$HERE:${NOWHERE-unset}"')" = "there:" ]
	[ "$(enroot exec box cat /etc/environment)" = PATH=/bin ]
}

@test "exec: no privileges beyond the container's" {
	running box
	enroot exec box cat /proc/self/status >status
	grep -q '^NoNewPrivs:.*1$' status
	grep -q '^Seccomp:.*2$' status
	[ "$(grep -cE '^Cap(Inh|Prm|Eff|Bnd|Amb):.0000000000000000$' status)" -eq 5 ]
	enroot exec box sh -c 'touch /tmp/x && busybox chown 12345 /tmp/x'
}

@test "exec into a remapped root keeps its capabilities" {
	running --root box
	[ "$(enroot exec box id -u)" = 0 ]
	enroot exec box sh -c 'mount -t tmpfs tmpfs /srv && touch /srv/seen'
	[ "$(enroot exec box ls /srv)" = seen ]
}

@test "exec with a PID namespace: status and signals" {
	running --pid box
	run enroot exec box sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run enroot exec box sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
	[ "$(enroot exec box sh -c 'cat /proc/1/comm')" = sleep ]
}

@test "exec: what is refused" {
	running box
	run enroot exec "$PID" nosuch
	assert_one_error 'nosuch: No such file or directory$'
	run enroot exec nosuch true
	assert_one_error '^\[ERROR\] Process not found: nosuch$'
	run enroot exec 4194999 true
	assert_one_error '^\[ERROR\] Process not found: 4194999$'
	run enroot exec -e '1X=2' box true
	assert_one_error 'Invalid argument: 1X=2'
	# A process of the same user that is in no container.
	spawn /dev/null version
	(EXEC=exec; as_user sleep 100 3>&-) &
	JOBS+=($!)
	wait_until grep -qx sleep "/proc/$!/comm"
	run enroot exec "$!" true
	assert_one_error 'Process not found'
}

@test "exec: another user's container is not found" {
	need_root
	running box
	run as_uid 12345 12345 "$BIN/enroot" exec "$PID" true
	[ "$status" -eq 1 ]
	grep -q "Process not found: $PID" <<<"$output"
}

@test "list -f: one row a mount namespace, joined processes stay visible" {
	mkdir -p "$DATA/stopped"
	running box
	local first=$PID
	running box
	# Others of this user may run elsewhere.
	enroot list -f | sed '/^<unknown>/,$d' >table
	[ "$(sed -n 1p table | tr -s ' ')" = "NAME PID COMM STATE STARTED TIME MNTNS USERNS COMMAND" ]
	[ "$(wc -l <table)" -eq 4 ]
	[ "$(awk '$1 == "box" { print $2 }' table)" = "$first" ]
	[ "$(sed -n 3p table | awk '{ print $1 }')" = "$PID" ]
	[ "$(sed -n 4p table)" = stopped ]
	[ "$(awk '$1 == "box" { print $7 }' table)" = "$(stat -L -c %i "/proc/$first/ns/mnt")" ]
	grep -q 'sleep 1000$' table
	# A process that joins keeps the container in the list when the first one ends.
	spawn joined exec "$first" sleep 200
	JOBS+=("$SPAWNED")
	local joined=$SPAWNED i
	for ((i = 0; i < 250; i++)); do
		[ "$(stat -L -c %i "/proc/$joined/ns/mnt")" != "$(stat -L -c %i "/proc/$first/ns/mnt")" ] || break
		sleep 0.02
	done
	kill -KILL "$first"
	for ((i = 0; i < 250; i++)); do
		[ -e "/proc/$first" ] || break
		sleep 0.02
	done
	enroot list -f | grep -E "^box +|^ +" | grep -qw "$joined"
	[ "$(enroot exec "$joined" cat /proc/self/comm)" = cat ]
}

@test "list -f among 10,000 processes takes less than ps" {
	release_only
	command -v cc >/dev/null || skip "needs a C compiler"
	cat >crowd.c <<-'END'
		#include <signal.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <unistd.h>

		int main(int argc, char *argv[])
		{
			for (int i = atoi(argv[argc - 1]); i > 0; i--) {
				pid_t pid = fork();
				if (pid < 0)
					return 1;
				if (pid == 0) {
					prctl(PR_SET_PDEATHSIG, SIGKILL);
					pause();
				}
			}
			puts("ready");
			fflush(stdout);
			pause();
		}
	END
	cc -O2 -static -o crowd crowd.c
	running box
	(EXEC=exec; as_user ./crowd 10000 >crowd.out 2>&1 3>&-) &
	JOBS+=($!)
	local i
	for ((i = 0; i < 3000; i++)); do
		! grep -qs ready crowd.out || break
		kill -0 "${JOBS[-1]}" 2>/dev/null || skip "no 10,000 processes here"
		sleep 0.02
	done
	run -0 enroot list -f
	grep -qE "^box +$PID " <<<"$output"
	# CPU time of the better of two runs.
	cat >compare.py <<-'END'
		import os, resource, subprocess, sys

		def cpu(command):
		    before = resource.getrusage(resource.RUSAGE_CHILDREN)
		    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
		    after = resource.getrusage(resource.RUSAGE_CHILDREN)
		    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

		def best(command):
		    return min(cpu(command), cpu(command))

		ours, plain = best([sys.argv[1], "list", "-f"]), best(["ps", "-e", "-o", "pid=,comm="])
		print("list %.3f s, ps %.3f s" % (ours, plain))
		sys.exit(ours > plain)
	END
	run as_user python3 compare.py "$BIN/enroot"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "list -f through a data path with a symlink; removed containers" {
	as_user ln -s "$DATA" elsewhere
	export ENROOT_DATA_PATH=$WORK/elsewhere
	running box
	enroot list -f | grep -qE "^box  +$PID "
	export ENROOT_DATA_PATH=$WORK/other
	enroot list -f | sed -n "/^<unknown>/,\$p" | grep -qw "$PID" # others of this user may run elsewhere
}

@test "list --json" {
	running box
	enroot list --json >json
	python3 - json "$PID" <<-'PY'
		import json, sys
		box, = [c for c in json.load(open(sys.argv[1])) if c["name"] == "box"]
		process, = box["processes"]
		assert process["pid"] == int(sys.argv[2]) and process["command"] == "sleep 1000", process
	PY
}

@test "batch: directives, the command's own options, missing rootfs" {
	printf '#! %s batch\n#ENROOT_ROOTFS=${ENROOT_ROOTFS:-box}\n#ENROOT_REMAP_ROOT=yes\n' "$BIN/enroot" >job
	chmod 755 job
	[ "$(enroot batch job id -u)" = 0 ]
	[ "$(as_user ./job echo -x --pid -- y)" = "-x --pid -- y" ]
	mkdir -p "$DATA/other"
	cp -r "$DATA/box/." "$DATA/other"
	echo NAME=other >>"$DATA/other/etc/environment"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$DATA/other"
	export ENROOT_ROOTFS=other
	[ "$(enroot batch job sh -c 'echo $NAME')" = other ]
	unset ENROOT_ROOTFS
	echo '#' >job
	run enroot batch job true
	assert_one_error 'Missing directive ENROOT_ROOTFS in .*job'
	run enroot batch nosuch true
	assert_one_error 'No such file or directory: nosuch'
	mkfifo fifo
	run enroot start --conf fifo box true
	assert_one_error 'No such file or directory: fifo'
}

@test "start --conf: directives beat the environment, flags beat directives" {
	export ENROOT_REMAP_ROOT=no
	echo '# ENROOT_REMAP_ROOT=yes' >job
	[ "$(enroot start --conf job box id -u)" = 0 ]
	echo '#ENROOT_REMAP_ROOT=no' >job
	[ "$(enroot start --conf job --root box id -u)" = 0 ]
}

@test "enroot-mount: files, standard input, passes, errors" {
	mkdir root
	printf 'tmpfs /a tmpfs x-create=dir,mode=711\n/etc /b none x-create=dir,bind,ro 0 -1\n' >fstab
	chown -R "$TEST_UID:$TEST_GID" root fstab
	as_user "$BIN/enroot-nsenter" --user --mount --remap-root sh -c '
		'"$BIN"'/enroot-mount --root root fstab && stat -c %a root/a && test ! -e root/b/passwd &&
		'"$BIN"'/enroot-mount --root=root --pass -1 fstab && test -e root/b/passwd &&
		echo "tmpfs /c tmpfs x-create=dir" | '"$BIN"'/enroot-mount --root root - && stat -f -c %T root/c' >out
	[ "$(cat out)" = $'711\ntmpfs' ]
	run as_user "$BIN/enroot-nsenter" --user --mount --remap-root "$BIN/enroot-mount" --root root - <<<'/no/such/source /a'
	[ "$status" -eq 1 ]
	grep -q '^enroot-mount: stdin:1: .*No such file or directory$' <<<"$output"
	run as_user "$BIN/enroot-nsenter" --user --mount --remap-root "$BIN/enroot-mount" --root root - <<<'/etc /../x'
	grep -qi 'cross-device link$' <<<"$output"
	run as_user "$BIN/enroot-mount"
	[ "$status" -eq 1 ]
	grep -qi '^usage: enroot-mount' <<<"$output"
}

@test "enroot-nsenter: new namespaces and a process's" {
	[ "$(as_user "$BIN/enroot-nsenter" --user --pid --remap-root sh -c 'id -u; echo $$')" = $'0\n1' ]
	running box
	printf 'A=1\nPATH=/bin\n' >envfile
	chmod 644 envfile
	[ "$(as_user "$BIN/enroot-nsenter" --target "$PID" --envfile envfile --workdir /etc sh -c 'echo $A; pwd')" = $'1\n/etc' ]
	run as_user "$BIN/enroot-nsenter" --target 0 true
	[ "$status" -eq 1 ]
	grep -q '^enroot-nsenter: .*Invalid argument$' <<<"$output"
}

@test "enroot-switchroot: a mounted root filesystem" {
	printf 'PATH=/bin\nB=2\n' >envfile
	chmod 644 envfile
	cat >go <<-EOT
		mount --bind "$DATA/box" "$DATA/box"
		exec "$BIN/enroot-switchroot" --norc --envfile envfile --workdir /srv "$DATA/box" sh -c 'pwd; echo \$B; ls /'
	EOT
	as_user "$BIN/enroot-nsenter" --user --mount --remap-root sh go >out
	[ "$(head -2 out)" = $'/srv\n2' ]
	grep -qx srv out
	refute grep -qx usr out
}

@test "stubs name the command that does their work" {
	local name
	for name in aufs2ovlfs mksquashovlfs makeself; do
		run "$BIN/enroot-$name" x
		[ "$status" -eq 1 ]
		grep -q 'use "enroot ' <<<"$output"
	done
}
