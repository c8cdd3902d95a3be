/*
 * source/registry/upload.h - one blob goes to a registry (between push.c and upload.c)
 */
#pragma once

#include "source/push.h"
#include "source/registry/push_call.h"

/*
 * Open an upload, which the first blob that has to be sent will use: whoever may not push learns it now, and not after a
 * layer was made.
 */
int upload_begin(struct push_client *c, struct error *err);
/* Give it up, if no blob needed it. */
void upload_end(struct push_client *c);

/* Send BLOB unless it is there. *IS_NEW says whether it was sent. */
int upload_blob(struct push_client *c, const struct push_blob *blob, bool *is_new, struct error *err);
