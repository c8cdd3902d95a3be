/*
 * rootfs/entry_script.h - the /etc/rc that import writes, understood
 *
 * The script is for the container's shell. Whoever has to know what it says without one (an image that has no shell,
 * an export) reads it here.
 */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

struct entry_script {
	char *working_dir;
	struct strv entrypoint; /* runs with the arguments that are given */
	struct strv cmd;        /* or with these, where none are */
};

/* false, with SCRIPT empty: TEXT is no script that import writes; only a shell knows what it does. */
bool entry_script_parse(const char *text, struct entry_script *script);

/* Has TEXT, a script, nothing but comments and blank lines? */
bool entry_script_is_blank(const char *text);

/* Frees what SCRIPT has and makes it empty. */
void entry_script_cleanup(struct entry_script *script);
