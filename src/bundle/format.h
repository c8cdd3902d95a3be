/*
 * bundle/format.h - a self-running file as it lies on disk
 *
 *	runtime   the program enroot, with its marker set (marker.h)
 *	image     a squashfs, at a multiple of BUNDLE_ALIGN
 *	config    a small squashfs, likewise: what bundle_config.h describes
 *	trailer   the last BUNDLE_TRAILER_SIZE bytes
 *
 * All numbers are little-endian.
 */
#pragma once

#include <stdint.h>

#include <stdbool.h>

#include "base/error.h"

#define BUNDLE_ALIGN        4096u
#define BUNDLE_MAGIC        "enroot-bundle\r\n\x1a" /* 16 bytes with the NUL */
#define BUNDLE_TRAILER_SIZE 128u

enum { BUNDLE_HAS_CHECKSUM = 1 };

struct bundle_trailer {
	char magic[16];
	uint32_t version; /* 1 */
	uint32_t flags;
	uint64_t image_offset, image_bytes;
	uint64_t config_offset, config_bytes;
	uint8_t sha256[32]; /* of everything before the trailer */
	uint8_t unused[40];
} __attribute__((packed));

_Static_assert(sizeof(struct bundle_trailer) == BUNDLE_TRAILER_SIZE, "trailer");

/* What a trailer says, in this machine's numbers. */
struct bundle_layout {
	uint64_t image_offset, image_bytes;
	uint64_t config_offset, config_bytes;
	uint64_t trailer_offset;
	uint32_t flags;
	uint8_t sha256[32];
};

void bundle_trailer_format(const struct bundle_layout *layout, struct bundle_trailer *trailer);
/* Check the trailer of a file of SIZE bytes. -1 with ERR if it is none, or names places outside the file. */
int bundle_trailer_parse(
	const struct bundle_trailer *trailer, uint64_t size, struct bundle_layout *layout, struct error *err);
