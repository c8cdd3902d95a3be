#!/usr/bin/env bats
# create, list, start in its simplest form, export, remove: the life of a container.

load helpers
setup() {
	common_setup
	need_image busybox
	[ -e "$SUITE/images/busybox.sqsh" ] || {
		rm -f "$WORK/bb.sqsh"
		enroot import -o "$WORK/bb.sqsh" "docker://$REGISTRY#busybox:1" 2>/dev/null
		cp "$WORK/bb.sqsh" "$SUITE/images/.busybox.sqsh" && rm "$WORK/bb.sqsh"
		mv "$SUITE/images/.busybox.sqsh" "$SUITE/images/busybox.sqsh"
	}
	IMAGE=$SUITE/images/busybox.sqsh
	DATA=$WORK/home/.local/share/enroot
}
teardown() { common_teardown; }

@test "import, create, list, start, export, remove: as an ordinary user" {
	enroot import "docker://$REGISTRY#busybox:1"
	enroot create busybox+1.sqsh
	[ "$(enroot list)" = busybox+1 ]
	[ "$(enroot start busybox+1 echo hello)" = hello ]
	[ "$(enroot start busybox+1 id -u)" = "$TEST_UID" ]
	[ "$(enroot start --root busybox+1 id -u)" = 0 ]
	enroot export busybox+1 </dev/null && false
	enroot export -o again.sqsh busybox+1
	enroot remove -f busybox+1
	[ -z "$(enroot list)" ]
	enroot create -n again again.sqsh
	[ "$(enroot start again cat /etc/os-release | head -1)" = 'NAME="BusyBox"' ]
}

@test "import, create, start, remove: as root" {
	need_root
	root_enroot import "docker://$REGISTRY#busybox:1"
	root_enroot create -n c busybox+1.sqsh
	[ "$(root_enroot start c echo hello)" = hello ]
	root_enroot remove -f c
	[ -z "$(root_enroot list)" ]
}

@test "create: names, defaults, existing containers, -f" {
	cp "$IMAGE" mine.sqsh
	enroot create mine.sqsh
	[ "$(enroot list)" = mine ]
	echo kept >"$DATA/mine/marker"
	run enroot create mine.sqsh
	assert_one_error "File already exists: $DATA/mine"
	[ -e "$DATA/mine/marker" ]
	enroot create -f mine.sqsh
	[ ! -e "$DATA/mine/marker" ]
	ln -s mine.sqsh link.squashfs
	run enroot create link.squashfs
	assert_one_error "File already exists"
	cp "$IMAGE" other.squashfs
	enroot create other.squashfs
	[ "$(enroot list)" = "$(printf 'mine\nother.squashfs')" ]
	ls -A "$DATA" | grep '^\.' && false
	true
}

@test "create: a missing X+latest.sqsh falls back to X.sqsh, and the other way round" {
	cp "$IMAGE" one.sqsh
	cp "$IMAGE" two+latest.sqsh
	run --separate-stderr enroot create -n a one+latest.sqsh
	[ "$status" -eq 0 ]
	grep -q '^\[INFO\]' <<<"$stderr"
	enroot create -n b two.sqsh
	[ "$(enroot list)" = "$(printf 'a\nb')" ]
}

@test "names: dots, slashes, dashes, control bytes and long ones are refused" {
	local name
	for name in . .. .hidden -dash a/b "$(printf 'a\nb')" "$(printf 'a\033b')" "$(printf '%0300d' 0)"; do
		run enroot create --name="$name" "$IMAGE"
		[ "$status" -eq 1 ]
		run enroot remove -f -- "$name"
		[ "$status" -eq 1 ]
		run enroot export -o x.sqsh -- "$name"
		[ "$status" -eq 1 ]
		[ ! -e x.sqsh ]
	done
	run enroot create --name= "$IMAGE"
	[ "$status" -eq 1 ]
	[ -z "$(ls -A "$DATA" 2>/dev/null)" ]
	enroot create --name "$(printf '%0255d' 0)" "$IMAGE"
	enroot create --name 'with blank+and.dots:x' "$IMAGE"
}

@test "create: the data directory is made with mode 0700" {
	enroot create -n x "$IMAGE"
	[ "$(stat -c %a "$DATA")" = 700 ]
	[ "$(stat -c %a home/.local/share)" = 700 ]
}

@test "exit status of start is the command's; 126 and 127 are the shell's" {
	enroot create -n c "$IMAGE"
	run enroot start c sh -c 'exit 42'
	[ "$status" -eq 42 ]
	run -127 enroot start c /no/such/file
	run enroot start c /etc/os-release
	[ "$status" -ne 0 ]
}

@test "start is read-only without --rw, and writable with it" {
	enroot create -n c "$IMAGE"
	run enroot start c touch /file
	[ "$status" -ne 0 ]
	enroot start --rw c touch /file
	[ -e "$DATA/c/file" ]
	enroot start c sh -c 'echo x >/tmp/y'
	[ ! -e "$DATA/c/tmp/y" ]
}

@test "export leaves out dev, mount points of mode 000, .lock and .enroot" {
	enroot create -n c "$IMAGE"
	enroot start c true
	as_user mkdir -p "$DATA/c/keep" "$DATA/c/.enroot"
	as_user mkdir -m 000 "$DATA/c/mountpoint"
	as_user touch "$DATA/c/mountfile" "$DATA/c/keep/empty" "$DATA/c/dev/x"
	as_user chmod 000 "$DATA/c/mountfile"
	enroot export -o out.sqsh c
	unsquashfs -q -lln out.sqsh >listing
	grep -q 'squashfs-root/keep/empty$' listing
	grep -q 'squashfs-root/dev$' listing
	refute grep -E 'squashfs-root/(dev/|mountpoint|mountfile|\.lock|\.enroot)' listing
	refute grep -v '^0/0$' < <(awk '{ print $2 }' listing)
	run enroot export -o out.sqsh c
	assert_one_error "File already exists: $WORK/out.sqsh"
	enroot export -f -o out.sqsh c
	assert_only listing out.sqsh
}

@test "remove: several names, a missing one is an error also with -f, nothing across a mount" {
	enroot create -n a "$IMAGE"
	enroot create -n b "$IMAGE"
	enroot remove -f a b
	[ -z "$(enroot list)" ]
	run enroot remove -f a
	assert_one_error "No such file or directory: $DATA/a"
	enroot create -n c "$IMAGE"
	as_user mkdir -p "$DATA/c/locked/inner" && as_user chmod 000 "$DATA/c/locked"
	if is_root; then
		mkdir "$WORK/precious" && echo data >"$WORK/precious/file"
		as_user mkdir "$DATA/c/mnt"
		mount --bind "$WORK/precious" "$DATA/c/mnt"
		run enroot remove -f c
		[ -e "$WORK/precious/file" ]
		umount "$DATA/c/mnt"
		[ "$status" -ne 0 ]
	fi
	[ ! -e "$DATA/c" ] || enroot remove -f c
	[ -z "$(ls -A "$DATA")" ]
}

@test "remove asks: end of input is no, exit 1; y removes; other answers keep" {
	enroot create -n c "$IMAGE"
	run enroot remove c </dev/null
	[ "$status" -eq 1 ]
	[ -d "$DATA/c" ]
	run enroot remove c <<<n
	[ "$status" -eq 0 ]
	[ -d "$DATA/c" ]
	enroot remove c <<<y
	[ ! -e "$DATA/c" ]
}

@test "a symbolic link as a container's name: remove takes the link, not the target" {
	enroot create -n c "$IMAGE"
	as_user ln -s c "$DATA/l"
	[ "$(enroot start l echo ok)" = ok ]
	enroot remove -f l
	[ -d "$DATA/c/bin" ]
	[ ! -L "$DATA/l" ]
}

@test "setuid and setgid bits are stripped for a user, kept for root" {
	need_image odd
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	enroot create odd.sqsh
	[ -z "$(find "$DATA/odd" -perm /6000)" ]
	[ "$(stat -c %a "$DATA/odd/var/mode-4111")" = 511 ]
	[ "$(stat -c %a "$DATA/odd/var/mode-0000")" = 400 ]
	[ "$(stat -c %a "$DATA/odd/var/dir-0000")" = 700 ]
	need_root
	root_enroot create odd.sqsh
	[ "$(stat -c %a:%u "$WORK/root/home/.local/share/enroot/odd/var/mode-4755")" = 4755:0 ]
}
