#!/usr/bin/env bats
# Root filesystems that change while they are started, and many starts at once.

load helpers

setup() {
	common_setup
	make_rootfs c PATH=/bin
}

teardown() {
	[ -z "${SWAPPER:-}" ] || kill -KILL "$SWAPPER" 2>/dev/null || true
	common_teardown
}

# swap DIR: DIR is by turns a directory and a symlink to outside, as fast as it goes.
swap() {
	local dir=$1
	mkdir -p "$dir.real"
	ln -sfn ../../../../../../../../../../../../"$WORK/outside" "$dir.link"
	! is_root || chown -hR "$TEST_UID:$TEST_GID" "$dir.real" "$dir.link"
	exec 3>&-
	exec python3 - "$dir" <<-'END'
		import ctypes, os, sys
		libc = ctypes.CDLL(None, use_errno=True)
		dir = sys.argv[1].encode()
		os.rename(dir + b".real", dir)
		while True:
		    libc.renameat2(-100, dir, -100, dir + b".link", 2)  # RENAME_EXCHANGE
	END
}

@test "mount targets that are swapped for symlinks never lead outside" {
	release_only
	mkdir -p "$WORK/outside" "$WORK/src" && echo secret >"$WORK/outside/secret"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK/outside" "$WORK/src"
	swap "$DATA/c/race" &
	SWAPPER=$!
	local i
	for ((i = 0; i < 30; i++)); do
		run enroot start --rw -m "$WORK/src:/race/a/b:x-create=dir,bind" -m "$WORK/src:/race/f:x-create=auto,bind" c sh -c 'cat /race/secret /race.link/secret'
		[[ $output != *secret ]] || [[ $output == *"No such file"* || $output == *"can't open"* || $output == *ERROR* ]]
		[[ $output != secret ]]
		[ "$(ls -A "$WORK/outside")" = secret ]
	done
}

@test "etc that is swapped for a symlink is never written through" {
	release_only
	mkdir -p "$WORK/outside" && echo host >"$WORK/outside/passwd"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK/outside"
	rm -rf "$DATA/c/etc"
	swap "$DATA/c/etc" &
	SWAPPER=$!
	local i
	for ((i = 0; i < 30; i++)); do
		run enroot start --rw c true
		[ "$(cat "$WORK/outside/passwd")" = host ]
		[ "$(ls -A "$WORK/outside")" = passwd ]
	done
}

@test "200 starts at once of one shared root filesystem: no failure, no write to it" {
	release_only
	need_root
	mkdir -p "$WORK/shared"
	mv "$DATA/c" "$WORK/shared/c"
	chown -R 0:0 "$WORK/shared"
	(cd "$WORK/shared" && find . -printf '%p %m %s %T@ %C@\n' | sort) >"$WORK/before"
	export ENROOT_DATA_PATH=$WORK/shared
	local i
	for ((i = 0; i < 200; i++)); do
		enroot start c true 2>>"$WORK/errors" 3>&- &
	done
	wait
	[ ! -s "$WORK/errors" ] || {
		head -5 "$WORK/errors"
		return 1
	}
	(cd "$WORK/shared" && find . -printf '%p %m %s %T@ %C@\n' | sort) >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
	unset ENROOT_DATA_PATH
}

@test "50 overlapping starts of 5 root filesystems, writable, read-only and as root" {
	release_only
	local i names flags=("" --rw --root "--root --rw") group
	group=$(id -gn "$TEST_USER")
	printf 'image:x:5:5::/:/bin/sh\n' >"$DATA/c/etc/passwd"
	printf 'images:x:5:\n' >"$DATA/c/etc/group"
	for i in 1 2 3 4 5; do
		cp -a "$DATA/c" "$DATA/c$i"
	done
	for ((i = 0; i < 50; i++)); do
		# Each reads what the others may be replacing.
		# shellcheck disable=SC2086
		enroot start ${flags[i % 4]} "c$((i % 5 + 1))" cat /etc/passwd /etc/group >"$WORK/out.$i" 2>>"$WORK/errors" 3>&- &
	done
	wait
	[ ! -s "$WORK/errors" ] || {
		cat "$WORK/errors"
		return 1
	}
	for ((i = 0; i < 50; i++)); do
		# A rename takes what others have bound over the file off it, just before: for a moment the image's own shows.
		names=$(sed 's/:.*//' "$WORK/out.$i" | paste -sd ' ')
		[[ $names =~ ^("root nobody $TEST_USER ")?"image "("root nogroup $group ")?"images"$ ]] || {
			echo "start ${flags[i % 4]}: $names"
			return 1
		}
	done
	for i in 1 2 3 4 5; do
		[ "$(sed 's/:.*//' "$DATA/c$i/etc/passwd" | paste -sd ' ')" = "root nobody $TEST_USER image" ]
		[ "$(sed 's/:.*//' "$DATA/c$i/etc/group" | paste -sd ' ')" = "root nogroup $group images" ]
		[ "$(find "$DATA/c$i" -name '.enroot-*')" = "" ]
	done
}

@test "150 starts in a row leave nothing behind" {
	release_only
	as_user "$BIN/enroot" start --rw c true
	(cd "$DATA/c" && find . -printf '%p %m %s\n' | sort) >"$WORK/before"
	local mounts
	mounts=$(wc -l </proc/self/mounts)
	as_user sh -c 'i=0; while [ $i -lt 150 ]; do "$0" start --rw c true || exit 1; i=$((i + 1)); done' "$BIN/enroot"
	(cd "$DATA/c" && find . -printf '%p %m %s\n' | sort) >"$WORK/after"
	diff "$WORK/before" "$WORK/after"
	[ "$(wc -l </proc/self/mounts)" -eq "$mounts" ]
	[ "$(ls -A "$WORK/run/enroot")" = "" ]
}
