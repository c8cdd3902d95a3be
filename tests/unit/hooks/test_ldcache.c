#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/fd.h"
#include "base/memory.h"
#include "hooks/gpu/ldcache.h"

#define HOST_CACHE "/etc/ld.so.cache"

static char *read_file(const char *path, size_t *len)
{
	char *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fd_read_all(fd, LDCACHE_MAX_BYTES, &text, len) == 0 ? text : NULL;
}

static char *output_of(const char *command)
{
	char *text = xcalloc(1, 4 << 20);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, (4 << 20) - 1, f);
	text[n] = '\0';
	pclose(f);
	return text;
}

/* What we write, the host's own ldconfig reads as it reads its own. */
static void test_round_trip(void **state)
{
	_cleanup_ldcache_ struct ldcache c = LDCACHE_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t len;
	_cleanup_free_ char *text = read_file(HOST_CACHE, &len);
	if (text == NULL || access("/sbin/ldconfig", X_OK) < 0)
		skip();
	assert_int_equal(ldcache_parse(&c, text, len, &err), 0);
	assert_true(c.count > 0);
	_cleanup_free_ char *ours = ldcache_format(&c, &len);

	char path[] = "/tmp/enroot-test-cache-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, ours, len), 0);
	close(fd);
	_cleanup_free_ char *command = xasprintf("/sbin/ldconfig -p -C %s | grep '=>'", path);
	_cleanup_free_ char *want = output_of("/sbin/ldconfig -p -C " HOST_CACHE " | grep '=>'");
	_cleanup_free_ char *got = output_of(command);
	unlink(path);
	assert_true(strlen(want) > 0);
	assert_string_equal(got, want);
}

static void test_adding(void **state)
{
	_cleanup_ldcache_ struct ldcache c = LDCACHE_INIT, again = LDCACHE_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t len;
	ldcache_add(&c, "liba.so.1", "/compat/liba.so.1", 0x303);
	ldcache_add(&c, "liba.so.1", "/usr/lib/liba.so.1", 0x303);
	ldcache_add(&c, "liba.so.1", "/usr/lib32/liba.so.1", 3);
	ldcache_add(&c, "liba.so.10", "/usr/lib/liba.so.10", 0x303);
	ldcache_add(&c, "liba.so.1", "/usr/lib/liba.so.1", 0x303); /* again */
	_cleanup_free_ char *text = ldcache_format(&c, &len);
	assert_int_equal(ldcache_parse(&again, text, len, &err), 0);
	assert_int_equal(again.count, 4);
	assert_string_equal(again.entries[0].name, "liba.so.10");
	assert_string_equal(ldcache_find(&again, "liba.so.1", 0x303), "/compat/liba.so.1");
	assert_string_equal(ldcache_find(&again, "liba.so.1", 3), "/usr/lib32/liba.so.1");
	assert_null(ldcache_find(&again, "liba.so", 3));
	/* What comes later is in front of what was read. */
	ldcache_add(&again, "liba.so.1", "/new/liba.so.1", 0x303);
	assert_string_equal(ldcache_find(&again, "liba.so.1", 0x303), "/new/liba.so.1");
}

/* Whatever is cut off or overwritten, nothing outside of it is read (the sanitizers watch). */
static void test_damage(void **state)
{
	_cleanup_ldcache_ struct ldcache c = LDCACHE_INIT;
	size_t len;
	ldcache_add(&c, "liba.so.1", "/usr/lib/liba.so.1", 0x303);
	ldcache_add(&c, "libb.so.1", "/usr/lib/libb.so.1", 0x303);
	_cleanup_free_ char *text = ldcache_format(&c, &len);
	for (size_t i = 0; i < len; i++) {
		_cleanup_ldcache_ struct ldcache cut = LDCACHE_INIT, bent = LDCACHE_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *copy = xmemdup(text, i + 1);
		(void)ldcache_parse(&cut, copy, i, &err);
		char old = text[i];
		text[i] = (char)0xff;
		(void)ldcache_parse(&bent, text, len, &err);
		text[i] = old;
	}
}

/* Entries that share one long text ask for a thousand times the file in memory. */
static void test_shared_texts(void **state)
{
	enum { COUNT = 100000, TEXT = 4000 };
	_cleanup_ldcache_ struct ldcache c = LDCACHE_INIT, again = LDCACHE_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct buffer bomb _cleanup_buffer_ = BUFFER_INIT;
	size_t len;
	ldcache_add(&c, "liba.so.1", "/usr/lib/liba.so.1", 0x303);
	_cleanup_free_ char *text = ldcache_format(&c, &len);
	uint32_t count = COUNT, at = 48 + COUNT * 24, entry[6] = { 0x303, at, at };
	memcpy(text + 20, &count, sizeof(count));
	buffer_append(&bomb, text, 48);
	for (uint32_t i = 0; i < COUNT; i++)
		buffer_append(&bomb, entry, sizeof(entry));
	for (int i = 0; i < TEXT; i++)
		buffer_putc(&bomb, 'x');
	buffer_putc(&bomb, '\0');
	assert_int_equal(ldcache_parse(&again, bomb.data, bomb.len, &err), -1);
	assert_int_equal(again.count, 0);
	/* and a single one that is longer than any path */
	error_clear(&err);
	count = 1;
	memcpy(bomb.data + 20, &count, sizeof(count));
	assert_int_equal(ldcache_parse(&again, bomb.data, bomb.len, &err), 0);
	memset(bomb.data + 48 + 24, 'x', 5000);
	entry[1] = entry[2] = 48 + 24;
	memcpy(bomb.data + 48, entry, sizeof(entry));
	assert_int_equal(ldcache_parse(&again, bomb.data, bomb.len, &err), -1);
}

static void test_libraries(void **state)
{
	_cleanup_ldcache_ struct ldcache c = LDCACHE_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t len;
	_cleanup_free_ char *text = read_file(HOST_CACHE, &len), *soname = NULL;
	uint32_t flags;
	if (text == NULL || ldcache_parse(&c, text, len, &err) < 0)
		skip();
	const char *path = ldcache_find(&c, "libc.so.6", library_native_flags());
	if (path == NULL)
		skip();
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(library_identify(fd, &soname, &flags));
	assert_string_equal(soname, "libc.so.6");
	assert_int_equal(flags, library_native_flags());
	free(steal_pointer(&soname));
	_cleanup_close_ int other = open(HOST_CACHE, O_RDONLY | O_CLOEXEC);
	assert_false(library_identify(other, &soname, &flags));
	assert_null(soname);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_adding),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_shared_texts),
		cmocka_unit_test(test_libraries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
