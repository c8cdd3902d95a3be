#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/cached-request.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "image/cached.h"
#include "image/record.h"
#include "store/cache.h"

#define SECONDS_PER_DAY 86400
#define READ_BYTES      ((size_t)1 << 20)

static const char usage[] =
	"Usage: enroot cache ls|prune|verify [options]\n"
	"\n"
	"Look after ENROOT_CACHE_PATH: layers as they were fetched, and images that \"enroot start URI\" "
	"built.\n"
	"Of ENROOT_CACHE_SYSTEM_PATH, which is only read, ls and verify show the whole paths.\n"
	"\n"
	"   ls      List what is there, what was used longest ago first\n"
	"   prune   Remove what was not used for ENROOT_CACHE_KEEP days (7), down to ENROOT_CACHE_SIZE if "
	"set\n"
	"   verify  Read everything, and say what is damaged (status 1)\n"
	"\n"
	" Options:\n"
	"   -f, --force      prune: remove what was used lately as well\n"
	"       --size SIZE  prune: stop when so much is left (a number, or with a suffix K, M, G, T)\n"
	"       --remove     verify: remove what is damaged\n"
	"       --json       Print the result as JSON\n"
	"   -q, --quiet      Print nothing but the result\n"
	"   -h, --help       Show this text\n";

struct cache_command {
	const struct settings *settings;
	const char *path;
	const char *size;
	bool is_forced, is_json, is_removing;
	size_t count; /* of entries removed or damaged */
	uint64_t bytes;
};

static const char *age_text(int64_t used, char *buf, size_t size)
{
	int64_t age = MAX(time(NULL) - used, 0);
	if (age >= 2 * SECONDS_PER_DAY)
		snprintf(buf, size, "%" PRId64 " days", age / SECONDS_PER_DAY);
	else if (age >= 7200)
		snprintf(buf, size, "%" PRId64 " hours", age / 3600);
	else
		snprintf(buf, size, "%" PRId64 " min", age / 60);
	return buf;
}

static void print_entry_json(const struct cache_entry *e, const char *note)
{
	printf("{\"kind\":\"%s\",\"path\":", cache_kind_name(e->kind));
	json_print_string(e->path);
	printf(",\"bytes\":%" PRIu64 ",\"used\":%" PRId64 ",\"own\":%s", e->bytes, e->used,
		e->is_own ? "true" : "false");
	if (note != NULL) {
		printf(",\"image\":");
		json_print_string(note);
	}
	putchar('}');
}

/* Where an image comes from, which the caller owns; NULL for anything else. */
static char *note_of(const struct cache_entry *e)
{
	_cleanup_image_record_ struct image_record r = { 0 };
	if (e->kind != CACHE_IMAGE || !image_record_read(e->path, &r))
		return NULL;
	return steal_pointer(&r.provenance);
}

static int list(struct cache_command *c, const struct cache_list *l, struct error *err)
{
	(void)err;
	if (c->is_json) {
		printf("{\"path\":");
		json_print_string(c->path);
		printf(",\"bytes\":%" PRIu64 ",\"entries\":[", l->bytes);
	} else if (l->count > 0) {
		printf("%-5s  %10s  %9s  %s\n", "KIND", "SIZE", "USED", "NAME");
	}
	for (size_t i = 0; i < l->count; i++) {
		const struct cache_entry *e = &l->entries[i];
		_cleanup_free_ char *note = note_of(e); /* of a system's cache: anybody's words */
		char age[32];
		if (c->is_json) {
			fputs(i > 0 ? "," : "", stdout);
			print_entry_json(e, note);
			continue;
		}
		if (note != NULL)
			str_make_printable(note);
		printf("%-5s  %10s  %9s  %s%s%s\n", cache_kind_name(e->kind), str_bytes(e->bytes),
			age_text(e->used, age, sizeof(age)), e->name, note != NULL ? "  " : "",
			note != NULL ? note : "");
	}
	if (c->is_json)
		printf("]}\n");
	return 0;
}

static void removed(void *ctx, const struct cache_entry *e)
{
	struct cache_command *c = ctx;
	if (c->is_json) {
		fputs(c->count > 0 ? "," : "", stdout);
		print_entry_json(e, NULL);
	} else {
		printf("%s\n", e->name);
	}
	c->count++;
	c->bytes += e->bytes;
}

static int prune(struct cache_command *c, const struct cache_list *l, struct error *err)
{
	struct cache_prune how = { .is_forced = c->is_forced };
	const char *text = c->size;
	uint64_t days = 7;
	if (settings_get(c->settings, SETTING_CACHE_KEEP) != NULL &&
		settings_number(c->settings, SETTING_CACHE_KEEP, &days, err) < 0)
		return -1;
	how.keep_seconds = MIN(days, 100000) * SECONDS_PER_DAY;
	if (text == NULL)
		text = settings_get(c->settings, SETTING_CACHE_SIZE);
	how.has_size = text != NULL;
	if (text != NULL && !str_parse_size(text, &how.size))
		return error_set(err, EINVAL, "Invalid argument: %s", text);
	if (c->is_json)
		printf("{\"removed\":[");
	int r = cache_prune(l, c->path, &how, removed, c, err);
	if (c->is_json)
		printf("],\"bytes\":%" PRIu64 "}\n", c->bytes);
	log_info("Removed %zu files (%s)", c->count, str_bytes(c->bytes));
	return r;
}

/* ".../blobs/sha256/HEX" → is its digest that? -1: it cannot be read, or the user does not want to wait. */
static int check_blob(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *digest = xasprintf("%.6s:%s", slash - strlen("sha256"), slash + 1);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 1 : error_errno(err, "cannot open %s", path);
	_cleanup_free_ char *buf = xmalloc(READ_BYTES);
	struct digester *d = digester_new(digest);
	ssize_t n;
	while ((n = fd_read_full(fd, buf, READ_BYTES)) > 0 && !interrupt_requested())
		digester_update(d, buf, (size_t)n);
	int code = errno;
	_cleanup_free_ char *actual = digester_final(d);
	digester_free(d);
	errno = code;
	if (interrupt_check(err) < 0)
		return -1;
	return n < 0 ? error_errno(err, "cannot read %s", path) : str_eq(actual, digest);
}

static int check_entry(const struct cache_entry *e, struct error *err)
{
	const char *base = strrchr(e->path, '/') + 1;
	if (e->kind == CACHE_BLOB)
		return check_blob(e->path, err);
	if (e->kind == CACHE_IMAGE && *base != '.')
		return image_cached_is_right(e->path, base);
	return 1;
}

static int verify(struct cache_command *c, const struct cache_list *l, struct error *err)
{
	if (c->is_json)
		printf("{\"damaged\":[");
	int r = 0;
	for (size_t i = 0; i < l->count && r == 0; i++) {
		const struct cache_entry *e = &l->entries[i];
		int right = check_entry(e, err);
		if (right == 0)
			removed(c, e);
		bool is_going = right == 0 && c->is_removing && e->is_own;
		r = right < 0 || (is_going && cache_remove(e, err) < 0) ? -1 : 0;
	}
	if (c->is_json)
		printf("],\"checked\":%zu}\n", l->count);
	if (r < 0)
		return -1;
	log_info("%zu of %zu files are damaged", c->count, l->count);
	if (c->count == 0)
		return 0;
	error_set(err, EBADMSG, "the cache has damaged files");
	return c->is_removing ? error_hint(err, "those of your own cache were removed")
			      : error_hint(err, "\"enroot cache verify --remove\" removes your own");
}

static const struct {
	const char *name;
	int (*run)(struct cache_command *c, const struct cache_list *l, struct error *err);
} actions[] = {
	{ "ls", list },
	{ "prune", prune },
	{ "verify", verify },
};

static int run(struct cache_command *c, unsigned action, struct error *err)
{
	_cleanup_cache_list_ struct cache_list l = { 0 };
	const struct image_cache cache = cached_images(c->settings);
	c->path = cache.places.own;
	if (c->path == NULL)
		return error_set(err, EINVAL, "ENROOT_CACHE_PATH is not set");
	if (cache_list_read(&l, &cache.places, err) < 0)
		return -1;
	return actions[action].run(c, &l, err);
}

/* Options may stand behind the action as well: "cache prune --force". The action is moved to the end. */
static void move_action(int argc, char *argv[])
{
	if (argc < 2 || argv[1][0] == '-')
		return;
	char *action = argv[1];
	memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof(*argv));
	argv[argc - 1] = action;
}

int cmd_cache(struct settings *settings, int argc, char *argv[])
{
	struct cache_command c = { .settings = settings };
	bool is_quiet = false;
	const struct option_spec specs[] = {
		{ 'f', "force", OPTION_FLAG, &c.is_forced },
		{ 0, "json", OPTION_FLAG, &c.is_json },
		{ 'q', "quiet", OPTION_FLAG, &is_quiet },
		{ 0, "remove", OPTION_FLAG, &c.is_removing },
		{ 0, "size", OPTION_STRING, &c.size },
	};
	int first;
	move_action(argc, argv);
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 1, 1, &first);
	if (status >= 0)
		return status;
	log_set_quiet(is_quiet);
	unsigned action = 0;
	while (action < ARRAY_SIZE(actions) && !str_eq(argv[first], actions[action].name))
		action++;
	if (action == ARRAY_SIZE(actions)) {
		fputs(usage, stdout);
		return 1;
	}
	_cleanup_error_ struct error err = ERROR_INIT;
	if (run(&c, action, &err) == 0)
		return 0;
	log_failure(&err);
	return 1;
}
