#include "../unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "store/container.h"

static char data[] = "/var/tmp/test-container-XXXXXX";

static int enter(void **state)
{
	(void)state;
	return mkdtemp(data) != NULL ? chdir(data) : -1;
}

static int leave(void **state)
{
	(void)state;
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", data);
	return chdir("/") == 0 ? system(command) : -1;
}

/* Trees of these tests hold at most one file, "mark". */
static int remove_small(int dir, const char *name, const char *path, struct error *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0)
		(void)unlinkat(fd, "mark", 0);
	if (unlinkat(dir, name, fd >= 0 ? AT_REMOVEDIR : 0) < 0)
		return error_errno(err, "cannot remove %s", path);
	return 0;
}

static int count_hidden(void)
{
	_cleanup_closedir_ DIR *d = opendir(".");
	int n = -2;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] == '.';
	return n;
}

/* Publish a tree that holds a file "mark" of LEN bytes. */
static int publish(const char *name, off_t len, bool replace, struct error *err)
{
	_cleanup_container_scratch_ struct container_scratch s = CONTAINER_SCRATCH_INIT;
	if (container_scratch_begin(&s, data, remove_small, err) < 0)
		return -1;
	_cleanup_close_ int tree = container_scratch_make_tree(&s, err);
	_cleanup_close_ int mark = openat(tree, "mark", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(tree >= 0 && mark >= 0);
	assert_int_equal(ftruncate(mark, len), 0);
	assert_int_equal(access(name, F_OK), replace ? 0 : -1); /* not there before it is complete */
	return container_scratch_publish(&s, data, name, replace, err);
}

static off_t mark_of(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/mark", name);
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool ok;
	} rows[] = { { "a", true }, { "with blank+and.dots:x", true }, { "\xc3\xa4", true }, { "", false },
		{ ".", false }, { "..", false }, { ".a", false }, { "-a", false }, { "a/b", false },
		{ "a\n", false }, { "a\x7f", false } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		assert_int_equal(container_name_check(rows[i].name, &err), rows[i].ok ? 0 : -1);
		if (!rows[i].ok)
			assert_true(str_starts_with(err.message, "Invalid argument: "));
	}
}

static void appears_whole(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(publish("c", 1, false, &err), 0);
	assert_int_equal(mark_of("c"), 1);
	_cleanup_container_scratch_ struct container_scratch s = CONTAINER_SCRATCH_INIT;
	assert_int_equal(container_scratch_begin(&s, data, remove_small, &err), 0);
	_cleanup_close_ int tree = container_scratch_make_tree(&s, &err);
	assert_int_equal(container_scratch_publish(&s, data, "c", false, &err), -1);
	_cleanup_free_ char *want = xasprintf("File already exists: %s/c", data);
	assert_string_equal(err.message, want);
	container_scratch_end(&s);
	assert_int_equal(mark_of("c"), 1);
	assert_int_equal(count_hidden(), 0);
}

static void replaces_in_one_step(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	assert_int_equal(publish("c", 2, true, &err), 0);
	assert_int_equal(mark_of("c"), 2);
	assert_int_equal(count_hidden(), 0);
	/* A symlink of that name is replaced, not what it names. */
	assert_int_equal(symlink("c", "l"), 0);
	assert_int_equal(publish("l", 3, true, &err), 0);
	assert_int_equal(mark_of("l"), 3);
	assert_int_equal(mark_of("c"), 2);
	assert_int_equal(count_hidden(), 0);
}

static void vanishes_in_one_step(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_container_scratch_ struct container_scratch s = CONTAINER_SCRATCH_INIT;
	assert_int_equal(chmod("l", 0), 0);
	assert_int_equal(container_scratch_begin(&s, data, remove_small, &err), 0);
	assert_int_equal(container_scratch_take(&s, "l", &err), 0);
	assert_int_equal(access("l", F_OK), -1);
	assert_int_equal(container_scratch_restore(&s, "l", &err), 0);
	assert_int_equal(access("l", F_OK), 0);
	assert_int_equal(container_scratch_take(&s, "l", &err), 0);
	container_scratch_end(&s);
	assert_int_equal(access("l", F_OK), -1);
	assert_int_equal(count_hidden(), 0);
}

/* A child that has a scratch directory, and is then killed. */
static pid_t hold_scratch(void)
{
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct container_scratch s;
		struct error err = ERROR_INIT;
		if (container_scratch_begin(&s, data, remove_small, &err) < 0 ||
			container_scratch_make_tree(&s, &err) < 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(1);
	}
	char byte;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void leftovers_of_the_dead_go_those_of_the_living_stay(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	pid_t living = hold_scratch(), dead = hold_scratch();
	assert_int_equal(count_hidden(), 2);
	assert_int_equal(mkdir(".enroot-0123456789abcdef", 0700), 0); /* killed before it had a lock */
	assert_int_equal(mkdir(".enroot-other", 0700), 0);            /* not ours */
	kill(dead, SIGKILL);
	waitpid(dead, NULL, 0);
	assert_int_equal(publish("d", 4, false, &err), 0);
	assert_int_equal(count_hidden(), 2);
	assert_int_equal(rmdir(".enroot-other"), 0);
	kill(living, SIGKILL);
	waitpid(living, NULL, 0);
	assert_int_equal(publish("e", 5, false, &err), 0);
	assert_int_equal(count_hidden(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(appears_whole),
		cmocka_unit_test(replaces_in_one_step),
		cmocka_unit_test(vanishes_in_one_step),
		cmocka_unit_test(leftovers_of_the_dead_go_those_of_the_living_stay),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
