#include "../unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "store/work_lock.h"
#include "store/work_lock_owner.h"

static char top[] = "/tmp/test-work-lock-XXXXXX";
static char path[64], lock_path[64];

static int enter(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", top);
	snprintf(lock_path, sizeof(lock_path), "%s/.file.lock", top);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	return rmdir(top); /* every test leaves nothing behind */
}

static void write_lock(const char *text, long age_seconds)
{
	int fd = open(lock_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_full(fd, text, strlen(text)), 0);
	struct timespec times[2];
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= age_seconds;
	times[1] = times[0];
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void one_holder_at_a_time(void **state)
{
	(void)state;
	struct work_lock *a = work_lock_new(path), *b = work_lock_new(path);
	assert_int_equal(work_lock_try(a), WORK_LOCK_HELD);
	assert_int_equal(work_lock_try(a), WORK_LOCK_HELD);
	work_lock_keep(a);
	assert_int_equal(work_lock_try(b), WORK_LOCK_BUSY);
	_cleanup_free_ char *me = xasprintf("pid %d on ", getpid());
	assert_true(strstr(work_lock_holder(b), me) != NULL);
	work_lock_free(a);
	assert_int_equal(work_lock_try(b), WORK_LOCK_HELD);
	work_lock_free(b);
	work_lock_free(NULL);
}

/* A killed process's lock is free at once. */
static void the_dead_hold_nothing(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		struct work_lock *l = work_lock_new(path);
		_exit(work_lock_try(l) == WORK_LOCK_HELD ? 0 : 1); /* not released */
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(lock_path, F_OK), 0);
	struct work_lock *l = work_lock_new(path);
	assert_int_equal(work_lock_try(l), WORK_LOCK_HELD);
	work_lock_free(l);
}

/* The only file of another name in the directory: what a waiter has there. */
static void find_waiter(char *name, size_t size)
{
	DIR *d = opendir(top);
	assert_non_null(d);
	name[0] = '\0';
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (strncmp(e->d_name, ".enroot-", 8) == 0)
			snprintf(name, size, "%s/%s", top, e->d_name);
	closedir(d);
	assert_int_not_equal(name[0], '\0');
}

/* Many nodes wait at one file server: between its looks a waiter changes nothing, in its file or in the directory. */
static void who_waits_only_looks(void **state)
{
	(void)state;
	char name[PATH_MAX];
	struct stat file[2], dir[2];
	write_lock("host\nboot\npid:[1]\n1\n1\n", 0);
	struct work_lock *l = work_lock_new(path);
	assert_int_equal(work_lock_try(l), WORK_LOCK_BUSY);
	find_waiter(name, sizeof(name));
	assert_int_equal(stat(name, &file[0]), 0);
	assert_int_equal(stat(top, &dir[0]), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(work_lock_try(l), WORK_LOCK_BUSY);
	assert_int_equal(stat(name, &file[1]), 0);
	assert_int_equal(stat(top, &dir[1]), 0);
	assert_memory_equal(&file[0].st_mtim, &file[1].st_mtim, sizeof(file[0].st_mtim));
	assert_memory_equal(&file[0].st_ctim, &file[1].st_ctim, sizeof(file[0].st_ctim));
	assert_memory_equal(&dir[0].st_mtim, &dir[1].st_mtim, sizeof(dir[0].st_mtim));
	/* and it sees that the lock is free, or stale */
	write_lock("host\nboot\npid:[1]\n1\n1\n", 65);
	assert_int_equal(work_lock_try(l), WORK_LOCK_HELD);
	work_lock_free(l);
	write_lock("host\nboot\npid:[1]\n1\n1\n", 0);
	l = work_lock_new(path);
	assert_int_equal(work_lock_try(l), WORK_LOCK_BUSY);
	assert_int_equal(unlink(lock_path), 0);
	assert_int_equal(work_lock_try(l), WORK_LOCK_HELD);
	work_lock_free(l);
}

/* Of another host only the age is known. */
static void other_hosts_hold_it_for_a_minute(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		long age;
		enum work_lock_state want;
	} rows[] = {
		{ "host\nboot\npid:[1]\n1\n1\n", 0, WORK_LOCK_BUSY },
		{ "host\nboot\npid:[1]\n1\n1\n", 50, WORK_LOCK_BUSY },
		{ "host\nboot\npid:[1]\n1\n1\n", 65, WORK_LOCK_HELD },
		{ "host\nboot\npid:[1]\n1\n1\n", -50, WORK_LOCK_BUSY },
		{ "host\nboot\npid:[1]\n1\n1\n", -1000, WORK_LOCK_HELD }, /* would never grow old */
		{ "", 0, WORK_LOCK_BUSY },
		{ "nonsense", 65, WORK_LOCK_HELD },
		{ "\n\n\n\n\n", 0, WORK_LOCK_BUSY },
		{ "host\nboot\npid:[1]\n-1\n1\n", 0, WORK_LOCK_BUSY },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		write_lock(rows[i].text, rows[i].age);
		struct work_lock *l = work_lock_new(path);
		assert_int_equal(work_lock_try(l), rows[i].want);
		work_lock_free(l);
		(void)unlink(lock_path);
	}
}

/* What cannot be read is somebody's lock all the same, and ends like one. */
static void a_symlink_is_held_for_a_minute(void **state)
{
	(void)state;
	struct timespec old[2] = { { .tv_sec = time(NULL) - 65 } };
	old[1] = old[0];
	assert_int_equal(symlink("/nowhere", lock_path), 0);
	struct work_lock *l = work_lock_new(path);
	assert_int_equal(work_lock_try(l), WORK_LOCK_BUSY);
	assert_int_equal(utimensat(AT_FDCWD, lock_path, old, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(work_lock_try(l), WORK_LOCK_HELD);
	work_lock_free(l);
}

/* A holder that was taken for dead comes back: it must not remove the new holder's lock. */
static void a_late_holder_harms_nobody(void **state)
{
	(void)state;
	struct work_lock *a = work_lock_new(path), *b = work_lock_new(path);
	assert_int_equal(work_lock_try(a), WORK_LOCK_HELD);
	assert_int_equal(unlink(lock_path), 0);
	assert_int_equal(work_lock_try(b), WORK_LOCK_HELD);
	work_lock_free(a);
	assert_int_equal(access(lock_path, F_OK), 0);
	work_lock_free(b);
	assert_int_equal(access(lock_path, F_OK), -1);
}

static void without_a_place_the_work_is_done(void **state)
{
	(void)state;
	struct work_lock *l = work_lock_new("/proc/nowhere/file");
	assert_int_equal(work_lock_try(l), WORK_LOCK_NOWHERE);
	work_lock_free(l);
	l = work_lock_new("/proc/file");
	assert_int_equal(work_lock_try(l), WORK_LOCK_NOWHERE);
	work_lock_free(l);
}

#define WORKERS 12

struct shared {
	int inside, most, done;
};

static bool is_done(void *ctx)
{
	(void)ctx;
	return access(path, F_OK) == 0;
}

/* One process: make the file unless it is there. */
static int work(struct shared *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_work_lock_ struct work_lock *l = work_lock_new(path);
	int r = work_lock_wait(l, is_done, NULL, &err);
	if (r == 1) {
		int n = __atomic_add_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
		if (n > s->most)
			s->most = n;
		struct timespec ts = { .tv_nsec = 30000000 };
		nanosleep(&ts, NULL);
		__atomic_add_fetch(&s->done, 1, __ATOMIC_SEQ_CST);
		close(open(path, O_WRONLY | O_CREAT, 0600));
		__atomic_sub_fetch(&s->inside, 1, __ATOMIC_SEQ_CST);
	}
	return r < 0;
}

static void many_wait_for_one(void **state)
{
	(void)state;
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < WORKERS; i++) {
		if (fork() == 0)
			_exit(work(s));
	}
	int status, failed = 0;
	for (int i = 0; i < WORKERS; i++) {
		assert_true(wait(&status) > 0);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(s->most, 1);
	assert_int_equal(s->done, 1);
	assert_int_equal(unlink(path), 0);
	munmap(s, sizeof(*s));
}

static void leftovers_are_removed_by_age(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		long age;
		bool stays;
	} rows[] = {
		{ ".enroot-0123456789abcdef.wait", 100, true },
		{ ".enroot-0123456789abcdef.wait", 1000, false },
		{ ".enroot-0123456789abcdef", 1000, true },
		{ ".enroot-0123456789abcdef", 100000, false },
		{ ".enroot-0123456789abcdeg", 100000, true },
		{ ".enroot-0123456789abcde", 100000, true },
		{ ".enroot-0123456789abcdef.sqsh", 100000, true },
		{ "enroot", 100000, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *file = xasprintf("%s/%s", top, rows[i].name);
		struct timespec times[2] = { { .tv_sec = time(NULL) - rows[i].age } };
		times[1] = times[0];
		int fd = open(file, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(futimens(fd, times), 0);
		close(fd);
		work_lock_clean(top);
		assert_int_equal(access(file, F_OK) == 0, rows[i].stays);
		(void)unlink(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holder_at_a_time),
		cmocka_unit_test(the_dead_hold_nothing),
		cmocka_unit_test(who_waits_only_looks),
		cmocka_unit_test(other_hosts_hold_it_for_a_minute),
		cmocka_unit_test(a_symlink_is_held_for_a_minute),
		cmocka_unit_test(a_late_holder_harms_nobody),
		cmocka_unit_test(without_a_place_the_work_is_done),
		cmocka_unit_test(many_wait_for_one),
		cmocka_unit_test(leftovers_are_removed_by_age),
	};
	return cmocka_run_group_tests(tests, enter, leave);
}
