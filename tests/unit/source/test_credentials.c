#include "../unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "source/registry/credentials.h"
#include "source/registry/netrc.h"

static char dir[] = "/tmp/test-credentials-XXXXXX";

static void write_file(const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = path_join(dir, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static int enter(void **state)
{
	(void)state;
	static const char *const cleared[] = { "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
		"DOCKER_CONFIG" };
	if (mkdtemp(dir) == NULL)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(cleared); i++)
		unsetenv(cleared[i]);
	setenv("HOME", dir, 1);
	setenv("TEST_SECRET", "from the environment", 1);
	_cleanup_free_ char *path = xasprintf("%s:%s", dir, getenv("PATH"));
	setenv("PATH", path, 1);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("rm -rf %s", dir);
	return system(command);
}

/* "USER SECRET", "token TOKEN" or "none" */
static char *look_up(const char *uri, const char *realm_host)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_credentials_ struct credentials c = { 0 };
	assert_int_equal(reference_parse(&ref, uri, &err), 0);
	if (credentials_find(&c, &ref, realm_host, dir, &err) < 0)
		return xasprintf("error %s", err.message);
	if (c.identity_token != NULL)
		return xasprintf("identity %s", c.identity_token);
	if (c.registry_token != NULL)
		return xasprintf("registry %s", c.registry_token);
	return c.secret != NULL ? xasprintf("%s %s", c.user, c.secret) : xstrdup("none");
}

struct look_up_row {
	const char *uri, *realm, *want;
};

static void check(const struct look_up_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *got = look_up(rows[i].uri, rows[i].realm);
		if (!str_eq(got, rows[i].want))
			fail_msg("row %zu, %s with realm %s: %s, not %s", i, rows[i].uri,
				rows[i].realm != NULL ? rows[i].realm : "-", got, rows[i].want);
	}
}

static void reads_netrc(void **state)
{
	(void)state;
	write_file(".credentials",
		"# comment\n"
		"machine nvcr.io login $oauthtoken password registry pass  word \n"
		"machine authn.nvidia.com login $oauthtoken password realm\n"
		"\tmachine reg.example:5000\tlogin\tme\tpassword\tport\r\n"
		"machine reg.example login you password $(printf 'a'; echo \"b c\" | tr b d)\n"
		"machine env.example login me password $TEST_SECRET\n"
		"machine fail.example login me password $(exit 3)\n"
		"machine auth.docker.io login hub password hubsecret\n"
		"machine nologin.example password x\n"
		"machine victim.example login victim password stolen\n"
		"nonsense\n",
		0600);
	static const struct look_up_row rows[] = {
		{ "docker://nvcr.io#a", NULL, "$oauthtoken registry pass  word" },
		{ "docker://NVCR.io#a", NULL, "$oauthtoken registry pass  word" },
		{ "docker://nvcr.io#a", "authn.nvidia.com", "$oauthtoken realm" },
		{ "docker://other@nvcr.io#a", "authn.nvidia.com", "none" },
		{ "docker://reg.example:5000#a", NULL, "me port" },
		{ "docker://reg.example:5001#a", NULL, "you ad c" },
		{ "docker://you@reg.example:5000#a", NULL, "you ad c" },
		{ "docker://env.example#a", NULL, "me from the environment" },
		{ "docker://a", "auth.docker.io", "hub hubsecret" },
		{ "docker://a", NULL, "none" },
		/* a registry without a line must not be handed what belongs to another realm */
		{ "docker://evil.example#a", "victim.example", "none" },
		{ "docker://evil.example#a", "auth.docker.io", "none" },
		{ "docker://nologin.example#a", NULL, "none" },
		{ "docker://x:y z@nvcr.io#a", NULL, "x y z" },
	};
	check(rows, ARRAY_SIZE(rows));
	_cleanup_free_ char *failed = look_up("docker://fail.example#a", NULL);
	assert_non_null(strstr(failed, "could not be evaluated"));
	write_file(".credentials", "", 0600);
}

static void reads_auth_files(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(dir, "auth.json");
	setenv("REGISTRY_AUTH_FILE", path, 1);
	write_file("auth.json",
		"{\"auths\":{"
		"\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnNlY3JldA==\"}," /* hub:secret */
		"\"reg.example\":{\"auth\":\"bWU6YTpi\"},"                         /* me:a:b */
		"\"reg.example/team\":{\"auth\":\"dGVhbTp4\"},"                    /* team:x */
		"\"reg.example/team/deep\":{\"identitytoken\":\"idt\"},"
		"\"reg.example/tea\":{\"auth\":\"d3Jvbmc6eA==\"},"
		"\"reg.example:5000\":{\"registrytoken\":\"rt\"},"
		"\"http://plain.example/v2/\":{\"auth\":\"cDpx\"}," /* p:q */
		"\"empty.example\":{},"
		"\"broken.example\":{\"auth\":\"!!!!\"}},"
		"\"credHelpers\":{\"helped.example\":\"test\",\"token.example\":\"test\",\"missing.example\":"
		"\"not-there\","
		"\"path.example\":\"../x\"}}",
		0600);
	write_file("docker-credential-test",
		"#!/bin/sh\nread -r server\ncase $server in\n"
		"helped.example) echo '{\"ServerURL\":\"x\",\"Username\":\"h\",\"Secret\":\"s\"}' ;;\n"
		"token.example) echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}' ;;\n"
		"*) echo 'credentials not found'; exit 1 ;;\nesac\n",
		0755);
	static const struct look_up_row rows[] = {
		{ "docker://ubuntu", NULL, "hub secret" },
		{ "docker://docker.io/a/b", "auth.docker.io", "hub secret" },
		{ "docker://reg.example#a", NULL, "me a:b" },
		{ "docker://reg.example#team/x", NULL, "team x" },
		{ "docker://reg.example#teams/x", NULL, "me a:b" },
		{ "docker://reg.example#team/deep/x", NULL, "identity idt" },
		{ "docker://reg.example:5000#team/x", NULL, "registry rt" },
		{ "docker://plain.example#x", NULL, "p q" },
		{ "docker://me@reg.example#a", NULL, "me a:b" },
		{ "docker://you@reg.example#a", NULL, "none" },
		{ "docker://empty.example#a", NULL, "none" },
		{ "docker://broken.example#a", NULL, "none" },
		{ "docker://helped.example#a", NULL, "h s" },
		{ "docker://token.example#a", NULL, "identity t" },
		{ "docker://missing.example#a", NULL, "none" },
		{ "docker://path.example#a", NULL, "none" },
		{ "docker://other.example#a", NULL, "none" },
	};
	check(rows, ARRAY_SIZE(rows));
	/* .credentials comes first */
	write_file(".credentials", "machine reg.example login n password rc\n", 0600);
	_cleanup_free_ char *first = look_up("docker://reg.example#a", NULL);
	assert_string_equal(first, "n rc");
	write_file(".credentials", "", 0600);
	unsetenv("REGISTRY_AUTH_FILE");
}

static void asks_the_store(void **state)
{
	(void)state;
	setenv("DOCKER_CONFIG", dir, 1);
	write_file("config.json", "{\"auths\":{\"helped.example\":{}},\"credsStore\":\"test\"}", 0600);
	static const struct look_up_row rows[] = {
		{ "docker://helped.example#a", NULL, "h s" },
		{ "docker://other.example#a", NULL, "none" },
	};
	check(rows, ARRAY_SIZE(rows));
	write_file("config.json", "{broken", 0600);
	_cleanup_free_ char *broken = look_up("docker://helped.example#a", NULL);
	assert_string_equal(broken, "none");
	unsetenv("DOCKER_CONFIG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_netrc),
		cmocka_unit_test(reads_auth_files),
		cmocka_unit_test(asks_the_store),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
