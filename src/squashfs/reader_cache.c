/* squashfs/reader_cache.c - decoded blocks, shared between readers, the least recently used given up first */
#include <pthread.h>

#include "base/memory.h"
#include "squashfs/reader_private.h"

#define MIN_SLOTS 4u

struct cache_slot {
	uint64_t key;
	uint64_t used; /* tick of the last pin */
	uint32_t pins;
	uint32_t len;
	bool filling, hashed;
	struct cache_slot *next; /* of the same bucket */
	uint8_t *data;           /* owned; allocated at the first use */
};

struct sqfs_cache {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* something was filled */
	uint32_t block_size;
	uint64_t tick;
	size_t count, mask;
	struct cache_slot *slots, **buckets;
};

struct sqfs_cache *cache_new(size_t bytes, uint32_t block_size)
{
	struct sqfs_cache *cache = xcalloc(1, sizeof(*cache));
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->changed, NULL);
	cache->block_size = block_size;
	cache->count = MAX(bytes / block_size, (size_t)MIN_SLOTS);
	size_t buckets = 1;
	while (buckets < cache->count)
		buckets *= 2;
	cache->mask = buckets - 1;
	cache->slots = xcalloc(cache->count, sizeof(*cache->slots));
	cache->buckets = xcalloc(buckets, sizeof(struct cache_slot *));
	return cache;
}

void cache_free(struct sqfs_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < cache->count; i++)
		free(cache->slots[i].data);
	free(cache->slots);
	free(cache->buckets);
	pthread_mutex_destroy(&cache->lock);
	pthread_cond_destroy(&cache->changed);
	free(cache);
}

static struct cache_slot **bucket_of(struct sqfs_cache *cache, uint64_t key)
{
	return &cache->buckets[(key * 0x9e3779b97f4a7c15u >> 32) & cache->mask];
}

static struct cache_slot *find(struct sqfs_cache *cache, uint64_t key)
{
	struct cache_slot *slot = *bucket_of(cache, key);
	while (slot != NULL && slot->key != key)
		slot = slot->next;
	return slot;
}

static void unhash(struct sqfs_cache *cache, struct cache_slot *slot)
{
	struct cache_slot **link = bucket_of(cache, slot->key);
	if (!slot->hashed)
		return;
	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	slot->hashed = false;
}

/* The unpinned slot that was used longest ago: a scan, but only where a block is decoded next. */
static struct cache_slot *take_oldest(struct sqfs_cache *cache)
{
	struct cache_slot *oldest = NULL;
	for (size_t i = 0; i < cache->count; i++) {
		struct cache_slot *slot = &cache->slots[i];
		if (slot->pins == 0 && (oldest == NULL || slot->used < oldest->used))
			oldest = slot;
	}
	return oldest;
}

/* Give KEY a slot that the caller is to fill. */
static struct cache_slot *claim(struct sqfs_cache *cache, uint64_t key)
{
	struct cache_slot *slot = take_oldest(cache);
	if (slot == NULL)
		return NULL;
	unhash(cache, slot);
	struct cache_slot **bucket = bucket_of(cache, key);
	slot->key = key;
	slot->next = *bucket;
	*bucket = slot;
	slot->hashed = true;
	slot->filling = true;
	if (slot->data == NULL)
		slot->data = xmalloc(cache->block_size);
	return slot;
}

struct cache_slot *cache_pin(struct sqfs_cache *cache, uint64_t key, bool *fill)
{
	*fill = false;
	pthread_mutex_lock(&cache->lock);
	struct cache_slot *slot = find(cache, key);
	while (slot != NULL && slot->filling) {
		pthread_cond_wait(&cache->changed, &cache->lock);
		slot = find(cache, key);
	}
	if (slot == NULL) {
		slot = claim(cache, key);
		*fill = slot != NULL;
	}
	if (slot != NULL) {
		slot->pins++;
		slot->used = ++cache->tick;
	}
	pthread_mutex_unlock(&cache->lock);
	return slot;
}

uint8_t *cache_slot_data(struct cache_slot *slot)
{
	return slot->data;
}

uint32_t cache_slot_len(const struct cache_slot *slot)
{
	return slot->len;
}

void cache_filled(struct sqfs_cache *cache, struct cache_slot *slot, uint32_t len)
{
	pthread_mutex_lock(&cache->lock);
	slot->filling = false;
	slot->len = len;
	if (len == 0)
		unhash(cache, slot);
	pthread_cond_broadcast(&cache->changed);
	pthread_mutex_unlock(&cache->lock);
}

void cache_unpin(struct sqfs_cache *cache, struct cache_slot *slot)
{
	pthread_mutex_lock(&cache->lock);
	slot->pins--;
	pthread_mutex_unlock(&cache->lock);
}
