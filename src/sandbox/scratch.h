/*
 * sandbox/scratch.h - a private tmpfs over the runtime directory
 *
 * For what must be somewhere while a container starts: generated files that are bound into it, what hooks read and
 * write, the upper layer of an overlay. Nobody outside the mount namespace sees it, and it ends with it. A start
 * that needs none of that does not mount it.
 */
#pragma once

#include "base/error.h"
#include "config/settings.h"

/*
 * As ENROOT_RUNTIME_PATH: there is no directory to lie over. The tmpfs is then mounted where no path leads, and known
 * by this descriptor, which only the process itself and what it forks can use.
 */
#define SCRATCH_DESCRIPTOR 200
#define SCRATCH_ANYWHERE   "/proc/self/fd/200"

struct scratch {
	const struct settings *settings;
	int fd; /* its root, or -1 */
};

/* A borrowed descriptor of it, O_PATH; the first call mounts it. */
int scratch_open(struct scratch *s, struct error *err);

/* Where it is (or would be) on the host; belongs to the settings. */
const char *scratch_path(const struct scratch *s);
