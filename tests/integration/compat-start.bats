#!/usr/bin/env bats
# The contract of start, row by row: environment files, mount files, login. Many rows a test: each names itself when it
# fails.

load helpers

setup() {
	common_setup
	use_sysconf
	make_rootfs c PATH=/bin
}

teardown() {
	common_teardown
}

# --- environment ----------------------------------------------------------------------------------------------------

@test "environment files: quotes, blanks, order, what is dropped" {
	cat >"$DATA/c/etc/environment" <<'END'
PATH=/bin
  LEADING=blanks
A="double"
B='single'
C="mixed'
D="trailing"   
E=open  
F=a # no comment
G=back\slash
export H=no
ENROOT_I=no
J=${HOST}-${UNSET}-$HOST
K=${HOST:-x}
1L=no
M =no
N=image
O=a=b
END
	printf 'N=system\nP=system' >"$WORK/sysconf/environ.d/10-a b.env"
	echo 'N=system20' >"$WORK/sysconf/environ.d/20-b.env"
	echo 'X=no' >"$WORK/sysconf/environ.d/30-c.txt"
	echo 'N=user' >"$WORK/home/.config/enroot/environ.d/05-d.env"
	own
	TEST_ENV=(HOST=host)
	run -0 enroot start c env
	has 'LEADING=blanks'
	has 'A=double'
	has 'B=single'
	has 'C=mixed'
	has 'D=trailing'
	has 'E=open  '
	has 'F=a # no comment'
	has 'G=back\slash'
	has 'J=host--$HOST'
	has 'K=${HOST:-x}'
	has 'N=user'
	has 'O=a=b'
	has 'P=system'
	has_no '^(H|I|ENROOT_I|1L|M|M |X)='
}

@test "-e: values are literal but for their quotes, later ones win, a newline never adds a line" {
	TEST_ENV=(HOST=host 'LINES2=a
EVIL=b' "QUOTED='q'")
	run -0 enroot start -e 'A=${HOST}' -e 'B="x y"' -e C=1 -e C=2 -e 'D=' -e HOST -e LINES2 -e QUOTED -e 'PATH=/bin:/x' c env
	has 'A=${HOST}'
	has 'B=x y'
	has 'C=2'
	has 'D='
	has 'HOST=host'
	has "QUOTED='q'"
	has 'PATH=/bin:/x'
	has_no '^EVIL='
	run enroot start -e '=x' c env
	assert_one_error 'Invalid argument: =x'
	run enroot start -e 'A-B=x' c env
	assert_one_error 'Invalid argument: A-B=x'
}

@test "the terminal: the host's TERM, empty where it has none" {
	cp "$STAGE"/etc/enroot/environ.d/* "$WORK/sysconf/environ.d/"
	TEST_ENV=(TERM=vt52)
	run -0 enroot start c env
	has 'TERM=vt52'
	run -0 as_user env -u TERM "$BIN/enroot" start c env
	has 'TERM='
}

# --- mount files ----------------------------------------------------------------------------------------------------

# opts TARGET [ARG…]: the mount options of TARGET (the topmost) in the container.
opts() {
	local target=$1
	shift
	run enroot start "$@" c cat /proc/self/mountinfo
	[ "$status" -eq 0 ] || {
		echo "$output"
		return 1
	}
	output=$(awk -v t="$target" '$5 == t { line = $6 " " $0 } END { print line }' <<<"$output")
	[ -n "$output" ] || {
		echo "$target is not mounted"
		return 1
	}
}

@test "mount lines: the guesses" {
	mkdir src && echo in >src/file && as_user mkdir "$DATA/c/there"
	run -0 enroot start -m "tmpfs:/there" c sh -c 'grep -c " /there tmpfs " /proc/self/mounts'
	has 1
	run enroot start -m "tmpfs:/missing" c true
	assert_one_error 'No such file or directory'
	run enroot start -m "/etc:/there:ro" c true
	assert_one_error 'No such device'
	run -0 enroot start -m "$WORK/src" c cat "$WORK/src/file"
	has in
	run enroot start -m "$WORK/src:bind" c true
	[ "$status" -eq 0 ] # made by the line before
	run -0 enroot start -m "$WORK/src:/new:none" c cat /new/file
	has in
	run -0 enroot start -m "$WORK/src:/there:bind" c cat /there/file
	has in
	run enroot start -m "$WORK/src:/new2:bind" c true
	assert_one_error 'No such file or directory'
	run -0 enroot start -m "tmpfs:/there:mode=711,size=4k" c stat -c %a /there
	has 711
	run enroot start -m "tmpfs:/there:mode=711" c true
	assert_one_error 'No such device'
	run -0 enroot start -m "none:/there:devpts" c sh -c 'test -e /there/ptmx'
	run -0 enroot start -m "$WORK/src:/there" -m "whatever:/there:x-detach" c ls /there
	[ "$output" = "" ]
	run -0 enroot start -m "$WORK/src:/five:none:x-create=dir,bind:1" c ls / # a lone fifth field is PASS: inert
	has_no '^five$'
	run -0 enroot start -m "$WORK/src:/six:none:x-create=dir,bind:0:0" c cat /six/file
	has in
}

@test "mount lines: escapes, empty fields, duplicates, relative paths" {
	mkdir 'a b' 'c:d' && echo blank >'a b/file' && echo colon >c:d/file && echo text >plain
	run -0 enroot start -m 'a\040b:/m' c cat /m/file
	has blank
	run -0 enroot start -m 'c\072d:/m2' c cat /m2/file
	has colon
	run -0 enroot start -m "$WORK/a\\040b:/m::x-create=dir,bind,ro" c sh -c 'cat /m/file; touch /m/x 2>&1; true'
	has blank
	grep -q 'Read-only' <<<"$output"
	run -0 enroot start -m ".:mnt/rel" c cat /mnt/rel/plain
	has text
	run -0 enroot start -m "plain:/deep/er/file::x-create=auto,rbind,x-create=file,bind,ro,nosuid,nodev,private" c cat /deep/er/file
	has text
	[ "$(stat -c %a "$DATA/c/deep")" = 755 ]
	[ "$(stat -c %a:%s "$DATA/c/deep/er/file")" = 0:0 ]
	run enroot start -m 'a b:/m' c true
	assert_one_error '^\[ERROR\] Invalid argument: a b:/m$'
	run enroot start -m '' c true
	[ "$status" -eq 1 ]
}

@test "mount lines: flags" {
	mkdir src && own
	opts /m -m "$WORK/src:/m:none:x-create=dir,bind,ro,nosuid,nodev,noexec"
	[[ $output == ro,nosuid,nodev,noexec* ]]
	opts /m -m "$WORK/src:/m:none:x-create=dir,bind,noatime"
	[[ ${output%% *} == *atime* ]] # the host's kind is locked
	opts /m -m "$WORK/src:/m:none:x-create=dir,bind,defaults,auto,user,group,nofail"
	opts /m -m "$WORK/src:/m:none:x-create=dir,bind" -m "none:/m:none:remount,bind,ro"
	[[ $output == ro* ]]
	opts /m -m "tmpfs:/m:tmpfs:x-create=dir,size=8k,nr_inodes=100,noexec"
	[[ ${output%% *} == *noexec* && $output == *size=8k* ]]
	opts /m -m "$WORK/src:/m:none:x-create=dir,bind,unbindable,ro"
	[[ $output == ro*unbindable* ]]
	opts /m -m "$WORK/src:/m:none:x-create=dir,bind" -m "none:/m:none:private"
	[[ $output != *master:* ]]
	printf 'tmpfs /m tmpfs x-create=dir,size=64k\n${ENROOT_ROOTFS}/m /n none x-create=dir,x-move\n' >"$WORK/sysconf/mounts.d/50-move.fstab"
	own
	opts /n
	[[ $output == *size=64k* ]]
	run opts /m
	[[ $output == *"/m is not mounted"* ]]
}

@test "mount lines: nofail warns, silent does not, loud does again" {
	run -0 enroot start -m "/no/such:/m:none:x-create=dir,bind,nofail" c echo ran
	has ran
	[[ $output == *"[WARN]"*"No such file or directory"* ]]
	run -0 enroot start -m "/no/such:/m:none:x-create=dir,bind,nofail,silent" c echo ran
	[ "$output" = ran ]
	run -0 enroot start -m "/no/such:/m:none:x-create=dir,bind,nofail,silent,loud" c echo ran
	[[ $output == *"[WARN]"* ]]
}

@test "mount files: variables, passes, order, the last line without a newline, long lines" {
	mkdir -p src one two && echo src >src/file && echo 1 >one/file && echo 2 >two/file
	cat >"$DATA/c/etc/fstab" <<'END'
# a comment
/dev/none / ext4 defaults 0 1
${PWD}/src /pwd none x-create=dir,bind
${ENROOT_ROOTFS}/data /data none x-create=dir,bind,rw,nosuid,nodev
END
	printf '%s /order none x-create=dir,bind\n/dev/none /x xfs defaults 0 2' "$WORK/one" >"$WORK/sysconf/mounts.d/30-a b.fstab"
	printf '%s /order none x-create=dir,bind' "$WORK/two" >"$WORK/home/.config/enroot/mounts.d/01-u.fstab"
	own
	TEST_ENV=("PWD=$WORK")
	run -0 enroot start c sh -c 'cat /pwd/file /order/file; touch /data/written && echo volume'
	[ "$output" = $'src\n2\nvolume' ]
	[ "$(stat -c %a "$DATA/c/data")" = 755 ]
	[ -e "$DATA/c/data/written" ]
	# No variables in -m.
	run enroot start -m '${PWD}/src:/v' c true
	assert_one_error 'No such file or directory'
	{
		printf '%s /long none x-create=dir,bind,' "$WORK/src"
		printf 'x-%06000d' 0
		printf '\n%s /after none x-create=dir,bind' "$WORK/src"
	} >"$WORK/sysconf/mounts.d/40-long.fstab"
	run -0 enroot start c cat /long/file /after/file
	[ "$output" = $'src\nsrc' ]
	echo '/no/such /m none x-create=dir,bind' >"$WORK/sysconf/mounts.d/50-bad.fstab"
	run enroot start c true
	assert_one_error 'mounts.d/50-bad.fstab:1: .*: No such file or directory$'
}

@test "mount targets: .. above the root, symlinks, existing ones" {
	mkdir src && echo in >src/file
	local target
	for target in ../home /../home a/../../b /a/b/../../../c; do
		run enroot start -m "$WORK/src:$target" c true
		assert_one_error 'cross-device link$'
	done
	ln -s ../../../../outside "$DATA/c/up"
	run enroot start -m "$WORK/src:/up/x" c true
	[ "$status" -eq 1 ] || [ ! -e /outside ]
	ln -s /home "$DATA/c/in"
	own
	run -0 enroot start -m "$WORK/src:/in/x" c cat /home/x/file
	has in
	as_user mkdir -m 700 "$DATA/c/kept"
	run -0 enroot start -m "$WORK/src:/kept:none:x-create=dir,bind" c true
	[ "$(stat -c %a "$DATA/c/kept")" = 700 ]
}

@test "an unreadable file can be bound; submounts of rbind keep their flags" {
	run -0 enroot start -m /etc/shadow:/shadow:none:x-create=file,bind c test -e /shadow
	opts /d/shm -m /dev:/d:none:x-create=dir,rbind,ro
	[[ $output == rw* ]]
}

@test "pyxis: the fstab lines of its tests" {
	mkdir src && echo in >src/file
	cat >conf <<-'END'
		mounts() {
			echo "/home ../home x-create=auto,rbind"
		}
	END
	run enroot start -c conf c true
	assert_one_error 'cross-device link'
	cat >conf <<-END
		mounts() {
			echo "tmpfs /tmpfs x-create=dir,size=64M"
			echo "$WORK/src /ro x-create=auto,rbind,ro"
			echo "$WORK/src /unb x-create=auto,rbind,unbindable,ro"
			echo "$WORK/src/file /f/g/h x-create=auto,rbind,x-create=file,bind,ro,nosuid,nodev,private"
			printf '%s /esc none x-create=dir,bind\n' '$WORK/src'
		}
	END
	run -0 enroot start -c conf c sh -c 'cat /ro/file /unb/file /f/g/h /esc/file; stat -f -c %T /tmpfs; touch /ro/x 2>&1 | grep -c Read-only'
	[ "$output" = $'in\nin\nin\nin\ntmpfs\n1' ]
}

@test "a host mount below the root filesystem comes along" {
	need_root
	as_user mkdir "$DATA/c/sub"
	unshare --mount sh -c 'mount -t tmpfs tmpfs "$1" && echo below >"$1/file" && shift && exec "$@"' - "$DATA/c/sub" \
		"$(command -v bash)" -c 'cat >/dev/null; exec setpriv --reuid=$0 --regid=$1 --clear-groups env HOME=$2 XDG_RUNTIME_DIR=$3 ENROOT_SYSCONF_PATH=$4 "$5/enroot" start c cat /sub/file' \
		"$TEST_UID" "$TEST_GID" "$WORK/home" "$WORK/run" "$WORK/sysconf" "$BIN" </dev/null >out
	[ "$(cat out)" = below ]
}

@test "a host without /etc/hosts is refused, one without a machine-id is not" {
	need_root
	without() {
		unshare -m bash -c "$(declare -p WORK TEST_ENV; declare -f)
			cp -a /etc \"\$WORK/etc\" && rm -f \"\$WORK/etc/$1\" && mount --bind \"\$WORK/etc\" /etc && enroot start c echo started" 3>&-
	}
	run without hosts
	assert_one_error '20-config.fstab:[0-9]+: .*/etc/hosts: No such file or directory$'
	rm -rf etc
	run -0 without machine-id
	[ "$output" = started ]
	rm -rf etc
}

@test "what the host mounts below the root filesystem later arrives, and leaves again" {
	need_root
	as_user mkdir "$DATA/c/later"
	run -0 unshare -m --propagation shared bash -c "$(declare -p WORK DATA JOBS TEST_ENV; declare -f)
		mount --make-rshared /
		running c
		mount -t tmpfs tmpfs \"\$DATA/c/later\" && touch \"\$DATA/c/later/seen\"
		enroot exec c ls /later
		umount \"\$DATA/c/later\"
		enroot exec c ls /later; kill -KILL \$PID" 3>&-
	[ "$output" = seen ]
}

# --- login: A.1, B.10, E.14 -----------------------------------------------------------------------------------------

@test "login.defs: syntax, MAIL, TZ, UMASK, ULIMIT, locale" {
	mkdir -p "$DATA/c/etc/default"
	cat >"$DATA/c/etc/login.defs" <<'END'
# ENV_TZ TZ=comment
ENV_TZ	/etc/zone	# trailing
MAIL_CHECK_ENAB YES
MAIL_DIR \
  /spool
UMASK 0x17
ULIMIT 2048
END
	echo 'TZ=Europe/Vienna' >"$DATA/c/etc/zone"
	printf 'LANG="de_AT.UTF-8"\nLC_TIME=C\nLC_ALL=bad\nOTHER=x\n' >"$DATA/c/etc/locale.conf"
	own
	run -0 enroot start c sh -c 'echo $TZ $MAIL $(umask) $(ulimit -f) $LANG $LC_TIME [$LC_ALL$OTHER]'
	has "Europe/Vienna /spool/$TEST_USER 0027 2048 de_AT.UTF-8 C []" || has "Europe/Vienna /spool/$TEST_USER 0027 1024 de_AT.UTF-8 C []"
	run -0 enroot start -e TZ=UTC -e LANG=C c sh -c 'echo $TZ $LANG'
	has "UTC C"
	echo 'MAIL_CHECK_ENAB true' >"$DATA/c/etc/login.defs"
	run -0 enroot start c sh -c 'echo $MAIL'
	has "/var/mail/$TEST_USER"
	printf 'MAIL_CHECK_ENAB yes\nMAIL_FILE .mail\n' >"$DATA/c/etc/login.defs"
	run -0 enroot start -e HOME=/home c sh -c 'echo $MAIL'
	has /home/.mail
	printf 'UMASK 022\nUSERGROUPS_ENAB yes\n' >"$DATA/c/etc/login.defs"
	run -0 enroot start c sh -c umask
	[ "$output" = 0002 ] || [ "$(getent group "$TEST_GID" | cut -d: -f1)" != "$TEST_USER" ]
}

@test "PATH: the image's, else login.defs, else a default; root has another" {
	: >"$DATA/c/etc/environment"
	run -0 enroot start c sh -c 'echo $PATH'
	has /usr/local/bin:/bin:/usr/bin
	run -0 enroot start --root c sh -c 'echo $PATH'
	has /bin:/usr/bin:/sbin:/usr/sbin
	printf 'ENV_PATH PATH=/a:/bin\nENV_SUPATH /b:/bin\n' >"$DATA/c/etc/login.defs"
	run -0 enroot start c sh -c 'echo $PATH'
	has /a:/bin
	run -0 enroot start --root c sh -c 'echo $PATH'
	has /b:/bin
	TEST_ENV=(PATH_OF_HOST=x)
	run -0 enroot start -e PATH=/c:/bin c sh -c 'echo $PATH'
	has /c:/bin
	export ENROOT_LOGIN_SHELL=n
	run -0 enroot start c /bin/sh -c '/bin/busybox env | /bin/busybox grep -cE "^(PATH|HOME|SHELL|USER|LOGNAME|TERM)=" ; /bin/busybox pwd'
	[ "${lines[-1]}" = / ]
	unset ENROOT_LOGIN_SHELL
}

@test "shells: FAKE_SHELL, SHELL, /bin/sh; argv0; the words of the command" {
	printf '#!/bin/sh\necho "fake $0 $*"\n' >"$DATA/c/bin/fake"
	chmod 755 "$DATA/c/bin/fake"
	echo 'FAKE_SHELL /bin/fake' >"$DATA/c/etc/login.defs"
	own
	run -0 enroot start c true a
	[[ $output == 'fake /bin/fake -c exec "$@" fake true a' ]]
	rm "$DATA/c/etc/login.defs"
	run -0 enroot start -e SHELL=/bin/fake c true a
	[[ $output == 'fake /bin/fake -c exec "$@" fake true a' ]]
	run -0 enroot start -e SHELL=/no/such c 'echo $0; cat /proc/self/cmdline | tr "\0" "|"'
	[[ ${lines[0]} == sh ]]
	run -0 enroot start c 'x=$(tr "\0" "|" </proc/$$/cmdline); echo "$x"'
	[[ $output == '-sh|-c|'* ]]
	export ENROOT_LOGIN_SHELL=n
	run -0 enroot start c 'x=$(/bin/tr "\0" "|" </proc/$$/cmdline); echo "$x"'
	[[ $output == 'sh|-c|'* ]]
	unset ENROOT_LOGIN_SHELL
	echo 'echo "rc $0 $1"' >rc
	run -0 enroot start --rc rc c one
	[[ $output == 'rc /proc/self/fd/'*' one' ]]
}

@test "an interactive shell: motd first, unless hushed" {
	printf 'MOTD_FILE /etc/motd:/etc/motd2\nHUSHLOGIN_FILE .hushlogin\n' >"$DATA/c/etc/login.defs"
	echo one >"$DATA/c/etc/motd"
	echo two >"$DATA/c/etc/motd2"
	own
	run -0 as_user bash -c 'echo "echo in \$0" | enroot start c'
	[ "$output" = $'one\ntwo\nin -sh' ]
	run -0 enroot start c echo command
	has command
	has_no one
	as_user touch "$DATA/c/home/.hushlogin"
	run -0 as_user bash -c 'echo "echo in" | enroot start -e HOME=/home c'
	[ "$output" = in ]
}

@test "who is about to type in a read-only root filesystem is told so, and nobody else" {
	command -v script >/dev/null || skip "needs script"
	typing() {
		as_user script -qec "$BIN/enroot start $*" /dev/null <<<exit
	}
	run typing c
	[ "$(grep -c 'INFO.*read-only: .*--rw' <<<"$output")" -eq 1 ]
	run typing --rw c
	has_no read-only
	run typing c true
	has_no read-only
	run -0 as_user bash -c 'echo true | enroot start c'
	[ "$output" = "" ]
	echo 'HUSHLOGIN_FILE .hushlogin' >"$DATA/c/etc/login.defs"
	touch "$DATA/c/home/.hushlogin" && own
	run typing -e HOME=/home c
	has_no read-only
}

@test "nologin: another file; --root is not stopped; nothing is run" {
	echo 'NOLOGINS_FILE /etc/closed' >"$DATA/c/etc/login.defs"
	echo 'we are closed' >"$DATA/c/etc/closed"
	own
	run -0 enroot start c echo ran
	has 'we are closed'
	has_no '^ran$'
	run -0 enroot start --root c echo ran
	has ran
}

@test "the superuser without a user namespace: capabilities, ids that change, no filter, no way back to the host" {
	need_root
	export ENROOT_DATA_PATH=$DATA ENROOT_ALLOW_SUPERUSER=y
	run -0 unshare -m bash -c "$(declare -p WORK TEST_ENV; declare -f)
		mount --make-rshared / && root_enroot start c cat /proc/self/status /proc/self/mountinfo" 3>&-
	[ "$(sed -n 's/^CapEff:.//p' <<<"$output")" = "$(sed -n 's/^CapEff:.//p' /proc/self/status)" ]
	has $'NoNewPrivs:\t1'
	has $'Seccomp:\t0'
	has_no ' shared:'
	grep -q ' master:' <<<"$output"
	run -0 root_enroot start --rw c sh -c 'touch /f && chown 12:34 /f && stat -c %u:%g /f'
	[ "$output" = 12:34 ]
}

@test "LASTLOG_ENAB writes nothing" {
	echo 'LASTLOG_ENAB yes' >"$DATA/c/etc/login.defs"
	mkdir -p "$DATA/c/var/log" && : >"$DATA/c/var/log/lastlog" && own
	run -0 enroot start --rw c true
	[ ! -s "$DATA/c/var/log/lastlog" ]
}

# --- what else ------------------------------------------------------------------------------------------------------

@test "changes of ids succeed without effect, setfsuid but for -1; dumpable; namespaces" {
	command -v cc >/dev/null || skip "needs a C compiler"
	cat >ids.c <<'END'
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <grp.h>
#include <unistd.h>
int main(void)
{
	gid_t none = 0;
	printf("%d%d%d%d%d%d%d%d%d %d %d %d\n", chown("/", 1, 1), lchown("/", 1, 1), fchown(1, 1, 1), setuid(1), setgid(1),
		setreuid(1, 1), setregid(1, 1), setresuid(1, 1, 1), setgroups(1, &none), setfsuid(12),
		setfsuid(-1) == (int)geteuid(), prctl(PR_GET_DUMPABLE));
}
END
	cc -static -o "$DATA/c/bin/ids" ids.c && own
	run -0 enroot start c ids
	has "000000000 0 1 1"
	run -0 enroot start c readlink /proc/self/ns/cgroup
	[ "$output" != "$(readlink /proc/self/ns/cgroup)" ]
}

@test "host mounts keep propagating in" {
	need_root
	mkdir -p "$WORK/shared" && chmod 755 "$WORK/shared" && mkfifo fifo
	unshare --mount bash -c '
		mount -t tmpfs tmpfs "$0" && mount --make-rshared "$0" && mkdir "$0/sub" && chmod 755 "$0" || exit 9
		setpriv --reuid=$1 --regid=$2 --clear-groups env HOME="$3" XDG_RUNTIME_DIR="$4" ENROOT_SYSCONF_PATH="$5" "$6/enroot" \
			start -m "$0:/s:none:x-create=dir,rbind,rslave" c sh -c "echo up; read x; cat /s/sub/file" <fifo >out &
		exec 7>fifo
		for i in $(seq 100); do [ -s out ] && break; sleep 0.02; done
		mount -t tmpfs tmpfs "$0/sub" && echo late >"$0/sub/file"
		echo go >&7; wait' "$WORK/shared" "$TEST_UID" "$TEST_GID" "$WORK/home" "$WORK/run" "$WORK/sysconf" "$BIN"
	[ "$(cat out)" = $'up\nlate' ]
}

@test "settings: false words, flags only switch on, directories are made by every command" {
	local word
	for word in n no N No NO f F false False FALSE; do
		export ENROOT_REMAP_ROOT=$word ENROOT_LOGIN_SHELL=$word
		run -0 enroot start c /bin/sh -c '/bin/id -u; /bin/pwd'
		[ "$output" = "$TEST_UID"$'\n'/ ]
	done
	for word in 0 off yes Y x; do
		export ENROOT_REMAP_ROOT=$word ENROOT_LOGIN_SHELL=$word
		run -0 enroot start c /bin/sh -c '/bin/id -u'
		[ "$output" = 0 ]
	done
	export ENROOT_REMAP_ROOT=n
	run -0 enroot start --root c id -u
	[ "$output" = 0 ]
	unset ENROOT_REMAP_ROOT ENROOT_LOGIN_SHELL
}
