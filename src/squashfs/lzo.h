/*
 * squashfs/lzo.h - LZO1X, decompression only
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Decompress one block; returns the bytes written to OUT, or -1 if the input is corrupt or does not fit. */
ssize_t sqfs_lzo_decode(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);
