#include "../unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/archive.h"
#include "source/local.h"

static char dir[] = "/tmp/test-archive-XXXXXX";
static char *tar_path;

static int enter(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	tar_path = path_join(dir, "t.tar");
	return 0;
}

static int leave(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("rm -rf %s", dir);
	free(tar_path);
	return system(command);
}

/* Make the tar by a shell command that runs in an empty folder and prints the tar. */
static void make(const char *script)
{
	_cleanup_free_ char *command = xasprintf(
		"cd %s && rm -rf w && mkdir w && cd w && { %s; } >%s 2>/dev/null", dir, script, tar_path);
	assert_int_equal(system(command), 0);
}

/* The text of a member, "?" if there is none, "!" if the archive is refused. */
static char *get(const char *name)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct archive *a;
	if (archive_open(tar_path, NULL, &a, &err) < 0)
		return xstrdup("!");
	struct archive_range range;
	struct buffer data = BUFFER_INIT;
	if (archive_find(a, name, &range, &err) < 0) {
		assert_int_equal(err.code, ENOENT);
		buffer_puts(&data, "?");
	} else {
		assert_int_equal(local_read(&range, 1 << 20, name, &data, &err), 0);
	}
	archive_free(a);
	return buffer_steal(&data);
}

static const struct {
	const char *script, *name, *want;
} rows[] = {
	{ "echo -n one >a; tar -cf - a", "a", "one" },
	{ "echo -n one >a; tar -cf - ./a", "./a", "one" },
	{ "mkdir -p b/c; echo -n x >b/c/d; tar -cf - .", "b/c/d", "x" },
	{ "mkdir -p b/c; echo -n x >b/c/d; tar -cf - .", "b/c", "?" },
	{ "echo -n one >a; tar -cf - a", "b", "?" },
	{ "echo -n one >a; tar -cf t a; echo -n two >a; tar -rf t a; cat t", "a", "two" },
	{ "mkdir d e; echo -n x >e/f; ln -s ../e/f d/l; tar -cf - d e", "d/l", "x" },
	{ "echo -n x >f; ln -s f l; tar -cf - f l", "l", "x" },
	{ "echo -n x >f; ln f l; tar -cf - f l", "l", "x" },
	{ "ln -s l l; tar -cf - l", "l", "?" },
	{ "ln -s /etc/passwd l; tar -cf - l", "l", "?" },
	{ "n=$(printf 'x%.0s' $(seq 150)); mkdir $n; echo -n x >$n/$n; tar --format=gnu -cf - $n",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"x" },
	{ "n=$(printf 'x%.0s' $(seq 120)); echo -n y >$n; echo -n z >b; tar --format=pax -cf - $n b", "b",
		"z" },
	{ "mkdir -p "
	  "1234567890123456789012345678901234567890123456789012345678901234567890/"
	  "1234567890123456789012345678901234567890; echo -n u "
	  ">1234567890123456789012345678901234567890123456789012345678901234567890/"
	  "1234567890123456789012345678901234567890/f; tar --format=ustar -cf - .",
		"1234567890123456789012345678901234567890123456789012345678901234567890/"
		"1234567890123456789012345678901234567890/f",
		"u" },
	{ "true", "a", "?" }, /* an empty file has no members */
	{ "echo nonsense; head -c 2000 /dev/zero", "a", "!" },
	{ "echo one >a; tar -czf - a", "a", "!" },
	{ "head -c 5000 /dev/zero >a; tar -cf - a | head -c 3000", "a", "!" },
};

static void finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(rows[i].script);
		_cleanup_free_ char *got = get(rows[i].name);
		if (!str_eq(got, rows[i].want))
			fail_msg("%s: %s, not %s", rows[i].script, got, rows[i].want);
	}
}

static void refuses_what_is_no_file(void **state)
{
	(void)state;
	static const char *const paths[] = { "/dev/zero", "/", "/nonexistent" };
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct archive *a;
		assert_int_equal(archive_open(paths[i], NULL, &a, &err), -1);
	}
}

static void names_outputs(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *rest, *want;
	} names[] = {
		{ "oci:", "layout", "layout" },
		{ "oci:", "/a/layout/:1.0", "layout+1.0" },
		{ "oci-archive:", "dir/image.tar", "image" },
		{ "oci-archive:", "image.tar:v1", "image+v1" },
		{ "docker-archive:", "x.tar:foo/bar:2", "foo+bar+2" },
		{ "docker-archive:", "x.tar", "x" },
		{ "oci:", "", "!" },
		{ "oci:", ":tag", "!" },
		{ "oci:", "dir:", "!" },
		{ "oci:", ".", "!" },
		{ "oci:", "..", "!" },
		{ "oci:", "a\nb", "!" },
		{ "docker-archive:", "x.tar:/y", "+y" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *uri = xasprintf("%s%s", names[i].prefix, names[i].rest);
		_cleanup_free_ char *name = local_default_name(uri, names[i].prefix, &err);
		assert_string_equal(name != NULL ? name : "!", names[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(names_outputs),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
