#include "../unit.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "source/registry/address.h"
#include "source/registry/http.h"

static void knows_local_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		bool is_local;
	} rows[] = {
		{ "localhost", true },
		{ "LOCALHOST.", true },
		{ "a.localhost", true },
		{ "notlocalhost", false },
		{ "127.0.0.1", true },
		{ "127.9.9.9", true },
		{ "127.1", true },
		{ "0x7f000001", true },
		{ "2130706433", true },
		{ "0177.0.0.1", true },
		{ "0.0.0.0", true },
		{ "169.254.169.254", true },
		{ "[::1]", true },
		{ "[::]", true },
		{ "[::ffff:127.0.0.1]", true },
		{ "[::ffff:169.254.169.254]", true },
		{ "[fe80::1]", true },
		{ "[fe80::1%eth0]", true },
		{ "10.0.0.1", false },
		{ "128.0.0.1", false },
		{ "[2001:db8::1]", false },
		{ "[::ffff:8.8.8.8]", false },
		{ "example.org", false },
		{ "", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (address_host_is_local(rows[i].host) != rows[i].is_local)
			fail_msg("%s", rows[i].host);
}

static void takes_headers(void **state)
{
	(void)state;
	static const char *const lines[] = { "HTTP/1.1 100 Continue\r\n", "ETag: \"old\"\r\n", "\r\n",
		"HTTP/1.1 206 Partial Content\r\n", "docker-content-digest:  sha256:x \r\n",
		"Content-Range: bytes 100-199/200\r\n", "www-authenticate: Basic\r\n",
		"WWW-Authenticate: Bearer realm=\"x\"\r\n", "nonsense\r\n", ":\r\n", "\r\n" };
	struct http_headers h = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[128];
		strcpy(line, lines[i]);
		assert_int_equal(http_headers_take(line, 1, strlen(line), &h), strlen(line));
	}
	assert_int_equal(h.status, 206);
	assert_null(h.etag);
	assert_true(h.has_range);
	assert_int_equal(h.range_start, 100);
	assert_int_equal(h.www_authenticate.count, 2);
	http_headers_cleanup(&h);
}

static void waits_longer_and_longer(void **state)
{
	(void)state;
	for (unsigned failures = 1; failures < 40; failures++) {
		int64_t ms = http_backoff_ms(failures, 0);
		assert_true(ms >= 250 && ms <= 30000);
	}
	assert_true(http_backoff_ms(1, 0) <= 500);
	assert_true(http_backoff_ms(8, 0) >= 15000);
	assert_true(http_backoff_ms(1, 7) >= 7000);
	assert_int_equal(http_backoff_ms(1, 100000), -1);
}

static void counts_tries(void **state)
{
	(void)state;
	assert_int_equal(http_tries(&(struct http_options){ .retries = -1 }), 5);
	assert_int_equal(http_tries(&(struct http_options){ .retries = 0 }), 1);
	assert_int_equal(http_tries(&(struct http_options){ .retries = 2 }), 3);
}

static void keeps_signatures_out_of_messages(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	http_error_status(&err, "https://cdn.example/blob?X-Signature=secret", 404);
	assert_string_equal(err.message, "URL https://cdn.example/blob returned error code: 404 Not Found");
	http_error_curl(
		&err, "https://cdn.example/blob?X-Signature=secret", CURLE_COULDNT_RESOLVE_HOST, "", NULL);
	assert_null(strstr(err.message, "secret"));
	assert_non_null(err.hint);
}

static void knows_what_to_repeat(void **state)
{
	(void)state;
	static const struct {
		CURLcode result;
		long status;
		bool is_known, want;
	} rows[] = {
		{ CURLE_OK, 200, true, false },
		{ CURLE_OK, 404, true, false },
		{ CURLE_OK, 401, true, false },
		{ CURLE_OK, 408, false, true },
		{ CURLE_OK, 425, false, true },
		{ CURLE_OK, 429, false, true },
		{ CURLE_OK, 501, false, false },
		{ CURLE_OK, 503, false, true },
		{ CURLE_COULDNT_CONNECT, 0, false, false },
		{ CURLE_COULDNT_CONNECT, 0, true, true },
		{ CURLE_PEER_FAILED_VERIFICATION, 0, true, false },
		{ CURLE_PARTIAL_FILE, 200, true, true },
		{ CURLE_WRITE_ERROR, 200, true, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(
			http_is_transient(rows[i].result, rows[i].status, rows[i].is_known), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_local_hosts),
		cmocka_unit_test(takes_headers),
		cmocka_unit_test(waits_longer_and_longer),
		cmocka_unit_test(counts_tries),
		cmocka_unit_test(keeps_signatures_out_of_messages),
		cmocka_unit_test(knows_what_to_repeat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
