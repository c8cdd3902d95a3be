#!/usr/bin/env bats
# push: to real registries, with and without credentials, through everything that a network does to an upload.

load helpers

# A container with a layer of 5 MB that does not compress.
setup() {
	common_setup
	need_image busybox
	R=push-$BATS_TEST_NUMBER
	[ -e "$SUITE/images/push.sqsh" ] || {
		enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
		enroot create -n b b.sqsh
		head -c 5000000 /dev/urandom >noise
		as_tree_owner cp noise home/.local/share/enroot/b/noise
		enroot export -o push.sqsh b
		mv push.sqsh "$SUITE/images/"
		enroot remove -f b
		rm -rf b.sqsh noise home/.cache
	}
	IMAGE=$SUITE/images/push.sqsh
}

teardown() {
	[ -z "${PRIVATE:-}" ] || registry_stop PRIVATE
	common_teardown
}

requests() {
	grep -cE "$1" "$LOG" || true
}

# What was pushed as $R:1 is what export makes of the image, and nothing is left here.
pushed() {
	[ "$status" -eq 0 ]
	local digest=${lines[-1]}
	[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://${1:-$REGISTRY}/$R:1")" = "$digest" ]
	[ "$digest" = "$(expected)" ]
	no_leftovers
}

expected() {
	[ -e "$SUITE/images/push.digest" ] || enroot export --format oci-archive -o - "$IMAGE" 2>&1 >/dev/null |
		sed -n 's/^\[INFO\] Digest: //p' >"$SUITE/images/push.digest"
	cat "$SUITE/images/push.digest"
}

no_leftovers() {
	[ -z "$(find home/.cache -type f 2>/dev/null)" ]
}

# One error, no tag in the registry, nothing left here.
refused() {
	assert_one_error "$@"
	refute skopeo inspect --tls-verify=false "docker://$REGISTRY/$R:1" >/dev/null 2>&1
	no_leftovers
}

@test "containers and images: what is pushed is what is exported, and others pull it as the same tree" {
	need_image odd
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	enroot create odd.sqsh
	rm -rf home/.cache
	local compress what
	for what in odd odd.sqsh; do
		for compress in gzip zstd none; do
			run --separate-stderr enroot push --compress $compress $what "docker://$REGISTRY#$R/${what//./-}:$compress"
			[ "$status" -eq 0 ]
			[ ${#lines[@]} -eq 1 ]
			enroot export -f --format oci --compress $compress -o layout $what
			[ "$output" = "$(jq -r '.manifests[0].digest' layout/index.json)" ]
			[ "$(enroot digest "docker://$REGISTRY#$R/${what//./-}:$compress")" = "$output" ]
		done
	done
	no_leftovers
	skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/$R/odd:gzip" oci:layout2:1
	as_tree_owner umoci unpack --rootless --image layout2:1 um >umoci.log 2>&1
	enroot import -o again.sqsh "docker://$REGISTRY#$R/odd:zstd"
	enroot create again.sqsh
	local skip=(--exclude etc/rc --exclude etc/rc.local --exclude etc/environment --exclude etc/fstab)
	manifest "${skip[@]}" home/.local/share/enroot/odd >want
	manifest "${skip[@]}" home/.local/share/enroot/again >got
	same_listing want got
	manifest "${skip[@]}" --repair-modes um/rootfs >got
	same_listing want got
	local file
	for file in environment fstab rc.local; do
		cmp "home/.local/share/enroot/odd/etc/$file" "home/.local/share/enroot/again/etc/$file"
	done
}

@test "nothing is sent that the registry has" {
	proxy
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	[ "$(requests ^PATCH)" -eq 2 ]
	: >"$LOG"
	run -0 enroot push -q --json "$IMAGE" "docker://$PROXY#$R:2"
	[[ ${lines[-1]} = "{\"digest\":\"$(expected)\"}" ]]
	[ "$(requests '^PATCH')" -eq 0 ]
	# The upload that asked whether we may push.
	[ "$(requests '^POST')" -eq 1 ]
	[ "$(requests '^DELETE.* 204$')" -eq 1 ]
	[ "$(requests '^PUT')" -eq 1 ]
}

@test "passwords: of docker-registry itself" {
	command -v htpasswd >/dev/null || skip "no htpasswd"
	htpasswd -Bbn me secret >htpasswd
	registry_start PRIVATE "auth:" "  htpasswd:" "    realm: test" "    path: $WORK/htpasswd"
	mkdir -p home/.config/enroot
	run enroot push "$IMAGE" "docker://$PRIVATE#$R:1"
	assert_one_error "401 Unauthorized.*credentials"
	[[ $output == *"wants credentials"* ]]
	[[ $output != *"Creating image layer"* ]]
	echo "machine 127.0.0.1 login me password secret" >home/.config/enroot/.credentials
	chmod -R go-rwx home/.config
	! is_root || chown -R "$TEST_UID:$TEST_GID" home
	run enroot push "$IMAGE" "docker://$PRIVATE#$R:1"
	[ "$status" -eq 0 ]
	[ "$(skopeo inspect --creds me:secret --tls-verify=false --format '{{.Digest}}' "docker://$PRIVATE/$R:1")" = "${lines[-1]}" ]
	sed -i 's/secret/wrong/' home/.config/enroot/.credentials
	run enroot push "$IMAGE" "docker://$PRIVATE#$R:2"
	assert_one_error "401 Unauthorized.*check the credentials of me"
	[[ $output != *"Creating image layer"* ]]
}

@test "tokens are asked for pushing, and renewed in the middle" {
	proxy --tokens 'me:secret' --
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "401 Unauthorized"
	run enroot push "$IMAGE" "docker://me:secret@$PROXY#$R:1"
	pushed
	grep -qE 'GET /token\?.*scope=repository%3A[^&]*pull%2Cpush' "$LOG"
	R+=-short
	proxy --tokens --token-uses 2 --
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	[ "$(requests '^GET /token')" -ge 3 ]
	[ "$(requests ' 401$')" -ge 2 ]
}

@test "a registry that anybody may read wants to know who pushes" {
	proxy --public --tokens me:secret --
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "401 Unauthorized"
	run enroot push "$IMAGE" "docker://me:secret@$PROXY#$R:1"
	pushed
	[ "$(requests '^GET /token')" -ge 1 ]
}

@test "a broken upload goes on where it broke, if the registry knows" {
	proxy "^PATCH=keep:1500000*1" "^PATCH=keep:2000000*1"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	[ "$(requests '^PATCH.* cut$')" -eq 2 ]
	[ "$(requests '^POST')" -eq 2 ]
	[ "$(requests '^GET .*/uploads/')" -ge 2 ]
}

@test "a broken upload begins anew if the registry does not know" {
	proxy "^PATCH=cut:1500000*2"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	[ "$(requests '^PATCH.* cut$')" -eq 2 ]
	[ "$(requests '^POST')" -eq 4 ]
}

@test "lost answers, refusals that pass, and waits that are asked for" {
	proxy "^HEAD=status:503*1" "^POST=status:429:1*1" "^POST=close*1" "^PATCH=status:502*1" "^PATCH=lose*1" \
		"^PUT .*/uploads/=lose*1" "^PUT .*/uploads/=status:500*1" "^PUT .*/manifests/=status:503*1" "^PUT .*/manifests/=lose*1"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
}

@test "tries are counted, and ENROOT_TRANSFER_RETRIES obeyed" {
	proxy "^PATCH=status:503"
	ENROOT_TRANSFER_RETRIES=1 run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "503 Service Unavailable"
	[ "$(requests '^PATCH')" -eq 2 ]
	# Nobody goes on with it.
	[ "$(requests '^DELETE')" -ge 1 ]
	proxy "^PATCH=cut:1000000"
	ENROOT_TRANSFER_RETRIES=2 run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "cannot get http://.*/uploads/"
	[ "$(requests '^PATCH')" -eq 3 ]
}

@test "refusals that do not pass are one error with a remedy" {
	local status_code
	for status_code in 403 404 405 413; do
		proxy "^POST=status:$status_code"
		run enroot push "$IMAGE" "docker://$PROXY#$R:1"
		refused "/blobs/uploads/ returned error code: $status_code .*\(.+\)$"
		[ "$(requests '^POST')" -eq 1 ]
	done
	proxy "^PUT .*/manifests/=status:400"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "/manifests/1 returned error code: 400"
	# what the registry itself says
	registry_start PRIVATE "proxy:" "  remoteurl: http://$REGISTRY"
	run enroot push "$IMAGE" "docker://$PRIVATE#$R:1"
	assert_one_error "the registry says: UNSUPPORTED"
	run enroot push "$IMAGE" "docker://$REGISTRY#$R@sha256:$(printf 'a%.0s' {1..64})"
	assert_one_error "pushed by its tag"
	run enroot push "$IMAGE" "oci:layout"
	assert_one_error "Invalid image reference: oci:layout.*docker://"
	run enroot push "$IMAGE" "https://me:hidden@$REGISTRY/$R:1"
	assert_one_error "Invalid image reference: https://"
	[[ $output != *hidden* ]]
	run enroot push nothing "docker://$REGISTRY#$R:1"
	refused "No such file or directory"
	run enroot push "$IMAGE"
	[ "$status" -eq 1 ]
	[[ $output == *"Usage: enroot push"* ]]
}

@test "a registry that keeps other bytes than were sent is found out" {
	proxy "^PUT .*/manifests/=header:Docker-Content-Digest:sha256:$(printf 'b%.0s' {1..64})"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	assert_one_error "another manifest than was sent"
}

@test "answers that do not come to an end are given up" {
	proxy "^PUT .*/manifests/=more:20000000"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	assert_one_error "the answer of http://.*/manifests/1 does not come to an end"
	[ "$(requests '^PUT .*/manifests/')" -eq 1 ]
}

@test "uploads may be relative, or elsewhere: and elsewhere nobody learns who we are" {
	local elsewhere first_log
	proxy "^(POST|PATCH)=location:-"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	R+=-other
	proxy
	elsewhere=$PROXY first_log=$LOG
	proxy --tokens me:secret -- "^POST=location:http://$elsewhere"
	run enroot push "$IMAGE" "docker://me:secret@$PROXY#$R:1"
	pushed
	[ "$(grep -c '^PATCH .* - 202$' "$first_log")" -eq 2 ]
	refute grep -qE ' (Basic|Bearer) ' "$first_log"
	# a redirect of the upload itself
	R+=-redirect
	proxy --tokens me:secret -- "^PATCH=redirect:http://$elsewhere"
	run enroot push "$IMAGE" "docker://me:secret@$PROXY#$R:1"
	pushed
	refute grep -qE ' (Basic|Bearer) ' "$first_log"
	# which asks for what it is not to know
	R+=-greedy
	proxy --tokens me:secret --
	elsewhere=$PROXY first_log=$LOG
	proxy "^PATCH=redirect:http://$elsewhere"
	ENROOT_TRANSFER_RETRIES=1 run enroot push "$IMAGE" "docker://me:secret@$PROXY#$R:1"
	refused "401 Unauthorized.*redirects to a host that is not told who you are"
	grep -q '^PATCH .* - 401$' "$first_log"
	refute grep -qE ' (Basic|Bearer) ' "$first_log"
	R+=-trap
	proxy "^POST=location:ftp://$elsewhere"
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "invalid place to upload to"
}

@test "certificates: of certs.d, and never from https to http" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1 \
		-addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1
	ENROOT_ALLOW_HTTP=n
	proxy --tls cert.pem key.pem --
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "certificate"
	mkdir -p "home/.config/containers/certs.d/$PROXY"
	cp cert.pem "home/.config/containers/certs.d/$PROXY/ca.crt"
	chmod -R a+rX home/.config
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	R+=-plain
	local target
	target=$REGISTRY
	proxy --tls cert.pem key.pem -- "^POST=location:http://$target"
	mkdir -p "home/.config/containers/certs.d/$PROXY"
	cp cert.pem "home/.config/containers/certs.d/$PROXY/ca.crt"
	chmod -R a+rX home/.config
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "not https"
	run enroot push "$IMAGE" "docker://$REGISTRY#$R:1"
	refused "ENROOT_ALLOW_HTTP"
}

@test "registries.conf: insecure and blocked are obeyed, mirrors are not pushed to" {
	local mirror_log mirror
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=elsewhere >/dev/null 2>&1
	ENROOT_ALLOW_HTTP=n
	proxy
	mirror=$PROXY mirror_log=$LOG
	proxy --tls cert.pem key.pem --
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	refused "certificate"
	cat >registries.conf <<-END
		[[registry]]
		prefix = "$PROXY/$R"
		location = "$PROXY/$R"
		insecure = true
		[[registry.mirror]]
		location = "$mirror/$R"
		insecure = true
		[[registry]]
		prefix = "$PROXY/forbidden"
		blocked = true
	END
	chmod a+r registries.conf
	TEST_ENV=("CONTAINERS_REGISTRIES_CONF=$WORK/registries.conf")
	run enroot push "$IMAGE" "docker://$PROXY#$R:1"
	pushed
	[ ! -s "$mirror_log" ]
	run enroot push "$IMAGE" "docker://$PROXY#forbidden:1"
	assert_one_error "block"
}

@test "signals and kill -9 leave nothing, here or as a tag" {
	local signal
	proxy "^PATCH=stall-body:20000"
	for signal in TERM KILL; do
		spawn log push "$IMAGE" "docker://$PROXY#$R:1"
		wait_until grep -q PATCH "$LOG"
		kill -$signal "$SPAWNED"
		wait "$SPAWNED" || true
		refute skopeo inspect --tls-verify=false "docker://$REGISTRY/$R:1" >/dev/null 2>&1
		no_leftovers
		: >"$LOG"
	done
	run enroot push "$IMAGE" "docker://$REGISTRY#$R:1"
	pushed
}

@test "a full cache directory is one error that says what to do" {
	need_root
	mkdir small
	mount -t tmpfs -o size=2m,mode=777 tmpfs small
	ENROOT_CACHE_PATH=$WORK/small run enroot push "$IMAGE" "docker://$REGISTRY#$R:1"
	[ -z "$(find small -type f)" ]
	umount small
	refused "No space left on device.*ENROOT_CACHE_PATH"
}
