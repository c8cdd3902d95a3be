#!/bin/bash
# A minimal Debian root filesystem as a layer tar: make-debian.sh OUT.tar
# Kept in $ENROOT_TEST_CACHE (default: none), since it takes the network and half a minute.
set -euo pipefail
out=$1
cached=${ENROOT_TEST_CACHE:+$ENROOT_TEST_CACHE/debian-minbase.tar}
if [ -n "$cached" ] && [ -s "$cached" ]; then
	cp --reflink=auto "$cached" "$out"
	exit 0
fi
mode=unshare
[ "$(id -u)" -ne 0 ] || mode=root
log=$(mktemp)
if ! SOURCE_DATE_EPOCH=1700000000 mmdebstrap --mode=$mode --variant=minbase --format=tar bookworm "$out.part" \
	>"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	rm -f "$log" "$out.part"
	exit 1
fi
rm -f "$log"
mv "$out.part" "$out"
if [ -n "$cached" ]; then
	mkdir -p "$ENROOT_TEST_CACHE"
	cp --reflink=auto "$out" "$cached.$$"
	mv "$cached.$$" "$cached"
fi
