/*
 * cmd/extraction.h - an image becomes the tree of a container: what create and load share
 */
#pragma once

#include <stdbool.h>

#include "config/settings.h"
#include "rootfs/extract.h"
#include "store/container.h"

/* May container NAME be made in DATA_PATH? One that is there is refused; with REPLACE only while it is mounted. */
int extraction_check_name(const char *data_path, const char *name, bool replace, struct error *err);

/* Say what was left out of TREE (borrowed, called PATH), and obey ENROOT_SYNC. */
int extraction_finish(const struct settings *settings, int tree, const char *path,
	const struct extract_report *report, struct error *err);

/*
 * Extract the image FD (borrowed, called NAME in messages) into a new tree of SCRATCH, with the settings' limits and
 * threads, and finish it.
 */
int extraction_run(const struct settings *settings, int fd, const char *name,
	struct container_scratch *scratch, struct error *err);
