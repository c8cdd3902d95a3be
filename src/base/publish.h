/*
 * base/publish.h - files that appear whole or not at all
 *
 * A new file is written without a name (O_TMPFILE; where that is refused, under a dot name that does not
 * contain the final one), fsynced, and only then given its name. A process that is killed leaves nothing that
 * a reader could take for the file.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct publish {
	int dir;    /* owned: the directory of the final name */
	int fd;     /* owned: write here */
	char *path; /* as the caller gave it, for messages */
	char *name; /* last component of PATH */
	char *temp; /* the temporary's name in DIR, NULL when it has none */
};

#define PUBLISH_INIT      ((struct publish){ .dir = -1, .fd = -1 })
#define _cleanup_publish_ __attribute__((cleanup(publish_abort)))

/*
 * Begin a file at PATH with permissions MODE & ~umask. Without REPLACE an existing file is refused at once
 * ("File already exists: PATH", EEXIST); a directory, device or FIFO there is refused always. A missing parent is
 * "No such file or directory: PATH".
 */
int publish_begin(struct publish *p, const char *path, mode_t mode, bool replace, struct error *err);

/* fsync the file, give it its name, fsync the directory. Without REPLACE it fails if the name exists by now. */
int publish_commit(struct publish *p, bool replace, struct error *err);

/* Close, and remove the temporary if it was not committed. Harmless on PUBLISH_INIT and after a commit. */
void publish_abort(struct publish *p);

/* Rename within or between directories, failing with EEXIST where TO exists (also where the file system
 * lacks RENAME_NOREPLACE). Returns 0 or -1 with errno. */
int rename_noreplace(int from_dir, const char *from, int to_dir, const char *to);

/* A random name ".enroot-XXXXXXXXXXXXXXXX" for a temporary; the caller owns it. */
char *publish_temp_name(void);
