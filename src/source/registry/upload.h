/*
 * source/registry/upload.h - one blob goes to a registry (between push.c and upload.c)
 */
#pragma once

#include "source/push.h"
#include "source/registry/push_call.h"

/* Send BLOB unless it is there. *IS_NEW says whether it was sent. */
int upload_blob(struct push_client *c, const struct push_blob *blob, bool *is_new, struct error *err);
