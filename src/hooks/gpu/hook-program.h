/*
 * hooks/gpu/hook-program.h - programs that want to be hooks of an OCI runtime (private to the room)
 */
#pragma once

#include "hooks/hooks.h"

struct hook_program {
	const char *moment; /* "createContainer" and the like */
	const char *path;
	const struct strv *args, *env;
	unsigned timeout_s; /* 0: none */
};

/*
 * Run it with the container's state on its stdin. The state names a bundle, a folder of the scratch space whose
 * config.json says where the root filesystem is. Those of moments after the start of the command are left out with a
 * warning: nobody is there then who could run them.
 */
int hook_program_run(struct hooks_context *ctx, const struct hook_program *program, struct error *err);
