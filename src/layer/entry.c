#include "layer/entry.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

#define PREFIX_LEN (sizeof(".wh.") - 1)

uint16_t layer_repaired_mode(uint8_t type, uint16_t mode)
{
	switch (type) {
	case TREE_SYMLINK:
		return 0777;
	case TREE_DIRECTORY:
		return mode | 0700;
	default:
		return (mode & 0111) != 0 ? mode | 0500 : mode | 0400;
	}
}

static void drop_last(struct buffer *out)
{
	char *slash = memrchr(out->data, '/', out->len);
	out->len = slash != NULL ? (size_t)(slash - out->data) : 0;
}

static int append_component(
	struct buffer *out, const char *name, size_t len, unsigned *depth, struct error *err)
{
	if (len > LAYER_NAME_MAX)
		return error_set(err, ENAMETOOLONG, "a name of %zu bytes; at most %u are accepted", len,
			LAYER_NAME_MAX);
	if (++*depth > LAYER_DEPTH_MAX)
		return error_set(err, ENAMETOOLONG, "more than %u directories deep", LAYER_DEPTH_MAX);
	if (out->len != 0)
		buffer_putc(out, '/');
	buffer_append(out, name, len);
	return 0;
}

int layer_path_clean(const char *path, size_t len, struct buffer *out, bool *escapes, struct error *err)
{
	const char *end = path + len;
	unsigned depth = 0;
	bool escaped = false;
	out->len = 0;
	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		const char *name = path;
		size_t name_len = (size_t)((slash != NULL ? slash : end) - name);
		path = slash != NULL ? slash + 1 : end;
		if (name_len == 0 || (name_len == 1 && name[0] == '.'))
			continue;
		if (name_len == 2 && name[0] == '.' && name[1] == '.') {
			escaped |= depth == 0;
			if (depth > 0) {
				drop_last(out);
				depth--;
			}
		} else if (append_component(out, name, name_len, &depth, err) < 0) {
			return -1;
		}
	}
	if (escapes != NULL)
		*escapes = escaped;
	return 0;
}

const char *layer_path_last(const char *path, size_t len, size_t *dir_len, size_t *last_len)
{
	const char *slash = len != 0 ? memrchr(path, '/', len) : NULL;
	*dir_len = slash != NULL ? (size_t)(slash - path) : 0;
	const char *last = slash != NULL ? slash + 1 : path;
	*last_len = len - (size_t)(last - path);
	return last;
}

void layer_classifier_cleanup(struct layer_classifier *c)
{
	buffer_cleanup(&c->path);
	buffer_cleanup(&c->link);
	free(c->xattrs);
}

static bool begins(const char *s, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

/* Of another host's overlays and policies, or of other file systems: they mean nothing in an image. */
static bool is_kept_xattr(const struct tree_xattr *x)
{
	if (strlen(x->name) > LAYER_NAME_MAX || x->value_len > UINT16_MAX)
		return false;
	if (str_eq(x->name, "security.capability"))
		return true;
	return str_starts_with(x->name, "user.") && x->name[5] != '\0' &&
	       !str_starts_with(x->name, "user.overlay.");
}

static void choose_xattrs(struct layer_classifier *c, const struct tar_entry *tar, struct layer_entry *entry)
{
	for (size_t i = 0; i < tar->xattr_count; i++) {
		if (!is_kept_xattr(&tar->xattrs[i])) {
			c->skipped->xattrs++;
			continue;
		}
		grow_array(&c->xattrs, &c->xattr_capacity, entry->xattr_count + 1);
		c->xattrs[entry->xattr_count++] = tar->xattrs[i];
	}
	entry->xattrs = c->xattrs;
}

/* Linux does the same for a symlink of its own: what follows needs a target to be a path at all. */
static int check_symlink(const struct tar_entry *tar, struct error *err)
{
	if (tar->link_len == 0)
		return error_set(err, EBADMSG, "a symlink without a target");
	if (tar->link_len > LAYER_TARGET_MAX)
		return error_set(err, ENAMETOOLONG, "a symlink target of %zu bytes; at most %u are accepted",
			tar->link_len, LAYER_TARGET_MAX);
	return 0;
}

static int clean_hardlink(struct layer_classifier *c, const struct tar_entry *tar, struct error *err)
{
	bool escapes;
	if (layer_path_clean(tar->link, tar->link_len, &c->link, &escapes, err) < 0)
		return error_prefix(err, "hard link target");
	if (escapes)
		return error_set(err, EXDEV, "hard link target %.*s leads out of the image",
			(int)MIN(tar->link_len, 512), tar->link);
	if (c->link.len == 0)
		return error_set(err, EPERM, "a hard link to the root directory");
	if (c->link.len == c->path.len && memcmp(c->link.data, c->path.data, c->path.len) == 0)
		return error_set(err, ELOOP, "a hard link to itself");
	return 0;
}

/* OCI image spec, layer.md, "Whiteouts". 1: it is one (or of aufs' own, see *DROP), 0: not. */
static int classify_whiteout(
	struct layer_classifier *c, struct layer_entry *entry, bool *drop, struct error *err)
{
	size_t dir_len, len;
	const char *last = layer_path_last(c->path.data, c->path.len, &dir_len, &len);
	if (!begins(last, len, ".wh."))
		return 0;
	entry->path_len = dir_len;
	entry->kind = LAYER_OPAQUE;
	if (begins(last, len, ".wh..wh.")) {
		*drop = len != strlen(".wh..wh..opq") || !begins(last, len, ".wh..wh..opq");
		return 1;
	}
	const char *name = last + PREFIX_LEN;
	size_t name_len = len - PREFIX_LEN;
	if (name_len == 0 || (name_len == 1 && name[0] == '.') ||
		(name_len == 2 && name[0] == '.' && name[1] == '.'))
		return error_set(err, EBADMSG, "a whiteout of nothing, \".\" or \"..\"");
	entry->kind = LAYER_WHITEOUT;
	memmove(c->path.data + (last - c->path.data), name, name_len);
	c->path.len -= PREFIX_LEN;
	entry->path_len = c->path.len;
	return 1;
}

/* dev/ is made anew at every start; the directory itself stays. */
static bool is_left_out(struct layer_classifier *c)
{
	if (begins(c->path.data, c->path.len, "dev/")) {
		c->skipped->dev_entries++;
		return true;
	}
	/* What aufs keeps in its own directories at the top. */
	return begins(c->path.data, c->path.len, ".wh..wh.") &&
	       memchr(c->path.data, '/', c->path.len) != NULL;
}

static const enum layer_kind kind_of[] = {
	[TAR_FILE] = LAYER_FILE,
	[TAR_DIRECTORY] = LAYER_DIRECTORY,
	[TAR_SYMLINK] = LAYER_SYMLINK,
	[TAR_HARDLINK] = LAYER_HARDLINK,
	[TAR_FIFO] = LAYER_FIFO,
	[TAR_DEVICE] = LAYER_SKIPPED,
};

static int classify_link(
	struct layer_classifier *c, const struct tar_entry *tar, struct layer_entry *entry, struct error *err)
{
	if (entry->kind == LAYER_HARDLINK) {
		if (clean_hardlink(c, tar, err) < 0)
			return -1;
		entry->link = c->link.data;
		entry->link_len = c->link.len;
	} else {
		if (check_symlink(tar, err) < 0)
			return -1;
		entry->link = tar->link;
		entry->link_len = tar->link_len;
	}
	return 1;
}

int layer_classify(
	struct layer_classifier *c, const struct tar_entry *tar, struct layer_entry *entry, struct error *err)
{
	bool drop = false;
	if (layer_path_clean(tar->path, tar->path_len, &c->path, NULL, err) < 0)
		return -1;
	*entry = (struct layer_entry){
		.kind = kind_of[tar->type],
		.mode = tar->mode,
		.mtime = tar->mtime,
		.data = LAYER_NOT_WRITTEN,
		.size = tar->size,
		.path = c->path.len != 0 ? c->path.data : "",
		.path_len = c->path.len,
	};
	if (c->path.len == 0) {
		if (tar->type != TAR_DIRECTORY)
			return error_set(err, EISDIR, "an entry that would replace the root directory");
		choose_xattrs(c, tar, entry);
		return 1;
	}
	if (is_left_out(c))
		return 0;
	int rc = classify_whiteout(c, entry, &drop, err);
	if (rc != 0)
		return rc < 0 ? -1 : !drop;
	if (entry->kind == LAYER_SKIPPED) {
		c->skipped->devices++;
		return 1;
	}
	choose_xattrs(c, tar, entry);
	return entry->kind == LAYER_SYMLINK || entry->kind == LAYER_HARDLINK
		       ? classify_link(c, tar, entry, err)
		       : 1;
}
