/* Specification files: which are there, and whether they are well-formed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "hooks/gpu/cdi.h"
#include "hooks/gpu/document.h"

#define OLDEST_MINOR 3 /* of 0.x */
#define NEWEST_MAJOR 1
#define NEWEST_MINOR 1

void cdi_registry_cleanup(struct cdi_registry *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->specs[i].path);
		free(r->specs[i].kind);
		json_decref(r->specs[i].tree);
	}
	free(r->specs);
	strv_cleanup(&r->problems);
	*r = CDI_REGISTRY_INIT;
}

static int check_version(const json_t *tree, struct error *err)
{
	const char *text = document_text(tree, "cdiVersion");
	unsigned major, minor;
	if (text == NULL || sscanf(text + (*text == 'v'), "%3u.%3u", &major, &minor) != 2)
		return error_set(err, EINVAL, "cdiVersion is missing or is no version");
	if (major > NEWEST_MAJOR || (major == NEWEST_MAJOR && minor > NEWEST_MINOR)) {
		error_set(err, ENOTSUP, "version %s of the specification is newer than %d.%d", text,
			NEWEST_MAJOR, NEWEST_MINOR);
		return error_hint(err, "generate the file for an older version");
	}
	if (major == 0 && minor < OLDEST_MINOR) {
		error_set(err, ENOTSUP, "version %s of the specification is older than 0.%d", text,
			OLDEST_MINOR);
		return error_hint(err, "generate the file with a newer toolkit");
	}
	return 0;
}

/* Letters, digits and "_-.:" that begin with a letter or digit ("Device name", "Vendor", "Class"). */
static bool is_name(const char *s, size_t len, const char *punctuation)
{
	if (len == 0 || strchr(punctuation, s[0]) != NULL)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool alnum = (s[i] >= '0' && s[i] <= '9') || ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z');
		if (!alnum && (s[i] == '\0' || strchr(punctuation, s[i]) == NULL))
			return false;
	}
	return true;
}

static bool is_kind(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	if (slash == NULL)
		return false;
	size_t vendor = (size_t)(slash - s);
	return is_name(s, vendor, "_-.") && is_name(slash + 1, len - vendor - 1, "_-");
}

bool cdi_is_qualified(const char *name)
{
	const char *equals = strchr(name, '=');
	return equals != NULL && is_kind(name, (size_t)(equals - name)) &&
	       is_name(equals + 1, strlen(equals + 1), "_-.:");
}

/* Each member of edits is a list of objects, or of texts for "env". */
static int check_edits(const json_t *edits, struct error *err)
{
	static const char *const lists[] = { "env", "deviceNodes", "mounts", "hooks" };
	if (edits == NULL || json_is_null(edits))
		return 0;
	if (!json_is_object(edits))
		return error_set(err, EINVAL, "containerEdits is no mapping");
	for (unsigned i = 0; i < ARRAY_SIZE(lists); i++) {
		const json_t *list = json_object_get(edits, lists[i]), *item;
		size_t at;
		if (list == NULL || json_is_null(list))
			continue;
		if (!json_is_array(list))
			return error_set(err, EINVAL, "%s is no list", lists[i]);
		json_array_foreach(list, at, item)
		{
			if (i == 0 ? !json_is_string(item) : !json_is_object(item))
				return error_set(
					err, EINVAL, "entry %zu of %s is malformed", at + 1, lists[i]);
		}
	}
	return 0;
}

static int check_devices(const json_t *devices, struct error *err)
{
	size_t i;
	const json_t *device;
	json_t *seen __attribute__((cleanup(json_decrefp))) = json_object();
	if (!json_is_array(devices))
		return error_set(err, EINVAL, "devices is missing or no list");
	json_array_foreach(devices, i, device)
	{
		const char *name = document_text(device, "name");
		if (name == NULL || !is_name(name, strlen(name), "_-.:"))
			return error_set(err, EINVAL, "device %zu has no valid name", i + 1);
		if (json_object_get(seen, name) != NULL)
			return error_set(err, EINVAL, "device %s is there twice", name);
		json_object_set_new(seen, name, json_true());
		if (check_edits(json_object_get(device, "containerEdits"), err) < 0)
			return error_prefix(err, "device %s", name);
	}
	return 0;
}

static int check(const json_t *tree, struct error *err)
{
	const char *kind = document_text(tree, "kind");
	if (!json_is_object(tree))
		return error_set(err, EINVAL, "not a mapping");
	if (check_version(tree, err) < 0)
		return -1;
	if (kind == NULL || !is_kind(kind, strlen(kind)))
		return error_set(err, EINVAL, "kind is missing or is not vendor/class");
	if (check_edits(json_object_get(tree, "containerEdits"), err) < 0)
		return -1;
	return check_devices(json_object_get(tree, "devices"), err);
}

int cdi_registry_add(struct cdi_registry *r, const char *path, const char *text, size_t len, bool is_yaml,
	unsigned directory, struct error *err)
{
	json_t *tree = is_yaml ? document_parse_yaml(text, len, err) : document_parse_json(text, len, err);
	if (tree == NULL || check(tree, err) < 0) {
		json_decref(tree);
		return error_prefix(err, "%s", path);
	}
	grow_array(&r->specs, &r->capacity, r->count + 1);
	r->specs[r->count++] = (struct cdi_spec){
		.path = xstrdup(path),
		.kind = xstrdup(document_text(tree, "kind")),
		.directory = directory,
		.tree = tree,
	};
	return 0;
}

static int load_file(struct cdi_registry *r, const char *path, unsigned directory, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fd_read_all(fd, DOCUMENT_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", path);
	return cdi_registry_add(r, path, text, len, str_ends_with(path, ".yaml"), directory, err);
}

static int is_spec(const struct dirent *e)
{
	return e->d_name[0] != '.' &&
	       (str_ends_with(e->d_name, ".json") || str_ends_with(e->d_name, ".yaml"));
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_directory(struct cdi_registry *r, const char *path, unsigned directory)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_spec, compare_names);
	for (int i = 0; i < count; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *file = path_join(path, entries[i]->d_name);
		if (load_file(r, file, directory, &err) < 0)
			strv_push_owned(
				&r->problems, xasprintf("%s%s%s", err.message, err.hint != NULL ? "; " : "",
						      err.hint != NULL ? err.hint : ""));
		free(entries[i]);
	}
	free(entries);
}

void cdi_registry_load(struct cdi_registry *r, const char *const *directories, size_t count)
{
	for (size_t i = 0; i < count; i++)
		load_directory(r, directories[i], (unsigned)i);
}
