#!/usr/bin/env bats
# start on a root filesystem directory. The root filesystems are made by hand.

load helpers

setup() {
	common_setup
	make_rootfs c
}

teardown() {
	common_teardown
}

# --- the command ---------------------------------------------------------------------------------------------

@test "runs a command and gives its exit status" {
	run -0 enroot start c echo hello world
	[ "$output" = "hello world" ]
	run -3 enroot start c sh -c 'exit 3'
	run -0 enroot start c true
	run -1 enroot start c false
}

@test "not found is 127, not executable is 126" {
	run -127 enroot start c nothing-of-that-name
	mkdir "$DATA/c/folder"
	run -126 enroot start c /folder
}

@test "a first word with a blank is a command line" {
	run -0 enroot start c 'echo "$1-$2"; echo second' a b
	[ "$output" = $'a-b\nsecond' ]
}

@test "a file that may not be executed is the shell's script" {
	rootfs_write tmp.sh 'echo script $1'
	run -0 enroot start c /tmp.sh arg
	[ "$output" = "script arg" ]
}

@test "arguments survive byte for byte" {
	run -0 enroot start c sh -c 'for a; do echo "<$a>"; done' sh 'a b' '$HOME' "it's" '"q"' '' $'new\nline'
	[ "$output" = $'<a b>\n<$HOME>\n<it\'s>\n<"q">\n<>\n<new\nline>' ]
}

@test "a command that is killed ends start by the same signal" {
	run -143 enroot start c sh -c 'kill -TERM $$'
	run -137 enroot start c sh -c 'kill -KILL $$'
}

@test "the process that was forked becomes the container's" {
	as_user "$BIN/enroot" start c sh -c 'echo $$; kill -STOP $$; exit 7' >"$WORK/pid" &
	local job=$! tries=0 pid
	until pid=$(cat "$WORK/pid") && [ -n "$pid" ] && grep -q '^State:.T' "/proc/$pid/status"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ]
		sleep 0.02
	done
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-3)" = "sh " ]
	kill -CONT "$pid"
	status=0
	wait "$job" || status=$?
	[ "$status" -eq 7 ]
}

@test "an entry script gets the command, and --rc takes its place" {
	rootfs_write etc/rc 'echo rc "$@"'
	run -0 enroot start c a 'b c'
	[ "$output" = "rc a b c" ]
	echo 'echo mine "$@"' >"$WORK/mine"
	run -0 enroot start --rc "$WORK/mine" c x
	[ "$output" = "mine x" ]
	run -0 as_user bash -c 'enroot start --rc <(echo "echo fifo \"\$@\"") c y'
	[ "$output" = "fifo y" ]
	run enroot start --rc "$WORK/missing" c
	assert_one_error "No such file or directory: $WORK/missing"
}

@test "standard input reaches the command" {
	run -0 as_user bash -c 'echo from outside | enroot start c cat'
	[ "$output" = "from outside" ]
}

# ENROOT_TEST_HARDENED=y: the build under test has the option "hardened".
@test "descriptors are inherited, but closed in the hardened build" {
	exec 7<<<"seventh"
	if [ -n "${ENROOT_TEST_HARDENED:-}" ]; then
		run -0 enroot start --pid c sh -c 'ls /proc/self/fd | wc -l'
		[ "$output" -le 4 ]
		exec 7<&-
		return 0
	fi
	run -0 enroot start c sh -c 'cat <&7'
	[ "$output" = "seventh" ]
	exec 7<&-
}

# --- who and what one is -------------------------------------------------------------------------------------

@test "the user is himself, or root with --root" {
	run -0 enroot start c id -u
	[ "$output" = "$TEST_UID" ]
	run -0 enroot start --root c id -u
	[ "$output" = 0 ]
	TEST_ENV=(ENROOT_REMAP_ROOT=y)
	run -0 enroot start c id -g
	[ "$output" = 0 ]
}

@test "no capabilities and no new privileges; root of the namespace keeps his" {
	run -0 enroot start c grep -E '^(CapEff|CapPrm|CapInh|NoNewPrivs|Seccomp):' /proc/self/status
	[ "$(grep -c '0000000000000000' <<<"$output")" -eq 3 ]
	grep -q '^NoNewPrivs:.1' <<<"$output"
	grep -q '^Seccomp:.2' <<<"$output"
	run -0 enroot start --root c grep -E '^(CapEff|NoNewPrivs):' /proc/self/status
	refute grep -q 'CapEff:.0000000000000000' <<<"$output"
	grep -q '^NoNewPrivs:.1' <<<"$output"
}

@test "changes of owner succeed without effect" {
	run -0 enroot start --rw c sh -c 'touch /f && chown 12:34 /f && stat -c %u /f'
	[ "$output" = "$TEST_UID" ]
}

@test "root of the host works as any other user, and as himself with ENROOT_ALLOW_SUPERUSER" {
	need_root
	export ENROOT_DATA_PATH=$DATA
	chown -R 0:0 "$DATA" "$WORK/run"
	run -0 root_enroot start c readlink /proc/self/ns/user
	[ "$output" != "$(readlink /proc/self/ns/user)" ]
	export ENROOT_ALLOW_SUPERUSER=y
	run -0 root_enroot start c readlink /proc/self/ns/user
	[ "$output" = "$(readlink /proc/self/ns/user)" ]
	run -0 root_enroot start c grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status
	grep -q '^NoNewPrivs:.1' <<<"$output"
	unset ENROOT_DATA_PATH ENROOT_ALLOW_SUPERUSER
}

# What a processor does not let be switched (here: PR_SPEC_PRCTL is missing) is played by strace.
@test "speculation is given back, but not in the hardened build" {
	release_only
	command -v strace >/dev/null || skip "needs strace"
	traced() { # ANSWER: of the first prctl(2), which asks for the state of store bypass
		run -0 as_user strace -o "$WORK/trace" -e trace=prctl,seccomp -e inject=prctl:retval="$1":when=1 "$BIN/enroot" start c true
	}
	if [ -n "${ENROOT_TEST_HARDENED:-}" ]; then
		run -0 as_user strace -o "$WORK/trace" -e trace=prctl,seccomp "$BIN/enroot" start c true
		refute grep -q 'SPEC' "$WORK/trace"
		grep -q 'seccomp(SECCOMP_SET_MODE_FILTER, 0,' "$WORK/trace"
		return 0
	fi
	traced 5 # PR_SPEC_PRCTL | PR_SPEC_DISABLE
	grep -q 'PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_ENABLE' "$WORK/trace"
	grep -q 'PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH' "$WORK/trace"
	grep -q 'seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW' "$WORK/trace"
	traced 3 # PR_SPEC_PRCTL | PR_SPEC_ENABLE: nothing to do
	refute grep -q 'PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS' "$WORK/trace"
	traced 8 # PR_SPEC_FORCE_DISABLE: nothing that one could do
	refute grep -q 'PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS' "$WORK/trace"
	# The processor's own word: the same inside as outside, whatever filter there is.
	run -0 enroot start c grep Speculation /proc/self/status
	[ "$output" = "$(as_user grep Speculation /proc/self/status)" ]
}

# --- the root filesystem -------------------------------------------------------------------------------------

@test "read-only, unless --rw" {
	run enroot start c touch /new
	[ "$status" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
	[ ! -e "$DATA/c/new" ]
	run -0 enroot start --rw c touch /new
	[ -e "$DATA/c/new" ]
	run enroot start --rw c sh -c 'echo x > /.lock'
	[ "$status" -ne 0 ]
	[ ! -s "$DATA/c/.lock" ]
}

@test "the host's filesystems are gone" {
	run -1 enroot start c test -e "$WORK"
	run -0 enroot start c sh -c "wc -l < /proc/self/mounts"
	run -0 enroot start c sh -c 'grep -c " / " /proc/self/mounts'
	[ "$output" = 1 ]
}

@test "nothing is left mounted, and nothing changes outside" {
	local before
	before=$(cat /proc/self/mounts)
	run -0 enroot start --rw c true
	[ "$(cat /proc/self/mounts)" = "$before" ]
}

@test "the standard mounts are there" {
	run -0 enroot start c cat /proc/self/mounts
	local line
	for line in '/proc proc .*nosuid,nodev,noexec' '/sys sysfs ro,nosuid,nodev,noexec' '/dev [a-z]+ .*nosuid,noexec' \
		'/tmp tmpfs .*nosuid,nodev.*mode=755' '/var/run tmpfs' '/var/lock tmpfs' '/dev/shm tmpfs' \
		'/etc/hosts [^ ]+ ro,nosuid,nodev,noexec' '/etc/hostname' '/etc/resolv.conf'; do
		grep -qE "^[^ ]+ $line" <<<"$output" || {
			echo "no $line in $output"
			return 1
		}
	done
}

@test "mount targets are made as export expects them" {
	run -0 enroot start c true
	[ "$(stat -c %a:%s:%F "$DATA/c/etc/hosts")" = "0:0:regular empty file" ]
	[ "$(stat -c %a:%F "$DATA/c/proc")" = "0:directory" ]
}

@test "mounts of the command line" {
	mkdir "$WORK/src" && echo inside >"$WORK/src/file"
	run -0 enroot start -m src:/mnt/deep/place c cat /mnt/deep/place/file
	[ "$output" = inside ]
	run -0 enroot start -m "$WORK/src:/m:none:x-create=dir,bind,ro" c sh -c 'touch /m/x 2>/dev/null || echo ro'
	[ "$output" = ro ]
	run enroot start -m "$WORK/src:../../m" c true
	assert_one_error "[Cc]ross-device link"
	run enroot start -m "a b" c true
	assert_one_error "Invalid argument: a b"
	run enroot start -m "$WORK/none:/m" c true
	assert_one_error "No such file or directory"
}

@test "ENROOT_DATA_PATH itself can be the root filesystem" {
	ENROOT_DATA_PATH=$DATA/c
	export ENROOT_DATA_PATH
	run -0 enroot start . echo here
	[ "$output" = here ]
	unset ENROOT_DATA_PATH
}

@test "a name may be a symlink in the data path" {
	ln -s c "$DATA/link"
	run -0 enroot start link echo via
	[ "$output" = via ]
}

# --- the environment -----------------------------------------------------------------------------------------

@test "the environment is the container's own" {
	rootfs_write etc/environment $'PATH=/bin\nA=1\nB=${HOME}\nENROOT_X=y\nbad line\n# B=c'
	TEST_ENV=(SECRET=outside)
	run -0 enroot start c env
	grep -qx 'A=1' <<<"$output"
	grep -qx "B=$WORK/home" <<<"$output"
	refute grep -q 'SECRET\|ENROOT_\|XDG_' <<<"$output"
	run -0 enroot start -e A=2 -e SECRET -e UNSET_HERE c env
	grep -qx 'A=2' <<<"$output"
	grep -qx 'SECRET=outside' <<<"$output"
	grep -qx 'UNSET_HERE=' <<<"$output"
	run enroot start -e 1A=2 c env
	assert_one_error "Invalid argument: 1A=2"
}

@test "what a registry supplied is literal" {
	rootfs_write etc/environment $'PATH=/bin\n# enroot-literal-begin\nL=${SECRET}\n# enroot-literal-end\nM=${SECRET}'
	TEST_ENV=(SECRET=outside)
	run -0 enroot start c env
	grep -qxF 'L=${SECRET}' <<<"$output"
	grep -qx 'M=outside' <<<"$output"
}

@test "login takes over what the container's files say" {
	rootfs_write etc/login.defs $'ENV_PATH PATH=/from/defs:/bin\nUMASK 027\nENV_TZ TZ=UTC'
	run -0 enroot start c sh -c 'echo $PATH $TZ $TERM; umask'
	[ "$output" = $'/from/defs:/bin UTC dumb\n0027' ]
	rootfs_write etc/environment 'PATH=/of/image:/bin'
	run -0 enroot start c sh -c 'echo $PATH'
	[ "$output" = "/of/image:/bin" ]
	rootfs_write etc/profile 'export FROM_PROFILE=yes'
	run -0 enroot start c sh -c 'echo $FROM_PROFILE'
	[ "$output" = yes ]
}

@test "without login nothing of that happens" {
	rootfs_write etc/login.defs 'ENV_PATH PATH=/from/defs:/bin'
	rootfs_write etc/profile 'export FROM_PROFILE=yes'
	export ENROOT_LOGIN_SHELL=n
	run -0 enroot start c /bin/sh -c 'echo "[$FROM_PROFILE]"; /bin/pwd'
	[ "$output" = $'[]\n/' ]
	run -0 enroot start c /bin/env
	refute grep -qE '^(PATH|HOME|SHELL|USER)=.*defs' <<<"$output"
	unset ENROOT_LOGIN_SHELL
}

@test "a container closed by nologin runs nothing and succeeds" {
	rootfs_write etc/nologin 'closed today'
	run -0 enroot start c touch /tmp/never
	[[ $output == *"closed today"* ]]
	[[ $output == *"[WARN]"* ]]
	run -0 enroot start --root c echo open
	[ "$output" = open ]
}

@test "HOME that is missing is fatal, unless DEFAULT_HOME is yes" {
	run enroot start -e HOME=/nowhere c pwd
	assert_one_error "failed to change directory: /nowhere: No such file or directory"
	rootfs_write etc/login.defs 'DEFAULT_HOME yes'
	run -0 enroot start -e HOME=/nowhere c pwd
	[ "$output" = / ]
}

# --- what goes wrong -----------------------------------------------------------------------------------------

@test "usage" {
	run -1 enroot start
	[[ $output == Usage:* ]]
	run -1 enroot start --nonsense c
	run -0 enroot start --help
	run -1 enroot start -e
}

@test "names and images that are none" {
	run enroot start missing
	assert_one_error "No such file or directory: $DATA/missing"
	run enroot start ..
	assert_one_error "Invalid argument: \.\."
	run enroot start /dev/urandom
	assert_one_error "No such file or directory: /dev/urandom"
	run enroot start ./
	assert_one_error "No such file or directory: \./"
	echo text >"$WORK/file"
	run enroot start ./file
	assert_one_error "Invalid image format: \./file"
	run enroot start "$(printf 'x%.0s' {1..300})"
	assert_one_error "Invalid argument"
}

@test "user namespaces that are forbidden are named" {
	need_root
	local max
	max=$(cat /proc/sys/user/max_user_namespaces)
	# The limit counts for a user namespace and all below it: only one of our own is switched off.
	run unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces &&
		XDG_RUNTIME_DIR='"$WORK/run"' HOME='"$WORK/home"' ENROOT_DATA_PATH='"$DATA"' '"$BIN"'/enroot start c true'
	assert_one_error "failed to create user namespace: .*max_user_namespaces"
	[ "$(cat /proc/sys/user/max_user_namespaces)" = "$max" ]
}

# The numbers of newer calls are the same on all architectures.
@test "kernels and filters without the newer calls: the same mounts" {
	mkdir "$WORK/src"
	local newer=428,429,430,431,432,436,437,439,442 calls error
	mounts() { # the topmost of each place
		as_user "$@" start -m "$WORK/src:/m:none:x-create=dir,bind,ro,noexec" c sh -c 'cat /proc/self/mounts; touch /m/x /x 2>&1; true' |
			awk '{ top[$2] = $0 } END { for (place in top) print top[place] }' | sort
	}
	mounts "$BIN/enroot" >"$WORK/want"
	grep -qE '^[^ ]+ /m [^ ]+ ro,.*noexec' "$WORK/want"
	grep -q 'touch: /x: Read-only' "$WORK/want"
	for calls in "$newer" 428,429 437 442 439 436; do # all; mounts; openat2; mount_setattr; faccessat2; close_range
		for error in 38 1; do
			mounts python3 "$TOOLS/without-calls.py" $error $calls "$BIN/enroot" >"$WORK/got" 2>&1 || true
			diff "$WORK/want" "$WORK/got" || {
				echo "without $calls ($error)"
				return 1
			}
		done
	done
}

# --- hostile root filesystems --------------------------------------------------------------------------------

# The listing of a folder outside that must not change.
outside() {
	mkdir -p "$WORK/outside"/{etc,proc,dev,sys,tmp,var}
	echo secret >"$WORK/outside/passwd"
	echo 'PATH=/bin' >"$WORK/outside/environment"
	echo 'STOLEN=yes' >>"$WORK/outside/environment"
	echo "$WORK/outside /stolen none x-create=dir,bind" >"$WORK/outside/fstab"
	echo 'echo stolen' >"$WORK/outside/rc"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK/outside"
	listing_outside >"$WORK/before"
}

listing_outside() {
	(cd "$WORK/outside" && find . -printf '%p %y %m %s %T@ %l\n' | sort)
}

assert_outside_untouched() {
	listing_outside >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
}

@test "symlinks in the root filesystem lead nowhere outside" {
	outside
	local link up=../../../../../../../../../..
	for link in etc proc dev sys tmp var .lock etc/passwd etc/group etc/environment etc/fstab etc/rc etc/hosts etc/login.defs etc/hostname; do
		for target in "$WORK/outside/${link##*/}" "$up$WORK/outside/${link##*/}"; do
			make_rootfs h
			rm -rf "${DATA:?}/h/$link"
			mkdir -p "$DATA/h/${link%/*}" 2>/dev/null || true
			[ "${link%/*}" != "$link" ] || rm -rf "${DATA:?}/h/$link"
			ln -s "$target" "$DATA/h/$link"
			! is_root || chown -hR "$TEST_UID:$TEST_GID" "$DATA/h"
			local flag
			for flag in --rw --root; do
				run enroot start "$flag" h /bin/sh -c 'echo "ran $STOLEN"; ls /stolen 2>/dev/null; cat /etc/passwd 2>/dev/null'
				[[ $output != *stolen* && $output != *secret* && $output != *"ran yes"* ]] || {
					echo "$link -> $target: $output"
					return 1
				}
				assert_outside_untouched
			done
			rm -rf "${DATA:?}/h"
		done
	done
}

@test "special files in place of the files that start reads do not block it" {
	local file
	for file in etc/passwd etc/environment etc/fstab etc/login.defs etc/locale.conf etc/nologin; do
		rm -f "$DATA/c/$file"
		as_user mkfifo "$DATA/c/$file"
	done
	run -0 as_user timeout 60 "$BIN/enroot" start --rw c /bin/echo done
	[[ $output == *done* ]]
}
