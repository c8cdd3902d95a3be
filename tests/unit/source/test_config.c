#include "../unit.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "source/config.h"

#define ID     "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" ID "\"]}"

static struct image_config parse_good(const char *json)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct image_config c;
	if (image_config_parse(&c, json, strlen(json), &err) < 0)
		fail_msg("%s: %s", json, err.message);
	return c;
}

static void takes_everything(void **state)
{
	(void)state;
	struct image_config c = parse_good(
		"{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\","
		"\"created\":\"2024-02-29T12:00:00.123456789Z\",\"config\":{\"Env\":[\"A=b c\",\"X=$HOME\"],"
		"\"Entrypoint\":[\"/e\",\"a "
		"b\"],\"Cmd\":[\"c\"],\"WorkingDir\":\"/a/../../b//c/./\",\"User\":\"7\","
		"\"StopSignal\":\"SIGINT\",\"Labels\":{\"z\":\"1\\n2\",\"a\":null,\"m\\tx\":\"y\"},"
		"\"Volumes\":{\"/data/\":{},\"/data\":{},\"/b/../c\":{},\"relative\":{},\"/\":{}}}," ROOTFS
		"}");
	assert_string_equal(c.architecture, "arm64");
	assert_string_equal(c.variant, "v8");
	assert_int_equal(c.created, 1709208000);
	assert_int_equal(c.env.count, 2);
	assert_string_equal(c.env.items[1], "X=$HOME");
	assert_string_equal(c.entrypoint.items[1], "a b");
	assert_string_equal(c.cmd.items[0], "c");
	assert_string_equal(c.working_dir, "/b/c");
	assert_string_equal(c.user, "7");
	assert_string_equal(c.stop_signal, "SIGINT");
	assert_int_equal(c.label_count, 3);
	assert_string_equal(c.labels[0].key, "a");
	assert_string_equal(c.labels[0].value, "");
	assert_string_equal(c.labels[1].key, "m x");
	assert_string_equal(c.labels[2].value, "1 2");
	assert_int_equal(c.volumes.count, 2);
	assert_string_equal(c.volumes.items[0], "/c");
	assert_string_equal(c.volumes.items[1], "/data");
	assert_string_equal(c.diff_ids.items[0], ID);
	image_config_cleanup(&c);
}

static void takes_nulls(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"{" ROOTFS "}",
		"{\"config\":null," ROOTFS "}",
		"{\"config\":{}," ROOTFS "}",
		"{\"config\":{\"Env\":null,\"Cmd\":null,\"Entrypoint\":null,\"Labels\":null,\"Volumes\":null,"
		"\"WorkingDir\":"
		"null,\"User\":\"\"}," ROOTFS "}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image_config c = parse_good(rows[i]);
		assert_int_equal(
			c.env.count + c.cmd.count + c.entrypoint.count + c.volumes.count + c.label_count, 0);
		assert_null(c.working_dir);
		assert_null(c.user);
		assert_int_equal(c.created, -1);
		image_config_cleanup(&c);
	}
}

static void reads_times(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-01-01T00:00:00+01:00", 946681200 },
		{ "2000-01-01T00:00:00.5-01:30", 946690200 },
		{ "2000-01-01t00:00:00z", 946684800 },
		{ "0001-01-01T00:00:00Z", -1 },
		{ "2000-13-01T00:00:00Z", -1 },
		{ "2000-01-01T25:00:00Z", -1 },
		{ "2000-01-01T00:00:00", -1 },
		{ "yesterday", -1 },
		{ "", -1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *json = xasprintf("{\"created\":\"%s\"," ROOTFS "}", rows[i].text);
		struct image_config c = parse_good(json);
		if (c.created != rows[i].want)
			fail_msg("%s: %lld", rows[i].text, (long long)c.created);
		image_config_cleanup(&c);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *json, *why;
	} rows[] = {
		{ "{}", "no rootfs" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:1\"]}}", "no digest" },
		{ "{\"rootfs\":{\"diff_ids\":[1]}}", "no string" },
		{ "{\"rootfs\":{\"diff_ids\":\"x\"}}", "no list" },
		{ "{\"os\":\"windows\"," ROOTFS "}", "windows" },
		{ "{\"config\":[]," ROOTFS "}", "config is no object" },
		{ "{\"config\":{\"Env\":\"A=b\"}," ROOTFS "}", "Env is no list" },
		{ "{\"config\":{\"Env\":[1]}," ROOTFS "}", "Env holds" },
		{ "{\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}", "Labels holds" },
		{ "{\"config\":{\"Volumes\":[]}," ROOTFS "}", "Volumes is no object" },
		{ "{\"config\":{\"Env\":[\"A=\\u0000\"]}," ROOTFS "}", "no valid JSON" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct image_config c;
		assert_int_equal(image_config_parse(&c, rows[i].json, strlen(rows[i].json), &err), -1);
		if (strstr(err.message, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].json, err.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_everything),
		cmocka_unit_test(takes_nulls),
		cmocka_unit_test(reads_times),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
