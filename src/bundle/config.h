/*
 * bundle/config.h - what a bundle brings along besides its image: a small squashfs
 *
 *	info            KEY=VALUE lines: description, target, version, bytes (of the image's files)
 *	lib/common.sh
 *	etc/config      ENROOT_X=VALUE lines
 *	etc/system/     hooks.d, mounts.d, environ.d
 *	etc/user/       likewise
 *
 * A kept root filesystem carries it as /.enroot.
 */
#pragma once

#include "bundle/make.h"

#define BUNDLE_INFO     "info"
#define BUNDLE_LIBRARY  "lib"
#define BUNDLE_ETC      "etc"
#define BUNDLE_SETTINGS "config"
#define BUNDLE_SYSTEM   "system"
#define BUNDLE_USER     "user"

/* Write it to FD at OFFSET. BYTES: what "bytes" says. *LEN becomes its size. */
int bundle_config_write(int fd, uint64_t offset, const struct bundle_request *req, uint64_t bytes,
	uint32_t time, uint64_t *len, struct error *err);
