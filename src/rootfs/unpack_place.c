/* rootfs/unpack_place.c - the directories that files are written to while layers stream */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "rootfs/unpack_private.h"

#define DIR_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void place_unref(struct place *place)
{
	if (place != NULL && --place->refs == 0) {
		close(place->fd);
		free(place);
	}
}

static struct place *place_new(int fd, uint32_t dir)
{
	struct place *place = xcalloc(1, sizeof(*place));
	place->refs = 1;
	place->fd = fd;
	place->dir = dir;
	return place;
}

static int fail_at(const struct unpack *u, uint32_t dir, const char *what, struct error *err)
{
	int code = errno;
	_cleanup_free_ char *path = tree_path(u->dirs, dir);
	errno = code;
	return error_errno(err, "cannot %s %s", what, path);
}

/* Whole paths are opened at once where the kernel can (5.6) and they fit, else one name after the other. */
static int open_step(int dir, const char *path)
{
	struct open_how how = { .flags = O_PATH | DIR_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd >= 0 || strchr(path, '/') != NULL)
		return fd;
	return openat(dir, path, O_PATH | DIR_FLAGS);
}

/* Names of the way to DIR from the root, the last first. */
static uint32_t *way_to(const struct unpack *u, uint32_t dir, size_t *count)
{
	uint32_t *way = NULL;
	size_t capacity = 0;
	*count = 0;
	for (; dir != TREE_ROOT; dir = tree_parent(u->dirs, dir)) {
		grow_array(&way, &capacity, *count + 1);
		way[(*count)++] = dir;
	}
	return way;
}

static int open_way(const struct unpack *u, const uint32_t *way, size_t count, size_t max_len)
{
	int fd = openat(u->target, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_buffer_ struct buffer path = BUFFER_INIT;
	while (fd >= 0 && count > 0) {
		path.len = 0;
		do {
			size_t len;
			const char *name = tree_name(u->dirs, way[--count], &len);
			if (path.len != 0)
				buffer_putc(&path, '/');
			buffer_append(&path, name, len);
		} while (count > 0 && path.len < max_len);
		int next = open_step(fd, path.data);
		int code = errno;
		close(fd);
		errno = code;
		fd = next;
	}
	return fd;
}

int place_open(const struct unpack *u, uint32_t dir, int flags, struct error *err)
{
	size_t count;
	_cleanup_free_ uint32_t *way = way_to(u, dir, &count);
	_cleanup_close_ int fd = open_way(u, way, count, PATH_MAX - 2 * NAME_MAX);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG))
		fd = open_way(u, way, count, 0);
	if (fd >= 0 && (flags & O_PATH) == 0) {
		int opened = openat(fd, ".", flags | DIR_FLAGS);
		return opened < 0 ? fail_at(u, dir, "open", err) : opened;
	}
	return fd < 0 ? fail_at(u, dir, "open", err) : steal_fd(&fd);
}

/* Go on from *PLACE into a directory NAME that is not there yet. 1: something else is. */
static int make_dir(struct unpack *u, struct place **place, const char *name, size_t len, struct error *err)
{
	char text[NAME_MAX + 1];
	memcpy(text, name, len);
	text[len] = '\0';
	if (mkdirat((*place)->fd, text, S_IRWXU) < 0)
		return errno == EEXIST ? 1 : fail_at(u, (*place)->dir, "create a directory in", err);
	int fd = openat((*place)->fd, text, O_PATH | DIR_FLAGS);
	if (fd < 0)
		return fail_at(u, (*place)->dir, "open a directory in", err);
	pthread_mutex_lock(&u->lock); /* threads may want a name for a message */
	uint32_t dir = tree_add(u->dirs, (*place)->dir, name, len, u->dir_inode);
	pthread_mutex_unlock(&u->lock);
	place_unref(*place);
	*place = place_new(fd, dir);
	return 0;
}

static const char *component_end(const char *at, const char *end)
{
	const char *slash = memchr(at, '/', (size_t)(end - at));
	return slash != NULL ? slash : end;
}

/* The directories that are there already, without a look at the disk. */
static uint32_t find_known(const struct unpack *u, const char **at, const char *end)
{
	uint32_t dir = TREE_ROOT;
	while (*at < end) {
		const char *stop = component_end(*at, end);
		uint32_t child = tree_lookup(u->dirs, dir, *at, (size_t)(stop - *at));
		if (child == TREE_NONE)
			break;
		dir = child;
		*at = stop + (stop < end);
	}
	return dir;
}

static int find_place(struct unpack *u, const char *path, size_t len, struct place **place, struct error *err)
{
	const char *at = path, *end = path + len;
	uint32_t known = find_known(u, &at, end);
	if (tree_node_count(u->dirs) >= ASIDE)
		return error_set(err, EFBIG, "too many directories");
	if (u->place != NULL && u->place->dir == known) {
		*place = u->place;
		(*place)->refs++;
	} else {
		int fd = place_open(u, known, O_PATH, err);
		if (fd < 0)
			return -1;
		*place = place_new(fd, known);
	}
	while (at < end) {
		const char *stop = component_end(at, end);
		int r = make_dir(u, place, at, (size_t)(stop - at), err);
		if (r != 0)
			return r;
		at = stop + (stop < end);
	}
	return 0;
}

int place_get(struct unpack *u, const char *path, size_t len, struct place **place, struct error *err)
{
	if (u->place == NULL || u->place_path.len != len ||
		(len != 0 && memcmp(u->place_path.data, path, len) != 0)) {
		struct place *found = NULL;
		int r = find_place(u, path, len, &found, err);
		if (r != 0) {
			place_unref(found);
			*place = NULL;
			return r < 0 ? -1 : 0;
		}
		place_unref(u->place);
		u->place = found;
		u->place_path.len = 0;
		buffer_append(&u->place_path, path, len);
	}
	*place = u->place;
	(*place)->refs++;
	return 0;
}
