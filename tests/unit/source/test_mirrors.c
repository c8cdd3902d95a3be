#include "../unit.h"

#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "source/registry/mirrors.h"

static const char conf[] = "# comment\n"
			   "unqualified-search-registries = [\"docker.io\",\n"
			   "  \"quay.io\"]  # of two lines\n"
			   "short-name-mode = 'permissive'\n"
			   "[[registry]]\n"
			   "location = \"docker.io\"\n"
			   "[[registry.mirror]]\n"
			   "location = \"mirror.local:5000\" # the nearest\n"
			   "insecure = true\n"
			   "[[registry.mirror]]\n"
			   "location = 'mirror.far/hub/'\r\n"
			   "pull-from-mirror = \"digest-only\"\n"
			   "\n"
			   "  [[registry]]\n"
			   "prefix = \"example.com/old\"\n"
			   "location = \"new.example.com/very/old\"\n"
			   "[[registry]]\n"
			   "prefix = \"example.com/old/blocked\"\n"
			   "blocked = true\n"
			   "[[registry]]\n"
			   "prefix=\"*.lab.example.com\"\n"
			   "insecure=true\n"
			   "[aliases]\n"
			   "location = \"nothing\"\n"
			   "[[registry]]\n"
			   "prefix = \"again.com\"\n"
			   "location = \"first.com\"\n"
			   "[[registry]]\n"
			   "prefix = \"again.com\"\n"
			   "location = \"second.com\"\n";

#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const struct {
	const char *uri, *want; /* "!" after what is insecure */
} rows[] = {
	{ "docker://ubuntu:1", "mirror.local:5000/library/ubuntu! registry-1.docker.io/library/ubuntu" },
	{ "docker://ubuntu@" DIGEST, "mirror.local:5000/library/ubuntu! mirror.far/hub/library/ubuntu "
				     "registry-1.docker.io/library/ubuntu" },
	{ "docker://index.docker.io#a/b", "mirror.local:5000/a/b! registry-1.docker.io/a/b" },
	{ "docker://quay.io#a/b", "quay.io/a/b" },
	{ "docker://docker.io.evil.com#a/b", "docker.io.evil.com/a/b" },
	{ "docker://example.com#old/x/y:1", "new.example.com/very/old/x/y" },
	{ "docker://example.com#older/x", "example.com/older/x" },
	{ "docker://example.com#old/blocked", "blocked" },
	{ "docker://example.com#old/blocked/too", "blocked" },
	{ "docker://example.com#old/blockedless", "new.example.com/very/old/blockedless" },
	{ "docker://a.b.lab.example.com#x", "a.b.lab.example.com/x!" },
	{ "docker://lab.example.com#x", "lab.example.com/x" },
	{ "docker://evillab.example.com#x", "evillab.example.com/x" },
	{ "docker://again.com#x", "second.com/x" },
};

static char *describe(const char *uri, const char *text)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_reference_ struct reference ref;
	_cleanup_endpoints_ struct endpoints e = { 0 };
	struct buffer out = BUFFER_INIT;
	assert_int_equal(reference_parse(&ref, uri, &err), 0);
	if (endpoints_find_in(&e, &ref, text, "test", &err) < 0)
		return xstrdup("blocked");
	for (size_t i = 0; i < e.count; i++)
		buffer_printf(&out, "%s%s/%s%s", i > 0 ? " " : "", e.items[i].registry, e.items[i].repository,
			e.items[i].is_insecure ? "!" : "");
	return buffer_steal(&out);
}

static void mirrors_and_locations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *got = describe(rows[i].uri, conf);
		assert_string_equal(got, rows[i].want);
	}
}

/* What is not understood changes nothing. */
static void nonsense(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"[[registry.mirror]]\nlocation = \"a\"\n",
		"[[registry]]\nlocation = quay.io\n[[registry.mirror]]\nlocation=\"m\n",
		"[[registry]]\n[[registry.mirror]]\nlocation=\"m\"\n",
		"[[registry]]\nprefix = \"\"\nlocation = \"m\"\n",
		"location = [\n",
		"[[registry]\nlocation = \"quay.io\"\nblocked = true\n",
		"= = =\n\"\n'\n[\n]\n#",
		"[[registry]]\nprefix = \"quay.io\"\n[[registry.mirror]]\nlocation = \"@?#\"\n",
	};
	log_set_quiet(true);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *got = describe("docker://quay.io#a/b", texts[i]);
		assert_string_equal(got, "quay.io/a/b");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mirrors_and_locations),
		cmocka_unit_test(nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
