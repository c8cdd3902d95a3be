#include "../unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/publish.h"
#include "base/sha256.h"

static char dir[] = "/tmp/test-publish-XXXXXX";

static int enter_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? chdir(dir) : -1;
}

static int leave_dir(void **state)
{
	(void)state;
	unlink("file");
	unlink("fifo");
	rmdir("sub");
	return chdir("/") == 0 ? rmdir(dir) : -1;
}

static int count_entries(void)
{
	_cleanup_closedir_ DIR *d = opendir(".");
	int n = 0;
	while (readdir(d) != NULL)
		n++;
	return n - 2;
}

static void write_file(const char *text, bool replace)
{
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(publish_begin(&p, "file", 0666, replace, &err), 0);
	assert_int_equal(fd_write_full(p.fd, text, strlen(text)), 0);
	assert_int_equal(publish_commit(&p, replace, &err), 0);
}

static void invisible_until_committed(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct publish p = PUBLISH_INIT;
	assert_int_equal(publish_begin(&p, "file", 0644, false, &err), 0);
	assert_int_equal(access("file", F_OK), -1);
	publish_abort(&p);
	assert_int_equal(count_entries(), 0);
}

static void refuses_and_replaces(void **state)
{
	(void)state;
	write_file("one", false);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	assert_int_equal(publish_begin(&p, "file", 0644, false, &err), -1);
	assert_string_equal(err.message, "File already exists: file");
	write_file("two", true);
	_cleanup_close_ int fd = open("file", O_RDONLY);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(fd_read_all(fd, 100, &text, NULL), 0);
	assert_string_equal(text, "two");
	assert_int_equal(count_entries(), 1);
}

static void loses_a_race_without_damage(void **state)
{
	(void)state;
	unlink("file");
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	assert_int_equal(publish_begin(&p, "file", 0644, false, &err), 0);
	write_file("other", false);
	assert_int_equal(publish_commit(&p, false, &err), -1);
	assert_int_equal(err.code, EEXIST);
}

static void names_what_is_wrong(void **state)
{
	(void)state;
	mkdir("sub", 0755);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_publish_ struct publish p = PUBLISH_INIT;
	assert_int_equal(publish_begin(&p, "none/file", 0644, false, &err), -1);
	assert_string_equal(err.message, "No such file or directory: none/file");
	assert_int_equal(publish_begin(&p, "sub", 0644, true, &err), -1);
	assert_int_equal(err.code, EISDIR);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(publish_begin(&p, "fifo", 0644, true, &err), -1);
	assert_string_equal(err.message, "File already exists, and is no regular file: fifo");
}

static void hashes(void **state)
{
	(void)state;
	char hex[SHA256_HEX_SIZE];
	sha256_hex_of("abc", 3, hex); /* FIPS 180-2, B.1 */
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invisible_until_committed),
		cmocka_unit_test(refuses_and_replaces),
		cmocka_unit_test(loses_a_race_without_damage),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(hashes),
	};
	return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
