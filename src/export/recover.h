/*
 * export/recover.h - from the files that import wrote into a root filesystem back to an image's configuration
 *
 * /etc/rc has entrypoint, command, working directory and labels, /etc/environment the environment, /etc/fstab the volumes
 * (image/files.h; the established tool writes them alike). A root filesystem is anybody's: these texts are hostile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "source/source.h"

enum recover_file { RECOVER_RC, RECOVER_RC_LOCAL, RECOVER_ENVIRONMENT, RECOVER_FSTAB, RECOVER_FILE_COUNT };

/* Their names below /etc. */
extern const char *const recover_names[RECOVER_FILE_COUNT];

#define RECOVER_SIZE_MAX ((size_t)8 << 20) /* bytes of one of them; a larger one is none of ours */

struct recover_input {
	const char *texts[RECOVER_FILE_COUNT]; /* NUL-terminated; NULL: there is no such file */
};

struct recovered {
	struct image_config config; /* without diff_ids; .created is not known here */
	/*
	 * The file says nothing but what the configuration says, too: it need not be in the image. Otherwise it stays, and a
	 * [WARN] line has told what an image's configuration cannot say.
	 */
	bool is_redundant[RECOVER_FILE_COUNT];
	bool has_own_script; /* /etc/rc is not as import writes it: CONFIG has no entrypoint yet */
};

void recover_config(const struct recover_input *input, struct recovered *recovered);
void recovered_cleanup(struct recovered *r);
