#!/usr/bin/env bats
# Every call that changes a file system may fail: tests/tools/fault-write.c makes the Nth one do so.

load helpers
setup() {
	common_setup
	need_image busybox
	URI=docker://$REGISTRY#busybox:1
	# Where each run takes long not every one fails.
	STEP=2
	[ "$BUILD" = release ] || STEP=7
	local built=${ENROOT_TEST_BUILD_DIR:-$BATS_TEST_DIRNAME/../../build/$BUILD}/tests/tools/fault-write.so
	[ -e "$built" ] || skip "fault-write.so is not built"
	install -m 755 "$built" "$WORK/fault.so"
}
teardown() {
	! is_root || umount "$WORK/small" 2>/dev/null || true
	common_teardown
}

# faulty NAME=VALUE…: from now on, programs run like that.
faulty() {
	TEST_ENV=("LD_PRELOAD=$WORK/fault.so" "$@")
	export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=1:exitcode=99
}

# count CMD…: how many calls it makes, and GOOD as it should be; with the settings in FAULTS.
count() {
	faulty "FAULT_LOG=$WORK/calls" "${FAULTS[@]}"
	"$@"
	TEST_ENV=()
	CALLS=$(wc -l <calls)
	rm -rf calls home/.cache
	[ "$CALLS" -gt 20 ]
}

# Whole blobs and images, and no file of another name.
cache_is_whole() {
	local file
	while read -r file; do
		case $file in
		*/blobs/*) [ "$(sha256sum <"$file" | cut -d' ' -f1)" = "${file##*/}" ] || break ;;
		*/images/*.sqsh) cmp "$file" good-cached.sqsh || break ;;
		*/tags/*) [[ $file == */tags/???????????????????????????????????????????????????????????????? ]] || break ;;
		*) break ;;
		esac
		file=
	done < <(find "${1:-home/.cache/enroot}" -type f 2>/dev/null)
	[ -z "$file" ] || {
		echo "in the cache: $file"
		return 1
	}
}

# Each call fails in turn: one clear error and nothing left, or the right output. OUTPUT is what CMD makes.
# fail_each NUMBER TEXT OUTPUT CMD…
fail_each() {
	local code=$1 text=$2 result=$3 at failed=0
	shift 3
	for ((at = 1; at <= CALLS; at += STEP)); do
		faulty "FAULT_AT=$at" "FAULT_ERRNO=$code" "${FAULTS[@]}"
		run "$@"
		echo "call $at: $output"
		if [ "$status" -eq 0 ]; then
			[ -z "$result" ] || cmp "$result" good.sqsh
		else
			failed=$((failed + 1))
			assert_one_error "$text"
			[ "$code" -ne 28 ] || assert_one_error "are free in" "make room"
			[ ! -e out.sqsh ]
		fi
		cache_is_whole
		rm -rf out.sqsh home/.cache
		assert_only fault.so good.sqsh good-cached.sqsh
	done
	[ "$failed" -gt 0 ]
}

# What "start URI" keeps, for comparison.
keep_good() {
	enroot import -o good.sqsh "$URI"
	enroot start "$URI" true
	cp home/.cache/enroot/images/*.sqsh good-cached.sqsh
	rm -rf home/.cache
}

@test "import: a full file system at every call that changes one" {
	keep_good
	FAULTS=()
	[ "$BUILD" != release ] || STEP=1
	count enroot import -o out.sqsh "$URI" && rm out.sqsh
	fail_each 28 'No space left on device' out.sqsh enroot import -o out.sqsh "$URI"
	FAULTS=(FAULT_LASTING=1) STEP=$((STEP * 3))
	fail_each 28 'No space left on device' out.sqsh enroot import -o out.sqsh "$URI"
}

@test "import: an input/output error at every call that changes a file" {
	keep_good
	FAULTS=()
	count enroot import -o out.sqsh "$URI" && rm out.sqsh
	fail_each 5 'Input/output error' out.sqsh enroot import -o out.sqsh "$URI"
}

@test "import on a file system without O_TMPFILE, RENAME_NOREPLACE and locks: at every call" {
	keep_good
	FAULTS=(FAULT_NFS=1)
	count enroot import -o out.sqsh "$URI"
	cmp good.sqsh out.sqsh && rm out.sqsh
	fail_each 28 'No space left on device' out.sqsh enroot import -o out.sqsh "$URI"
}

@test "start URI: a full cache at every call that changes it" {
	release_only # the start itself is dynamic in the other build, and fails as well
	keep_good
	FAULTS=(FAULT_NFS=1)
	count enroot start "$URI" true
	fail_each 28 'No space left on device' "" enroot start "$URI" true
}

@test "import --if-needed: what was there stays, whatever fails" {
	release_only
	keep_good
	local at
	ENROOT_SQUASH_OPTIONS="-comp gzip" enroot import -o old.sqsh "$URI"
	FAULTS=(FAULT_NFS=1)
	count enroot import --if-needed -o out.sqsh "$URI"
	for ((at = 1; at <= CALLS + 8; at += STEP)); do
		cp old.sqsh out.sqsh && chmod a+rw out.sqsh && chown "$TEST_UID" out.sqsh
		faulty "FAULT_AT=$at" FAULT_NFS=1
		run enroot import --if-needed -o out.sqsh "$URI"
		echo "call $at: $output"
		if [ "$status" -eq 0 ]; then
			cmp out.sqsh good.sqsh
		else
			assert_one_error 'No space left on device' "are free in"
			# the new one may have its name already when the directory cannot be synced
			cmp out.sqsh old.sqsh
		fi
		rm -rf .out.sqsh.prev
		cache_is_whole
		assert_only fault.so good.sqsh good-cached.sqsh old.sqsh out.sqsh
	done
}

@test "a small file system for cache and output, of every size" {
	need_root
	local kib
	keep_good
	mkdir small
	for ((kib = 100; kib <= 3600; kib += STEP * 150)); do
		mount -t tmpfs -o "size=${kib}k,mode=777" none small
		ENROOT_CACHE_PATH=$WORK/small/cache run enroot import -o small/out.sqsh "$URI"
		echo "$kib KiB: $output"
		if [ "$status" -eq 0 ]; then
			cmp small/out.sqsh good.sqsh
		else
			assert_one_error 'No space left on device' "about .* are needed|cannot create" "are free in"
			[ ! -e small/out.sqsh ]
		fi
		[ -z "$(find small -maxdepth 1 -name '.*' ! -path small)" ]
		cache_is_whole small/cache
		umount small
	done
	[ "$status" -eq 0 ]
}

@test "SIGTERM at every call: killed with nothing left, or done and said so" {
	keep_good
	local at done=0
	FAULTS=()
	count enroot import -o out.sqsh "$URI" && rm out.sqsh
	for ((at = 1; at <= CALLS; at += STEP)); do
		faulty "FAULT_AT=$at" FAULT_SIGNAL=15
		run enroot import -o out.sqsh "$URI"
		echo "call $at: status $status $output"
		if [ -e out.sqsh ]; then
			[ "$status" -eq 0 ]
			cmp out.sqsh good.sqsh
			done=$((done + 1))
		else
			[ "$status" -eq 143 ]
		fi
		cache_is_whole
		rm -rf out.sqsh home/.cache
		assert_only fault.so good.sqsh good-cached.sqsh
	done
	[ "$BUILD" != release ] || [ "$done" -gt 0 ]
}

@test "load: a full file system at every call that changes one" {
	release_only
	local at failed=0
	enroot load --name good "$URI"
	manifest home/.local/share/enroot/good >good.list
	enroot remove -f good
	rm -rf home/.cache
	FAULTS=()
	count enroot load --name good "$URI"
	enroot remove -f good
	for ((at = 1; at <= CALLS; at += 13)); do
		faulty "FAULT_AT=$at"
		run enroot load --name c "$URI"
		echo "call $at: $output"
		TEST_ENV=()
		if [ "$status" -eq 0 ]; then
			manifest home/.local/share/enroot/c >c.list
			same_listing good.list c.list
			enroot remove -f c
		else
			failed=$((failed + 1))
			assert_one_error 'No space left on device'
		fi
		cache_is_whole
		[ -z "$(ls -A home/.local/share/enroot)" ]
		rm -rf home/.cache
	done
	[ "$failed" -gt 0 ]
}
