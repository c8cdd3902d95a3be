/*
 * tree/arena.h - chunked storage that grows without copying
 *
 * Arrays of a million elements that double by realloc hold the old and the new copy for a moment, and the peak of
 * memory is what counts. These grow by one chunk at a time; addresses stay good for ever. Private to tree/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Elements of one size, addressed by a 32-bit index. */
struct slab {
	char **chunks;
	uint32_t chunk_count, count;
	uint32_t element_size;
};

#define SLAB_CHUNK_BITS 13
#define SLAB_CHUNK      (1u << SLAB_CHUNK_BITS)

void slab_init(struct slab *s, size_t element_size);
void slab_cleanup(struct slab *s);
/* The index of a new element, zeroed. */
uint32_t slab_add(struct slab *s);

static inline void *slab_at(const struct slab *s, uint32_t i)
{
	return s->chunks[i >> SLAB_CHUNK_BITS] + (size_t)(i & (SLAB_CHUNK - 1)) * s->element_size;
}

/* Byte strings, each whole inside one chunk, addressed by a 32-bit offset. */
struct strings {
	char **chunks;
	uint32_t chunk_count;
	uint32_t used; /* in the last chunk */
};

#define STRINGS_CHUNK_BITS 19
#define STRINGS_CHUNK      (1u << STRINGS_CHUNK_BITS)

void strings_init(struct strings *s);
void strings_cleanup(struct strings *s);
/* Room for LEN bytes (at most STRINGS_CHUNK); *OFFSET addresses them from then on. */
char *strings_reserve(struct strings *s, size_t len, uint32_t *offset);
uint64_t strings_bytes(const struct strings *s);

static inline char *strings_at(const struct strings *s, uint32_t offset)
{
	return s->chunks[offset >> STRINGS_CHUNK_BITS] + (offset & (STRINGS_CHUNK - 1));
}
