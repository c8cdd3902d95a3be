#include "../unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "hooks/gpu/cdi.h"
#include "hooks/gpu/document.h"

#define SPEC(devices) "{\"cdiVersion\":\"0.6.0\",\"kind\":\"acme.com/gpu\",\"devices\":[" devices "]}"

static const struct {
	const char *text, *error; /* NULL: well-formed */
} specs[] = {
	{ SPEC("{\"name\":\"a\"}"), NULL },
	{ SPEC("{\"name\":\"0:1\",\"containerEdits\":{\"env\":[\"A=b\"]}}"), NULL },
	{ SPEC(""), NULL },
	{ "cdiVersion: 0.5.0\nkind: acme.com/gpu\ndevices:\n- name: 0\n  containerEdits:\n    env: [A=b]\n",
		NULL },
	{ "cdiVersion: '1.1.0'\nkind: a/b\ndevices: []\n", NULL },
	{ "cdiVersion: 0.3.0\nkind: a/b\ndevices: [&d {name: a}, {name: b, containerEdits: ~}]\n", NULL },
	{ "", "spec" },
	{ "{", "line 1" },
	{ "[]", "not a mapping" },
	{ "{\"cdiVersion\":\"0.6.0\",\"cdiVersion\":\"0.6.0\"}", "line 1" },
	{ "a: b\na: c\n", "line 2: a key twice" },
	{ "a: [b\n", "line" },
	{ "a: *b\n", "alias" },
	{ "a: &a [*a]\n", "alias" },
	{ "? [a]\n: b\n", "key that is no text" },
	{ "kind: a/b\n", "cdiVersion is missing" },
	{ "cdiVersion: 2.0.0\nkind: a/b\ndevices: []\n", "newer than 1.1" },
	{ "cdiVersion: 1.2.0\nkind: a/b\ndevices: []\n", "newer than 1.1" },
	{ "cdiVersion: 0.2.0\nkind: a/b\ndevices: []\n", "older than 0.3" },
	{ "cdiVersion: x\nkind: a/b\ndevices: []\n", "no version" },
	{ "cdiVersion: 1.0.0\nkind: ab\ndevices: []\n", "vendor/class" },
	{ "cdiVersion: 1.0.0\nkind: a/b/c\ndevices: []\n", "vendor/class" },
	{ "cdiVersion: 1.0.0\nkind: a/b\n", "devices is missing" },
	{ SPEC("{\"name\":\"-a\"}"), "no valid name" },
	{ SPEC("{\"name\":\"a=b\"}"), "no valid name" },
	{ SPEC("{\"name\":\"a\"},{\"name\":\"a\"}"), "twice" },
	{ SPEC("{\"name\":\"a\",\"containerEdits\":[]}"), "no mapping" },
	{ SPEC("{\"name\":\"a\",\"containerEdits\":{\"mounts\":{}}}"), "mounts is no list" },
	{ SPEC("{\"name\":\"a\",\"containerEdits\":{\"hooks\":[\"x\"]}}"), "entry 1 of hooks" },
	{ SPEC("{\"name\":\"a\",\"containerEdits\":{\"env\":[\"A=b\",3]}}"), "entry 2 of env" },
};

static int add(
	struct cdi_registry *r, const char *text, const char *path, unsigned directory, struct error *err)
{
	return cdi_registry_add(r, path, text, strlen(text), *text != '{' && *text != '[', directory, err);
}

static void test_specs(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		_cleanup_cdi_registry_ struct cdi_registry r = CDI_REGISTRY_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		int result = add(&r, specs[i].text, "spec", 0, &err);
		if (specs[i].error == NULL ? result != 0
					   : result != -1 || !strstr(err.message, specs[i].error))
			fail_msg("row %zu: %s", i, err.message != NULL ? err.message : "accepted");
		assert_int_equal(r.count, specs[i].error == NULL);
	}
}

static void test_limits(void **state)
{
	struct buffer deep _cleanup_buffer_ = BUFFER_INIT, bomb _cleanup_buffer_ = BUFFER_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	for (int i = 0; i < 100000; i++)
		buffer_puts(&deep, "[");
	assert_null(document_parse_json(deep.data, deep.len, &err));
	assert_null(document_parse_yaml(deep.data, deep.len, &err));
	assert_non_null(strstr(err.message, "deep"));
	error_clear(&err);
	buffer_puts(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"); /* ten to the tenth */
	for (int i = 1; i < 10; i++)
		buffer_printf(&bomb, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
			i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_null(document_parse_yaml(bomb.data, bomb.len, &err));
	assert_non_null(strstr(err.message, "too many nodes"));
	error_clear(&err);
	/* Each line is shallow, but its alias is not: 1000 levels in all. */
	struct buffer chain _cleanup_buffer_ = BUFFER_INIT;
	buffer_puts(&chain, "a0: &a0 [x]\n");
	for (int i = 1; i < 1000; i++)
		buffer_printf(&chain, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_null(document_parse_yaml(chain.data, chain.len, &err));
	assert_non_null(strstr(err.message, "deep"));
	error_clear(&err);
	/* What is as deep as a document may be without aliases may be so with them. */
	static const char good[] = "a: &a [[[[[[[[x]]]]]]]]\nb: [[[[*a]]]]\n";
	json_t *tree = document_parse_yaml(good, strlen(good), &err);
	assert_non_null(tree);
	json_decref(tree);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *yaml;
		bool ok, is_set;
		uint64_t value;
	} rows[] = {
		{ "n: 195\n", true, true, 195 },
		{ "n: '0o666'\n", true, true, 0666 },
		{ "n: 0x1F\n", true, true, 31 },
		{ "n: ~\n", true, false, 0 },
		{ "m: 1\n", true, false, 0 },
		{ "n: -1\n", false, true, 0 },
		{ "n: 1x\n", false, true, 0 },
		{ "n: [1]\n", false, true, 0 },
		{ "n: 99999999999999999999999\n", false, true, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		json_t *tree = document_parse_yaml(rows[i].yaml, strlen(rows[i].yaml), &err);
		uint64_t value = 0;
		bool is_set;
		assert_non_null(tree);
		assert_int_equal(document_number(tree, "n", &is_set, &value), rows[i].ok);
		assert_int_equal(is_set, rows[i].is_set);
		if (rows[i].ok)
			assert_int_equal(value, rows[i].value);
		json_decref(tree);
	}
}

static const char first[] = "cdiVersion: 0.6.0\nkind: acme.com/gpu\ncontainerEdits: {env: [G=1]}\ndevices:\n"
			    "- {name: '0', containerEdits: {env: [D=0]}}\n"
			    "- {name: '1', containerEdits: {env: [D=1]}}\n";
static const char second[] = "cdiVersion: 0.6.0\nkind: acme.com/gpu\ndevices:\n"
			     "- {name: '1', containerEdits: {env: [D=new]}}\n"
			     "- {name: '2', containerEdits: {env: [D=2]}}\n";

/* The values of "env" that a selection sets, one after the other. */
static char *texts(const struct cdi_selection *s)
{
	struct buffer b = BUFFER_INIT;
	for (size_t i = 0; i < s->count; i++) {
		const json_t *env = json_object_get(s->items[i].tree, "env");
		buffer_printf(&b, "%s ", json_string_value(json_array_get(env, 0)));
	}
	return buffer_steal(&b);
}

static void test_selection(void **state)
{
	static const struct {
		const char *names, *want; /* names after one another; NULL: an error with .code */
		int code;
	} rows[] = {
		{ "acme.com/gpu=0", "G=1 D=0 ", 0 },
		{ "acme.com/gpu=1", "D=new ", 0 },
		{ "acme.com/gpu=all", "G=1 D=0 D=new D=2 ", 0 },
		{ "acme.com/gpu=0 acme.com/gpu=0 acme.com/gpu=2", "G=1 D=0 D=2 ", 0 },
		{ "acme.com/gpu=3", NULL, ENODEV },
		{ "other.com/gpu=all", NULL, ENODEV },
		{ "gpu0", NULL, EINVAL },
		{ "acme.com/gpu=", NULL, EINVAL },
	};
	_cleanup_cdi_registry_ struct cdi_registry r = CDI_REGISTRY_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(add(&r, first, "/etc/cdi/a.yaml", 0, &err), 0);
	assert_int_equal(add(&r, second, "/var/run/cdi/a.yaml", 1, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_cdi_selection_ struct cdi_selection s = CDI_SELECTION_INIT;
		_cleanup_strv_ struct strv names = STRV_INIT;
		int result = 0;
		error_clear(&err);
		strv_split(&names, rows[i].names, ' ');
		for (size_t n = 0; n < names.count && result == 0; n++)
			result = cdi_select(&s, &r, names.items[n], &err);
		if (rows[i].want == NULL) {
			assert_int_equal(result, -1);
			assert_int_equal(err.code, rows[i].code);
			continue;
		}
		_cleanup_free_ char *got = texts(&s);
		assert_string_equal(got, rows[i].want);
	}
}

/* Two files of one directory that have the same device: neither is meant. */
static void test_conflict(void **state)
{
	_cleanup_cdi_registry_ struct cdi_registry r = CDI_REGISTRY_INIT;
	_cleanup_cdi_selection_ struct cdi_selection s = CDI_SELECTION_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(add(&r, first, "/etc/cdi/a.yaml", 0, &err), 0);
	assert_int_equal(add(&r, second, "/etc/cdi/b.yaml", 0, &err), 0);
	assert_int_equal(cdi_select(&s, &r, "acme.com/gpu=1", &err), -1);
	assert_non_null(strstr(err.message, "/etc/cdi/a.yaml"));
	assert_non_null(strstr(err.message, "/etc/cdi/b.yaml"));
	error_clear(&err);
	assert_int_equal(cdi_select(&s, &r, "acme.com/gpu=0", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_conflict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
