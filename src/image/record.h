/*
 * image/record.h - what an image of ours says of where it comes from
 */
#pragma once

#include <stdbool.h>

struct image_record {
	char *provenance, *digest, *options;
};
#define _cleanup_image_record_ __attribute__((cleanup(image_record_cleanup)))
void image_record_cleanup(struct image_record *r);

/* false: PATH is no whole image of ours. */
bool image_record_read(const char *path, struct image_record *r);
/* The same of an open file (borrowed), called PATH. */
bool image_record_read_fd(int fd, const char *path, struct image_record *r);

/*
 * Is PATH a whole image whose /etc/rc records the manifest DIGEST and OPTIONS (the text of image_options_text())?
 */
bool image_record_matches(const char *path, const char *digest, const char *options);
/* The same of an open file (borrowed), called PATH. */
bool image_record_matches_fd(int fd, const char *path, const char *digest, const char *options);
