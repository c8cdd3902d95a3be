#!/usr/bin/env bats
# The same reference, manifest and options give the same bytes.

load helpers
setup() { common_setup; }
teardown() {
	[ -z "${PROXY_PID:-}" ] || kill "$PROXY_PID" 2>/dev/null || true
	common_teardown
}

# imports NAME REFERENCE…: several ways, all compared with the first.
imports() {
	local reference=$1 n
	enroot import -o cold.sqsh "$reference"
	enroot import -o warm.sqsh "$reference"
	cmp cold.sqsh warm.sqsh
	for n in 1 2 8; do
		ENROOT_MAX_PROCESSORS=$n enroot import -o warm$n.sqsh "$reference"
		cmp cold.sqsh warm$n.sqsh
		rm -rf home/.cache
		ENROOT_MAX_PROCESSORS=$n ENROOT_MAX_CONNECTIONS=$n enroot import -o cold$n.sqsh "$reference"
		cmp cold.sqsh cold$n.sqsh
	done
}

@test "cold and warm, 1, 2 and 8 processors: busybox, odd, mixed" {
	local name
	for name in busybox odd odd-mixed; do
		need_image $name
		rm -rf home/.cache ./*.sqsh
		imports "docker://$REGISTRY#$name:1"
	done
}

@test "cold and warm, 1, 2 and 8 processors: Debian" {
	release_only
	need_image debian
	imports "docker://$REGISTRY#debian:1"
}

@test "half of the layers in the cache" {
	need_image odd
	enroot import -o all.sqsh "docker://$REGISTRY#odd:1"
	local round
	for round in 0 1 2; do
		find home/.cache/enroot/blobs -type f | sort | awk -v r=$round 'NR % 3 == r' | xargs rm -f
		enroot import -o "round$round.sqsh" "docker://$REGISTRY#odd:1"
		cmp all.sqsh "round$round.sqsh"
	done
}

@test "a slow and uneven network" {
	release_only
	local port rate
	need_image odd
	need_image debian
	port=$("$TOOLS/free-port.py")
	echo 0 >rate
	mkfifo life
	"$TOOLS/throttle-proxy.py" "$port" "${REGISTRY#*:}" "$PWD/rate" <>life >/dev/null 2>&1 3>&- &
	PROXY_PID=$!
	for i in {1..50}; do
		! curl -s -o /dev/null "http://127.0.0.1:$port/v2/" || break
		sleep 0.1
	done
	enroot import -o fast.sqsh "docker://127.0.0.1:$port#odd:1"
	for rate in 60000 250000; do
		echo $rate >rate
		rm -rf home/.cache
		enroot import -o "slow$rate.sqsh" "docker://127.0.0.1:$port#odd:1"
		cmp fast.sqsh "slow$rate.sqsh"
	done
	echo 0 >rate
	enroot import -o debian.sqsh "docker://127.0.0.1:$port#debian:1"
	echo 12000000 >rate
	rm -rf home/.cache
	enroot import -o slow.sqsh "docker://127.0.0.1:$port#debian:1"
	cmp debian.sqsh slow.sqsh
}

@test "options that change the bytes are in the image, and give other bytes" {
	need_image odd
	enroot import -o a.sqsh "docker://$REGISTRY#odd:1"
	ENROOT_SQUASH_OPTIONS="-comp lz4 -b 64K" enroot import -o b.sqsh "docker://$REGISTRY#odd:1"
	ENROOT_SQUASH_OPTIONS="-b 65536 -comp lz4" enroot import -o c.sqsh "docker://$REGISTRY#odd:1"
	cmp b.sqsh c.sqsh
	refute cmp -s a.sqsh b.sqsh
	unsquashfs -cat b.sqsh etc/rc | grep -q '^# enroot-options: .*lz4'
}

@test "export twice gives the same bytes with SOURCE_DATE_EPOCH" {
	need_image odd
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	enroot create odd.sqsh
	TEST_ENV=(SOURCE_DATE_EPOCH=1500000000)
	enroot export -o a.sqsh odd
	ENROOT_MAX_PROCESSORS=1 enroot export -o b.sqsh odd
	cmp a.sqsh b.sqsh
}
