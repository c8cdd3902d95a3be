/* Standard mount files lose the lines whose source this host lacks; others stay byte for byte. */
#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "bundle/open.h"

#define DIRECTORY "etc/system/mounts.d"

static void write_file(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
}

static void assert_file(int dir, const char *name, const char *want)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_read_all(fd, 1 << 20, &text, &len), 0);
	assert_string_equal(text, want);
}

static void test_adapt(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	char path[] = "/tmp/enroot-test.XXXXXX";
	assert_non_null(mkdtemp(path));
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(dir, "etc", 0755);
	mkdirat(dir, "etc/system", 0755);
	mkdirat(dir, DIRECTORY, 0755);
	static const char missing[] = "/nonexistent/a /a none bind\n";
	write_file(dir, DIRECTORY "/10-system.fstab",
		"# comment\n/proc /proc none rbind\n/nonexistent/x /x none bind\n  /nonexistent/y\n"
		"/nonexistent/${HOME} /z none bind\n/nonexistent\\040q /q none bind\ntmpfs /tmp "
		"tmpfs\n\n/nonexistent/end");
	write_file(dir, DIRECTORY "/50-site.fstab", missing);
	assert_int_equal(bundle_adapt_config(dir, &err), 0); /* 20-config.fstab is not there */
	assert_file(dir, DIRECTORY "/10-system.fstab",
		"# comment\n/proc /proc none rbind\n/nonexistent/${HOME} /z none bind\n/nonexistent\\040q /q "
		"none bind\n"
		"tmpfs /tmp tmpfs\n\n");
	assert_file(dir, DIRECTORY "/50-site.fstab", missing);
	unlinkat(dir, DIRECTORY "/10-system.fstab", 0);
	unlinkat(dir, DIRECTORY "/50-site.fstab", 0);
	unlinkat(dir, DIRECTORY, AT_REMOVEDIR);
	unlinkat(dir, "etc/system", AT_REMOVEDIR);
	unlinkat(dir, "etc", AT_REMOVEDIR);
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adapt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
