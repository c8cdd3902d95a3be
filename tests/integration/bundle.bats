#!/usr/bin/env bats
# Self-running files: how they are made, what they do, and where they run.

load helpers

setup() {
	common_setup
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	IMAGE=$WORK/bb.sqsh
	(
		flock 9
		[ -e "$SUITE/images/bundle-busybox.sqsh" ] || make_busybox_image "$SUITE/images/bundle-busybox.sqsh"
	) 9>"$SUITE/images/.bundle.lock"
	cp "$SUITE/images/bundle-busybox.sqsh" "$IMAGE"
	chmod 644 "$IMAGE"
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
	mksquashfs "$dir" "$1.tmp" -comp zstd -Xcompression-level 1 -all-root -mkfs-time 1700000000 -noappend -quiet \
		-no-progress >/dev/null && mv "$1.tmp" "$1"
	rm -rf "$dir"
}

bundle() {
	enroot bundle "$@" bb.sqsh
}

# ---- making ----

@test "a bundle is IMAGE.run, executable, and runs a command" {
	run -0 bundle
	[[ "$output" == *"Generating bundle..."* ]]
	[ -x bb.run ]
	run -0 as_user ./bb.run echo hello 'a b'
	[ "$output" = "hello a b" ]
	run -7 as_user ./bb.run sh -c 'exit 7'
	run -0 as_user ./bb.run -r id -u
	[ "$output" = 0 ]
}

@test "an existing file is refused without -f; a bad image, a missing one too" {
	bundle -o x
	run bundle -o x
	assert_one_error "File already exists: $WORK/x"
	run -0 bundle -f -o x
	head -c 10000 /dev/urandom >bad.sqsh
	chmod 644 bad.sqsh
	run enroot bundle bad.sqsh
	assert_one_error "Invalid image format"
	run enroot bundle missing.sqsh
	assert_one_error "No such file or directory: missing.sqsh"
	assert_only x bb.sqsh bad.sqsh
}

@test "usage errors of bundle" {
	run -1 enroot bundle
	[[ "$output" == "Usage: enroot bundle"* ]]
	run -1 enroot bundle a b
	run -0 enroot bundle --help
}

@test "the bytes are reproducible with SOURCE_DATE_EPOCH" {
	TEST_ENV=(SOURCE_DATE_EPOCH=1600000000)
	bundle -c -d text -o a
	sleep 1.1
	touch bb.sqsh
	bundle -c -d text -o b
	cmp a b
	TEST_ENV=()
	bundle -o c
	sleep 1.1
	bundle -o d
	cmp c d # the image's time
}

# ---- information ----

@test "--info" {
	bundle -d "A tool" -t '${HOME}/x' -c
	run -0 as_user ./bb.run --info
	[[ "${lines[0]}" == "Checksum: "* ]]
	[ "${lines[1]}" = "Compression: zstd" ]
	[ "${lines[2]}" = "Description: A tool" ]
	[ "${lines[3]}" = "Runtime version: $(enroot version)" ]
	[ "${lines[4]}" = 'Target directory: ${HOME}/x' ]
	[[ "${lines[5]}" == "Uncompressed size: "*" KB" ]]
	bundle -f
	run -0 as_user ./bb.run -i
	[ "${lines[1]}" = "Description: none" ]
}

@test "any usage error of a bundle: usage, exit 0" {
	bundle
	local arg
	for arg in -h --help --nonsense --rc; do
		run -0 as_user ./bb.run $arg
		[[ "$output" == "Usage: bb.run"* ]]
	done
}

@test "--verify reports on the host" {
	bundle
	run as_user ./bb.run --verify
	[ "$status" -eq 0 ] || [[ "$output" == *"was not found"* ]]
	local part
	for part in "Kernel version" "Kernel configuration" "Kernel command line" "Kernel parameters" "Extra packages"; do
		[[ "$output" == *"$part:"* ]]
	done
	[[ "$output" == *"user.max_user_namespaces"*": OK"* ]]
}

@test "a checksum is verified by every run, before anything is parsed" {
	bundle -c
	run -0 as_user ./bb.run true
	local size at
	size=$(stat -c %s bb.run)
	for at in 2500000 $((size - 10000)) $((size - 3000)); do
		cp bb.run bad.run
		printf '\xa5\x5a' | dd of=bad.run bs=1 seek="$at" conv=notrunc status=none
		run as_user ./bad.run true
		assert_one_error "Checksum validation failed"
		run as_user ./bad.run --info
		assert_one_error "Checksum validation failed"
	done
}

@test "a bundle that was cut short says so" {
	bundle
	head -c $(($(stat -c %s bb.run) - 100)) bb.run >short.run
	chmod 755 short.run
	run as_user ./short.run true
	assert_one_error "cut short|trailer"
}

# ---- running ----

@test "options: -c -e -m --rc -w" {
	bundle
	echo data >file
	printf 'echo "from rc $1"\n' >rc
	printf '#ENROOT_REMAP_ROOT=y\nenviron() { echo "CONF=yes"; }\n' >conf
	chmod 644 file rc conf
	run -0 as_user ./bb.run -e A=1 -m "$WORK/file:/data" sh -c 'echo $A; cat /data'
	[ "$output" = $'1\ndata' ]
	run -0 as_user ./bb.run --rc rc arg
	[ "$output" = "from rc arg" ]
	run -0 as_user ./bb.run -c conf sh -c 'echo $CONF; id -u'
	[ "$output" = $'yes\n0' ]
	run -1 as_user ./bb.run touch /x
	run -0 as_user ./bb.run -w sh -c 'touch /x && ls /x'
}

@test "enroot.conf is not read; the system's mounts, environment and hooks come along" {
	mkdir -p sys/{mounts.d,environ.d,hooks.d} data
	echo one >data/f
	cp "$STAGE"/etc/enroot/mounts.d/* sys/mounts.d/
	echo "$WORK/data /site none x-create=dir,bind" >sys/mounts.d/50-site.fstab
	echo 'SITE=here' >sys/environ.d/50-site.env
	printf '#!/bin/bash\necho "HOOK=$(basename "$0")" >>"$ENROOT_ENVIRON"\n' >real-hook
	chmod 755 real-hook
	ln -s ../../real-hook sys/hooks.d/60-site.sh
	ln -s /dev/null sys/hooks.d/10-localtime.sh
	chmod -R a+rX sys data
	ENROOT_SYSCONF_PATH=$WORK/sys bundle
	rm -rf sys real-hook
	echo 'ENROOT_ROOTFS_WRITABLE yes' >conf
	TEST_ENV=(ENROOT_TEST_CONF_PATH="$WORK/conf")
	run -0 as_user ./bb.run sh -c 'cat /site/f; echo $SITE $HOOK; touch /x 2>/dev/null || echo ro'
	[ "$output" = $'one\nhere 60-site.sh\nro' ]
}

@test "--all: the user's configuration and settings come along, and beat the caller's environment" {
	mkdir -p home/.config/enroot/environ.d
	echo 'MINE=yes' >home/.config/enroot/environ.d/1.env
	! is_root || chown -R "$TEST_UID" home
	TEST_ENV=(ENROOT_REMAP_ROOT=y)
	bundle -a
	TEST_ENV=(ENROOT_REMAP_ROOT=n)
	rm -r home/.config
	run -0 as_user ./bb.run sh -c 'id -u; echo $MINE'
	[ "$output" = $'0\nyes' ]
	TEST_ENV=()
	bundle -f
	run -0 as_user ./bb.run sh -c 'id -u; echo "[$MINE]"'
	[ "$output" = "$TEST_UID"$'\n[]' ]
}

@test "--extract and --keep: a normal container in the target" {
	bundle -t '${HOME}/.local/share/enroot/kept' -o tool.run
	run -0 as_user ./tool.run --extract
	[ -z "$output" ]
	local kept=$WORK/home/.local/share/enroot/kept
	[ -x "$kept/bin/busybox" ] && [ -x "$kept/.enroot/bin/enroot" ] && [ -d "$kept/.enroot/etc/system/mounts.d" ]
	run -0 enroot start kept echo started
	[ "$output" = started ]
	run as_user ./tool.run --keep true
	assert_one_error "File already exists: $kept"
	enroot remove -f kept
	run -0 as_user ./tool.run -q -k -w sh -c 'echo changed >/new; cat /new'
	[ "$output" = changed ]
	[ "$(cat "$kept/new")" = changed ]
	run -0 as_user "$kept/.enroot/bin/enroot" version
}

@test "the default target is the bundle's name in the working directory" {
	bundle
	run -0 as_user ./bb.run -x
	[ -x bb/bin/busybox ]
}

@test "other users run it, from a read-only directory too" {
	need_root
	bundle
	mkdir ro
	mount -t tmpfs tmpfs ro
	cp bb.run ro/
	mount -o remount,ro ro
	run -0 setpriv --reuid=12345 --regid=12345 --clear-groups env -i HOME=/nonexistent PATH=/usr/bin:/bin "$WORK/ro/bb.run" id -u
	umount ro
	[ "$output" = 12345 ]
}

@test "it runs where there is nothing but /proc and /dev" {
	need_root
	[ "$BUILD" = release ] || skip "needs the static build"
	bundle
	cat >su.c <<-'END'
		#include <grp.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(int argc, char *argv[])
		{
			char *env[] = { NULL };
			int id = atoi(argv[1]);
			if (argc < 3 || setgroups(0, NULL) || setgid(id) || setuid(id))
				return 126;
			execve(argv[2], argv + 2, env);
			return 127;
		}
	END
	cc -static -o su su.c
	local ro
	for ro in rw ro; do
		# shellcheck disable=SC2016
		run -0 unshare -m sh -ec '
			mkdir -p t && mount -t tmpfs -o mode=755 tmpfs t && mkdir t/proc t/dev t/old t/.t
			cp bb.run su t/ && cp "$(command -v busybox)" t/busybox
			mount --rbind /proc t/proc && mount --rbind /dev t/dev
			cd t && pivot_root . old
			/busybox umount -l /old && /busybox rmdir /old /.t
			[ "$1" = rw ] || /busybox mount -o remount,ro /
			exec /su 4321 /bb.run sh -c "id -u; ls -d /etc/os-release; grep -c \" / / \" /proc/self/mountinfo"' sh $ro
		[ "$output" = $'4321\n/etc/os-release\n1' ]
	done
}

@test "nothing is left: no process, no mount, no temporary file" {
	bundle
	run -0 as_user ./bb.run -w sh -c 'echo x >/x'
	local i
	for ((i = 0; i < 100; i++)); do
		pgrep -u "$TEST_UID" -f "$WORK/bb.run" >/dev/null || break
		sleep 0.05
	done
	! pgrep -u "$TEST_UID" -f "$WORK/bb.run"
	! grep "$WORK" /proc/self/mountinfo
	assert_only bb.run bb.sqsh
	[ -z "$(find run -type f)" ]
}
