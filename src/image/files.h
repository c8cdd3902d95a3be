/*
 * image/files.h - the four files that an image of ours carries
 *
 * /etc/rc (the entry point), /etc/rc.local, /etc/environment and /etc/fstab, made from the image configuration.
 * What a registry supplied is literal in them: nothing is expanded from the host, no value can add a line, no
 * word can escape its quotes. doc/image-format.md describes them.
 */
#pragma once

#include "base/buffer.h"
#include "source/source.h"

/* OPTIONS: the text of "# enroot-options:". */
void image_format_rc(const struct source_image *image, const char *options, struct buffer *out);
void image_format_rc_local(struct buffer *out);
/* Entries that cannot be written (no "=", a newline in the value) are left out with a [WARN] line. */
void image_format_environment(const struct image_config *config, struct buffer *out);
void image_format_fstab(const struct image_config *config, struct buffer *out);

/*
 * PATH (absolute or not) made absolute, without ".", "..", doubled or trailing slashes; ".." is clamped at the
 * root. The caller owns it.
 */
char *image_clean_path(const char *path);
