#include "store/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "store/work_lock.h"

#define DIGITS     "0123456789"
#define HEX_DIGITS DIGITS "abcdef"

const char *cache_kind_name(enum cache_kind kind)
{
	static const char *const names[] = {
		[CACHE_BLOB] = "blob",
		[CACHE_IMAGE] = "image",
		[CACHE_TAG] = "tag",
		[CACHE_OLD] = "old",
	};
	return names[kind];
}

void cache_list_cleanup(struct cache_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].path);
	free(list->entries);
	*list = (struct cache_list){ 0 };
}

/* The length of the hexadecimal number that NAME begins with. */
static size_t hex_length(const char *name)
{
	return strspn(name, HEX_DIGITS);
}

static bool is_hex_256(const char *name)
{
	return hex_length(name) == 64 && name[64] == '\0';
}

static bool is_hex_512(const char *name)
{
	return hex_length(name) == 128 && name[128] == '\0';
}

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, DIGITS)] == '\0';
}

/* HEX.sqsh, HEX.UID.sqsh, and what was there before one was replaced. */
static bool is_image(const char *name)
{
	bool is_previous = *name == '.';
	name += is_previous;
	if (hex_length(name) != 64)
		return false;
	name += 64;
	size_t digits = *name == '.' ? strspn(name + 1, DIGITS) : 0;
	name += digits > 0 ? digits + 1 : 0;
	return str_eq(name, is_previous ? ".sqsh.prev" : ".sqsh");
}

static bool is_tag(const char *name)
{
	return hex_length(name) == 64 && (name[64] == '\0' || (name[64] == '.' && is_number(name + 65)));
}

/* Layers under bare names and folders of tokens, from the established tool. */
static bool is_old(const char *name)
{
	static const char tokens[] = ".tokens.";
	return is_hex_256(name) || (str_starts_with(name, tokens) && is_number(name + strlen(tokens)));
}

static const struct {
	const char *folder;
	enum cache_kind kind;
	bool (*is_one)(const char *name);
} folders[] = {
	{ "blobs/sha256", CACHE_BLOB, is_hex_256 },
	{ "blobs/sha512", CACHE_BLOB, is_hex_512 },
	{ "images", CACHE_IMAGE, is_image },
	{ "tags", CACHE_TAG, is_tag },
	{ ".", CACHE_OLD, is_old },
};

static DIR *open_folder(const char *cache_path, const char *folder)
{
	_cleanup_free_ char *path = path_join(cache_path, folder);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL && fd >= 0)
		close(fd);
	return d;
}

/* A directory that is being listed. */
struct place {
	const char *path;
	bool is_own;
};

static void add(struct cache_list *list, const struct place *place, size_t folder, const char *name,
	const struct stat *st)
{
	grow_array(&list->entries, &list->capacity, list->count + 1);
	struct cache_entry *e = &list->entries[list->count++];
	_cleanup_free_ char *below =
		str_eq(folders[folder].folder, ".") ? xstrdup(name) : path_join(folders[folder].folder, name);
	*e = (struct cache_entry){
		.kind = folders[folder].kind,
		.is_own = place->is_own,
		.path = path_join(place->path, below),
		.bytes = (uint64_t)st->st_size,
		.used = MAX(st->st_atim.tv_sec, st->st_mtim.tv_sec),
	};
	e->name = place->is_own ? e->path + strlen(e->path) - strlen(below) : e->path;
	if (place->is_own)
		list->bytes += e->bytes;
}

static int compare(const void *a, const void *b)
{
	const struct cache_entry *x = a, *y = b;
	if (x->used != y->used)
		return x->used < y->used ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int read_place(struct cache_list *list, const struct place *place, struct error *err)
{
	struct stat st;
	if (stat(place->path, &st) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot look at %s", place->path);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_closedir_ DIR *d = open_folder(place->path, folders[i].folder);
		if (d == NULL && errno == ENOENT)
			continue;
		if (d == NULL)
			return error_errno(err, "cannot read %s/%s", place->path, folders[i].folder);
		for (struct dirent *e; (e = readdir(d)) != NULL;) {
			if (folders[i].is_one(e->d_name) &&
				fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
				add(list, place, i, e->d_name, &st);
		}
	}
	return 0;
}

int cache_list_read(struct cache_list *list, const struct cache_places *places, struct error *err)
{
	char *path;
	int r = 0;
	*list = (struct cache_list){ 0 };
	for (size_t i = 0; r == 0 && (path = cache_place(places, i)) != NULL; i++) {
		_cleanup_error_ struct error failure = ERROR_INIT;
		const struct place place = { .path = path, .is_own = cache_place_is_own(places, i) };
		if (read_place(list, &place, &failure) < 0 && place.is_own)
			r = error_move(err, &failure);
		else if (error_is_set(&failure))
			log_warn("%s", failure.message);
		free(path);
	}
	if (r < 0)
		cache_list_cleanup(list);
	else if (list->count > 0)
		qsort(list->entries, list->count, sizeof(*list->entries), compare);
	return r;
}

/* A folder of files, such as that of the tokens. */
static int remove_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			(void)unlinkat(fd, e->d_name, 0);
	return rmdir(path);
}

int cache_remove(const struct cache_entry *entry, struct error *err)
{
	if (unlink(entry->path) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR && entry->kind == CACHE_OLD && remove_folder(entry->path) == 0)
		return 0;
	return error_errno(err, "cannot remove %s", entry->path);
}

static bool may_go(const struct cache_entry *e, const struct cache_prune *how, int64_t now)
{
	return e->kind == CACHE_OLD || how->is_forced || e->used < now - (int64_t)how->keep_seconds;
}

/* The list is of a while ago, and somebody may have come for what nobody used for long. */
static bool is_used_again(const struct cache_entry *e, const struct cache_prune *how, int64_t now)
{
	struct stat st;
	struct cache_entry current = *e;
	if (lstat(e->path, &st) < 0)
		return false;
	current.used = MAX(st.st_atim.tv_sec, st.st_mtim.tv_sec);
	return !may_go(&current, how, now);
}

/* The first failure is told, the others are tried all the same. */
static void note(struct error *err, struct error *failure)
{
	if (!error_is_set(err))
		error_move(err, failure);
	error_clear(failure);
}

int cache_prune(const struct cache_list *list, const char *cache_path, const struct cache_prune *how,
	void (*done)(void *ctx, const struct cache_entry *entry), void *ctx, struct error *err)
{
	uint64_t left = list->bytes;
	int64_t now = time(NULL);
	for (size_t i = 0; i < list->count; i++) {
		_cleanup_error_ struct error failure = ERROR_INIT;
		const struct cache_entry *e = &list->entries[i];
		bool is_enough = how->has_size && left <= how->size && e->kind != CACHE_OLD;
		if (!e->is_own || is_enough || !may_go(e, how, now) || is_used_again(e, how, now))
			continue;
		if (cache_remove(e, &failure) < 0) {
			note(err, &failure);
			continue;
		}
		left -= e->bytes;
		done(ctx, e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = path_join(cache_path, folders[i].folder);
		work_lock_clean(path);
	}
	return error_is_set(err) ? -1 : 0;
}
