#!/bin/bash
# A small root filesystem of busybox-static as a layer tar: make-busybox.sh OUT.tar
set -euo pipefail
out=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,dev,etc,home,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin,var/run,var/lock,var/tmp}
chmod 1777 "$tree/tmp" "$tree/var/tmp"
install -m 755 "$(command -v busybox)" "$tree/bin/busybox"
for applet in $("$tree/bin/busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\ndaemon:x:1:1:daemon:/:/bin/false\n' \
	>"$tree/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\ndaemon:x:1:\n' >"$tree/etc/group"
printf 'NAME="BusyBox"\nID=busybox\n' >"$tree/etc/os-release"
touch "$tree"/etc/{hosts,hostname,resolv.conf}
tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner --format=pax \
	--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -C "$tree" -cf "$out" .
