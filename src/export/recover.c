#include "export/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "export/rc.h"
#include "rootfs/entry_script.h"
#include "source/config.h"

const char *const recover_names[RECOVER_FILE_COUNT] = {
	[RECOVER_RC] = "rc",
	[RECOVER_RC_LOCAL] = "rc.local",
	[RECOVER_ENVIRONMENT] = "environment",
	[RECOVER_FSTAB] = "fstab",
};

void recovered_cleanup(struct recovered *r)
{
	image_config_cleanup(&r->config);
}

/* The next line of *TEXT, which the caller owns; NULL at the end. */
static char *take_line(const char **text)
{
	if (**text == '\0')
		return NULL;
	size_t len = strcspn(*text, "\n");
	char *line = xstrndup(*text, len);
	*text += len + ((*text)[len] == '\n');
	return line;
}

static bool is_comment(const char *line)
{
	line += strspn(line, " \t\r");
	return *line == '\0' || *line == '#';
}

/* ---- /etc/rc and /etc/rc.local ---- */

/* The comments of somebody else's script are no labels. */
static void drop_labels(struct image_config *config)
{
	while (config->label_count > 0) {
		struct source_label *l = &config->labels[--config->label_count];
		free(l->key);
		free(l->value);
	}
}

static bool recover_rc(const char *text, struct image_config *config)
{
	if (rc_parse(text, config))
		return true;
	if (!str_starts_with(text, "# enroot-provenance: "))
		drop_labels(config);
	return false;
}

static bool recover_rc_local(const char *text, struct image_config *config)
{
	(void)config;
	if (entry_script_is_blank(text))
		return true;
	log_warn("/etc/rc.local has commands, which nothing runs where the image comes from a registry");
	return false;
}

/* ---- /etc/environment ---- */

static size_t key_length(const char *entry)
{
	size_t len = strspn(entry, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
	return entry[len] == '=' && !(*entry >= '0' && *entry <= '9') ? len : 0;
}

static void set_env(struct image_config *config, const char *entry)
{
	size_t key_len = strcspn(entry, "=");
	if (entry[key_len] != '=' || key_len == 0)
		return;
	_cleanup_free_ char *key = xstrndup(entry, key_len);
	strv_env_set(&config->env, key, entry + key_len + 1);
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* A quote of either kind at each end goes, and the blanks behind the last one. */
static void unquote(char *value)
{
	size_t end = strlen(value);
	while (end > 0 && (value[end - 1] == ' ' || value[end - 1] == '\t'))
		end--;
	if (end < 2 || !is_quote(value[0]) || !is_quote(value[end - 1]))
		return;
	memmove(value, value + 1, end - 2);
	value[end - 2] = '\0';
}

/*
 * A line outside the literal ones, which start(1) takes as doc/start.md says: quotes around the value are removed,
 * ${NAME} is the host's. false: it cannot be said.
 */
static bool add_own_entry(struct image_config *config, char *line)
{
	line += strspn(line, " \t");
	size_t key_len = key_length(line);
	if (key_len == 0 || str_starts_with(line, "ENROOT_"))
		return true; /* start drops it as well */
	if (strstr(line, "${") != NULL)
		return false;
	unquote(line + key_len + 1);
	set_env(config, line);
	return true;
}

static bool recover_environment(const char *text, struct image_config *config)
{
	bool is_literal = false, is_complete = true;
	char *line;
	while ((line = take_line(&text)) != NULL) {
		if (str_eq(line, "# enroot-literal-begin") || str_eq(line, "# enroot-literal-end"))
			is_literal = str_eq(line, "# enroot-literal-begin");
		else if (is_literal)
			set_env(config, line);
		else if (!is_comment(line) && !add_own_entry(config, line)) {
			log_warn("/etc/environment: the image leaves out %.*s, which takes its value from "
				 "the host",
				(int)strcspn(line, "="), line);
			is_complete = false;
		}
		free(line);
	}
	return is_complete;
}

/* ---- /etc/fstab ---- */

/* Octal escapes, as fstab(5) has them. The caller owns the path. NULL: an escape that means no byte of a path. */
static char *decode_path(const char *text, size_t len)
{
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	for (size_t i = 0; i < len; i++) {
		unsigned value = 0;
		if (text[i] != '\\') {
			buffer_putc(&out, text[i]);
			continue;
		}
		for (unsigned n = 1; n <= 3; n++) {
			if (i + n >= len || text[i + n] < '0' || text[i + n] > '7')
				return NULL;
			value = value * 8 + (unsigned)(text[i + n] - '0');
		}
		if (value == 0 || value > 255)
			return NULL;
		buffer_putc(&out, (char)value);
		i += 3;
	}
	return buffer_steal(&out);
}

/* The volume of a line as import writes it; the caller owns it. NULL: another line. */
static char *parse_volume(const char *line)
{
	static const char root[] = "${ENROOT_ROOTFS}", options[] = " none x-create=dir,bind,rw,nosuid,nodev";
	if (!str_starts_with(line, root))
		return NULL;
	const char *source = line + strlen(root);
	size_t len = strcspn(source, " ");
	if (len == 0 || *source != '/' || source[len] != ' ' || strncmp(source + len + 1, source, len) != 0 ||
		!str_eq(source + len + 1 + len, options) || memchr(source, '$', len) != NULL)
		return NULL;
	return decode_path(source, len);
}

static bool recover_fstab(const char *text, struct image_config *config)
{
	unsigned others = 0;
	char *line;
	while ((line = take_line(&text)) != NULL) {
		char *volume = parse_volume(line);
		if (volume != NULL)
			strv_push_owned(&config->volumes, volume);
		else if (!is_comment(line))
			others++;
		free(line);
	}
	if (others != 0)
		log_warn("/etc/fstab: %u mounts that are no volumes mean nothing where the image comes from "
			 "a registry",
			others);
	return others == 0;
}

void recover_config(const struct recover_input *input, struct recovered *recovered)
{
	static bool (*const parsers[RECOVER_FILE_COUNT])(const char *text, struct image_config *config) = {
		[RECOVER_RC] = recover_rc,
		[RECOVER_RC_LOCAL] = recover_rc_local,
		[RECOVER_ENVIRONMENT] = recover_environment,
		[RECOVER_FSTAB] = recover_fstab,
	};
	*recovered = (struct recovered){ .config.created = -1 };
	for (unsigned i = 0; i < RECOVER_FILE_COUNT; i++)
		recovered->is_redundant[i] =
			input->texts[i] != NULL && parsers[i](input->texts[i], &recovered->config);
	recovered->has_own_script = input->texts[RECOVER_RC] != NULL && !recovered->is_redundant[RECOVER_RC];
}
