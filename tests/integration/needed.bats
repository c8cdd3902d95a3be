#!/usr/bin/env bats
# import --if-needed: many jobs, one output; and one download for many imports.

load helpers
setup() {
	common_setup
	need_image busybox
	need_image odd
}
teardown() { common_teardown; }

# move_tag FROM: the tag moving:1 becomes image FROM:1
move_tag() {
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/$1:1" \
		"docker://$REGISTRY/moving-$BATS_TEST_NUMBER:1"
}

recorded() {
	unsquashfs -cat "$1" etc/rc 2>/dev/null | sed -n 's/^# enroot-manifest: //p'
}

@test "a file that holds the image is left alone, by tag and by digest" {
	local uri=docker://$REGISTRY#busybox:1 digest before
	enroot import --if-needed -o out.sqsh "$uri"
	before=$(stat -c '%i %Y %Z' out.sqsh)
	run enroot import --if-needed -o out.sqsh "$uri"
	[ "$status" -eq 0 ]
	[[ $output == *"out.sqsh is up to date"* ]]
	digest=$(enroot digest "$uri" 2>/dev/null)
	enroot import --if-needed -o out.sqsh "docker://$REGISTRY#busybox@$digest"
	[ "$(stat -c '%i %Y %Z' out.sqsh)" = "$before" ]
	assert_only out.sqsh
	# without -o: the default name
	enroot import --if-needed "$uri"
	enroot import --if-needed "$uri"
	cmp busybox+1.sqsh out.sqsh
	run enroot import -o out.sqsh "$uri"
	assert_one_error "File already exists"
}

@test "it is replaced when the tag moves, the options change, or it is not whole; what was there stays beside it" {
	local uri=docker://$REGISTRY#moving-$BATS_TEST_NUMBER:1 old
	move_tag busybox
	enroot import --if-needed -o out.sqsh "$uri"
	old=$(stat -c %i out.sqsh)
	move_tag odd
	enroot import --if-needed -o out.sqsh "$uri"
	[ "$(recorded out.sqsh)" = "$(enroot digest "$uri" 2>/dev/null)" ]
	[ "$(stat -c %i .out.sqsh.prev)" = "$old" ]
	ENROOT_SQUASH_OPTIONS="-comp gzip" enroot import --if-needed -o out.sqsh "$uri"
	unsquashfs -s out.sqsh | grep -q 'Compression gzip'
	enroot import --if-needed -o out.sqsh "$uri"
	unsquashfs -s out.sqsh | grep -q 'Compression zstd'
	cp out.sqsh whole
	truncate -s -20000 out.sqsh
	enroot import --if-needed -o out.sqsh "$uri"
	cmp out.sqsh whole
	echo text >out.sqsh
	enroot import --if-needed -o out.sqsh "$uri"
	cmp out.sqsh whole
	assert_only out.sqsh whole .out.sqsh.prev
}

@test "a link is followed; a directory and a device are refused" {
	local uri=docker://$REGISTRY#busybox:1 output
	as_user mkdir dir
	as_user touch dir/real
	as_user ln -s dir/real link
	enroot import --if-needed -o link "$uri"
	[ -L link ]
	[ "$(recorded dir/real)" = "$(enroot digest "$uri" 2>/dev/null)" ]
	for output in dir /dev/null /dev/zero; do
		run enroot import --if-needed -o "$output" "$uri"
		assert_one_error
	done
	[ -c /dev/null ]
}

@test "what a stranger left in a directory like /tmp is neither used nor replaced" {
	need_root
	local uri=docker://$REGISTRY#busybox:1 place
	mkdir -m 1777 open
	mkdir -m 0775 shared
	enroot import -o out.sqsh "$uri"
	for place in open shared; do
		cp out.sqsh "$place/out.sqsh"
		chown 4321:4321 "$place/out.sqsh"
	done
	run enroot import --if-needed -o open/out.sqsh "$uri"
	assert_one_error "File already exists: .*open/out.sqsh .*another user's"
	cmp out.sqsh open/out.sqsh
	run enroot import --if-needed -o shared/out.sqsh "$uri"
	[ "$status" -eq 0 ]
	[[ $output == *"out.sqsh is up to date"* ]]
	# One's own is as good there as anywhere.
	rm open/out.sqsh
	enroot import --if-needed -o open/out.sqsh "$uri"
	run enroot import --if-needed -o open/out.sqsh "$uri"
	[[ $output == *"out.sqsh is up to date"* ]]
}

@test "a damaged layer in the cache is fetched again" {
	local uri=docker://$REGISTRY#busybox:1 blob
	enroot import --if-needed -o a.sqsh "$uri"
	blob=$(find home/.cache/enroot/blobs/sha256 -type f -size +100k)
	printf X | as_user dd of="$blob" bs=1 seek=5000 conv=notrunc status=none
	enroot import --if-needed -o b.sqsh "$uri"
	cmp a.sqsh b.sqsh
}

@test "sixteen at once and readers beside them: one build, and no reader sees less than a whole image" {
	local uri=docker://$REGISTRY#moving-$BATS_TEST_NUMBER:1 i pids=() reader want
	move_tag busybox
	enroot import --if-needed -o out.sqsh "$uri"
	move_tag odd
	want=$(enroot digest "$uri" 2>/dev/null)
	(
		while [ ! -e stop ]; do
			[ -n "$(recorded out.sqsh)" ] || echo bad >>reader.log
			echo x >>reads
		done
	) 3>&- &
	reader=$!
	for ((i = 0; i < 16; i++)); do
		enroot import --if-needed -o out.sqsh "$uri" >"log$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || {
			cat "log$i"
			false
		}
	done
	touch stop
	wait "$reader"
	[ "$(recorded out.sqsh)" = "$want" ]
	[ "$(cat log* | grep -c '^\[INFO\] Wrote ')" -eq 1 ]
	[ ! -e reader.log ]
	[ -s reads ]
	[ -z "$(find . -maxdepth 1 -name '.*lock' -o -maxdepth 1 -name '.enroot-*')" ]
}

@test "a killed builder holds nobody up, and what it left is taken over" {
	proxy "/blobs/$(busybox_layer)=hold:$WORK/go*1"
	local uri=docker://$PROXY#busybox:1 first
	spawn first.log import --if-needed -o out.sqsh "$uri"
	first=$SPAWNED
	wait_until test -e .out.sqsh.lock
	spawn second.log import --if-needed -o out.sqsh "$uri"
	wait_until grep -q 'Waiting for' second.log
	[ ! -e out.sqsh ]
	kill -9 "$first"
	wait "$SPAWNED" || {
		cat second.log
		false
	}
	[ -n "$(recorded out.sqsh)" ]
	[ ! -e .out.sqsh.lock ]
}

@test "a signal ends one that waits, and one that builds, and leaves nothing" {
	proxy "/blobs/$(busybox_layer)=hold:$WORK/go"
	local uri=docker://$PROXY#busybox:1 first second
	spawn first.log import --if-needed -o out.sqsh "$uri"
	first=$SPAWNED
	wait_until test -e .out.sqsh.lock
	spawn second.log import --if-needed -o out.sqsh "$uri"
	second=$SPAWNED
	wait_until grep -q 'Waiting for' second.log
	kill -TERM "$second"
	refute wait "$second"
	[ -e .out.sqsh.lock ]
	kill -TERM "$first"
	refute wait "$first"
	rm -rf proxy.* first.log second.log
	assert_only
}

@test "sixteen imports of one image: each blob is asked for once, and sixteen right files" {
	proxy
	local uri=docker://$PROXY#odd:1 i pids=() blobs
	for ((i = 0; i < 16; i++)); do
		enroot import -o "out$i.sqsh" "$uri" >"log$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || {
			cat "log$i"
			false
		}
	done
	for ((i = 1; i < 16; i++)); do
		cmp out0.sqsh "out$i.sqsh"
	done
	blobs=$(grep -c ' /v2/odd/blobs/' "$LOG")
	[ "$blobs" -eq "$(grep ' /v2/odd/blobs/' "$LOG" | cut -d' ' -f2 | sort -u | wc -l)" ]
	[ "$blobs" -eq "$(find home/.cache/enroot/blobs -type f -size +0 | wc -l)" ]
	[ -z "$(find home/.cache/enroot -name '.*' -type f)" ]
}

@test "a killed download is taken over by who waits for it" {
	proxy "/blobs/$(busybox_layer)=hold:$WORK/go*1"
	local uri=docker://$PROXY#busybox:1 first
	spawn first.log import -o first.sqsh "$uri"
	first=$SPAWNED
	wait_until grep -q "/blobs/$(busybox_layer)" "$LOG"
	spawn second.log import -o second.sqsh "$uri"
	wait_until grep -q 'Waiting for layer' second.log
	kill -9 "$first"
	wait "$SPAWNED" || {
		cat second.log
		false
	}
	[ -n "$(recorded second.sqsh)" ]
	[ "$(grep -c "/blobs/$(busybox_layer)" "$LOG")" -eq 2 ]
	[ -z "$(find home/.cache/enroot -name '.*lock')" ]
}

@test "what another process put into the cache is hashed before it is used" {
	proxy
	local uri=docker://$PROXY#busybox:1 layer
	layer=$(busybox_layer | cut -d: -f2)
	as_user mkdir -p home/.cache/enroot/blobs/sha256
	# somebody on another host holds the lock, and publishes nonsense of the right size
	printf 'host\nboot\npid:[1]\n1\n1\n' | as_user tee "home/.cache/enroot/blobs/sha256/.$layer.lock" >/dev/null
	spawn log import -o out.sqsh "$uri"
	wait_until grep -q 'Waiting for layer' log
	[ "$(grep -c "/blobs/sha256:$layer" "$LOG")" -eq 0 ]
	head -c "$(curl -sI "http://$REGISTRY/v2/busybox/blobs/sha256:$layer" | tr -d '\r' | sed -n 's/^Content-Length: //p')" \
		/dev/zero >zeros
	chmod a+r zeros
	as_user cp zeros home/.cache/enroot/blobs/sha256/new
	mv home/.cache/enroot/blobs/sha256/new "home/.cache/enroot/blobs/sha256/$layer"
	rm "home/.cache/enroot/blobs/sha256/.$layer.lock"
	wait "$SPAWNED" || {
		cat log
		false
	}
	[ -n "$(recorded out.sqsh)" ]
	[ "$(sha256sum <"home/.cache/enroot/blobs/sha256/$layer" | cut -d' ' -f1)" = "$layer" ]
}

@test "progress on a terminal: layers and bytes, and nothing of it elsewhere" {
	need_root
	command -v script >/dev/null || skip "needs script"
	proxy "/blobs/$(busybox_layer)=slow:800000"
	script -qec "$(printf '%q ' setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups env "HOME=$WORK/home" \
		ENROOT_ALLOW_HTTP=y "$BIN/enroot" import -o "$WORK/x.sqsh" "docker://$PROXY#busybox:1")" typescript >/dev/null </dev/null
	[ -s x.sqsh ]
	grep -aqE 'Layer 1 of 1 \[[= ]+\] +[0-9]+%  .* of [0-9.]+ KiB' typescript
	run enroot import -o y.sqsh "docker://$PROXY#busybox:1"
	refute grep -q 'Layer 1 of 1 ' <<<"$output"
}

@test "a full output is said with what is free, and what was there stays" {
	need_root
	mkdir small
	mount -t tmpfs -o size=512k,mode=777 none small
	echo before >small/out.sqsh && chmod a+w small/out.sqsh
	run enroot import --if-needed -o small/out.sqsh "docker://$REGISTRY#busybox:1"
	local left
	left=$(find small -mindepth 1 | sort | paste -sd' ')
	local text
	text=$(cat small/out.sqsh)
	umount small
	assert_one_error "No space left on device" "are free in"
	[ "$left" = small/out.sqsh ]
	[ "$text" = before ]
}

@test "an image that the cache holds is copied where a build would give the same bytes" {
	local uri=docker://$REGISTRY#busybox digest
	digest=$(enroot digest "$uri:1" 2>/dev/null)
	enroot import -o built.sqsh "$uri@$digest"
	enroot start "$uri:1" true
	run enroot import --if-needed --json -o out.sqsh "$uri@$digest"
	[ "$status" -eq 0 ]
	[[ $output == *"out.sqsh (1."*" from the cache"* ]]
	[[ $output == *'"built":false'* ]]
	cmp built.sqsh out.sqsh
	[ "$(stat -c %h out.sqsh)" -eq 1 ]
	[ "$(stat -c %a out.sqsh)" = 644 ]
	# by a tag another origin is recorded
	run enroot import --if-needed -o tag.sqsh "$uri:1"
	refute grep -q 'from the cache' <<<"$output"
	unsquashfs -cat tag.sqsh etc/rc | head -1 | grep -q 'busybox:1$'
	ENROOT_SQUASH_OPTIONS="-comp gzip" run enroot import --if-needed -o gzip.sqsh "$uri@$digest"
	refute grep -q 'from the cache' <<<"$output"
	[ -z "$(find . -name '.*' -type f)" ]
}
