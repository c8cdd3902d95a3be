#!/usr/bin/env bats
# A Debian container that is changed: what packages do to passwd, group and localtime works and lasts.

load helpers

setup() {
	common_setup
	need_image debian
	enroot import -o debian.sqsh "docker://$REGISTRY#debian:1"
	enroot create -n debian debian.sqsh
}

teardown() {
	common_teardown
}

# make_package NAME POSTINST: a package without content, in WORK.
make_package() {
	mkdir -p "$WORK/pkg/DEBIAN"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: test\n' "$1" \
		>"$WORK/pkg/DEBIAN/control"
	printf '#!/bin/sh\nset -e\n%s\n' "$2" >"$WORK/pkg/DEBIAN/postinst"
	chmod 755 "$WORK/pkg/DEBIAN" "$WORK/pkg/DEBIAN/postinst"
	dpkg-deb --root-owner-group -b "$WORK/pkg" "$WORK/$1.deb" >/dev/null
	rm -rf "$WORK/pkg"
}

@test "a package that adds a user and one that changes the time zone" {
	release_only
	make_package addsuser 'useradd -r -d /nonexistent pkguser
groupadd -r pkggroup
install -d -o pkguser -g pkggroup /var/lib/addsuser'
	make_package zone 'ln -s /usr/share/zoneinfo/Asia/Tokyo /etc/localtime.dpkg-new
mv -f /etc/localtime.dpkg-new /etc/localtime'
	run -0 enroot start --root --rw -m "$WORK:/mnt" debian sh -c 'apt-get install -y /mnt/addsuser.deb /mnt/zone.deb && readlink /etc/localtime'
	[ "${lines[-1]}" = /usr/share/zoneinfo/Asia/Tokyo ]
	run -0 enroot start debian sh -c 'id -u pkguser; getent group pkggroup; id -un; dpkg -s addsuser | grep Status'
	[[ ${lines[1]} == pkggroup:* ]]
	[ "${lines[2]}" = "$TEST_USER" ]
	[ "${lines[3]}" = "Status: install ok installed" ]
	run -0 enroot start --rw debian grep -c '^pkguser:' /etc/passwd
	[ "$output" = 1 ]
}

@test "login as Debian has it" {
	run -0 enroot start debian sh -c 'umask; echo $PATH; pwd; echo $LANG; id -un'
	[ "${lines[0]}" = 0002 ] || [ "${lines[0]}" = 0022 ]
	[[ ${lines[1]} == */usr/bin* ]]
	[ "${lines[4]}" = "$TEST_USER" ]
	run -0 enroot start --root debian sh -c 'id -un; pwd'
	[ "$output" = $'root\n/root' ] || [[ $output == root* ]]
}
