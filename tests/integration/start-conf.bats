#!/usr/bin/env bats
# conf scripts (start --conf, batch) and what pyxis does with them.

load helpers

setup() {
	common_setup
	use_sysconf
	make_rootfs c PATH=/bin
	echo 'exec "$@"' >"$DATA/c/etc/rc"
}

teardown() {
	common_teardown
}

@test "the four functions, in one process, in order" {
	mkdir -p "$WORK/src" "$WORK/other/rel" && echo bound >"$WORK/src/file" && echo relative >"$WORK/other/rel/file"
	conf <<-'END'
		echo "top $0 $*"
		trace=top
		environ() { trace+=,environ; echo "A=1"; echo 'B="quoted"'; env | grep -v ^HOME=; printf 'M=x\ny\n'; }
		hooks() { trace+=,hooks; echo dropped; echo "H=$trace" >>"$ENROOT_ENVIRON"; echo "$PWD/src /h none x-create=dir,bind" >>"$ENROOT_MOUNTS"; cd other; }
		mounts() { trace+=,mounts; echo "rel /m"; echo "trace=$trace" >&2; }
		rc() {
			cat <<EOF
		heredoc $1
		EOF
			exec "$@"
		}
	END
	run -0 enroot start --conf conf c sh -c 'echo $A $B $H; cat /h/file /m/file'
	[[ $output == *"top $WORK/conf sh -c"* ]]
	[[ $output == *"heredoc sh"* ]]
	[[ $output == *"1 quoted top,environ,hooks"* ]]
	[[ $output == *bound* && $output == *relative* ]]
	[[ $output == *"trace=top,environ,hooks,mounts"* ]]
	[[ $output != *dropped* ]]
}

@test "functions have no arguments, exports reach hooks.d and our own variables are set" {
	printf '#!/bin/sh\necho "$FROM_CONF" >%s/seen\n' "$WORK" >"$WORK/sysconf/hooks.d/50-x.sh"
	chmod 755 "$WORK/sysconf/hooks.d/50-x.sh"
	conf <<-'END'
		export FROM_CONF=yes
		[ -n "$ENROOT_PID" ] && [ -d "$ENROOT_ROOTFS/etc" ] && [ -f "$ENROOT_ENVIRON" ] && [ -f "$ENROOT_MOUNTS" ]
		hooks() { [ $# -eq 0 ]; grep -q '^PATH=/bin' "$ENROOT_ENVIRON"; }
	END
	run -0 enroot start -c conf c true a b
	[ "$(cat "$WORK/seen")" = yes ]
}

@test "a failing line or function ends the start, and is named" {
	conf <<<'false'
	run enroot start -c conf c true
	assert_one_error "conf: .*exited with return code 1"
	conf <<<'hooks() { true; false; true; }'
	run enroot start -c conf c true
	assert_one_error 'conf: hooks\(\).*exited with return code 1'
	conf <<<'environ() { echo $UNSET_VARIABLE; }'
	run enroot start -c conf c true
	assert_one_error 'conf: environ\(\)'
	conf <<<'mounts() { exit 7; }'
	run enroot start -c conf c true
	assert_one_error 'conf: mounts\(\).*exited with return code 7'
}

@test "a syntax error is shown as bash says it" {
	conf <<<'if true; then'
	run enroot start -c conf c true
	assert_one_error "Invalid argument: .*conf"
	[[ $output == *"[WARN]"*"syntax error"* ]]
	run enroot start -c "$WORK/none" c true
	assert_one_error "No such file or directory: $WORK/none"
	run -1 as_user bash -c 'enroot start --conf <(echo true) c true'
	[[ $output == *"No such file or directory"* ]]
}

@test "--rc beats rc(), directives beat the environment, flags beat both" {
	conf <<-'END'
		#ENROOT_REMAP_ROOT=y
		rc() { echo "from rc()"; }
	END
	run -0 enroot start -c conf c
	[ "$output" = "from rc()" ]
	echo 'id -u' >"$WORK/script"
	export ENROOT_REMAP_ROOT=n
	run -0 enroot start -c conf --rc script c
	[ "$output" = 0 ]
	unset ENROOT_REMAP_ROOT
}

@test "mounts() undoes the bind of the home, as pyxis does" {
	echo mine >"$WORK/home/file"
	export ENROOT_MOUNT_HOME=y
	conf <<<'mounts() { echo "umount /root x-detach"; }'
	run -0 enroot start --root c ls /root
	[ "$output" = file ]
	run -0 enroot start --root -c conf c ls /root
	[ "$output" = "" ]
	unset ENROOT_MOUNT_HOME
}

@test "hooks() writes into a root filesystem that will be read-only" {
	conf <<-'END'
		hooks() { cat <<'EOF' >"${ENROOT_ROOTFS}/etc/rc.local"
		exec "$@"
		EOF
		}
	END
	run -0 enroot start -c conf c cat /etc/rc.local
	[ "$output" = 'exec "$@"' ]
}

@test "the process that pyxis forks stops, is read, and goes on" {
	local env=() pid tries=0
	conf <<-'END'
		environ() { env | grep -v ^HOME=; }
		mounts() { echo "/etc /mnt x-create=dir,bind,ro"; }
		hooks() { echo 'exec "$@"' >"${ENROOT_ROOTFS}/etc/rc.local"; }
	END
	mapfile -d '' env < <(user_env)
	(
		exec 3>&-
		! is_root || exec setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups --inh-caps=-all \
			env -i "${env[@]}" "$BIN/enroot" start --conf conf c sh -c 'kill -STOP $$ ; exit 0' </dev/null
		exec env -i "${env[@]}" "$BIN/enroot" start --conf conf c sh -c 'kill -STOP $$ ; exit 0' </dev/null
	) &
	pid=$!
	until grep -qs '^State:.T' "/proc/$pid/status"; do
		tries=$((tries + 1))
		[ $tries -lt 250 ]
		sleep 0.02
	done
	[ "$(cat "/proc/$pid/task/$pid/children")" = "" ]
	as_user readlink "/proc/$pid/ns/user" "/proc/$pid/ns/mnt" "/proc/$pid/ns/cgroup" "/proc/$pid/cwd" >/dev/null
	[ "$(as_user readlink "/proc/$pid/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
	as_user cat "/proc/$pid/environ" | tr '\0' '\n' | grep -q '^PATH='
	kill -CONT "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 0 ]
}

@test "what the script leaves running holds nothing up" {
	conf <<-'END'
		sleep 30 >/dev/null 2>&1 3>&- &
		hooks() { exit 9; }
	END
	run as_user timeout 25 "$BIN/enroot" start -c conf c true
	assert_one_error 'conf: hooks\(\).*exited with return code 9'
}

@test "the plugin's contract, step by step" {
	command -v cc >/dev/null || skip "needs a C compiler"
	cc -O2 -o "$WORK/pyxis-contract" "$TOOLS/pyxis-contract.c"
	conf <<-'END'
		environ() { env | grep -v ^HOME=; }
		mounts() { echo "/etc /mnt x-create=dir,bind,ro"; }
		hooks() { echo 'exec "$@"' >"${ENROOT_ROOTFS}/etc/rc.local"; }
	END
	run -0 as_user timeout 60 "$WORK/pyxis-contract" "$BIN/enroot" c conf
	[[ $output == *"nothing runs any more: ok" ]]
}
