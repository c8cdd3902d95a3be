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
	proxy_log=$WORK/log
	mkfifo stdin
	: >"$proxy_log"
	"$TOOLS/fault-proxy.py" --upstream "$REGISTRY" --port-file port --log "$proxy_log" --tokens <>stdin >proxy.out 2>&1 3>&- &
	local pid=$! i
	for ((i = 0; i < 200; i++)); do
		[ ! -e port ] || break
		sleep 0.05
	done
	printf '[[registry]]\nlocation = "registry.example.invalid"\n[[registry.mirror]]\nlocation = "127.0.0.1:%s"\n' "$(cat port)" >"$CONF"
	run enroot import -o a.sqsh docker://me:secret@registry.example.invalid#busybox:1
	kill "$pid"
	[ "$status" -eq 0 ]
	refute grep -qi basic "$proxy_log"
	refute grep -q secret <<<"$output"
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
