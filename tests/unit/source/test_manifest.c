#include "../unit.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "source/manifest.h"

#define HEX(c)                                                                                              \
	"sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c \
		c c c c c c c c c c c c c c c c c c c
#define A HEX("a")
#define B HEX("b")
#define C HEX("c")
#define D HEX("d")
#define CONFIG                                                                                   \
	"\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"" A \
	"\",\"size\":10}"
#define LAYER(d) "{\"digest\":\"" d "\",\"size\":5}"
#define ENTRY(d, os, arch, rest)                                                                    \
	"{\"digest\":\"" d "\",\"size\":7,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch \
	"\"" rest "}}"

static const struct {
	const char *arch, *json, *want; /* want: chosen digest, "N layers", or part of the error */
} rows[] = {
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}", "0 layers" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER(B) "," LAYER(B) "]}", "2 layers" },
	/* platforms */
	{ "amd64",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "linux", "arm64", "") "," ENTRY(
			B, "linux", "amd64", "") "]}",
		B },
	{ "x86_64",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "windows", "amd64", "") "," ENTRY(
			B, "linux", "amd64", "") "]}",
		B },
	{ "aarch64",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "linux", "arm64", ",\"variant\":\"v8\"") "]}",
		A },
	{ "arm64",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "linux", "arm64", ",\"variant\":\"v9\"") "]}",
		"no linux/arm64" },
	{ "arm",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(
			A, "linux", "arm", ",\"variant\":\"v5\"") "," ENTRY(B, "linux", "arm",
			",\"variant\":\"v7\"") "," ENTRY(C, "linux", "arm", ",\"variant\":\"v6\"") "]}",
		B },
	{ "arm/v6",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(
			A, "linux", "arm", ",\"variant\":\"v5\"") "," ENTRY(B, "linux", "arm",
			",\"variant\":\"v7\"") "," ENTRY(C, "linux", "arm", ",\"variant\":\"v6\"") "]}",
		C },
	{ "amd64/v1",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(
			A, "linux", "amd64", ",\"variant\":\"v2\"") "," ENTRY(B, "linux", "amd64", "") "]}",
		B },
	{ "amd64/v3",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "linux", "amd64", "") "," ENTRY(B, "linux",
			"amd64",
			",\"variant\":\"v3\"") "," ENTRY(C, "linux", "amd64", ",\"variant\":\"v4\"") "]}",
		B },
	{ "ppc64le", "{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "linux", "amd64", "") "]}",
		"no linux/ppc64le" },
	{ "amd64",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "unknown", "unknown", "") "," ENTRY(
			B, "linux", "amd64", "") "]}",
		B },
	{ "amd64",
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(A, "linux", "amd64", "") "," ENTRY(
			B, "linux", "amd64", "") "]}",
		A },
	{ "amd64", "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" C "\",\"size\":1}]}", C },
	{ "amd64", "{\"schemaVersion\":2,\"manifests\":[]}", "no linux/amd64" },
	{ "amd64",
		"{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" C
		"\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},\"annotations\":{"
		"\"vnd.docker.reference.type\":\"attestation-manifest\"}}]}",
		"no linux/amd64" },
	{ "amd64", "{\"schemaVersion\":2,\"manifests\":[7]}", "is no object" },
	/* what is no image */
	{ "amd64",
		"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/"
		"vnd.cncf.helm.config.v1+json\",\"digest\":\"" A "\",\"size\":1},\"layers\":[]}",
		"application/vnd.cncf.helm.config.v1+json" },
	{ "amd64",
		"{\"schemaVersion\":2,\"artifactType\":\"application/"
		"vnd.wasm\",\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"" A
		"\",\"size\":2},\"layers\":[]}",
		"application/vnd.wasm" },
	/* tricks */
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}",
		"an image and an index" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"manifests\":[]}", "an image and an index" },
	{ "amd64", "{\"schemaVersion\":2,\"schemaVersion\":2," CONFIG ",\"layers\":[]}", "duplicate" },
	{ "amd64", "{\"schemaVersion\":1,\"fsLayers\":[]}", "schema 1" },
	{ "amd64", "{\"schemaVersion\":3," CONFIG ",\"layers\":[]}", "schemaVersion" },
	{ "amd64", "{" CONFIG ",\"layers\":[]}", "schemaVersion" },
	{ "amd64", "{\"schemaVersion\":2}", "neither" },
	{ "amd64", "{\"schemaVersion\":2,\"layers\":[]}", "no config" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", "neither" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"sha256:../../x\",\"size\":1}]}",
		"no valid digest" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":7,\"size\":1}]}",
		"no valid digest" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B "\",\"size\":-1}]}",
		"no valid size" },
	{ "amd64", "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B "\"}]}", "no valid size" },
	{ "amd64",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B
		"\",\"size\":9223372036854775807}]}",
		"no valid size" },
	{ "amd64",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B
		"\",\"size\":4611686018427387903},{\"digest\":\"" C
		"\",\"size\":4611686018427387903},{\"digest\":\"" D "\",\"size\":4611686018427387903}]}",
		"not credible" },
	{ "amd64",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"digest\":\"" B
		"\",\"size\":1,\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip+encrypted\"}]}",
		"encrypted" },
	{ "amd64", "[]", "no JSON object" },
	{ "amd64", "", "no valid JSON" },
	{ "amd64", "{\"schemaVersion\":2,\"manifests\":[]} x", "no valid JSON" },
	{ "amd64", "{\"schemaVersion\":2,\"config\":{\"digest\":\"" A "\",\"size\":8388609},\"layers\":[]}",
		"larger than" },
};

static void check_row(size_t i)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_platform_request_ struct platform_request request = { 0 };
	_cleanup_manifest_ struct manifest m = { 0 };
	assert_int_equal(platform_request_parse(&request, rows[i].arch, &err), 0);
	int r = manifest_parse(&m, rows[i].json, strlen(rows[i].json), &request, &err);
	_cleanup_free_ char *got = r < 0        ? xstrdup(err.message)
				   : m.is_index ? xstrdup(m.chosen.digest)
						: xasprintf("%zu layers", m.layer_count);
	bool is_exact = r == 0;
	if (is_exact ? !str_eq(got, rows[i].want) : strstr(got, rows[i].want) == NULL)
		fail_msg("row %zu: got %s, not %s", i, got, rows[i].want);
}

static void parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(i);
}

static void lists_platforms(void **state)
{
	(void)state;
	static const char json[] = "{\"schemaVersion\":2,\"manifests\":[" ENTRY(
		A, "linux", "arm64", ",\"variant\":\"v8\"") "," ENTRY(B, "linux", "s390x", "") "]}";
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_platform_request_ struct platform_request request = { 0 };
	_cleanup_manifest_ struct manifest m = { 0 };
	assert_int_equal(platform_request_parse(&request, "amd64", &err), 0);
	assert_int_equal(manifest_parse(&m, json, strlen(json), &request, &err), -1);
	assert_string_equal(err.hint, "it is there for: linux/arm64/v8, linux/s390x; choose with --arch");
}

static void refuses_depth(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_platform_request_ struct platform_request request = { 0 };
	_cleanup_manifest_ struct manifest m = { 0 };
	assert_int_equal(platform_request_parse(&request, NULL, &err), 0);
	_cleanup_buffer_ struct buffer b = BUFFER_INIT;
	buffer_puts(&b, "{\"schemaVersion\":2,\"x\":");
	for (int i = 0; i < 100000; i++)
		buffer_putc(&b, '[');
	assert_int_equal(manifest_parse(&m, b.data, b.len, &request, &err), -1);
	assert_non_null(strstr(err.message, "nested"));
}

static void knows_architectures(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "x86", "/v7", "amd", "AMD64" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_platform_request_ struct platform_request request = { 0 };
		assert_int_equal(platform_request_parse(&request, bad[i], &err), -1);
		_cleanup_free_ char *want = xasprintf("Unsupported architecture: %s", bad[i]);
		assert_string_equal(err.message, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(lists_platforms),
		cmocka_unit_test(refuses_depth),
		cmocka_unit_test(knows_architectures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
