/*
 * 99-mellanox: InfiniBand and RoCE adapters (MELLANOX_VISIBLE_DEVICES: void, none, all, or indices)
 *
 * Devices are numbered in the order of their PCI functions. One function may have several: each is paired with the
 * interfaces that say its name ("ibdev" in sysfs), or that come at the same place. What was not asked for is hidden
 * below tmpfs mounts over /sys/class/infiniband* and /dev/infiniband.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "hooks/builtin.h"
#include "hooks/gpu/gpu.h"
#include "hooks/gpu/mellanox.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"

#define DRIVERS   "/sys/bus/pci/drivers"
#define CLASS_DIR "/sys/class"
#define DEV_DIR   "/dev/infiniband"
#define TMPFS     (MS_NOSUID | MS_NODEV | MS_NOEXEC)

void mellanox_devices_cleanup(struct mellanox_devices *d)
{
	for (size_t i = 0; i < d->count; i++) {
		for (unsigned k = 0; k < MELLANOX_INTERFACES; k++)
			free(d->items[i].interfaces[k]);
		free(d->items[i].name);
	}
	free(d->items);
	*d = (struct mellanox_devices){ 0 };
}

static const struct {
	const char *folder, *prefix;
} kinds[MELLANOX_INTERFACES] = {
	[MELLANOX_VERBS] = { "infiniband_verbs", "uverbs" },
	[MELLANOX_UMAD] = { "infiniband_mad", "umad" },
	[MELLANOX_ISSM] = { "infiniband_mad", "issm" },
};

static int compare_versions(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name); /* mlx5_2 before mlx5_10 */
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void list(const char *dir, const char *prefix, struct strv *names)
{
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_visible, compare_versions);
	for (int i = 0; i < count; i++) {
		if (str_starts_with(entries[i]->d_name, prefix))
			strv_push(names, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* Whose interface it is, by its own word; NULL: it does not say. The caller owns it. */
static char *read_owner(const char *dir, const char *interface)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/ibdev", dir, interface);
	char *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, 4096, &text, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The interface of the device NAME, which is the one at PLACE in its function. */
static char *pair(const char *function, unsigned kind, const char *name, size_t place)
{
	_cleanup_free_ char *dir = path_join(function, kinds[kind].folder);
	_cleanup_strv_ struct strv interfaces = STRV_INIT;
	list(dir, kinds[kind].prefix, &interfaces);
	bool any_owner = false;
	for (size_t i = 0; i < interfaces.count; i++) {
		_cleanup_free_ char *owner = read_owner(dir, interfaces.items[i]);
		any_owner |= owner != NULL;
		if (owner != NULL && str_eq(owner, name))
			return xstrdup(interfaces.items[i]);
	}
	return !any_owner && place < interfaces.count ? xstrdup(interfaces.items[place]) : NULL;
}

static void add_function(struct mellanox_devices *d, const char *infiniband)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_free_ char *function = path_dirname(infiniband);
	list(infiniband, "", &names);
	for (size_t i = 0; i < names.count; i++) {
		grow_array(&d->items, &d->capacity, d->count + 1);
		struct mellanox_device *device = &d->items[d->count++];
		device->name = xstrdup(names.items[i]);
		for (unsigned k = 0; k < MELLANOX_INTERFACES; k++)
			device->interfaces[k] = pair(function, k, names.items[i], i);
	}
}

/* The functions of a driver: links called by their addresses. */
static void add_driver(struct mellanox_devices *d, const char *drivers, const char *driver)
{
	_cleanup_free_ char *folder = path_join(drivers, driver);
	_cleanup_strv_ struct strv functions = STRV_INIT;
	list(folder, "", &functions);
	for (size_t i = 0; i < functions.count; i++) {
		_cleanup_free_ char *infiniband = xasprintf("%s/%s/infiniband", folder, functions.items[i]);
		add_function(d, infiniband);
	}
}

void mellanox_find(struct mellanox_devices *d)
{
	_cleanup_free_ char *folder = gpu_host_path(DRIVERS);
	_cleanup_strv_ struct strv drivers = STRV_INIT;
	list(folder, "mlx", &drivers); /* mlx4_core, mlx5_core */
	for (size_t i = 0; i < drivers.count; i++) {
		if (str_eq(drivers.items[i] + strcspn(drivers.items[i], "_"), "_core"))
			add_driver(d, folder, drivers.items[i]);
	}
}

int mellanox_choose(const struct mellanox_devices *d, const char *devices, bool *chosen, struct error *err)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	gpu_split(&words, devices);
	for (size_t w = 0; w < words.count; w++) {
		uint64_t index;
		if (str_eq(words.items[w], "all")) {
			for (size_t i = 0; i < d->count; i++)
				chosen[i] = true;
		} else if (str_parse_u64(words.items[w], &index) && index < d->count) {
			chosen[index] = true;
		} else {
			error_set(err, ENODEV, "Unknown MELLANOX device id: %s", words.items[w]);
			return error_hint(err, "this host has %zu devices", d->count);
		}
	}
	return 0;
}

/* Cover a folder of the container. Returns the new, empty one; -2: there is none to be covered. */
static int cover(struct hooks_context *ctx, const char *path, bool optional, struct error *err)
{
	_cleanup_close_ int target = resolve_open(ctx->root, path, O_PATH | O_DIRECTORY, err);
	if (target < 0 && optional && err->code == ENOENT) {
		error_clear(err);
		return -2;
	}
	if (target < 0)
		return -1;
	if (mount_filesystem("tmpfs", target, "tmpfs", TMPFS, "mode=755", err) < 0)
		return error_prefix(err, "%s", path);
	return resolve_open(ctx->root, path, O_PATH | O_DIRECTORY, err);
}

/* Bind a file or node of the host on NAME of a folder that is our own. */
static int bind_into(int folder, const char *name, const char *host, bool optional, struct error *err)
{
	_cleanup_close_ int source = open(host, O_PATH | O_CLOEXEC);
	if (source < 0 && optional)
		return 0;
	if (source < 0)
		return error_errno(err, "cannot open %s", host);
	_cleanup_close_ int target =
		openat(folder, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (target < 0)
		return error_errno(err, "cannot create %s", name);
	return mount_bind_fd(source, target, MS_NOSUID | MS_NOEXEC, err);
}

/* Show an entry of /sys/class/FOLDER again: the same symlink as outside. */
static int show(int folder, const char *class_folder, const char *name, struct error *err)
{
	char text[4096];
	_cleanup_free_ char *path = xasprintf(CLASS_DIR "/%s/%s", class_folder, name);
	_cleanup_free_ char *host = gpu_host_path(path);
	ssize_t n = readlink(host, text, sizeof(text) - 1);
	if (n < 0)
		return error_errno(err, "cannot read the symlink %s", host);
	text[n] = '\0';
	return symlinkat(text, folder, name) < 0 ? error_errno(err, "cannot create %s", path) : 0;
}

/* One folder of /sys/class, with the chosen devices' own entries. */
static int make_class(struct hooks_context *ctx, const struct mellanox_devices *d, const bool *chosen,
	const char *name, struct error *err)
{
	bool is_devices = str_eq(name, "infiniband");
	_cleanup_free_ char *path = path_join(CLASS_DIR, name);
	_cleanup_free_ char *abi = xasprintf("%s/abi_version", path), *host_abi = gpu_host_path(abi);
	_cleanup_close_ int version = open(host_abi, O_PATH | O_CLOEXEC); /* before it is covered, if it is */
	_cleanup_close_ int folder = cover(ctx, path, !is_devices, err);
	if (folder < 0)
		return folder == -2 ? 0 : -1;
	if (version >= 0) {
		_cleanup_free_ char *source = xasprintf("/proc/self/fd/%d", version);
		if (bind_into(folder, "abi_version", source, false, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < d->count; i++) {
		if (!chosen[i])
			continue;
		if (is_devices && show(folder, name, d->items[i].name, err) < 0)
			return -1;
		for (unsigned k = 0; k < MELLANOX_INTERFACES; k++) {
			const char *interface = d->items[i].interfaces[k];
			if (interface != NULL && str_eq(kinds[k].folder, name) &&
				show(folder, name, interface, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* Management interfaces can rearrange a whole fabric: they are for real root. */
static bool may_manage(const struct hooks_context *ctx)
{
	return settings_is_true(ctx->settings, SETTING_ALLOW_SUPERUSER) && ctx->ids->outer_uid == 0;
}

static int bind_nodes(const struct hooks_context *ctx, int folder, int host,
	const struct mellanox_device *device, struct error *err)
{
	for (unsigned k = 0; k < MELLANOX_INTERFACES; k++) {
		const char *name = device->interfaces[k];
		if (name == NULL || (k != MELLANOX_VERBS && !may_manage(ctx)))
			continue;
		_cleanup_free_ char *source = xasprintf("/proc/self/fd/%d/%s", host, name);
		if (bind_into(folder, name, source, k != MELLANOX_VERBS, err) < 0)
			return error_prefix(err, "%s/%s", DEV_DIR, name);
	}
	return 0;
}

static int make_dev(
	struct hooks_context *ctx, const struct mellanox_devices *d, const bool *chosen, struct error *err)
{
	_cleanup_free_ char *path = gpu_host_path(DEV_DIR);
	/* Before it is covered: the container's may be the host's. */
	_cleanup_close_ int host = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (host < 0)
		return error_errno(err, "cannot open %s", path);
	_cleanup_close_ int point = mount_open_target(ctx->root, DEV_DIR, FSTAB_CREATE_DIR, err);
	_cleanup_close_ int folder = point < 0 ? -1 : cover(ctx, DEV_DIR, false, err);
	if (folder < 0)
		return -1;
	_cleanup_free_ char *manager = xasprintf("/proc/self/fd/%d/rdma_cm", host);
	if (bind_into(folder, "rdma_cm", manager, true, err) < 0)
		return error_prefix(err, DEV_DIR "/rdma_cm");
	for (size_t i = 0; i < d->count; i++) {
		if (chosen[i] && bind_nodes(ctx, folder, host, &d->items[i], err) < 0)
			return -1;
	}
	return 0;
}

static int make_all(
	struct hooks_context *ctx, const struct mellanox_devices *d, const bool *chosen, struct error *err)
{
	static const char *const classes[] = { "infiniband", "infiniband_verbs", "infiniband_cm",
		"infiniband_mad" };
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (make_class(ctx, d, chosen, classes[i], err) < 0)
			return -1;
	}
	return make_dev(ctx, d, chosen, err);
}

int hook_mellanox(struct hooks_context *ctx, struct error *err)
{
	struct mellanox_devices devices __attribute__((cleanup(mellanox_devices_cleanup))) = { 0 };
	const char *visible = gpu_variable(ctx, "MELLANOX_VISIBLE_DEVICES");
	if (gpu_is_void(visible) || str_eq(visible, "none"))
		return 0;
	_cleanup_free_ char *class = gpu_host_path(CLASS_DIR "/infiniband");
	if (access(class, F_OK) < 0) {
		error_errno(err, "MELLANOX_VISIBLE_DEVICES=%s: cannot open %s", visible, class);
		return error_hint(err, "load the driver (ib_core), or set MELLANOX_VISIBLE_DEVICES=void");
	}
	mellanox_find(&devices);
	_cleanup_free_ bool *chosen = xcalloc(devices.count + 1, sizeof(*chosen));
	if (mellanox_choose(&devices, visible, chosen, err) < 0)
		return -1;
	return make_all(ctx, &devices, chosen, err);
}
