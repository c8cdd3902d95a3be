#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "store/blob.h"
#include "store/blob_keeper.h"

#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* "abc" */

static char top[] = "/tmp/test-blob-XXXXXX";
static char cache[64];

static int enter(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(cache, sizeof(cache), "%s/new/cache", top);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("rm -rf %s", top);
	return system(command);
}

static void begin(struct publish *p, const char *text)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (blob_begin(p, cache, DIGEST, strlen(text), &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(fd_write_full(p->fd, text, strlen(text)), 0);
}

static void put(const char *text)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct publish p;
	begin(&p, text);
	assert_int_equal(blob_commit(&p, &err), 0);
}

static void is_invisible_until_committed(void **state)
{
	(void)state;
	struct publish p;
	assert_int_equal(blob_open(cache, DIGEST, 3), -1);
	mode_t old = umask(077);
	begin(&p, "abc");
	assert_int_equal(blob_open(cache, DIGEST, 3), -1);
	publish_abort(&p);
	assert_int_equal(blob_open(cache, DIGEST, 3), -1);
	put("abc");
	umask(old);
	_cleanup_close_ int fd = blob_open(cache, DIGEST, 3);
	assert_true(fd >= 0);
	struct stat st;
	fstat(fd, &st);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(stat(cache, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void folders_take_the_mode_of_the_cache(void **state)
{
	(void)state;
	_cleanup_free_ char *shared = path_join(top, "shared");
	mkdir(shared, 0700);
	chmod(shared, 02770);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct publish p;
	assert_int_equal(blob_begin(&p, shared, DIGEST, 3, &err), 0);
	publish_abort(&p);
	_cleanup_free_ char *folder = path_join(shared, "blobs/sha256");
	struct stat st;
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0770);
}

static void is_found_by_its_size(void **state)
{
	(void)state;
	assert_int_equal(blob_open(cache, DIGEST, 2), -1);
	assert_int_equal(blob_open(cache, DIGEST, 4), -1);
}

static void two_writers_are_harmless(void **state)
{
	(void)state;
	put("abc");
	put("abc");
	put("x"); /* there was one of another size, which cannot be right */
	_cleanup_close_ int fd = blob_open(cache, DIGEST, 1);
	assert_true(fd >= 0);
	put("abc");
}

static void does_not_hang_on_what_is_no_file(void **state)
{
	(void)state;
	_cleanup_free_ char *path = blob_path(cache, DIGEST);
	unlink(path);
	assert_int_equal(mkfifo(path, 0666), 0);
	assert_int_equal(blob_open(cache, DIGEST, 0), -1);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	struct stat st;
	stat("/etc/passwd", &st);
	assert_int_equal(blob_open(cache, DIGEST, (uint64_t)st.st_size), -1);
	unlink(path);
	mkdir(path, 0700);
	assert_int_equal(blob_open(cache, DIGEST, 4096), -1);
	_cleanup_error_ struct error err = ERROR_INIT;
	struct publish p;
	assert_int_equal(blob_begin(&p, cache, DIGEST, 3, &err), -1);
	assert_int_equal(err.code, EISDIR);
	rmdir(path);
}

static void discards_only_the_bad_one(void **state)
{
	(void)state;
	put("abc");
	_cleanup_close_ int old = blob_open(cache, DIGEST, 3);
	put("x");
	blob_discard(cache, DIGEST, old); /* it is not there any more */
	_cleanup_close_ int fresh = blob_open(cache, DIGEST, 1);
	assert_true(fresh >= 0);
	blob_discard(cache, DIGEST, fresh);
	assert_int_equal(blob_open(cache, DIGEST, 1), -1);
}

static void keeper_publishes(void **state)
{
	(void)state;
	struct publish p;
	struct blob_keeper *k = blob_keeper_new();
	begin(&p, "abc");
	blob_keeper_write_out(k, p.fd, 0, 3);
	blob_keeper_put(k, &p, NULL);
	assert_int_equal(p.fd, -1);
	blob_keeper_free(k);
	_cleanup_close_ int fd = blob_open(cache, DIGEST, 3);
	assert_true(fd >= 0);
	blob_keeper_free(blob_keeper_new());
}

static void names_what_it_cannot_make(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct publish p;
	assert_int_equal(blob_begin(&p, "/proc/no-such-place/cache", DIGEST, 3, &err), -1);
	assert_non_null(strstr(err.message, "/proc/no-such-place"));
	assert_non_null(err.hint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_invisible_until_committed),
		cmocka_unit_test(folders_take_the_mode_of_the_cache),
		cmocka_unit_test(is_found_by_its_size),
		cmocka_unit_test(two_writers_are_harmless),
		cmocka_unit_test(does_not_hang_on_what_is_no_file),
		cmocka_unit_test(discards_only_the_bad_one),
		cmocka_unit_test(keeper_publishes),
		cmocka_unit_test(names_what_it_cannot_make),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
