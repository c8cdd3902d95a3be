# start --name, --detach, and stop.

load helpers

setup() {
	common_setup
	make_rootfs box PATH=/bin
	LOG=$WORK/run/enroot/log
}

teardown() {
	common_teardown
}

# detached ARG…: its PID is in $PID.
detached() {
	PID=$(enroot start --detach "$@" 3>&-)
	JOBS+=("$PID")
	[[ "$PID" =~ ^[0-9]+$ ]]
}

# Wait until FILE has a line that matches.
wait_for_match() {
	local i
	for ((i = 0; i < 250; i++)); do
		! grep -qs -- "$2" "$1" || return 0
		sleep 0.02
	done
	cat "$1"
	return 1
}

wait_for_line() {
	wait_for_match "$1" "^$2\$"
}

gone() {
	local i
	for ((i = 0; i < 100; i++)); do
		grep -qs '^State:[[:space:]]*[SRDTt]' "/proc/$1/status" || return 0
		sleep 0.02
	done
	return 1
}

@test "in the background: output, session, exec by name, stop" {
	detached box sh -c 'echo out; echo err >&2; readlink /proc/self/fd/0; exec sleep 1000'
	wait_for_line "$LOG/box" /dev/null
	[ "$(cat "$LOG/box")" = $'out\nerr\n/dev/null' ]
	[ "$(stat -c %a "$LOG/box")" = 600 ]
	[ "$(ps -o sid= -p "$PID" | tr -d ' ')" = "$PID" ]
	enroot list -f | grep -qE "^box +$PID "
	[ "$(enroot exec box cat /etc/environment)" = PATH=/bin ]
	run --separate-stderr enroot stop box
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	gone "$PID"
	[ ! -e run/enroot/run/box ]
	run enroot stop box
	assert_one_error "Process not found: box"
}

@test "descriptors of the caller stay with the caller" {
	exec 7>kept
	detached box sleep 1000
	exec 7>&-
	[ -e "/proc/$PID/fd/2" ]
	[ ! -e "/proc/$PID/fd/7" ]
	# The script of --rc is opened before, and is there.
	PID=$(as_user bash -c 'enroot start --detach --name rc --rc <(echo "echo \"from \$0: \$1\"; exec sleep 1000") box word' 3>&-)
	JOBS+=("$PID")
	wait_for_match "$LOG/rc" "^from /proc/self/fd/[0-9]*: word$"
}

@test "a name is taken while it runs, and free afterwards" {
	detached --name one box sleep 1000
	first=$PID
	run enroot start --detach --name one box echo lost
	assert_one_error "one is running already: PID $first"
	run enroot start --name one box true
	assert_one_error "one is running already"
	detached --name two box sleep 1000
	kill -0 "$first"
	enroot stop one
	gone "$first"
	kill -0 "$PID"
	detached --name one box sh -c 'echo again; exec sleep 1000'
	wait_for_line "$LOG/one" again
	enroot stop one two
	enroot list -f | grep -qx box
}

@test "stop by the container's own name means all that run of it, by a PID the one" {
	detached --name one box sleep 1000
	one=$PID
	detached --name two box sleep 1000
	two=$PID
	detached --name three box sleep 1000
	enroot stop "$two"
	gone "$two"
	kill -0 "$one"
	kill -0 "$PID"
	enroot stop box
	gone "$one"
	gone "$PID"
}

@test "--name without --detach" {
	spawn out start --name front box sh -c 'echo ready; exec sleep 1000'
	JOBS+=("$SPAWNED")
	wait_for_line out ready
	[ "$(enroot exec front id -u)" = "$TEST_UID" ]
	enroot stop front
	gone "$SPAWNED"
}

@test "with a PID namespace" {
	detached --pid --name inner box sh -c 'sleep 1000 & echo up; wait'
	wait_for_line "$LOG/inner" up
	enroot list -f | grep -qE "^box +$PID "
	[ "$(enroot exec inner sh -c 'echo $(readlink /proc/1/exe)')" = /bin/busybox ]
	# PID 1 ignores SIGTERM without a handler.
	enroot stop --time 0 inner
	gone "$PID"
}

@test "SIGTERM first, SIGKILL for who stays, and for stopped ones, too" {
	detached --name polite box sh -c 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done'
	wait_for_line "$LOG/polite" up
	enroot stop polite
	grep -qx bye "$LOG/polite"
	detached --name stubborn box sh -c 'trap "" TERM; echo up; while :; do sleep 0.05; done'
	wait_for_line "$LOG/stubborn" up
	enroot stop -t 1 stubborn
	gone "$PID"
	detached --name frozen box sh -c 'echo up; kill -STOP $$'
	wait_for_line "$LOG/frozen" up
	enroot stop frozen
	gone "$PID"
}

@test "an image in the background" {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	as_user "$BIN/enroot" export -o web.sqsh box
	detached web.sqsh sh -c 'echo up; exec sleep 1000'
	wait_for_line "$LOG/web" up
	[ "$(enroot exec web cat /etc/environment)" = PATH=/bin ]
	enroot stop web
	gone "$PID"
}

@test "a start that fails says so, and nothing runs" {
	run enroot start --detach --name bad -m /nonexistent:/mnt box
	assert_one_error /nonexistent "No such file or directory"
	run enroot start --detach missing
	assert_one_error "No such file or directory"
	run enroot start --detach --name ../x box
	assert_one_error "Invalid argument: ../x"
	run enroot start --detach .
	assert_one_error "Invalid argument: ."
	printf 'exit 3\n' >job.conf
	run enroot start --detach --name conf --conf job.conf box
	[ "$status" -eq 1 ]
	enroot list -f | grep -qx box
}

@test "records are hints: what is not a container is never stopped" {
	sleep 1000 3>&- &
	JOBS+=("$!")
	mkdir -p run/enroot/run
	start=$(awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$!/stat")
	echo "$! $start" >run/enroot/run/trap
	! is_root || chown -R "$TEST_UID:$TEST_GID" run/enroot
	run enroot stop trap
	assert_one_error "Process not found: trap"
	run enroot stop "$!"
	assert_one_error "Process not found"
	run enroot stop 1
	assert_one_error "Process not found"
	kill -0 "$!"
}

@test "a PID that another container got meanwhile is not taken for the one that had a name" {
	enroot start --detach --name first box sleep 1000
	[ "$(enroot exec first echo it)" = it ]
	read -r pid began <run/enroot/run/first
	# As if the kernel had given the number again: the record is of a process that began at another time.
	as_user sh -c "echo $pid $((began - 1)) >run/enroot/run/first"
	run enroot exec first true
	assert_one_error "Process not found: first"
	run enroot stop first
	assert_one_error "Process not found: first"
	enroot exec "$pid" true
	as_user sh -c "echo $pid $began >run/enroot/run/first"
	enroot stop first
}

@test "command lines of stop" {
	run enroot stop
	[ "$status" -eq 1 ]
	[[ "${lines[0]}" == "Usage: enroot stop"* ]]
	run enroot stop --help
	[ "$status" -eq 0 ]
	run enroot stop --time soon box
	assert_one_error "Invalid argument: soon"
}
