#!/usr/bin/env bats
# Slurm: a controller and two nodes in namespaces of their own (tools/slurm/cluster), jobs in containers on them.

load helpers

setup_file() {
	export CLUSTER_SKIP=''
	cluster_missing
	[ -z "$CLUSTER_SKIP" ] || return 0
	export CLUSTER=$SUITE/slurm
	mkdir -p "$CLUSTER"
	cat >"$CLUSTER/registry.yml" <<-END
		version: 0.1
		log: {level: info, accesslog: {disabled: false}}
		storage: {filesystem: {rootdirectory: $REGISTRY_DIR/data}}
		http: {addr: "10.77.0.254:5000"}
	END
	"$TOOLS/slurm/cluster" "$CLUSTER" >"$CLUSTER/out" 2>&1 </dev/null 3>&- &
	export CLUSTER_PID=$!
	disown $CLUSTER_PID
	busybox_tar
	"$TOOLS/slurm/make-mpi-layer.sh" "$SUITE/images/mpi.tar"
	make_image mpi --layer "gzip:$SUITE/images/busybox.tar" --layer "gzip:$SUITE/images/mpi.tar" --cmd /bin/sh
	gcc -O2 -Wall -Werror -shared -fPIC -o "$CLUSTER/spank-container.so" "$TOOLS/slurm/spank-container.c"
	gcc -O2 -o "$CLUSTER/pyxis-contract" "$TOOLS/pyxis-contract.c"
	eventually cluster_is_up
	[ -e "$CLUSTER/ready" ] || {
		tail -n 20 "$CLUSTER/out" "$CLUSTER"/*.out >&2
		return 1
	}
}

# Up, or never going to be.
cluster_is_up() {
	[ -e "$CLUSTER/ready" ] || ! kill -0 "$CLUSTER_PID" 2>/dev/null
}

teardown_file() {
	# unshare ignores what else could end it
	[ -z "${CLUSTER_PID:-}" ] || kill -9 "$CLUSTER_PID" 2>/dev/null || true
}

# Why there can be no cluster, in CLUSTER_SKIP.
cluster_missing() {
	local program
	if [ "$BUILD" != release ]; then
		CLUSTER_SKIP='release build only'
	elif ! is_root; then
		CLUSTER_SKIP='needs root'
	elif ! unshare --net ip link add probe type bridge 2>/dev/null; then
		CLUSTER_SKIP='needs network bridges'
	fi
	for program in /usr/include/slurm/{spank,pmi2}.h "/usr/lib/$(gcc -print-multiarch)/libpmix.so"; do
		[ -e "$program" ] || CLUSTER_SKIP="needs $program"
	done
	for program in slurmctld slurmd srun munged mpicc docker-registry; do
		command -v $program >/dev/null || CLUSTER_SKIP="needs $program"
	done
}

setup() {
	[ -z "$CLUSTER_SKIP" ] || skip "$CLUSTER_SKIP"
	common_setup
	URI='docker://10.77.0.254:5000#mpi:1'
	: >"$CLUSTER/plugstack.conf"
	# As a site's enroot.conf: one cache for all nodes, the rest local to a node.
	export ENROOT_CACHE_PATH=$WORK/cache ENROOT_RUNTIME_PATH=$CLUSTER/local/run-$BATS_TEST_NUMBER
	export ENROOT_DATA_PATH=$CLUSTER/local/data-$BATS_TEST_NUMBER
	TEST_ENV=("SLURM_CONF=$CLUSTER/slurm.conf")
	LOGGED=$(wc -l <"$CLUSTER/registry.log")
}

teardown() {
	[ -z "$CLUSTER_SKIP" ] || return 0
	common_teardown
}

# on NODE CMD…: as the test user, in $WORK, on the controller or a node.
on() {
	local node=$1 env=()
	shift
	mapfile -d '' env < <(user_env)
	nsenter --target "$(cat "$CLUSTER/$node.pid")" --mount --net --uts --pid -- setpriv --reuid="$TEST_UID" \
		--regid="$TEST_GID" --clear-groups --inh-caps=-all env -i -C "$WORK" "${env[@]}" "$@" 3>&-
}

# srun ARG…: on the controller, with nothing to read.
srun() {
	on controller srun "$@" </dev/null
}

# How often the registry was asked for a path that matches PATTERN since the test began.
requests() {
	tail -n +$((LOGGED + 1)) "$CLUSTER/registry.log" | grep -cE "\"GET [^\"]*$1[^\"]* HTTP" || true
}

# The image as a file, made once.
need_file() {
	[ -e "$CLUSTER/mpi.sqsh" ] || {
		ENROOT_CACHE_PATH=$WORK/cache on controller "$BIN/enroot" import -q -o "$WORK/mpi.sqsh" "$URI"
		mv "$WORK/mpi.sqsh" "$CLUSTER/mpi.sqsh"
	}
	FILE=$CLUSTER/mpi.sqsh
}

# plugin [keep]: from now on srun --test-container=TARGET does what pyxis does.
plugin() {
	cat >"$WORK/conf" <<-'END'
		environ() { env | grep -v ^HOME=; }
		mounts() { echo "${CLUSTER_DIR}/mounted /mnt x-create=dir,bind,ro"; }
		hooks() { echo 'exec "$@"' >"${ENROOT_ROOTFS}/etc/rc.local"; }
	END
	mkdir -p "$CLUSTER/mounted"
	echo mounted >"$CLUSTER/mounted/file"
	TEST_ENV+=("CLUSTER_DIR=$CLUSTER")
	# As doc/slurm.md has it for a site: a plugin starts the container before PMIx says where its server is.
	mkdir -p "$WORK/home/.config/enroot/mounts.d"
	local pmix="$CLUSTER/local/spool/pmix.\${SLURM_JOB_ID}.\${SLURM_STEP_ID}"
	echo "$pmix $pmix none x-create=dir,bind,nosuid,nodev,noexec,nofail,silent" \
		>"$WORK/home/.config/enroot/mounts.d/50-pmix.fstab"
	echo "required $CLUSTER/spank-container.so $BIN/enroot $WORK/conf $*" >"$CLUSTER/plugstack.conf"
}

# Wait until CMD… succeeds: three minutes at most, three times what the slowest of them may need by itself.
eventually() {
	local end=$((SECONDS + 180))
	until "$@"; do
		[ $SECONDS -lt $end ] || {
			echo "never: $*"
			return 1
		}
		sleep 0.1
	done
}

@test "eight tasks on two nodes start one image of a registry: one download, one build" {
	local log=$WORK/log blobs
	srun -N2 -n8 "$BIN/enroot" start "$URI" sh -c 'hostname; id -u; cat /etc/os-release' >out 2>"$log" || {
		cat "$log"
		false
	}
	[ "$(grep -cx 'ID=busybox' out)" -eq 8 ]
	[ "$(grep -cx "$TEST_UID" out)" -eq 8 ]
	grep -qx node1 out
	grep -qx node2 out
	[ "$(grep -c '\[INFO\] Wrote ' "$log")" -eq 1 ]
	[ "$(find cache/images -name '*.sqsh' | wc -l)" -eq 1 ]
	blobs=$(requests /blobs/)
	[ "$blobs" -ge 2 ]
	[ "$blobs" -eq "$(tail -n +$((LOGGED + 1)) "$CLUSTER/registry.log" | grep -oE '"GET [^"]*/blobs/[^"]* HTTP' | sort -u | wc -l)" ]
	# and from now on none at all
	LOGGED=$(wc -l <"$CLUSTER/registry.log")
	srun -N2 -n8 "$BIN/enroot" start "$URI" true
	[ "$(requests /blobs/)" -eq 0 ]
}

@test "MPI over PMIx between containers on two nodes, with the hook slurm-pmi, and not without" {
	need_file
	ENROOT_HOOKS_EXTRA=slurm-pmi srun -N2 -n4 --mpi=pmix "$BIN/enroot" start "$FILE" mpi-hello >out 2>log || {
		cat log
		false
	}
	grep -qxE 'size 4 sum 6 hosts node1,node1(,node1)?(,node2)+' out
	refute grep -q 'PMIX ERROR' log
	run srun -N2 -n4 --mpi=pmix "$BIN/enroot" start "$FILE" mpi-hello
	[[ $output != *"size 4"* ]]
}

@test "PMI-2: its descriptor is inherited by the container" {
	need_file
	ENROOT_HOOKS_EXTRA=slurm-pmi srun -N2 -n4 --mpi=pmi2 "$BIN/enroot" start "$FILE" pmi2-hello >out
	[ "$(wc -l <out)" -eq 4 ]
	grep -qE '^rank 3 of 4 on node2 next node1$' out
}

@test "slurm-pytorch: the variables of torch.distributed, on every rank" {
	need_file
	ENROOT_HOOKS_EXTRA=slurm-pmi,slurm-pytorch srun -N2 -n4 "$BIN/enroot" start -e PYTORCH_VERSION=2 "$FILE" sh -c \
		'echo "$RANK $LOCAL_RANK $WORLD_SIZE $MASTER_ADDR $((MASTER_PORT - 61000 - SLURM_JOB_ID % 4536)) $OMP_NUM_THREADS $SLURM_PROCID $SLURM_LOCALID"' |
		sort >out
	[ "$(cut -d' ' -f1,3,4,5,6 out)" = $'0 4 node1 0 1\n1 4 node1 0 1\n2 4 node1 0 1\n3 4 node1 0 1' ]
	local rank local_rank _
	while read -r rank local_rank _ _ _ _ procid localid; do
		[ "$rank" = "$procid" ] && [ "$local_rank" = "$localid" ]
	done <out
	# an image without PyTorch gets none of them
	[ -z "$(ENROOT_HOOKS_EXTRA=slurm-pytorch srun -n1 "$BIN/enroot" start "$FILE" sh -c 'echo $MASTER_ADDR$RANK')" ]
}

@test "status and signals of a job pass through" {
	need_file
	run srun -n1 "$BIN/enroot" start "$FILE" sh -c 'exit 7'
	[ "$status" -eq 7 ]
	srun -N2 -J sleeper "$BIN/enroot" start "$FILE" \
		sh -c 'trap "echo usr1" USR1; trap "echo term; exit 3" TERM; echo up; while :; do sleep 0.1; done' >out 2>log &
	local job=$! code=0
	eventually sh -c '[ "$(grep -cx up out)" -eq 2 ]'
	on controller scancel --signal=USR1 --name=sleeper
	eventually sh -c '[ "$(grep -cx usr1 out)" -eq 2 ]'
	on controller scancel --name=sleeper
	wait $job || code=$?
	[ "$code" -eq 3 ]
	[ "$(grep -cx term out)" -eq 2 ]
}

@test "the plugin's contract, step by step, as a task of a step" {
	need_file
	plugin
	srun -N2 -n2 sh -c "enroot create -n c '$FILE'"
	SLURM_CONF='' srun -N2 -n2 "$CLUSTER/pyxis-contract" "$BIN/enroot" c "$WORK/conf" >out || {
		cat out
		false
	}
	[ "$(grep -c '^nothing runs any more: ok$' out)" -eq 2 ]
}

@test "a SPANK plugin starts a container in slurmstepd, and tasks join it" {
	need_file
	plugin
	srun -N2 -n2 "$BIN/enroot" create -n c "$FILE"
	srun -D / -N2 -n4 --test-container=c sh -c 'cat /mnt/file; id -u; echo "ns $(hostname) $(readlink /proc/self/ns/mnt)"' >out
	[ "$(grep -cx mounted out)" -eq 4 ]
	[ "$(grep -cx "$TEST_UID" out)" -eq 4 ]
	[ "$(grep '^ns ' out | sort -u | wc -l)" -eq 2 ]
	# the child of slurmstepd was continued and ended by itself, before the tasks were done
	grep -q 'container: ended with 0' "$CLUSTER/slurmd.node1.log" "$CLUSTER/slurmd.node2.log"
	run srun -D / -n1 --test-container=c sh -c 'exit 9'
	[ "$status" -eq 9 ]
	run srun -D / -n1 --test-container=missing echo ran
	[[ $output == *"[ERROR] No such file or directory"*missing* ]]
	refute grep -qx ran <<<"$output"
}

@test "enroot list and exec on the node see what the plugin started" {
	need_file
	plugin
	srun -N2 -n2 "$BIN/enroot" create -n c "$FILE"
	srun -D / -w node1 -N1 -n1 -J listed --test-container=c sh -c 'echo up; exec sleep 1000' >out 2>&1 &
	local job=$! pid
	eventually grep -qx up out
	pid=$(on node1 "$BIN/enroot" list -f | awk '$1 == "c" && $2 ~ /^[0-9]+$/ { print $2 }')
	[ -n "$pid" ]
	[ "$(on node1 "$BIN/enroot" exec "$pid" cat /mnt/file)" = mounted ]
	[ -z "$(on node2 "$BIN/enroot" list -f | awk '$1 == "c" && $2 ~ /^[0-9]+$/')" ]
	on controller scancel --name=listed
	wait $job || true
	[ -z "$(on node1 "$BIN/enroot" list -f | awk '$1 == "c" && $2 ~ /^[0-9]+$/')" ]
}

@test "MPI in a container that a plugin started straight from an image; it serves while its first process is stopped" {
	need_file
	plugin keep
	srun -D / -N2 -n4 --mpi=pmix --test-container="$FILE" mpi-hello >out 2>log || {
		cat log
		false
	}
	grep -qE '^size 4 sum 6 ' out
	refute grep -q 'PMIX ERROR' log
	refute grep -q 'different user namespaces' log
	srun -D / -N2 -n4 --mpi=pmi2 --test-container="$FILE" pmi2-hello >out
	[ "$(wc -l <out)" -eq 4 ]
	srun -D / -N2 -J served --test-container="$FILE" sh -c 'echo up; while :; do sleep 0.1; done' >out 2>&1 &
	local job=$!
	eventually sh -c '[ "$(grep -cx up out)" -eq 2 ]'
	on controller scancel --name=served
	wait $job || true
	# nothing is left on a node, the image server included
	eventually on node1 sh -c '! ps ax -o comm= | grep -q enroot'
	eventually on node2 sh -c '! ps ax -o comm= | grep -q enroot'
}

@test "the importer on two nodes, sixteen at once: one build; a plugin starts what it prints; release" {
	local path
	plugin keep
	srun -N2 -n16 "$BIN/enroot-pyxis-importer" get "$URI" >out 2>log || {
		cat log
		false
	}
	[ "$(sort -u out | wc -l)" -eq 1 ]
	[ "$(wc -l <out)" -eq 16 ]
	[ "$(grep -c '\[INFO\] Wrote ' log)" -eq 1 ]
	path=$(head -1 out)
	srun -D / -N2 -n4 --test-container="$path" cat /mnt/file >out
	[ "$(grep -cx mounted out)" -eq 4 ]
	srun -N2 -n2 "$BIN/enroot-pyxis-importer" release >out 2>&1
	[ ! -s out ]
	[ -s "$path" ]
}

@test "an image that sbcast took to the nodes starts from there" {
	need_file
	on controller salloc -Q -N2 -n4 sh -c 'sbcast -f "$1" "$2/app.sqsh" && srun -n4 enroot start "$2/app.sqsh" hostname' x \
		"$FILE" "$CLUSTER/local" </dev/null >out
	[ "$(sort -u out | paste -sd' ')" = 'node1 node2' ]
	[ "$(wc -l <out)" -eq 4 ]
}

@test "a node dies in the middle of an import: the other one finishes it" {
	local victim other
	mkfifo stdin
	nsenter --target "$(cat "$CLUSTER/controller.pid")" --net -- "$TOOLS/fault-proxy.py" --upstream 10.77.0.254:5000 \
		--listen 10.77.0.254 --port-file "$WORK/port" --log "$WORK/proxy.log" '/blobs/=slow:1500000' \
		<>stdin >"$WORK/proxy.out" 2>&1 3>&- &
	local proxy=$!
	eventually test -s port
	local uri
	uri="docker://10.77.0.254:$(cat port)#mpi:1"
	srun --no-kill -N2 -n2 sh -c 'enroot start "$1" true; echo "$? $(hostname)" >>done' x "$uri" >log 2>&1 &
	local job=$!
	eventually sh -c 'ls cache/images/.*.lock 2>/dev/null'
	victim=$(head -1 cache/images/.*.lock)
	other=node$((3 - ${victim#node}))
	kill -9 "$(cat "$CLUSTER/$victim.pid")"
	[ ! -e done ]
	eventually refute kill -0 "$(cat "$CLUSTER/$victim.pid")" 2>/dev/null
	# a minute of silence
	touch -d '-100 seconds' cache/images/.*.lock cache/blobs/*/.*.lock 2>/dev/null || true
	eventually test -e 'done'
	kill $proxy
	[ "$(cat 'done')" = "0 $other" ]
	[ -z "$(find cache -name '.*lock')" ]
	kill $job 2>/dev/null || true
	wait $job || true
}
