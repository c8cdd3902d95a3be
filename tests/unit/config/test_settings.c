#include "../unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "config/settings.h"

extern char **environ;

struct fixture {
	char *dir, *conf;
	struct settings *settings;
};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
	close(fd);
}

static int setup(void **state)
{
	static char *no_environment[] = { NULL };
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->dir = xstrdup("/tmp/enroot-test-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return -1;
	f->conf = path_join(f->dir, "enroot.conf");
	environ = no_environment;
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("HOME", "/home/me", 1);
	setenv(SETTINGS_TEST_CONF, f->conf, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *command = xasprintf("rm -rf %s", f->dir);
	int r = system(command);
	settings_free(f->settings);
	free(f->dir);
	free(f->conf);
	free(f);
	return r;
}

static void load(struct fixture *f)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	settings_free(f->settings);
	f->settings = NULL;
	if (settings_load(&f->settings, &err) < 0)
		fail_msg("%s", err.message);
}

static const char *get(struct fixture *f, enum setting key)
{
	return settings_get(f->settings, key);
}

static void defaults_without_any_file(void **state)
{
	struct fixture *f = *state;
	load(f);
	assert_string_equal(get(f, SETTING_RUNTIME_PATH), "/run/enroot");
	assert_string_equal(get(f, SETTING_DATA_PATH), "/home/me/.local/share/enroot");
	assert_string_equal(get(f, SETTING_CACHE_PATH), "/home/me/.cache/enroot");
	assert_string_equal(get(f, SETTING_CONFIG_PATH), "/home/me/.config/enroot");
	assert_string_equal(get(f, SETTING_TEMP_PATH), "/tmp");
	assert_string_equal(get(f, SETTING_LOGIN_SHELL), "yes");
	assert_null(get(f, SETTING_MOUNT_HOME));
	assert_null(get(f, SETTING_TRANSFER_RETRIES));
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	setenv("XDG_DATA_HOME", "/data", 1);
	load(f);
	assert_string_equal(get(f, SETTING_RUNTIME_PATH), "/run/user/7/enroot");
	assert_string_equal(get(f, SETTING_DATA_PATH), "/data/enroot");
}

static void home_comes_from_passwd(void **state)
{
	struct fixture *f = *state;
	unsetenv("HOME");
	load(f);
	if (geteuid() == 0)
		assert_string_equal(get(f, SETTING_DATA_PATH), "/root/.local/share/enroot");
}

static void first_assignment_wins(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *drop = xasprintf("%s.d", f->conf);
	_cleanup_free_ char *ten = path_join(drop, "10-x.conf"), *twenty = path_join(drop, "20-x.conf");
	_cleanup_free_ char *other = path_join(drop, "05-x.txt");
	mkdir(drop, 0755);
	write_file(
		f->conf, "ENROOT_DATA_PATH /first\n  ENROOT_DATA_PATH=/second\nENROOT_CACHE_PATH = /c # x\n");
	write_file(ten, "ENROOT_DATA_PATH /ten\nENROOT_TEMP_PATH /ten\n");
	write_file(twenty, "ENROOT_TEMP_PATH /twenty\nENROOT_MOUNT_HOME yes");
	write_file(other, "ENROOT_TEMP_PATH /txt\n");
	load(f);
	assert_string_equal(get(f, SETTING_DATA_PATH), "/first");
	assert_string_equal(get(f, SETTING_CACHE_PATH), "/c");
	assert_string_equal(get(f, SETTING_TEMP_PATH), "/ten");
	assert_string_equal(get(f, SETTING_MOUNT_HOME), "yes"); /* a last line without a newline counts */
	const char *where;
	assert_int_equal(settings_source(f->settings, SETTING_TEMP_PATH, &where), SETTING_FROM_FILE);
	assert_string_equal(where, ten);
}

static void precedence(void **state)
{
	struct fixture *f = *state;
	write_file(f->conf, "ENROOT_DATA_PATH /file\nENROOT_CACHE_PATH /file\nENROOT_TEMP_PATH /file\n");
	setenv("ENROOT_CACHE_PATH", "/env", 1);
	setenv("ENROOT_TEMP_PATH", "", 1); /* falls through */
	load(f);
	assert_string_equal(get(f, SETTING_DATA_PATH), "/file");
	assert_string_equal(get(f, SETTING_CACHE_PATH), "/env");
	assert_string_equal(get(f, SETTING_TEMP_PATH), "/file");
	const char script[] = "#! /usr/bin/enroot batch\n#ENROOT_CACHE_PATH=/a\n# ENROOT_CACHE_PATH=/b\n"
			      "x #ENROOT_CACHE_PATH=/c\n#ENROOT_ROOTFS=${ENROOT_ROOTFS:-ubuntu.sqsh}\n"
			      "#ENROOT_LOGIN_SHELL=no";
	settings_add_directives(f->settings, "conf", script, sizeof(script) - 1);
	assert_string_equal(get(f, SETTING_CACHE_PATH), "/b");
	assert_string_equal(settings_foreign(f->settings, "ENROOT_ROOTFS"), "ubuntu.sqsh");
	assert_null(get(f, SETTING_LOGIN_SHELL));
	settings_set(f->settings, SETTING_CACHE_PATH, "/flag");
	assert_string_equal(get(f, SETTING_CACHE_PATH), "/flag");
	settings_set(f->settings, SETTING_CACHE_PATH, NULL);
	assert_null(get(f, SETTING_CACHE_PATH));
}

static void false_values_unset_a_default(void **state)
{
	struct fixture *f = *state;
	static const char *const no[] = { "n", "no", "N", "No", "NO", "f", "F", "false", "False", "FALSE" };
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		setenv("ENROOT_LOGIN_SHELL", no[i], 1);
		load(f);
		assert_null(get(f, SETTING_LOGIN_SHELL));
	}
	static const char *const yes[] = { "0", "off", "y", "nope" };
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		setenv("ENROOT_MOUNT_HOME", yes[i], 1);
		load(f);
		assert_true(settings_is_true(f->settings, SETTING_MOUNT_HOME));
	}
}

static void undefined_variable_voids_the_value(void **state)
{
	struct fixture *f = *state;
	write_file(f->conf, "ENROOT_RUNTIME_PATH ${XDG_RUNTIME_DIR}/enroot\nENROOT_DATA_PATH ${NOPE}/x\n"
			    "ENROOT_DATA_PATH /data/$(id -u)\nENROOT_TEMP_PATH ${ENROOT_DATA_PATH}/tmp\n");
	load(f);
	assert_string_equal(get(f, SETTING_RUNTIME_PATH), "/run/enroot");
	_cleanup_free_ char *want = xasprintf("/data/%u", geteuid());
	_cleanup_free_ char *temp = xasprintf("%s/tmp", want);
	assert_string_equal(get(f, SETTING_DATA_PATH), want);
	assert_string_equal(get(f, SETTING_TEMP_PATH), temp);
}

static void other_keys(void **state)
{
	struct fixture *f = *state;
	write_file(f->conf, "NVIDIA_VISIBLE_DEVICES all\nhttp_proxy http://p:1\nPATH /evil\nENROOT_X2 no\n"
			    "ENROOT_SITE x\nMELLANOX_VISIBLE_DEVICES=none\nENROOT_OTHER n\nenroot_x 1\n");
	setenv("MELLANOX_VISIBLE_DEVICES", "all", 1);
	load(f);
	assert_string_equal(getenv("NVIDIA_VISIBLE_DEVICES"), "all");
	assert_string_equal(getenv("MELLANOX_VISIBLE_DEVICES"), "all");
	assert_string_equal(getenv("http_proxy"), "http://p:1");
	assert_string_equal(getenv("PATH"), "/usr/bin:/bin");
	assert_string_equal(settings_foreign(f->settings, "ENROOT_SITE"), "x");
	assert_null(settings_foreign(f->settings, "ENROOT_X2"));
	assert_null(settings_foreign(f->settings, "ENROOT_OTHER"));
}

static void invalid_files(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { "ENROOT_DATA_PATH \"/x\n", "ENROOT_DATA_PATH $(id\n", "if\n",
		"ENROOT_DATA_PATH /x )\n" };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct settings *s = NULL;
		write_file(f->conf, texts[i]);
		assert_int_equal(settings_load(&s, &err), -1);
		_cleanup_free_ char *want = xasprintf("Invalid configuration file: %s", f->conf);
		assert_string_equal(err.message, want);
	}
	/* Valid as a whole, though no line of it is plain. */
	write_file(f->conf, "if true; then\n ENROOT_DATA_PATH /x\nfi\nENROOT_TEMP_PATH \"/a\nb\"\n");
	load(f);
	assert_string_equal(get(f, SETTING_DATA_PATH), "/x");
	assert_string_equal(get(f, SETTING_TEMP_PATH), "/tmp");
}

static void export_is_sorted_and_complete(void **state)
{
	struct fixture *f = *state;
	setenv("ENROOT_FOO", "bar", 1);
	setenv("ENROOT_LOGIN_SHELL", "n", 1);
	setenv("ENROOT_FALSE", "no", 1);
	load(f);
	_cleanup_strv_ struct strv env = STRV_INIT;
	settings_export(f->settings, &env);
	assert_string_equal(strv_env_get(&env, "ENROOT_FOO"), "bar");
	assert_non_null(strv_env_get(&env, "ENROOT_VERSION"));
	assert_null(strv_env_get(&env, "ENROOT_LOGIN_SHELL"));
	assert_null(strv_env_get(&env, "ENROOT_FALSE"));
	assert_null(strv_env_get(&env, SETTINGS_TEST_CONF));
	for (size_t i = 1; i < env.count; i++)
		assert_true(strcmp(env.items[i - 1], env.items[i]) < 0);
	_cleanup_strv_ struct strv hook = STRV_INIT;
	settings_hook_environment(f->settings, &hook);
	assert_string_equal(strv_env_get(&hook, "XDG_DATA_HOME"), "/home/me/.local/share");
	assert_string_equal(strv_env_get(&hook, "HOME"), "/home/me");
	assert_null(strv_env_get(&hook, "ENROOT_LOGIN_SHELL"));
}

static void numbers(void **state)
{
	struct fixture *f = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	setenv("ENROOT_LIMIT_BYTES", "4K", 1);
	setenv("ENROOT_MAX_CONNECTIONS", "ten", 1);
	load(f);
	uint64_t n;
	assert_int_equal(settings_number(f->settings, SETTING_LIMIT_BYTES, &n, &err), 0);
	assert_int_equal(n, 4096);
	assert_int_equal(settings_number(f->settings, SETTING_CONNECT_TIMEOUT, &n, &err), 0);
	assert_int_equal(n, 30);
	assert_int_equal(settings_number(f->settings, SETTING_MAX_CONNECTIONS, &n, &err), -1);
	assert_non_null(strstr(err.message, "ENROOT_MAX_CONNECTIONS"));
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void directories_are_made(void **state)
{
	struct fixture *f = *state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *data = xasprintf("%s/a/b/data", f->dir), *file = xasprintf("%s/file", f->dir);
	_cleanup_free_ char *below = xasprintf("%s/file/x", f->dir), *parent = xasprintf("%s/a", f->dir);
	write_file(file, "");
	setenv("ENROOT_DATA_PATH", data, 1);
	setenv("ENROOT_CACHE_PATH", below, 1);
	setenv("XDG_RUNTIME_DIR", below, 1);
	setenv("TMPDIR", f->dir, 1);
	load(f);
	settings_make_directories(f->settings);
	assert_int_equal(mode_of(data), 0700);
	assert_int_equal(mode_of(parent), 0700);
	assert_int_equal(settings_need_directory(f->settings, SETTING_DATA_PATH, &err), 0);
	assert_int_equal(settings_need_directory(f->settings, SETTING_CACHE_PATH, &err), -1);
	assert_non_null(strstr(err.message, "Not a directory"));

	_cleanup_free_ char *runtime = xasprintf("%s/enroot-runtime-%u", f->dir, geteuid());
	assert_string_equal(get(f, SETTING_RUNTIME_PATH), runtime);
	assert_int_equal(mode_of(runtime), 0700);
	assert_int_equal(settings_need_directory(f->settings, SETTING_RUNTIME_PATH, &err), 0);
	chmod(runtime, 0777);
	assert_int_equal(settings_need_directory(f->settings, SETTING_RUNTIME_PATH, &err), -1);
	rmdir(runtime);
	assert_int_equal(symlink("/tmp", runtime), 0);
	assert_int_equal(settings_need_directory(f->settings, SETTING_RUNTIME_PATH, &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(defaults_without_any_file),
		TEST(home_comes_from_passwd),
		TEST(first_assignment_wins),
		TEST(precedence),
		TEST(false_values_unset_a_default),
		TEST(undefined_variable_voids_the_value),
		TEST(other_keys),
		TEST(invalid_files),
		TEST(export_is_sorted_and_complete),
		TEST(numbers),
		TEST(directories_are_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
