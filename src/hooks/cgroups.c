/*
 * 10-cgroups: of every cgroup hierarchy the container sees its own part, read-only
 *
 * /proc/self/cgroup names this process's group in each hierarchy, /proc/self/mountinfo where they are mounted;
 * cgroups(7). A Slurm step looks at its job's group, which its siblings share. Where the part is the whole, what
 * came along with the host's /sys is made read-only as it is: every mount costs, twenty microseconds or so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/str.h"
#include "hooks/builtin.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"
#include "sandbox/rootfile.h"

#define CGROUP_DIR   "/sys/fs/cgroup"
#define CGROUP_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Where a hierarchy is mounted, and this process's part of it. */
struct place {
	char *point, *dir; /* owned */
	dev_t device;      /* and inode: of what is mounted, if the part is the whole; else 0 */
	ino_t inode;
};

struct places {
	struct place *items;
	size_t count, capacity;
};

static void place_cleanup(struct place *p)
{
	free(p->point);
	free(p->dir);
}

static void places_cleanup(struct places *p)
{
	for (size_t i = 0; i < p->count; i++)
		place_cleanup(&p->items[i]);
	free(p->items);
	*p = (struct places){ 0 };
}

static struct place *places_add(struct places *p, const char *point, char *dir)
{
	grow_array(&p->items, &p->capacity, p->count + 1);
	p->items[p->count] = (struct place){ .point = xstrdup(point), .dir = dir };
	return &p->items[p->count++];
}

struct hierarchy {
	char root[4096], point[4096], type[32], options[1024]; /* fields of mountinfo, as they stand there */
};

static char *read_host_file(const char *path)
{
	char *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fd_read_all(fd, ROOTFILE_MAX_BYTES, &text, NULL) == 0 ? text : NULL;
}

/* A line of mountinfo, proc_pid_mountinfo(5), if it is a cgroup mount. */
static bool parse_mount(const char *line, struct hierarchy *h)
{
	const char *dash = strstr(line, " - cgroup");
	return dash != NULL && sscanf(line, "%*s %*s %*s %4095s %4095s", h->root, h->point) == 2 &&
	       sscanf(dash, " - %31s %*s %1023s", h->type, h->options) == 2;
}

static bool list_holds(const char *list, const char *word, size_t len)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/* The group of this process in the hierarchy: lines are "ID:CONTROLLERS:PATH", with no controllers for v2. */
static char *find_group(const char *groups, const struct hierarchy *h)
{
	bool v2 = str_eq(h->type, "cgroup2");
	for (const char *line = groups; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		const char *controllers = memchr(line, ':', len);
		const char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (path != NULL && path < line + len) {
			controllers++;
			size_t first = strcspn(controllers, ",:");
			if (v2 ? first == 0 : first != 0 && list_holds(h->options, controllers, first))
				return xstrndup(path + 1, (size_t)(line + len - path - 1));
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}

/* Where the group is on the host; NULL: outside of what is mounted. */
static char *find_directory(const struct hierarchy *h, const char *group)
{
	if (!str_eq(h->root, "/")) {
		if (!str_starts_with(group, h->root))
			return NULL;
		group += strlen(h->root);
		if (*group != '\0' && *group != '/')
			return NULL; /* a sibling whose name is longer */
	}
	if (strstr(group, "..") != NULL) /* a group above the cgroup namespace's root */
		return NULL;
	return xasprintf("%s%s%s", h->point, *group == '/' ? "" : "/", group);
}

static void go_to_parent(char *group)
{
	char *slash = strrchr(group, '/');
	if (slash != NULL)
		*slash = '\0';
}

/* The way that is always right; the kernel takes 100 us to write the file. */
static void find_by_mounts(struct places *places, const char *groups, bool parent)
{
	_cleanup_free_ char *mounts = read_host_file("/proc/self/mountinfo");
	char *cursor = mounts, *line;
	while (cursor != NULL && (line = strsep(&cursor, "\n")) != NULL) {
		struct hierarchy h;
		if (!parse_mount(line, &h) || !str_starts_with(h.point, CGROUP_DIR))
			continue;
		_cleanup_free_ char *group = find_group(groups, &h);
		if (group == NULL)
			continue;
		if (parent)
			go_to_parent(group);
		char *dir = find_directory(&h, group);
		if (dir != NULL)
			places_add(places, h.point, dir);
	}
}

/* "memory" of /sys/fs/cgroup/memory; "" for that directory itself. */
static const char *name_below(const char *point)
{
	point += strlen(CGROUP_DIR);
	return point + strspn(point, "/");
}

/* Is PLACE, below TOP, the top of a mount? Then it is one of a hierarchy, by its name; and GROUP is all of it. */
static bool note_whole(int top, const struct stat *top_st, struct place *place)
{
	struct stat st;
	if (fstatat(top, name_below(place->point), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
		st.st_dev == top_st->st_dev)
		return false;
	place->device = st.st_dev;
	place->inode = st.st_ino;
	return true;
}

static bool is_cgroup(const char *dir, bool v2)
{
	struct statfs fs;
	return statfs(dir, &fs) == 0 && fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* Where every distribution mounts them. false: something is elsewhere, or is no cgroup. */
static bool find_by_convention(struct places *places, const char *groups, bool parent)
{
	struct stat st, unified;
	_cleanup_close_ int top = open(CGROUP_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || fstat(top, &st) < 0)
		return false;
	bool hybrid = fstatat(top, "unified", &unified, AT_SYMLINK_NOFOLLOW) == 0;
	_cleanup_free_ char *copy = xstrdup(groups);
	char *cursor = copy, *line;
	while ((line = strsep(&cursor, "\n")) != NULL) {
		(void)strsep(&line, ":");
		const char *name = line != NULL ? strsep(&line, ":") : NULL;
		if (name == NULL || line == NULL)
			continue;
		bool v2 = *name == '\0';
		if (v2 && hybrid)
			name = "unified";
		else if (str_starts_with(name, "name="))
			name += strlen("name=");
		if (parent)
			go_to_parent(line);
		_cleanup_free_ char *point = xasprintf("%s%s%s", CGROUP_DIR, *name != '\0' ? "/" : "", name);
		char *dir = xasprintf("%s%s", point, line);
		struct place *place = places_add(places, point, dir);
		bool whole = line[strspn(line, "/")] == '\0' && note_whole(top, &st, place);
		if (strstr(line, "..") != NULL || (!whole && !is_cgroup(dir, v2)))
			return false;
	}
	return true;
}

/* Does the container, whose cgroup directory is TOP, see the very same? */
static bool is_there(int top, const struct place *place)
{
	struct stat st;
	return place->device != 0 && fstatat(top, name_below(place->point), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == place->device && st.st_ino == place->inode;
}

/*
 * Make all read-only that the container has of the hierarchies, and drop from PLACES what is done with that. false:
 * that was not possible, or would have been for nothing.
 */
static bool keep_whole(struct hooks_context *ctx, struct places *places)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int top = resolve_open(ctx->root, CGROUP_DIR, O_PATH | O_DIRECTORY, &ignored);
	bool any = false;
	for (size_t i = 0; top >= 0 && i < places->count && !any; i++)
		any = is_there(top, &places->items[i]);
	if (!any || !mount_set_flags_below(top, CGROUP_FLAGS))
		return false;
	size_t left = 0;
	for (size_t i = 0; i < places->count; i++) {
		struct place *place = &places->items[i];
		if (is_there(top, place))
			place_cleanup(place);
		else
			places->items[left++] = *place;
	}
	places->count = left;
	return true;
}

static int bind_group(struct hooks_context *ctx, const struct place *place, struct error *err)
{
	_cleanup_close_ int target = resolve_open(ctx->root, place->point, O_PATH | O_DIRECTORY, err);
	if (target < 0 && err->code == ENOENT) {
		error_clear(err);
		target = mount_open_target(ctx->root, place->point, FSTAB_CREATE_DIR, err);
	}
	if (target < 0)
		return -1;
	if (mount_bind(place->dir, target, CGROUP_FLAGS, err) < 0) {
		if (err->code != ENOENT && err->code != EACCES)
			return -1;
		error_clear(err); /* the group is gone, or hidden from us */
	}
	return 0;
}

/* The sysfs of a network namespace has an empty /sys/fs/cgroup in which nothing can be made. */
static int make_room(struct hooks_context *ctx, struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	if (!settings_is_true(ctx->settings, SETTING_UNSHARE_NET))
		return 0;
	_cleanup_close_ int target = resolve_open(ctx->root, CGROUP_DIR, O_PATH | O_DIRECTORY, &ignored);
	return target < 0 ? 0
			  : mount_filesystem("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755", err);
}

/* Where the site mounts no sysfs, the directory is the image's own: no mount that could be sealed (EINVAL). */
static int seal(struct hooks_context *ctx, struct error *err)
{
	_cleanup_close_ int top = resolve_open(ctx->root, CGROUP_DIR, O_PATH | O_DIRECTORY, err);
	if (top >= 0 && mount_set_flags(top, CGROUP_FLAGS, 0, err) == 0)
		return 0;
	if (err->code != ENOENT && err->code != EINVAL)
		return -1;
	error_clear(err);
	return 0;
}

int hook_cgroups(struct hooks_context *ctx, struct error *err)
{
	_cleanup_free_ char *groups = read_host_file("/proc/self/cgroup");
	struct places places __attribute__((cleanup(places_cleanup))) = { 0 };
	bool step = strv_env_get(ctx->host, "SLURM_STEP_ID") != NULL, several = false;
	if (groups == NULL)
		return 0;
	if (!find_by_convention(&places, groups, step)) {
		places_cleanup(&places);
		find_by_mounts(&places, groups, step);
	}
	for (size_t i = 0; i < places.count; i++)
		several |= !str_eq(places.items[i].point, CGROUP_DIR);
	if (several && make_room(ctx, err) < 0)
		return -1;
	bool sealed = keep_whole(ctx, &places);
	for (size_t i = 0; i < places.count; i++) {
		if (bind_group(ctx, &places.items[i], err) < 0)
			return -1;
	}
	return several && !sealed ? seal(ctx, err) : 0;
}
