#include "store/work_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/str.h"
#include "store/work_lock_owner.h"

#define WAIT_SUFFIX       ".wait"
#define TEMP_PREFIX       ".enroot-"
#define TEMP_LEN          (strlen(TEMP_PREFIX) + 16)
#define TOUCH_SECONDS     10
#define STALE_SECONDS     60
#define WAIT_LEFT_SECONDS (10 * 60)
#define LEFT_SECONDS      (24 * 60 * 60) /* a file that is being written is never so old */
#define POLL_FIRST_MS     100
#define POLL_LAST_MS      1000
#define STEAL_TRIES       4
#define NSEC_PER_SEC      1000000000L

struct work_lock {
	int dir;    /* of the file; -1 if it cannot be opened */
	char *name; /* ".NAME.lock" */
	char *temp; /* our own file before it becomes the lock, and while we wait; NULL: none */
	int fd;     /* of that file */
	bool is_held;
	int64_t touched; /* now_s() */
	char *holder;

	pthread_t keeper;
	bool is_kept, is_ending;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
};

static int64_t now_s(void)
{
	return clock_ms() / 1000;
}

struct work_lock *work_lock_new(const char *path)
{
	struct work_lock *l = xcalloc(1, sizeof(*l));
	_cleanup_free_ char *parent = path_dirname(path);
	l->name = xasprintf(".%s.lock", path_last(path));
	l->dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->fd = -1;
	pthread_mutex_init(&l->mutex, NULL);
	clock_cond_init(&l->wake);
	return l;
}

static void drop_temp(struct work_lock *l)
{
	if (l->temp != NULL)
		(void)unlinkat(l->dir, l->temp, 0);
	free(steal_pointer(&l->temp));
}

/* Remove the lock, if it is still the file that we made. */
static void release(struct work_lock *l)
{
	struct stat ours, there;
	if (l->is_held && fstat(l->fd, &ours) == 0 &&
		fstatat(l->dir, l->name, &there, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_dev == there.st_dev &&
		ours.st_ino == there.st_ino)
		(void)unlinkat(l->dir, l->name, 0);
}

void work_lock_free(struct work_lock *l)
{
	if (l == NULL)
		return;
	if (l->is_kept) {
		pthread_mutex_lock(&l->mutex);
		l->is_ending = true;
		pthread_cond_signal(&l->wake);
		pthread_mutex_unlock(&l->mutex);
		pthread_join(l->keeper, NULL);
	}
	release(l);
	drop_temp(l);
	if (l->fd >= 0)
		close(l->fd);
	if (l->dir >= 0)
		close(l->dir);
	pthread_mutex_destroy(&l->mutex);
	pthread_cond_destroy(&l->wake);
	free(l->name);
	free(l->holder);
	free(l);
}

/* Our own file, which says who we are. */
static bool make_temp(struct work_lock *l)
{
	if (l->temp != NULL)
		return true;
	_cleanup_free_ char *random = publish_temp_name();
	_cleanup_free_ char *name = xasprintf("%s" WAIT_SUFFIX, random);
	_cleanup_free_ char *text = work_lock_owner_text();
	l->fd = openat(l->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (l->fd < 0)
		return false;
	l->temp = steal_pointer(&name);
	(void)fchmod(l->fd, 0644); /* whatever the umask: others have to see who we are */
	return fd_write_full(l->fd, text, strlen(text)) == 0;
}

static bool try_link(struct work_lock *l)
{
	struct stat st;
	if (linkat(l->dir, l->temp, l->dir, l->name, 0) == 0)
		return true;
	int code = errno;
	/* NFS: the answer to a link(2) that succeeded may be lost (open(2), "O_EXCL"). */
	bool linked = fstat(l->fd, &st) == 0 && st.st_nlink == 2;
	errno = code;
	return linked;
}

/* A lock that somebody else holds. Opened anew each time: NFS asks the server for its times then. */
struct seen {
	struct stat st;
	char text[WORK_LOCK_TEXT_MAX];
};

static bool look(const struct work_lock *l, struct seen *seen)
{
	_cleanup_close_ int fd =
		openat(l->dir, l->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	seen->text[0] = '\0';
	if (fd < 0) /* a symlink, or one that we may not read: its age is all that we know */
		return errno != ENOENT && fstatat(l->dir, l->name, &seen->st, AT_SYMLINK_NOFOLLOW) == 0;
	if (fstat(fd, &seen->st) < 0)
		return false;
	ssize_t n = fd_read_full(fd, seen->text, sizeof(seen->text) - 1);
	seen->text[n > 0 ? n : 0] = '\0';
	return true;
}

static bool is_stale(const struct work_lock *l, const struct seen *seen)
{
	struct stat ours;
	if (work_lock_owner_is_dead(seen->text))
		return true;
	if (fstat(l->fd, &ours) < 0)
		return false;
	/* Who lives touches his: a time in the future (the clock was set back, somebody's joke) would never grow old. */
	int64_t age = (int64_t)ours.st_mtim.tv_sec - (int64_t)seen->st.st_mtim.tv_sec;
	return age > STALE_SECONDS || age < -STALE_SECONDS;
}

/* Remove the stale lock that was SEEN. Of several who try, one moves it away; who moved a fresh one puts it back. */
static bool remove_stale(struct work_lock *l, const struct seen *seen)
{
	struct stat moved;
	_cleanup_free_ char *random = publish_temp_name();
	_cleanup_free_ char *away = xasprintf("%s" WAIT_SUFFIX, random);
	if (renameat(l->dir, l->name, l->dir, away) < 0)
		return errno == ENOENT;
	if (fstatat(l->dir, away, &moved, AT_SYMLINK_NOFOLLOW) == 0 &&
		(moved.st_ino != seen->st.st_ino || moved.st_dev != seen->st.st_dev))
		(void)!linkat(l->dir, away, l->dir, l->name, 0);
	(void)unlinkat(l->dir, away, 0);
	return true;
}

static void take(struct work_lock *l)
{
	drop_temp(l);
	l->is_held = true;
	l->touched = now_s();
	(void)futimens(l->fd, NULL);
}

/* Know the server's time, and tell others that we still wait. */
static void touch_temp(struct work_lock *l)
{
	int64_t now = now_s();
	if (l->touched != 0 && now - l->touched < TOUCH_SECONDS)
		return;
	l->touched = now;
	(void)futimens(l->fd, NULL);
}

enum work_lock_state work_lock_try(struct work_lock *l)
{
	if (l->is_held)
		return WORK_LOCK_HELD;
	if (l->dir < 0 || !make_temp(l))
		return WORK_LOCK_NOWHERE;
	for (int i = 0; i < STEAL_TRIES; i++) {
		struct seen seen;
		/* Who waits only looks: a thousand nodes that link to one name each second would stop its directory. */
		bool is_there = (i > 0 || l->holder != NULL) && look(l, &seen);
		if (!is_there && try_link(l)) {
			take(l);
			return WORK_LOCK_HELD;
		}
		if (!is_there && errno != EEXIST)
			return WORK_LOCK_NOWHERE;
		touch_temp(l);
		if (!is_there && !look(l, &seen))
			continue; /* gone in this moment */
		if (!is_stale(l, &seen)) {
			free(l->holder);
			l->holder = work_lock_owner_name(seen.text);
			return WORK_LOCK_BUSY;
		}
		if (!remove_stale(l, &seen))
			return WORK_LOCK_NOWHERE;
	}
	return WORK_LOCK_BUSY;
}

const char *work_lock_holder(const struct work_lock *l)
{
	return l->holder != NULL ? l->holder : "another process";
}

void work_lock_touch(struct work_lock *l)
{
	int64_t now = now_s();
	if (!l->is_held || now - l->touched < TOUCH_SECONDS)
		return;
	l->touched = now;
	(void)futimens(l->fd, NULL);
}

static void *keep(void *lock)
{
	struct work_lock *l = lock;
	pthread_mutex_lock(&l->mutex);
	while (!l->is_ending) {
		clock_cond_wait(&l->wake, &l->mutex, (int64_t)TOUCH_SECONDS * NSEC_PER_SEC);
		work_lock_touch(l);
	}
	pthread_mutex_unlock(&l->mutex);
	return NULL;
}

void work_lock_keep(struct work_lock *l)
{
	sigset_t all, before;
	if (!l->is_held || l->is_kept)
		return;
	sigfillset(&all); /* signals are for the other threads, which wait for something */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	l->is_kept = pthread_create(&l->keeper, NULL, keep, l) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int work_lock_wait(struct work_lock *l, bool (*is_done)(void *ctx), void *ctx, struct error *err)
{
	bool is_told = false;
	for (long ms = POLL_FIRST_MS;; ms = MIN(ms * 2, POLL_LAST_MS)) {
		if (is_done(ctx))
			return 0;
		if (work_lock_try(l) != WORK_LOCK_BUSY)
			/* It may have been published just before the lock was released. */
			return is_done(ctx) ? 0 : 1;
		if (!is_told && ms == POLL_LAST_MS) {
			log_info("Waiting for %s, which is making it", work_lock_holder(l));
			is_told = true;
		}
		struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * (NSEC_PER_SEC / 1000) };
		(void)nanosleep(&ts, NULL);
		if (interrupt_check(err) < 0)
			return -1;
	}
}

/* How old a file of that name has to be, in seconds, to be a dead process's; 0: it is not ours. */
static time_t left_after(const char *name)
{
	if (!str_starts_with(name, TEMP_PREFIX) || strlen(name) < TEMP_LEN ||
		strspn(name + strlen(TEMP_PREFIX), "0123456789abcdef") != TEMP_LEN - strlen(TEMP_PREFIX))
		return 0;
	if (name[TEMP_LEN] == '\0')
		return LEFT_SECONDS;
	return str_eq(name + TEMP_LEN, WAIT_SUFFIX) ? WAIT_LEFT_SECONDS : 0;
}

void work_lock_clean(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	struct stat st;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		time_t age = left_after(e->d_name);
		if (age != 0 && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode) && time(NULL) - st.st_mtime > age)
			(void)unlinkat(fd, e->d_name, 0);
	}
}
