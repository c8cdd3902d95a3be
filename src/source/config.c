#include "source/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/json.h"

void image_config_cleanup(struct image_config *c)
{
	free(c->architecture);
	free(c->os);
	free(c->variant);
	strv_cleanup(&c->env);
	strv_cleanup(&c->entrypoint);
	strv_cleanup(&c->cmd);
	strv_cleanup(&c->volumes);
	strv_cleanup(&c->diff_ids);
	free(c->working_dir);
	free(c->user);
	free(c->stop_signal);
	for (size_t i = 0; i < c->label_count; i++) {
		free(c->labels[i].key);
		free(c->labels[i].value);
	}
	free(c->labels);
	*c = (struct image_config){ .created = -1 };
}

/* "/a//b/../c/" → "/a/c"; ".." stops at the root. The caller owns it. */
static char *clean_path(const char *path)
{
	char *out = xmalloc(strlen(path) + 2);
	size_t len = 0;
	for (const char *p = path; *p != '\0';) {
		size_t n = strcspn(p, "/");
		if (n == 2 && memcmp(p, "..", 2) == 0) {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n;
		p += strspn(p, "/");
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

/* RFC 3339, of which fractions of a second are dropped. */
static int64_t parse_time(const char *text)
{
	struct tm tm = { 0 };
	int used = 0, hours = 0, minutes = 0;
	char sign[2] = "+";
	if (text == NULL || sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon,
				    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6)
		return -1;
	const char *p = text + used;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (*p != 'Z' && *p != 'z' && sscanf(p, "%1[+-]%2d:%2d", sign, &hours, &minutes) != 3)
		return -1;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 ||
		tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	int64_t offset = (int64_t)(hours * 60 + minutes) * 60;
	int64_t seconds = (int64_t)timegm(&tm) - (*sign == '-' ? -offset : offset);
	return seconds >= 0 ? seconds : -1; /* "0001-01-01T00:00:00Z" says that there is none */
}

static char *dup_string(const json_t *object, const char *key)
{
	const char *value = json_get_string(object, key);
	return value != NULL && *value != '\0' ? xstrdup(value) : NULL;
}

static int compare_labels(const void *a, const void *b)
{
	const struct source_label *l = a, *r = b;
	return strcmp(l->key, r->key);
}

/* One line: what a label holds must not become a line of a script. */
static char *flatten(const char *text)
{
	char *flat = xstrdup(text);
	for (char *p = flat; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return flat;
}

static int parse_labels(struct image_config *c, const json_t *labels, struct error *err)
{
	if (labels == NULL || json_is_null(labels))
		return 0;
	if (!json_is_object(labels))
		return error_set(err, EPROTO, "Labels is no object");
	c->labels = xcalloc(json_object_size(labels) + 1, sizeof(*c->labels));
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)labels, key, value)
	{
		if (!json_is_string(value) && !json_is_null(value))
			return error_set(err, EPROTO, "Labels holds something that is no string");
		struct source_label *l = &c->labels[c->label_count++];
		l->key = flatten(key);
		l->value = flatten(json_is_string(value) ? json_string_value(value) : "");
	}
	qsort(c->labels, c->label_count, sizeof(*c->labels), compare_labels);
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct strv *v)
{
	if (v->count < 2)
		return;
	qsort(v->items, v->count, sizeof(char *), compare_strings);
	size_t kept = 1;
	for (size_t i = 1; i < v->count; i++) {
		if (str_eq(v->items[i], v->items[kept - 1]))
			free(v->items[i]);
		else
			v->items[kept++] = v->items[i];
	}
	v->items[kept] = NULL;
	v->count = kept;
}

static int parse_volumes(struct image_config *c, const json_t *volumes, struct error *err)
{
	if (volumes == NULL || json_is_null(volumes))
		return 0;
	if (!json_is_object(volumes))
		return error_set(err, EPROTO, "Volumes is no object");
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)volumes, key, value)
	{
		if (*key != '/') {
			log_warn("Ignoring the volume %s of the image: it is no absolute path", key);
			continue;
		}
		_cleanup_free_ char *path = clean_path(key);
		if (!str_eq(path, "/"))
			strv_push_owned(&c->volumes, steal_pointer(&path));
	}
	sort_unique(&c->volumes);
	return 0;
}

static int parse_process(struct image_config *c, const json_t *config, struct error *err)
{
	if (config == NULL || json_is_null(config))
		return 0;
	if (!json_is_object(config))
		return error_set(err, EPROTO, "config is no object");
	const char *dir = json_get_string(config, "WorkingDir");
	c->working_dir = dir != NULL && *dir != '\0' ? clean_path(dir) : NULL;
	c->user = dup_string(config, "User");
	c->stop_signal = dup_string(config, "StopSignal");
	if (json_get_strings(config, "Env", &c->env, err) < 0 ||
		json_get_strings(config, "Entrypoint", &c->entrypoint, err) < 0 ||
		json_get_strings(config, "Cmd", &c->cmd, err) < 0 ||
		parse_labels(c, json_object_get(config, "Labels"), err) < 0)
		return -1;
	return parse_volumes(c, json_object_get(config, "Volumes"), err);
}

static int parse_rootfs(struct image_config *c, const json_t *rootfs, struct error *err)
{
	if (!json_is_object(rootfs))
		return error_set(err, EPROTO, "it has no rootfs");
	if (json_get_strings(rootfs, "diff_ids", &c->diff_ids, err) < 0)
		return -1;
	for (size_t i = 0; i < c->diff_ids.count; i++)
		if (!digest_is_valid(c->diff_ids.items[i]))
			return error_set(err, EPROTO, "diff_ids holds something that is no digest");
	return 0;
}

static int parse(struct image_config *c, const json_t *root, struct error *err)
{
	c->architecture = dup_string(root, "architecture");
	c->os = dup_string(root, "os");
	c->variant = dup_string(root, "variant");
	c->created = parse_time(json_get_string(root, "created"));
	if (c->os != NULL && !str_eq(c->os, "linux"))
		return error_set(err, ENOTSUP, "it is for %s, not for linux", c->os);
	if (parse_process(c, json_object_get(root, "config"), err) < 0)
		return -1;
	return parse_rootfs(c, json_object_get(root, "rootfs"), err);
}

int image_config_parse(struct image_config *c, const char *data, size_t len, struct error *err)
{
	*c = (struct image_config){ .created = -1 };
	_cleanup_json_ json_t *root = json_parse_object(data, len, "the image's configuration", err);
	if (root == NULL)
		return -1;
	if (parse(c, root, err) == 0)
		return 0;
	image_config_cleanup(c);
	return error_prefix(err, "the image's configuration cannot be used");
}
