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

@test "every command makes the directories, for their owner alone; one that cannot goes on without" {
	local env=(env -i "PATH=$PATH" "ENROOT_TEST_CONF_PATH=$WORK/enroot.conf" "TMPDIR=$WORK")
	as_user "${env[@]}" "HOME=$WORK/new/home" "XDG_RUNTIME_DIR=$WORK/new/run" "$BIN/enroot" version
	[ "$(find new -type d -printf '%m %p\n' | sort | paste -sd ' ')" = "$(printf '700 new%s\n' '' /home /home/.cache /home/.cache/enroot \
		/home/.local /home/.local/share /home/.local/share/enroot /run /run/enroot | sort | paste -sd ' ')" ]
	local command
	for command in version list info; do
		run -0 as_user "${env[@]}" HOME=/proc/nowhere XDG_RUNTIME_DIR=/proc/nowhere "$BIN/enroot" $command
		has_no ERROR
	done
}

@test "a runtime directory in /tmp that is somebody else's, or a link, is not used" {
	need_root
	make_rootfs c
	TEST_ENV+=(XDG_RUNTIME_DIR=/proc/nowhere "TMPDIR=$WORK")
	mkdir -m 777 "enroot-runtime-$TEST_UID"
	conf <<<:
	run enroot start -c conf c true
	assert_one_error "cannot use $WORK/enroot-runtime-$TEST_UID: it is not the caller's alone"
	rmdir "enroot-runtime-$TEST_UID"
	as_user mkdir -m 700 elsewhere && as_user ln -s elsewhere "enroot-runtime-$TEST_UID"
	run enroot start -c conf c true
	assert_one_error "cannot use $WORK/enroot-runtime-$TEST_UID"
	rm "enroot-runtime-$TEST_UID"
	run -0 enroot start -c conf c echo started
	[ "$output" = started ]
}

@test "values: shell operators inside, blanks, globs; foreign keys and those with digits" {
	# shellcheck disable=SC2016
	printf '%s\n' 'ENROOT_SITE $(echo a | tr a b; echo c >/dev/null && echo d)' 'ENROOT_BLANKS a   b' 'ENROOT_QUOTED "a   b"' \
		"ENROOT_GLOB $WORK/enroot.conf.?" 'ENROOT_X2 ignored' 'OTHER ignored' 'NVIDIA_VISIBLE_DEVICES void' 'https_proxy http://p' >enroot.conf
	[ "$(value ENROOT_SITE)" = "b d" ]
	[ "$(value ENROOT_BLANKS)" = "a b" ]
	[ "$(value ENROOT_QUOTED)" = "a   b" ]
	[ "$(value ENROOT_GLOB)" = "$WORK/enroot.conf.d" ]
	run -0 enroot info
	has_no 'ENROOT_X2|OTHER'
	make_rootfs c
	use_sysconf
	hook sysconf/hooks.d/50-env.sh 'env >"'"$WORK"'/env"'
	enroot start c true
	output=$(cat env)
	has NVIDIA_VISIBLE_DEVICES=void
	has https_proxy=http://p
	has_no '^(ENROOT_X2|OTHER)='
}
