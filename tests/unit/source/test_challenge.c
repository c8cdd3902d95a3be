#include "../unit.h"

#include "base/memory.h"
#include "source/registry/challenge.h"

static const struct {
	const char *values[3];
	enum challenge_kind kind;
	const char *realm, *service, *scope;
} rows[] = {
	{ { NULL }, CHALLENGE_NONE, "-", "-", "-" },
	{ { "" }, CHALLENGE_NONE, "-", "-", "-" },
	{ { "Basic realm=\"x\"" }, CHALLENGE_BASIC, "x", "-", "-" },
	{ { "basic" }, CHALLENGE_BASIC, "-", "-", "-" },
	{ { "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"" },
		CHALLENGE_BEARER, "https://auth.docker.io/token", "registry.docker.io", "-" },
	{ { "BEARER Realm=https://a/t?x=y, SERVICE = \"s, t\" ,scope=repository:a:pull" }, CHALLENGE_BEARER,
		"https://a/t?x=y", "s, t", "repository:a:pull" },
	{ { "Bearer realm=\"a\\\"b\"" }, CHALLENGE_BEARER, "a\"b", "-", "-" },
	{ { "Basic realm=\"x\", Bearer realm=\"https://a\",service=\"s\"" }, CHALLENGE_BEARER, "https://a",
		"s", "-" },
	{ { "Bearer realm=\"https://a\",service=\"s\", Basic realm=\"x\"" }, CHALLENGE_BEARER, "https://a",
		"s", "-" },
	{ { "Basic realm=\"x\"", "Bearer realm=\"https://a\"" }, CHALLENGE_BEARER, "https://a", "-", "-" },
	{ { "Negotiate abcd==, NTLM, Basic realm=x" }, CHALLENGE_BASIC, "x", "-", "-" },
	{ { "Digest realm=\"a\", nonce=\"b\"" }, CHALLENGE_NONE, "-", "-", "-" },
	{ { "Bearer service=\"s\"" }, CHALLENGE_NONE, "-", "-", "-" }, /* no realm: nobody to ask */
	{ { "Bearer realm=\"a\",realm=\"b\"" }, CHALLENGE_BEARER, "a", "-", "-" },
	{ { "Bearer realm=\"unterminated" }, CHALLENGE_BEARER, "unterminated", "-", "-" },
	{ { ",,, \t,=\",\"Bearer" }, CHALLENGE_NONE, "-", "-", "-" },
};

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_challenge_ struct challenge c;
		size_t count = 0;
		while (rows[i].values[count] != NULL)
			count++;
		challenge_parse(&c, (char *const *)rows[i].values, count);
		if (c.kind != rows[i].kind)
			fail_msg("row %zu: kind %d", i, (int)c.kind);
		assert_string_equal(c.realm != NULL ? c.realm : "-", rows[i].realm);
		assert_string_equal(c.service != NULL ? c.service : "-", rows[i].service);
		assert_string_equal(c.scope != NULL ? c.scope : "-", rows[i].scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
