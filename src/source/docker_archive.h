/*
 * source/docker_archive.h - an archive of docker save that a daemon sent, for the schemes of daemons
 */
#pragma once

#include "source/scheme.h"

/* FD and DEFAULT_NAME are taken over, also on failure. */
int docker_archive_open_saved(struct source *s, int fd, const char *uri, const struct source_options *o,
	char *default_name, struct error *err);
int docker_archive_digest_saved(
	int fd, const char *uri, const struct source_options *o, char **digest, struct error *err);

/* What the scheme of such a source uses for the rest. */
int docker_archive_blob_open(struct source *s, size_t layer, struct source_blob *b, struct error *err);
void docker_archive_close(struct source *s);
