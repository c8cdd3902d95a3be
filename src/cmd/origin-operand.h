/*
 * cmd/origin-operand.h - NAME|IMAGE of export and push: a squashfs file is an image, anything else a container's name
 */
#pragma once

#include "config/settings.h"
#include "export/export.h"

struct origin_operand {
	struct origin origin; /* for export/export.h */
	char *path;           /* owned: what messages call it */
	char *base;           /* owned: the name for default outputs */
	int fd;               /* owned: of either */
};
#define ORIGIN_OPERAND_INIT      ((struct origin_operand){ .fd = -1, .origin.rootfs = -1 })
#define _cleanup_origin_operand_ __attribute__((cleanup(origin_operand_close)))
void origin_operand_close(struct origin_operand *o);

/* Is OPERAND a squashfs file? */
bool origin_operand_is_image(const char *operand);

int origin_operand_open(
	const struct settings *s, const char *operand, struct origin_operand *o, struct error *err);

/* The container NAME alone: its directory, and in *PATH what messages call it (the caller owns both). -1 with ERR. */
int origin_open_container(const struct settings *s, const char *name, char **path, struct error *err);

/* What --compress (NULL: not given) and --arch say, and the settings. */
int origin_options(const struct settings *s, const char *compress, enum layer_compression otherwise,
	const char *arch, struct export_options *options, struct error *err);
