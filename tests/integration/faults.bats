#!/usr/bin/env bats
# Bad input and bad luck: one [ERROR] line, exit 1, nothing half-made left, nothing lost.

load helpers
setup() {
	common_setup
	need_image busybox
	DATA=$WORK/home/.local/share/enroot
}
teardown() {
	! is_root || umount "$WORK/small" 2>/dev/null || true
	common_teardown
}

# cache_is_clean [CACHE [killed]]: no file but blobs, and blobs only whole. After "killed" dot files may lie there: locks and such of who was
# killed, which the next one takes over and prune removes.
cache_is_clean() {
	local file
	while read -r file; do
		[ "$(sha256sum <"$file" | cut -d' ' -f1)" = "${file##*/}" ] || {
			echo "in the cache: $file"
			return 1
		}
	done < <(find "${1:-home/.cache/enroot}/blobs" -type f ${2:+! -name '.*'} 2>/dev/null)
}

@test "unknown tag, image, host, refused port, bad references" {
	local reference
	while read -r reference; do
		run enroot import -o out.sqsh "$reference"
		assert_one_error
		assert_only
	done <<REFERENCES
docker://$REGISTRY#busybox:nosuchtag
docker://$REGISTRY#no/such/image:1
docker://$REGISTRY#busybox@sha256:$(printf '%064d' 1)
docker://127.0.0.1:1#busybox:1
docker://no-such-host.invalid#busybox:1
docker://$REGISTRY#UPPER/case:1
docker://$REGISTRY#busybox:bad tag
docker://$REGISTRY#busybox@sha256:123
docker://$REGISTRY#../busybox:1
docker://$REGISTRY#
docker://
nosuchscheme://x
busybox
REFERENCES
	run enroot import -o out.sqsh "docker://$REGISTRY#busybox:nosuchtag"
	assert_one_error 404 "$REGISTRY"
	run enroot import -o out.sqsh docker://127.0.0.1:1#busybox:1
	assert_one_error '127\.0\.0\.1:1'
	run enroot import -o out.sqsh docker://no-such-host.invalid#busybox:1
	assert_one_error 'no-such-host\.invalid'
	run enroot import -a nosucharch -o out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error 'Unsupported architecture: nosucharch'
}

@test "a server that is no registry" {
	local port
	port=$("$TOOLS/free-port.py")
	python3 -m http.server --bind 127.0.0.1 --directory "$WORK" "$port" >/dev/null 2>&1 3>&- &
	local pid=$!
	for i in {1..50}; do
		! curl -s -o /dev/null "http://127.0.0.1:$port/" || break
		sleep 0.1
	done
	run enroot import -o out.sqsh "docker://127.0.0.1:$port#busybox:1"
	kill $pid
	assert_one_error
	assert_only
}

@test "http is refused unless it is allowed" {
	unset ENROOT_ALLOW_HTTP
	run enroot import -o out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error
	assert_only
}

@test "wrong credentials" {
	mkdir auth
	htpasswd -Bbn user secret >auth/htpasswd
	registry_start LOCKED 'auth:' '  htpasswd:' '    realm: test' "    path: $WORK/auth/htpasswd"
	need_image busybox
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false --dest-creds user:secret \
		"docker://$REGISTRY/busybox:1" "docker://$LOCKED/busybox:1"
	as_user mkdir -p home/.config/enroot
	run enroot import -o out.sqsh "docker://$LOCKED#busybox:1"
	assert_one_error "$LOCKED"
	echo "machine 127.0.0.1 login user password wrong" >home/.config/enroot/.credentials
	run enroot import -o out.sqsh "docker://$LOCKED#busybox:1"
	assert_one_error "$LOCKED"
	refute grep -q wrong <<<"$output"
	assert_only auth
	echo "machine 127.0.0.1 login user password secret" >home/.config/enroot/.credentials
	enroot import -o out.sqsh "docker://$LOCKED#busybox:1"
	registry_stop LOCKED
	assert_only auth out.sqsh
}

@test "a corrupt blob in the cache is fetched again" {
	enroot import -o a.sqsh "docker://$REGISTRY#busybox:1"
	local blob size
	blob=$(find home/.cache/enroot/blobs -type f -size +100k)
	size=$(stat -c %s "$blob")
	chmod u+w "$blob"
	printf 'XXXX' | dd of="$blob" bs=1 seek=$((size / 2)) conv=notrunc status=none
	enroot import -o b.sqsh "docker://$REGISTRY#busybox:1"
	cmp a.sqsh b.sqsh
	cache_is_clean
	truncate -s $((size / 2)) "$blob"
	enroot import -o c.sqsh "docker://$REGISTRY#busybox:1"
	cmp a.sqsh c.sqsh
	cache_is_clean
}

@test "a corrupt blob at the registry: refused, and not kept" {
	local blob
	registry_start BAD
	skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false \
		"docker://$REGISTRY/busybox:1" "docker://$BAD/busybox:1"
	blob=$(find "$BAD_DIR/data" -path '*/blobs/sha256/*' -name data -size +100k)
	printf 'XXXX' | dd of="$blob" bs=1 seek=100000 conv=notrunc status=none
	run enroot import -o out.sqsh "docker://$BAD#busybox:1"
	assert_one_error 'sha256:'
	assert_only
	cache_is_clean
	truncate -s 50000 "$blob"
	ENROOT_TRANSFER_RETRIES=1 run enroot import -o out.sqsh "docker://$BAD#busybox:1"
	assert_one_error
	assert_only
	cache_is_clean
	registry_stop BAD
}

@test "diff_id mismatch: refused, and accepted with a warning when told so" {
	"$TOOLS/make-hostile-images.py" hostile "$WORK/canary"
	push_layout hostile/raw-not-the-diff-id:1 wrong-diff-id:1
	run enroot import -o out.sqsh "docker://$REGISTRY#wrong-diff-id:1"
	assert_one_error 'ENROOT_ALLOW_DIFFID_MISMATCH'
	ENROOT_ALLOW_DIFFID_MISMATCH=y run enroot import -o out.sqsh "docker://$REGISTRY#wrong-diff-id:1"
	[ "$status" -eq 0 ]
	grep -q '^\[WARN\]' <<<"$output"
}

# One hostile image: import, and create and load where it was accepted, else load alone. Says what went wrong.
try_hostile() {
	local name=$1 what=$2 lines
	push_layout "hostile/$name:1" "hostile-$name:1" 2>/dev/null || {
		echo "$name: cannot be pushed"
		return 1
	}
	EXEC='timeout 60' run enroot import -o out.sqsh "docker://$REGISTRY#hostile-$name:1"
	lines=$(grep -c '^\[ERROR\] ' <<<"$output" || true)
	case $what:$status in
	accept:0 | either:0) ;;
	refuse:1 | either:1)
		[ "$lines" -eq 1 ] || {
			echo "$name: $lines [ERROR] lines: $output"
			return 1
		}
		[ ! -e out.sqsh ] || {
			echo "$name: refused, but left a file"
			return 1
		}
		EXEC='timeout 60' run enroot load -n loaded "docker://$REGISTRY#hostile-$name:1"
		[ "$status" -eq 1 ] && [ -z "$(ls -A "$DATA" 2>/dev/null)" ] && return 0
		echo "$name: import refuses it, but load says $status: $output"
		return 1
		;;
	*)
		echo "$name: should be '$what', status $status: $output"
		return 1
		;;
	esac
	EXEC='timeout 60' run enroot create -n "$name" out.sqsh
	rm -f out.sqsh
	[ "$status" -eq 0 ] || {
		echo "$name: imported, but create says $status: $output"
		return 1
	}
	EXEC='timeout 60' run enroot load -n loaded "docker://$REGISTRY#hostile-$name:1"
	[ "$status" -eq 0 ] || {
		echo "$name: imported, but load says $status: $output"
		return 1
	}
	enroot remove -f "$name" loaded
}

# Everything about a small folder: names, types, modes, owners, times, inodes, contents.
state_of() {
	find "$1" -printf '%p %y %m %U:%G %s %T@ %C@ %i %l\n' | sort
	find "$1" -type f -exec sha256sum {} +
}

@test "hostile images: nothing outside changes, no crash, one clear error" {
	local name what bad=0
	as_user mkdir canary
	as_user sh -c 'echo secret >canary/secret'
	"$TOOLS/make-hostile-images.py" hostile "$WORK/canary"
	state_of canary >before
	while read -r name what; do
		try_hostile "$name" "$what" || bad=$((bad + 1))
		state_of canary >after
		same_listing before after || {
			echo "$name: changed the canary"
			bad=$((bad + 1))
		}
	done <hostile/list
	rm -rf hostile
	[ "$bad" -eq 0 ]
	[ -z "$(find . -name '*.sqsh')" ]
	cache_is_clean
}

@test "limits: bytes, inodes, ratio" {
	mkdir big
	truncate -s 300M big/zeros
	tar --owner=0 --group=0 --mtime=@1700000000 -cf big.tar big
	make_image big --layer gzip:big.tar
	rm -rf big big.tar
	ENROOT_LIMIT_BYTES=100M run enroot import -o out.sqsh "docker://$REGISTRY#big:1"
	assert_one_error ENROOT_LIMIT_BYTES
	ENROOT_LIMIT_INODES=50 run enroot import -o out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error ENROOT_LIMIT_INODES
	assert_only
	enroot import -o out.sqsh "docker://$REGISTRY#big:1"
	[ "$(stat -c %s out.sqsh)" -lt 100000 ]
}

@test "not a squashfs: text, empty, truncated, a directory, a device, missing" {
	enroot import -o good.sqsh "docker://$REGISTRY#busybox:1"
	echo "no image" >text.sqsh
	: >empty.sqsh
	head -c 5000 good.sqsh >cut.sqsh
	head -c $(($(stat -c %s good.sqsh) - 3000)) good.sqsh >cut-tables.sqsh
	{ printf hsqs && head -c 100000 /dev/urandom; } >noise.sqsh
	mkdir dir.sqsh
	local name
	for name in text empty cut cut-tables noise; do
		run enroot create -n x "$name.sqsh"
		assert_one_error "Invalid image format: .*$name.sqsh"
	done
	for name in dir.sqsh missing.sqsh /dev/urandom ./; do
		run enroot create -n x "$name"
		assert_one_error "No such file or directory"
	done
	[ -z "$(ls -A "$DATA" 2>/dev/null)" ]
}

@test "a damaged image: create fails cleanly or gives the undamaged files, never crashes" {
	need_image odd
	enroot import -o good.sqsh "docker://$REGISTRY#odd:1"
	cat >damage.py <<'PY'
import random, sys
data = bytearray(open("good.sqsh", "rb").read())
r = random.Random(int(sys.argv[1]))
if int(sys.argv[1]) % 2:
    where = r.randrange(len(data) - 40000, len(data))  # the tables
else:
    where = r.randrange(96)  # the superblock
for i in range(r.randrange(1, 9)):
    data[(where + i) % len(data)] = r.randrange(256)
open("bad.sqsh", "wb").write(data)
PY
	local i rounds=40
	[ "$BUILD" = release ] || rounds=15
	for ((i = 0; i < rounds; i++)); do
		python3 damage.py $i
		EXEC='timeout 60' run enroot create -n x bad.sqsh
		case $status in
		0) enroot remove -f x ;;
		1) [ "$(grep -c '^\[ERROR\] ' <<<"$output")" -eq 1 ] ;;
		*)
			echo "seed $i: status $status: $output"
			false
			;;
		esac
		[ -z "$(ls "$DATA")" ]
	done
}

@test "outputs that cannot be: missing parent, a directory, no permission" {
	run enroot import -o no/such/dir/out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error 'No such file or directory'
	mkdir dir
	run enroot import -o dir "docker://$REGISTRY#busybox:1"
	assert_one_error
	[ -d dir ]
	enroot import -o good.sqsh "docker://$REGISTRY#busybox:1"
	enroot create -n c good.sqsh
	run enroot export -f -o dir c
	assert_one_error
	[ -d dir ]
	if is_root; then
		mkdir -m 755 locked
		run enroot import -o locked/out.sqsh "docker://$REGISTRY#busybox:1"
		assert_one_error 'Permission denied'
	fi
	run enroot export -o x.sqsh nosuch
	assert_one_error "No such file or directory: $DATA/nosuch"
	run enroot start nosuch true
	assert_one_error 'No such file or directory'
}

small_disk() {
	need_root
	mkdir -p small
	mount -t tmpfs -o "size=$1,mode=777" tmpfs small
}

@test "full disk: the output, the cache, the containers" {
	small_disk 400k
	run enroot import -o small/out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error 'No space left on device'
	[ -z "$(ls -A small)" ]
	ENROOT_CACHE_PATH=$WORK/small/cache run enroot import -o out.sqsh "docker://$REGISTRY#busybox:1"
	assert_one_error 'No space left on device'
	cache_is_clean small/cache
	assert_only small
	rm -rf small/cache
	enroot import -o good.sqsh "docker://$REGISTRY#busybox:1"
	ENROOT_DATA_PATH=$WORK/small/data run enroot create -n c good.sqsh
	assert_one_error 'No space left on device'
	[ -z "$(find small -type f)" ]
	enroot create -n c good.sqsh
	run enroot export -o small/out.sqsh c
	assert_one_error 'No space left on device'
	[ -z "$(find small -type f)" ]
	[ "$(enroot start c echo ok)" = ok ]
}

@test "full disk at every size: import ends cleanly wherever it stops" {
	local size
	enroot import -o good.sqsh "docker://$REGISTRY#busybox:1"
	for size in 4k 16k 64k 256k 512k 700k 900k 2m; do
		small_disk $size
		run enroot import -o small/out.sqsh "docker://$REGISTRY#busybox:1"
		case $status in
		0) cmp good.sqsh small/out.sqsh ;;
		*)
			assert_one_error 'No space left on device'
			[ -z "$(ls -A small)" ]
			;;
		esac
		umount small
	done
}

# wait_gone PID SECONDS: the process ends by itself; STATUS is its exit status.
wait_gone() {
	local i
	for ((i = 0; i < $2 * 20; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	if kill -0 "$1" 2>/dev/null; then
		kill -9 "$1"
		return 1
	fi
	STATUS=0
	wait "$1" || STATUS=$?
}

random_delay() {
	sleep "$(awk -v r=$RANDOM -v most="$1" 'BEGIN { printf "%.3f", most * r / 32768 }')"
}

@test "SIGTERM and SIGHUP end import at any moment, promptly, with nothing left" {
	need_image odd
	local i signal
	enroot import -o good.sqsh "docker://$REGISTRY#odd:1"
	for ((i = 0; i < 12; i++)); do
		signal=TERM
		[ $((i % 3)) -ne 2 ] || signal=HUP
		spawn log import -o out.sqsh "docker://$REGISTRY#odd:1"
		random_delay 0.25
		kill -$signal "$SPAWNED" 2>/dev/null || true
		wait_gone "$SPAWNED" 5
		rm -f log
		# The signal may come when all is done: then the file is whole.
		if [ -e out.sqsh ]; then
			cmp good.sqsh out.sqsh
			rm out.sqsh
		else
			[ "$STATUS" -ne 0 ]
		fi
		assert_only good.sqsh
		[ $((i % 2)) -eq 0 ] || rm -rf home/.cache
		cache_is_clean
	done
	enroot import -o out.sqsh "docker://$REGISTRY#odd:1"
	unsquashfs -q -lln out.sqsh >/dev/null
}

@test "SIGTERM ends create at any moment, promptly, with nothing left" {
	need_image odd
	local i
	enroot import -o odd.sqsh "docker://$REGISTRY#odd:1"
	for ((i = 0; i < 12; i++)); do
		spawn log create -n c odd.sqsh
		random_delay 0.15
		kill -TERM "$SPAWNED" 2>/dev/null || true
		wait_gone "$SPAWNED" 5
		if [ "$STATUS" -eq 0 ]; then
			enroot remove -f c
		fi
		[ -z "$(ls -A "$DATA" 2>/dev/null)" ] || {
			ls -lA "$DATA"
			false
		}
	done
}

@test "kill -9 at any moment: nothing visible, and the next run works" {
	need_image odd
	local i
	enroot import -o good.sqsh "docker://$REGISTRY#odd:1"
	for ((i = 0; i < 15; i++)); do
		[ $((i % 2)) -eq 0 ] || rm -rf home/.cache
		spawn log import -o out.sqsh "docker://$REGISTRY#odd:1"
		random_delay 0.25
		kill -9 "$SPAWNED" 2>/dev/null || true
		wait_gone "$SPAWNED" 5 || true
		[ ! -e out.sqsh ] || {
			cmp good.sqsh out.sqsh
			rm out.sqsh
		}
		cache_is_clean home/.cache/enroot killed
		spawn log create -n c good.sqsh
		random_delay 0.15
		kill -9 "$SPAWNED" 2>/dev/null || true
		wait_gone "$SPAWNED" 5 || true
		if [ "$(enroot list)" = c ]; then
			[ -s "$DATA/c/usr/lib/top" ]
			enroot remove -f c
		fi
		[ -z "$(enroot list)" ]
	done
	enroot import -o out.sqsh "docker://$REGISTRY#odd:1"
	cmp good.sqsh out.sqsh
	enroot create -n c out.sqsh
	[ "$(enroot list)" = c ]
	enroot cache prune
	[ -z "$(find home/.cache/enroot -name '.*.lock')" ]
}

@test "five imports of one image at once" {
	need_image odd
	local i pids=()
	for i in 1 2 3 4 5; do
		spawn "log$i" import -o "out$i.sqsh" "docker://$REGISTRY#odd:1"
		pids+=("$SPAWNED")
	done
	for i in 0 1 2 3 4; do
		wait "${pids[i]}" || { cat log*; false; }
	done
	for i in 2 3 4 5; do
		cmp out1.sqsh "out$i.sqsh"
	done
	cache_is_clean
}

@test "one output, five imports at once: one wins, the file is whole" {
	need_image odd
	local i pids=() won=0
	for i in 1 2 3 4 5; do
		spawn "log$i" import -o out.sqsh "docker://$REGISTRY#odd:1"
		pids+=("$SPAWNED")
	done
	for i in 0 1 2 3 4; do
		if wait "${pids[i]}"; then
			won=$((won + 1))
		else
			grep -q 'File already exists' "log$((i + 1))" || { cat log*; false; }
		fi
	done
	[ "$won" -eq 1 ]
	enroot import -o again.sqsh "docker://$REGISTRY#odd:1"
	cmp out.sqsh again.sqsh
	rm -f log*
	assert_only out.sqsh again.sqsh
}

@test "closed standard descriptors, no HOME, unlisted uid" {
	enroot import -o good.sqsh "docker://$REGISTRY#busybox:1"
	enroot create -n c good.sqsh <&- >&- 2>&-
	[ "$(enroot list <&-)" = c ]
	TEST_ENV=(HOME=)
	run enroot version
	[ "$status" -eq 0 ]
	TEST_ENV=()
	need_root
	mkdir other && chown 54321:54321 other && chmod 777 .
	export ENROOT_DATA_PATH=$WORK/other/data ENROOT_CACHE_PATH=$WORK/other/cache ENROOT_RUNTIME_PATH=$WORK/other/run
	as_uid 54321 54321 "$BIN/enroot" import -o other.sqsh "docker://$REGISTRY#busybox:1"
	as_uid 54321 54321 "$BIN/enroot" create -n c other.sqsh
	[ "$(as_uid 54321 54321 "$BIN/enroot" start c id -u)" = 54321 ]
}
