#!/usr/bin/env bats
# GPUs that are there: what the host's nvidia-smi lists, and a call of the driver, inside, as an ordinary user, each way.

load helpers

setup() {
	[ -e /proc/driver/nvidia/version ] && command -v nvidia-smi >/dev/null || skip "needs an NVIDIA GPU and its driver"
	common_setup
	export ENROOT_SYSCONF_PATH=$WORK/sysconf
	mkdir -p "$WORK/sysconf/hooks.d"
	cp -r "$STAGE/etc/enroot/mounts.d" "$WORK/sysconf/"
	make_rootfs
	chmod -R a+rX "$WORK/sysconf"
	HOST_LIST=$(nvidia-smi -L)
	GPUS=$(wc -l <<<"$HOST_LIST")
}

teardown() {
	[ -z "${WORK:-}" ] || common_teardown
}

# busybox, and what a dynamic program needs: nothing of the driver.
make_rootfs() {
	local root=$WORK/home/.local/share/enroot/c name file
	mkdir -p "$root"/{bin,etc,tmp,root,usr/bin,usr/lib/"$(gcc -print-multiarch)"}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name in sh cat echo env ls true grep wc; do
		ln -sf busybox "$root/bin/$name"
	done
	cat >"$WORK/probe.c" <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(void)
		{
			void *cuda = dlopen("libcuda.so.1", RTLD_NOW);
			int (*init)(unsigned) = cuda ? (int (*)(unsigned))dlsym(cuda, "cuInit") : 0;
			int (*count)(int *) = cuda ? (int (*)(int *))dlsym(cuda, "cuDeviceGetCount") : 0;
			int devices = -1, code = init && count ? init(0) : -1;
			if (!cuda)
				fprintf(stderr, "%s\n", dlerror());
			if (code == 0)
				code = count(&devices);
			printf("code %d devices %d\n", code, devices);
			return code != 0;
		}
	END
	gcc -O1 -o "$root/bin/probe" "$WORK/probe.c" -ldl
	# the C library's parts that the driver's libraries and programs load
	for file in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1; do
		file=$(gcc -print-file-name=$file)
		cp -L "$file" "$root/usr/lib/$(gcc -print-multiarch)/"
	done
	file=$(ldd "$root/bin/probe" | sed -nE 's/^\t(\/[^ ]+ld-linux[^ ]+) .*/\1/p')
	mkdir -p "$root${file%/*}"
	cp -L "$file" "$root$file"
	printf 'PATH=/bin:/usr/bin\n' >"$root/etc/environment"
	! is_root || chown -R "$TEST_UID:$TEST_GID" "$WORK/home"
}

# The ways are told apart by what the others would need being away.
all_gpus_work() {
	run -0 enroot start -e NVIDIA_DRIVER_CAPABILITIES=compute,utility c nvidia-smi -L
	[ "$(grep '^GPU' <<<"$output")" = "$(grep '^GPU' <<<"$HOST_LIST")" ]
	run -0 enroot start -e NVIDIA_DRIVER_CAPABILITIES=compute,utility c probe
	[[ $output == *"code 0 devices $GPUS"* ]]
}

@test "the driver alone: every GPU, one GPU, none" {
	[ -z "$(ls /etc/cdi /var/run/cdi 2>/dev/null)" ] || skip "there are CDI specifications"
	TEST_ENV=(NVIDIA_VISIBLE_DEVICES=all "PATH=$BIN:/bin")
	! PATH=/usr/bin:/bin:/usr/sbin:/sbin command -v nvidia-container-cli >/dev/null || skip "nvidia-container-cli comes first"
	all_gpus_work
	TEST_ENV=(NVIDIA_VISIBLE_DEVICES=0)
	run -0 enroot start -e NVIDIA_DRIVER_CAPABILITIES=compute,utility c probe
	[[ $output == *"code 0 devices 1"* ]]
	export ENROOT_RESTRICT_DEV=y
	run -0 enroot start -e NVIDIA_DRIVER_CAPABILITIES=compute,utility c probe
	[[ $output == *"code 0 devices 1"* ]]
	unset ENROOT_RESTRICT_DEV
	TEST_ENV=(NVIDIA_VISIBLE_DEVICES=void)
	run enroot start c probe
	[ "$status" -ne 0 ]
}

@test "a CDI specification made by nvidia-ctk" {
	command -v nvidia-ctk >/dev/null || skip "needs nvidia-ctk"
	need_root
	[ -z "$(ls /etc/cdi /var/run/cdi 2>/dev/null)" ] || skip "there are CDI specifications"
	mkdir -p /var/run/cdi
	nvidia-ctk cdi generate --output=/var/run/cdi/enroot-test.yaml >/dev/null 2>&1
	TEST_ENV=(NVIDIA_VISIBLE_DEVICES=nvidia.com/gpu=all)
	local failed=0
	(all_gpus_work) || failed=1
	rm /var/run/cdi/enroot-test.yaml
	[ $failed -eq 0 ]
}

@test "nvidia-container-cli" {
	command -v nvidia-container-cli >/dev/null || skip "needs nvidia-container-cli"
	[ -z "$(ls /etc/cdi /var/run/cdi 2>/dev/null)" ] || skip "there are CDI specifications"
	TEST_ENV=(NVIDIA_VISIBLE_DEVICES=all)
	all_gpus_work
}
