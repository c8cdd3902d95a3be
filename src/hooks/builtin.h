/*
 * hooks/builtin.h - the built-in hooks (private to the room)
 */
#pragma once

#include "hooks/hooks.h"

struct builtin_hook {
	const char *name; /* as in hooks.d */
	int (*run)(struct hooks_context *ctx, struct error *err);
	bool is_extra; /* off unless enabled: hooks/extra.h */
};

/* Is a setting on for this hook? What a conf script exported counts, as it does for hooks that are programs. */
bool hooks_is_on(const struct hooks_context *ctx, enum setting key);

int hook_aptfix(struct hooks_context *ctx, struct error *err);
int hook_cgroups(struct hooks_context *ctx, struct error *err);
int hook_devices(struct hooks_context *ctx, struct error *err);
int hook_home(struct hooks_context *ctx, struct error *err);
int hook_localtime(struct hooks_context *ctx, struct error *err);
int hook_mellanox(struct hooks_context *ctx, struct error *err);
int hook_mig_config(struct hooks_context *ctx, struct error *err);
int hook_nvidia(struct hooks_context *ctx, struct error *err);
int hook_shadow(struct hooks_context *ctx, struct error *err);
int hook_sharp(struct hooks_context *ctx, struct error *err);
int hook_slurm_pmi(struct hooks_context *ctx, struct error *err);
int hook_slurm_pytorch(struct hooks_context *ctx, struct error *err);
