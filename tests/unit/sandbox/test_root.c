#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "sandbox/root.h"

/* Run as with "ramfs", a host is played whose root is the initial ramfs: pivot_root(2) refuses there with EINVAL. */
static bool plays_ramfs;

static void refuse_pivot(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pivot_root, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		abort();
}

static int write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 ? -1 : fd_write_full(fd, text, strlen(text));
}

static int map(const char *path, unsigned id)
{
	char line[32];
	snprintf(line, sizeof(line), "0 %u 1", id);
	return write_text(path, line);
}

/* As root of a user namespace, who could leave a mere chroot. */
static bool enter_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/setgroups", "deny") == 0 &&
	       map("/proc/self/gid_map", gid) == 0 && map("/proc/self/uid_map", uid) == 0;
}

/* The classic way out of a chroot: a directory outside of a new root, and up from there. */
static bool can_escape(void)
{
	struct stat st;
	if (mkdir("/inner", 0755) < 0 || chroot("/inner") < 0)
		return true;
	for (int i = 0; i < 16; i++) {
		if (chdir("..") < 0)
			return true;
	}
	return chroot(".") < 0 || stat("/marker", &st) < 0 || stat("/old-root", &st) == 0;
}

enum { SUCCEEDED = 0, NO_NAMESPACES = 77 };

static int pivot_in_child(const char *dir)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *real = NULL, *marker = xasprintf("%s/marker", dir);
	struct stat st;
	if (!enter_namespaces())
		return NO_NAMESPACES;
	if (mount("tmpfs", dir, "tmpfs", 0, NULL) < 0 || write_text(marker, "x") < 0)
		return 1;
	_cleanup_close_ int root = root_bind(dir, &real, &err);
	if (root < 0)
		return 2;
	if (plays_ramfs)
		refuse_pivot();
	if (root_pivot(root, &err) != (plays_ramfs ? 1 : 0))
		return 3;
	if (stat("/marker", &st) < 0 || stat("marker", &st) < 0 || stat("/../../marker", &st) < 0)
		return 4;
	if (stat(dir, &st) == 0 || stat("/proc", &st) == 0)
		return 5;
	return can_escape() ? 6 : SUCCEEDED;
}

static void test_pivot_leaves_nothing_of_the_host(void **state)
{
	(void)state;
	char dir[] = "/tmp/enroot-test-XXXXXX";
	assert_non_null(mkdtemp(dir));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(pivot_in_child(dir));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rmdir(dir);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NAMESPACES)
		skip();
	assert_int_equal(WEXITSTATUS(status), SUCCEEDED);
}

static void test_marks(void **state)
{
	(void)state;
	_cleanup_error_ struct error err = ERROR_INIT;
	char dir[] = "/tmp/enroot-test-XXXXXX";
	assert_non_null(mkdtemp(dir));
	_cleanup_close_ int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_is_writable(root));
	assert_false(root_is_marked(root));
	assert_int_equal(root_mark(root, &err), 0);
	assert_true(root_is_marked(root));
	assert_int_equal(root_mark(root, &err), 0);
	assert_int_equal(unlinkat(root, ".lock", 0), 0);

	/* A symlink of that name is neither followed nor replaced. */
	assert_int_equal(symlinkat("elsewhere", root, ".lock"), 0);
	assert_int_equal(root_mark(root, &err), 0);
	struct stat st;
	assert_int_equal(fstatat(root, "elsewhere", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(root, ".lock", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(unlinkat(root, ".lock", 0), 0);
	rmdir(dir);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pivot_leaves_nothing_of_the_host),
		cmocka_unit_test(test_marks),
	};
	plays_ramfs = argc > 1 && strcmp(argv[1], "ramfs") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
