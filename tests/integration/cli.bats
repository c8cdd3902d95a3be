#!/usr/bin/env bats
# The command line: usage, options, exit codes, where text goes.

load helpers
setup() { common_setup; }
teardown() { common_teardown; }

commands="batch bundle create digest doctor exec export import list load login logout push remove start stop"

@test "no command, help, -h, unknown command" {
	run --separate-stderr enroot
	[ "$status" -eq 1 ]
	grep -qi '^usage: enroot' <<<"$output"
	[ -z "$stderr" ]
	run --separate-stderr enroot help
	[ "$status" -eq 0 ]
	local command
	for command in ${commands/ logout/} info version help; do
		grep -qw "$command" <<<"$output"
	done
	run --separate-stderr enroot --help
	grep -qi '^usage: enroot' <<<"$output"
	run enroot -h
	grep -qi '^usage: enroot' <<<"$output"
	run enroot nosuchcommand
	[ "$status" -eq 1 ]
	[ "${lines[-1]}" = "[ERROR] Invalid argument: nosuchcommand" ]
}

@test "CMD --help: that command's usage on stdout, exit 0" {
	local command option
	for command in $commands info version; do
		for option in -h --help; do
			[ "$command $option" != "batch -h" ] || continue
			run --separate-stderr enroot "$command" $option
			[ "$status" -eq 0 ] || { echo "$command $option: $status" && false; }
			grep -qi "^usage: enroot $command" <<<"$output" || { echo "$command $option: $output" && false; }
			[ -z "$stderr" ]
		done
	done
}

@test "unknown options, missing and extra operands, empty values: usage, exit 1" {
	local line
	while read -r line; do
		eval "run --separate-stderr enroot $line"
		[ "$status" -eq 1 ] || { echo "$line: status $status" && false; }
		grep -qi "^usage: enroot ${line%% *}" <<<"$output" || { echo "$line: no usage on stdout: $output" && false; }
		[[ $stderr =~ ^"[ERROR] "(Invalid argument: .+|Missing argument)$ ]] || { echo "$line: on stderr: $stderr" && false; }
	done <<'LINES'
import
import --nosuch x
import a b
import -o
import --output= docker://x
import --arch '' docker://x
create
create a b
create --nosuch a
create --name= a
export
export a b
export -o '' a
export --format= a
push
push a
push a b c
push --compress= a b
remove
start
start --nosuch x
start -m '' x
digest
digest a b
load
load a b
login
logout
stop
doctor x
info x
bundle
bundle a b
exec
exec 1
batch
LINES
	assert_only
}

@test "list and version ignore extra operands; -f of list is the table" {
	[ "$(enroot version x y)" = "$(enroot version)" ]
	enroot version | grep -qE '^[0-9]+\.[0-9]+'
	[ "$(enroot version | wc -l)" -eq 1 ]
	[ -z "$(enroot list x y)" ]
	run --separate-stderr enroot list -f
	[ "$status" -eq 0 ]
	[ "$(head -1 <<<"$output" | tr -s ' ' | sed 's/ $//')" = "NAME PID COMM STATE STARTED TIME MNTNS USERNS COMMAND" ]
	[ -z "$stderr" ]
}

@test "list: byte order, files too, dot names never" {
	as_user mkdir -p home/.local/share/enroot/{b,a,C,.hidden}
	as_user touch home/.local/share/enroot/file
	[ "$(enroot list)" = "$(printf 'C\na\nb\nfile')" ]
}

@test "info: version, configuration, sorted settings" {
	export ENROOT_FOREIGN=value ENROOT_REMAP_ROOT=no
	enroot info >out
	sed -n 1p out | grep -q "^Enroot version: $(enroot version)$"
	sed -n 2p out | grep -q '^Config file: /etc/enroot/enroot.conf'
	[ -z "$(sed -n 3p out)" ]
	[ "$(sed -n 4p out)" = "Environment variables:" ]
	sed -n '5,$p' out >vars
	refute grep -v '^  ENROOT_[A-Z_]*=' vars
	LC_ALL=C sort -c vars
	grep -q '^  ENROOT_FOREIGN=value$' vars
	grep -q "^  ENROOT_DATA_PATH=$WORK/home/.local/share/enroot$" vars
	refute grep -q REMAP_ROOT vars
}

@test "options: short, long, with =, after -- operands only" {
	need_image busybox
	enroot import --output=a.sqsh "docker://$REGISTRY#busybox:1"
	enroot import --output b.sqsh -- "docker://$REGISTRY#busybox:1"
	enroot create --force --name=x a.sqsh
	enroot create -f -n x a.sqsh
	enroot create -n y -- a.sqsh
	run enroot create -n z -- -f
	[ "$status" -eq 1 ]
	[ "$(enroot list)" = "$(printf 'x\ny')" ]
	enroot export --force --output=c.sqsh x
	enroot export -f -o c.sqsh x
	enroot remove --force x y
}

@test "messages go to stderr, results to stdout" {
	need_image busybox
	run --separate-stderr enroot import "docker://$REGISTRY#busybox:1"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -z "$(grep -v '^\[INFO\] \|^\[WARN\] ' <<<"$stderr" | grep .)" ]
	run --separate-stderr enroot create nosuch.sqsh
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "control bytes in messages are shown, not sent" {
	run enroot import -o out.sqsh "$(printf 'docker://a\033[31mb#c:1')"
	[ "$status" -eq 1 ]
	refute grep -q "$(printf '\033')" <<<"$output"
	run enroot create "$(printf 'x\033]0;title\007.sqsh')"
	refute grep -q "$(printf '\033')" <<<"$output"
}

@test "every directory a command makes is private" {
	enroot version
	[ "$(stat -c %a home/.cache/enroot)" = 700 ]
	[ "$(stat -c %a home/.local/share/enroot)" = 700 ]
	[ "$(stat -c %a run/enroot)" = 700 ]
}

@test "list and version do not need directories that cannot be made" {
	export ENROOT_DATA_PATH=/proc/nosuch ENROOT_CACHE_PATH=/proc/nosuch ENROOT_RUNTIME_PATH=/proc/nosuch
	run enroot version
	[ "$status" -eq 0 ]
	run enroot list
	[ "$status" -eq 0 ]
}

@test "the static program has no interpreter, and neither program is set-uid" {
	release_only
	refute grep -q INTERP < <(readelf -l "$BIN/enroot")
	[ -z "$(find "$BIN" -perm /6000)" ]
	[ -z "$(getcap "$BIN"/* 2>/dev/null)" ]
}
