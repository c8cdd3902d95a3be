/*
 * image/record.h - what an image of ours says of where it comes from
 */
#pragma once

#include <stdbool.h>

/*
 * Is PATH a whole image whose /etc/rc records the manifest DIGEST and OPTIONS (the text of image_options_text())?
 */
bool image_record_matches(const char *path, const char *digest, const char *options);
