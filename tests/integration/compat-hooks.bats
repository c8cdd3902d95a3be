#!/usr/bin/env bats
# The contract of hooks, conf scripts, exec and list, row by row, and what pyxis does with them. Many rows a test: each
# names itself when it fails.

load helpers

setup() {
	common_setup
	use_sysconf
	make_rootfs c PATH=/bin
}

teardown() {
	common_teardown
}

# --- conf scripts: B.2, B.4 -----------------------------------------------------------------------------------------

@test "conf: what it exports reaches the built-in hooks" {
	echo mine >"$WORK/home/file"
	conf <<<'export ENROOT_MOUNT_HOME=y'
	run -0 enroot start -c conf c sh -c 'cat "$HOME/file"'
	has mine
	conf <<<'environ() { export ENROOT_MOUNT_HOME=y HOME='"$WORK"'/home2; }'
	as_user mkdir home2 && echo second >home2/file
	run -0 enroot start -c conf c sh -c 'cat "$HOME/file"'
	has second
	conf <<<'export ENROOT_RESTRICT_DEV=y'
	run -0 enroot start -c conf c sh -c 'ls /dev'
	has_no '^(fuse|loop0|kmsg|mem)$'
	has null
	conf <<<'unset ENROOT_MOUNT_HOME'
	export ENROOT_MOUNT_HOME=y
	run -0 enroot start -c conf c sh -c 'ls "$HOME/file"; true'
	[[ $output == *"No such file"* ]]
	unset ENROOT_MOUNT_HOME
}

@test "conf: functions, values with newlines and bash functions that are exported" {
	conf <<-'END'
		helper() { FROM_BODY=1
			echo helped; }
		export -f helper
		export MULTI=$'a\nEVIL=b'
		environ() { env | grep -v '^HOME='; helper >/dev/null; }
		hooks() { helper >>"$ENROOT_ROOTFS/helped"; bash -c helper >>"$ENROOT_ROOTFS/helped"; }
	END
	hook sysconf/hooks.d/50-x.sh 'helper >'"$WORK"'/from-hook; printf "%s" "$MULTI" >'"$WORK"'/multi'
	run -0 enroot start -c conf c sh -c 'cat /helped; env'
	[ "$(grep -cx helped <<<"$output")" -eq 2 ]
	has_no '^EVIL='
	[[ $output == *"[WARN] Ignoring MULTI: "* ]]
	has_no 'BASH_FUNC|FROM_BODY'
	[ "$(cat from-hook)" = helped ]
	[ "$(cat multi)" = $'a\nEVIL=b' ]
}

@test "conf: common.sh is there; \$0, arguments, directory, standard output; rc() in the container's shell" {
	mkdir sub
	cat >sub/job.conf <<-'END'
		common::log INFO "logged"
		common::checkcmd bash
		echo "zero $(dirname "$0") args $*"
		hooks() { echo "dropped"; echo "stderr kept" >&2; }
		rc() {
			if true; then echo "rc $1 $2"; fi
			case x in x) echo "in case";; esac
			cat <<-EOF
			heredoc
			EOF
		}
	END
	run -0 enroot start --conf sub/job.conf c one 'two three'
	[[ $output == *"[INFO] logged"* ]]
	has "zero $WORK/sub args one two three"
	has "stderr kept"
	has "rc one two three"
	has "in case"
	has_no '^dropped'
	as_user ln -s sub/job.conf link.conf
	run -0 enroot start --conf link.conf c one two
	has "zero $WORK/sub args one two"
}

@test "common.sh: the functions that sites' hooks call" {
	local name
	for name in fmt log err rmall mktmpdir read readstrarray chdir curl jq realpath envsubst envfmt evalnetrc runparts checkcmd \
		fixperms getpwent getgrent debarch mountpoint; do
		run -0 bash -c 'source "$ENROOT_LIBRARY_PATH/common.sh" && declare -F "common::$0"' "$name"
	done
	call() {
		run as_user bash -c 'set -euo pipefail; source "$ENROOT_LIBRARY_PATH/common.sh"; "$@"' - "$@"
	}
	call common::err "it failed"
	assert_one_error '^.ERROR. it failed$'
	call common::log WARN $'two\tparts\e[31m'
	[ "$output" = "[WARN] two?parts?[31m" ]
	call common::checkcmd sh nosuchcommand
	assert_one_error 'Command not found: nosuchcommand'
	as_user mkdir -p tree/deep/er parts && as_user chmod 0 tree/deep
	call common::rmall tree
	[ "$status" -eq 0 ] && [ ! -e tree ]
	TEST_ENV=("ENROOT_TEMP_PATH=$WORK")
	call common::mktmpdir x
	[[ $output == "$WORK"/x.* && $(stat -c %a "$output") = 700 ]]
	printf '${HOME} $HOME ${NOTHING}x\n' >file
	call common::envsubst file
	[ "$output" = "$WORK/home "'$HOME x' ]
	printf '  A="b c"\nbad line\nENROOT_X=1\nexport B=1\nC=d\n' >file && chmod 666 file
	call common::envfmt file
	[ "$(cat file)" = $'A=b c\nC=d' ]
	printf 'machine h login $oauthtoken password $(echo se; echo cret)\nmachine i login u password p\n' >file
	call common::evalnetrc file
	[ "$output" = $'machine h login $oauthtoken password se cret\nmachine i login u password p' ]
	printf '#!/bin/sh\necho ran; exit 7\n' >parts/20-b.sh && printf '#!/bin/sh\necho first\n' >parts/10-a.sh
	echo 'echo never' >parts/30-off.sh
	chmod 755 parts/10-a.sh parts/20-b.sh
	call common::runparts list .sh parts
	[ "$output" = $'parts/10-a.sh\nparts/20-b.sh\nparts/30-off.sh' ]
	call common::runparts exec .sh parts
	[ "$status" -eq 1 ]
	[ "$output" = $'first\nran\n[ERROR] parts/20-b.sh exited with return code 7' ]
	call common::getpwent
	[[ $output == "$TEST_USER:"* ]]
	hook sysconf/hooks.d/50-who.sh 'source "$ENROOT_LIBRARY_PATH/common.sh"; common::getpwent >'"$WORK/who; common::getgrent >>$WORK/who"
	run -0 enroot start --root c true
	[ "$(cut -d: -f1 who | paste -sd ' ')" = "$TEST_USER $(id -gn "$TEST_USER")" ]
	rm sysconf/hooks.d/50-who.sh
	call common::debarch x86_64
	[ "$output" = amd64 ]
	call common::debarch vax
	assert_one_error 'Unsupported architecture: vax'
	call common::mountpoint /proc/self
	[ "$output" = /proc ]
	call common::realpath nosuch/file
	assert_one_error 'No such file or directory: nosuch/file'
	call common::jq . <<<'{'
	assert_one_error 'Could not process JSON input'
	call common::curl -s "http://$REGISTRY/nosuch"
	[ "$status" -eq 1 ]
	grep -q "ERROR. URL http://$REGISTRY/nosuch returned error code: 404" <<<"$output"
}

@test "conf: mounts() last, relative sources follow cd, passno is honoured" {
	mkdir -p a/rel b/rel && echo a >a/rel/f && echo b >b/rel/f
	conf <<-'END'
		cd a
		mounts() { cd ../b; echo "rel /m"; echo "/no/such /x none bind 0 2"; echo "rel /n none x-create=dir,bind 0 -1"; }
	END
	run -0 enroot start -c conf c sh -c 'cat /m/f; pwd >/dev/null; ls /n 2>&1; true'
	[ "${lines[0]}" = b ]
	[[ $output == *"No such file"* ]]
}

@test "conf: nounset, pipefail and lastpipe hold; exit 0 in the middle is no success" {
	local body
	for body in 'false | true' 'echo $NOT_SET' 'hooks() { false | true; }' 'hooks() { echo $NOT_SET; }' 'hooks() { exit 0; }'; do
		conf <<<"$body"
		run enroot start -c conf c true
		assert_one_error "conf: "
	done
	conf <<<'echo value | read -r line; export SEEN=$line
environ() { echo "SEEN=$SEEN"; }'
	run -0 enroot start -c conf c sh -c 'echo $SEEN'
	has value
}

@test "conf: of directives the last one wins; --rc beats rc()" {
	conf <<-'END'
		#ENROOT_REMAP_ROOT=y
		# ENROOT_REMAP_ROOT = n
		rc() { echo "rc() $(id -u)"; }
	END
	run -0 enroot start -c conf c
	[ "$output" = "rc() $TEST_UID" ]
	echo 'echo "--rc $1"' >script
	run -0 enroot start -c conf --rc script c one
	[ "$output" = "--rc one" ]
}

# --- hooks.d: B.5, A.12 -----------------------------------------------------------------------------------------------

@test "hooks: environment, cwd, standard input, PID with --pid, enroot-mount" {
	hook sysconf/hooks.d/20-a.sh 'env >'"$WORK"'/env; pwd >'"$WORK"'/pwd; cat /proc/self/status | grep CapEff >'"$WORK"'/caps
enroot-mount --root "${ENROOT_ROOTFS}" - <<< "tmpfs /by-hook tmpfs x-create=dir,mode=711"
echo $PPID >'"$WORK"'/ppid'
	export ENROOT_REMAP_ROOT=n ENROOT_MOUNT_HOME=yes
	TEST_ENV=(NVIDIA_X=1)
	run -0 enroot start c sh -c 'stat -c %a /by-hook; echo $$'
	has 711
	unset ENROOT_REMAP_ROOT ENROOT_MOUNT_HOME
	output=$(cat env)
	has ENROOT_MOUNT_HOME=yes
	has "XDG_DATA_HOME=$WORK/home/.local/share"
	has "XDG_CONFIG_HOME=$WORK/home/.config"
	has "XDG_CACHE_HOME=$WORK/home/.cache"
	has "XDG_RUNTIME_DIR=$WORK/run"
	has NVIDIA_X=1
	has_no '^ENROOT_REMAP_ROOT'
	[ "$(cat pwd)" = "$WORK" ]
	refute grep -q 'CapEff:.0000000000000000' caps
	[ "$(cat ppid)" = "$(sed -n 's/^ENROOT_PID=//p' env)" ]
	hook sysconf/hooks.d/20-a.sh 'readlink /proc/$ENROOT_PID/ns/mnt >'"$WORK"'/ns; readlink /proc/self/ns/mnt >'"$WORK"'/mine'
	run -0 enroot start --pid c true
	[ "$(cat ns)" = "$(cat mine)" ]
}

@test "hooks: what they append is literal, the last match counts, ENROOT_* and bad lines are dropped" {
	hook sysconf/hooks.d/20-a.sh 'printf "A=\${HOME}\nB=\"q\"\nENROOT_Z=1\nbad line\nA=last\n" >>"$ENROOT_ENVIRON"'
	hook sysconf/hooks.d/21-b.sh 'grep "^A=" "$ENROOT_ENVIRON" | tail -1 >'"$WORK"'/seen'
	run -0 enroot start -e A=option c env
	has A=last
	has B=q
	has_no '^ENROOT_'
	[ "$(cat seen)" = A=last ]
	hook sysconf/hooks.d/20-a.sh 'printf "/no/such /x none bind 0 1\n/etc /n none x-create=dir,bind 0 0\n" >>"$ENROOT_MOUNTS"'
	run -0 enroot start c test -e /n/passwd
}

@test "hooks: leftovers of the established package are not run, sites' own are" {
	local mark='# Copyright (c) 2018-2023, NVIDIA CORPORATION. All rights reserved.'
	hook sysconf/hooks.d/98-nvidia.sh "$mark
echo ran >>$WORK/log"
	hook sysconf/hooks.d/99-mellanox.sh "$mark
echo ran >>$WORK/log"
	run -0 enroot start c true
	[ ! -e log ]
	[ "$(grep -c '^\[WARN\].*98-nvidia.sh 99-mellanox.sh.*leftover' <<<"$output")" -eq 1 ]
	export ENROOT_LEGACY_HOOKS=y
	run -0 enroot start c true
	[ "$(cat log)" = $'ran\nran' ]
	unset ENROOT_LEGACY_HOOKS
	rm log
	# Files of other names, and a site's own file of that name, are run.
	hook sysconf/hooks.d/50-site.sh "$mark
echo ran >>$WORK/log"
	hook sysconf/hooks.d/98-nvidia.sh "echo ran >>$WORK/log"
	rm sysconf/hooks.d/99-mellanox.sh
	run -0 enroot start c true
	[ "$(cat log)" = $'ran\nran' ]
}

# --- built-in hooks: A.3, B.20 ----------------------------------------------------------------------------------------

@test "shadow: the shell, UMASK, CREATE_HOME, mail spool; keys are no code" {
	mkdir -p "$DATA/c/etc/default" "$DATA/c/var/mail"
	printf 'SHELL=/bin/other\nSKEL=/etc/myskel\na[$(touch '"$WORK"'/pwned)]=1\n' >"$DATA/c/etc/default/useradd"
	printf 'UMASK 027\nCREATE_MAIL_SPOOL yes\nx[$(touch '"$WORK"'/pwned)] y\n' >"$DATA/c/etc/login.defs"
	mkdir "$DATA/c/etc/myskel" && echo skel >"$DATA/c/etc/myskel/.rc"
	cp "$DATA/c/bin/busybox" "$DATA/c/bin/other"
	ln -s busybox "$DATA/c/bin/getty" && own
	run -0 enroot start --rw -e SHELL=/bin/sh c sh -c 'head -1 /etc/passwd; cat ~/.rc; stat -c %a ~'
	[ ! -e pwned ]
	# The user's shell is /bin/sh on the host and exists inside.
	[ "${lines[0]}" = root:x:0:0:root:/root:/bin/sh ]
	[ "${lines[1]}" = skel ]
	[ "${lines[2]}" = 750 ]
	[ -e "$DATA/c/var/mail/$TEST_USER" ]
	rm -rf "${DATA:?}/c/home" && as_user mkdir "$DATA/c/home"
	echo 'CREATE_HOME no' >"$DATA/c/etc/login.defs"
	run enroot start --rw c true
	assert_one_error 'failed to change directory'
}

@test "home: the host's HOME decides, unset it is the host's passwd" {
	as_user mkdir home3 && echo third >home3/file
	export ENROOT_MOUNT_HOME=y
	TEST_ENV=("HOME=$WORK/home3" "ENROOT_DATA_PATH=$DATA" "ENROOT_CONFIG_PATH=$WORK/home/.config/enroot" "ENROOT_CACHE_PATH=$WORK/run/cache")
	run -0 enroot start c sh -c 'cat "$HOME/file"; echo $HOME'
	[ "$output" = third$'\n'"$WORK/home3" ]
	opts=$(enroot start c cat /proc/self/mountinfo | awk -v t="$WORK/home3" '$5 == t { print $6 }')
	[[ $opts == rw,*nosuid* ]]
	unset ENROOT_MOUNT_HOME
}

@test "home: what is mounted below it comes along where the kernel insists" {
	need_root
	as_user mkdir home4 home4/below
	run -0 unshare -m bash -c "$(declare -p WORK; declare -f)
		mount -t tmpfs tmpfs home4/below && echo deep >home4/below/file
		TEST_ENV=(\"HOME=\$WORK/home4\" ENROOT_DATA_PATH=$DATA ENROOT_MOUNT_HOME=y)
		enroot start c sh -c 'cat below/file'" 3>&-
	[ "$output" = deep ]
}

@test "devices: small /dev, its kinds; --ipc's own shm and mqueue even with RESTRICT_DEV=no" {
	export ENROOT_RESTRICT_DEV=y
	run -0 enroot start c sh -c 'for d in zero null full urandom random; do test -c /dev/$d || echo no $d; done; readlink /dev/stdin; readlink /dev/stderr; test -e /dev/console || echo no console; stat -c %a /dev/pts/ptmx; grep " /dev/shm " /proc/self/mounts'
	has /proc/self/fd/0
	has /proc/self/fd/2
	has 'no console'
	has 666
	has_no '^no (zero|null|full|urandom|random)'
	export ENROOT_RESTRICT_DEV=no
	run -0 enroot start --ipc c sh -c 'stat -c %d /dev /dev/shm /dev/mqueue; touch /dev/shm/x && ls /dev/shm'
	[ "${lines[0]}" != "$(stat -c %d /dev)" ]
	[ "${lines[1]}" != "$(stat -c %d /dev/shm)" ]
	[ "${lines[2]}" != "$(stat -c %d /dev/mqueue 2>/dev/null || echo none)" ]
	[ ! -e /dev/shm/x ]
	unset ENROOT_RESTRICT_DEV
	if command -v script >/dev/null; then
		run -0 as_user env ENROOT_RESTRICT_DEV=y script -qec "$BIN/enroot start c test -c /dev/console" /dev/null
	fi
}

@test "cgroups: a Slurm step sees its job's group; --net" {
	run -0 enroot start --net c sh -c 'ls /sys/class/net; test -d /sys/fs/cgroup; for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo "made $d/x"; done; true'
	[ "$output" = lo ]
	TEST_ENV=(SLURM_STEP_ID=0)
	run -0 enroot start c true
}

@test "a system hook that is masked stays masked for exec and list; names must match exactly" {
	printf 'image:x:5:5::/:/bin/sh\n' >"$DATA/c/etc/passwd"
	hook sysconf/hooks.d/10-shadow "echo no >$WORK/log"
	hook sysconf/hooks.d/11-shadow.sh "echo ran >>$WORK/log"
	run -0 enroot start c head -1 /etc/passwd
	[[ $output == root:* ]]
	[ "$(cat log)" = ran ]
}

# --- exec and list: B.1, B.15, E.7, E.13 ---------------------------------------------------------------------------

@test "exec: descriptors closed by the caller, PATH of the target, -- and options of the command" {
	running c
	run -0 as_user bash -c 'exec 0<&-; enroot exec '"$PID"' echo closed'
	has closed
	run -0 enroot exec -e A=1 -- "$PID" sh -c 'echo "$A $1"' sh --x
	has '1 --x'
	TEST_ENV=(PATH_EXTRA=x)
	run -0 enroot exec "$PID" env
	has PATH=/bin
	has_no 'PATH_EXTRA|ENROOT_'
	run enroot exec "$PID" /bin/nosuch
	assert_one_error '/bin/nosuch: No such file or directory$'
	run enroot exec 0 true
	assert_one_error 'Process not found: 0'
	run enroot exec -- -5 true
	assert_one_error 'Process not found: -5'
}

none_runs() {
	[[ $(enroot list -f) != *sleep* ]]
}

@test "list: what is no container is not listed; --rw, --root and --pid containers are" {
	# Processes in mount namespaces of their own: the host's root, and another program's that holds a file /.lock.
	(EXEC=exec; as_user unshare -rm sleep 300 3>&-) &
	JOBS+=($!)
	wait_until grep -qx sleep "/proc/$!/comm"
	as_user mkdir -p other/bin other/old && cp "$DATA/c/bin/busybox" other/bin/ && as_user touch other/.lock
	(EXEC=exec; as_user unshare -rm sh -c 'mount --rbind other other && cd other && pivot_root . old && exec /bin/busybox sleep 301' 3>&-) &
	JOBS+=($!)
	wait_until grep -qx busybox "/proc/$!/comm"
	running --pid c
	run -0 enroot list -f
	grep -E '^c +[0-9]+ +sleep' <<<"$output"
	has_no 'sleep 30[01]'
	run -0 enroot list
	[ "$output" = c ]
	kill -KILL "$PID"
	wait_until none_runs
	running --root --rw c
	run -0 enroot list -f
	grep -E '^c +'"$PID"' +sleep' <<<"$output"
}

@test "list -f says what ps says" {
	running c
	run -0 enroot list -f
	read -r _ pid comm state started time _ _ command <<<"$(grep '^c ' <<<"$output")"
	[ "$pid" = "$PID" ]
	[ "$comm $state $command" = "$(ps -o comm=,stat=,args= -p "$PID" | tr -s ' ')" ]
	[[ $started =~ ^[0-9]{2}:[0-9]{2}$ && $time =~ ^[0-9]{2}:[0-9]{2}$ ]]
}

@test "list and remove in an epilog: no HOME, little PATH, closed descriptors" {
	as_user mkdir -p "$WORK/run/data"/{pyxis_1,pyxis_2}
	epilog() {
		as_user env -i PATH=/usr/local/bin:/usr/bin:/bin ENROOT_DATA_PATH="$WORK/run/data" ENROOT_RUNTIME_PATH="$WORK/run/e" "$@"
	}
	run -0 epilog bash -c 'exec 0<&-; "$0" list' "$BIN/enroot"
	[ "$output" = $'pyxis_1\npyxis_2' ]
	run -0 epilog bash -c 'exec 0<&- 2>&-; "$0" list' "$BIN/enroot"
	[ "$output" = $'pyxis_1\npyxis_2' ]
	run -0 epilog bash -c 'exec 0<&-; "$0" remove -f pyxis_1' "$BIN/enroot"
	run -0 epilog "$BIN/enroot" list
	[ "$output" = pyxis_2 ]
	run -1 epilog "$BIN/enroot" remove -f pyxis_1
	run -1 as_user env -i PATH=/bin ENROOT_DATA_PATH="$WORK/run/data" "$BIN/enroot" remove -f pyxis_1
}

# --- pyxis: B.16, B.17, D -----------------------------------------------------------------------------------------------

@test "pyxis: entry point, rc.local, working directory, exports seen in environ" {
	cat >"$DATA/c/etc/rc" <<'END'
# enroot-provenance: docker://registry-1.docker.io#library/x:1

mkdir -p "/work" 2>/dev/null
cd "/work" || exit 1
unset OLDPWD
if [ -s /etc/rc.local ]; then
    . /etc/rc.local
fi
export FROM_ENTRYPOINT=yes
if [ $# -gt 0 ]; then
    exec "$@"
else
    exec /bin/sh
fi
END
	mkdir "$DATA/c/work" && printf '# nothing\n' >"$DATA/c/etc/rc.local" && own
	conf <<-'END'
		environ() { env | grep -v '^HOME='; }
		hooks() { cat <<-'EOF' >"${ENROOT_ROOTFS}/etc/rc.local"
		echo "local $1"
		EOF
		}
	END
	run -0 enroot start --conf conf c sh -c 'pwd; tr "\0" "\n" </proc/$$/environ | grep FROM_ENTRY'
	[ "$output" = $'local sh\n/work\nFROM_ENTRYPOINT=yes' ]
	run -0 enroot start --root c pwd
	has /work
	# An old rc without the test of rc.local.
	echo 'exec "$@"' >"$DATA/c/etc/rc"
	run -0 enroot start c echo old
	has old
	# Not executable, no shebang: neither is needed.
	chmod 444 "$DATA/c/etc/rc"
	run -0 enroot start c echo old
	has old
}

@test "pyxis: a second start and joiners see what the first did; mounts inside are seen by joiners" {
	running --root --rw c
	run -0 enroot exec "$PID" sh -c 'mkdir -p /mnt && mount -t tmpfs tmpfs /mnt && touch /mnt/here'
	run -0 enroot exec "$PID" ls /mnt
	has here
	run -0 enroot start --rw c sh -c 'ls /mnt; echo second'
	[ "$output" = second ]
}

@test "pyxis: --net has its loopback up; refused is not unreachable" {
	run enroot start --net c sh -c 'busybox nc 127.0.0.1 9 </dev/null'
	[[ $output == *"onnection refused"* ]]
}

@test "pyxis: invalid targets leave nothing" {
	local target before
	before=$(find "$DATA" "$WORK/run" | sort)
	for target in /dev/urandom ./ a/b "$(printf 'x%.0s' {1..300})" $'new\nline' -- ''; do
		run enroot start --conf /dev/null "$target" true
		[ "$status" -eq 1 ]
	done
	[ "$(find "$DATA" "$WORK/run" ! -path "$WORK/run/enroot*" | sort)" = "$(grep -v "$WORK/run/enroot" <<<"$before")" ]
}

@test "/etc/environment can be appended to by the user; the overlay keeps nothing" {
	run -0 enroot start --rw c sh -c 'echo NEW=1 >>/etc/environment'
	run -0 enroot start c sh -c 'echo $NEW'
	has 1
}

@test "messages that scripts look for" {
	run enroot start nosuch
	assert_one_error "^.ERROR. No such file or directory: $DATA/nosuch"
	run enroot start $'no\e[31msuch'
	assert_one_error '^.ERROR. Invalid argument: no\?\[31msuch$'
	run enroot start --conf /no/conf c
	assert_one_error '^.ERROR. No such file or directory: /no/conf$'
	run enroot start --rc /no/rc c
	assert_one_error '^.ERROR. No such file or directory: /no/rc$'
	run enroot start -e HOME=/nowhere c true
	assert_one_error 'failed to change directory'
	run enroot exec 999999999 true
	assert_one_error '^.ERROR. Process not found: 999999999$'
	echo 'END {' >job
	run enroot batch job
	assert_one_error 'ENROOT_ROOTFS'
}
