#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "squashfs/writer_tables.h"

static const struct {
	const char *prefix;
	enum sqfs_xattr_type type;
} prefixes[] = {
	{ "user.", SQFS_XATTR_USER },
	{ "trusted.", SQFS_XATTR_TRUSTED },
	{ "security.", SQFS_XATTR_SECURITY },
};

/* The name without its prefix, or NULL if squashfs has no place for it (POSIX ACLs: "system."). */
static const char *split_name(const char *name, enum sqfs_xattr_type *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (!str_starts_with(name, prefixes[i].prefix))
			continue;
		*type = prefixes[i].type;
		name += strlen(prefixes[i].prefix);
		return *name != '\0' && strlen(name) <= UINT16_MAX ? name : NULL;
	}
	return NULL;
}

static int write_pair(
	struct tables *t, const struct tree_xattr *a, struct sqfs_xattr_id *id, struct error *err)
{
	enum sqfs_xattr_type type;
	const char *name = split_name(a->name, &type);
	if (name == NULL) {
		if (!t->xattrs.warned)
			log_warn("Extended attributes such as %s cannot be stored in the image", a->name);
		t->xattrs.warned = true;
		return 0;
	}
	size_t name_len = strlen(name);
	struct sqfs_xattr_entry entry = { htole16((uint16_t)type), htole16((uint16_t)name_len) };
	uint32_t value_len = htole32(a->value_len);
	struct meta *m = t->xattrs.pairs;
	if (meta_append(m, &entry, sizeof(entry), err) < 0 || meta_append(m, name, name_len, err) < 0 ||
		meta_append(m, &value_len, sizeof(value_len), err) < 0 ||
		meta_append(m, a->value, a->value_len, err) < 0)
		return -1;
	id->count++;
	id->size += (uint32_t)(sizeof(entry) + name_len + sizeof(value_len)) + a->value_len;
	return 0;
}

static int add_set(struct tables *t, uint32_t set, uint32_t *index, struct error *err)
{
	struct xattr_tables *x = &t->xattrs;
	if (x->pairs == NULL)
		x->pairs = meta_new(t->w->options.plain_xattrs ? NULL : t->codec, NULL);
	const struct tree_xattr *list;
	size_t n = tree_xattrs(t->tree, set, &list);
	struct sqfs_xattr_id id = { .xattr = htole64(meta_ref(x->pairs)) };
	for (size_t i = 0; i < n; i++)
		if (write_pair(t, &list[i], &id, err) < 0)
			return -1;
	if (id.count == 0) {
		*index = SQFS_NO_XATTR;
		return 0;
	}
	id.count = htole32(id.count);
	id.size = htole32(id.size);
	grow_array(&x->ids, &x->capacity, x->count + 1);
	*index = (uint32_t)x->count;
	x->ids[x->count++] = id;
	return 0;
}

int xattr_index(struct tables *t, uint32_t set, uint32_t *index, struct error *err)
{
	struct xattr_tables *x = &t->xattrs;
	*index = SQFS_NO_XATTR;
	if (set == TREE_NO_XATTRS || t->w->options.no_xattrs)
		return 0;
	if (set >= x->set_capacity) {
		size_t before = x->set_capacity;
		grow_array(&x->by_set, &x->set_capacity, (size_t)set + 1);
		memset(x->by_set + before, 0, (x->set_capacity - before) * sizeof(*x->by_set));
	}
	if (x->by_set[set] == 0) {
		if (add_set(t, set, index, err) < 0)
			return -1;
		x->by_set[set] = *index + 1; /* SQFS_NO_XATTR becomes 0: asked again, to no harm */
	}
	*index = x->by_set[set] - 1;
	return 0;
}

int xattr_write_tables(struct tables *t, uint64_t *start, struct error *err)
{
	struct xattr_tables *x = &t->xattrs;
	struct output *out = &t->w->out;
	*start = SQFS_NO_TABLE;
	if (x->count == 0)
		return 0;
	struct sqfs_xattr_table header = {
		.xattr_table_start = htole64(out->pos),
		.ids = htole32((uint32_t)x->count),
	};
	if (meta_emit(x->pairs, out, err) < 0)
		return -1;
	return meta_write_table(out, x->pairs->codec, x->ids, x->count * sizeof(*x->ids), &header,
		sizeof(header), start, err);
}

void xattr_tables_cleanup(struct xattr_tables *x)
{
	free(x->by_set);
	free(x->ids);
	meta_free(x->pairs);
	*x = (struct xattr_tables){ 0 };
}
