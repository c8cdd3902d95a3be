/*
 * hooks/gpu/inject.h - putting devices, libraries and their surroundings into a root filesystem
 *
 * Used by what reads specifications and by what discovers a driver itself. Errors name the file on the host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hooks/hooks.h"

struct inject {
	struct hooks_context *ctx;
	struct strv nodes; /* on the host: device nodes that are there now */
	struct strv files; /* in the container: files and directories that were mounted */
	struct strv
		folders; /* in the container: what the cache of the dynamic linker must know, the first first */
};

#define INJECT_INIT(context) ((struct inject){ .ctx = (context) })
#define _cleanup_inject_     __attribute__((cleanup(inject_cleanup)))

void inject_cleanup(struct inject *in);

struct inject_node {
	const char *host, *path; /* on the host, in the container */
	char type;               /* 'c', 'b', 'p'; 0: any device */
	int64_t major, minor;    /* -1: any */
};

/* Make a device node of the host available, unless it is there already. It must be what was said. */
int inject_node(struct inject *in, const struct inject_node *node, struct error *err);

/* Mount HOST on PATH; TYPE and OPTIONS as in a mount file. The same again does nothing. */
int inject_mount(struct inject *in, const char *host, const char *path, const char *type, const char *options,
	struct error *err);

/* "KEY=VALUE". */
int inject_variable(struct inject *in, const char *entry, struct error *err);

/* A symlink at PATH that reads TARGET. */
int inject_link(struct inject *in, const char *target, const char *path, struct error *err);

/* Have the dynamic linker find the libraries of a folder, FIRST before those of the others. Takes effect with
 * inject_libraries(). */
void inject_folder(struct inject *in, const char *folder, bool first);

/*
 * Give the libraries in .folders the names that programs ask for (their SONAMEs), and put them into the container's
 * cache of the dynamic linker in front of what is there. Nothing of the image is run.
 */
int inject_libraries(struct inject *in, struct error *err);
