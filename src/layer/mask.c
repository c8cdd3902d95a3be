#include "layer/mask.h"

#include <string.h>

#include "base/memory.h"
#include "tree/siphash.h"

#define HIDES_ALL      1u /* the path and what is below */
#define HIDES_CHILDREN 2u
#define HIDES_FILE     4u /* the path, if it is no directory */
#define FLAGS          7u

/* Open addressing; a slot is a hash whose low bits are the flags, 0 is empty. */
struct layer_mask {
	uint64_t *slots;
	size_t size, used; /* a power of two */
};

struct layer_mask *layer_mask_new(void)
{
	struct layer_mask *mask = xcalloc(1, sizeof(*mask));
	mask->size = 1024;
	mask->slots = xcalloc(mask->size, sizeof(*mask->slots));
	return mask;
}

void layer_mask_free(struct layer_mask *mask)
{
	if (mask == NULL)
		return;
	free(mask->slots);
	free(mask);
}

static uint64_t hash_below(uint64_t parent, const char *name, size_t len)
{
	return siphash13((struct siphash_key){ parent, 0x656e726f6f74 }, name, len) & ~(uint64_t)FLAGS;
}

static uint64_t *find_slot(const struct layer_mask *mask, uint64_t hash)
{
	size_t i = (size_t)(hash >> 3) & (mask->size - 1);
	while (mask->slots[i] != 0 && (mask->slots[i] & ~(uint64_t)FLAGS) != hash)
		i = (i + 1) & (mask->size - 1);
	return &mask->slots[i];
}

static void grow(struct layer_mask *mask)
{
	struct layer_mask old = *mask;
	mask->size *= 2;
	mask->slots = xcalloc(mask->size, sizeof(*mask->slots));
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i] != 0)
			*find_slot(mask, old.slots[i] & ~(uint64_t)FLAGS) = old.slots[i];
	free(old.slots);
}

static void set_flags(struct layer_mask *mask, uint64_t hash, uint32_t flags)
{
	uint64_t *slot = find_slot(mask, hash);
	if (*slot == 0) {
		if (++mask->used > mask->size / 4 * 3) {
			grow(mask);
			slot = find_slot(mask, hash);
		}
		*slot = hash;
	}
	*slot |= flags;
}

void layer_mask_walk_init(struct layer_mask_walk *w, const struct layer_mask *mask)
{
	w->mask = mask;
	w->path = BUFFER_INIT;
	w->depth = 0;
	w->levels[0].end = 0;
	w->levels[0].hash = 0; /* the root's */
	w->levels[0].flags = (uint32_t)(*find_slot(mask, 0) & FLAGS);
}

void layer_mask_walk_cleanup(struct layer_mask_walk *w)
{
	buffer_cleanup(&w->path);
}

/* How many levels of the last path are directories of, or are, this one. */
static unsigned shared_levels(const struct layer_mask_walk *w, const char *path, size_t len)
{
	size_t i = 0, n = MIN(w->path.len, len);
	while (i < n && w->path.data[i] == path[i])
		i++;
	unsigned depth = w->depth;
	while (depth > 0 && (w->levels[depth].end > i ||
				    (w->levels[depth].end < len && path[w->levels[depth].end] != '/')))
		depth--;
	return depth;
}

/* Make the levels those of PATH. Returns how many of them are as before. */
static unsigned walk_to(struct layer_mask_walk *w, const char *path, size_t len)
{
	unsigned shared = shared_levels(w, path, len);
	w->depth = shared;
	size_t at = w->levels[shared].end;
	while (at < len) {
		size_t start = at != 0 ? at + 1 : 0;
		const char *slash = memchr(path + start, '/', len - start);
		at = slash != NULL ? (size_t)(slash - path) : len;
		uint64_t hash = hash_below(w->levels[w->depth].hash, path + start, at - start);
		w->depth++;
		w->levels[w->depth].end = (uint32_t)at;
		w->levels[w->depth].hash = hash;
	}
	w->path.len = 0;
	buffer_append(&w->path, path, len);
	return shared;
}

bool layer_mask_hides(struct layer_mask_walk *w, const char *path, size_t len)
{
	unsigned shared = walk_to(w, path, len);
	for (unsigned i = shared + 1; i <= w->depth; i++)
		w->levels[i].flags = (uint32_t)(*find_slot(w->mask, w->levels[i].hash) & FLAGS);
	for (unsigned i = 0; i < w->depth; i++)
		if ((w->levels[i].flags & (HIDES_ALL | HIDES_CHILDREN)) != 0)
			return true;
	return (w->levels[w->depth].flags & (HIDES_ALL | HIDES_FILE)) != 0;
}

static void add_entry(struct layer_mask *mask, struct layer_mask_walk *w, const struct layer_entry *e)
{
	static const uint8_t flags[] = {
		[LAYER_FILE] = HIDES_ALL,
		[LAYER_DIRECTORY] = HIDES_FILE,
		[LAYER_SYMLINK] = HIDES_ALL,
		[LAYER_HARDLINK] = HIDES_ALL,
		[LAYER_FIFO] = HIDES_ALL,
		[LAYER_SKIPPED] = HIDES_ALL,
		[LAYER_WHITEOUT] = HIDES_ALL,
		[LAYER_OPAQUE] = HIDES_CHILDREN,
	};
	unsigned shared = walk_to(w, e->path, e->path_len);
	set_flags(mask, w->levels[w->depth].hash, flags[e->kind]);
	/* A whiteout makes no directories. */
	if (e->kind == LAYER_WHITEOUT || e->kind == LAYER_OPAQUE) {
		w->depth = MIN(w->depth, shared);
		w->path.len = w->levels[w->depth].end;
		return;
	}
	for (unsigned i = shared + 1; i < w->depth; i++)
		set_flags(mask, w->levels[i].hash, HIDES_FILE);
	/* The last level is not a directory's yet: let the next path mark it where it is below. */
	if (e->kind != LAYER_DIRECTORY && w->depth > 0) {
		w->depth--;
		w->path.len = w->levels[w->depth].end;
	}
}

void layer_mask_add(struct layer_mask *mask, const struct layer_index *index)
{
	struct layer_mask_walk *w = xmalloc(sizeof(*w));
	_cleanup_cursor_ struct layer_cursor c;
	struct layer_entry e;
	layer_mask_walk_init(w, mask);
	layer_cursor_init(&c, (struct layer_index *)index, false);
	while (layer_cursor_next(&c, &e))
		add_entry(mask, w, &e);
	layer_mask_walk_cleanup(w);
	free(w);
}
