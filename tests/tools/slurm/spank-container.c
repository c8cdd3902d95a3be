/*
 * tests/tools/slurm/spank-container.c - a plugin of Slurm that puts tasks into a container, as pyxis does
 *
 *	required spank-container.so ENROOT CONF [keep]
 *	srun --test-container=TARGET …
 *
 * slurmstepd forks `enroot start --conf CONF TARGET sh -c 'kill -STOP $$ ; exit 0'`, waits until that very child stops,
 * takes its environment, and has every task join its namespaces. Then the child goes on and ends; with "keep" it stays
 * stopped until the step is over, as for images that are started directly.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slurm/spank.h>

SPANK_PLUGIN(container, 1)

#define LOG_BYTES     (1 << 16)
#define ENVIRON_BYTES (1 << 20)

static const char *enroot, *conf;
static char *target;
static bool is_kept;
static pid_t child;
static int log_fd = -1, user_ns = -1, mount_ns = -1, cwd = -1;

static int take_target(int value, const char *text, int remote)
{
	(void)value;
	(void)remote;
	target = strdup(text);
	return 0;
}

static struct spank_option option = { (char *)"test-container", (char *)"TARGET",
	(char *)"container or image for the tasks", 1, 0, take_target };

int slurm_spank_init(spank_t sp, int ac, char **av)
{
	if (ac < 2)
		return -1;
	enroot = av[0];
	conf = av[1];
	is_kept = ac > 2 && strcmp(av[2], "keep") == 0;
	return spank_option_register(sp, &option) == ESPANK_SUCCESS ? 0 : -1;
}

static int fail(const char *what)
{
	static char text[LOG_BYTES];
	ssize_t n = log_fd < 0 ? -1 : pread(log_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	slurm_error("container: %s: %s: %s", what, strerror(errno), text);
	return -1;
}

static void run_child(uid_t uid, gid_t gid, char **env)
{
	int null = open("/dev/null", O_RDONLY);
	char *argv[] = { (char *)"enroot", (char *)"start", (char *)"--conf", (char *)conf, target,
		(char *)"sh", (char *)"-c", (char *)"kill -STOP $$ ; exit 0", NULL };
	dup2(null, 0);
	dup2(log_fd, 1);
	dup2(log_fd, 2);
	close_range(3, ~0U, 0);
	if (setregid(gid, gid) < 0 || setreuid(uid, uid) < 0)
		_exit(1);
	execve(enroot, argv, env);
	_exit(127);
}

static int open_of_child(const char *file)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)child, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* The container's environment becomes the tasks'. */
static int take_environment(spank_t sp)
{
	static char text[ENVIRON_BYTES];
	int fd = open_of_child("environ");
	ssize_t n = 0, all = 0;
	while (fd >= 0 && (n = read(fd, text + all, sizeof(text) - 1 - (size_t)all)) > 0)
		all += n;
	if (fd < 0 || n < 0 || all == 0)
		return -1;
	close(fd);
	for (char *entry = text, *next; entry < text + all; entry = next) {
		char *equals = strchr(entry, '=');
		next = entry + strlen(entry) + 1;
		if (equals == NULL)
			continue;
		*equals = '\0';
		(void)spank_setenv(sp, entry, equals + 1, 1);
	}
	return 0;
}

int slurm_spank_user_init(spank_t sp, int ac, char **av)
{
	uid_t uid;
	gid_t gid;
	char **env;
	int status;
	(void)ac;
	(void)av;
	if (target == NULL || spank_get_item(sp, S_JOB_UID, &uid) != ESPANK_SUCCESS ||
		spank_get_item(sp, S_JOB_GID, &gid) != ESPANK_SUCCESS ||
		spank_get_item(sp, S_JOB_ENV, &env) != ESPANK_SUCCESS)
		return 0;
	log_fd = memfd_create("log", MFD_CLOEXEC);
	child = fork();
	if (child == 0)
		run_child(uid, gid, env);
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		return fail("the child did not stop");
	user_ns = open_of_child("ns/user");
	mount_ns = open_of_child("ns/mnt");
	cwd = open_of_child("cwd");
	if (user_ns < 0 || mount_ns < 0 || cwd < 0 || take_environment(sp) < 0)
		return fail("the child cannot be read");
	slurm_info("container: started");
	return 0;
}

/* Still as root: Slurm looks for the program afterwards, and it should look inside. */
int slurm_spank_task_init_privileged(spank_t sp, int ac, char **av)
{
	(void)sp;
	(void)ac;
	(void)av;
	if (target == NULL)
		return 0;
	if (setns(mount_ns, CLONE_NEWNS) < 0 || fchdir(cwd) < 0)
		return fail("cannot join the mount namespace");
	return 0;
}

int slurm_spank_task_init(spank_t sp, int ac, char **av)
{
	(void)sp;
	(void)ac;
	(void)av;
	if (target == NULL)
		return 0;
	return setns(user_ns, CLONE_NEWUSER) < 0 ? fail("cannot join the user namespace") : 0;
}

static void end_child(void)
{
	int status;
	if (child <= 0)
		return;
	kill(child, SIGCONT);
	if (waitpid(child, &status, 0) == child)
		slurm_info("container: ended %s %d", WIFEXITED(status) ? "with" : "by signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	child = 0;
}

int slurm_spank_task_post_fork(spank_t sp, int ac, char **av)
{
	(void)sp;
	(void)ac;
	(void)av;
	if (!is_kept)
		end_child();
	return 0;
}

int slurm_spank_exit(spank_t sp, int ac, char **av)
{
	(void)sp;
	(void)ac;
	(void)av;
	end_child();
	return 0;
}
