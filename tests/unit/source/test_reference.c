#include "../unit.h"

#include <string.h>

#include "base/memory.h"
#include "source/registry/reference.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX64
#define SHA512 "sha512:" HEX64 HEX64

static const struct {
	const char *uri, *user, *password, *registry, *repository, *tag, *digest, *name;
} good[] = {
#define HUB "registry-1.docker.io"
	{ "docker://ubuntu", NULL, NULL, HUB, "library/ubuntu", "latest", NULL, "ubuntu" },
	{ "docker://ubuntu:22.04", NULL, NULL, HUB, "library/ubuntu", "22.04", NULL, "ubuntu+22.04" },
	{ "docker://ubuntu:latest", NULL, NULL, HUB, "library/ubuntu", "latest", NULL, "ubuntu+latest" },
	{ "docker://library/ubuntu", NULL, NULL, HUB, "library/ubuntu", "latest", NULL, "ubuntu" },
	{ "docker://bitnami/redis:7", NULL, NULL, HUB, "bitnami/redis", "7", NULL, "bitnami+redis+7" },
	{ "docker://nvcr.io#nvidia/cuda:12", NULL, NULL, "nvcr.io", "nvidia/cuda", "12", NULL,
		"nvidia+cuda+12" },
	{ "docker://nvcr.io/nvidia/cuda:12", NULL, NULL, "nvcr.io", "nvidia/cuda", "12", NULL,
		"nvidia+cuda+12" },
	{ "docker://$oauthtoken@nvcr.io#nvidia/cuda", "$oauthtoken", NULL, "nvcr.io", "nvidia/cuda", "latest",
		NULL, "nvidia+cuda" },
	{ "docker://docker.io/ubuntu", NULL, NULL, HUB, "library/ubuntu", "latest", NULL, "ubuntu" },
	{ "docker://index.docker.io#ubuntu", NULL, NULL, HUB, "library/ubuntu", "latest", NULL, "ubuntu" },
	{ "docker://DOCKER.IO#ubuntu", NULL, NULL, HUB, "library/ubuntu", "latest", NULL, "ubuntu" },
	{ "docker://localhost/foo/bar", NULL, NULL, "localhost", "foo/bar", "latest", NULL, "foo+bar" },
	{ "docker://localhost:5000/foo", NULL, NULL, "localhost:5000", "foo", "latest", NULL, "foo" },
	{ "docker://localhost:5000#library/foo", NULL, NULL, "localhost:5000", "library/foo", "latest", NULL,
		"library+foo" },
	{ "docker://host:5000/foo:1", NULL, NULL, "host:5000", "foo", "1", NULL, "foo+1" },
	{ "docker://[::1]:5000/foo", NULL, NULL, "[::1]:5000", "foo", "latest", NULL, "foo" },
	{ "docker://[fe80::1]#foo", NULL, NULL, "[fe80::1]", "foo", "latest", NULL, "foo" },
	{ "docker://ubuntu@" SHA256, NULL, NULL, HUB, "library/ubuntu", "latest", SHA256, "ubuntu+" SHA256 },
	{ "docker://ubuntu:22.04@" SHA256, NULL, NULL, HUB, "library/ubuntu", "22.04", SHA256,
		"ubuntu+" SHA256 },
	{ "docker://a@ubuntu@" SHA512, "a", NULL, HUB, "library/ubuntu", "latest", SHA512, "ubuntu+" SHA512 },
	{ "docker://me@example.org@reg.example#foo", "me@example.org", NULL, "reg.example", "foo", "latest",
		NULL, "foo" },
	{ "docker://me:p@ss:w#/rd@reg.example#foo", "me", "p@ss:w#/rd", "reg.example", "foo", "latest", NULL,
		"foo" },
	{ "docker://a/b/c/d:_x", NULL, NULL, HUB, "a/b/c/d", "_x", NULL, "a+b+c+d+_x" },
	{ "docker://a--b/c__d/e.f_g", NULL, NULL, HUB, "a--b/c__d/e.f_g", "latest", NULL, "a--b+c__d+e.f_g" },
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_reference_ struct reference r = { 0 };
		if (reference_parse(&r, good[i].uri, &err) < 0)
			fail_msg("%s: %s", good[i].uri, err.hint);
		_cleanup_free_ char *name = reference_default_name(&r);
		assert_string_equal(r.registry, good[i].registry);
		assert_string_equal(r.repository, good[i].repository);
		assert_string_equal(r.tag, good[i].tag);
		assert_string_equal(
			r.digest != NULL ? r.digest : "-", good[i].digest != NULL ? good[i].digest : "-");
		assert_string_equal(r.user != NULL ? r.user : "-", good[i].user != NULL ? good[i].user : "-");
		assert_string_equal(r.password != NULL ? r.password : "-",
			good[i].password != NULL ? good[i].password : "-");
		assert_string_equal(name, good[i].name);
	}
}

static const char *const bad[] = {
	"",
	"docker:",
	"docker:/",
	"docker://",
	"docker://#",
	"docker://#a",
	"docker://a#",
	"docker://@a",
	"docker:///a",
	"docker://a/",
	"docker://a//b",
	"docker://-a",
	"docker://a-",
	"docker://a..b",
	"docker://a___b",
	"docker://a.-b",
	"docker://Ubuntu",
	"docker://nvcr.io/NVIDIA/cuda",
	"docker://a:",
	"docker://a:-x",
	"docker://a:.x",
	"docker://a:b:c",
	"docker://a:b/c:1:2",
	"docker://a b",
	"docker://a\nb",
	"docker://a%2fb",
	"docker://a?b",
	"docker://../a",
	"docker://a/../b",
	"docker://./a",
	"docker://a@sha256:",
	"docker://a@sha256:0123",
	"docker://a@sha256:" HEX64 "0",
	"docker://a@sha512:" HEX64,
	"docker://a@SHA256:" HEX64,
	"docker://a@md5:0123456789abcdef0123456789abcdef",
	"docker://a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
	"docker://a@sha256:../../../../etc",
	"docker://host:0/a",
	"docker://host:65536/a",
	"docker://host:x/a",
	"docker://ho_st:-1/a",
	"docker://[::1/a",
	"docker://[::g]:5000/a",
	"docker://a..b/c",
	"docker://.a/c",
	"docker://a/b#c",
	"docker://user\r\nX: y@a",
	"http://a",
	"ubuntu",
};

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_reference_ struct reference r = { 0 };
		if (reference_parse(&r, bad[i], &err) == 0)
			fail_msg("taken: %s as %s / %s : %s", bad[i], r.registry, r.repository, r.tag);
		assert_true(strncmp(err.message, "Invalid image reference: ", 25) == 0);
		assert_non_null(err.hint);
	}
}

static void bounds_lengths(void **state)
{
	(void)state;
	char uri[5000];
	static const struct {
		size_t name, tag;
		int result;
	} rows[] = { { 226, 128, 0 }, { 227, 1, -1 }, { 1, 129, -1 }, { 4500, 1, -1 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		strcpy(uri, "docker://");
		memset(uri + 9, 'a', rows[i].name);
		memcpy(uri + 9 + rows[i].name, ":", 1);
		memset(uri + 10 + rows[i].name, 'b', rows[i].tag);
		uri[10 + rows[i].name + rows[i].tag] = '\0';
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_reference_ struct reference r = { 0 };
		assert_int_equal(reference_parse(&r, uri, &err), rows[i].result);
	}
}

static void tells_provenance(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *want;
	} rows[] = {
		{ "docker://ubuntu", "docker://registry-1.docker.io#library/ubuntu:latest" },
		{ "docker://me:secret@nvcr.io/nvidia/cuda:12", "docker://nvcr.io#nvidia/cuda:12" },
		{ "docker://ubuntu:1@" SHA256, "docker://registry-1.docker.io#library/ubuntu:" SHA256 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_reference_ struct reference r = { 0 };
		assert_int_equal(reference_parse(&r, rows[i].uri, &err), 0);
		_cleanup_free_ char *provenance = reference_provenance(&r);
		assert_string_equal(provenance, rows[i].want);
	}
}

static void hides_passwords(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *want;
	} rows[] = {
		{ "docker://me:secret@ubuntu:UP:1", "docker://me:***@ubuntu:UP:1" },
		{ "docker://me:se@cret@Ubuntu@" SHA256, "docker://me:***@Ubuntu@" SHA256 },
		{ "docker://me@Ubuntu:1", "docker://me@Ubuntu:1" },
		{ "docker://Ubuntu:1@" SHA256, "docker://Ubuntu:1@" SHA256 },
		{ "nonsense", "nonsense" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_reference_ struct reference r = { 0 };
		_cleanup_free_ char *want = xasprintf("Invalid image reference: %s", rows[i].want);
		assert_int_equal(reference_parse(&r, rows[i].uri, &err), -1);
		assert_string_equal(err.message, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds_lengths),
		cmocka_unit_test(tells_provenance),
		cmocka_unit_test(hides_passwords),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
