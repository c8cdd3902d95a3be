#!/usr/bin/env bats
# The cache: start URI, and looking after it.

load helpers
setup() {
	common_setup
	need_image busybox
	CACHE=home/.cache/enroot
}
teardown() { common_teardown; }

# The images of the cache.
images() {
	find "$CACHE/images" -name '*.sqsh' | sort
}

# Two names, a directory and two files of the busybox image, as they are inside.
inside() {
	enroot start "$@" /bin/sh -c 'echo in; ls /etc/rc'
}

@test "start URI fetches an image once, starts it from the cache, and keeps no container" {
	local uri=docker://$REGISTRY#busybox:1
	run --separate-stderr inside "$uri"
	[ "$status" -eq 0 ]
	[ "$output" = $'in\n/etc/rc' ]
	[ "$(images | wc -l)" -eq 1 ]
	local image before
	image=$(images)
	before=$(stat -c '%i %Y %Z' "$image")
	run --separate-stderr inside "$uri"
	[ "$output" = $'in\n/etc/rc' ]
	refute grep -q Wrote <<<"$stderr"
	[ "$(stat -c '%i %Y %Z' "$image")" = "$before" ]
	[ "$(stat -c %a "$image")" = 640 ]
	unsquashfs -cat "$image" etc/rc | head -1 | grep -qE "^# enroot-provenance: docker://$REGISTRY#busybox:sha256:[0-9a-f]{64}\$"
	[ -z "$(enroot list)" ]
	assert_only
}

@test "the container is the process itself: one PID, arguments, standard input, signals and status" {
	local uri=docker://$REGISTRY#busybox:1
	[ "$(echo hello | enroot start "$uri" cat 2>/dev/null)" = hello ]
	[ "$(enroot start -e 'A=b c' "$uri" /bin/sh -c 'echo "$A:$0:$1"' 'x y' '*' 2>/dev/null)" = 'b c:x y:*' ]
	run enroot start --rw "$uri" /bin/sh -c 'echo x >/new && exit 7'
	[ "$status" -eq 7 ]
	spawn out start "$uri" /bin/sh -c 'echo $$; exec sleep 60'
	local i
	for ((i = 0; i < 200; i++)); do
		! grep -qx "$SPAWNED" out || break
		sleep 0.05
	done
	grep -qx "$SPAWNED" out
	kill -TERM "$SPAWNED"
	wait "$SPAWNED" || [ $? -eq 143 ]
	run enroot start "$uri" /bin/sh -c 'yes | head -1'
	[ "$status" -eq 0 ]
	refute grep -q 'Broken pipe' <<<"$output"
}

@test "tags of one manifest share an image; options and moved tags make others" {
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/busybox:1" "docker://$REGISTRY/busybox:second-$BATS_TEST_NUMBER"
	inside "docker://$REGISTRY#busybox:1"
	inside "docker://$REGISTRY/busybox:second-$BATS_TEST_NUMBER"
	[ "$(images | wc -l)" -eq 1 ]
	ENROOT_SQUASH_OPTIONS="-comp gzip" inside "docker://$REGISTRY#busybox:1"
	[ "$(images | wc -l)" -eq 2 ]
	make_image "other" --layer "gzip:$SUITE/images/busybox.tar" --env OTHER=1
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/other:1" "docker://$REGISTRY/busybox:second-$BATS_TEST_NUMBER"
	[ "$(enroot start "docker://$REGISTRY/busybox:second-$BATS_TEST_NUMBER" /bin/sh -c 'echo $OTHER' 2>/dev/null)" = 1 ]
	[ "$(images | wc -l)" -eq 3 ]
}

@test "with a digest or --offline nobody is asked, and nothing is written" {
	local uri digest before
	registry_start GONE
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/busybox:1" "docker://$GONE/busybox:1"
	uri=docker://$GONE#busybox:1
	digest=$(enroot digest "$uri" 2>/dev/null)
	run enroot start --offline "$uri" true
	assert_one_error "the cache has no image of $uri" "without --offline"
	inside "$uri"
	inside "docker://$GONE#busybox@$digest"
	registry_stop GONE
	run enroot start "$uri" true
	assert_one_error
	before=$(find "$CACHE" -printf '%p %i %C@ %T@\n' | sort)
	mv "$BIN/enroot-image" "$BIN/enroot-image.away"
	run --separate-stderr inside --offline "$uri"
	local offline=$output status1=$status
	run --separate-stderr inside "docker://$GONE#busybox@$digest"
	mv "$BIN/enroot-image.away" "$BIN/enroot-image"
	[ "$status1" -eq 0 ] && [ "$offline" = $'in\n/etc/rc' ]
	[ "$status" -eq 0 ] && [ "$output" = $'in\n/etc/rc' ]
	[ -z "$stderr" ]
	[ "$(find "$CACHE" -printf '%p %i %C@ %T@\n' | sort)" = "$before" ]
}

@test "other sources start as well: tar, oci" {
	cp "$SUITE/images/busybox.tar" r.tar && chmod a+r r.tar
	[ "$(inside tar:r.tar 2>/dev/null)" = $'in\n/etc/rc' ]
	skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/busybox:1" oci:layout:v1
	chmod -R a+rX layout
	[ "$(inside oci:layout:v1 2>/dev/null)" = $'in\n/etc/rc' ]
	[ "$(inside --offline oci:layout:v1)" = $'in\n/etc/rc' ]
	run enroot start tar:missing.tar true
	assert_one_error "No such file or directory: missing.tar"
}

@test "images and tags of strangers are not used, nor renamed or damaged ones" {
	need_root
	local uri=docker://$REGISTRY#busybox:1 image other
	inside "$uri"
	image=$(images)
	chown 4242 "$image"
	run enroot start --offline "$uri" true
	assert_one_error "the cache has no image"
	inside "$uri"
	[ "$(images | wc -l)" -eq 2 ]
	[ -e "${image%.sqsh}.$TEST_UID.sqsh" ]
	inside --offline "$uri"
	# root's and one's own are fine, another's only if enroot.conf says so
	rm "${image%.sqsh}.$TEST_UID.sqsh"
	ENROOT_CACHE_TRUST=4242 run enroot start --offline "$uri" true
	assert_one_error
	chmod a+r "$image"
	echo "ENROOT_CACHE_TRUST 17,4242" >conf && chmod a+r conf
	TEST_ENV=("ENROOT_TEST_CONF_PATH=$WORK/conf")
	inside --offline "$uri"
	TEST_ENV=()
	chown 0 "$image"
	inside --offline "$uri"
	# another image under that name, and half of one
	ENROOT_SQUASH_OPTIONS="-comp gzip" inside "$uri"
	other=$(images | grep -vF "$image")
	cp "$other" "$image"
	run enroot start --offline "$uri" true
	assert_one_error
	inside "$uri"
	inside --offline "$uri"
	image=$(images | grep -vF "$other" | tail -1)
	truncate -s 100000 "$image"
	inside "$uri"
	inside --offline "$uri"
}

@test "cache ls, prune and verify" {
	run enroot cache ls
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	inside "docker://$REGISTRY#busybox:1"
	enroot cache ls >list
	[ "$(grep -c '^blob ' list)" -eq 2 ]
	grep -q "^image .*docker://$REGISTRY#busybox:sha256:" list
	[ "$(enroot cache ls --json | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sorted(e["kind"] for e in d["entries"]), sum(e["bytes"] for e in d["entries"]) == d["bytes"])')" = "['blob', 'blob', 'image', 'tag'] True" ]
	enroot cache verify
	# nothing is old yet
	[ -z "$(enroot cache prune 2>/dev/null)" ]
	local blob
	blob=$(find "$CACHE/blobs" -type f -size +100k)
	touch -a -m -d '8 days ago' "$blob"
	[ "$(enroot cache prune 2>/dev/null)" = "${blob#"$CACHE"/}" ]
	[ ! -e "$blob" ]
	inside "docker://$REGISTRY#busybox:1"
	[ "$(ENROOT_CACHE_KEEP=0 enroot cache prune --size 1T 2>/dev/null)" = "" ]
	# what the established tool left
	as_user mkdir "$CACHE/.tokens.1000" && as_user touch "$CACHE/.tokens.1000/x" "$CACHE/$(printf '%064d' 1)"
	[ "$(enroot cache prune --json 2>/dev/null | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["removed"]))')" = 2 ]
	enroot cache prune --force
	[ -z "$(find "$CACHE" -type f)" ]
	run enroot cache
	[ "$status" -eq 1 ]
	run enroot cache nonsense
	[ "$status" -eq 1 ]
	run enroot cache --help
	[ "$status" -eq 0 ]
}

@test "cache verify finds damage, and --remove removes it" {
	inside "docker://$REGISTRY#busybox:1"
	local blob image
	blob=$(find "$CACHE/blobs" -type f -size +100k) image=$(images)
	printf X | dd of="$blob" bs=1 seek=2000 conv=notrunc status=none
	truncate -s 50000 "$image"
	run --separate-stderr enroot cache verify
	[ "$status" -eq 1 ]
	[ "$(sort <<<"$output")" = "$(printf '%s\n' "${blob#"$CACHE"/}" "${image#"$CACHE"/}" | sort)" ]
	run --separate-stderr enroot cache verify --remove --json
	[ "$status" -eq 1 ]
	[ "$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)["damaged"]))' <<<"$output")" = 2 ]
	enroot cache verify
	inside "docker://$REGISTRY#busybox:1"
}

@test "many starts of one URI at once: one build" {
	local uri=docker://$REGISTRY#busybox:1 i pids=()
	for ((i = 0; i < 8; i++)); do
		inside "$uri" >"out$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || {
			cat "out$i"
			false
		}
		grep -qx in "out$i"
	done
	[ "$(cat out* | grep -c Wrote)" -eq 1 ]
	[ "$(images | wc -l)" -eq 1 ]
}
