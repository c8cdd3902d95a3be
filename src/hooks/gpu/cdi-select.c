/* From names of devices to the edits that they need. */
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "hooks/gpu/cdi.h"
#include "hooks/gpu/document.h"

#define MAX_KNOWN 8 /* in a message */

bool cdi_registry_has_kind(const struct cdi_registry *r, const char *kind)
{
	for (size_t i = 0; i < r->count; i++) {
		if (str_eq(r->specs[i].kind, kind))
			return true;
	}
	return false;
}

void cdi_selection_cleanup(struct cdi_selection *s)
{
	free(s->items);
	*s = CDI_SELECTION_INIT;
}

static void add(struct cdi_selection *s, const struct cdi_spec *spec, const json_t *tree)
{
	if (!json_is_object(tree))
		return;
	for (size_t i = 0; i < s->count; i++) { /* a device asked for twice, another device of the file */
		if (s->items[i].tree == tree)
			return;
	}
	grow_array(&s->items, &s->capacity, s->count + 1);
	s->items[s->count++] = (struct cdi_edits){ spec, tree };
}

static void add_device(struct cdi_selection *s, const struct cdi_spec *spec, const json_t *device)
{
	add(s, spec, json_object_get(spec->tree, "containerEdits"));
	add(s, spec, json_object_get(device, "containerEdits"));
}

static const json_t *find_in(const struct cdi_spec *spec, const char *name)
{
	const json_t *device;
	size_t i;
	json_array_foreach(json_object_get(spec->tree, "devices"), i, device)
	{
		if (str_eq(document_text(device, "name"), name))
			return device;
	}
	return NULL;
}

struct match {
	const struct cdi_spec *spec, *rival; /* .rival: another file of the same directory has it too */
	const json_t *device;
};

static struct match find(const struct cdi_registry *r, const char *kind, const char *name)
{
	struct match m = { 0 };
	for (size_t i = 0; i < r->count; i++) {
		const struct cdi_spec *spec = &r->specs[i];
		if (!str_eq(spec->kind, kind) || (m.spec != NULL && spec->directory < m.spec->directory))
			continue;
		const json_t *device = find_in(spec, name);
		if (device == NULL)
			continue;
		const struct cdi_spec *rival =
			m.spec != NULL && m.spec->directory == spec->directory ? m.spec : NULL;
		m = (struct match){ spec, rival, device };
	}
	return m;
}

/* The devices of KIND that there are, or else the kinds. */
static void list_known(struct buffer *text, const struct cdi_registry *r, const char *kind)
{
	bool is_kind_known = cdi_registry_has_kind(r, kind);
	size_t count = 0, at;
	for (size_t i = 0; i < r->count && count < MAX_KNOWN; i++) {
		const struct cdi_spec *spec = &r->specs[i];
		const json_t *device;
		if (!is_kind_known) {
			buffer_printf(text, "%s%s", count++ > 0 ? ", " : "", spec->kind);
			continue;
		}
		json_array_foreach(json_object_get(spec->tree, "devices"), at, device)
		{
			if (str_eq(spec->kind, kind) && count < MAX_KNOWN)
				buffer_printf(text, "%s%s=%s", count++ > 0 ? ", " : "", kind,
					document_text(device, "name"));
		}
	}
}

static int report_missing(const struct cdi_registry *r, const char *kind, const char *name, struct error *err)
{
	if (r->problems.count > 0) {
		error_set(err, ENODEV, "Unknown device: %s (%s)", name, r->problems.items[0]);
		return error_hint(err, "mend that file, or remove it");
	}
	_cleanup_buffer_ struct buffer known = BUFFER_INIT;
	list_known(&known, r, kind);
	error_set(err, ENODEV, "Unknown device: %s", name);
	return error_hint(err, "no specification in /etc/cdi or /var/run/cdi has it%s%s",
		known.len > 0 ? "; they have " : "", known.len > 0 ? known.data : "");
}

static int select_device(struct cdi_selection *s, const struct cdi_registry *r, const char *kind,
	const char *name, struct error *err)
{
	struct match m = find(r, kind, name);
	if (m.rival != NULL) {
		error_set(err, EEXIST, "Device %s=%s is in both %s and %s", kind, name, m.rival->path,
			m.spec->path);
		return error_hint(err, "remove one of the two files");
	}
	if (m.device == NULL)
		return error_set(err, ENODEV, "Unknown device: %s=%s", kind, name);
	add_device(s, m.spec, m.device);
	return 0;
}

static int select_all(
	struct cdi_selection *s, const struct cdi_registry *r, const char *kind, struct error *err)
{
	for (size_t i = 0; i < r->count; i++) {
		const json_t *device;
		size_t at;
		if (!str_eq(r->specs[i].kind, kind))
			continue;
		json_array_foreach(json_object_get(r->specs[i].tree, "devices"), at, device)
		{
			if (select_device(s, r, kind, document_text(device, "name"), err) < 0)
				return -1;
		}
	}
	return 0;
}

int cdi_select(struct cdi_selection *s, const struct cdi_registry *r, const char *name, struct error *err)
{
	if (!cdi_is_qualified(name)) {
		error_set(err, EINVAL, "Invalid argument: %s", name);
		return error_hint(err, "devices are called vendor/class=name");
	}
	const char *device = strchr(name, '=') + 1;
	_cleanup_free_ char *kind = xstrndup(name, (size_t)(device - 1 - name));
	if (find(r, kind, device).device != NULL)
		return select_device(s, r, kind, device, err);
	if (str_eq(device, "all") && cdi_registry_has_kind(r, kind))
		return select_all(s, r, kind, err);
	return report_missing(r, kind, name, err);
}

void cdi_select_kind(struct cdi_selection *s, const struct cdi_registry *r, const char *kind)
{
	for (size_t i = 0; i < r->count; i++) {
		if (str_eq(r->specs[i].kind, kind))
			add(s, &r->specs[i], json_object_get(r->specs[i].tree, "containerEdits"));
	}
}
