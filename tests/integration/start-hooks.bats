#!/usr/bin/env bats
# The built-in hooks, and programs in hooks.d.

load helpers

setup() {
	common_setup
	use_sysconf
	make_rootfs c PATH=/bin
}

teardown() {
	common_teardown
}

# --- 10-shadow -----------------------------------------------------------------------------------------------

@test "passwd and group begin with root, nobody and the user" {
	rootfs_write etc/passwd $'root:x:0:0:old root:/root:/bin/ash\n_apt:x:100:65534::/nonexistent:/bin/false\ndaemon:x:1:1::/:/bin/false\nnobody:x:99:99::/:/bin/false'
	rootfs_write etc/group $'root:x:0:\ndaemon:x:1:a,b'
	run -0 enroot start c cat /etc/passwd /etc/group
	[ "${lines[0]}" = "root:x:0:0:root:/root:/bin/sh" ]
	[[ ${lines[1]} == nobody:x:65534:65534:nobody:/:/sbin/nologin ]]
	[[ ${lines[2]} == "$TEST_USER:x:$TEST_UID:$TEST_GID:"*:/bin/sh ]]
	[ "${lines[3]}" = "daemon:x:1:1::/:/bin/false" ]
	[ "${lines[4]}" = "root:x:0:" ]
	[ "${lines[5]}" = "nogroup:x:65534:" ]
	[[ ${lines[6]} == *":x:$TEST_GID:" ]]
	[ "${lines[7]}" = "daemon:x:1:a,b" ]
	[ "${#lines[@]}" -eq 8 ]
}

@test "a read-only start leaves passwd alone, a writable one replaces it" {
	rootfs_write etc/passwd 'image:x:5:5::/:/bin/sh'
	local before
	before=$(stat -c %i "$DATA/c/etc/passwd")
	run -0 enroot start c id -un
	[ "$output" = "$TEST_USER" ]
	[ "$(cat "$DATA/c/etc/passwd")" = "image:x:5:5::/:/bin/sh" ]
	[ "$(stat -c %i "$DATA/c/etc/passwd")" = "$before" ]
	run -0 enroot start --rw c id -un
	[ "$output" = "$TEST_USER" ]
	grep -q "^$TEST_USER:" "$DATA/c/etc/passwd"
	grep -q "^image:" "$DATA/c/etc/passwd"
}

@test "a writable start allows renames over passwd, and they last" {
	rootfs_write etc/passwd 'image:x:5:5::/:/bin/sh'
	run -0 enroot start --rw c sh -c 'echo added:x:6:6::/:/bin/sh > /etc/new && cat /etc/passwd >> /etc/new && mv /etc/new /etc/passwd'
	run -0 enroot start c grep -c '^added:' /etc/passwd
	[ "$output" = 1 ]
}

@test "passwd does not grow" {
	local i size
	for i in 1 2 3; do
		run -0 enroot start --rw c true
		[ -z "${size:-}" ] || [ "$size" = "$(stat -c %s "$DATA/c/etc/passwd")" ]
		size=$(stat -c %s "$DATA/c/etc/passwd")
	done
	run -0 ls -A "$DATA/c/etc"
	refute grep -q '\.enroot' <<<"$output"
}

@test "the home is made from the skeleton" {
	rootfs_write etc/skel/.profile 'export SKEL=yes'
	ln -s /etc/passwd "$DATA/c/etc/skel/link"
	run -0 enroot start c sh -c 'pwd; echo $SKEL; ls -l $HOME/link'
	[ "${lines[0]}" = "$(getent passwd "$TEST_UID" | cut -d: -f6)" ]
	[ "${lines[1]}" = yes ]
	[[ ${lines[2]} == *"-> /etc/passwd" ]]
}

@test "a skeleton or home that leads outside copies nothing in or out" {
	mkdir -p "$WORK/outside" && echo secret >"$WORK/outside/secret"
	rootfs_write etc/login.defs "MAIL_DIR $WORK/outside"
	rootfs_write etc/default/useradd $'SKEL=../../../../../../'"$WORK/outside"$'\nCREATE_MAIL_SPOOL=yes'
	ln -s "$WORK/outside" "$DATA/c/home"
	run enroot start --rw c sh -c 'cat ~/secret'
	[[ $output != *secret ]] || [[ $output == *"No such file"* ]]
	[ "$(ls -A "$WORK/outside")" = secret ]
}

@test "with --root the user is root and stays who he was for LOGNAME" {
	run -0 enroot start --root c sh -c 'id -un; echo $USER $HOME $LOGNAME'
	[ "${lines[0]}" = root ]
	[ "${lines[1]}" = "root /root $TEST_USER" ]
}

@test "50 starts at once of one writable container keep passwd whole" {
	local i
	for ((i = 0; i < 50; i++)); do
		as_user "$BIN/enroot" start --rw c true 2>>"$WORK/errors" &
	done
	wait
	[ ! -s "$WORK/errors" ] || {
		cat "$WORK/errors"
		return 1
	}
	[ "$(grep -c "^$TEST_USER:" "$DATA/c/etc/passwd")" -eq 1 ]
	[ "$(ls -A "$DATA/c/etc" | grep -c '^\.enroot' || true)" -eq 0 ]
}

# --- the others ----------------------------------------------------------------------------------------------

@test "ENROOT_MOUNT_HOME binds the home and sets HOME" {
	echo mine >"$WORK/home/file"
	export ENROOT_MOUNT_HOME=y
	run -0 enroot start c sh -c 'echo $HOME; cat $HOME/file'
	[ "$output" = "$WORK/home"$'\n'mine ]
	run -0 enroot start --root c sh -c 'echo $HOME; cat /root/file'
	[ "$output" = "/root"$'\n'mine ]
	run -0 enroot start -e HOME=/elsewhere c sh -c 'echo $HOME'
	[ "$output" = "$WORK/home" ]
	unset ENROOT_MOUNT_HOME
}

@test "ENROOT_RESTRICT_DEV and --ipc give a small /dev" {
	export ENROOT_RESTRICT_DEV=y
	run -0 enroot start c sh -c 'echo /dev/*; echo x >/dev/null; readlink /dev/fd; readlink /dev/ptmx'
	[[ ${lines[0]} == *"/dev/null"* && ${lines[0]} == *"/dev/pts"* && ${lines[0]} == *"/dev/shm"* ]]
	[[ ${lines[0]} != *"/dev/fuse"* && ${lines[0]} != *"/dev/vda"* ]]
	[ "${lines[1]}" = /proc/self/fd ]
	[ "${lines[2]}" = /dev/pts/ptmx ]
	unset ENROOT_RESTRICT_DEV
	run -0 enroot start --ipc c sh -c 'grep -E " /dev/(shm|mqueue) " /proc/self/mounts | sort; readlink /proc/self/ns/ipc'
	[[ ${lines[0]} == mqueue* && ${lines[1]} == tmpfs* ]]
	[ "${lines[2]}" != "$(readlink /proc/self/ns/ipc)" ]
}

@test "a root filesystem without /etc: containers start, writable or not" {
	rm -r "$DATA/c/etc"
	run -0 enroot start c sh -c 'cat /etc/passwd'
	[[ $output == *":$TEST_UID:"* ]]
	run -0 enroot start --rw c /bin/sh -c 'cat /etc/passwd'
	[[ $output == *":$TEST_UID:"* ]]
	[ -s "$DATA/c/etc/passwd" ]
}

@test "a site without the standard mounts: containers start all the same" {
	rm "$WORK"/sysconf/mounts.d/*
	run -0 enroot start c echo started
	[ "$output" = started ]
	run -0 enroot start --rw --root c sh -c 'test ! -e /proc/self && echo started'
	[ "$output" = started ]
}

@test "cgroups are read-only" {
	run -0 enroot start c sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo "made $d/x"; done; true'
	[ "$output" = "" ]
	# Each hierarchy of the host, whether this process is in its topmost group or not.
	run -0 enroot start c cat /proc/self/mountinfo
	refute grep -E ' - cgroup2? ' <(grep -vE '^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ ro,nosuid,nodev,noexec' <<<"$output")
	[ "$(sort -u <(awk '/ - cgroup2? /{ print $5 }' <<<"$output"))" = "$(sort -u <(awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo))" ]
}

# in_group DIRECTORY CMD…
in_group() (
	echo "$BASHPID" >"$1/cgroup.procs" && shift && "$@"
)

@test "cgroups: the own group is on top, whatever it is called" {
	need_root
	local top group
	top=$(awk '/ - cgroup2? /{ print $5 }' /proc/self/mountinfo | head -1)
	[ -n "$top" ] && mkdir "$top/enroot-test-$$" || skip "no cgroup can be made here"
	group=$top/enroot-test-$$
	run -0 in_group "$group" enroot start c ls "$top"
	# A step of Slurm sees its job, which is the group above.
	mkdir "$group/step"
	local alone=$output
	TEST_ENV=(SLURM_STEP_ID=0)
	run -0 in_group "$group/step" enroot start c ls -d "$top/step"
	TEST_ENV=()
	rmdir "$group/step" "$group"
	output=$alone
	refute grep -q enroot-test <<<"$output"
	grep -qE '^(cgroup.procs|tasks)$' <<<"$output"
}

@test "cgroups: a host that has the unified hierarchy alone" {
	need_root
	run unshare -m bash -c "$(declare -p WORK TEST_ENV; declare -f)
		umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 77
		group=/sys/fs/cgroup/enroot-test-$$
		mkdir -p \$group/step || exit 77
		in_group \$group/step enroot start c sh -c 'grep \" /sys/fs/cgroup \" /proc/self/mountinfo | tail -1; ls -d /sys/fs/cgroup/step; mkdir /sys/fs/cgroup/x'
		TEST_ENV=(SLURM_STEP_ID=0)
		in_group \$group/step enroot start c ls -d /sys/fs/cgroup/step
		rmdir \$group/step \$group" 3>&-
	[ "$status" -ne 77 ] || skip "no cgroup2 here"
	grep -qE '^[^ ]+ [^ ]+ [^ ]+ / /sys/fs/cgroup ro,nosuid,nodev,noexec' <<<"$output"
	[[ $output == *"/sys/fs/cgroup/step: No such file"* && $output == *"/sys/fs/cgroup/x': Read-only file system"* ]]
	has /sys/fs/cgroup/step
}

@test "the time zone is the host's" {
	need_root
	[ -L /etc/localtime ] || skip "the host's /etc/localtime is no link"
	run -0 enroot start c sh -c 'head -c 4 /etc/localtime'
	[ "$output" = TZif ]
	rm -f "$DATA/c/etc/localtime"
	run -0 enroot start --rw c sh -c 'head -c 4 /etc/localtime'
	[ "$output" = TZif ]
	[ "$(stat -c %F "$DATA/c/etc/localtime")" = "regular file" ]
}

@test "localtime is bound on the link, not on what it names" {
	mkdir -p "$DATA/c/usr/share/zoneinfo/Etc"
	echo Mars >"$DATA/c/usr/share/zoneinfo/Mars"
	ln -s /usr/share/zoneinfo/Mars "$DATA/c/etc/localtime"
	! is_root || chown -hR "$TEST_UID:$TEST_GID" "$DATA/c"
	run -0 enroot start c cat /usr/share/zoneinfo/Mars
	[ "$output" = Mars ]
}

@test "apt stays root where one is root" {
	mkdir -p "$DATA/c/etc/apt/apt.conf.d"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$DATA/c/etc"
	run -0 enroot start --rw c sh -c 'cat /etc/apt/apt.conf.d/* 2>/dev/null; true'
	[ "$output" = "" ]
	run -0 enroot start --rw --root c sh -c 'cat /etc/apt/apt.conf.d/*'
	[ "$output" = 'APT::Sandbox::User "root";' ]
}

# --- hooks.d -------------------------------------------------------------------------------------------------

@test "hooks run in order, system first, and see what they should" {
	hook sysconf/hooks.d/20-a.sh "echo a >>$WORK/log; env >$WORK/env; echo stdout; echo stderr >&2; readlink -f . >>$WORK/log"
	hook sysconf/hooks.d/05-b.sh "echo b >>$WORK/log"
	hook home/.config/enroot/hooks.d/01-c.sh "echo c >>$WORK/log"
	hook sysconf/hooks.d/30-off.sh "echo off >>$WORK/log" 644
	TEST_ENV=(MINE=yes)
	run -0 enroot start c sh -c 'echo $$'
	[ "$(cat "$WORK/log")" = $'b\na\n'"$WORK"$'\nc' ]
	[[ $output == *stderr* && $output != *stdout* ]]
	grep -qx MINE=yes "$WORK/env"
	grep -qx "ENROOT_ROOTFS=$DATA/c" "$WORK/env"
	grep -qx "ENROOT_PID=${lines[-1]}" "$WORK/env"
	grep -qx "ENROOT_ENVIRON=$WORK/run/enroot/environment" "$WORK/env"
	grep -qx "ENROOT_MOUNTS=$WORK/run/enroot/fstab" "$WORK/env"
	grep -qx "ENROOT_DATA_PATH=$DATA" "$WORK/env"
	grep -q '^ENROOT_VERSION=' "$WORK/env"
	grep -q '^ENROOT_LOGIN_SHELL=' "$WORK/env"
	refute grep -q '^ENROOT_DEBUG' "$WORK/env"
}

@test "hooks add variables and mounts" {
	mkdir -p "$WORK/src" && echo mounted >"$WORK/src/file"
	hook sysconf/hooks.d/20-a.sh 'grep -qx PATH=/bin "$ENROOT_ENVIRON" || exit 9
echo "ADDED=${NOT_EXPANDED}x" >>"$ENROOT_ENVIRON"
[ ! -s "$ENROOT_MOUNTS" ] || exit 8
echo "'"$WORK"'/src /m none x-create=dir,bind" >>"$ENROOT_MOUNTS"'
	hook sysconf/hooks.d/21-b.sh 'grep -q ADDED= "$ENROOT_ENVIRON" && grep -q /m "$ENROOT_MOUNTS"'
	run -0 enroot start c sh -c 'echo "$ADDED"; cat /m/file'
	[ "$output" = $'x\nmounted' ] || [ "$output" = $'${NOT_EXPANDED}x\nmounted' ]
}

@test "hooks add mounts where a filter refuses what it does not know" {
	mkdir -p "$WORK/src" && echo mounted >"$WORK/src/file"
	hook sysconf/hooks.d/20-a.sh 'echo "'"$WORK"'/src /m none x-create=dir,bind" >>"$ENROOT_MOUNTS"'
	run -0 as_user python3 "$TOOLS/without-calls.py" 1 428,429,437,439,442 "$BIN/enroot" start c cat /m/file
	[ "$output" = mounted ]
}

@test "a failing hook ends the start" {
	hook sysconf/hooks.d/20-a.sh 'exit 5'
	run enroot start c touch /tmp/never
	assert_one_error "$WORK/sysconf/hooks.d/20-a.sh exited with return code 5"
}

@test "hooks write into the root filesystem even when it will be read-only" {
	hook sysconf/hooks.d/20-a.sh 'echo "exec \"\$@\"" >"$ENROOT_ROOTFS/etc/rc.local"'
	run -0 enroot start c cat /etc/rc.local
	[ "$output" = 'exec "$@"' ]
}

@test "a system file replaces or disables a built-in hook, a user's runs besides" {
	rootfs_write etc/passwd 'image:x:5:5::/:/bin/sh'
	hook home/.config/enroot/hooks.d/10-shadow.sh "echo user >>$WORK/log"
	run -0 enroot start c head -1 /etc/passwd
	[[ $output == root:* ]]
	[ "$(cat "$WORK/log")" = user ]
	hook sysconf/hooks.d/10-shadow.sh "echo system >>$WORK/log"
	run -0 enroot start -e HOME=/ c head -1 /etc/passwd
	[[ $output == image:* ]]
	chmod -x "$WORK/sysconf/hooks.d/10-shadow.sh"
	run -0 enroot start -e HOME=/ c head -1 /etc/passwd
	[[ $output == image:* ]]
	[ "$(cat "$WORK/log")" = $'user\nsystem\nuser\nuser' ]
	rm "$WORK/sysconf/hooks.d/10-shadow.sh"
	ln -s /dev/null "$WORK/sysconf/hooks.d/10-shadow.sh"
	run -0 enroot start -e HOME=/ c head -1 /etc/passwd
	[[ $output == image:* ]]
}

@test "a leftover of the established tool's package is not run" {
	hook sysconf/hooks.d/10-shadow.sh "# Copyright (c) 2018-2023, NVIDIA CORPORATION. All rights reserved.
echo ran >>$WORK/log"
	run -0 enroot start c head -1 /etc/passwd
	[[ $output == *"[WARN]"*10-shadow.sh* ]]
	[[ $output == *root:* ]]
	[ ! -e "$WORK/log" ]
	export ENROOT_LEGACY_HOOKS=y
	run -0 enroot start -e HOME=/ c true
	[ "$(cat "$WORK/log")" = ran ]
	unset ENROOT_LEGACY_HOOKS
}

# --- shared root filesystems -----------------------------------------------------------------------------------

@test "a root filesystem of somebody else is started through an overlay and stays untouched" {
	need_root
	chown -R 0:0 "$DATA/c"
	chmod -R go+rX "$DATA/c"
	(cd "$DATA/c" && find . -printf '%p %m %s %T@ %u\n' | sort) >"$WORK/before"
	run -0 enroot start c sh -c 'id -un; pwd'
	[ "${lines[0]}" = "$TEST_USER" ]
	run -0 enroot start --rw c sh -c 'touch /new /etc/new && ls /etc/new && echo more >>/etc/passwd'
	run -1 enroot start c touch /new
	local i
	for ((i = 0; i < 20; i++)); do
		as_user "$BIN/enroot" start c true 2>>"$WORK/errors" &
	done
	wait
	[ ! -s "$WORK/errors" ]
	(cd "$DATA/c" && find . -printf '%p %m %s %T@ %u\n' | sort) >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
}
