/*
 * hooks/gpu/gpu.h - what the hooks for accelerators and fabrics share (private to the room)
 */
#pragma once

#include <stdbool.h>

#include "base/process.h"
#include "hooks/hooks.h"

/* For tests: a folder in whose /sys, /dev, /proc and /etc hardware and driver are looked for. */
#define GPU_TEST_HOST "ENROOT_TEST_HOST_PATH"

/* PATH of the host (below the folder for tests, if there is one); the caller owns it. */
char *gpu_host_path(const char *path);

/* What a variable says: the host's if it is set there at all, even to nothing; else the container's. NULL: unset. */
const char *gpu_variable(const struct hooks_context *ctx, const char *key);

/* Does a list like NVIDIA_VISIBLE_DEVICES ask for nothing (unset, empty, "void")? */
bool gpu_is_void(const char *devices);

/* Is any device asked for, by --device or by NVIDIA_VISIBLE_DEVICES? Looks at no file. */
bool gpu_is_asked_for(const struct hooks_context *ctx);

/* Split at commas (and blanks); empty words are left out. */
void gpu_split(struct strv *list, const char *text);

/* Run a program that mounts into the container: with our capabilities. Its exit status, or -1 with ERR. */
int gpu_run_program(const struct process_request *req, struct error *err);

/* hooks/gpu/nvidia-cli.c: the classic way. The path of nvidia-container-cli (owned), or NULL. */
char *nvidia_cli_find(const struct hooks_context *ctx);
int nvidia_cli_run(struct hooks_context *ctx, const char *program, const char *devices, struct error *err);

/* For programs that compute: the nodes of memory that is shared with network adapters, and between hosts. */
int nvidia_bind_companions(struct hooks_context *ctx, struct error *err);

/* Words of NVIDIA_DRIVER_CAPABILITIES, as bits in the order of nvidia_capability_names. */
enum nvidia_capability {
	NVIDIA_COMPUTE = 1 << 0,
	NVIDIA_COMPAT32 = 1 << 1,
	NVIDIA_DISPLAY = 1 << 2,
	NVIDIA_GRAPHICS = 1 << 3,
	NVIDIA_UTILITY = 1 << 4,
	NVIDIA_VIDEO = 1 << 5,
};
#define NVIDIA_CAPABILITIES 6
extern const char *const nvidia_capability_names[NVIDIA_CAPABILITIES];
int nvidia_capabilities(const struct hooks_context *ctx, unsigned *capabilities, struct error *err);

/* hooks/gpu/nvidia-native.c: neither a specification nor a tool. */
bool nvidia_driver_is_loaded(void);
int nvidia_native_run(struct hooks_context *ctx, const char *devices, struct error *err);

/* hooks/gpu/nvidia-mig.c: the rights to change and to watch MIG devices, as far as they are asked for. */
struct inject;
int nvidia_bind_mig(struct inject *in, struct error *err);

/* Of the host's GPUs that a container sees in the host's /dev, make those unusable that are not among NODES (paths
 * on the host). */
int nvidia_mask_others(struct hooks_context *ctx, const struct strv *nodes, struct error *err);
