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
#include "base/str.h"
#include "sandbox/mount.h"

/* Run as with "old", a kernel without the mount API of Linux 5.2 and 5.12 is played. */
static void play_old_kernel(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_open_tree, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_move_mount, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount_setattr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		abort();
}

/* All tests run in a mount namespace of their own (as root, else with a user namespace), on a tmpfs. */
static char base[] = "/tmp/enroot-test-XXXXXX";
static bool is_possible;

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	(void)fd_write_full(fd, text, strlen(text));
	close(fd);
}

static bool enter_namespace(bool user)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)) < 0)
		return false;
	if (user) {
		char map[64];
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
		write_text("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
		write_text("/proc/self/gid_map", map);
	}
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
}

static int setup_group(void **state)
{
	(void)state;
	if (mkdtemp(base) == NULL)
		return -1;
	is_possible = enter_namespace(geteuid() != 0) && mount("tmpfs", base, "tmpfs", 0, "mode=755") == 0;
	return 0;
}

static int teardown_group(void **state)
{
	(void)state;
	if (is_possible)
		umount2(base, MNT_DETACH);
	return rmdir(base);
}

struct fixture {
	int root;
	struct fstab fstab;
	struct error err;
};

/* A fresh tmpfs over BASE for each test: BASE/root is the root filesystem, BASE/host stands for the host. */
static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	*state = f;
	f->root = -1;
	if (!is_possible)
		return 0;
	if (mount("tmpfs", base, "tmpfs", 0, "mode=755") < 0 || chdir(base) < 0)
		return -1;
	mkdir("root", 0755);
	mkdir("root/etc", 0755);
	mkdir("host", 0755);
	mkdir("host/sub", 0755);
	write_text("host/file", "from the host");
	write_text("secret", "untouched");
	if (mount("root", "root", NULL, MS_BIND | MS_REC, NULL) < 0)
		return -1;
	f->root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return f->root < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	fstab_cleanup(&f->fstab);
	error_clear(&f->err);
	if (f->root >= 0)
		close(f->root);
	free(f);
	return !is_possible || (chdir("/") == 0 && umount2(base, MNT_DETACH) == 0) ? 0 : -1;
}

#define NEED_MOUNTS()       \
	if (!is_possible) { \
		skip();     \
		return;     \
	}

/* Mount what one line says. Returns mount_pass()'s result. */
static int do_line(struct fixture *f, const char *line)
{
	static char *no_environment[] = { NULL };
	fstab_cleanup(&f->fstab);
	error_clear(&f->err);
	assert_int_equal(fstab_parse(&f->fstab, line, strlen(line), "f", no_environment, &f->err), 0);
	return mount_pass(f->root, &f->fstab, 0, &f->err);
}

static void must(struct fixture *f, const char *line)
{
	if (do_line(f, line) < 0)
		fail_msg("%s: %s", line, f->err.message);
}

static void must_fail(struct fixture *f, const char *line, const char *why)
{
	assert_int_equal(do_line(f, line), -1);
	assert_true(str_starts_with(f->err.message, "f:1: "));
	if (!str_ends_with(f->err.message, why))
		fail_msg("%s: %s", line, f->err.message);
}

static unsigned long flags_of(const char *path)
{
	struct statvfs st;
	assert_int_equal(statvfs(path, &st), 0);
	return st.f_flag;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

/* The optional fields of a mount ("shared:1", "" …) in mountinfo. */
static void propagation_of(const char *path, char *text, size_t size)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	text[0] = '\0';
	while (real != NULL && fgets(line, sizeof(line), file) != NULL) {
		char point[2048], optional[1024];
		optional[0] = '\0';
		if (sscanf(line, "%*d %*d %*s %*s %2047s %*s %1023[^-]", point, optional) >= 1 &&
			str_eq(point, real))
			snprintf(text, size, "%s", optional);
	}
	fclose(file);
}

static void binds(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	must(f, "host/file /made/deep/file");
	assert_int_equal(access("root/made/deep/file", R_OK), 0);
	must(f, "host /dir none x-create=dir,bind,ro,nosuid,nodev,noexec");
	assert_int_equal(flags_of("root/dir") & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC),
		ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
	assert_int_equal(access("root/dir/sub", F_OK), 0);
	assert_int_equal(flags_of("host") & ST_RDONLY, 0);
}

static void targets_are_made_with_mode_zero(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	must(f, "host /a/b none x-create=auto,bind");
	must(f, "host/file /a/c none x-create=auto,bind");
	must(f, "none /a/b none x-detach");
	must(f, "none /a/c none x-detach");
	assert_int_equal(mode_of("root/a"), 0755);
	assert_int_equal(mode_of("root/a/b"), 0);
	assert_int_equal(mode_of("root/a/c"), 0);
	must_fail(f, "host /missing none bind", "No such file or directory");
	must_fail(f, "/no/such/source /new none x-create=auto,bind", "No such file or directory");
	must_fail(f, "/no/such/source /new none x-create=file,bind", "No such file or directory");
	assert_int_equal(access("root/new", F_OK), -1);
}

static void a_volume_keeps_its_directory(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	must(f, "${ENROOT_ROOTFS}/data /data none x-create=dir,bind,rw,nosuid,nodev");
	assert_int_equal(mode_of("root/data"), 0755);
	must(f, "none / none remount,bind,ro");
	write_text("root/data/x", "volumes are writable");
	assert_int_equal(access("root/data/x", F_OK), 0);
	/* An image whose volume is a symlink to the host does not get at it. */
	must(f, "none / none remount,bind,rw");
	assert_int_equal(symlink("../../../../../../host", "root/evil"), 0);
	must_fail(f, "${ENROOT_ROOTFS}/evil /mnt none x-create=dir,bind", "No such file or directory");
}

static void symlinks_stay_inside(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	_cleanup_free_ char *out = xasprintf("%s/secret", base);
	assert_int_equal(symlink(out, "root/link"), 0);
	assert_int_equal(symlink("../../../../../../etc", "root/up"), 0);
	must_fail(f, "host/file /link none bind", "No such file or directory");
	must(f, "host/file /link none x-create=file,bind"); /* made inside */
	must(f, "host /up none bind");
	assert_int_equal(access("root/etc/sub", F_OK), 0);
	char text[32] = "";
	int fd = open("secret", O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text, "untouched");
}

static void dots_that_leave_the_root_fail(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	must_fail(f, "host ../host none bind", "Invalid cross-device link");
	must_fail(f, "host /../host", "Invalid cross-device link");
	must_fail(f, "host /etc/../../x", "Invalid cross-device link");
	must(f, "host /etc/../x");
}

static void recursion_and_top_flags(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	assert_int_equal(mount("tmpfs", "host/sub", "tmpfs", 0, NULL), 0);
	mkdir("host/sub/deep", 0755);
	must(f, "host /flat none x-create=dir,bind");
	assert_int_equal(access("root/flat/sub/deep", F_OK), -1);
	must(f, "host /all none x-create=dir,rbind,ro");
	assert_int_equal(access("root/all/sub/deep", F_OK), 0);
	assert_int_equal(flags_of("root/all") & ST_RDONLY, ST_RDONLY);
	assert_int_equal(flags_of("root/all/sub") & ST_RDONLY, 0);
}

static void file_systems(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	must(f, "tmpfs /t tmpfs x-create=dir,mode=711,nosuid,size=64k,noexec");
	assert_int_equal(mode_of("root/t"), 0711);
	assert_int_equal(flags_of("root/t") & (ST_NOSUID | ST_NOEXEC), ST_NOSUID | ST_NOEXEC);
	must_fail(f, "tmpfs /nowhere", "No such file or directory");
	must_fail(f, "tmpfs /etc mode=711", "No such device");
	must_fail(f, "/etc /etc ro", "No such device");
	must(f, "tmpfs /t none remount,ro");
	assert_int_equal(flags_of("root/t") & ST_RDONLY, ST_RDONLY);
	must(f, "umount /t x-detach");
	assert_int_equal(mode_of("root/t"), 0);
	must_fail(f, "umount /t x-detach", "Invalid argument");
}

static void moves(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	assert_int_equal(mount("tmpfs", "host/sub", "tmpfs", 0, "mode=701"), 0);
	must(f, "host/sub /moved none x-create=dir,x-move");
	assert_int_equal(mode_of("root/moved"), 0701);
	assert_int_equal(mode_of("host/sub"), 0755);
}

static void propagation(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	char text[1024];
	assert_int_equal(mount("host", "host", NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, "host", NULL, MS_SHARED, NULL), 0);
	must(f, "host /a none x-create=dir,bind");
	propagation_of("root/a", text, sizeof(text));
	assert_non_null(strstr(text, "shared:"));
	must(f, "host /b none x-create=dir,bind,slave,ro");
	propagation_of("root/b", text, sizeof(text));
	assert_null(strstr(text, "shared:"));
	assert_non_null(strstr(text, "master:"));
	assert_int_equal(flags_of("root/b") & ST_RDONLY, ST_RDONLY);
	must(f, "host /c none x-create=dir,rbind,rprivate,nodev");
	propagation_of("root/c", text, sizeof(text));
	assert_string_equal(text, "");
	must(f, "none /a none rslave");
	propagation_of("root/a", text, sizeof(text));
	assert_null(strstr(text, "shared:"));
	assert_non_null(strstr(text, "master:"));
	must(f, "host /d none x-create=dir,bind,unbindable,ro");
	propagation_of("root/d", text, sizeof(text));
	assert_non_null(strstr(text, "unbindable"));
	assert_int_equal(flags_of("root/d") & ST_RDONLY, ST_RDONLY);
	must(f, "tmpfs /d tmpfs shared,slave");
	propagation_of("root/d", text, sizeof(text));
	assert_string_equal(text, "");
}

/* In a user namespace flags of mounts that came from outside are locked; asking for others is no failure. */
static int try_locked(struct fixture *f)
{
	if (!enter_namespace(true))
		return 2;
	close(f->root);
	f->root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (do_line(f, "host/sub /a none x-create=dir,bind,rw,suid,dev,exec,strictatime") < 0)
		return 3;
	struct statvfs st;
	const unsigned long locked = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME;
	if (statvfs("root/a", &st) < 0 || (st.f_flag & locked) != locked)
		return 4;
	if (do_line(f, "host/sub /a none remount,bind,rw") < 0 || do_line(f, "host /b") < 0)
		return 5;
	if (statvfs("root/a", &st) < 0 || (st.f_flag & locked) != locked)
		return 6;
	/* What is not locked can be switched off again. */
	if (do_line(f, "host /c none x-create=dir,rbind,ro,noexec") < 0 ||
		do_line(f, "none /c none remount,bind,rw,noatime") < 0)
		return 7;
	return statvfs("root/c", &st) < 0 || (st.f_flag & ST_RDONLY) != 0 ? 8 : 0;
}

static void locked_flags_stay(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	assert_int_equal(mount("tmpfs", "host/sub", "tmpfs",
				 MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, NULL),
		0);
	pid_t child = fork();
	if (child == 0)
		_exit(try_locked(f));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void nofail(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	must(f, "/no/such/source /etc none bind,nofail,silent\nhost /after");
	assert_int_equal(access("root/after/sub", F_OK), 0);
	must_fail(f, "/no/such/source /etc none bind", "No such file or directory");
	must(f, "/no/such/source /etc none bind 0 1"); /* never mounted */
}

static void what_would_be_created(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	static char *no_environment[] = { NULL };
	const char text[] =
		"host /etc\nhost /new\nhost /new none bind\n/no/such/source /new none x-create=file,bind";
	assert_int_equal(fstab_parse(&f->fstab, text, strlen(text), "f", no_environment, &f->err), 0);
	assert_false(mount_entry_creates(f->root, &f->fstab.entries[0]));
	assert_true(mount_entry_creates(f->root, &f->fstab.entries[1]));
	assert_false(mount_entry_creates(f->root, &f->fstab.entries[2]));
	assert_false(mount_entry_creates(f->root, &f->fstab.entries[3]));
}

/* A file can be bound onto a symlink itself, which localtime needs. */
static void onto_a_symlink(void **state)
{
	struct fixture *f = *state;
	NEED_MOUNTS();
	assert_int_equal(symlink("/etc/zone", "root/etc/localtime"), 0);
	write_text("root/etc/zone", "zone");
	_cleanup_close_ int target = openat(f->root, "etc/localtime", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	assert_int_equal(mount_bind("host/file", target, MS_RDONLY, &f->err), 0);
	char text[32] = "";
	int fd = open("root/etc/localtime", O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text, "from the host");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char *argv[])
{
	if (argc > 1 && str_eq(argv[1], "old"))
		play_old_kernel();
	const struct CMUnitTest tests[] = {
		TEST(binds),
		TEST(targets_are_made_with_mode_zero),
		TEST(a_volume_keeps_its_directory),
		TEST(symlinks_stay_inside),
		TEST(dots_that_leave_the_root_fail),
		TEST(recursion_and_top_flags),
		TEST(file_systems),
		TEST(moves),
		TEST(propagation),
		TEST(locked_flags_stay),
		TEST(nofail),
		TEST(what_would_be_created),
		TEST(onto_a_symlink),
	};
	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
