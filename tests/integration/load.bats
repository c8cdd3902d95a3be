#!/usr/bin/env bats
# load: layers straight into a root filesystem. The oracle is what import and create make of the same image.

load helpers
setup() {
	common_setup
	DATA=$WORK/home/.local/share/enroot
}
teardown() {
	! is_root || umount "$WORK/small" 2>/dev/null || true
	common_teardown
}

# Everything about a tree, but for what load drops: set-id bits and file capabilities.
tree() {
	manifest --owners --strip-setid --ignore-xattr security.capability "$1"
}

# What the files of a container take on the disk.
blocks_of() {
	find "$DATA/$1" -type f -printf '%b\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

# same_as_create URI: load it, import and create it, and compare.
same_as_create() {
	enroot load -f -n loaded "$1"
	enroot import -o image.sqsh "$1"
	enroot create -f -n created image.sqsh
	rm image.sqsh
	tree "$DATA/loaded" >loaded.txt
	tree "$DATA/created" >created.txt
	same_listing loaded.txt created.txt
	[ "$(wc -l <loaded.txt)" -gt 3 ]
	# Holes are where create has them, and where tar knew of more.
	[ "$(blocks_of loaded)" -le "$(blocks_of created)" ]
	[ -z "$(find "$DATA" -mindepth 1 -maxdepth 1 -name '.*')" ]
}

@test "the tree of load is that of import and create" {
	local image
	for image in busybox odd odd-mixed; do
		need_image $image
		same_as_create "docker://$REGISTRY#$image:1"
	done
	ENROOT_MAX_PROCESSORS=1 same_as_create "docker://$REGISTRY#odd:1"
	ENROOT_SQUASH_OPTIONS="-all-time 7 -no-xattrs" same_as_create "docker://$REGISTRY#odd:1"
	[ "$(stat -c %Y "$DATA/loaded/etc")" -eq 7 ]
	umask 077
	same_as_create "docker://$REGISTRY#odd:1"
}

@test "as root: owners and modes of the image, no set-id bits, no capabilities" {
	need_root
	need_image odd
	local data=$WORK/root/home/.local/share/enroot
	root_enroot load -n loaded "docker://$REGISTRY#odd:1"
	root_enroot import -o image.sqsh "docker://$REGISTRY#odd:1"
	root_enroot create -n created image.sqsh
	tree "$data/loaded" >loaded.txt
	tree "$data/created" >created.txt
	same_listing loaded.txt created.txt
	[ -n "$(find "$data/created" -perm /6000)" ]
	[ -z "$(find "$data/loaded" -perm /6000)" ]
}

# Layers whose paths are not where their files end: through symlinks, twice, replaced, removed, linked.
crossed_layers() {
	python3 - "$TOOLS" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from layer import Layer, noise

		bottom, middle, top = Layer(), Layer(), Layer()
		bottom.dir("real"), bottom.file("real/x", "lower"), bottom.link("link", "real")
		bottom.file("a/one", "one"), bottom.hard("a/two", "a/one"), bottom.hard("b/three", "a/two")
		bottom.file("twice", "first"), bottom.file("twice", "second")
		bottom.file("file-dir", "file"), bottom.dir("file-dir"), bottom.file("file-dir/in", "in")
		bottom.dir("dir-file"), bottom.file("dir-file/in", "in"), bottom.file("dir-file", "file")
		bottom.dir("gone"), bottom.file("gone/deep/er", "gone"), bottom.dir("opaque"), bottom.file("opaque/low", "low")
		bottom.file("etc/fstab", "theirs"), bottom.file("etc/environment/sub/file", "x")
		bottom.file("swap/f", "f"), bottom.link("swap", "real"), bottom.file("swap/via", "via")
		bottom.file("large", noise("a", 400000) + bytes(1 << 20) + noise("b", 77777))
		for n in range(30):
		    bottom.dir("/".join(["deep"] + ["d"] * n), mode=0o555)
		bottom.file("/".join(["deep"] + ["d"] * 29 + ["leaf"]), "leaf", mode=0)
		middle.file("link/x", "upper"), middle.file("link/new/file", "new"), middle.file(".wh.gone")
		middle.file("opaque/.wh..wh..opq"), middle.file("opaque/high", "high")
		middle.file("a/.wh.one"), middle.hard("a/four", "a/two"), middle.hard("second-large", "large")
		middle.link("mine", "target"), middle.file("mine/q", "q"), middle.file("target/other", "o")
		top.link("etc/rc", "/etc/passwd"), top.file("a/two", "replaced"), top.file("new/implicit/f", "f")
		top.dir("twice"), top.file("twice/in", "in")
		for name, layer in (("bottom", bottom), ("middle", middle), ("top", top)):
		    open(name + ".tar", "wb").write(layer.done())
	END
	"$TOOLS/oci-layout.py" --out layout --layer gzip:bottom.tar --layer zstd:middle.tar --layer none:top.tar \
		--volume /vol/ume --workdir /link/new/dir >/dev/null
	chmod -R a+rX layout
}

@test "files whose layers lead elsewhere, on one processor and on many" {
	crossed_layers
	local processors
	for processors in 1 2 16; do
		ENROOT_MAX_PROCESSORS=$processors same_as_create oci:layout
	done
	[ "$(cat "$DATA/loaded/real/new/file")" = new ]
	[ "$(stat -c %h "$DATA/loaded/a/four")" -eq 2 ]
	[ "$(stat -c %h "$DATA/loaded/large")" -eq 2 ]
	[ ! -L "$DATA/loaded/etc/rc" ]
	[ -d "$DATA/loaded/real/new/dir" ]
}

@test "more names of one file than a file system has for it: load and create make several files" {
	release_only
	python3 - "$TOOLS" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from layer import Layer

		layer = Layer()
		layer.file("d/n0", "many")
		for n in range(1, 65010):
		    layer.hard("d/n%d" % n, "d/n0", mtime=1)
		open("links.tar", "wb").write(layer.done())
	END
	"$TOOLS/oci-layout.py" --out layout --layer none:links.tar >/dev/null
	chmod -R a+rX layout
	enroot load -n loaded oci:layout
	enroot import -o image.sqsh oci:layout
	enroot create -n created image.sqsh
	local name
	for name in loaded created; do
		[ "$(find "$DATA/$name/d" -type f -size 4c ! -newermt 2030-01-01 | wc -l)" -eq 65010 ]
		# Each inode has as many names as it says, and few there are.
		[ "$(find "$DATA/$name/d" -type f -printf '%i %n\n' | sort | uniq -c | awk '$1 != $3' | wc -l)" -eq 0 ]
		[ "$(find "$DATA/$name/d" -type f -printf '%i\n' | sort -u | wc -l)" -le 2 ]
	done
	manifest "$DATA/loaded" | sed 's/ link=.*//' >loaded.txt
	manifest "$DATA/created" | sed 's/ link=.*//' >created.txt
	same_listing loaded.txt created.txt
}

# A load in the middle of a layer that takes minutes, with some files written.
slow_load() {
	need_image debian
	local layer
	layer=$(skopeo --insecure-policy inspect --tls-verify=false "docker://$REGISTRY/debian:1" | python3 -c 'import json,sys; print(json.load(sys.stdin)["Layers"][0])')
	proxy "/blobs/$layer=slow:150000"
	spawn out load -n box "docker://$PROXY#debian:1"
	wait_until eval '[ -n "$(find "$DATA"/.enroot-*/tree -type f -print -quit 2>/dev/null)" ]'
}

@test "SIGTERM ends it at once, and nothing is left" {
	slow_load
	local before=$SECONDS code=0
	kill -TERM $SPAWNED
	wait $SPAWNED || code=$?
	[ "$code" -eq 143 ]
	[ $((SECONDS - before)) -lt 100 ] # not the minutes that are left
	[ -z "$(ls -A "$DATA")" ]
	[ "$(grep -c '^\[ERROR\]' out)" -eq 1 ]
}

@test "what a killed load leaves is no container, and goes with the next" {
	slow_load
	kill -KILL $SPAWNED
	wait $SPAWNED || true
	proxies_stop
	[ "$(enroot list)" = "" ]
	refute enroot remove -f box
	need_image busybox
	enroot load -n box "docker://$REGISTRY#busybox:1"
	[ "$(ls -A "$DATA")" = box ]
}

@test "a full disk: one error that says what is needed and what there is, and nothing left" {
	need_root
	need_image debian
	mkdir small
	mount -t tmpfs -o size=8m,mode=0777 small small
	export ENROOT_DATA_PATH=$WORK/small
	run enroot load -n box "docker://$REGISTRY#debian:1"
	assert_one_error 'No space left on device' 'are needed' 'are free in .*/small' ENROOT_DATA_PATH
	[ -z "$(ls -A small)" ]
	ENROOT_DATA_PATH=$DATA enroot import -o image.sqsh "docker://$REGISTRY#debian:1"
	run enroot create -n box image.sqsh
	assert_one_error 'No space left on device' 'are needed' 'are free in .*/small' ENROOT_DATA_PATH
	[ -z "$(ls -A small)" ]
}

@test "a damaged blob of the cache is fetched again, and the tree made anew" {
	need_image busybox
	enroot import -o a.sqsh "docker://$REGISTRY#busybox:1"
	local blob
	blob=$(find home/.cache/enroot/blobs -type f -size +100k)
	chmod u+w "$blob"
	printf 'XXXX' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") - 1000)) conv=notrunc status=none
	enroot load -n loaded "docker://$REGISTRY#busybox:1" 2>err
	grep -q WARN err
	enroot create -n created a.sqsh
	tree "$DATA/loaded" >loaded.txt
	tree "$DATA/created" >created.txt
	same_listing loaded.txt created.txt
	[ "$(ls -A "$DATA")" = "created
loaded" ]
}

# on_terminal COMMAND…: enroot with a terminal; what it writes goes to typescript.
on_terminal() {
	script -qec "$(printf '%q ' setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups env "HOME=$WORK/home" \
		ENROOT_ALLOW_HTTP=y "$BIN/enroot" "$@")" typescript >/dev/null </dev/null
}

@test "progress on a terminal: files and bytes, and nothing of it elsewhere" {
	need_root
	command -v script >/dev/null || skip "needs script"
	need_image debian
	local out=$WORK/x.sqsh
	on_terminal load -n loaded "docker://$REGISTRY#debian:1"
	grep -aqE 'Layer 2 of 2 \[[= ]+\] +[0-9]+%  .* of [0-9.]+ (Ki|Mi)?B' typescript
	enroot import -q -o "$out" "docker://$REGISTRY#debian:1" 2>/dev/null
	on_terminal create -n box "$out"
	grep -aqE 'Extracting \[[= ]+\] +[0-9]+%  [0-9]+ of [0-9]+ files  [0-9.]+ (Ki|Mi)?B  .*/s' typescript
	on_terminal export -o "$WORK/y.sqsh" box
	grep -aqE 'Packing  [0-9]+ files  [0-9.]+ (Ki|Mi)?B  .*/s' typescript
	run enroot export -f -o "$WORK/y.sqsh" box
	refute grep -q 'files  ' <<<"$output"
	run enroot create -f -n box "$out"
	refute grep -q 'files  ' <<<"$output"
}
