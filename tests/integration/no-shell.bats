#!/usr/bin/env bats
# Images that hold one program and no shell.

load helpers

setup() {
	common_setup
	mkdir tree
	cp "$(command -v busybox)" tree/busybox
	chmod 755 tree/busybox
}

teardown() {
	common_teardown
}

# image_with ENTRYPOINT CMD [WORKDIR]: the tree as an OCI layout, imported and created as the container c
image_with() {
	umoci init --layout layout && umoci new --image layout:1
	umoci insert --rootless --image layout:1 tree / >/dev/null
	local options=() word
	for word in $1; do options+=("--config.entrypoint=$word"); done
	for word in $2; do options+=("--config.cmd=$word"); done
	umoci config --image layout:1 "${options[@]}" --config.env PATH=/bin:/ ${3:+"--config.workingdir=$3"}
	chmod -R a+rX layout
	enroot import -o i.sqsh oci:layout:1
	enroot create -n c i.sqsh
}

@test "the image's command runs, from a directory and from the image" {
	image_with "/busybox echo" "hello world" /work
	local what
	for what in c i.sqsh; do
		run -0 enroot start "$what"
		[ "$output" = "hello world" ]
		run -0 enroot start "$what" it "is  me"
		[ "$output" = "it is  me" ]
	done
}

@test "the working directory is made where that is possible, and PATH is the container's" {
	image_with "" "" /work
	run -0 enroot start --rw c busybox pwd
	[ "$output" = /work ]
	run enroot start --rw c
	assert_one_error
	# a script that says to run nothing
	as_tree_owner sed -i '/^else/,/^fi/s/exec.*/exec/' home/.local/share/enroot/c/etc/rc
	run enroot start --rw c
	assert_one_error "name the program to run"
	run -0 enroot start -e PATH=/nowhere:/ c busybox env
	[[ $output == *PATH=/nowhere:/* ]]
	run -7 enroot start c /busybox awk 'BEGIN { exit 7 }'
}

@test "what needs a shell is an error that says so" {
	image_with "" ""
	run enroot start c
	assert_one_error "/bin/sh: No such file or directory .*no shell"
	run enroot start c missing
	assert_one_error "missing: No such file or directory .*no shell"
	printf 'echo hi\n' >script
	run enroot start --rc script c /busybox true
	assert_one_error "no shell that could run a script"
	printf 'echo changed\n' | as_user tee home/.local/share/enroot/c/etc/rc >/dev/null
	run enroot start c /busybox true
	assert_one_error "no shell for its /etc/rc"
}

@test "a directory that import did not write: the command itself" {
	mkdir -p home/.local/share/enroot
	cp -r tree home/.local/share/enroot/plain
	! is_root || chown -R "$TEST_UID:$TEST_GID" home
	run -0 enroot start plain /busybox echo hi
	[ "$output" = hi ]
	run enroot start plain
	assert_one_error "name the program to run"
}
