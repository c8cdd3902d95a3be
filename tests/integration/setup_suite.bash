# Once a run: copies of the programs that any user can reach, a registry, a test user.

setup_suite() {
	set -e
	local here root
	here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
	root=${here%/*/*}
	export TOOLS=$root/tests/tools BUILD=${ENROOT_TEST_BUILD:-release}
	local build=${ENROOT_TEST_BUILD_DIR:-$root/build/$BUILD}
	SUITE=$(mktemp -d "${ENROOT_TEST_TMPDIR:-/var/tmp}/enroot-test.XXXXXX")
	export SUITE STAGE=$SUITE/stage BIN=$SUITE/stage/usr/bin
	chmod 755 "$SUITE"
	mkdir -p "$SUITE/t" "$SUITE/images"
	suite_programs "$build"
	suite_user
	# The checkout may be in a folder that the test user cannot enter.
	cp -r "$TOOLS" "$SUITE/tools"
	chmod -R a+rX "$SUITE/tools"
	export TOOLS=$SUITE/tools

	source "$here/helpers.bash"
	registry_start REGISTRY
	export REGISTRY REGISTRY_PID REGISTRY_DIR
}

suite_programs() {
	mkdir -p "$STAGE"
	DESTDIR=$STAGE meson install -C "$1" --no-rebuild --quiet >"$SUITE/install.log" 2>&1 || {
		cat "$SUITE/install.log" >&2
		return 1
	}
	chmod -R a+rX "$STAGE"
	# enroot looks for its partner beside itself before the compiled-in path.
	if [ -e "$STAGE/usr/libexec/enroot/enroot-image" ]; then
		ln -f "$STAGE/usr/libexec/enroot/enroot-image" "$BIN/enroot-image"
	fi
}

suite_user() {
	TEST_UID=$(id -u) TEST_GID=$(id -g) TEST_USER=$(id -un)
	if [ "$TEST_UID" -eq 0 ]; then
		TEST_USER=enroot-test
		id "$TEST_USER" >/dev/null 2>&1 || useradd -M -U -d /home/enroot-test -s /bin/sh "$TEST_USER"
		TEST_UID=$(id -u "$TEST_USER") TEST_GID=$(id -g "$TEST_USER")
		# As udev does on real hosts.
		[ ! -c /dev/fuse ] || chmod 666 /dev/fuse
	fi
	export TEST_UID TEST_GID TEST_USER
}

teardown_suite() {
	[ -n "${SUITE:-}" ] || return 0
	[ -z "${REGISTRY_PID:-}" ] || kill "$REGISTRY_PID" 2>/dev/null || true
	[ -z "${ENROOT_TEST_KEEP:-}" ] || {
		echo "# kept: $SUITE" >&3
		return 0
	}
	rm -rf --one-file-system "$SUITE"
}
