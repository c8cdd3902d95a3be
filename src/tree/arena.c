#include "tree/arena.h"

#include <string.h>

#include "base/memory.h"

/* Ids are 32 bits wide and the highest stands for "none": running out of them is running out of memory. */
static void out_of_ids(void)
{
	xreallocarray(NULL, SIZE_MAX, SIZE_MAX);
}

static char *add_chunk(char ***chunks, uint32_t *count, size_t size)
{
	/* The table of chunks grows at powers of two. */
	if ((*count & (*count - 1)) == 0)
		*chunks = xreallocarray(*chunks, *count != 0 ? 2 * (size_t)*count : 1, sizeof(**chunks));
	char *chunk = xmalloc(size); /* untouched pages cost nothing */
	(*chunks)[(*count)++] = chunk;
	return chunk;
}

static void free_chunks(char **chunks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(chunks[i]);
	free(chunks);
}

void slab_init(struct slab *s, size_t element_size)
{
	*s = (struct slab){ .element_size = (uint32_t)element_size };
}

void slab_cleanup(struct slab *s)
{
	free_chunks(s->chunks, s->chunk_count);
	*s = (struct slab){ 0 };
}

uint32_t slab_add(struct slab *s)
{
	if (s->count == UINT32_MAX)
		out_of_ids();
	uint32_t i = s->count++;
	if (i >> SLAB_CHUNK_BITS == s->chunk_count)
		add_chunk(&s->chunks, &s->chunk_count, (size_t)SLAB_CHUNK * s->element_size);
	memset(slab_at(s, i), 0, s->element_size);
	return i;
}

void strings_init(struct strings *s)
{
	*s = (struct strings){ .used = STRINGS_CHUNK };
}

void strings_cleanup(struct strings *s)
{
	free_chunks(s->chunks, s->chunk_count);
	strings_init(s);
	s->chunks = NULL;
}

char *strings_reserve(struct strings *s, size_t len, uint32_t *offset)
{
	if (len > STRINGS_CHUNK)
		out_of_ids();
	if (len > STRINGS_CHUNK - s->used) {
		if (s->chunk_count == UINT32_MAX >> STRINGS_CHUNK_BITS)
			out_of_ids();
		add_chunk(&s->chunks, &s->chunk_count, STRINGS_CHUNK);
		s->used = 0;
	}
	*offset = ((s->chunk_count - 1) << STRINGS_CHUNK_BITS) | s->used;
	s->used += (uint32_t)len;
	return strings_at(s, *offset);
}

uint64_t strings_bytes(const struct strings *s)
{
	return s->chunk_count == 0 ? 0 : ((uint64_t)(s->chunk_count - 1) << STRINGS_CHUNK_BITS) + s->used;
}
