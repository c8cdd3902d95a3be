#!/usr/bin/env bats
# enroot-pyxis-importer: what Slurm's plugin pyxis calls for its images.

load helpers
setup() {
	common_setup
	need_image busybox
	CACHE=$WORK/home/.cache/enroot
	URI=docker://$REGISTRY#busybox:1
	PROXIES=()
}
teardown() {
	proxies_stop
	! mountpoint -q "$WORK/mounted" || umount "$WORK/mounted"
	common_teardown
}

# As pyxis does: nothing to read, stdout a pipe, stderr kept for the user, the job's variables.
importer() {
	as_user env PYXIS_RUNTIME_PATH=/run/pyxis PYXIS_VERSION=0.22 SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_JOB_UID="$TEST_UID" \
		"$BIN/enroot-pyxis-importer" "$@" </dev/null
}

# The state of all files of the cache, to see whether anything was written.
cache_state() {
	find "$CACHE" -printf '%p %i %C@ %T@\n' | sort
}

@test "get prints the path of a squashfs file, and that alone; it starts" {
	run --separate-stderr importer get "$URI"
	[ "$status" -eq 0 ]
	[[ $output == "$CACHE/images/"*.sqsh ]]
	[[ $stderr == *"[INFO] Wrote "* ]]
	unsquashfs -s "$output" >/dev/null
	[ "$(enroot start "$output" cat /etc/os-release)" = "$(printf 'NAME="BusyBox"\nID=busybox')" ]
	[ "$(enroot start "$URI" echo same 2>/dev/null)" = same ]
	[ "$(find "$CACHE/images" -name '*.sqsh')" = "$output" ]
	# the same program without its name
	[ "$(as_user "$BIN/enroot-image" pyxis-importer get "$URI" 2>/dev/null)" = "$output" ]
}

@test "a warm get takes no lock and writes nothing; with a digest it asks nobody" {
	proxy
	local uri=docker://$PROXY#busybox:1 digest path before
	path=$(importer get "$uri" 2>/dev/null)
	before=$(cache_state)
	[ "$(importer get "$uri" 2>/dev/null)" = "$path" ]
	[ "$(cache_state)" = "$before" ]
	local strace=()
	[ "$BUILD" = san ] || strace=(strace -f -o trace) # the leak checker cannot be traced
	as_user "${strace[@]}" "$BIN/enroot-pyxis-importer" get "$uri" </dev/null >out 2>log
	[ "$(cat out)" = "$path" ]
	[ "$BUILD" = san ] || grep -F "$CACHE" trace | grep -q openat
	[ "$BUILD" = san ] || refute grep -E "$CACHE.*(O_CREAT|O_RDWR|O_WRONLY|O_TMPFILE)| (link|rename|mkdir|unlink|f?chmod|utimens)[a-z0-9]*\(.*$CACHE|flock\(|F_SETLK|F_OFD_SETLK" trace
	digest=$(enroot digest "$uri" 2>/dev/null)
	[ "$(importer get "docker://$PROXY#busybox@$digest" 2>/dev/null)" = "$path" ]
	proxies_stop
	[ "$(importer get "docker://$PROXY#busybox@$digest")" = "$path" ]
	run importer get "$uri"
	assert_one_error
}

@test "sixteen at once: one download, one build, one path" {
	proxy
	local uri=docker://$PROXY#busybox:1 i pids=()
	for ((i = 0; i < 16; i++)); do
		importer get "$uri" >"path$i" 2>"log$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(cat path* | sort -u | wc -l)" -eq 1 ]
	[ "$(cat log* | grep -c '\[INFO\] Wrote ')" -eq 1 ]
	[ "$(grep '/blobs/' "$LOG" | wc -l)" -eq "$(grep '/blobs/' "$LOG" | cut -d' ' -f2 | sort -u | wc -l)" ]
	unsquashfs -s "$(cat path0)" >/dev/null
	[ -z "$(find "$CACHE" -name '.*' -type f)" ]
}

@test "a get that is killed leaves nothing that holds the next one up" {
	proxy "/blobs/=slow:100000*2"
	local uri=docker://$PROXY#busybox:1
	(
		EXEC=exec
		as_user "$BIN/enroot-pyxis-importer" get "$uri"
	) >first 2>&1 </dev/null 3>&- &
	local pid=$!
	wait_until sh -c "[ -n \"\$(find '$CACHE/images' -name '.*.lock' 2>/dev/null)\" ]"
	kill -9 $pid
	wait $pid || true
	[ -z "$(find "$CACHE/images" -name '*.sqsh')" ]
	# pyxis calls release after a kill as well, twice
	importer release
	importer release
	unsquashfs -s "$(importer get "$uri" 2>/dev/null)" >/dev/null
	[ -z "$(find "$CACHE/images" -name '.*.lock')" ]
}

@test "release has nothing to do, says nothing, and may be called without a get" {
	run importer release
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	importer get "$URI" >path 2>/dev/null
	local before
	before=$(cache_state)
	run importer release
	[ "$status" -eq 0 ] && [ -z "$output" ]
	run importer release
	[ "$status" -eq 0 ] && [ -z "$output" ]
	[ "$(cache_state)" = "$before" ]
	[ -s "$(cat path)" ]
}

@test "what get printed survives prune, however long ago the image was built" {
	local path before
	path=$(importer get "$URI" 2>/dev/null)
	touch -d '30 days ago' "$path"
	touch -d '30 days ago' "$CACHE"/tags/*
	[ "$(importer get "$URI" 2>/dev/null)" = "$path" ]
	enroot cache prune >/dev/null 2>&1
	enroot cache prune --size 1 >/dev/null 2>&1
	[ -e "$path" ]
	# and a moved tag gives another file, and leaves the first as it is
	before=$(sha256sum <"$path")
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/busybox:1" \
		"docker://$REGISTRY/importer:moving"
	[ "$(importer get "docker://$REGISTRY#importer:moving" 2>/dev/null)" != "$path" ]
	[ "$(sha256sum <"$path")" = "$before" ]
}

@test "where no times of access are kept, a get renews an old image's, and a young one's not" {
	need_root
	local path used
	as_user mkdir mounted
	mount -t tmpfs -o mode=777,noatime none mounted
	path=$(ENROOT_CACHE_PATH=$WORK/mounted importer get "$URI" 2>/dev/null)
	touch -d '20 hours ago' "$path"
	used=$(stat -c '%X %Y' "$path")
	ENROOT_CACHE_PATH=$WORK/mounted importer get "$URI" >/dev/null 2>&1
	local same
	same=$(stat -c '%X %Y' "$path")
	touch -d '2 days ago' "$path"
	ENROOT_CACHE_PATH=$WORK/mounted importer get "$URI" >/dev/null 2>&1
	local renewed
	renewed=$(stat -c %X "$path")
	[ "$same" = "$used" ]
	[ "$renewed" -gt "$(date -d '1 hour ago' +%s)" ]
}

@test "failures: one line on stderr, nothing on stdout" {
	run --separate-stderr importer get "docker://$REGISTRY#missing:1"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$(grep -c '^\[ERROR\] ' <<<"$stderr")" -eq 1 ]
	run --separate-stderr importer get 'docker://'
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ $stderr == *"Invalid image reference"* ]]
	local words
	for words in '' get 'get a b' 'release x' nonsense; do
		# shellcheck disable=SC2086
		run importer $words
		[ "$status" -eq 1 ]
		[[ $output == *"Usage: enroot-pyxis-importer"* ]]
	done
	run importer --help
	[ "$status" -eq 0 ]
	[ "$(awk 'length > 120' <<<"$output")" = "" ]
	# a full disk or a closed pipe is no success
	refute sh -c 'exec "$@" >/dev/full' x setpriv --reuid="$TEST_UID" --regid="$TEST_GID" --clear-groups env \
		"HOME=$WORK/home" ENROOT_ALLOW_HTTP=y "$BIN/enroot-pyxis-importer" get "$URI"
}

@test "what root put into a system-wide cache is served from there, and nothing is written" {
	need_root
	local system=$WORK/system path before
	mkdir "$system"
	ENROOT_CACHE_PATH=$system as_uid 0 0 "$BIN/enroot-pyxis-importer" get "$URI" >path 2>/dev/null </dev/null
	path=$(cat path)
	chmod -R a+rX "$system"
	before=$(find "$system" -printf '%p %i %C@ %T@\n' | sort)
	export ENROOT_CACHE_SYSTEM_PATH=$system
	run --separate-stderr importer get "$URI"
	[ "$status" -eq 0 ]
	[ "$output" = "$path" ]
	refute grep -q Wrote <<<"$stderr"
	[ "$(enroot start "$output" echo started)" = started ]
	[ "$(find "$system" -printf '%p %i %C@ %T@\n' | sort)" = "$before" ]
	[ -z "$(find "$CACHE/images" -name '*.sqsh' 2>/dev/null)" ]
	unset ENROOT_CACHE_SYSTEM_PATH
}

@test "two users share one cache: one build where they trust each other, each his own where not" {
	need_root
	local other=4343 path
	local shared=$WORK/shared
	mkdir "$shared" && chown "$TEST_UID:4242" "$shared" && chmod 2770 "$shared"
	export ENROOT_CACHE_PATH=$shared
	get_as() {
		local uid=$1
		shift
		local env=()
		mapfile -d '' env < <(user_env)
		setpriv --reuid="$uid" --regid=4242 --clear-groups --inh-caps=-all env -i "${env[@]}" "HOME=$WORK/home-$uid" \
			"$BIN/enroot-pyxis-importer" get "$URI" </dev/null
	}
	install -d -o "$TEST_UID" "$WORK/home-$TEST_UID"
	install -d -o $other "$WORK/home-$other"
	echo "ENROOT_CACHE_TRUST $TEST_UID,$other" >conf && chmod a+r conf
	TEST_ENV=("ENROOT_TEST_CONF_PATH=$WORK/conf")
	get_as "$TEST_UID" >one 2>log1 3>&- &
	local first=$!
	get_as $other >two 2>log2
	wait $first
	cmp one two
	[ "$(cat log1 log2 | grep -c '\[INFO\] Wrote ')" -eq 1 ]
	TEST_ENV=()
	path=$(cat one)
	chown "$TEST_UID" "$path"
	[ "$(get_as "$TEST_UID" 2>/dev/null)" = "$path" ]
	[ "$(get_as $other 2>/dev/null)" = "${path%.sqsh}.$other.sqsh" ]
}
