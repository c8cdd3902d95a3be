# Helpers of the integration tests. Each file begins with:
#	load helpers
#	setup() { common_setup; }
#	teardown() { common_teardown; }
#
# Variables for tests:
#	BIN       folder with enroot, enroot-image and the helper programs (world-readable copies)
#	BUILD     release (static enroot) or san (sanitizers)
#	SUITE     scratch folder of the whole run, 0755
#	WORK      scratch folder of this test: its working directory, owned by the test user
#	REGISTRY  HOST:PORT of a docker-registry on loopback (http)
#	TOOLS     tests/tools
#	DATA      the test user's containers
#	TEST_UID, TEST_GID  an ordinary user that is in /etc/passwd (the caller, unless root)
#
# enroot ARG…      runs the program as the test user with a clean environment plus all exported ENROOT_* (and
#                  what TEST_ENV=(K=V …) adds); HOME, XDG_RUNTIME_DIR and the data path are in WORK.
# root_enroot      the same as root, whose HOME is WORK/root/home.
# as_user CMD…     anything else as the test user in that environment.
# make_rootfs NAME makes a container of busybox by hand.
# need_image NAME  makes and pushes an image once a run: busybox, debian, odd, odd-zstd, odd-mixed.
#                  Its reference is docker://$REGISTRY#NAME:1.

bats_require_minimum_version 1.5.0

is_root() {
	[ "$(id -u)" -eq 0 ]
}

need_root() {
	is_root || skip "needs root"
}

# Tests that take long or do not depend on memory errors run on the release build only.
release_only() {
	[ "$BUILD" = release ] || skip "release build only"
}

common_setup() {
	local name=${BATS_TEST_FILENAME##*/}
	WORK=$SUITE/t/${name%.bats}-$BATS_TEST_NUMBER
	mkdir -p "$WORK" "$WORK/home" "$WORK/run"
	chmod 755 "$WORK"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK"
	DATA=$WORK/home/.local/share/enroot
	JOBS=()
	chmod 700 "$WORK/run"
	cd "$WORK" || return 1
	TEST_ENV=() PROXIES=()
	export ENROOT_ALLOW_HTTP=y
	export ENROOT_SYSCONF_PATH=$STAGE/etc/enroot
	export ENROOT_LIBRARY_PATH=$STAGE/usr/lib/enroot
}

# What a test started and left running: the test user's, or a child of the test.
jobs_stop() {
	local job
	# shellcheck disable=SC2048 # an array, or words
	for job in ${JOBS[*]:-}; do
		if [ "$(stat -c %u "/proc/$job" 2>/dev/null)" = "$TEST_UID" ] || [ "$(ps -o ppid= -p "$job" | tr -d ' ')" = $$ ]; then
			kill -KILL "$job" 2>/dev/null || true
		fi
	done
}

common_teardown() {
	jobs_stop
	proxies_stop
	cd "$SUITE" || return 1
	[ -n "${WORK:-}" ] || return 0
	if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -n "${ENROOT_TEST_KEEP:-}" ]; then
		echo "# kept: $WORK" >&3
		return 0
	fi
	find "$WORK" -xdev -type d ! -perm -700 -exec chmod u+rwx {} + 2>/dev/null || true
	rm -rf --one-file-system "$WORK"
}

# The environment of a login session of the test user, plus the ENROOT_* settings of the test.
user_env() {
	local name
	local as=${1:-$TEST_USER} base=${2:-$WORK}
	printf '%s\0' "PATH=$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=$base/home" \
		"XDG_RUNTIME_DIR=$base/run" "USER=$as" "LOGNAME=$as" TERM=dumb LANG=C.UTF-8
	if [ "$BUILD" = san ]; then
		printf '%s\0' "ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:exitcode=99}" \
			"UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1:exitcode=98}"
	fi
	while read -r name; do
		case $name in
		ENROOT_TEST_*) ;;
		*) printf '%s=%s\0' "$name" "${!name}" ;;
		esac
	done < <(compgen -e ENROOT_)
	[ ${#TEST_ENV[@]} -eq 0 ] || printf '%s\0' "${TEST_ENV[@]}"
}

# as_uid UID GID CMD…
as_uid() {
	local uid=$1 gid=$2 env=() who=()
	shift 2
	[ "$uid" -ne 0 ] || {
		who=(root "$WORK/root")
		mkdir -p "$WORK/root/home" "$WORK/root/run"
	}
	mapfile -d '' env < <(user_env "${who[@]}")
	# $EXEC is "exec" in spawn.
	if is_root && [ "$uid" -ne 0 ]; then
		${EXEC:-} setpriv --reuid="$uid" --regid="$gid" --clear-groups --inh-caps=-all env -i "${env[@]}" "$@"
	else
		${EXEC:-} env -i "${env[@]}" "$@"
	fi
}

as_user() {
	as_uid "$TEST_UID" "$TEST_GID" "$@"
}

enroot() {
	as_user "$BIN/enroot" "$@"
}

root_enroot() {
	as_uid 0 0 "$BIN/enroot" "$@"
}

# use_sysconf: a configuration folder of this test, with the standard mounts but no environment; and the user's.
use_sysconf() {
	export ENROOT_SYSCONF_PATH=$WORK/sysconf
	mkdir -p "$WORK/sysconf"/{hooks.d,mounts.d,environ.d} "$WORK/home/.config/enroot"/{hooks.d,mounts.d,environ.d}
	cp "$STAGE"/etc/enroot/mounts.d/* "$WORK/sysconf/mounts.d/"
	own
}

# own: what the test wrote as root becomes the test user's.
own() {
	is_root || return 0
	chown -hR "$TEST_UID:$TEST_GID" "$WORK/home"
	[ ! -d "$WORK/sysconf" ] || chown -hR "$TEST_UID:$TEST_GID" "$WORK/sysconf"
}

# make_rootfs NAME [LINE…]: a container of busybox and nothing else, the LINEs being its /etc/environment.
make_rootfs() {
	local template=$SUITE/rootfs root=$DATA/$1 name
	if [ ! -e "$template/done" ]; then
		mkdir -p "$template/c"/{bin,etc,tmp,root,home,srv}
		cp "$(command -v busybox)" "$template/c/bin/busybox"
		for name in cat chown dd echo env false grep head hostname id ifconfig ip kill ls mkdir mount mv nc ps pwd readlink \
			rm sed sh sleep sort stat test touch tr true umount wc; do
			ln -sf busybox "$template/c/bin/$name"
		done
		touch "$template/done"
	fi
	mkdir -p "$DATA"
	cp -a "$template/c" "$root"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" >"$root/etc/environment"
	own
}

# rootfs_write PATH TEXT: a file of the container c.
rootfs_write() {
	mkdir -p "$(dirname "$DATA/c/$1")"
	printf '%s\n' "$2" >"$DATA/c/$1"
	own
}

# hook FILE TEXT [MODE]: a bash script, FILE being relative to WORK.
hook() {
	printf '#!/bin/bash\n%s\n' "$2" >"$WORK/$1"
	chmod "${3:-755}" "$WORK/$1"
}

# conf: standard input becomes the conf script of the test.
conf() {
	cat >"$WORK/conf"
}

# wait_for CMD…: until it succeeds, whatever it says; a minute at most.
wait_for() {
	local i
	for ((i = 0; i < 3000; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.02
	done
	echo "waited in vain for: $*"
	return 1
}

# running ARG…: a container that sleeps, started with ARG…; $PID is the process that the caller sees. It ends with the
# test. In it, the shell has done what $BEFORE says.
running() {
	local out=$WORK/ready.${#JOBS[@]}
	spawn "$out" start "$@" sh -c "${BEFORE:-:}; exec sh -c 'echo ready; exec sleep 1000'"
	PID=$SPAWNED
	JOBS+=("$PID")
	wait_for grep -qs ready "$out" || {
		cat "$out"
		return 1
	}
}

# has LINE: it is a whole line of $output. has_no PATTERN: no line matches.
has() {
	grep -qxF -- "$1" <<<"$output" || {
		printf 'no line "%s" in:\n%s\n' "$1" "$output"
		return 1
	}
}

has_no() {
	! grep -qE -- "$1" <<<"$output" || {
		printf '"%s" in:\n%s\n' "$1" "$output"
		return 1
	}
}

# spawn OUTPUT ARG…: enroot as the test user in the background; $SPAWNED is the program's own pid.
spawn() {
	local out=$1
	shift
	(
		EXEC='exec'
		enroot "$@"
	) >"$out" 2>&1 </dev/null 3>&- &
	SPAWNED=$!
}

# A user who owns the files sees all of them, mode 000 or not, as root of a user namespace.
as_tree_owner() {
	if is_root; then
		"$@"
	else
		unshare -r "$@"
	fi
}

# The canonical listing of a tree: tree-manifest.py's options, then the tree.
manifest() {
	as_tree_owner "$TOOLS/tree-manifest.py" "$@"
}

# refute CMD…: bash's own "!" does not end a test.
refute() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}

# assert_one_error: the last `run` failed with 1 and printed one [ERROR] line; PATTERN… must be in it.
assert_one_error() {
	local lines pattern
	[ "$status" -eq 1 ] || {
		printf 'status %s instead of 1:\n%s\n' "$status" "$output"
		return 1
	}
	lines=$(grep -c '^\[ERROR\] ' <<<"$output" || true)
	[ "$lines" -eq 1 ] || {
		printf '%s [ERROR] lines instead of 1:\n%s\n' "$lines" "$output"
		return 1
	}
	for pattern; do
		grep '^\[ERROR\] ' <<<"$output" | grep -qE -- "$pattern" || {
			printf 'no "%s" in:\n%s\n' "$pattern" "$output"
			return 1
		}
	done
}

# Nothing but the named entries (and home, run) is left in WORK, hidden files included.
assert_only() {
	local found
	found=$(cd "$WORK" && find . -mindepth 1 -maxdepth 1 ! -name home ! -name run ! -name root -printf '%f\n' | sort)
	[ "$found" = "$(printf '%s\n' "$@" | sed '/^$/d' | sort)" ] || {
		printf 'left in %s:\n%s\n' "$WORK" "$found"
		return 1
	}
}

# same_listing A B: two manifests are equal; shows where not.
same_listing() {
	diff -u "$1" "$2" >"$SUITE/diff" || {
		head -60 "$SUITE/diff" | cut -c1-300
		return 1
	}
}

# oracle_tree NAME: the image as umoci extracts it for an ordinary user, once a run; sets ORACLE to the tree.
oracle_tree() {
	local name=$1 dir=$SUITE/oracle/$1
	ORACLE=$dir/bundle/rootfs
	[ ! -e "$dir/done" ] || return 0
	need_image "$name"
	mkdir -p "$dir"
	skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/$name:1" "oci:$dir/layout:1" </dev/null
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$dir"
	as_user umoci unpack --rootless --image "$dir/layout:1" "$dir/bundle" >"$SUITE/umoci.log" 2>&1 || {
		cat "$SUITE/umoci.log"
		return 1
	}
	touch "$dir/done"
}

# registry_start VARIABLE [CONFIG LINE…]: start another registry; VARIABLE gets HOST:PORT, VARIABLE_PID the pid,
# VARIABLE_DIR its folder. The configuration lines are YAML, appended. Stop it with registry_stop VARIABLE.
registry_start() {
	local variable=$1 dir port pid tries=0
	shift
	while :; do
		port=$("$TOOLS/free-port.py")
		dir=$SUITE/registry-$port
		mkdir -p "$dir/data"
		{
			printf 'version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n'
			printf 'storage:\n  filesystem:\n    rootdirectory: %s\n  delete:\n    enabled: true\n' "$dir/data"
			printf 'http:\n  addr: 127.0.0.1:%s\n' "$port"
			[ $# -eq 0 ] || printf '%s\n' "$@"
		} >"$dir/config.yml"
		OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- </dev/null &
		pid=$!
		disown "$pid"
		if registry_wait "$port" "$pid"; then
			break
		fi
		kill "$pid" 2>/dev/null || true
		tries=$((tries + 1))
		[ $tries -lt 5 ] || {
			cat "$dir/log"
			return 1
		}
	done
	printf -v "$variable" '127.0.0.1:%s' "$port"
	printf -v "${variable}_PID" '%s' "$pid"
	printf -v "${variable}_DIR" '%s' "$dir"
}

registry_wait() {
	local port=$1 pid=$2 i
	for ((i = 0; i < 200; i++)); do
		kill -0 "$pid" 2>/dev/null || return 1
		if curl -s -k -o /dev/null "http://127.0.0.1:$port/v2/" || curl -s -k -o /dev/null "https://127.0.0.1:$port/v2/"; then
			return 0
		fi
		sleep 0.05
	done
	return 1
}

registry_stop() {
	local pid=${1}_PID dir=${1}_DIR
	[ -z "${!pid:-}" ] || kill "${!pid}" 2>/dev/null || true
	[ -z "${!dir:-}" ] || rm -rf "${!dir}"
}

# proxy [OPTION… --] [RULE…]: the fault proxy in front of the registry; $PROXY is its HOST:PORT, $LOG its log. It ends with
# the test, or by proxies_stop.
proxy() {
	local dir
	dir=$(mktemp -d "$WORK/proxy.XXXXXX")
	LOG=$dir/log
	: >"$LOG"
	mkfifo "$dir/stdin"
	"$TOOLS/fault-proxy.py" --upstream "$REGISTRY" --port-file "$dir/port" --log "$LOG" "$@" \
		<>"$dir/stdin" >"$dir/out" 2>&1 3>&- &
	PROXIES+=($!)
	wait_until test -e "$dir/port"
	PROXY=127.0.0.1:$(cat "$dir/port")
}

proxies_stop() {
	local p
	for p in "${PROXIES[@]}"; do
		kill "$p" 2>/dev/null || true
	done
	PROXIES=()
}

# wait_until CMD…: until it succeeds, however busy the machine is; a minute at most.
wait_until() {
	local i
	for ((i = 0; i < 1200; i++)); do
		! "$@" || return 0
		sleep 0.05
	done
	echo "never: $*"
	return 1
}

# The digest of the only layer of the image busybox.
busybox_layer() {
	curl -s -H "Accept: application/vnd.oci.image.manifest.v1+json" "http://$REGISTRY/v2/busybox/manifests/1" |
		python3 -c 'import json,sys; print(json.load(sys.stdin)["layers"][0]["digest"])'
}

# push_layout LAYOUT:TAG NAME:TAG [HOST:PORT]
push_layout() {
	"$TOOLS/push-layout.py" "$1" "${3:-$REGISTRY}/$2"
}

# make_image NAME OPTION…: an image from oci-layout.py's options, pushed as NAME:1.
make_image() {
	local name=$1 layout
	shift
	layout=$(mktemp -d "$SUITE/layout.XXXXXX")
	"$TOOLS/oci-layout.py" --out "$layout" --tag 1 "$@" >/dev/null || return 1
	push_layout "$layout:1" "$name:1" || return 1
	rm -rf "$layout"
}

need_image() {
	local name=$1 done=$SUITE/images/$1.done
	mkdir -p "$SUITE/images"
	(
		flock 9
		[ -e "$done" ] || {
			"image_${name//-/_}" && touch "$done"
		}
	) 9>"$SUITE/images/.lock" 3>&-
}

busybox_tar() {
	[ -e "$SUITE/images/busybox.tar" ] || "$TOOLS/make-busybox.sh" "$SUITE/images/busybox.tar"
}

image_busybox() {
	busybox_tar && make_image busybox --layer "gzip:$SUITE/images/busybox.tar" --cmd /bin/sh
}

image_debian() {
	local note=$SUITE/images/note
	"$TOOLS/make-debian.sh" "$SUITE/images/debian.tar" || return 1
	mkdir -p "$note/etc" && echo "made for enroot's tests" >"$note/etc/note"
	tar --owner=0 --group=0 --mtime=@1700000000 -C "$note" -cf "$SUITE/images/note.tar" etc/note
	make_image debian --layer "gzip:$SUITE/images/debian.tar" --layer "gzip:$SUITE/images/note.tar" --cmd /bin/bash \
		--env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env LANG=C.UTF-8
}

odd_layers() {
	[ -e "$SUITE/images/odd/exceptions" ] || "$TOOLS/make-odd-image.py" "$SUITE/images/odd"
}

# make_odd NAME COMPRESSION…: the layers of the odd image, the compressions taken in turn.
make_odd() {
	local name=$1 layer i=0 options=()
	shift
	odd_layers || return 1
	for layer in "$SUITE"/images/odd/*.tar; do
		options+=(--layer "${*:$((i % $# + 1)):1}:$layer")
		i=$((i + 1))
	done
	make_image "$name" "${options[@]}" --cmd /bin/sh --workdir "/srv/work dir" --volume /data \
		--env "ODD=a b\$HOME'x\"" --label "org.example.odd=first
second" --entrypoint /bin/sh --entrypoint=-c --entrypoint "echo \"\$0\""
}

image_odd() {
	make_odd odd gzip
}

image_odd_zstd() {
	make_odd odd-zstd zstd
}

image_odd_mixed() {
	make_odd odd-mixed gzip-multi zstd-multi none gzip zstd
}
