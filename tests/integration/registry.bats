# Registries as they are met: authentication, transport, faults. What is fetched is checked by source-fetch, which
# hashes what it is given to read.
load helpers

setup_file() {
	local build=${ENROOT_TEST_BUILD_DIR:-${BATS_TEST_DIRNAME%/*/*}/build/$BUILD}
	source "$BATS_TEST_DIRNAME/helpers.bash"
	# The release is built without tests.
	[ -e "$build/tests/unit/source/source-fetch" ] || build=${BATS_TEST_DIRNAME%/*/*}/build/san
	install -m 755 "$build/tests/unit/source/source-fetch" "$SUITE/source-fetch"
	need_image busybox
	local dir=$SUITE/images/big
	mkdir -p "$dir"
	# Layers that do not compress, one of them larger than what is written and resumed at once.
	head -c 3000000 /dev/urandom >"$dir/one" && head -c 400000 /dev/urandom >"$dir/two"
	tar -C "$dir" --mtime=@1700000000 -cf "$dir/one.tar" one
	tar -C "$dir" --mtime=@1700000000 -cf "$dir/two.tar" two
	make_image big --layer "gzip:$dir/one.tar" --layer "gzip:$dir/two.tar" --cmd /bin/sh
	head -c 80000000 /dev/urandom >"$dir/wide" && tar -C "$dir" --mtime=@1700000000 -cf "$dir/wide.tar" wide
	make_image wide --layer "none:$dir/wide.tar" --cmd /bin/sh
	rm -f "$dir/wide" "$dir/wide.tar"
	BIG=$(curl -s -H "Accept: application/vnd.oci.image.manifest.v1+json" "http://$REGISTRY/v2/big/manifests/1" |
		python3 -c 'import json,sys; print(json.load(sys.stdin)["layers"][0]["digest"])')
	export BIG
}

setup() {
	common_setup
}

teardown() {
	common_teardown
}

# fetch NAME: with the cache of this test
fetch() {
	as_user "$SUITE/source-fetch" "docker://$PROXY#$1" "$WORK/home/cache"
}

good() {
	[ "$status" -eq 0 ]
	[ "$(grep -c '^layer .* ok$' <<<"$output")" -eq "${1:-2}" ]
	no_leftovers
}

# One line of [ERROR], and nothing half-made in the cache.
bad() {
	[ "$status" -eq 1 ]
	[ "$(grep -c '^\[ERROR\]' <<<"$output")" -eq 1 ]
	[[ $output == *$1* ]]
	no_leftovers
}

no_leftovers() {
	local f
	[ -d "$WORK/home/cache" ] || return 0
	while read -r f; do
		[ "$(sha256sum <"$f" | cut -d' ' -f1)" = "${f##*/}" ]
	done < <(find "$WORK/home/cache" -type f)
}

requests() {
	grep -c "$1" "$LOG" || true
}

@test "an image is fetched and cached; a second time nothing but the manifest is asked for" {
	proxy
	run fetch big:1
	good
	[[ $output == *"Querying registry for permission grant"* ]]
	[[ $output == *"Permission granted"* ]]
	[[ $output == *"Fetching image manifest"* ]]
	[[ $output == *"Downloading 2 missing layers..."* ]]
	[ "$(requests /blobs/)" -eq 3 ]
	: >"$LOG"
	run fetch big:1
	good
	[[ $output == *"Found all layers in cache"* ]]
	[ "$(requests /blobs/)" -eq 0 ]
	[ "$(requests /manifests/)" -eq 1 ]
	[ "$(stat -c %a "$WORK/home/cache/blobs/sha256/${BIG#sha256:}")" = 640 ]
}

@test "blobs that are damaged in the cache are found out, removed and fetched again" {
	proxy
	fetch big:1
	chmod u+w "$WORK/home/cache/blobs/sha256/"*
	printf 'X' | dd of="$WORK/home/cache/blobs/sha256/${BIG#sha256:}" bs=1 seek=1000 conv=notrunc status=none
	run fetch big:1
	[ "$status" -eq 1 ]
	[[ $output == *"$BIG is damaged in the cache"* ]]
	run fetch big:1
	good
	# cut short: not even opened
	truncate -s 1000 "$WORK/home/cache/blobs/sha256/${BIG#sha256:}"
	run fetch big:1
	good
}

@test "digest prints the digest alone, import by it works" {
	run -0 --separate-stderr enroot digest "docker://$REGISTRY#big:1"
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	local want=$output
	[ "$want" = "$(curl -s -H "Accept: application/vnd.oci.image.manifest.v1+json" \
		"http://$REGISTRY/v2/big/manifests/1" | sha256sum | sed 's/ .*//; s/^/sha256:/')" ]
	run -0 --separate-stderr enroot digest "docker://$REGISTRY#big:1@$want"
	[ "$output" = "$want" ]
	PROXY=$REGISTRY run fetch "big:nonsense@$want"
	good
	[[ $output == *"name big+$want"* ]]
}

@test "a broken transfer goes on where it broke" {
	proxy "/blobs/$BIG=drop:1000000*1" "/blobs/$BIG=short:700000*1" "/blobs/$BIG=drop:50000*1"
	run fetch big:1
	good
	[ "$(grep "/blobs/$BIG" "$LOG" | cut -d' ' -f3 | grep -c '^bytes=[1-9]')" -eq 3 ]
	[ "$(requests "/blobs/$BIG")" -eq 4 ]
}

@test "a server without ranges sends all again and is read on from where it broke" {
	proxy "/blobs/$BIG=drop:1000000*1" "/blobs/$BIG=norange*1"
	run fetch big:1
	good
	[ "$(requests "/blobs/$BIG")" -eq 2 ]
}

@test "a large blob that comes slowly is asked for in several places at once" {
	proxy "/blobs/=slow:20000000"
	run fetch wide:1
	good 1
	# segments of 16 MiB, more than one at a time
	[ "$(cut -d' ' -f3 "$LOG" | grep -c '^bytes=')" -ge 4 ]
	[ "$(cut -d' ' -f3 "$LOG" | grep '^bytes=' | sort -u | wc -l)" -ge 4 ]
}

@test "segments survive breaks, refusals and stale tokens" {
	# All of them may meet the same connection: a break with progress counts from 1, so that three more are allowed.
	proxy "/blobs/=drop:5000000*3" "/blobs/=status:503*2" "/blobs/=short:9000000*3" "/blobs/=slow:30000000*2" \
		"/blobs/=close*1" "/blobs/=drop:2000000*2"
	run fetch wide:1
	good 1
	rm -rf "$WORK/home/cache"
	proxy --tokens --token-uses 5 -- "/blobs/=close*3" "/blobs/=slow:40000000"
	run fetch wide:1
	good 1
}

@test "a large blob of a server that ignores ranges, or stumbles over them, comes in one piece" {
	proxy "/blobs/=norange"
	run fetch wide:1
	good 1
	[ "$(grep -c '/blobs/.* bytes=0-16777215 .* 200' "$LOG")" -eq 1 ]
	rm -rf "$WORK/home/cache"
	proxy "/blobs/sha256:[0-9a-f]*\$=norange*1" "/blobs/=status:416*1"
	run fetch wide:1
	good 1
	rm -rf "$WORK/home/cache"
	# it knows them at first, and then not any more
	proxy "/blobs/=slow:100000000*2" "/blobs/=norange*3"
	run fetch wide:1
	good 1
}

@test "wrong bytes in a later segment are found" {
	proxy "/blobs/=slow:100000000*3" "/blobs/=corrupt:1000*1"
	run fetch wide:1
	bad "arrived damaged"
}

@test "an answer with another range than asked is refused" {
	proxy "/blobs/$BIG=drop:1000000*1" "/blobs/$BIG=badrange"
	run fetch big:1
	bad "another part of layer $BIG"
}

@test "429 with Retry-After, 503 and closed connections are tried again" {
	proxy "/blobs/$BIG=status:429:1*1" "/blobs/$BIG=status:503*1" "/blobs/$BIG=close*1" "/manifests/=status:502*1"
	local start=$SECONDS
	run fetch big:1
	good
	[ $((SECONDS - start)) -ge 1 ]
	[ "$(requests "/blobs/$BIG")" -eq 4 ]
}

@test "tries are counted, and ENROOT_TRANSFER_RETRIES obeyed" {
	proxy "/blobs/$BIG=status:503"
	TEST_ENV+=(RETRIES=1)
	run fetch big:1
	bad "/blobs/$BIG returned error code: 503 Service Unavailable"
	[ "$(requests "/blobs/$BIG")" -eq 2 ]
}

@test "wrong bytes are an error before the end, and not kept" {
	proxy "/blobs/$BIG=corrupt:1500000"
	run fetch big:1
	bad "layer $BIG arrived damaged"
	[ ! -e "$WORK/home/cache/blobs/sha256/${BIG#sha256:}" ]
}

@test "more bytes than the manifest says, and a body that ends early" {
	proxy "/blobs/$BIG=more:10"
	run fetch big:1
	bad "more than the"
	TEST_ENV+=(RETRIES=1)
	proxy "/blobs/$BIG=shorter:1000"
	run fetch big:1
	bad "bytes"
}

@test "a damaged or swapped manifest is refused" {
	proxy "/manifests/=corrupt:0"
	run fetch big:1
	bad "arrived damaged"
	local digest
	digest=$(enroot digest "docker://$REGISTRY#big:1" 2>/dev/null)
	curl -s "http://$REGISTRY/v2/busybox/manifests/1" -H "Accept: application/vnd.oci.image.manifest.v1+json" >other
	chmod 644 other
	proxy "/manifests/=replace:$WORK/other"
	run fetch "big@$digest"
	bad "asked was $digest"
}

@test "giant and nonsensical manifests are refused" {
	head -c 5000000 /dev/zero | tr '\0' ' ' >giant
	head -c 100000 /dev/zero | tr '\0' '[' >deep
	echo '{"schemaVersion":1,"name":"x"}' >old
	echo '<html>' >html
	chmod 644 giant deep old html
	proxy "/manifests/=replace:$WORK/giant*1" "/manifests/=replace:$WORK/deep*1" "/manifests/=replace:$WORK/old*1" \
		"/manifests/=replace:$WORK/html*1"
	run fetch big:1
	bad "longer than 4194304 bytes"
	run fetch big:1
	bad "nested"
	run fetch big:1
	bad "schema 1"
	run fetch big:1
	bad "no valid JSON"
}

@test "redirects are followed, without credentials to another host, and not for ever" {
	local target
	proxy
	target=$PROXY
	local target_log=$LOG
	proxy --tokens -- "/blobs/=redirect:http://$target"
	run fetch big:1
	good
	[ "$(grep -c '/blobs/.* - 200' "$target_log")" -eq 3 ]
	[ "$(grep -c Bearer "$target_log" || true)" -eq 0 ]
	rm -rf "$WORK/home/cache"
	proxy "/blobs/=redirect:"
	run fetch big:1
	bad "redirects more than 10 times"
	proxy "/blobs/=redirect-to:file:///etc/passwd"
	run fetch big:1
	bad "redirects to something other than HTTP"
	# not even if it asks for them
	proxy --tokens me:secret --
	target=$PROXY target_log=$LOG
	proxy "/manifests/=redirect:http://$target"
	run enroot digest "docker://me:secret@$PROXY#big:1"
	assert_one_error "401 Unauthorized"
	grep -q '/manifests/.* - 401$' "$target_log"
	[ "$(grep -cE ' (Basic|Bearer) ' "$target_log" || true)" -eq 0 ]
}

@test "anonymous tokens: fetched once, renewed when refused, also in the middle of a blob" {
	proxy --tokens --
	run fetch big:1
	good
	[[ $output == *"Authenticating with user: <anonymous>"* ]]
	[[ $output == *"Authentication succeeded"* ]]
	[ "$(requests '/token')" -eq 1 ]
	rm -rf "$WORK/home/cache"
	# manifest, config and one layer's part; the next request meets 401
	proxy --tokens --token-uses 3 -- "/blobs/$BIG=drop:1000000*1"
	run fetch big:1
	good
	[ "$(requests '/token')" -ge 2 ]
	[ "$(grep "/blobs/$BIG" "$LOG" | grep -c 'bytes=[1-9].* 206')" -eq 1 ]
}

@test "tokens are asked for the image's repository, or for that by a proxy's name, whatever the registry says" {
	local scope
	for scope in repository:user/image:pull repository:secret/big2:pull repository:notbig:pull repository::pull nonsense; do
		proxy --tokens --scope "$scope" --
		run fetch big:1
		good
		grep -q '^GET /token?.*scope=repository%3Abig%3Apull ' "$LOG"
		rm -rf "$WORK/home/cache"
	done
	proxy --tokens --scope repository:hub/big:pull --
	run fetch big:1 # the test's own service gives out nothing for other names
	grep -q '^GET /token?.*scope=repository%3Ahub%2Fbig%3Apull ' "$LOG"
}

@test "a token service with credentials: from .credentials, auth.json, an identity token and USER@" {
	TEST_ENV+=("ENROOT_CONFIG_PATH=$WORK/home/config" "REGISTRY_AUTH_FILE=$WORK/home/auth.json")
	mkdir -p "$WORK/home/config"
	chmod 755 "$WORK/home" "$WORK/home/config"
	proxy --tokens 'me:p w$d' --
	run fetch big:1
	bad "/token returned error code: 401 Unauthorized"
	[[ $output == *"$WORK/home/config/.credentials, $WORK/home/auth.json"* ]]

	echo "machine 127.0.0.1 login me password \$(printf 'p w\$d')" >"$WORK/home/config/.credentials"
	chmod 644 "$WORK/home/config/.credentials"
	run fetch big:1
	good
	[[ $output == *"[WARN] Others can read the passwords in $WORK/home/config/.credentials"* ]]
	[[ $output == *"Authenticating with user: me"* ]]
	[[ $output == *"Using credentials from file: $WORK/home/config/.credentials"* ]]
	[[ $output != *'p w$d'* ]]

	rm "$WORK/home/config/.credentials"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$PROXY" "$(printf 'me:p w$d' | base64)" >"$WORK/home/auth.json"
	chmod 644 "$WORK/home/auth.json"
	run fetch big:1
	good
	printf '{"auths":{"%s":{"identitytoken":"identity-p w$d"}}}' "$PROXY" >"$WORK/home/auth.json"
	run fetch big:1
	good
	grep -q '^POST /token' "$LOG"
	rm "$WORK/home/auth.json"
	run as_user "$SUITE/source-fetch" "docker://me:p w\$d@$PROXY#big:1" "$WORK/home/cache"
	good
	run as_user "$SUITE/source-fetch" "docker://me:wr0ng@$PROXY#big:1" "$WORK/home/cache"
	bad "401"
	[[ $output != *wr0ng* ]]
}

@test "the realm may not be a trap" {
	local other
	proxy
	other=$PROXY
	proxy --tokens --realm "ftp://127.0.0.1/token" --
	run fetch big:1
	bad "token service that is not https"
	proxy --tokens --realm "http://me:x@$other/token" --
	run fetch big:1
	bad "user's name in its URL"
	# Credentials that belong to another realm stay at home.
	TEST_ENV+=("ENROOT_CONFIG_PATH=$WORK/home/config")
	mkdir -p "$WORK/home/config"
	echo "machine localhost login victim password secret" >"$WORK/home/config/.credentials"
	chmod 755 "$WORK/home/config"
	chmod 644 "$WORK/home/config/.credentials"
	proxy --tokens --realm "http://localhost:${other#*:}/token" --
	run fetch big:1
	[[ $output == *"Authenticating with user: <anonymous>"* ]]
}

@test "basic authentication against docker-registry" {
	command -v htpasswd >/dev/null || skip "no htpasswd"
	htpasswd -Bbn me secret >htpasswd
	registry_start PRIVATE "auth:" "  htpasswd:" "    realm: test" "    path: $WORK/htpasswd"
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --dest-creds me:secret "docker://$REGISTRY/busybox:1" \
		"docker://$PRIVATE/busybox:1"
	TEST_ENV+=("ENROOT_CONFIG_PATH=$WORK/home/config")
	mkdir -p "$WORK/home/config"
	chmod 755 "$WORK/home/config"
	PROXY=$PRIVATE run fetch busybox:1
	bad "401 Unauthorized"
	[[ $output == *"wants credentials"* ]]
	echo "machine 127.0.0.1 login me password wrong" >"$WORK/home/config/.credentials"
	chmod 644 "$WORK/home/config/.credentials"
	PROXY=$PRIVATE run fetch busybox:1
	bad "401 Unauthorized"
	[[ $output == *"check the credentials of me from $WORK/home/config/.credentials"* ]]
	echo "machine 127.0.0.1 login me password secret" >"$WORK/home/config/.credentials"
	PROXY=$PRIVATE run fetch busybox:1
	registry_stop PRIVATE
	good 1
}

make_certificates() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca >/dev/null 2>&1
	openssl req -newkey rsa:2048 -nodes -keyout key -out csr -subj /CN=localhost >/dev/null 2>&1
	openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert \
		-extfile <(echo subjectAltName=IP:127.0.0.1) >/dev/null 2>&1
	chmod 644 ca.pem cert key
}

@test "certs.d: an authority and a client's certificate for one registry" {
	make_certificates
	unset ENROOT_ALLOW_HTTP
	proxy --tls "$WORK/cert" "$WORK/key" --client-ca "$WORK/ca.pem" --tokens --
	local folder=$WORK/home/.config/containers/certs.d/$PROXY
	mkdir -p "$folder"
	chmod -R a+rX "$WORK/home/.config"
	cp ca.pem "$folder/ca.crt"
	run fetch big:1
	[ "$status" -eq 1 ]
	cp cert "$folder/client.cert"
	run fetch big:1
	bad "$folder/client.key"
	cp key "$folder/client.key"
	run fetch big:1
	good
	# another host is shown nothing
	proxy --tls "$WORK/cert" "$WORK/key" --
	TEST_ENV+=("SSL_CERT_FILE=$WORK/ca.pem")
	rm -rf "$WORK/home/cache"
	run fetch big:1
	good
}

@test "TLS with a private authority" {
	make_certificates
	unset ENROOT_ALLOW_HTTP
	proxy --tls "$WORK/cert" "$WORK/key" --tokens --
	run fetch big:1
	bad "certificate"
	[[ $output == *SSL_CERT_FILE* ]]
	TEST_ENV+=("SSL_CERT_FILE=$WORK/ca.pem")
	run fetch big:1
	good
	# never from https to http
	local plain
	proxy
	plain=$PROXY
	proxy --tls "$WORK/cert" "$WORK/key" -- "/blobs/=redirect:http://$plain"
	rm -rf "$WORK/home/cache"
	run fetch big:1
	bad "from https to http"
}

@test "a registry that speaks plain http needs ENROOT_ALLOW_HTTP" {
	unset ENROOT_ALLOW_HTTP
	PROXY=$REGISTRY run fetch big:1
	bad "ENROOT_ALLOW_HTTP=y"
	export ENROOT_ALLOW_HTTP=y
	PROXY=$REGISTRY run fetch big:1
	good
	[[ $output == *"[WARN] $REGISTRY does not speak https"* ]]
}

@test "proxies of the environment are used, and not for hosts that are excepted" {
	proxy
	local through=$PROXY
	PROXY=127.0.0.1:$("$TOOLS/free-port.py")
	TEST_ENV+=("http_proxy=http://$through")
	run fetch busybox:1
	good 1
	[ "$(grep -c "GET http://$PROXY/v2/busybox/" "$LOG")" -eq 3 ]
	TEST_ENV+=(no_proxy=127.0.0.1)
	run fetch busybox:1
	bad "Connection refused"
}

@test "unknown images, tags, hosts and ports are one error with a remedy" {
	PROXY=$REGISTRY run fetch no/such:1
	bad "URL http://$REGISTRY/v2/no/such/manifests/1 returned error code: 404 Not Found"
	PROXY=$REGISTRY run fetch big:none
	bad "/v2/big/manifests/none returned error code: 404 Not Found"
	[[ $output == *"no such image or tag"* ]]
	PROXY=no-such-host.invalid run fetch big:1
	bad "Could not resolve"
	[[ $output == *"check the name of the registry"* ]]
	PROXY=127.0.0.1:$("$TOOLS/free-port.py") run fetch big:1
	bad "Connection refused"
}

@test "lists of platforms: Docker's and OCI's, nested, and what is missing in them" {
	local name manifest list
	for name in amd64 arm64; do
		skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/big:1" \
			"docker://$REGISTRY/multi:$name"
	done
	put_index() { # NAME TYPE < index
		curl -sf -X PUT -H "Content-Type: $2" --data-binary @- "http://$REGISTRY/v2/multi/manifests/$1"
	}
	manifest=$(curl -s -H "Accept: application/vnd.oci.image.manifest.v1+json" \
		"http://$REGISTRY/v2/multi/manifests/amd64" | tee m | sha256sum | cut -d' ' -f1)
	local entry='{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d,"platform":{"os":"%s","architecture":"%s"}}'
	{
		printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
		printf "$entry," "$manifest" "$(stat -c %s m)" unknown unknown
		printf "$entry" "$manifest" "$(stat -c %s m)" linux amd64
		printf ']}'
	} >index
	put_index inner application/vnd.oci.image.index.v1+json <index
	PROXY=$REGISTRY TEST_ENV+=(ARCH=amd64)
	run fetch multi:inner
	good
	[[ $output == *"manifest sha256:$manifest"* ]]
	{
		printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
		printf "${entry/image.manifest/image.index}" "$(sha256sum <index | cut -d' ' -f1)" "$(stat -c %s index)" linux amd64
		printf ']}'
	} >outer
	put_index outer application/vnd.oci.image.index.v1+json <outer
	run fetch multi:outer
	good
	[[ $output == *"manifest sha256:$manifest"* ]]
	TEST_ENV+=(ARCH=s390x)
	run fetch multi:inner
	bad "no linux/s390x variant"
	[[ $output == *"linux/amd64"* ]]
	run -1 enroot digest -a nonsense "docker://$REGISTRY#multi:inner"
	[[ $output == *"Unsupported architecture: nonsense"* ]]
}

@test "foreign layers come from their urls after the registry, without credentials" {
	local layer elsewhere elsewhere_log
	layer=$(busybox_layer)
	proxy
	elsewhere=$PROXY elsewhere_log=$LOG
	curl -s -H "Accept: application/vnd.oci.image.manifest.v1+json" "http://$REGISTRY/v2/busybox/manifests/1" |
		python3 -c 'import json,sys
m = json.load(sys.stdin)
m["layers"][0]["urls"] = ["http://127.0.0.1:1/gone"] + sys.argv[1:]
print(json.dumps(m))' "http://$elsewhere/v2/busybox/blobs/$layer" >manifest
	chmod a+r manifest
	proxy --tokens -- "/manifests/=replace:$WORK/manifest" "/blobs/$layer=status:404"
	run fetch busybox:1
	good 1
	[ "$(grep -c "/blobs/$layer .* Bearer 404" "$LOG")" -eq 1 ]
	[ "$(grep -c "/blobs/$layer - - 200" "$elsewhere_log")" -eq 1 ]
	# nowhere
	rm -rf "$WORK/home/cache"
	sed -i "s|http://$elsewhere|http://127.0.0.1:1|" manifest
	run fetch busybox:1
	bad "127.0.0.1:1"
}

@test "Docker's own manifests are taken" {
	skopeo copy -q -f v2s2 --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/big:1" \
		"docker://$REGISTRY/docker-big:1"
	PROXY=$REGISTRY run fetch docker-big:1
	good
}

@test "layouts and archives: oci, oci-archive, docker-archive" {
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/big:1" oci:layout:v1
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/big:1" oci-archive:a.tar:v1
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/big:1" docker-archive:d.tar:some/name:2
	chmod -R a+rX layout a.tar d.tar
	local digest uri
	digest=$(enroot digest "docker://$REGISTRY#big:1" 2>/dev/null)
	for uri in oci:layout oci:layout:v1 oci-archive:a.tar oci-archive:a.tar:v1; do
		run as_user "$SUITE/source-fetch" "$uri" "$WORK/home/cache"
		good
		[[ $output == *"manifest $digest"* ]]
		[ "$(enroot digest "$uri")" = "$digest" ]
	done
	for uri in docker-archive:d.tar docker-archive:d.tar:some/name:2; do
		run as_user "$SUITE/source-fetch" "$uri" "$WORK/home/cache"
		good
	done
	[ ! -e "$WORK/home/cache" ]
	run as_user "$SUITE/source-fetch" oci:layout:v2 "$WORK/home/cache"
	bad "no image with the tag v2"
	run as_user "$SUITE/source-fetch" docker-archive:d.tar:other:1 "$WORK/home/cache"
	bad "no image other:1"
	# what should be a blob is something else
	local blob=layout/blobs/sha256/${BIG#sha256:}
	printf X | dd of="$blob" bs=1 seek=2000000 conv=notrunc status=none
	run as_user "$SUITE/source-fetch" oci:layout "$WORK/home/cache"
	bad "layer $BIG is damaged"
	rm "$blob" && mkfifo -m 666 "$blob"
	run as_user timeout 60 "$SUITE/source-fetch" oci:layout "$WORK/home/cache"
	bad "no regular file"
	rm "$blob" && ln -s /dev/zero "$blob"
	run as_user timeout 60 "$SUITE/source-fetch" oci:layout "$WORK/home/cache"
	bad "cannot open"
	rm layout/index.json && mkfifo -m 666 layout/index.json
	run as_user timeout 60 "$SUITE/source-fetch" oci:layout "$WORK/home/cache"
	bad "no regular file"
}

@test "a full cache is said with need and place, and leaves nothing" {
	need_root
	mkdir small
	mount -t tmpfs -o size=1m,mode=777 none small
	PROXY=$REGISTRY run as_user "$SUITE/source-fetch" "docker://$REGISTRY#big:1" "$WORK/small/cache"
	local left
	left=$(find small -type f -size +100k | wc -l)
	umount small
	[ "$status" -eq 1 ]
	[ "$(grep -c '^\[ERROR\]' <<<"$output")" -eq 1 ]
	[[ $output == *"No space left on device"* ]]
	[[ $output == *ENROOT_CACHE_PATH* ]]
	[ "$left" -eq 0 ]
}

@test "a signal ends a slow transfer promptly and leaves nothing" {
	proxy "/blobs/$BIG=hold:$WORK/never" # without the signal it would not end
	EXEC=exec as_user "$SUITE/source-fetch" "docker://$PROXY#big:1" "$WORK/home/cache" >out 2>&1 3>&- &
	local pid=$!
	wait_until grep -q "/blobs/$BIG" "$LOG"
	kill -TERM "$pid"
	wait "$pid" || true
	grep -q interrupted out
	[ ! -e "$WORK/home/cache/blobs/sha256/${BIG#sha256:}" ]
	no_leftovers
}

@test "many fetches of one image into one cache at once are harmless" {
	local i pids=()
	PROXY=$REGISTRY
	for ((i = 0; i < 6; i++)); do
		fetch big:1 >"out$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}"
		[ "$(grep -c '^layer .* ok$' "out$i")" -eq 2 ]
	done
	no_leftovers
}
