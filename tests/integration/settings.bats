#!/usr/bin/env bats
# enroot.conf, its drop-ins and the environment, as the program shows them.

load helpers

setup() {
	common_setup
	TEST_ENV=("ENROOT_TEST_CONF_PATH=$WORK/enroot.conf")
	mkdir -p enroot.conf.d
}

teardown() {
	common_teardown
}

# value KEY: what info says of it
value() {
	enroot info | sed -n "s/^  $1=//p"
}

@test "the first assignment wins, the environment beats all files" {
	printf '%s\n' '  ENROOT_TEMP_PATH = /first # comment' 'ENROOT_TEMP_PATH /second' >enroot.conf
	echo 'ENROOT_TEMP_PATH /drop' >enroot.conf.d/10-a.conf
	echo 'ENROOT_CONFIG_PATH="/ten  blanks"' >enroot.conf.d/10-b.conf
	echo 'ENROOT_CONFIG_PATH /twenty' >enroot.conf.d/20-a.conf
	[ "$(value ENROOT_TEMP_PATH)" = /first ]
	[ "$(value ENROOT_CONFIG_PATH)" = "/ten  blanks" ]
	export ENROOT_TEMP_PATH=/environment
	[ "$(value ENROOT_TEMP_PATH)" = /environment ]
	export ENROOT_TEMP_PATH=
	[ "$(value ENROOT_TEMP_PATH)" = /first ]
}

@test "values as a shell sees them, without one where that is possible" {
	printf '%s\n' 'ENROOT_CONFIG_PATH ${NOWHERE:-/x}/$(id -u)/$(id -g)' 'ENROOT_TEMP_PATH ~/tmp' \
		'ENROOT_SITE $(printf "%s-%s" a b)' 'ENROOT_MAX_CONNECTIONS $(nproc)' >enroot.conf
	[ "$(value ENROOT_CONFIG_PATH)" = "/x/$TEST_UID/$TEST_GID" ]
	[ "$(value ENROOT_TEMP_PATH)" = "$WORK/home/tmp" ]
	[ "$(value ENROOT_SITE)" = a-b ]
	sed -i /SITE/d enroot.conf
	as_user strace -f -qq -e trace=clone,clone3,fork,vfork -o trace env "${TEST_ENV[@]}" "$BIN/enroot" info >/dev/null ||
		skip "no strace here"
	[ ! -s trace ]
}

@test "an unset variable voids a value; false values unset a default" {
	# shellcheck disable=SC2016
	echo 'ENROOT_TEMP_PATH ${NOWHERE}/x' >enroot.conf
	[ "$(value ENROOT_TEMP_PATH)" = /tmp ]
	[ "$(value ENROOT_LOGIN_SHELL)" = yes ]
	local no
	for no in n no N No NO f F false False FALSE; do
		echo "ENROOT_LOGIN_SHELL $no" >enroot.conf
		[ -z "$(value ENROOT_LOGIN_SHELL)" ]
	done
	echo 'ENROOT_LOGIN_SHELL off' >enroot.conf
	[ "$(value ENROOT_LOGIN_SHELL)" = off ]
}

@test "a file that is no shell text is named, once" {
	echo 'ENROOT_TEMP_PATH "/x' >enroot.conf
	run enroot list
	assert_one_error "^\[ERROR\] Invalid configuration file: $WORK/enroot.conf\$"
	[ "$(wc -l <<<"$output")" -eq 1 ]
	echo >enroot.conf
	echo 'fi' >enroot.conf.d/10-a.conf
	run enroot list
	assert_one_error "Invalid configuration file: $WORK/enroot.conf.d/10-a.conf\$"
}

@test "what a value prints on standard error is not for readers of lists" {
	# shellcheck disable=SC2016
	echo 'ENROOT_TEMP_PATH $(nosuchcommand)${NOWHERE%x}' >enroot.conf
	run enroot list
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "info --json tells where a value comes from" {
	echo 'ENROOT_TEMP_PATH /from/file' >enroot.conf
	export ENROOT_CONFIG_PATH=/from/environment ENROOT_FOREIGN='a "b"'
	enroot info --json >json
	python3 - "$WORK/enroot.conf" <<-'PY'
		import json, sys
		info = json.load(open("json"))
		settings = info["settings"]
		assert settings["ENROOT_TEMP_PATH"] == {"value": "/from/file", "source": "file", "file": sys.argv[1]}
		assert settings["ENROOT_CONFIG_PATH"] == {"value": "/from/environment", "source": "environment"}
		assert settings["ENROOT_CONNECT_TIMEOUT"] == {"value": "30", "source": "default"}
		assert "ENROOT_MOUNT_HOME" not in settings
		assert info["other_variables"]["ENROOT_FOREIGN"] == 'a "b"'
		assert info["config_file"] == sys.argv[1]
	PY
}

@test "without HOME, without XDG_RUNTIME_DIR, without standard input" {
	local env=(env -i "PATH=$PATH" "ENROOT_TEST_CONF_PATH=$WORK/enroot.conf" "TMPDIR=$WORK")
	as_user "${env[@]}" "$BIN/enroot" info <&- >out
	grep -q "^  ENROOT_DATA_PATH=$(getent passwd "$TEST_UID" | cut -d: -f6)/.local/share/enroot$" out
	as_user "${env[@]}" XDG_RUNTIME_DIR=/proc/nowhere "$BIN/enroot" info <&- >out
	grep -q "^  ENROOT_RUNTIME_PATH=$WORK/enroot-runtime-$TEST_UID$" out
	[ "$(stat -c %a "enroot-runtime-$TEST_UID")" = 700 ]
	as_user "${env[@]}" "$BIN/enroot" list <&-
}
