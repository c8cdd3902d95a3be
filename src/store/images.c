#include "store/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/images_private.h"

#define TAG_MAX_BYTES ((size_t)64 << 10)
#define TAG_LINES     5 /* before the request: head, time, digest, HEX, options */

void image_cache_key(
	const char *origin, const char *manifest_digest, const char *options, char hex[SHA256_HEX_SIZE])
{
	_cleanup_free_ char *text = xasprintf("%s\n%s\n%s\n", origin, manifest_digest, options);
	sha256_hex_of(text, strlen(text), hex);
}

bool image_cache_trusts(const struct image_cache *c, const struct stat *st)
{
	if ((st->st_mode & S_IWOTH) != 0)
		return false; /* whoever owns it, anybody may have written it */
	if (st->st_uid == geteuid() || st->st_uid == 0)
		return true;
	static const char separators[] = ", \t";
	for (const char *p = c->trust != NULL ? c->trust : ""; *(p += strspn(p, separators)) != '\0';) {
		size_t len = strcspn(p, separators);
		_cleanup_free_ char *word = xstrndup(p, len);
		uint64_t uid;
		if (str_parse_u64(word, &uid) && uid == st->st_uid)
			return true; /* whole numbers alone: "svc1000" is not the user 1000 */
		p += len;
	}
	return false;
}

char *image_cache_path(
	const char *cache, const char *folder, const char *hex, bool with_uid, const char *suffix)
{
	if (with_uid)
		return xasprintf("%s/%s/%s.%u%s", cache, folder, hex, (unsigned)geteuid(), suffix);
	return xasprintf("%s/%s/%s%s", cache, folder, hex, suffix);
}

/* What is opened is what was looked at: a name may change its file in between. */
static int open_trusted(const struct image_cache *c, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !image_cache_trusts(c, &st))
		return -1;
	return steal_fd(&fd);
}

/* The image HEX of one cache. */
static int open_in(const struct image_cache *c, const char *cache, const char *hex, image_cache_check check,
	void *ctx, char **found)
{
	for (int with_uid = 0; with_uid <= 1; with_uid++) {
		_cleanup_free_ char *path = image_cache_path(cache, "images", hex, with_uid, ".sqsh");
		_cleanup_close_ int fd = open_trusted(c, path);
		if (fd < 0 || !check(ctx, fd, path))
			continue;
		*found = steal_pointer(&path);
		return steal_fd(&fd);
	}
	return -1;
}

int image_cache_open(
	const struct image_cache *c, const char *hex, image_cache_check check, void *ctx, char **found)
{
	char *cache;
	int fd = -1;
	for (size_t i = 0; fd < 0 && (cache = cache_place(&c->places, i)) != NULL; i++) {
		fd = open_in(c, cache, hex, check, ctx, found);
		free(cache);
	}
	return fd;
}

void image_tag_cleanup(struct image_tag *tag)
{
	free(tag->digest);
	free(tag->options);
	*tag = (struct image_tag){ 0 };
}

static char *read_trusted(const struct image_cache *c, const char *path)
{
	_cleanup_close_ int fd = open_trusted(c, path);
	char *text = NULL;
	size_t len;
	if (fd < 0 || fd_read_all(fd, TAG_MAX_BYTES, &text, &len) < 0)
		return NULL;
	return text;
}

/* TEXT is taken apart. The request is in it, so that a file under another's name is found out. */
static bool parse(char *text, const char *request, struct image_tag *tag)
{
	char *line[TAG_LINES], *rest = text;
	for (size_t i = 0; i < TAG_LINES; i++) {
		line[i] = strsep(&rest, "\n");
		if (rest == NULL)
			return false;
	}
	if (!str_eq(line[0], TAG_HEAD) || strlen(line[3]) != SHA256_HEX_SIZE - 1 ||
		strspn(line[3], "0123456789abcdef") != SHA256_HEX_SIZE - 1 || !str_eq(rest, request))
		return false;
	*tag = (struct image_tag){ .time = strtoll(line[1], NULL, 10) };
	tag->digest = xstrdup(line[2]);
	tag->options = xstrdup(line[4]);
	memcpy(tag->hex, line[3], SHA256_HEX_SIZE);
	return true;
}

static bool load_from(
	const struct image_cache *c, const char *cache, const char *request, struct image_tag *tag)
{
	char hex[SHA256_HEX_SIZE];
	sha256_hex_of(request, strlen(request), hex);
	for (int with_uid = 0; with_uid <= 1; with_uid++) {
		_cleanup_free_ char *path = image_cache_path(cache, "tags", hex, with_uid, "");
		_cleanup_free_ char *text = read_trusted(c, path);
		if (text != NULL && parse(text, request, tag))
			return true;
	}
	return false;
}

bool image_tag_load(const struct image_cache *c, const char *request, size_t *place, struct image_tag *tag)
{
	char *cache;
	for (; (cache = cache_place(&c->places, *place)) != NULL; ++*place) {
		bool is_there = load_from(c, cache, request, tag);
		free(cache);
		if (is_there)
			return true;
	}
	return false;
}
