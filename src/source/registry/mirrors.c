#include "source/registry/mirrors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/registry/registries.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define HUB_NAME       "docker.io" /* what registries.conf calls it */

void endpoints_cleanup(struct endpoints *e)
{
	for (size_t i = 0; i < e->count; i++) {
		free(e->items[i].registry);
		free(e->items[i].repository);
	}
	free(e->items);
	*e = (struct endpoints){ 0 };
}

/* "HOST[:PORT]/REPOSITORY" → an endpoint. false: it is malformed. */
static bool add(struct endpoints *e, const char *name, bool is_insecure, bool is_mirror)
{
	const char *slash = strchr(name, '/');
	if (slash == NULL || slash == name || slash[1] == '\0' || strpbrk(name, "?#@ ") != NULL)
		return false;
	_cleanup_free_ char *host = xstrndup(name, (size_t)(slash - name));
	grow_array(&e->items, &e->capacity, e->count + 1);
	e->items[e->count++] = (struct endpoint){
		.registry = xstrdup(reference_is_docker_hub(host) ? REFERENCE_DOCKER_HUB : host),
		.repository = xstrdup(slash + 1),
		.is_insecure = is_insecure,
		.is_mirror = is_mirror,
	};
	return true;
}

/* How many bytes of NAME the prefix stands for; 0: it does not fit. */
static size_t match(const char *prefix, const char *name)
{
	size_t len = strlen(prefix), host = strcspn(name, "/");
	if (str_starts_with(prefix, "*.")) /* any host of a domain */
		return host > len - 1 && memcmp(name + host - (len - 1), prefix + 1, len - 1) == 0 ? host : 0;
	if (len == 0 || strncmp(prefix, name, len) != 0)
		return 0;
	return name[len] == '/' || name[len] == '\0' ? len : 0;
}

static const char *prefix_of(const struct registries_entry *e)
{
	return e->prefix != NULL ? e->prefix : e->location != NULL ? e->location : "";
}

/* The longest prefix wins, and of equal ones the last. */
static const struct registries_entry *find_entry(
	const struct registries *r, const char *name, size_t *matched)
{
	const struct registries_entry *found = NULL;
	for (size_t i = 0; i < r->count; i++) {
		size_t len = match(prefix_of(&r->entries[i]), name);
		if (len == 0 ||
			(found != NULL && strlen(prefix_of(&r->entries[i])) < strlen(prefix_of(found))))
			continue;
		found = &r->entries[i];
		*matched = len;
	}
	return found;
}

static int find(
	struct endpoints *e, const struct registries *r, const struct reference *ref, struct error *err)
{
	bool is_hub = reference_is_docker_hub(ref->registry);
	_cleanup_free_ char *name = xasprintf("%s/%s", is_hub ? HUB_NAME : ref->registry, ref->repository);
	size_t matched = 0;
	const struct registries_entry *entry = find_entry(r, name, &matched);
	*e = (struct endpoints){ 0 };
	if (entry == NULL) {
		add(e, name, false, false);
		return 0;
	}
	if (entry->is_blocked) {
		error_set(err, EPERM, "%s is blocked by registries.conf", prefix_of(entry));
		return error_hint(err, "see containers-registries.conf(5)");
	}
	for (size_t i = 0; i < entry->count; i++) {
		const struct registries_mirror *m = &entry->mirrors[i];
		if (m->location == NULL || !(ref->digest != NULL ? m->for_digests : m->for_tags))
			continue;
		_cleanup_free_ char *mirror = xasprintf("%s%s", m->location, name + matched);
		if (!add(e, mirror, m->is_insecure, true))
			log_warn("registries.conf: a mirror's location is malformed: %s", m->location);
	}
	bool is_wild = entry->location == NULL || str_starts_with(prefix_of(entry), "*.");
	_cleanup_free_ char *real =
		is_wild ? xstrdup(name) : xasprintf("%s%s", entry->location, name + matched);
	if (!add(e, real, entry->is_insecure, false)) {
		endpoints_cleanup(e);
		return error_set(
			err, EINVAL, "registries.conf: a location is malformed: %s", entry->location);
	}
	return 0;
}

static void read_file(struct registries *r, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (fd >= 0 && fd_read_all(fd, FILE_MAX_BYTES, &text, &len) == 0)
		registries_parse(r, text, path);
	else if (errno != ENOENT && errno != ENOTDIR)
		log_warn("cannot read %s: %s", path, strerror(errno));
}

static int is_drop_in(const struct dirent *e)
{
	return e->d_name[0] != '.' && str_ends_with(e->d_name, ".conf");
}

static void read_folder(struct registries *r, const char *folder)
{
	struct dirent **list;
	int count = scandir(folder, &list, is_drop_in, alphasort);
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *path = path_join(folder, list[i]->d_name);
		read_file(r, path);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

/* The user's folder; the caller owns it. NULL: none. */
static char *user_folder(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (config != NULL && *config != '\0')
		return path_join(config, "containers");
	return home != NULL && *home != '\0' ? path_join(home, ".config/containers") : NULL;
}

static void read_all(struct registries *r)
{
	const char *only = getenv("CONTAINERS_REGISTRIES_CONF");
	if (only != NULL && *only != '\0') {
		read_file(r, only);
		return;
	}
	_cleanup_free_ char *user = user_folder();
	const char *const folders[] = { "/etc/containers", user };
	_cleanup_free_ char *own = user != NULL ? path_join(user, "registries.conf") : NULL;
	read_file(r, own != NULL && access(own, F_OK) == 0 ? own : "/etc/containers/registries.conf");
	for (size_t i = 0; i < ARRAY_SIZE(folders) && folders[i] != NULL; i++) {
		_cleanup_free_ char *drop_ins = path_join(folders[i], "registries.conf.d");
		read_folder(r, drop_ins);
	}
}

int endpoints_find(struct endpoints *e, const struct reference *ref, struct error *err)
{
	struct registries r = { 0 };
	read_all(&r);
	int status = find(e, &r, ref, err);
	registries_cleanup(&r);
	return status;
}

int endpoints_find_in(struct endpoints *e, const struct reference *ref, const char *text, const char *name,
	struct error *err)
{
	struct registries r = { 0 };
	_cleanup_free_ char *copy = xstrdup(text);
	registries_parse(&r, copy, name);
	int status = find(e, &r, ref, err);
	registries_cleanup(&r);
	return status;
}
