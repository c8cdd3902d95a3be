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
	[ "$(inside --offline "oci:$PWD/layout:v1")" = $'in\n/etc/rc' ]
	mkdir elsewhere
	cd elsewhere # the same words name another layout
	run enroot start --offline oci:layout:v1 true
	assert_one_error "the cache has no image of oci:layout:v1"
	cd ..
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

@test "cache ls takes no words of others for its own: names that are none, and what controls a terminal" {
	command -v mksquashfs >/dev/null || skip "needs mksquashfs"
	local hex name system=$WORK/system
	hex=$(printf '%064d' 7)
	mkdir -p "$system/images" "$system/tags" tree/etc
	printf '# enroot-provenance: \033]0;mine\007\033[2Jred\n# enroot-manifest: x\n# enroot-options: y\n' >tree/etc/rc
	mksquashfs tree "$system/images/$hex.sqsh" -noappend -quiet -no-progress >/dev/null
	for name in "images/$hex.x.sqsh" $'images/'"$hex"$'\e[31m.sqsh' "images/$hex..sqsh" "images/.$hex.sqsh" "tags/$hex.1.2" \
		"tags/$hex." .tokens. .tokens.x; do
		touch "$system/$name"
	done
	touch "$system/images/.$hex.1000.sqsh.prev" "$system/tags/$hex.1000"
	chmod -R a+rX "$system"
	ENROOT_CACHE_SYSTEM_PATH=$system enroot cache ls >list
	[ "$(grep -c "$system" list)" -eq 3 ]
	grep -q '?]0;mine??\[2Jred$' list
	refute grep -q $'[\e\a]' list
	ENROOT_CACHE_SYSTEM_PATH=$system enroot cache ls --json | python3 -c 'import json, sys; json.load(sys.stdin)'
}

@test "cache ls, prune and verify" {
	run enroot cache ls
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	inside "docker://$REGISTRY#busybox:1"
	enroot cache ls >list
	[ "$(grep -c '^blob ' list)" -eq 2 ]
	grep -q "^image .*docker://$REGISTRY#busybox:sha256:" list
	[ "$(enroot cache ls --json | python3 -c 'import json,sys; d=json.load(sys.stdin); print(sorted(e["kind"] for e in d["entries"]), sum(e["bytes"] for e in d["entries"]) == d["bytes"])')" = "['blob', 'blob', 'image', 'tag', 'tag', 'tag'] True" ]
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

# fill_system_cache: a cache of root's that everybody may read; sets SYSTEM.
fill_system_cache() {
	SYSTEM=$WORK/system
	mkdir -m 755 "$SYSTEM"
	ENROOT_CACHE_PATH=$SYSTEM root_enroot start "$1" true
	chmod -R a+rX "$SYSTEM"
}

state_of_cache() {
	find "$1" -printf '%p %i %m %U %C@ %T@\n' | sort
}

@test "system caches: images start and blobs are read from there, and nothing is written" {
	need_root
	proxy
	local uri=docker://$PROXY#busybox:1 before
	fill_system_cache "$uri"
	before=$(state_of_cache "$SYSTEM")
	: >"$LOG"
	export ENROOT_CACHE_SYSTEM_PATH=/nonexistent:relative:$SYSTEM
	[ "$(inside --offline "$uri")" = $'in\n/etc/rc' ]
	[ "$(inside "$uri" 2>/dev/null)" = $'in\n/etc/rc' ]
	enroot import -o out.sqsh "$uri"
	refute grep -q /blobs/ "$LOG"
	[ -z "$(find "$CACHE" -type f)" ]
	[ "$(state_of_cache "$SYSTEM")" = "$before" ]
	# what is there is said, and what is one's own is pruned only
	ENROOT_SQUASH_OPTIONS="-comp gzip" inside "$uri"
	enroot cache ls >list
	[ "$(grep -c "^blob .* $SYSTEM/blobs/sha256/" list)" -eq 2 ]
	[ "$(grep -c " $SYSTEM/images/.* docker://$PROXY#busybox:sha256:" list)" -eq 1 ]
	[ "$(grep -c '^image .* images/' list)" -eq 1 ]
	enroot cache ls --json | python3 -c 'import json,sys; d=json.load(sys.stdin)
assert sum(e["bytes"] for e in d["entries"] if e["own"]) == d["bytes"]
assert any(not e["own"] and e["path"].startswith(sys.argv[1]) for e in d["entries"])' "$SYSTEM"
	enroot cache verify
	enroot cache prune --force
	[ -z "$(find "$CACHE" -type f)" ]
	[ "$(state_of_cache "$SYSTEM")" = "$before" ]
}

@test "system caches: what is damaged there, or a stranger's, is not used, and stays" {
	need_root
	local uri=docker://$REGISTRY#busybox:1 blob image
	fill_system_cache "$uri"
	export ENROOT_CACHE_SYSTEM_PATH=$SYSTEM
	blob=$(find "$SYSTEM/blobs" -type f -size +100k) image=$(find "$SYSTEM/images" -name '*.sqsh')
	enroot import -o good.sqsh "$uri"
	printf X | dd of="$blob" bs=1 seek=2000 conv=notrunc status=none
	run enroot import -o again.sqsh "$uri"
	[ "$status" -eq 0 ]
	grep -q "^\[WARN\].*damaged in the cache $SYSTEM" <<<"$output"
	cmp good.sqsh again.sqsh
	[ -s "$CACHE/blobs/sha256/${blob##*/}" ]
	[ -e "$blob" ]
	run --separate-stderr enroot cache verify --remove
	[ "$status" -eq 1 ]
	[ "$output" = "$blob" ]
	[ -e "$blob" ]
	# the configuration is in both, and damaged in the system's
	find "$SYSTEM/blobs" -type f -size -100k -exec truncate -s -1 {} +
	enroot import -o third.sqsh "$uri"
	cmp good.sqsh third.sqsh
	chown 4242 "$image"
	run enroot start --offline "$uri" true
	assert_one_error "the cache has no image"
	inside "$uri"
	[ "$(images | wc -l)" -eq 1 ]
	inside --offline "$uri"
}

@test "a cache of a group: what one member fetched the other reads, whatever the umask, and no password or token is in it" {
	need_root
	local other=$((TEST_UID + 1)) group=4711 i
	mkdir shared one two
	chgrp "$group" shared && chmod 2770 shared
	chown "$TEST_UID" one && chown "$other" two
	proxy --tokens 'me:p w$d' --
	member() { # UID DIRECTORY ARG…
		local uid=$1 home=$WORK/$2
		shift 2
		(
			umask 077
			setpriv --reuid="$uid" --regid="$uid" --groups="$group" env -i "PATH=$BIN:$PATH" "HOME=$home" \
				"ENROOT_CACHE_PATH=$WORK/shared" ENROOT_ALLOW_HTTP=y "ENROOT_RUNTIME_PATH=$home/run" \
				"ENROOT_SYSCONF_PATH=$ENROOT_SYSCONF_PATH" "ENROOT_LIBRARY_PATH=$ENROOT_LIBRARY_PATH" \
				${BUILD_OPTIONS:-} "$BIN/enroot" "$@"
		)
	}
	for i in one two; do
		mkdir -p "$i/.config/enroot"
		echo "machine 127.0.0.1 login me password \$(printf 'p w\$d')" >"$i/.config/enroot/.credentials"
	done
	chown -R "$TEST_UID" one && chown -R "$other" two && chmod -R go= one two
	member "$TEST_UID" one start "docker://$PROXY#busybox:1" true
	[ "$(grep -c ' /v2/busybox/blobs/' "$LOG")" -eq 2 ]
	member "$other" two import -o "$WORK/two/out.sqsh" "docker://$PROXY#busybox:1"
	[ "$(grep -c ' /v2/busybox/blobs/' "$LOG")" -eq 2 ]
	# images are their owner's, unless the administrator trusts him
	run member "$other" two start --offline "docker://$PROXY#busybox:1" true
	[ "$status" -eq 1 ]
	member "$other" two start "docker://$PROXY#busybox:1" true
	[ "$(find shared/images -name '*.sqsh' -printf '%f %U\n' | cut -d. -f2- | sort)" = "$(printf '%s\n' "$other.sqsh $other" "sqsh $TEST_UID" | sort)" ]
	[ -z "$(find shared -type f ! -perm 640 -o -type f ! -group "$group" -o -type d ! -perm 2770)" ]
	refute grep -rqaE 'p w\$d|[Bb]earer|Authorization' shared
	# a damaged layer of another member's is replaced
	local blob
	blob=$(find shared/blobs -type f -size +100k)
	printf X | dd of="$blob" bs=1 seek=2000 conv=notrunc status=none
	member "$other" two import -o "$WORK/two/again.sqsh" "docker://$PROXY#busybox:1"
	cmp two/out.sqsh two/again.sqsh
	[ "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}" ]
}

@test "what was verified is started, even if its name becomes another file's" {
	local uri=docker://$REGISTRY#busybox:1 image
	inside "$uri"
	image=$(images)
	# between enroot-image and enroot: the name is gone by then
	cat >between <<-END
		#!/bin/sh
		rm -f "$WORK/$image"
		exec "$BIN/enroot" "\$@"
	END
	chmod 755 between
	run --separate-stderr as_user "$BIN/enroot-image" start-uri "$WORK/between" 1 "" start "$uri" /bin/sh -c 'echo still; ls -l /proc/self/fd'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = still ]
	[ ! -e "$image" ]
	# nothing of it is left open in there
	[ "${#lines[@]}" -gt 3 ]
	refute grep -E 'sqsh|deleted' <<<"$output"
	run enroot start --image-fd=77 "$uri" true
	assert_one_error "Invalid argument: --image-fd=77"
	run enroot start --image-fd=0 "$uri" true </dev/null
	assert_one_error "Invalid argument"
}

@test "batch scripts and --conf: a URI, and directives about where it comes from" {
	cat >job <<-END
		#! $BIN/enroot batch
		#ENROOT_ROOTFS=docker://$REGISTRY#busybox:1
		#ENROOT_CACHE_PATH=$WORK/home/other
		#ENROOT_ROOTFS_WRITABLE=y
		environ() { echo "HELLO=world"; }
	END
	chmod 755 job
	[ "$(as_user ./job /bin/sh -c 'echo "$HELLO $1"; : >/new' x -- 2>/dev/null)" = "world --" ]
	[ "$(find home/other/images -name '*.sqsh' | wc -l)" -eq 1 ]
	[ ! -e "$CACHE/images" ]
	[ "$(enroot start --conf job --offline "docker://$REGISTRY#busybox:1" /bin/sh -c 'echo $HELLO')" = world ]
	ENROOT_ROOTFS=docker://$REGISTRY#busybox:none run enroot batch job true
	[ "$status" -eq 0 ]
	sed -i 's/busybox:1$/busybox:none/' job
	run as_user ./job true
	assert_one_error 404
}

@test "a URI in the background: by the image's name" {
	local uri=docker://$REGISTRY#busybox:1 pid
	pid=$(enroot start --detach "$uri" sleep 60 2>/dev/null)
	[ "$pid" -gt 0 ]
	enroot exec busybox:1 true
	enroot stop busybox:1
	pid=$(enroot start --detach --offline --name called "$uri" sleep 60)
	enroot exec called true
	enroot stop called
}

@test "what was started by its tag is there by its digest, too, without asking" {
	local uri=docker://$REGISTRY#busybox:1 digest form before
	inside "$uri"
	digest=$(enroot digest "$uri" 2>/dev/null)
	before=$(state_of_cache "$CACHE")
	mv "$BIN/enroot-image" "$BIN/enroot-image.away"
	for form in "docker://$REGISTRY#busybox@$digest" "docker://$REGISTRY#busybox:1@$digest"; do
		run --separate-stderr inside "$form"
		[ "$status" -eq 0 ] && [ "$output" = $'in\n/etc/rc' ] && [ -z "$stderr" ] || break
	done
	mv "$BIN/enroot-image.away" "$BIN/enroot-image"
	[ "$status" -eq 0 ]
	[ "$output" = $'in\n/etc/rc' ]
	[ -z "$stderr" ]
	inside "$uri"
	[ "$(state_of_cache "$CACHE")" = "$before" ]
}
