#!/usr/bin/env bats
# Devices: CDI specifications, nvidia-container-cli, a driver without either, InfiniBand, and the extra hooks.
# The hardware is made up, below $WORK/host.

load helpers

setup() {
	common_setup
	DATA=$WORK/home/.local/share/enroot
	HOST=$WORK/host
	export ENROOT_SYSCONF_PATH=$WORK/sysconf
	mkdir -p "$WORK/sysconf/hooks.d" "$HOST/etc/cdi" "$HOST/var/run/cdi" "$HOST/dev" "$HOST/lib" "$WORK/bin"
	cp -r "$STAGE/etc/enroot/mounts.d" "$WORK/sysconf/"
	make_rootfs c
	TEST_ENV=("ENROOT_TEST_HOST_PATH=$HOST" "PATH=$WORK/bin:$BIN:/usr/sbin:/usr/bin:/sbin:/bin")
}

teardown() {
	common_teardown
}

make_rootfs() {
	local root=$DATA/$1 name
	mkdir -p "$root"/{bin,etc,tmp,root,usr/lib/x86_64-linux-gnu}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name in sh cat echo env id ls true grep head readlink stat mount rm sort test dd; do
		ln -sf busybox "$root/bin/$name"
	done
	echo PATH=/bin >"$root/etc/environment"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK/home"
	chmod -R a+rX "$WORK/sysconf" "$HOST"
}

# stub_library FILE SONAME
stub_library() {
	mkdir -p "$(dirname "$1")"
	echo 'int stub(void); int stub(void) { return 1; }' | cc -shared -fPIC -x c - -o "$1" "-Wl,-soname,$2"
	chmod -R a+rX "$HOST"
}

# spec FILE: from stdin
spec() {
	mkdir -p "$(dirname "$HOST/$1")"
	cat >"$HOST/$1"
	chmod -R a+rX "$HOST"
}

gpu_spec() {
	stub_library "$HOST/lib/libstub.so.550.1" libstub.so.1
	spec etc/cdi/gpu.yaml <<SPEC
cdiVersion: 0.6.0
kind: nvidia.com/gpu
containerEdits:
  env:
  - CDI_GLOBAL=yes
  mounts:
  - hostPath: $HOST/lib/libstub.so.550.1
    containerPath: /usr/lib/x86_64-linux-gnu/libstub.so.550.1
    options: [ro, nosuid, nodev, rbind, rprivate]
  hooks:
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
    args: [nvidia-cdi-hook, create-symlinks, --link, libstub.so.1::/usr/lib/x86_64-linux-gnu/libstub.so]
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
    args: [nvidia-cdi-hook, update-ldcache, --folder, /usr/lib/x86_64-linux-gnu]
devices:
- name: "0"
  containerEdits:
    env: [CDI_DEVICE=zero]
    deviceNodes:
    - {path: /dev/null, type: c, major: 1, minor: 3}
- name: all
  containerEdits:
    env: [CDI_DEVICE=all]
- name: GPU-cafe-1
  containerEdits:
    env: [CDI_UUID=one]
- name: gpu3
  containerEdits:
    env: [CDI_DEVICE=three]
SPEC
}

# --- CDI ----------------------------------------------------------------------------------------------------

@test "a start that asks for nothing reads no specification" {
	command -v strace >/dev/null || skip "no strace"
	release_only
	gpu_spec
	as_user strace -f -o trace -e trace=file "$BIN/enroot" start c true
	refute grep -E "cdi|nvidia|ld\.so\.cache|infiniband|urandom" trace
}

@test "--device applies what the specification says" {
	gpu_spec
	run -0 enroot start --device nvidia.com/gpu=0 c sh -c 'echo $CDI_GLOBAL $CDI_DEVICE; cat /usr/lib/x86_64-linux-gnu/libstub.so.550.1 | head -c 4; echo
		readlink /usr/lib/x86_64-linux-gnu/libstub.so; readlink /usr/lib/x86_64-linux-gnu/libstub.so.1; head -c 20 /etc/ld.so.cache; echo x >/dev/null'
	[ "${lines[0]}" = "yes zero" ]
	[ "${lines[1]}" = $'\x7fELF' ]
	[ "${lines[2]}" = libstub.so.1 ]
	[ "${lines[3]}" = libstub.so.550.1 ]
	[ "${lines[4]}" = "glibc-ld.so.cache1.1" ]
}

@test "the dynamic linker's cache has the libraries that came, and those that were there" {
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	gpu_spec
	cp /etc/ld.so.cache "$DATA/c/etc/ld.so.cache"
	as_user "$BIN/enroot" start --device nvidia.com/gpu=0 c cat /etc/ld.so.cache >cache
	/sbin/ldconfig -p -C cache >after
	/sbin/ldconfig -p >before
	grep -qF "libstub.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libstub.so.1" after
	diff <(grep '=>' before) <(grep '=>' after | grep -v libstub)
	cmp /etc/ld.so.cache "$DATA/c/etc/ld.so.cache"
}

@test "after another driver the names lead to the new libraries" {
	gpu_spec
	run -0 enroot start --device nvidia.com/gpu=0 c true
	stub_library "$HOST/lib/libstub.so.560.2" libstub.so.1
	sed -i 's/550\.1/560.2/g' "$HOST/etc/cdi/gpu.yaml"
	as_user "$BIN/enroot" start --device nvidia.com/gpu=0 c cat /usr/lib/x86_64-linux-gnu/libstub.so.1 >got
	cmp got "$HOST/lib/libstub.so.560.2"
	as_user "$BIN/enroot" start --rw --device nvidia.com/gpu=0 c cat /usr/lib/x86_64-linux-gnu/libstub.so.1 >got
	cmp got "$HOST/lib/libstub.so.560.2"
}

@test "NVIDIA_VISIBLE_DEVICES: names, indices, all, none, void; the host's beats the container's" {
	gpu_spec
	local value want
	while read -r value want; do
		[ "$value" != empty ] || value=
		TEST_ENV+=("NVIDIA_VISIBLE_DEVICES=$value")
		run -0 enroot start -e NVIDIA_VISIBLE_DEVICES=0 c sh -c 'echo $CDI_GLOBAL-$CDI_DEVICE$CDI_UUID'
		[ "$output" = "$want" ] || {
			echo "$value: $output"
			false
		}
		unset 'TEST_ENV[-1]'
	done <<'ROWS'
nvidia.com/gpu=0 yes-zero
0 yes-zero
all yes-all
GPU-cafe-1 yes-one
0,GPU-cafe-1 yes-zeroone
nvidia.com/gpu=0,nvidia.com/gpu=GPU-cafe-1 yes-zeroone
3 yes-three
none yes-
void -
empty -
ROWS
	run -0 enroot start -e NVIDIA_VISIBLE_DEVICES=0 c sh -c 'echo $CDI_DEVICE'
	[ "$output" = zero ]
}

@test "devices come from settings and conf scripts too" {
	gpu_spec
	printf '%s\n' '#ENROOT_DEVICES=nvidia.com/gpu=0' >conf
	run -0 enroot start --conf conf c sh -c 'echo $CDI_DEVICE'
	[ "$output" = zero ]
	printf '%s\n' 'export NVIDIA_VISIBLE_DEVICES=all' >conf
	run -0 enroot start --conf conf c sh -c 'echo $CDI_DEVICE'
	[ "$output" = all ]
}

@test "the second directory wins" {
	gpu_spec
	spec var/run/cdi/gpu.json <<'SPEC'
{"cdiVersion": "0.6.0", "kind": "nvidia.com/gpu", "devices": [
 {"name": "0", "containerEdits": {"env": ["CDI_DEVICE=dynamic"]}}]}
SPEC
	run -0 enroot start --device nvidia.com/gpu=0 c sh -c 'echo $CDI_DEVICE-$CDI_GLOBAL'
	[ "$output" = dynamic- ]
}

@test "a bad file is a warning, and an error where its device is asked for" {
	gpu_spec
	spec etc/cdi/bad.yaml <<<'cdiVersion: 9.0.0'
	run -0 enroot start --device nvidia.com/gpu=0 c true
	[[ $output == *"[WARN]"*bad.yaml*newer* ]]
	run enroot start --device acme.com/x=0 c true
	assert_one_error "acme.com/x=0" "bad.yaml"
	run enroot start --device nvidia.com/gpu=7 c true
	assert_one_error "nvidia.com/gpu=7"
	run enroot start --device gpu c true
	assert_one_error "Invalid argument: gpu"
}

@test "a device node must be there, and the one that was meant" {
	local node
	for node in '{path: /dev/enroot-none}' '{path: /dev/null, type: b}' '{path: /dev/null, major: 1, minor: 9}' \
		'{path: /dev/x, hostPath: /etc/passwd}'; do
		spec etc/cdi/a.yaml <<SPEC
cdiVersion: 0.5.0
kind: acme.com/x
devices: [{name: "0", containerEdits: {deviceNodes: [$node]}}]
SPEC
		run enroot start --device acme.com/x=0 c true
		assert_one_error "a.yaml" "/dev/|/etc/passwd"
	done
}

@test "a node of another name needs a /dev of the container's own" {
	spec etc/cdi/a.yaml <<'SPEC'
cdiVersion: 0.5.0
kind: acme.com/x
devices: [{name: "0", containerEdits: {deviceNodes: [{path: /dev/acme/x0, hostPath: /dev/zero}]}}]
SPEC
	run enroot start --device acme.com/x=0 c true
	assert_one_error "/dev/acme/x0" "ENROOT_RESTRICT_DEV"
	export ENROOT_RESTRICT_DEV=y
	run -0 enroot start --device acme.com/x=0 c sh -c 'dd if=/dev/acme/x0 bs=1 count=4 2>/dev/null | grep -c .; ls /dev/acme; stat -c %F /dev/acme/x0'
	[[ $output == *"character special file" ]]
	unset ENROOT_RESTRICT_DEV
	[ ! -e /dev/acme ]
}

@test "an image asks only for GPUs by itself" {
	spec etc/cdi/a.yaml <<'SPEC'
cdiVersion: 0.5.0
kind: acme.com/x
devices: [{name: "0", containerEdits: {env: [ACME=1]}}]
SPEC
	echo NVIDIA_VISIBLE_DEVICES=acme.com/x=0 >>"$DATA/c/etc/environment"
	run -0 enroot start c sh -c 'echo "<$ACME>"'
	[[ $output == *"[WARN]"*acme.com/x=0*"<>" ]]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=acme.com/x=0)
	run -0 enroot start c sh -c 'echo "<$ACME>"'
	[ "$output" = "<1>" ]
}

@test "unknown hooks are run with the state on stdin, and their failure is one" {
	cat >"$WORK/bin/hook" <<SCRIPT
#!/bin/bash
cat >"$WORK/state"
bundle=\$(sed 's/.*"bundle":"\([^"]*\)".*/\1/' "$WORK/state")
cp "\$bundle/config.json" "$WORK/config.json"
env >"$WORK/env"
echo "\$@" >"$WORK/args"
mount -t tmpfs x "$DATA/c/tmp" && echo made >"$DATA/c/tmp/by-hook"
exit \${CODE:-0}
SCRIPT
	chmod 755 "$WORK/bin/hook"
	spec etc/cdi/a.yaml <<SPEC
cdiVersion: 0.5.0
kind: acme.com/x
devices:
- name: "0"
  containerEdits:
    hooks:
    - {hookName: createRuntime, path: $WORK/bin/hook, args: [hook, a, b c], env: [PATH=/usr/bin:/bin, MINE=1]}
- name: bad
  containerEdits:
    hooks:
    - {hookName: prestart, path: $WORK/bin/hook, args: [hook], env: [PATH=/usr/bin:/bin, CODE=3], timeout: 5}
- name: late
  containerEdits:
    hooks:
    - {hookName: poststop, path: $WORK/bin/hook}
- name: slow
  containerEdits:
    hooks:
    - {hookName: prestart, path: /bin/sleep, args: [sleep, "20"], timeout: 1}
SPEC
	run -0 enroot start --device acme.com/x=0 c cat /tmp/by-hook
	[ "$output" = made ]
	[ "$(cat args)" = "a b c" ]
	grep -q '"status":"creating"' state
	grep -qE '"pid":[0-9]+' state
	grep -q "\"path\": \"$DATA/c\"" config.json
	grep -qx MINE=1 env
	refute grep -q ^HOME= env
	run enroot start --device acme.com/x=bad c true
	assert_one_error "hook $WORK/bin/hook exited with return code 3"
	run -0 enroot start --device acme.com/x=late c true
	[[ $output == *"[WARN]"*"$WORK/bin/hook (poststop) is not run" ]]
	run enroot start --device acme.com/x=slow c true
	assert_one_error "did not answer within 1000 ms"
}

@test "nothing of an image leads a mount or link out of it" {
	mkdir -p "$WORK/outside"
	echo untouched >"$WORK/outside/file"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK/outside"
	ln -s "$WORK/outside" "$DATA/c/escape"
	ln -s "../../../../../../../$WORK/outside" "$DATA/c/escape2"
	spec etc/cdi/a.yaml <<SPEC
cdiVersion: 0.5.0
kind: acme.com/x
devices:
- name: "0"
  containerEdits:
    mounts:
    - {hostPath: /etc/hostname, containerPath: /escape/file, options: [ro, bind]}
    hooks:
    - {hookName: createContainer, path: /usr/bin/nvidia-cdi-hook, args: [x, create-symlinks, --link, "a::/escape2/link"]}
    - {hookName: createContainer, path: /usr/bin/nvidia-ctk, args: [x, hook, chmod, --mode, "777", --path, /escape2]}
SPEC
	chmod 755 "$WORK/outside"
	run -0 enroot start --rw --device acme.com/x=0 c true
	[ "$(ls -A "$WORK/outside")" = file ]
	[ "$(cat "$WORK/outside/file")" = untouched ]
	[ "$(stat -c %a "$WORK/outside")" = 755 ]
}

@test "compatibility libraries of a newer image come first; device files are left to the host" {
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	gpu_spec
	stub_library "$DATA/c/usr/local/cuda/compat/libstub.so.1.570.3" libstub.so.1
	ln -s libstub.so.1.570.3 "$DATA/c/usr/local/cuda/compat/libstub.so.1"
	ln -s libcuda.so.570.3 "$DATA/c/usr/local/cuda/compat/libcuda.so.1"
	! is_root || chown -hR "$TEST_UID:$TEST_GID" "$DATA/c/usr"
	sed -i 's/^devices:/  - {hookName: createContainer, path: \/bin\/nvidia-cdi-hook, args: [x, enable-cuda-compat, --host-driver-version=DRIVER]}\n&/' "$HOST/etc/cdi/gpu.yaml"
	sed -i 's/^devices:/  - {hookName: createContainer, path: \/bin\/nvidia-cdi-hook, args: [x, disable-device-node-modification]}\n&/' "$HOST/etc/cdi/gpu.yaml"
	mkdir -p "$HOST/proc/driver/nvidia" "$WORK/proc/driver/nvidia"
	printf 'Mobile: 4294967295\nModifyDeviceFiles: 1\nDeviceFileUID: 0\n' | tee "$HOST/proc/driver/nvidia/params" >"$WORK/proc/driver/nvidia/params"
	chmod -R a+rX "$HOST" "$WORK/proc"
	echo "$WORK/proc/driver /proc/driver none bind 0 -1" >"$WORK/sysconf/mounts.d/30-proc.fstab"
	local driver want
	while read -r driver want; do
		sed "s/DRIVER/$driver/" "$HOST/etc/cdi/gpu.yaml" >"$HOST/var/run/cdi/gpu.yaml"
		as_user "$BIN/enroot" start --device nvidia.com/gpu=0 c cat /etc/ld.so.cache >cache
		/sbin/ldconfig -p -C cache | grep libstub | head -1 >first
		grep -q "=> $want/" first || {
			cat first
			false
		}
	done <<'ROWS'
550.54 /usr/local/cuda/compat
570.1 /usr/lib/x86_64-linux-gnu
580.2 /usr/lib/x86_64-linux-gnu
ROWS
	run -0 enroot start --device nvidia.com/gpu=0 c grep Modify /proc/driver/nvidia/params
	[ "$output" = "ModifyDeviceFiles: 0" ]
	grep -q "ModifyDeviceFiles: 1" "$WORK/proc/driver/nvidia/params"
}

@test "a root filesystem of somebody else gets its devices in memory" {
	need_root
	gpu_spec
	chown -R 0:0 "$DATA/c"
	(cd "$DATA/c" && find . -printf '%p %m %s %T@ %u\n' | sort) >before
	run -0 enroot start --device nvidia.com/gpu=0 c sh -c 'head -c 4 /usr/lib/x86_64-linux-gnu/libstub.so.1'
	[ "$output" = $'\x7fELF' ]
	(cd "$DATA/c" && find . -printf '%p %m %s %T@ %u\n' | sort) >after
	diff before after
}

# --- nvidia-container-cli ---------------------------------------------------------------------------------------

stub_cli() {
	cat >"$WORK/bin/nvidia-container-cli" <<SCRIPT
#!/bin/sh
printf '%s\n' "\$@" >"$WORK/cli"
exit ${1:-0}
SCRIPT
	chmod 755 "$WORK/bin/nvidia-container-cli"
	mkdir -p "$HOST/sys/module/nvidia_uvm"
}

@test "nvidia-container-cli gets the arguments that the variables say" {
	stub_cli
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0,GPU-x NVIDIA_MIG_CONFIG_DEVICES=all NVIDIA_MIG_MONITOR_DEVICES=0
		NVIDIA_REQUIRE_CUDA="cuda>=12.0 brand=tesla")
	printf '%s\n' NVIDIA_DRIVER_CAPABILITIES=compute,utility NVIDIA_REQUIRE_CUDA=lost NVIDIA_REQUIRE_X=kept \
		NVIDIA_VISIBLE_DEVICES=lost >>"$DATA/c/etc/environment"
	run -0 enroot start c true
	[ "$output" = "" ]
	diff cli - <<ARGS
--user
configure
--no-cgroups
--ldconfig=@$(readlink -f "$(PATH=$PATH:/sbin:/usr/sbin command -v ldconfig.real || PATH=$PATH:/sbin:/usr/sbin command -v ldconfig)")
--device=0,GPU-x
--mig-config=all
--mig-monitor=0
--compute
--utility
--require=cuda>=12.0 brand=tesla
--require=kept
$DATA/c
ARGS
	TEST_ENV+=(NVIDIA_DISABLE_REQUIRE=1 NVIDIA_DEBUG_LOG=)
	run -0 enroot start c true
	refute grep -q -- --require cli
	[ "$(sed -n 2p cli)" = --debug=/dev/stderr ]
}

@test "none is the driver only; the default capability is utility; void calls nothing" {
	stub_cli
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=none)
	run -0 enroot start c true
	refute grep -q -- --device cli
	grep -qx -- --utility cli
	refute grep -qx -- --compute cli
	rm cli
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=void)
	run -0 enroot start c true
	[ ! -e cli ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=)
	run -0 enroot start -e NVIDIA_VISIBLE_DEVICES=all c true
	[ ! -e cli ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=all)
	run -0 enroot start c true
	[ "$(grep -cxE -- '--(compute|compat32|display|graphics|utility|video)' cli)" -eq 6 ]
}

@test "failures of the tool, unknown capabilities, a missing module" {
	stub_cli 7
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=all)
	run enroot start c true
	assert_one_error "nvidia-container-cli exited with return code 7"
	stub_cli
	rmdir "$HOST/sys/module/nvidia_uvm"
	run -0 enroot start c true
	[[ $output == *"[WARN]"*nvidia_uvm* ]]
	TEST_ENV+=(NVIDIA_DRIVER_CAPABILITIES=utility,telepathy)
	run enroot start c true
	assert_one_error "Unknown NVIDIA driver capability: telepathy"
}

@test "what a specification does not have, the tool gets" {
	gpu_spec
	stub_cli
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0:1)
	run -0 enroot start c sh -c 'echo "<$CDI_GLOBAL>"'
	[ "$output" = "<>" ]
	grep -qx -- --device=0:1 cli
	rm "$WORK/bin/nvidia-container-cli"
	run enroot start c true
	assert_one_error "nvidia.com/gpu=0:1"
}

# --- a driver, and nothing else -----------------------------------------------------------------------------------

@test "an image for GPUs starts on a host without any; who asks for one himself is told" {
	echo NVIDIA_VISIBLE_DEVICES=all >>"$DATA/c/etc/environment"
	run -0 enroot start c echo started
	[[ ${lines[0]} == "[WARN]"*"no NVIDIA driver"* ]]
	[ "${lines[1]}" = started ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=all)
	run enroot start c true
	assert_one_error "there is no NVIDIA driver"
}

# The driver's libraries in the host's cache, its folders in /proc, and two GPUs whose nodes are any devices.
native_driver() {
	stub_library "$HOST/usr/lib/libcuda.so.550.54" libcuda.so.1
	stub_library "$HOST/usr/lib/libnvidia-ml.so.550.54" libnvidia-ml.so.1
	stub_library "$HOST/usr/lib/libnvcuvid.so.550.54" libnvcuvid.so.1
	mkdir -p "$HOST/etc" "$HOST/usr/bin" "$HOST"/proc/driver/nvidia/gpus/0000:{17,65}:00.0 "$WORK/cacheroot"
	/sbin/ldconfig -C "$WORK/cacheroot/cache" -f /dev/null "$HOST/usr/lib"
	# Paths as on a host that has this folder as its root, but as long as before: offsets stay.
	python3 - "$WORK/cacheroot/cache" "$HOST/usr/lib" >"$HOST/etc/ld.so.cache" <<'PYTHON'
import sys
old = sys.argv[2].encode()
data = open(sys.argv[1], 'rb').read()
sys.stdout.buffer.write(data.replace(old, b'/usr/lib'.rjust(len(old), b'/')))
PYTHON
	printf '#!/bin/sh\necho smi\n' >"$HOST/usr/bin/nvidia-smi"
	chmod 755 "$HOST/usr/bin/nvidia-smi"
	echo "NVRM version" >"$HOST/proc/driver/nvidia/version"
	printf 'Model: \t\t X\nGPU UUID:   \t GPU-aaaa-1\nDevice Minor: \t 1\n' >"$HOST/proc/driver/nvidia/gpus/0000:17:00.0/information"
	printf 'Model: \t\t X\nGPU UUID:   \t GPU-bbbb-2\nDevice Minor: \t 0\n' >"$HOST/proc/driver/nvidia/gpus/0000:65:00.0/information"
	ln -s /dev/zero "$HOST/dev/nvidia0"
	ln -s /dev/full "$HOST/dev/nvidia1"
	ln -s /dev/null "$HOST/dev/nvidiactl"
	ln -s /dev/null "$HOST/dev/nvidia-uvm"
	chmod -R a+rX "$HOST"
}

@test "with a driver alone, its libraries, programs and nodes are found" {
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	native_driver
	export ENROOT_RESTRICT_DEV=y
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0 NVIDIA_DRIVER_CAPABILITIES=compute,utility)
	run -0 enroot start c sh -c 'cd /usr/lib/x86_64-linux-gnu && for f in *; do echo $f $(readlink $f); done; ls /dev | grep nvidia; /usr/bin/nvidia-smi; stat -c %t:%T /dev/nvidia1'
	diff <(echo "$output") - <<'TEXT'
libcuda.so libcuda.so.1
libcuda.so.1 libcuda.so.550.54
libcuda.so.550.54
libnvidia-ml.so.1 libnvidia-ml.so.550.54
libnvidia-ml.so.550.54
nvidia-uvm
nvidia1
nvidiactl
smi
1:7
TEXT
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=GPU-bbbb-2)
	run -0 enroot start c sh -c 'ls /dev | grep nvidia'
	[ "$output" = $'nvidia-uvm\nnvidia0\nnvidiactl' ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=2)
	run enroot start c true
	assert_one_error "Unknown device: 2"
	unset ENROOT_RESTRICT_DEV
}

@test "GPUs that were not asked for cannot be opened in the host's /dev" {
	need_root
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	native_driver
	local name
	rm "$HOST"/dev/*
	for name in nvidia0 nvidia1 nvidiactl null; do
		mknod -m 666 "$HOST/dev/$name" c 1 3 || skip "no device nodes can be made here"
	done
	mkdir "$HOST"/dev/{pts,shm,mqueue}
	as_user cat "$HOST/dev/null" || skip "device nodes do not work here"
	echo "$HOST/dev /dev none bind 0 -1" >"$WORK/sysconf/mounts.d/30-dev.fstab"
	local try='for n in 0 1; do cat /dev/nvidia$n 2>&1 && echo $n; done'
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0)
	run enroot start c sh -c "$try"
	[ "$output" = $'cat: can\'t open \'/dev/nvidia0\': Permission denied\n1' ]
	run enroot start --root c sh -c "$try"
	[ "$output" = $'cat: can\'t open \'/dev/nvidia0\': Permission denied\n1' ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=all)
	run enroot start c sh -c "$try"
	[ "$output" = $'0\n1' ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=void)
	run enroot start c sh -c "$try"
	[ "$output" = $'0\n1' ]
}

@test "the rights to change and to watch MIG devices, with a driver alone and with a specification" {
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	native_driver
	export ENROOT_RESTRICT_DEV=y
	local caps=$HOST/proc/driver/nvidia/capabilities/mig
	mkdir -p "$caps" "$HOST/dev/nvidia-caps"
	printf 'DeviceFileMinor: 1\nDeviceFileMode: 256\nDeviceFileModify: 1\n' >"$caps/config"
	printf 'DeviceFileMinor: 2\nDeviceFileMode: 292\nDeviceFileModify: 1\n' >"$caps/monitor"
	ln -s /dev/zero "$HOST/dev/nvidia-caps/nvidia-cap1"
	ln -s /dev/full "$HOST/dev/nvidia-caps/nvidia-cap2"
	chmod -R a+rX "$HOST"
	local list='ls /dev/nvidia-caps 2>/dev/null || echo none'
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0)
	run -0 enroot start c sh -c "$list"
	[ "$output" = none ]
	run -0 enroot start -e NVIDIA_MIG_MONITOR_DEVICES=all c sh -c "$list"
	[ "$output" = nvidia-cap2 ]
	ENROOT_HOOKS_EXTRA=mig-config run -0 enroot start c sh -c "$list"
	[ "$output" = nvidia-cap1 ]
	gpu_spec
	run -0 enroot start -e NVIDIA_MIG_CONFIG_DEVICES=all c sh -c "echo \$CDI_DEVICE; $list"
	[ "$output" = $'zero\nnvidia-cap1' ]
	rm "$HOST/dev/nvidia-caps/nvidia-cap1" "$caps/monitor"
	run -0 enroot start -e NVIDIA_MIG_CONFIG_DEVICES=all -e NVIDIA_MIG_MONITOR_DEVICES=0 c true
	[ "$(grep -c '^\[WARN\] NVIDIA_MIG_' <<<"$output")" -eq 2 ]
	[[ $output == *nvidia-cap1*nvidia-modprobe*mig/monitor* ]]
	unset ENROOT_RESTRICT_DEV
}

# --- InfiniBand -------------------------------------------------------------------------------------------------

# Two functions, one with two devices; the container's /sys is this tree.
infiniband_host() {
	local s=$HOST/sys function device i=0
	mkdir -p "$s"/class/infiniband{,_verbs,_mad,_cm} "$s/fs/cgroup" "$HOST/dev/infiniband"
	echo 6 >"$s/class/infiniband_verbs/abi_version"
	for function in 0000:17:00.0 0000:17:00.0 0000:65:00.0; do
		device=$s/devices/pci/$function
		mkdir -p "$device/infiniband/mlx5_$i" "$device/infiniband_verbs/uverbs$i" "$device/infiniband_mad/umad$i"
		echo "mlx5_$i" >"$device/infiniband_verbs/uverbs$i/ibdev"
		echo "mlx5_$i" >"$device/infiniband_mad/umad$i/ibdev"
		mkdir -p "$s/bus/pci/drivers/mlx5_core"
		ln -sfn "../../../../devices/pci/$function" "$s/bus/pci/drivers/mlx5_core/$function"
		ln -s "../../devices/pci/$function/infiniband/mlx5_$i" "$s/class/infiniband/mlx5_$i"
		ln -s "../../devices/pci/$function/infiniband_verbs/uverbs$i" "$s/class/infiniband_verbs/uverbs$i"
		ln -s "../../devices/pci/$function/infiniband_mad/umad$i" "$s/class/infiniband_mad/umad$i"
		echo "verbs $i" >"$HOST/dev/infiniband/uverbs$i"
		echo "umad $i" >"$HOST/dev/infiniband/umad$i"
		i=$((i + 1))
	done
	echo cm >"$HOST/dev/infiniband/rdma_cm"
	echo "$s /sys none bind 0 -1" >"$WORK/sysconf/mounts.d/30-sys.fstab"
	ln -s /dev/null "$WORK/sysconf/hooks.d/10-cgroups.sh"
	chmod -R a+rX "$HOST" "$WORK/sysconf"
	export ENROOT_RESTRICT_DEV=y
}

@test "only the chosen adapters are seen" {
	infiniband_host
	TEST_ENV+=(MELLANOX_VISIBLE_DEVICES=1,2)
	run -0 enroot start c sh -c 'echo $(ls /sys/class/infiniband); echo $(ls /sys/class/infiniband_verbs); echo $(ls /sys/class/infiniband_mad); echo $(ls /sys/class/infiniband_cm)
		echo $(ls /dev/infiniband); cat /sys/class/infiniband_verbs/uverbs2/ibdev /sys/class/infiniband_verbs/abi_version /dev/infiniband/uverbs1 /dev/infiniband/rdma_cm'
	diff <(echo "$output") - <<'TEXT'
mlx5_1 mlx5_2
abi_version uverbs1 uverbs2
umad1 umad2

rdma_cm uverbs1 uverbs2
mlx5_2
6
verbs 1
cm
TEXT
	TEST_ENV+=(MELLANOX_VISIBLE_DEVICES=all)
	run -0 enroot start c ls /dev/infiniband
	[ "$output" = $'rdma_cm\nuverbs0\nuverbs1\nuverbs2' ]
	local value
	for value in void none ""; do
		TEST_ENV+=("MELLANOX_VISIBLE_DEVICES=$value")
		run -0 enroot start c sh -c 'echo $(ls /sys/class/infiniband); ls /dev/infiniband 2>/dev/null || echo no'
		[ "$output" = $'mlx5_0 mlx5_1 mlx5_2\nno' ]
	done
	TEST_ENV+=(MELLANOX_VISIBLE_DEVICES=3)
	run enroot start c true
	assert_one_error "Unknown MELLANOX device id: 3"
	unset ENROOT_RESTRICT_DEV
}

@test "management interfaces are for real root" {
	need_root
	infiniband_host
	TEST_ENV+=(MELLANOX_VISIBLE_DEVICES=0)
	export ENROOT_DATA_PATH=$DATA ENROOT_ALLOW_SUPERUSER=y
	run -0 root_enroot start c ls /dev/infiniband
	[ "$output" = $'rdma_cm\numad0\nuverbs0' ]
	unset ENROOT_DATA_PATH ENROOT_ALLOW_SUPERUSER ENROOT_RESTRICT_DEV
}

@test "an adapter on a host without any is an error that says so" {
	TEST_ENV+=(MELLANOX_VISIBLE_DEVICES=all)
	run enroot start c true
	assert_one_error "/sys/class/infiniband" "No such file or directory"
}

# --- the extra hooks ----------------------------------------------------------------------------------------------

@test "extra hooks are off unless named or marked" {
	echo PYTORCH_VERSION=2 >>"$DATA/c/etc/environment"
	TEST_ENV+=(SLURM_JOB_ID=7 SLURM_STEP_ID=0 'SLURM_STEP_NODELIST=node[03-04]')
	run -0 enroot start c sh -c 'echo "<$MASTER_ADDR>"'
	[ "$output" = "<>" ]
	export ENROOT_HOOKS_EXTRA=sharp,slurm-pytorch
	run -0 enroot start c sh -c 'echo "<$MASTER_ADDR>"'
	[ "$output" = "<node03>" ]
	unset ENROOT_HOOKS_EXTRA
	ln -s "$STAGE/usr/share/enroot/hooks.d/50-slurm-pytorch.sh" "$WORK/sysconf/hooks.d/"
	run -0 enroot start c sh -c 'echo "<$MASTER_ADDR>"'
	[ "$output" = "<node03>" ]
	rm "$WORK/sysconf/hooks.d/50-slurm-pytorch.sh"
	cp "$STAGE/usr/share/enroot/hooks.d/50-slurm-pytorch.sh" "$WORK/sysconf/hooks.d/"
	run -0 enroot start c sh -c 'echo "<$MASTER_ADDR>"'
	[ "$output" = "<node03>" ]
	# What the established tool's package had there meant the same.
	printf '#!/bin/bash\n# Copyright (c) 2018-2023, NVIDIA CORPORATION.\nexit 9\n' >"$WORK/sysconf/hooks.d/50-slurm-pytorch.sh"
	run -0 enroot start c sh -c 'echo "<$MASTER_ADDR>"'
	[[ $output == *"[WARN]"*50-slurm-pytorch.sh*"<node03>" ]]
	chmod -x "$WORK/sysconf/hooks.d/50-slurm-pytorch.sh"
	run -0 enroot start c sh -c 'echo "<$MASTER_ADDR>"'
	[ "$output" = "<>" ]
}

@test "slurm-pytorch" {
	export ENROOT_HOOKS_EXTRA=slurm-pytorch
	TEST_ENV+=(SLURM_JOB_ID=4537 SLURM_STEP_ID=0 'SLURM_STEP_NODELIST=node[3,5]' SLURM_STEP_NUM_TASKS=8
		SLURM_STEP_NUM_NODES=2 SLURM_PROCID=5 SLURM_LOCALID=1)
	local print='echo $MASTER_ADDR $MASTER_PORT $WORLD_SIZE $RANK $LOCAL_RANK $OMP_NUM_THREADS'
	run -0 enroot start c sh -c "$print"
	[ "$output" = "" ]
	run -0 enroot start -e PYTORCH_VERSION=2 c sh -c "$print"
	[ "$output" = "node3 61001 8 5 1 1" ]
	run -0 enroot start -e PYTORCH_VERSION=2 -e MASTER_ADDR=mine -e RANK=0 c sh -c "$print"
	[ "$output" = "mine 61001 8 0 1 1" ]
	TEST_ENV+=(SLURM_STEP_NUM_TASKS=2)
	run -0 enroot start -e PYTORCH_VERSION=2 c sh -c "$print"
	[ "$output" = "node3 61001 2 5 1" ]
	unset ENROOT_HOOKS_EXTRA
}

@test "slurm-pmi" {
	export ENROOT_HOOKS_EXTRA=slurm-pmi
	mkdir -p pmix && echo server >pmix/file
	TEST_ENV+=(SLURM_STEP_ID=0 PMIX_PTL_MODULE=tcp PMIX_SECURITY_MODE=munge PMIX_MCA_psec=mine PMI_RANK=3
		"PMIX_SERVER_TMPDIR=$WORK/pmix")
	local print='echo $SLURM_STEP_ID $PMI_RANK $PMIX_PTL_MODULE $PMIX_MCA_ptl $PMIX_MCA_psec "<$PMIX_MCA_gds>"; cat $PMIX_SERVER_TMPDIR/file'
	run enroot start c sh -c "$print"
	[[ $output == "<>"* ]]
	TEST_ENV+=(SLURM_JOB_ID=9)
	run -0 enroot start c sh -c "$print"
	[ "$output" = $'0 3 tcp tcp mine <>\nserver' ]
	run -0 enroot start c grep "$WORK/pmix" /proc/self/mounts
	[[ $output == *nosuid*nodev*noexec* ]]
	TEST_ENV+=(SLURM_MPI_TYPE=pmi2)
	run -0 enroot start c sh -c 'echo $PMI_RANK "<$PMIX_PTL_MODULE>"'
	[ "$output" = "3 <>" ]
	TEST_ENV+=(SLURM_MPI_TYPE=pmix_v4 PMIX_SERVER_TMPDIR=/nonexistent)
	run -0 enroot start c sh -c 'echo $PMIX_PTL_MODULE'
	[[ $output == *"[WARN]"*/nonexistent*tcp ]]
	unset ENROOT_HOOKS_EXTRA
}

@test "sharp and mig-config" {
	export ENROOT_HOOKS_EXTRA=sharp,mig-config
	infiniband_host
	stub_cli
	TEST_ENV+=(SLURM_NETWORK=sharp OMPI_MCA_orte_num_nodes=4)
	local print='echo $SHARP_COLL_LOCK_ON_COMM_INIT $SHARP_COLL_NUM_COLL_GROUP_RESOURCE_ALLOC_THRESHOLD $NCCL_COLLNET_ENABLE $NCCL_SHARP_GROUP_SIZE_THRESH'
	run -0 enroot start c sh -c "$print"
	[ "$output" = "" ]
	run -0 enroot start -e MELLANOX_VISIBLE_DEVICES=all -e NCCL_COLLNET_ENABLE=0 c sh -c "$print"
	[ "$output" = "1 0 0 4" ]
	run -0 enroot start -e NVIDIA_VISIBLE_DEVICES=all c true
	grep -qx -- --mig-config=all cli
	run -0 enroot start -e NVIDIA_VISIBLE_DEVICES=0:1 c true
	refute grep -q -- --mig-config cli
	unset ENROOT_HOOKS_EXTRA ENROOT_RESTRICT_DEV
}

# --- bad input --------------------------------------------------------------------------------------------------

@test "a container that asks for no device starts, whatever is broken on the host" {
	spec etc/cdi/a.yaml <<<'cdiVersion: ['
	spec var/run/cdi/b.json <<<'{"cdiVersion": "99.0.0"'
	mkdir "$HOST/etc/cdi/c.yaml"
	mkfifo "$HOST/etc/cdi/d.json"
	stub_cli 9
	rmdir "$HOST/sys/module/nvidia_uvm"
	TEST_ENV+=(NVIDIA_DRIVER_CAPABILITIES=telepathy NVIDIA_REQUIRE_CUDA=x MELLANOX_VISIBLE_DEVICES=none)
	local value
	for value in unset void ''; do
		[ "$value" = unset ] || TEST_ENV+=("NVIDIA_VISIBLE_DEVICES=$value")
		run -0 enroot start c echo started
		[ "$output" = started ]
	done
	[ ! -e cli ]
}

@test "every mistake in a specification is said with its file, as a warning, or as the error where its device is asked for" {
	local head='kind: nvidia.com/gpu, devices: [{name: "0", containerEdits: {env: [A=1]}}]' text want
	spec etc/cdi/good.yaml <<<'{cdiVersion: 0.5.0, kind: acme.com/x, devices: [{name: "0", containerEdits: {env: [ACME=1]}}]}'
	while IFS='|' read -r text want; do
		spec etc/cdi/bad.yaml <<<"${text//HEAD/$head}"
		run -0 enroot start --device acme.com/x=0 c sh -c 'echo "<$ACME>"'
		[[ $output == "[WARN] "*bad.yaml*"<1>" ]] || {
			echo "$text: $output"
			false
		}
		[ "$(grep -c '^\[WARN\]' <<<"$output")" -eq 1 ]
		grep -qE "$want" <<<"$output" || {
			echo "$text: $output"
			false
		}
		run enroot start --device nvidia.com/gpu=0 c true
		assert_one_error 'nvidia.com/gpu=0' "bad.yaml.*($want)" 'mend that file'
	done <<'ROWS'
{HEAD}|cdiVersion is missing
{cdiVersion: soon, HEAD}|is no version
{cdiVersion: 0.2.0, HEAD}|0.2.0 .* older than 0.3.*newer toolkit
{cdiVersion: 1.2.0, HEAD}|1.2.0 .* newer than 1.1.*older version
{cdiVersion: 0.5.0, kind: gpu, devices: []}|kind is missing or is not vendor/class
{cdiVersion: 0.5.0, kind: nvidia.com/gpu}|devices is missing
{cdiVersion: 0.5.0, kind: nvidia.com/gpu, devices: [{name: "a b"}]}|device 1 has no valid name
{cdiVersion: 0.5.0, kind: nvidia.com/gpu, devices: [{name: "0"}, {name: "0"}]}|device 0 is there twice
{cdiVersion: 0.5.0, kind: nvidia.com/gpu, devices: [{name: "0", containerEdits: {env: {A: 1}}}]}|device 0: env is no list
{cdiVersion: 0.5.0, kind: nvidia.com/gpu, devices: [{name: "0", containerEdits: {mounts: [x]}}]}|entry 1 of mounts is malformed
[1, 2]|not a mapping
{cdiVersion: 0.5.0, |line [0-9]+: did not find
ROWS
	rm "$HOST/etc/cdi/bad.yaml"
	mkfifo "$HOST/etc/cdi/bad.yaml"
	run -0 enroot start --device acme.com/x=0 c true
	[[ $output == "[WARN] "*bad.yaml* ]]
}

@test "mistakes that only using a device shows are errors with file, device and reason" {
	local edits want
	while IFS='|' read -r edits want; do
		spec etc/cdi/a.yaml <<<"{cdiVersion: 0.5.0, kind: acme.com/x, devices: [{name: '0', containerEdits: {$edits}}]}"
		run enroot start --device acme.com/x=0 c true
		assert_one_error 'a.yaml' "$want"
	done <<'ROWS'
mounts: [{hostPath: /nonexistent/lib.so, containerPath: /x}]|/nonexistent/lib.so.*No such file or directory
mounts: [{hostPath: etc/passwd, containerPath: /x}]|etc/passwd.*not absolute
mounts: [{hostPath: /etc/passwd}]|no containerPath
mounts: [{hostPath: /etc/passwd, containerPath: /x, options: ["a b"]}]|/x: malformed options
mounts: [{hostPath: /etc/passwd, containerPath: /../x}]|Invalid cross-device link
deviceNodes: [{hostPath: /dev/null}]|has no path
deviceNodes: [{path: /dev/null, major: many}]|/dev/null: major is no number
deviceNodes: [{path: /dev/enroot-none}]|/dev/enroot-none.*No such file.*driver loaded
env: [NOTHING]|invalid environment variable: NOTHING
env: ["A B=c"]|invalid environment variable
hooks: [{hookName: prestart, path: /nonexistent/hook}]|/nonexistent/hook
ROWS
	run enroot start --device acme.com/x=1 c true
	assert_one_error 'Unknown device: acme.com/x=1' '/etc/cdi or /var/run/cdi' 'they have acme.com/x=0'
	run enroot start --device acme.org/x=0 c true
	assert_one_error 'Unknown device: acme.org/x=0' 'they have acme.com/x'
}

@test "what cannot be done is a warning; settings of ours cannot be changed" {
	spec etc/cdi/a.yaml <<'SPEC'
cdiVersion: 1.1.0
kind: acme.com/x
devices:
- name: "0"
  containerEdits:
    env: [OK=1, ENROOT_ROOTFS=/evil]
    intelRdt: {closID: x}
    netDevices: [{hostInterfaceName: eth0, name: net0}]
    additionalGids: [44]
SPEC
	run -0 enroot start --device acme.com/x=0 c sh -c 'echo "$OK <$ENROOT_ROOTFS>"'
	[ "$(grep -c '^\[WARN\] .*a.yaml: .* is ignored$' <<<"$output")" -eq 2 ]
	[ "${lines[-1]}" = "1 <>" ]
}

@test "flags that the host's mounts carry stay, whatever a specification wants" {
	need_root
	mkdir "$WORK/locked"
	mount -t tmpfs -o nosuid,nodev,noexec,ro,mode=755 none "$WORK/locked"
	spec etc/cdi/a.yaml <<SPEC
cdiVersion: 0.5.0
kind: acme.com/x
devices: [{name: "0", containerEdits: {mounts: [{hostPath: $WORK/locked, containerPath: /opt/x, options: [rw, exec, suid, dev, bind]}]}}]
SPEC
	run enroot start --device acme.com/x=0 c grep ' /opt/x ' /proc/self/mounts
	umount "$WORK/locked"
	[ "$status" -eq 0 ]
	local flag
	for flag in ro nosuid nodev noexec; do
		[[ ${output#* /opt/x tmpfs } == *$flag* ]]
	done
}

@test "a missing driver, a missing module, and GPUs that are not there, each with what to do" {
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute)
	run enroot start c true
	assert_one_error 'NVIDIA_VISIBLE_DEVICES=all' '/proc/driver/nvidia/version is missing' 'NVIDIA_VISIBLE_DEVICES=void'
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	native_driver
	export ENROOT_RESTRICT_DEV=y
	rm "$HOST/dev/nvidia-uvm"
	run -0 enroot start c true
	[[ $output == "[WARN] "*/dev/nvidia-uvm*nvidia_uvm* ]]
	ln -s /dev/null "$HOST/dev/nvidia-uvm"
	# memory that is shared with adapters, and between hosts
	ln -s /dev/null "$HOST/dev/gdrdrv"
	mkdir "$HOST/dev/nvidia-caps-imex-channels"
	touch "$HOST/dev/nvidia-caps-imex-channels/channel0"
	run -0 enroot start c sh -c 'ls /dev/nvidia-caps-imex-channels; test -c /dev/gdrdrv && echo gdr; test -c /dev/nvidia-uvm && echo uvm'
	[ "$output" = $'channel0\ngdr\nuvm' ]
	TEST_ENV+=(NVIDIA_DRIVER_CAPABILITIES=utility)
	run -0 enroot start c sh -c 'ls /dev | grep -E "imex|gdrdrv|uvm" || echo none'
	[ "$output" = none ]
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0,7)
	run enroot start c true
	assert_one_error 'Unknown device: 7' 'has 2 GPUs'
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0:1)
	run enroot start c true
	assert_one_error 'Unknown device: 0:1' 'MIG devices need'
	rm "$HOST/dev/nvidia1"
	TEST_ENV+=(NVIDIA_VISIBLE_DEVICES=0)
	run enroot start c true
	assert_one_error '/dev/nvidia1' 'No such file or directory' 'driver loaded'
	unset ENROOT_RESTRICT_DEV
}

@test "an image that wants what is unknown: an error with a driver, a warning without" {
	printf '%s\n' NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,telepathy >>"$DATA/c/etc/environment"
	run -0 enroot start c echo started
	[[ ${lines[0]} == "[WARN] "* ]]
	[ "${lines[-1]}" = started ]
	[ -x /sbin/ldconfig ] || skip "no ldconfig"
	native_driver
	run enroot start c true
	assert_one_error 'Unknown NVIDIA driver capability: telepathy' 'takes compute, compat32'
	TEST_ENV+=(NVIDIA_DRIVER_CAPABILITIES=utility)
	export ENROOT_RESTRICT_DEV=y
	run -0 enroot start c true
	unset ENROOT_RESTRICT_DEV
}

@test "extra hooks: a typing error is said; a user may enable one for himself" {
	export ENROOT_HOOKS_EXTRA=slurm-pmi,slurm-pmix,50-sharp.sh
	run -0 enroot start c true
	[ "$(grep -c '^\[WARN\] ENROOT_HOOKS_EXTRA: there is no hook ' <<<"$output")" -eq 2 ]
	[[ $output == *slurm-pmix:*50-sharp.sh:* ]]
	unset ENROOT_HOOKS_EXTRA
	TEST_ENV+=(SLURM_JOB_ID=7 SLURM_STEP_ID=0)
	as_user mkdir -p home/.config/enroot/hooks.d
	as_user ln -s "$STAGE/usr/share/enroot/hooks.d/50-slurm-pmi.sh" home/.config/enroot/hooks.d/
	run -0 enroot start c sh -c 'echo "<$SLURM_JOB_ID>"'
	[ "$output" = "<7>" ]
}

@test "extra hooks: no value adds a variable, and a nonsensical node list ends nothing" {
	export ENROOT_HOOKS_EXTRA=slurm-pmi,slurm-pytorch
	TEST_ENV+=(SLURM_JOB_ID=7 SLURM_STEP_ID=0 $'PMI_X=a\nEVIL=1' 'SLURM_STEP_NODELIST=node[1-' SLURM_NTASKS=many)
	run -0 enroot start -e PYTORCH_VERSION=2 c sh -c 'echo "<$EVIL$PMI_X> $MASTER_PORT $WORLD_SIZE<$MASTER_ADDR>"'
	[[ $output == "[WARN] no MASTER_ADDR: "*"<> 61007 many<>" ]]
	unset ENROOT_HOOKS_EXTRA
}
