#!/usr/bin/env bats
# import: from a real registry to a squashfs file.

load helpers
setup() {
	common_setup
	need_image busybox
}
teardown() { common_teardown; }

image_file() {
	unsquashfs -cat "$1" "$2" 2>/dev/null
}

@test "import makes an image with the default name, and nothing else" {
	enroot import "docker://$REGISTRY#busybox:1"
	assert_only busybox+1.sqsh
	unsquashfs -s busybox+1.sqsh | grep -q 'Compression zstd'
	unsquashfs -s busybox+1.sqsh | grep -q 'Block size 131072'
	unsquashfs -q -lln busybox+1.sqsh | grep -q 'squashfs-root/bin/busybox'
}

@test "import takes the registry before a slash, and drops an unstated tag from the name" {
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/busybox:1" "docker://$REGISTRY/some/busybox:latest"
	enroot import "docker://$REGISTRY/some/busybox"
	assert_only some+busybox.sqsh
}

@test "import -o names the file; its mode follows the umask; an existing file is refused and kept" {
	(
		umask 027
		enroot import -o out.sqsh "docker://$REGISTRY#busybox:1"
	)
	[ "$(stat -c %a out.sqsh)" = 640 ]
	cp out.sqsh before
	for option in "-o out.sqsh" "--output out.sqsh" --output=out.sqsh; do
		# shellcheck disable=SC2086
		run enroot import $option "docker://$REGISTRY#busybox:1"
		assert_one_error "File already exists: $WORK/out.sqsh"
	done
	export ENROOT_FORCE_OVERRIDE=y
	run enroot import -o out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error "File already exists: $WORK/out.sqsh"
	cmp out.sqsh before
}

@test "import by digest, and by tag and digest" {
	local digest
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/busybox:1")
	enroot import -o a.sqsh "docker://$REGISTRY#busybox@$digest"
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1@$digest"
	image_file a.sqsh etc/rc | grep -qx "# enroot-manifest: $digest"
	image_file b.sqsh etc/rc | grep -qx "# enroot-manifest: $digest"
	run enroot import -o c.sqsh "docker://$REGISTRY#busybox@sha256:$(printf '%064d' 7)"
	assert_one_error
	[ ! -e c.sqsh ]
}

@test "digest prints the digest of the manifest, alone on stdout" {
	local digest
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/busybox:1")
	[ "$(enroot digest "docker://$REGISTRY#busybox:1" 2>/dev/null)" = "$digest" ]
}

@test "the four files: rc, rc.local, environment, fstab" {
	make_image four --layer "gzip:$SUITE/images/busybox.tar" --entrypoint /bin/echo --entrypoint "two words" \
		--cmd "it's" --cmd '$HOME "`' --workdir /some/where --volume /data/one --volume '/with blank$X\y' \
		--env 'A=1' --env 'B=${HOME} $(id)' --label 'k=v' --label 'multi=a
b'
	enroot import -o four.sqsh "docker://$REGISTRY#four:1"
	image_file four.sqsh etc/rc >rc
	image_file four.sqsh etc/environment >environment
	image_file four.sqsh etc/fstab >fstab
	[ "$(head -1 rc)" = "# enroot-provenance: docker://$REGISTRY#four:1" ]
	[ "$(sed -n 2p rc | cut -c1-27)" = "# enroot-manifest: sha256:"* ] || sed -n 2p rc | grep -qE '^# enroot-manifest: sha256:[0-9a-f]{64}$'
	sed -n 3p rc | grep -q '^# enroot-options: '
	grep -qx '# k v' rc
	grep -qx '# multi a b' rc
	sh -n rc
	unsquashfs -q -lln four.sqsh | grep -q 'squashfs-root/some/where$'
	sed -n '/^# enroot-literal-begin$/,/^# enroot-literal-end$/p' environment >literal
	grep -qFx 'A=1' literal
	grep -qFx 'B=${HOME} $(id)' literal
	grep -qx '${ENROOT_ROOTFS}/data/one /data/one none x-create=dir,bind,rw,nosuid,nodev' fstab
	grep -qFx '${ENROOT_ROOTFS}/with\040blank\044X\134y /with\040blank\044X\134y none x-create=dir,bind,rw,nosuid,nodev' fstab
	image_file four.sqsh etc/rc.local | grep -v '^#' | grep -q . && false
	unsquashfs -q -lln four.sqsh | grep -q 'squashfs-root/etc/rc.local$'
}

@test "the generated rc runs entrypoint and command word by word" {
	make_image words --layer "gzip:$SUITE/images/busybox.tar" --entrypoint /bin/printf --entrypoint '[%s]' \
		--cmd "it's" --cmd '$HOME' --cmd 'new
line' --cmd '`id`' --cmd '"' --cmd '' --cmd '\n'
	enroot import -o words.sqsh "docker://$REGISTRY#words:1"
	enroot create words.sqsh
	[ "$(enroot start words)" = "$(printf '[%s]' "it's" '$HOME' 'new
line' '`id`' '"' '' '\n')" ]
	[ "$(enroot start words 'a b' '$c')" = '[a b][$c]' ]
}

@test "the working directory is where rc goes, with everything in its name literal" {
	make_image where --layer "gzip:$SUITE/images/busybox.tar" --workdir '/a b/$(touch x)/"q' --cmd pwd
	enroot import -o where.sqsh "docker://$REGISTRY#where:1"
	enroot create where.sqsh
	[ "$(enroot start where)" = '/a b/$(touch x)/"q' ]
}

@test "an image's environment is literal: no host secret gets in" {
	make_image env --layer "gzip:$SUITE/images/busybox.tar" --cmd env --env 'STOLEN=${SECRET}' \
		--env 'Q="quoted"' --env 'FORGED=a
SECOND=b'
	enroot import -o env.sqsh "docker://$REGISTRY#env:1"
	enroot create env.sqsh
	TEST_ENV=(SECRET=secret)
	enroot start env >out
	grep -qFx 'STOLEN=${SECRET}' out
	grep -qFx 'Q="quoted"' out
	refute grep -q '^SECOND=' out
	refute grep -q 'secret$' out
}

@test "owners are 0:0, nothing below dev is stored, set-uid modes are kept" {
	need_image odd
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	# A name of the odd image holds a newline.
	unsquashfs -q -lln odd.sqsh | grep -E '^[-a-z][-rwxsStT]{9} ' >listing
	[ "$(wc -l <listing)" -gt 900 ]
	refute grep -v '^0/0$' < <(awk '{ print $2 }' listing)
	refute grep 'squashfs-root/dev/' listing
	grep -q '^-rwsr-xr-x .*squashfs-root/var/mode-4755$' listing
	refute grep -E '^[bc]' listing
}

@test "layers are told by their magic bytes: gzip members, zstd frames, plain tar, mixed" {
	need_image odd
	need_image odd-zstd
	need_image odd-mixed
	for kind in odd odd-zstd odd-mixed; do
		enroot import -o $kind.sqsh "docker://$REGISTRY#$kind:1"
		unsquashfs -q -lln $kind.sqsh | awk '{ $1 = $1; print }' | grep -v -e 'etc/rc$' -e 'etc/environment$' >$kind.list
	done
	cmp odd.list odd-zstd.list
	cmp odd.list odd-mixed.list
}

@test "sparse files of all four dialects have their contents" {
	odd_layers
	mkdir want
	local options=() layer
	for layer in "$SUITE"/images/odd/*sparse*.tar "$SUITE"/images/odd/extra/sparse-gnu.tar; do
		options+=(--layer "gzip:$layer")
		tar -C want -xf "$layer"
	done
	make_image sparse "${options[@]}"
	enroot import -o sparse.sqsh "docker://$REGISTRY#sparse:1"
	enroot create sparse.sqsh
	for dir in want/*; do
		diff -r "$dir" "$WORK/home/.local/share/enroot/sparse/${dir#want/}"
	done
}

@test "a second import fetches nothing: layers come from the cache" {
	enroot import -o a.sqsh "docker://$REGISTRY#busybox:1"
	run --separate-stderr enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	[ "$status" -eq 0 ]
	grep -q 'Found all layers in cache' <<<"$stderr"
	[ -z "$output" ]
	cmp a.sqsh b.sqsh
	find home/.cache/enroot/blobs/sha256 -type f ! -perm 640 | grep . && false
	true
}

@test "150 layers" {
	local options=() i
	busybox_tar
	options=(--layer "gzip:$SUITE/images/busybox.tar")
	for ((i = 0; i < 150; i++)); do
		mkdir -p l && echo "$i" >l/top && echo "$i" >"l/file-$((i % 20))"
		tar --owner=0 --group=0 --mtime=@1700000000 -cf "l$i.tar" l && rm -r l
		options+=(--layer "gzip:l$i.tar")
	done
	make_image deep "${options[@]}" --cmd /bin/sh
	enroot import -o deep.sqsh "docker://$REGISTRY#deep:1"
	[ "$(image_file deep.sqsh l/top)" = 149 ]
	[ "$(image_file deep.sqsh l/file-3)" = 143 ]
}

@test "the times in an image: created, SOURCE_DATE_EPOCH, -mkfs-time, -all-time" {
	made() {
		unsquashfs -s "$1" | sed -n 's/^Creation or last append time //p'
	}
	enroot import -o a.sqsh "docker://$REGISTRY#busybox:1"
	[ "$(made a.sqsh)" = "$(date -d @1704164645 '+%a %b %e %H:%M:%S %Y')" ]
	TEST_ENV=(SOURCE_DATE_EPOCH=1000000000)
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	[ "$(made b.sqsh)" = "$(date -d @1000000000 '+%a %b %e %H:%M:%S %Y')" ]
	ENROOT_SQUASH_OPTIONS="-mkfs-time 1100000000" enroot import -o c.sqsh "docker://$REGISTRY#busybox:1"
	[ "$(made c.sqsh)" = "$(date -d @1100000000 '+%a %b %e %H:%M:%S %Y')" ]
	ENROOT_SQUASH_OPTIONS="-all-time 1200000000" enroot import -o d.sqsh "docker://$REGISTRY#busybox:1"
	TZ=UTC unsquashfs -q -lln d.sqsh | grep squashfs-root/ | grep -v '2008-01-10' && false
	true
}
