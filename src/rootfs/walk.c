#include "rootfs/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/strv.h"

#define MAX_SYMLINKS 40 /* as the kernel: path_resolution(7) */
#define DEFAULT_MODE 0755

/* Where the walk stands: CURRENT is ROOT followed by the names in TRAIL, none of which was a symlink. */
struct walk {
	int root; /* borrowed */
	int current;
	struct strv trail;
	char *rest;       /* owned: what is still to be walked */
	const char *next; /* into REST */
	unsigned symlinks;
	const struct walk_goal *goal;
};

static int open_step(int dir, const char *name)
{
	return openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int walk_mkdir(int dir, const char *name, mode_t mode)
{
	bool made = mkdirat(dir, name, mode) == 0;
	if (!made && errno != EEXIST)
		return -1;
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (made && (st.st_mode & 07777) != mode) { /* the umask */
		char proc[64];
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		(void)chmod(proc, mode);
	}
	return steal_fd(&fd);
}

static void enter(struct walk *w, int fd)
{
	close(w->current);
	w->current = fd;
}

static int back_to_root(struct walk *w)
{
	int fd = openat(w->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	enter(w, fd);
	return 0;
}

/* "..": walk down again from the root. The kernel's own ".." could lead out if the directory was moved. */
static int step_up(struct walk *w)
{
	if (w->trail.count == 0)
		return 0; /* as the container sees it: /.. is / */
	free(w->trail.items[--w->trail.count]);
	w->trail.items[w->trail.count] = NULL;
	if (back_to_root(w) < 0)
		return -1;
	for (size_t i = 0; i < w->trail.count; i++) {
		int fd = openat(w->current, w->trail.items[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -1;
		enter(w, fd);
	}
	return 0;
}

/* Put the text of the symlink LINK in front of what is left to walk. */
static int follow(struct walk *w, int link)
{
	if (++w->symlinks > MAX_SYMLINKS) {
		errno = ELOOP;
		return -1;
	}
	char text[PATH_MAX];
	ssize_t len = readlinkat(link, "", text, sizeof(text));
	if (len < 0)
		return -1;
	if (len == 0 || (size_t)len == sizeof(text)) {
		errno = len == 0 ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	text[len] = '\0';
	if (strlen(w->next) > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* NEXT still has the slash, if any, that followed the link's name. */
	char *rest = xasprintf("%s%s", text, w->next);
	free(w->rest);
	w->rest = rest;
	w->next = rest;
	if (*text != '/')
		return 0;
	strv_cleanup(&w->trail);
	return back_to_root(w);
}

static bool is_last(const struct walk *w)
{
	return w->next[strspn(w->next, "/")] == '\0';
}

/* Go into the directory NAME, or follow it where it is a symlink. */
static int step_down(struct walk *w, const char *name)
{
	_cleanup_close_ int fd = open_step(w->current, name);
	if (fd < 0 && errno == ENOENT && w->goal->make_dirs)
		fd = walk_mkdir(w->current, name, DEFAULT_MODE);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return follow(w, fd);
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	enter(w, steal_fd(&fd));
	strv_push(&w->trail, name);
	return 0;
}

/* The last component: 1 when the walk ends here, 0 when it was a symlink that leads on. */
static int step_last(struct walk *w, const char *name)
{
	bool follows = !w->goal->to_parent && (!w->goal->nofollow || *w->next == '/');
	if (!follows)
		return 1;
	_cleanup_close_ int fd = open_step(w->current, name);
	struct stat st;
	if (fd < 0)
		return errno == ENOENT ? 1 : -1;
	if (fstat(fd, &st) < 0)
		return -1;
	return S_ISLNK(st.st_mode) ? follow(w, fd) : 1;
}

/* Returns 1 when the walk ended at RESULT->name, 0 to go on, -1 with errno. */
static int step(struct walk *w, struct walk_result *result)
{
	w->next += strspn(w->next, "/");
	size_t len = strcspn(w->next, "/");
	_cleanup_free_ char *name = xstrndup(w->next, len);
	w->next += len;
	if (len > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (len == 0 || str_eq(name, "."))
		return 0;
	if (str_eq(name, ".."))
		return step_up(w);
	if (!is_last(w))
		return step_down(w, name);
	int r = step_last(w, name);
	if (r == 1)
		result->name = steal_pointer(&name);
	return r;
}

static bool ends_like_directory(const char *path)
{
	size_t len = strlen(path);
	return str_ends_with(path, "/") || str_eq(path, ".") || str_ends_with(path, "/.") ||
	       str_ends_with(path, "/..") || str_eq(path, "..") || len == 0;
}

int walk_resolve(int root, const char *path, const struct walk_goal *goal, struct walk_result *result)
{
	*result = (struct walk_result){ .dir = -1, .must_be_directory = ends_like_directory(path) };
	struct walk w = { .root = root, .goal = goal, .rest = xstrdup(path) };
	w.next = w.rest;
	w.current = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = w.current < 0 ? -1 : 0;
	while (r == 0 && *w.next != '\0')
		r = step(&w, result);
	int saved = errno;
	if (r >= 0)
		result->dir = steal_fd(&w.current);
	if (w.current >= 0)
		close(w.current);
	strv_cleanup(&w.trail);
	free(w.rest);
	errno = saved;
	return r < 0 ? -1 : 0;
}

int walk_open(int root, const char *path, int flags)
{
	if (*path == '\0') {
		errno = ENOENT;
		return -1;
	}
	const struct walk_goal goal = { .nofollow = (flags & O_NOFOLLOW) != 0 };
	struct walk_result result;
	if (walk_resolve(root, path, &goal, &result) < 0)
		return -1;
	if (result.must_be_directory)
		flags |= O_DIRECTORY;
	_cleanup_close_ int dir = result.dir;
	_cleanup_free_ char *name = result.name;
	return openat(dir, name != NULL ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC);
}
