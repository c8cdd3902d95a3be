#!/usr/bin/env bats
# Images from elsewhere than a registry: tar files, daemons; and remembering who we are to a registry.

load helpers
setup() {
	common_setup
	busybox_tar
	TAR=$SUITE/images/busybox.tar
}
teardown() {
	[ -z "${SERVICE:-}" ] || kill "$SERVICE" 2>/dev/null || true
	common_teardown
}

is_open() {
	[ -n "$(find /proc/[0-9]*/fd -lname "$1" 2>/dev/null)" ]
}

@test "the usage texts name every source" {
	local command source
	for command in import load digest; do
		run enroot $command --help
		for source in docker:// dockerd:// podman:// oci: oci-archive: docker-archive: tar:; do
			[[ $output == *"   $source"* ]]
		done
	done
}

@test "tar: a root filesystem, compressed or not, from a file, a pipe and standard input: one digest" {
	cp "$TAR" r.tar
	gzip -k r.tar && zstd -q r.tar && xz -k r.tar && chmod a+r r.tar*
	local file want
	want=$(enroot digest tar:r.tar)
	[[ $want =~ ^sha256:[0-9a-f]{64}$ ]]
	for file in r.tar.gz r.tar.zst r.tar.xz; do
		[ "$(enroot digest "tar:$file")" = "$want" ]
	done
	[ "$(enroot digest tar:- <r.tar.gz)" = "$want" ]
	[ "$(enroot digest -a arm64 tar:r.tar)" != "$want" ]
	[ ! -e home/.cache/enroot/blobs ]
	enroot import tar:r.tar.gz
	unsquashfs -cat r.sqsh etc/rc >rc
	[ "$(head -2 rc)" = "# enroot-provenance: tar:r.tar.gz
# enroot-manifest: $want" ]
	grep -q "exec '/bin/sh'" rc
	enroot import -o stdin.sqsh tar:- <r.tar.zst
	# a FIFO that nobody writes to yet
	mkfifo -m 666 fifo
	spawn log import -o fifo.sqsh tar:fifo
	wait_until is_open "$WORK/fifo"
	cat r.tar.gz >fifo
	wait "$SPAWNED"
	unsquashfs -cat fifo.sqsh etc/rc | grep -qx "# enroot-manifest: $want"
	spawn log import -o other.sqsh tar:fifo
	wait_until is_open "$WORK/fifo"
	kill -TERM "$SPAWNED"
	wait "$SPAWNED" || true
	run cat log
	[[ $output == *"interrupted by signal 15"* ]]
	mkdir tree && tar -C tree -xf r.tar
	enroot create r.sqsh
	diff -r --no-dereference -x rc -x rc.local -x fstab -x environment tree home/.local/share/enroot/r | grep -v ': etc$' && false
	[ -x home/.local/share/enroot/r/etc/rc ]
}

@test "tar: what cannot be one is a single error, and leaves nothing" {
	head -c 20000 /dev/urandom >junk && head -c 700000 "$TAR" >short && chmod a+r junk short
	local uri
	for uri in tar: tar:missing tar:/etc tar:/dev/zero tar:junk tar:short; do
		run as_user timeout 60 "$BIN/enroot" import -o x.sqsh "$uri"
		assert_one_error
	done
	assert_only junk short
}

@test "tar: entries that make no sense are said once; nobody reads them again" {
	printf hello >hello
	tar -cf odd.tar hello
	printf '%s' '77777x77777' | dd of=odd.tar bs=1 seek=124 conv=notrunc status=none
	python3 - <<-'END'
		header = bytearray(open("odd.tar", "rb").read())
		header[148:156] = b" " * 8
		header[148:156] = b"%06o\0 " % sum(header[:512])
		open("odd.tar", "wb").write(header)
	END
	run enroot import -o odd.sqsh tar:odd.tar
	assert_one_error "layer 1 of 1 .*bad number in the size field"
	[ "$(grep -c "bad number" <<<"$output")" -eq 1 ]
}

@test "archives come compressed as a whole, through pipes and on standard input, too" {
	saved some:1 >/dev/null
	skopeo --insecure-policy copy -q docker-archive:some.tar oci-archive:oci.tar:1 >/dev/null
	local want kind file
	for kind in docker-archive:some oci-archive:oci; do
		file=${kind#*:}.tar kind=${kind%:*}
		gzip -k "$file" && zstd -q "$file" && xz -k "$file"
		chmod a+r "$file"*
		want=$(enroot digest "$kind:$file")
		[[ $want == sha256:* ]]
		for file in "$file".gz "$file".zst "$file".xz; do
			[ "$(enroot digest "$kind:$file")" = "$want" ]
		done
		[ "$(enroot digest "$kind:-" <"$file")" = "$want" ]
		# shellcheck disable=SC2002
		cat "$file" | enroot import --if-needed "$kind:-"
		unsquashfs -cat stdin.sqsh etc/rc | grep -qx "# enroot-manifest: $want"
		mv stdin.sqsh "$kind.sqsh"
	done
	# A damaged blob is looked at again: a FIFO has it only once.
	mkfifo -m 666 fifo
	# shellcheck disable=SC2094
	python3 - oci.tar >bad.tar <<-'END'
		import sys, tarfile
		data = bytearray(open(sys.argv[1], "rb").read())
		member = max(tarfile.open(sys.argv[1]), key=lambda m: m.size)
		data[member.offset_data + member.size // 2] ^= 0xFF
		sys.stdout.buffer.write(data)
	END
	spawn log import -o bad.sqsh oci-archive:fifo
	cat bad.tar >fifo
	refute wait "$SPAWNED"
	grep -q '^\[ERROR\] layer 1 of .* is damaged$' log
	rm fifo bad.tar log
	gzip -c /dev/null >empty.tar.gz
	head -c 20000 some.tar.gz >short.tar.gz
	chmod a+r ./*.gz
	for file in empty short; do
		run enroot import -o x.sqsh "docker-archive:$file.tar.gz"
		assert_one_error "$file.tar.gz"
	done
	assert_only docker-archive.sqsh oci-archive.sqsh some.tar{,.gz,.zst,.xz} oci.tar{,.gz,.zst,.xz} empty.tar.gz short.tar.gz
}

@test "podman:// and dockerd:// by socket" {
	need_root
	export CONTAINERS_STORAGE_CONF=$WORK/storage.conf
	printf '[storage]\ndriver="vfs"\ngraphroot="%s"\nrunroot="%s"\n' "$WORK/graph" "$WORK/runroot" >storage.conf
	podman import -q "$TAR" localhost/some/busybox:1 || skip "podman does not work here"
	podman system service --time=60 "unix://$WORK/p.sock" >service.log 2>&1 3>&- &
	SERVICE=$!
	local i uri want
	for ((i = 0; i < 100; i++)); do
		[ ! -S p.sock ] || break
		sleep 0.1
	done
	chmod 666 p.sock
	TEST_ENV=("CONTAINER_HOST=unix://$WORK/p.sock" "DOCKER_HOST=unix://$WORK/p.sock")
	want=$(enroot digest podman://localhost/some/busybox:1)
	[[ $want =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(enroot digest dockerd://localhost/some/busybox:1)" = "$want" ]
	enroot import podman://localhost/some/busybox:1
	unsquashfs -cat localhost+some+busybox+1.sqsh etc/rc | grep -qx "# enroot-manifest: $want"
	enroot load -n box dockerd://localhost/some/busybox:1
	[ -x home/.local/share/enroot/box/bin/busybox ]
	for uri in podman://localhost/nothing:1 dockerd://localhost/nothing:1; do
		run enroot import -o x.sqsh "$uri"
		assert_one_error "does not give image localhost/nothing:1"
	done
	for uri in podman:// dockerd://-x dockerd://a//b 'dockerd://a?b' dockerd://a/../b; do
		run enroot import -o x.sqsh "$uri"
		assert_one_error "Invalid image reference"
	done
	[ ! -e x.sqsh ]
}

@test "podman:// and dockerd:// by the program, where there is no socket" {
	mkdir bin
	cat >bin/docker <<-'END'
		#!/bin/sh
		echo "$*" >>docker.log
		[ "$2" = some:1 ] || exit 1
		cat some.tar
	END
	chmod 755 bin/docker
	saved some:1 >saved.log
	chmod a+r some.tar
	TEST_ENV=("PATH=$WORK/bin:$BIN:/usr/bin:/bin" DOCKER_HOST=ssh://nowhere)
	enroot import dockerd://some:1
	[ -s some+1.sqsh ]
	grep -qx 'save some:1' docker.log
	run enroot import dockerd://other:1
	assert_one_error "docker save other:1 failed"
	rm bin/docker
	TEST_ENV=("PATH=$WORK/bin:$BIN" DOCKER_HOST=ssh://nowhere)
	run enroot import -o x.sqsh dockerd://some:1
	assert_one_error "no docker daemon answers"
}

# saved NAME:TAG: the busybox image as docker save writes it, in some.tar
saved() {
	need_image busybox
	skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/busybox:1" "docker-archive:some.tar:$1"
	echo some.tar
}

@test "login checks with the registry and keeps the password where others find it; logout forgets it" {
	command -v htpasswd >/dev/null || skip "needs htpasswd"
	htpasswd -Bbn someone 'pass word:1' >"$SUITE/htpasswd.login"
	registry_start AUTH 'auth:' '  htpasswd:' '    realm: test' "    path: $SUITE/htpasswd.login"
	local file=$WORK/run/containers/auth.json
	run enroot login -u someone --password-stdin "$AUTH" <<<'wrong'
	assert_one_error
	[ ! -e "$file" ]
	refute grep -q wrong <<<"$output"
	run enroot login -u someone --password-stdin "$AUTH" <<<'pass word:1'
	[ "$status" -eq 0 ]
	refute grep -q 'pass word' <<<"$output"
	[ "$(stat -c %a "$file")" = 600 ]
	as_user skopeo login --authfile "$file" --get-login "$AUTH" >who
	[ "$(cat who)" = someone ]
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false --dest-creds 'someone:pass word:1' \
		"docker-archive:$(saved some:1)" "docker://$AUTH/some:1"
	enroot import "docker://$AUTH#some:1"
	[ -s some+1.sqsh ]
	enroot logout "$AUTH"
	refute grep -qF "$AUTH" "$file"
	run enroot logout "$AUTH"
	assert_one_error
	run enroot digest "docker://$AUTH#some:1"
	assert_one_error 401
	run enroot login -u someone "$AUTH" </dev/null
	assert_one_error password-stdin
	registry_stop AUTH
}

@test "--quiet and --json: results on standard output, nothing else" {
	cp "$TAR" r.tar && chmod a+r r.tar
	local digest
	run --separate-stderr enroot digest --json -q tar:r.tar
	[ -z "$stderr" ]
	digest=$(python3 -c 'import json,sys; print(json.load(sys.stdin)["digest"])' <<<"$output")
	[ "$digest" = "$(enroot digest tar:r.tar)" ]
	run --separate-stderr enroot import --quiet --json -o 'a"b.sqsh' tar:r.tar
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["path"], d["digest"], d["bytes"], d["built"])' <<<"$output")" = \
		"$WORK/a\"b.sqsh $digest $(stat -c %s 'a"b.sqsh') True" ]
	run --separate-stderr enroot import -q --json --if-needed -o 'a"b.sqsh' tar:r.tar
	[ "$(python3 -c 'import json,sys; d=json.load(sys.stdin); print(d["digest"], d["bytes"], d["built"])' <<<"$output")" = \
		"$digest $(stat -c %s 'a"b.sqsh') False" ]
	run --separate-stderr enroot load -q -n box tar:r.tar
	[ -z "$output$stderr" ]
}
