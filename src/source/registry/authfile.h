/*
 * source/registry/authfile.h - the containers auth.json and Docker's config.json
 */
#pragma once

#include "base/error.h"
#include "source/registry/credentials.h"

/*
 * Look up the credentials for REGISTRY (HOST[:PORT]) and REPOSITORY in the text of such a file: the longest key
 * that is a prefix by path components, with Docker Hub's names as one. Helpers that the file names are run.
 *
 * Returns 1 and fills C, 0 if the file says nothing, -1 with ERR if the file or a helper is broken.
 */
int authfile_find(const char *text, size_t len, const char *registry, const char *repository,
	struct credentials *c, struct error *err);
