#include "hooks/gpu/cdi-apply.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "hooks/gpu/document.h"

typedef int apply_fn(struct inject *in, const struct cdi_spec *spec, const json_t *item, struct error *err);

static int apply_variable(
	struct inject *in, const struct cdi_spec *spec, const json_t *item, struct error *err)
{
	return inject_variable(in, json_string_value(item), err);
}

static int number_or_any(const json_t *item, const char *key, int64_t *value, struct error *err)
{
	bool is_set;
	uint64_t number;
	*value = -1;
	if (!document_number(item, key, &is_set, &number) || (is_set && number > INT32_MAX))
		return error_set(err, EINVAL, "%s is no number", key);
	if (is_set)
		*value = (int64_t)number;
	return 0;
}

static int apply_node(struct inject *in, const struct cdi_spec *spec, const json_t *item, struct error *err)
{
	const char *host = document_text(item, "hostPath"), *type = document_text(item, "type");
	struct inject_node node = { .path = document_text(item, "path") };
	if (node.path == NULL || node.path[0] != '/')
		return error_set(err, EINVAL, "a device node has no path");
	node.host = host != NULL && *host != '\0' ? host : node.path;
	node.type = type != NULL ? *type : '\0';
	if (number_or_any(item, "major", &node.major, err) < 0 ||
		number_or_any(item, "minor", &node.minor, err) < 0)
		return error_prefix(err, "device node %s", node.path);
	if (node.major == 0 && node.minor == 0) /* how some generators leave them out */
		node.major = node.minor = -1;
	return inject_node(in, &node, err);
}

static int apply_mount(struct inject *in, const struct cdi_spec *spec, const json_t *item, struct error *err)
{
	const char *host = document_text(item, "hostPath"), *path = document_text(item, "containerPath");
	struct buffer options _cleanup_buffer_ = BUFFER_INIT;
	const json_t *option;
	size_t i;
	if (host == NULL || path == NULL)
		return error_set(err, EINVAL, "a mount has no hostPath or no containerPath");
	json_array_foreach(json_object_get(item, "options"), i, option)
	{
		if (!json_is_string(option) || strpbrk(json_string_value(option), " \t\n") != NULL)
			return error_set(err, EINVAL, "mount %s: malformed options", path);
		buffer_printf(&options, "%s%s", options.len > 0 ? "," : "", json_string_value(option));
	}
	return inject_mount(
		in, host, path, document_text(item, "type"), options.len > 0 ? options.data : "", err);
}

/* In the order in which a runtime does them. */
static const struct {
	const char *list;
	apply_fn *apply;
} parts[] = {
	{ "env", apply_variable },
	{ "deviceNodes", apply_node },
	{ "mounts", apply_mount },
	{ "hooks", cdi_run_hook },
};

static int apply_part(struct inject *in, const struct cdi_edits *edits, const char *list, apply_fn *apply,
	struct error *err)
{
	const json_t *item;
	size_t i;
	json_array_foreach(json_object_get(edits->tree, list), i, item)
	{
		if (apply(in, edits->spec, item, err) < 0)
			return error_prefix(err, "%s", edits->spec->path);
	}
	return 0;
}

static bool is_there(const json_t *edits, const char *key)
{
	const json_t *item = json_object_get(edits, key);
	return item != NULL && !json_is_null(item);
}

static void warn_unsupported(const struct cdi_selection *selection)
{
	static const char *const keys[] = { "intelRdt", "netDevices" };
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		for (size_t i = 0; i < selection->count; i++) {
			if (is_there(selection->items[i].tree, keys[k])) {
				log_warn("%s: %s is ignored", selection->items[i].spec->path, keys[k]);
				break;
			}
		}
	}
}

int cdi_apply(struct inject *in, const struct cdi_selection *selection, struct error *err)
{
	warn_unsupported(selection);
	for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
		for (size_t i = 0; i < selection->count; i++) {
			if (apply_part(in, &selection->items[i], parts[p].list, parts[p].apply, err) < 0)
				return -1;
		}
	}
	return inject_libraries(in, err);
}
