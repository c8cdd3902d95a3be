#include "rootfs/refmap.h"

#include "base/memory.h"

#define FIRST_CAPACITY 1024u

void refmap_cleanup(struct refmap *map)
{
	free(map->items);
	*map = (struct refmap){ 0 };
}

/* The keys come from an image: an attacker who aims at collisions slows down only his own extraction. */
static struct refmap_item *slot_of(const struct refmap *map, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15u;
	size_t i = (size_t)(hash ^ hash >> 32) & (map->capacity - 1);
	while (map->items[i].key != 0 && map->items[i].key != key + 1)
		i = (i + 1) & (map->capacity - 1);
	return &map->items[i];
}

static void grow(struct refmap *map)
{
	struct refmap old = *map;
	map->capacity = old.capacity != 0 ? old.capacity * 2 : FIRST_CAPACITY;
	map->items = xcalloc(map->capacity, sizeof(*map->items));
	for (size_t i = 0; i < old.capacity; i++) {
		if (old.items[i].key != 0)
			*slot_of(map, old.items[i].key - 1) = old.items[i];
	}
	free(old.items);
}

uint64_t *refmap_get(struct refmap *map, uint64_t key, bool *found)
{
	if (map->count >= map->capacity / 2)
		grow(map);
	struct refmap_item *item = slot_of(map, key);
	*found = item->key != 0;
	if (!*found) {
		item->key = key + 1;
		map->count++;
	}
	return &item->value;
}
