/* The enroot.conf that is installed names every setting with its default. */
#include "../unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "config/conffile.h"
#include "config/keys.h"
#include "config/value.h"

static char *text;

static int setup(void **state)
{
	(void)state;
	int fd = open(CONF_FILE, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fd_read_all(fd, 1 << 20, &text, NULL);
	close(fd);
	return r;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	return 0;
}

/* The value of the commented line of a key, or NULL. */
static char *find(const char *name)
{
	_cleanup_free_ char *line = xasprintf("\n#%s", name);
	size_t len = strlen(line);
	for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line)) {
		if (at[len] != ' ' && at[len] != '\n')
			continue;
		const char *value = at + len + strspn(at + len, " ");
		return xstrndup(value, strcspn(value, "\n"));
	}
	return NULL;
}

static void every_key_is_there_with_its_default(void **state)
{
	(void)state;
	for (enum setting i = 0; i < SETTING_COUNT_; i++) {
		const struct key *key = &settings_keys[i];
		_cleanup_free_ char *value = find(key->name);
		if (value == NULL)
			fail_msg("%s is missing", key->name);
		if (key->fallback == NULL && key->type == KEY_BOOLEAN)
			assert_string_equal(value, "no");
		else if (key->fallback != NULL && value[0] != '@' && !str_eq(value, key->fallback))
			fail_msg("%s is %s instead of %s", key->name, value, key->fallback);
	}
}

static void every_line_is_plain(void **state)
{
	(void)state;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++) {
		assert_true(value_line_is_plain(lines.items[i]));
		assert_true(lines.items[i][0] == '#' || lines.items[i][0] == '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_there_with_its_default),
		cmocka_unit_test(every_line_is_plain),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
