/* rootfs/scan_xattr.c - the extended attributes that an image keeps */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/memory.h"
#include "base/str.h"
#include "rootfs/scan_private.h"

#define LIST_MAX  65536u /* XATTR_LIST_MAX */
#define VALUE_MAX 65535u /* what squashfs takes */

/* What speaks of this machine stays here. */
bool scan_keeps_xattr(const char *name)
{
	if (str_starts_with(name, "user.overlay."))
		return false;
	return str_starts_with(name, "user.") || str_eq(name, "security.capability");
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct tree_xattr *)a)->name, ((const struct tree_xattr *)b)->name);
}

static int read_value(int fd, const char *name, struct tree_xattr *x, struct error *err)
{
	_cleanup_free_ uint8_t *value = xmalloc(VALUE_MAX);
	ssize_t n = fgetxattr(fd, name, value, VALUE_MAX);
	if (n < 0)
		return error_errno(err, "cannot read the extended attribute %s", name);
	*x = (struct tree_xattr){
		.name = name, .value = xmemdup(value, (size_t)n), .value_len = (uint32_t)n
	};
	return 0;
}

static int read_set(struct scan *s, int fd, const char *names, size_t len, uint32_t *id, struct error *err)
{
	struct tree_xattr *list = NULL;
	size_t count = 0, capacity = 0;
	int r = 0;
	for (const char *name = names; r == 0 && name < names + len; name += strlen(name) + 1) {
		if (!scan_keeps_xattr(name))
			continue;
		grow_array(&list, &capacity, count + 1);
		r = read_value(fd, name, &list[count], err);
		count += r == 0;
	}
	if (r == 0 && count != 0) {
		qsort(list, count, sizeof(*list), compare);
		*id = tree_add_xattrs(s->tree, list, count);
	}
	for (size_t i = 0; i < count; i++)
		free((void *)list[i].value);
	free(list);
	return r;
}

int scan_xattrs(struct scan *s, int fd, uint32_t *id, struct error *err)
{
	char few[256];
	*id = TREE_NO_XATTRS;
	ssize_t n = flistxattr(fd, few, sizeof(few));
	if (n == 0 || (n < 0 && errno == EOPNOTSUPP))
		return 0;
	if (n > 0)
		return read_set(s, fd, few, (size_t)n, id, err);
	if (errno != ERANGE)
		return error_errno(err, "cannot list extended attributes");
	_cleanup_free_ char *names = xmalloc(LIST_MAX);
	n = flistxattr(fd, names, LIST_MAX);
	if (n < 0)
		return error_errno(err, "cannot list extended attributes");
	return read_set(s, fd, names, (size_t)n, id, err);
}
