#include "image/files.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

char *image_clean_path(const char *path)
{
	_cleanup_buffer_ struct buffer out = BUFFER_INIT;
	while (*path != '\0') {
		size_t len = strcspn(path, "/");
		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (out.len > 0 && out.data[--out.len] != '/')
				;
		} else if (len != 0 && !(len == 1 && *path == '.')) {
			buffer_putc(&out, '/');
			buffer_append(&out, path, len);
		}
		path += len + (path[len] == '/');
	}
	if (out.len == 0)
		buffer_putc(&out, '/');
	out.data[out.len] = '\0';
	return buffer_steal(&out);
}

/* One shell word, whatever is in it: POSIX single quotes (the container's sh may be dash, ash or bash). */
static void put_quoted(struct buffer *out, const char *word)
{
	buffer_putc(out, '\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			buffer_puts(out, "'\\''");
		else
			buffer_putc(out, *word);
	}
	buffer_putc(out, '\'');
}

static void put_words(struct buffer *out, const struct strv *words)
{
	for (size_t i = 0; i < words->count; i++) {
		buffer_putc(out, ' ');
		put_quoted(out, words->items[i]);
	}
}

/* Text of a comment line: nothing in it may end the line. */
static void put_comment_text(struct buffer *out, const char *text)
{
	for (; *text != '\0'; text++)
		buffer_putc(out, *text == '\n' || *text == '\r' ? ' ' : *text);
}

static void put_header(struct buffer *out, const struct source_image *image, const char *options)
{
	buffer_puts(out, "# enroot-provenance: ");
	put_comment_text(out, image->provenance);
	buffer_printf(
		out, "\n# enroot-manifest: %s\n# enroot-options: %s\n", image->manifest_digest, options);
	for (size_t i = 0; i < image->config.label_count; i++) {
		buffer_puts(out, "# ");
		put_comment_text(out, image->config.labels[i].key);
		buffer_putc(out, ' ');
		put_comment_text(out, image->config.labels[i].value);
		buffer_putc(out, '\n');
	}
	buffer_putc(out, '\n');
}

void image_format_rc(const struct source_image *image, const char *options, struct buffer *out)
{
	static const struct strv no_words = STRV_INIT;
	static const char *const shell[] = { "/bin/sh" };
	const struct strv default_words = { .items = (char **)shell, .count = 1 };
	const struct image_config *config = &image->config;
	bool has_command = config->entrypoint.count != 0 || config->cmd.count != 0;

	put_header(out, image, options);

	const char *given = config->working_dir != NULL ? config->working_dir : "/";
	_cleanup_free_ char *dir = image_clean_path(given);
	_cleanup_buffer_ struct buffer quoted = BUFFER_INIT;
	put_quoted(&quoted, dir);
	buffer_printf(out, "mkdir -p %s 2> /dev/null\n", quoted.data);
	buffer_printf(out, "cd %s || exit 1\nunset OLDPWD\n\n", quoted.data);

	buffer_puts(out, "if [ -s /etc/rc.local ]; then\n    . /etc/rc.local\nfi\n\n");

	buffer_puts(out, "if [ $# -gt 0 ]; then\n    exec");
	put_words(out, &config->entrypoint);
	buffer_puts(out, " \"$@\"\nelse\n    exec");
	put_words(out, has_command ? &config->entrypoint : &default_words);
	put_words(out, has_command ? &config->cmd : &no_words);
	buffer_puts(out, "\nfi\n");
}

void image_format_rc_local(struct buffer *out)
{
	buffer_puts(out,
		"# Sourced by /etc/rc before the entry point of the container is executed, with the\n"
		"# command line of the container as positional parameters.\n");
}

static bool environment_entry_is_usable(const char *entry)
{
	const char *equals = strchr(entry, '=');
	return equals != NULL && equals != entry && strpbrk(entry, "\n\r") == NULL;
}

void image_format_environment(const struct image_config *config, struct buffer *out)
{
	buffer_puts(out, "# enroot-literal-begin\n");
	for (size_t i = 0; i < config->env.count; i++) {
		const char *entry = config->env.items[i];
		if (!environment_entry_is_usable(entry)) {
			log_warn("Environment variable of the image left out (no name, or more than a line): "
				 "%.*s",
				(int)strcspn(entry, "=\n\r"), entry);
			continue;
		}
		buffer_printf(out, "%s\n", entry);
	}
	buffer_puts(out, "# enroot-literal-end\n");
}

/* fstab(5) decodes octal escapes; '$' is escaped so that the path is not expanded from the host. */
static void put_fstab_path(struct buffer *out, const char *path)
{
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;
		if (c <= ' ' || c == '$' || c == '\\' || c == 0x7f)
			buffer_printf(out, "\\%03o", c);
		else
			buffer_putc(out, (char)c);
	}
}

void image_format_fstab(const struct image_config *config, struct buffer *out)
{
	for (size_t i = 0; i < config->volumes.count; i++) {
		_cleanup_free_ char *path = image_clean_path(config->volumes.items[i]);
		if (config->volumes.items[i][0] != '/' || str_eq(path, "/")) {
			log_warn("Volume of the image left out (not an absolute path below /): %s",
				config->volumes.items[i]);
			continue;
		}
		buffer_puts(out, "${ENROOT_ROOTFS}");
		put_fstab_path(out, path);
		buffer_putc(out, ' ');
		put_fstab_path(out, path);
		buffer_puts(out, " none x-create=dir,bind,rw,nosuid,nodev\n");
	}
}
