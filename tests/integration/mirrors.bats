#!/usr/bin/env bats
# registries.conf: mirrors, other locations, registries without proper certificates.

load helpers
setup() {
	common_setup
	need_image busybox
	CONF=$WORK/registries.conf
	TEST_ENV=("CONTAINERS_REGISTRIES_CONF=$CONF")
	: >"$CONF"
	chmod a+r "$CONF"
}
teardown() { common_teardown; }

@test "a mirror serves what it has; the next one and the registry itself what it lacks; names stay" {
	local dead missing
	dead=127.0.0.1:$("$TOOLS/free-port.py")
	registry_start missing
	cat >"$CONF" <<-END
		[[registry]]
		location = "registry.example.invalid"
		[[registry.mirror]]
		location = "$dead"
		insecure = true
		[[registry.mirror]]
		location = "$missing/empty"
		insecure = true
		[[registry.mirror]]
		location = "$REGISTRY"
		insecure = true
	END
	unset ENROOT_ALLOW_HTTP
	run enroot import -o a.sqsh docker://registry.example.invalid#busybox:1
	[ "$status" -eq 0 ]
	[ "$(grep -c '^\[WARN\] Mirror ' <<<"$output")" -eq 2 ]
	unsquashfs -cat a.sqsh etc/rc | grep -qx '# enroot-provenance: docker://registry.example.invalid#busybox:1'
	local digest
	digest=$(enroot digest docker://registry.example.invalid#busybox:1 2>/dev/null)
	[[ $digest =~ ^sha256: ]]
	run enroot import -o b.sqsh docker://registry.example.invalid#nothing:1
	assert_one_error registry.example.invalid
	registry_stop missing
}

@test "credentials of a registry are not shown to its mirror" {
	proxy --tokens --
	mirrors "$PROXY"
	run enroot import -o a.sqsh docker://me:secret@registry.example.invalid#busybox:1
	[ "$status" -eq 0 ]
	refute grep -qi basic "$LOG"
	refute grep -q secret <<<"$output"
}

# mirrors HOST…: of registry.example.invalid, in that order.
mirrors() {
	{
		printf '[[registry]]\nlocation = "registry.example.invalid"\n'
		printf '[[registry.mirror]]\nlocation = "%s"\n' "$@"
	} >"$CONF"
}

# import_by_mirrors: the image is whole, wherever its bytes came from.
import_by_mirrors() {
	rm -rf out.sqsh home/.cache
	[ -e good.sqsh ] || enroot import -o good.sqsh "docker://$REGISTRY#busybox:1"
	rm -rf home/.cache
	# what is recorded in the image differs: its data must not
	run enroot import -o out.sqsh docker://registry.example.invalid#busybox:1
	[ "$status" -eq 0 ] || {
		echo "$output"
		return 1
	}
	unsquashfs -cat good.sqsh bin/busybox >good && unsquashfs -cat out.sqsh bin/busybox | cmp - good
}

@test "a mirror that breaks in the middle of a layer: the next one goes on at that byte" {
	local layer first first_log
	layer=$(busybox_layer)
	proxy "/blobs/$layer=drop:600000*1" "/blobs/$layer=close"
	first=$PROXY first_log=$LOG
	proxy
	mirrors "$first" "$PROXY"
	import_by_mirrors
	grep -q "^\[WARN\] .*: going on at $PROXY" <<<"$output"
	[ "$(grep -c "/blobs/$layer" "$first_log")" -eq 2 ]
	[ "$(grep "/blobs/$layer" "$LOG" | cut -d' ' -f3 | grep -c '^bytes=[1-9]')" -eq 1 ]
	[ "$(grep -c "/blobs/$layer" "$LOG")" -eq 1 ]
}

@test "a mirror that is killed, that has not the layer, that refuses it, and one that sends nonsense" {
	local layer first pid rule
	layer=$(busybox_layer)
	proxy "/blobs/$layer=hold:$WORK/never"
	first=$PROXY pid=${PROXIES[-1]} LOG_OF_FIRST=$LOG
	proxy
	mirrors "$first" "$PROXY"
	spawn log import -o killed.sqsh docker://registry.example.invalid#busybox:1
	wait_until grep -q "/blobs/$layer" "$LOG_OF_FIRST"
	kill -9 "$pid"
	wait "$SPAWNED" || {
		cat log
		false
	}
	[ "$(grep -c "/blobs/$layer" "$LOG")" -eq 1 ]
	for rule in status:404 status:403 status:503 more:100 shorter:1000 badrange corrupt:5000; do
		proxy "/blobs/$layer=$rule"
		mirrors "$PROXY" "$REGISTRY"
		import_by_mirrors
	done
	# nobody has it right
	mirrors "$PROXY" 127.0.0.1:1
	rm -rf home/.cache
	run enroot import -o none.sqsh docker://registry.example.invalid#busybox:1
	assert_one_error "arrived damaged"
	[ ! -e none.sqsh ]
}

@test "another location, a blocked registry, and a certificate that nobody signed" {
	printf '[[registry]]\nprefix = "old.example/team"\nlocation = "%s"\n[[registry]]\nprefix="bad.example"\nblocked=true\n' "$REGISTRY" >"$CONF"
	enroot import -o a.sqsh docker://old.example/team/busybox:1
	run enroot import -o b.sqsh docker://bad.example/busybox:1
	assert_one_error "bad.example is blocked"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=elsewhere >/dev/null 2>&1
	registry_start SIGNED '  tls:' "    certificate: $WORK/cert.pem" "    key: $WORK/key.pem"
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/busybox:1" \
		"docker://$SIGNED/busybox:1"
	unset ENROOT_ALLOW_HTTP
	run enroot import -o b.sqsh "docker://$SIGNED#busybox:1"
	assert_one_error
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$SIGNED" >"$CONF"
	enroot import -o b.sqsh "docker://$SIGNED#busybox:1"
	registry_stop SIGNED
}

@test "what is allowed at one mirror is not at the next: certificates, plain http" {
	local layer first second
	layer=$(busybox_layer)
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=elsewhere >/dev/null 2>&1
	chmod a+r key.pem
	unset ENROOT_ALLOW_HTTP
	proxy --tls "$WORK/cert.pem" "$WORK/key.pem" -- "/blobs/$layer=close"
	first=$PROXY
	proxy --tls "$WORK/cert.pem" "$WORK/key.pem" --
	second=$PROXY
	mirrors "$first" "$second"
	sed -i "/$first/a insecure = true" "$CONF"
	run enroot import -o out.sqsh docker://registry.example.invalid#busybox:1
	assert_one_error
	refute grep -q /blobs/ "$LOG"
	grep -q "^\[WARN\].*$second.*certificate" <<<"$output"
	mirrors "$first" "$REGISTRY"
	sed -i "/$first/a insecure = true" "$CONF"
	run enroot import -o out.sqsh docker://registry.example.invalid#busybox:1
	assert_one_error
	mirrors "$first" "$second"
	sed -i "/mirror/a insecure = true" "$CONF"
	enroot import -o out.sqsh docker://registry.example.invalid#busybox:1
	grep -q "/blobs/$layer" "$LOG"
	# one that is trusted sends us to one that is not: nothing of the first one's permission is left
	openssl req -x509 -newkey rsa:2048 -nodes -keyout good.key -out good.pem -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 >/dev/null 2>&1
	chmod a+r good.key good.pem
	proxy --tls "$WORK/good.pem" "$WORK/good.key" -- "/blobs/$layer=redirect:https://$second"
	TEST_ENV+=("SSL_CERT_FILE=$WORK/good.pem")
	mirrors "$first" "$PROXY"
	sed -i "/$first/a insecure = true" "$CONF"
	rm -rf home/.cache out.sqsh
	run enroot import -o out.sqsh docker://registry.example.invalid#busybox:1
	assert_one_error "$second.*certificate"
	grep -q "/blobs/$layer .* 307" "$LOG"
}
