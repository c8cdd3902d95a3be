/*
 * hooks/gpu/cdi.h - the Container Device Interface: what a specification says a device needs
 *
 * Container Device Interface specification, versions 0.3 to 1.1 (github.com/cncf-tags/container-device-interface).
 * A device is "vendor/class=name"; specification files lie in /etc/cdi and /var/run/cdi, of which the second wins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "base/strv.h"

#define CDI_GPU_KIND "nvidia.com/gpu"

struct cdi_spec {
	char *path, *kind;  /* owned */
	unsigned directory; /* a larger one wins */
	json_t *tree;       /* owned, checked */
};

struct cdi_registry {
	struct cdi_spec *specs;
	size_t count, capacity;
	struct strv problems; /* what is wrong with files that are not among .specs */
};

#define CDI_REGISTRY_INIT      ((struct cdi_registry){ 0 })
#define _cleanup_cdi_registry_ __attribute__((cleanup(cdi_registry_cleanup)))

void cdi_registry_cleanup(struct cdi_registry *r);

/* Add one specification. -1 with ERR (which names PATH) if it is none, and nothing is added. */
int cdi_registry_add(struct cdi_registry *r, const char *path, const char *text, size_t len, bool is_yaml,
	unsigned directory, struct error *err);

/* Read all files of the COUNT directories, the last of which wins. Bad ones become .problems. */
void cdi_registry_load(struct cdi_registry *r, const char *const *directories, size_t count);

bool cdi_registry_has_kind(const struct cdi_registry *r, const char *kind);

/* Is NAME "vendor/class=name"? */
bool cdi_is_qualified(const char *name);

/* One "containerEdits", and the file that it stands in. Both borrowed from the registry. */
struct cdi_edits {
	const struct cdi_spec *spec;
	const json_t *tree;
};

struct cdi_selection {
	struct cdi_edits *items;
	size_t count, capacity;
};

#define CDI_SELECTION_INIT      ((struct cdi_selection){ 0 })
#define _cleanup_cdi_selection_ __attribute__((cleanup(cdi_selection_cleanup)))

void cdi_selection_cleanup(struct cdi_selection *s);

/*
 * What the device NAME (qualified) needs: the edits of its file first, once, then its own. "all" is every device of
 * its kind unless a device has that name. ENODEV if there is none, EEXIST if two files of one directory have it.
 */
int cdi_select(struct cdi_selection *s, const struct cdi_registry *r, const char *name, struct error *err);

/* The edits of the files of KIND, without any device. */
void cdi_select_kind(struct cdi_selection *s, const struct cdi_registry *r, const char *kind);
