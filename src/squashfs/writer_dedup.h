/*
 * squashfs/writer_dedup.h - which contents were seen before (private to the writer)
 *
 * Maps a 128-bit key to a 32-bit value. The keys must already be well mixed: hash_content() makes such ones,
 * with secrets of this process, so that nobody can prepare two files that collide.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dedup_key {
	uint64_t a, b;
};

#define DEDUP_NONE UINT32_MAX

struct dedup {
	struct dedup_key *keys; /* flat, in order of insertion */
	uint32_t *values;
	uint32_t *slots; /* index into the above + 1; a power of two of them */
	size_t count, key_capacity, value_capacity, mask;
};

void dedup_init(struct dedup *d);
void dedup_cleanup(struct dedup *d);
uint32_t dedup_find(const struct dedup *d, struct dedup_key key);
/* KEY must not be there. */
void dedup_insert(struct dedup *d, struct dedup_key key, uint32_t value);

struct hash_secrets {
	uint8_t bytes[2][192];
};

void hash_secrets_init(struct hash_secrets *s);
/* Two independent 64-bit hashes: to be relied upon without comparing the bytes. */
struct dedup_key hash_content(const struct hash_secrets *s, const void *data, size_t len);
/* One, where equality is checked afterwards. */
uint64_t hash_hint(const struct hash_secrets *s, const void *data, size_t len);
