#include "source/registry/places.h"

#include "base/memory.h"
#include "source/registry/credentials.h"
#include "source/registry/mirrors.h"

struct places {
	char *uri;
	struct source_options options;
	struct endpoints endpoints;
	struct registry **sessions; /* of each endpoint; NULL: none yet */
};

static void reverse(struct endpoints *e)
{
	for (size_t i = 0; i < e->count / 2; i++) {
		const struct endpoint other = e->items[e->count - 1 - i];
		e->items[e->count - 1 - i] = e->items[i];
		e->items[i] = other;
	}
}

struct places *places_new(const char *uri, const struct source_options *options, struct error *err)
{
	_cleanup_reference_ struct reference ref;
	struct endpoints endpoints;
	if (reference_parse(&ref, uri, err) < 0 || endpoints_find(&endpoints, &ref, err) < 0)
		return NULL;
	if (options->is_reversed)
		reverse(&endpoints);
	struct places *p = xcalloc(1, sizeof(*p));
	p->uri = xstrdup(uri);
	p->options = *options;
	p->endpoints = endpoints;
	p->sessions = xcalloc(endpoints.count, sizeof(*p->sessions));
	return p;
}

static void free_session(struct registry *r)
{
	if (r != NULL)
		registry_cleanup(r);
	free(r);
}

void places_free(struct places *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->endpoints.count; i++)
		free_session(p->sessions[i]);
	free(p->sessions);
	endpoints_cleanup(&p->endpoints);
	credentials_free_secret(p->uri);
	free(p);
}

size_t places_count(const struct places *p)
{
	return p->endpoints.count;
}

bool places_is_mirror(const struct places *p, size_t i)
{
	return p->endpoints.items[i].is_mirror;
}

const char *places_name(const struct places *p, size_t i)
{
	return p->endpoints.items[i].registry;
}

struct registry *places_get(struct places *p, size_t i, struct error *err)
{
	if (p->sessions[i] != NULL)
		return p->sessions[i];
	struct registry *r = xcalloc(1, sizeof(*r));
	if (registry_init(r, p->uri, &p->endpoints.items[i], &p->options, err) < 0) {
		free_session(r);
		return NULL;
	}
	return p->sessions[i] = r;
}
