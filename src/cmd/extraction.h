/*
 * cmd/extraction.h - an image becomes the tree of a container: what create and load share
 */
#pragma once

#include <stdbool.h>

#include "config/settings.h"
#include "store/container.h"

/* May container NAME be made in DATA_PATH? One that is there is refused; with REPLACE only while it is mounted. */
int extraction_check_name(const char *data_path, const char *name, bool replace, struct error *err);

/*
 * Extract the image FD (borrowed, called NAME in messages) into a new tree of SCRATCH, with the settings' limits and
 * threads, and say what was left out. STRIP_SETID: setuid and setgid bits go even for root. ENROOT_SYNC is obeyed.
 */
int extraction_run(const struct settings *settings, int fd, const char *name,
	struct container_scratch *scratch, bool strip_setid, struct error *err);
