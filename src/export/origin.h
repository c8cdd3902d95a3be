/*
 * export/origin.h - what becomes an image: the root filesystem of a container, or a squashfs image
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "export/recover.h"
#include "squashfs/reader.h"

struct origin {
	const char *name; /* for messages: a path */
	int rootfs;       /* its descriptor, or -1: then it is IMAGE */
	struct sqfs_image *image;
};

/* The files below /etc that recover.h understands. */
struct origin_files {
	char *texts[RECOVER_FILE_COUNT]; /* owned; NULL: no such file, or none that we would have written */
	bool has_links[RECOVER_FILE_COUNT]; /* it has other names, too, or another than that one */
	bool has_script;                    /* something is at /etc/ORIGIN_SCRIPT */
	int64_t created; /* when /etc/rc was written: the time of the image; -1: no such file */
};
#define _cleanup_origin_files_ __attribute__((cleanup(origin_files_cleanup)))
void origin_files_cleanup(struct origin_files *f);
int origin_read_files(const struct origin *o, struct origin_files *f, struct error *err);

/* Where a script in the place of /etc/rc goes, which import would write anew. */
#define ORIGIN_SCRIPT "rc.image"
