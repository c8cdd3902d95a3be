#include "export/rc.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "rootfs/entry_script.h"

static void add_label(struct image_config *c, size_t *capacity, const char *line, size_t len)
{
	const char *blank = memchr(line, ' ', len);
	size_t key_len = blank != NULL ? (size_t)(blank - line) : len;
	if (key_len == 0)
		return;
	grow_array(&c->labels, capacity, c->label_count + 1);
	c->labels[c->label_count++] = (struct source_label){
		.key = xstrndup(line, key_len),
		.value = blank != NULL ? xstrndup(blank + 1, len - key_len - 1) : xstrdup(""),
	};
}

static void parse_comments(const char *text, struct image_config *c)
{
	static const char provenance[] = "# enroot-provenance: ", manifest[] = "# enroot-manifest: ",
			  options[] = "# enroot-options: ";
	size_t capacity = 0;
	for (size_t len; *text == '#'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (str_starts_with(text, provenance) || str_starts_with(text, manifest))
			continue;
		if (str_starts_with(text, options) && c->architecture == NULL) {
			const char *arch = text + strlen(options);
			size_t n = strcspn(arch, " \n");
			if (n != 0 && strncmp(arch, "unknown", n) != 0)
				c->architecture = xstrndup(arch, n);
		} else if (len > 2 && text[1] == ' ' && !str_starts_with(text, options)) {
			add_label(c, &capacity, text + 2, len - 2);
		}
	}
}

bool rc_parse(const char *text, struct image_config *config)
{
	struct entry_script script __attribute__((cleanup(entry_script_cleanup)));
	parse_comments(text, config);
	if (!entry_script_parse(text, &script))
		return false;
	if (*script.working_dir == '/' && !str_eq(script.working_dir, "/"))
		config->working_dir = steal_pointer(&script.working_dir);
	config->entrypoint = script.entrypoint;
	config->cmd = script.cmd;
	script.entrypoint = script.cmd = (struct strv)STRV_INIT;
	return true;
}
