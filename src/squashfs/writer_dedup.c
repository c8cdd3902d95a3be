#include "squashfs/writer_dedup.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"

#define FIRST_SLOTS 1024u

void dedup_init(struct dedup *d)
{
	*d = (struct dedup){ .slots = xcalloc(FIRST_SLOTS, sizeof(*d->slots)), .mask = FIRST_SLOTS - 1 };
}

void dedup_cleanup(struct dedup *d)
{
	free(d->keys);
	free(d->values);
	free(d->slots);
	*d = (struct dedup){ 0 };
}

static size_t slot_of(const struct dedup *d, struct dedup_key key)
{
	size_t i = key.a & d->mask;
	while (d->slots[i] != 0) {
		const struct dedup_key *k = &d->keys[d->slots[i] - 1];
		if (k->a == key.a && k->b == key.b)
			break;
		i = (i + 1) & d->mask;
	}
	return i;
}

uint32_t dedup_find(const struct dedup *d, struct dedup_key key)
{
	uint32_t i = d->slots[slot_of(d, key)];
	return i != 0 ? d->values[i - 1] : DEDUP_NONE;
}

static void grow_slots(struct dedup *d)
{
	free(d->slots);
	d->mask = 2 * d->mask + 1;
	d->slots = xcalloc(d->mask + 1, sizeof(*d->slots));
	for (size_t k = 0; k < d->count; k++)
		d->slots[slot_of(d, d->keys[k])] = (uint32_t)k + 1;
}

void dedup_insert(struct dedup *d, struct dedup_key key, uint32_t value)
{
	if (4 * d->count >= 3 * d->mask)
		grow_slots(d);
	grow_array(&d->keys, &d->key_capacity, d->count + 1);
	grow_array(&d->values, &d->value_capacity, d->count + 1);
	size_t slot = slot_of(d, key);
	d->keys[d->count] = key;
	d->values[d->count] = value;
	d->slots[slot] = (uint32_t)++d->count;
}

void hash_secrets_init(struct hash_secrets *s)
{
	if (getrandom(s, sizeof(*s), GRND_NONBLOCK) == (ssize_t)sizeof(*s))
		return;
	/* Early in boot: less of a secret, but still different each time. */
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t x = (uint64_t)now.tv_sec * 1000000007u ^ (uint64_t)now.tv_nsec ^ (uintptr_t)s;
	for (size_t i = 0; i < sizeof(s->bytes); i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		s->bytes[i / sizeof(s->bytes[0])][i % sizeof(s->bytes[0])] = (uint8_t)(x >> 56);
	}
}

struct dedup_key hash_content(const struct hash_secrets *s, const void *data, size_t len)
{
	return (struct dedup_key){
		XXH3_64bits_withSecret(data, len, s->bytes[0], sizeof(s->bytes[0])),
		XXH3_64bits_withSecret(data, len, s->bytes[1], sizeof(s->bytes[1])),
	};
}

uint64_t hash_hint(const struct hash_secrets *s, const void *data, size_t len)
{
	return XXH3_64bits_withSecret(data, len, s->bytes[0], sizeof(s->bytes[0]));
}
