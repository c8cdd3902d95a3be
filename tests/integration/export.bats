#!/usr/bin/env bats
# Containers and images in the formats of other tools: the same bytes every time, read by those tools as the same trees.

load helpers
setup() {
	common_setup
	CONTAINERS=$WORK/home/.local/share/enroot
}
teardown() { common_teardown; }

# The two trees that an image and what was made of it extract to are the same, and so is what import says of them.
same_image() {
	local file
	for file in environment fstab rc.local; do
		cmp <(unsquashfs -cat "$1" "etc/$file") <(unsquashfs -cat "$2" "etc/$file")
	done
	diff <(unsquashfs -cat "$1" etc/rc | sed '/^# enroot-/d') <(unsquashfs -cat "$2" etc/rc | sed '/^# enroot-/d')
	rm -rf one other
	enroot create -f -n one "$1"
	enroot create -f -n other "$2"
	manifest --exclude etc/rc "$CONTAINERS/one" >one.list
	manifest --exclude etc/rc "$CONTAINERS/other" >other.list
	same_listing one.list other.list
}

@test "every format of an image with everything in it comes back as the same image" {
	need_image odd
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	local format compress digest=
	while read -r format compress; do
		rm -rf out again.sqsh
		enroot export --format "$format" --compress "$compress" -o out odd.sqsh
		enroot import -o again.sqsh "$format:out"
		same_image odd.sqsh again.sqsh
	done <<-END
		oci-archive gzip
		oci zstd
		docker-archive none
	END
	# Of a docker-archive the digest says what the configuration and the layer are without their compression.
	for compress in none gzip zstd; do
		enroot export -f --format docker-archive --compress $compress -o out odd.sqsh
		[ "$(enroot digest docker-archive:out)" = "${digest:=$(enroot digest docker-archive:out)}" ]
	done
}

@test "a container gives the layer that its image gives, and gives it every time" {
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	enroot create b.sqsh
	local format n
	for format in oci-archive docker-archive; do
		enroot export --format "$format" -o "1.$format" b
		for n in 1 2 7; do
			ENROOT_MAX_PROCESSORS=$n enroot export --format "$format" -o "$n$n.$format" b
			cmp "1.$format" "$n$n.$format"
		done
		enroot export --format "$format" -o - b.sqsh >image.tar 2>/dev/null
		cmp "1.$format" image.tar
		enroot export --format "$format" -o /dev/stdout b 2>/dev/null | cmp - "1.$format"
	done
	cp -a "$CONTAINERS/b" "$CONTAINERS/copy"
	enroot export --format oci-archive -o copy.tar copy
	cmp 1.oci-archive copy.tar
	# The time of the image is that of /etc/rc, which import wrote, or what the caller says.
	touch -d @1500000000 "$CONTAINERS/copy/etc/rc"
	enroot export --format oci -o layout copy
	skopeo inspect --config oci:layout | grep -q '"created": "2017-07-14T02:40:00Z"'
	TEST_ENV=(SOURCE_DATE_EPOCH=1000000000)
	enroot export -f --format oci -o layout copy
	skopeo inspect --config oci:layout | grep -q '"created": "2001-09-09T01:46:40Z"'
}

@test "GNU tar, bsdtar, umoci, skopeo and podman read the same tree" {
	need_root
	as_user "$TOOLS/make-tree.py" tree
	mkdir -p "$CONTAINERS"
	mv tree "$CONTAINERS/t"
	# In a container of ours nothing is without mode: those are mount points.
	chmod u+rw "$CONTAINERS/t/modes/0"
	mkdir -p "$CONTAINERS/t/etc" && printf 'x' >"$CONTAINERS/t/etc/.wh.gone"
	chown -R 0:0 "$CONTAINERS/t"
	TEST_ENV=("ENROOT_DATA_PATH=$CONTAINERS")
	root_enroot export --format oci -o layout t
	root_enroot export --format oci-archive --compress zstd -o a.tar t
	rm "$CONTAINERS/t/etc/.wh.gone"
	# bsdtar does not set the time of "."; an attribute without a value cannot be said in pax (it means none).
	local layer tree options=(--no-mtime etc --no-mtime . --ignore-xattr user.k0)
	layer=$(skopeo inspect oci:layout:latest | jq -r '.Layers[0][7:]')
	manifest "${options[@]}" "$CONTAINERS/t" >want
	mkdir gnu bsd
	tar -C gnu -xpzf "layout/blobs/sha256/$layer" --xattrs --xattrs-include='*'
	bsdtar -C bsd -xpf "layout/blobs/sha256/$layer"
	umoci unpack --image layout:latest um >umoci.log 2>&1
	for tree in gnu bsd um/rootfs; do
		manifest "${options[@]}" $tree >got
		same_listing want got
	done
	skopeo --insecure-policy copy -q oci-archive:a.tar dir:skopeo
	[ "$(gzip -dc "layout/blobs/sha256/$layer" | sha256sum)" = \
		"$(zstd -dcq "skopeo/$(jq -r '.layers[0].digest[7:]' skopeo/manifest.json)" | sha256sum)" ]
}

@test "podman loads what is exported for it, and runs the entry point" {
	need_root
	need_image odd
	export CONTAINERS_STORAGE_CONF=$WORK/storage.conf
	printf '[storage]\ndriver="vfs"\ngraphroot="%s"\nrunroot="%s"\n' "$WORK/graph" "$WORK/runroot" >storage.conf
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	enroot export --format docker-archive --tag some/odd:7 -o odd.tar odd.sqsh
	enroot export --format docker-archive --tag some/odd -o untagged.tar odd.sqsh
	[ "$(tar xOf untagged.tar manifest.json | jq -r '.[0].RepoTags[0]')" = some/odd:latest ]
	podman load -q -i odd.tar >loaded || skip "podman does not work here"
	grep -q 'some/odd:7' loaded
	podman image inspect some/odd:7 >inspected
	python3 - inspected <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))[0]["Config"]
		assert c["Entrypoint"] == ["/bin/sh", "-c", 'echo "$0"'], c
		assert c["Cmd"] == ["/bin/sh"], c
		assert c["WorkingDir"] == "/srv/work dir", c
		assert list(c["Volumes"]) == ["/data"], c
		assert "ODD=a b$HOME'x\"" in c["Env"], c
	END
}

@test "what the user changed in /etc is kept as files, and told" {
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	enroot create b.sqsh
	echo 'exec "$@"' >>"$CONTAINERS/b/etc/rc.local"
	printf 'OWN="a b"\nDISPLAY=${DISPLAY}\n' >>"$CONTAINERS/b/etc/environment"
	echo '/data /data none rbind' >>"$CONTAINERS/b/etc/fstab"
	run enroot export --format oci -o layout b
	[ "$status" -eq 0 ]
	[ "$(grep -c '^\[WARN\]' <<<"$output")" -eq 3 ]
	skopeo inspect --config oci:layout:latest >config
	grep -q '"OWN=a b"' config
	refute grep -q DISPLAY config
	as_user umoci unpack --rootless --image layout:latest um >umoci.log 2>&1
	local file
	for file in rc.local environment fstab; do
		cmp "um/rootfs/etc/$file" "$CONTAINERS/b/etc/$file"
	done
	[ ! -e um/rootfs/etc/rc ]
}

@test "a script of somebody else's in the place of /etc/rc is the entry point, here and elsewhere" {
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	enroot create b.sqsh
	printf '#!/bin/sh\n# org.example.label of mine\ncd /tmp\nexec /bin/echo "mine:" "$PWD" "$@"\n' >"$CONTAINERS/b/etc/rc"
	[ "$(enroot start b one two)" = "mine: /tmp one two" ]
	run enroot export --format oci -o layout b
	[[ $output == *"[INFO] /etc/rc is not as import writes it: it becomes the entry point"* ]]
	enroot import -o again.sqsh oci:layout
	enroot create again.sqsh
	[ "$(enroot start again one two)" = "mine: /tmp one two" ]
	cmp "$CONTAINERS/b/etc/rc" "$CONTAINERS/again/etc/rc.image"
	[ "$(skopeo inspect --config oci:layout | jq -c .config.Labels)" = null ]
	# and again, as it is now
	enroot export --format oci -o layout2 again
	[ "$(skopeo inspect --config oci:layout2 | jq -c .config.Entrypoint)" = '["/bin/sh","/etc/rc.image"]' ]
	# which is taken
	cp "$CONTAINERS/b/etc/rc" "$CONTAINERS/again/etc/rc"
	run enroot export -f --format oci -o layout2 again
	[[ $output == *"[WARN] /etc/rc is not as import writes it, and cannot become /etc/rc.image"* ]]
	[ "$(skopeo inspect --config oci:layout2 | jq -c .config.Entrypoint)" = null ]
	# or which a layer has elsewhere
	as_tree_owner mv "$CONTAINERS/b/etc" "$CONTAINERS/b/usr/etc"
	as_tree_owner ln -s usr/etc "$CONTAINERS/b/etc"
	run enroot export -f --format oci -o layout2 b
	[[ $output == *"[WARN] /etc/rc is not as import writes it, and cannot become /etc/rc.image"* ]]
	[ "$(skopeo inspect --config oci:layout2 | jq -c .config.Entrypoint)" = null ]
}

@test "names that a layer would take for orders to delete are left out, and told" {
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	enroot create b.sqsh
	as_tree_owner mkdir "$CONTAINERS/b/.wh.dir"
	as_tree_owner touch "$CONTAINERS/b/.wh..wh..opq" "$CONTAINERS/b/.wh.dir/file"
	run enroot export --format docker-archive -o out.tar b
	[ "$status" -eq 0 ]
	[[ $output == *"[WARN] 2 files or directories were left out: a layer takes names"* ]]
	tar xOf out.tar "$(tar xOf out.tar manifest.json | jq -r '.[0].Layers[0]')" | tar t >list
	[ -s list ]
	refute grep -qF .wh. list
	as_tree_owner ln "$CONTAINERS/b/.wh..wh..opq" "$CONTAINERS/b/other"
	run enroot export -f --format docker-archive -o out.tar b
	assert_one_error "other is another name of .wh..wh..opq.*remove or rename"
}

@test "existing outputs are kept without --force, and replaced whole with it" {
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	echo old >x.tar
	mkdir folder plain && echo kept >plain/file
	local format
	for format in oci-archive docker-archive oci; do
		run enroot export --format $format -o x.tar b.sqsh
		assert_one_error "File already exists: $WORK/x.tar"
		[ "$(cat x.tar)" = old ]
	done
	run enroot export -f --format oci -o plain b.sqsh
	assert_one_error "no OCI layout"
	[ "$(cat plain/file)" = kept ]
	run enroot export -f --format oci-archive -o plain b.sqsh
	assert_one_error "Is a directory"
	enroot export -f --format oci-archive -o x.tar b.sqsh
	enroot export --format oci -o layout/ b.sqsh
	run enroot export --format oci -o layout b.sqsh
	assert_one_error "File already exists"
	enroot export -f --format oci --compress zstd -o layout b.sqsh
	[ "$(find layout/blobs -type f | wc -l)" -eq 3 ]
	enroot export --format oci-archive b.sqsh
	[ -e b.oci.tar ]
	assert_only x.tar folder plain layout b.sqsh b.oci.tar
}

@test "mistakes are one error, before anything is made" {
	local tag
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	echo no >text
	run enroot export b.sqsh
	assert_one_error "No such file or directory.*choose another --format"
	run enroot export --format tar b.sqsh
	assert_one_error "format=tar.*known are"
	run enroot export --format oci --compress xz b.sqsh
	assert_one_error "compress=xz"
	run enroot export --compress gzip b
	assert_one_error "not for squashfs"
	run enroot export --format oci -o - b.sqsh
	assert_one_error "oci-archive"
	for tag in some/Odd:1 odd@sha256:1 odd/ :1; do
		run enroot export --format docker-archive --tag "$tag" b.sqsh
		assert_one_error "Invalid argument: --tag=$tag.*NAME:TAG"
	done
	run enroot export --format oci --tag 'a b' b.sqsh
	assert_one_error "tag=a b"
	run enroot export --format oci --arch vax b.sqsh
	assert_one_error "Unsupported architecture: vax"
	run enroot export --format oci ./text
	assert_one_error "Invalid image format: ./text"
	run enroot export --format oci nothing
	assert_one_error "No such file or directory"
	run enroot export --format oci -o missing/x b.sqsh
	assert_one_error "No such file or directory"
	head -c 300000 b.sqsh >short.sqsh
	run enroot export --format oci-archive -o x short.sqsh
	assert_one_error
	assert_only b.sqsh short.sqsh text
}

@test "images of other tools: only what a container would have, whatever the compression" {
	mkdir -p t/dev t/.enroot t/usr/dev t/mount/inner t/etc
	echo kept >t/usr/dev/kept && echo kept >t/usr/.lock && ln t/usr/.lock t/usr/hard && ln -s usr t/link
	echo gone >t/dev/gone && echo gone >t/.lock && echo gone >t/.enroot/gone && : >t/target && echo gone >t/mount/inner/x
	mkfifo t/fifo
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("t/socket")'
	chmod 0 t/target t/mount
	cat >want <<-'END'
		d ./
		d dev/
		d etc/
		p fifo
		l link -> usr
		d usr/
		- usr/.lock
		d usr/dev/
		- usr/dev/kept
		h usr/hard link to usr/.lock
	END
	local compression
	for compression in gzip xz lzo zstd; do
		rm -f other.sqsh out.tar
		as_tree_owner mksquashfs t other.sqsh -quiet -no-progress -comp $compression -b 4096 -all-time 1600000000 \
			-p 'null c 666 0 0 1 3' -p 'block b 600 7 7 8 1' >/dev/null 2>&1
		chmod a+r other.sqsh
		run enroot export --format docker-archive -o out.tar other.sqsh
		[ "$status" -eq 0 ]
		[[ $output == *"[INFO] 3 device files and sockets were left out"* ]]
		tar -xOf out.tar "$(tar -tf out.tar | grep 'tar$')" | tar -tvf - >list
		refute grep -vq ' 0/0 ' list
		awk '{ printf "%s", substr($1, 1, 1); for (i = 6; i <= NF; i++) printf " %s", $i; print "" }' list | diff - want
	done
}

@test "damaged and malicious images end in one error or in an archive" {
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	enroot create b.sqsh
	# Tables that are not compressed, so that every change means something.
	ENROOT_SQUASH_OPTIONS="-noI -noX -noF" enroot export -o plain.sqsh b
	python3 - <<-'END'
		import random, struct
		rng = random.Random(1)
		good = open("plain.sqsh", "rb").read()
		tables = struct.unpack_from("<Q", good, 64)[0]
		for n in range(20):
		    data = bytearray(good)
		    for _ in range(rng.choice((1, 2, 8))):
		        at = rng.randrange(tables, len(data)) if rng.random() < 0.8 else rng.randrange(96)
		        data[at] = rng.choice((0, 255, data[at] ^ 1 << rng.randrange(8)))
		    open("bad%d.sqsh" % n, "wb").write(data)
	END
	chmod a+r bad*.sqsh
	local image
	for image in bad*.sqsh; do
		ENROOT_LIMIT_BYTES=100M run enroot export -f --format oci-archive -o out.tar "$image"
		[ "$status" -eq 0 ] || assert_one_error
	done
	# A file that is larger than anybody wants.
	as_user truncate -s 3G "$CONTAINERS/b/sparse"
	enroot export -o sparse.sqsh b
	ENROOT_LIMIT_BYTES=1G run enroot export --format oci-archive -o s.tar sparse.sqsh
	assert_one_error "more than 1.0 GiB.*ENROOT_LIMIT_BYTES"
}

@test "a full disk and the end of the process leave nothing" {
	need_root
	need_image busybox
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	mkdir small
	mount -t tmpfs -o size=600k,mode=777 tmpfs small
	local format
	for format in oci-archive docker-archive oci; do
		run enroot export --format $format --compress none -o small/x b.sqsh
		[ "$status" -eq 1 ]
		assert_one_error "No space left on device.*free in"
		[ -z "$(ls -A small)" ]
	done
	umount small
	# In the middle of the layer.
	head -c 60000000 /dev/urandom >big
	mkdir -p "$CONTAINERS/c" && mv big "$CONTAINERS/c/"
	chown -R "$TEST_UID:$TEST_GID" home
	local signal
	for signal in TERM KILL; do
		for format in oci-archive oci; do
			spawn log export --format $format --compress gzip -o out c
			wait_until grep -q 'Creating image layer' log
			kill -$signal "$SPAWNED" 2>/dev/null || true
			wait "$SPAWNED" || true
			rm -f log
			[ ! -e out ] || rm -rf out # it was faster
			assert_only b.sqsh small
		done
	done
}
