/*
 * GPUs where no toolkit is installed: what the driver that is loaded needs, found on the host
 *
 * Libraries are those that the host's own dynamic linker finds by their names, so that they are the driver's that is
 * in use; device nodes follow the capabilities that are asked for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "hooks/gpu/gpu.h"
#include "hooks/gpu/inject.h"
#include "hooks/gpu/ldcache.h"
#include "rootfs/resolve.h"

#define LIBRARY_OPTIONS "ro,nosuid,nodev,bind"
#define MAX_GPUS        256
#define DRIVER_VERSION  "/proc/driver/nvidia/version"
#define UVM_NODE        "/dev/nvidia-uvm"

#define EVERYTHING (NVIDIA_COMPUTE | NVIDIA_DISPLAY | NVIDIA_GRAPHICS | NVIDIA_UTILITY | NVIDIA_VIDEO)

/* Names without their version: the driver's number is in some of them. */
static const struct {
	const char *name;
	unsigned capabilities;
} libraries[] = {
	{ "libnvidia-ml.so", NVIDIA_UTILITY | NVIDIA_COMPUTE },
	{ "libnvidia-cfg.so", NVIDIA_UTILITY },
	{ "libnvidia-nscq.so", NVIDIA_UTILITY },
	{ "libcuda.so", NVIDIA_COMPUTE | NVIDIA_VIDEO },
	{ "libcudadebugger.so", NVIDIA_COMPUTE },
	{ "libnvidia-opencl.so", NVIDIA_COMPUTE },
	{ "libnvidia-gpucomp.so", NVIDIA_COMPUTE | NVIDIA_GRAPHICS },
	{ "libnvidia-ptxjitcompiler.so", NVIDIA_COMPUTE },
	{ "libnvidia-nvvm.so", NVIDIA_COMPUTE },
	{ "libnvidia-nvvm70.so", NVIDIA_COMPUTE },
	{ "libnvidia-tileiras.so", NVIDIA_COMPUTE },
	{ "libnvidia-allocator.so", NVIDIA_COMPUTE | NVIDIA_GRAPHICS },
	{ "libnvidia-pkcs11.so", NVIDIA_COMPUTE },
	{ "libnvidia-pkcs11-openssl3.so", NVIDIA_COMPUTE },
	{ "libnvidia-sandboxutils.so", NVIDIA_UTILITY },
	{ "libnvcuvid.so", NVIDIA_VIDEO },
	{ "libnvidia-encode.so", NVIDIA_VIDEO },
	{ "libnvidia-opticalflow.so", NVIDIA_VIDEO },
	{ "libvdpau_nvidia.so", NVIDIA_VIDEO },
	{ "libGLX_nvidia.so", NVIDIA_GRAPHICS | NVIDIA_DISPLAY },
	{ "libEGL_nvidia.so", NVIDIA_GRAPHICS | NVIDIA_DISPLAY },
	{ "libGLESv2_nvidia.so", NVIDIA_GRAPHICS },
	{ "libGLESv1_CM_nvidia.so", NVIDIA_GRAPHICS },
	{ "libnvidia-glcore.so", NVIDIA_GRAPHICS },
	{ "libnvidia-eglcore.so", NVIDIA_GRAPHICS },
	{ "libnvidia-glsi.so", NVIDIA_GRAPHICS },
	{ "libnvidia-glvkspirv.so", NVIDIA_GRAPHICS },
	{ "libnvidia-tls.so", NVIDIA_GRAPHICS },
	{ "libnvidia-rtcore.so", NVIDIA_GRAPHICS },
	{ "libnvidia-fbc.so", NVIDIA_GRAPHICS },
	{ "libnvidia-ngx.so", NVIDIA_GRAPHICS },
	{ "libnvoptix.so", NVIDIA_GRAPHICS },
};

static const struct {
	const char *name;
	unsigned capabilities;
} programs[] = {
	{ "nvidia-smi", NVIDIA_UTILITY },
	{ "nvidia-debugdump", NVIDIA_UTILITY },
	{ "nvidia-cuda-mps-control", NVIDIA_COMPUTE },
	{ "nvidia-cuda-mps-server", NVIDIA_COMPUTE },
};

static const struct {
	const char *path;
	unsigned capabilities;
} nodes[] = {
	{ "/dev/nvidiactl", EVERYTHING },
	{ UVM_NODE, NVIDIA_COMPUTE | NVIDIA_VIDEO },
	{ "/dev/nvidia-uvm-tools", NVIDIA_COMPUTE },
	{ "/dev/nvidia-modeset", NVIDIA_DISPLAY | NVIDIA_GRAPHICS },
};

struct gpu {
	char *bus, *uuid; /* owned: 0000:65:00.0, GPU-… (NULL: unknown) */
	unsigned minor;
};

struct gpus {
	struct gpu *items; /* in the order of their places on the bus, which is that of nvidia-smi */
	size_t count, capacity;
};

static void gpus_cleanup(struct gpus *g)
{
	for (size_t i = 0; i < g->count; i++) {
		free(g->items[i].bus);
		free(g->items[i].uuid);
	}
	free(g->items);
}

bool nvidia_driver_is_loaded(void)
{
	_cleanup_free_ char *version = gpu_host_path(DRIVER_VERSION);
	_cleanup_free_ char *control = gpu_host_path("/dev/nvidiactl");
	return access(version, F_OK) == 0 || access(control, F_OK) == 0;
}

/* The value of "KEY: VALUE" in a file of /proc/driver/nvidia; the caller owns it. */
static char *find_value(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	if (line == NULL)
		return NULL;
	line += strlen(key);
	line += strspn(line, ": \t");
	return xstrndup(line, strcspn(line, "\n \t"));
}

static int is_bus_id(const struct dirent *e)
{
	return strchr(e->d_name, ':') != NULL;
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_gpu(struct gpus *gpus, const char *folder, const char *bus)
{
	_cleanup_free_ char *path = xasprintf("%s/%s/information", folder, bus), *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t minor;
	if (fd < 0 || fd_read_all(fd, 64 << 10, &text, NULL) < 0 || gpus->count == MAX_GPUS)
		return;
	_cleanup_free_ char *number = find_value(text, "Device Minor");
	if (number == NULL || !str_parse_u64(number, &minor) || minor > UINT_MAX)
		return;
	grow_array(&gpus->items, &gpus->capacity, gpus->count + 1);
	gpus->items[gpus->count++] =
		(struct gpu){ xstrdup(bus), find_value(text, "GPU UUID"), (unsigned)minor };
}

static void find_gpus(struct gpus *gpus)
{
	struct dirent **entries = NULL;
	_cleanup_free_ char *folder = gpu_host_path("/proc/driver/nvidia/gpus");
	int count = scandir(folder, &entries, is_bus_id, compare_entries);
	for (int i = 0; i < count; i++) {
		read_gpu(gpus, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static bool is_meant(const struct gpu *gpu, size_t index, const char *word)
{
	uint64_t number;
	if (str_eq(word, "all") || (str_parse_u64(word, &number) && number == index))
		return true;
	return (gpu->uuid != NULL && str_starts_with(word, "GPU-") && str_starts_with(gpu->uuid, word)) ||
	       strcasecmp(gpu->bus, word) == 0;
}

static int add_node(struct inject *in, const char *path, bool optional, struct error *err)
{
	_cleanup_free_ char *host = gpu_host_path(path);
	if (optional && access(host, F_OK) < 0)
		return 0;
	return inject_node(in, &(struct inject_node){ host, path, '\0', -1, -1 }, err);
}

static int add_gpus(struct inject *in, const char *devices, struct error *err)
{
	struct gpus gpus __attribute__((cleanup(gpus_cleanup))) = { 0 };
	_cleanup_strv_ struct strv words = STRV_INIT;
	find_gpus(&gpus);
	if (!str_eq(devices, "none"))
		gpu_split(&words, devices);
	for (size_t w = 0; w < words.count; w++) {
		bool found = str_eq(words.items[w], "all");
		for (size_t i = 0; i < gpus.count; i++) {
			if (!is_meant(&gpus.items[i], i, words.items[w]))
				continue;
			_cleanup_free_ char *path = xasprintf("/dev/nvidia%u", gpus.items[i].minor);
			if (add_node(in, path, false, err) < 0)
				return -1;
			found = true;
		}
		if (found)
			continue;
		error_set(err, ENODEV, "Unknown device: %s (this host has %zu GPUs)", words.items[w],
			gpus.count);
		return error_hint(err, "MIG devices need a CDI specification or nvidia-container-cli");
	}
	return 0;
}

/* Where the image keeps its libraries: Debian's kind has a folder a machine. */
static const char *library_folder(const struct hooks_context *ctx, bool compat32)
{
#if defined(__aarch64__)
	static const char *const folders[] = { "/usr/lib/aarch64-linux-gnu", "/usr/lib/arm-linux-gnueabihf" };
#else
	static const char *const folders[] = { "/usr/lib/x86_64-linux-gnu", "/usr/lib/i386-linux-gnu" };
#endif
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_close_ int debian = resolve_open(ctx->root, "/etc/debian_version", O_PATH, &ignored);
	_cleanup_close_ int folder =
		resolve_open(ctx->root, folders[compat32], O_PATH | O_DIRECTORY, &ignored);
	if (debian >= 0 || folder >= 0)
		return folders[compat32];
	return compat32 ? "/usr/lib" : "/usr/lib64";
}

/* libX.so.1 and libX.so.550.54 are libX.so. */
static bool is_version_of(const char *name, const char *base)
{
	size_t len = strlen(base);
	return strncmp(name, base, len) == 0 && name[len] == '.' && name[len + 1] >= '0' &&
	       name[len + 1] <= '9';
}

static int add_library(struct inject *in, const char *path, const char *folder, struct error *err)
{
	char real[PATH_MAX];
	_cleanup_free_ char *host = gpu_host_path(path);
	if (realpath(host, real) == NULL)
		return 0; /* the cache is older than the file's end */
	_cleanup_free_ char *name = path_basename(real);
	_cleanup_free_ char *inside = path_join(folder, name);
	return inject_mount(in, real, inside, NULL, LIBRARY_OPTIONS, err);
}

static int add_libraries(struct inject *in, const struct ldcache *cache, uint32_t flags, const char *folder,
	unsigned capabilities, struct error *err)
{
	for (size_t l = 0; l < ARRAY_SIZE(libraries); l++) {
		if ((libraries[l].capabilities & capabilities) == 0)
			continue;
		for (size_t i = 0; i < cache->count; i++) {
			const struct ldcache_entry *e = &cache->entries[i];
			if (e->flags == flags && is_version_of(e->name, libraries[l].name) &&
				add_library(in, e->path, folder, err) < 0)
				return -1;
		}
	}
	inject_folder(in, folder, false);
	if ((capabilities & NVIDIA_COMPUTE) == 0)
		return 0;
	_cleanup_free_ char *plain = path_join(folder, "libcuda.so"); /* what programs are linked with */
	return inject_link(in, "libcuda.so.1", plain, err);
}

static int read_host_cache(struct ldcache *cache, struct error *err)
{
	size_t len;
	_cleanup_free_ char *path = gpu_host_path("/etc/ld.so.cache"), *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, LDCACHE_MAX_BYTES, &text, &len) < 0)
		return error_errno(err, "cannot read %s", path);
	return ldcache_parse(cache, text, len, err) < 0 ? error_prefix(err, "%s", path) : 0;
}

static int add_all_libraries(struct inject *in, unsigned capabilities, struct error *err)
{
	_cleanup_ldcache_ struct ldcache cache = LDCACHE_INIT;
	if (read_host_cache(&cache, err) < 0 ||
		add_libraries(in, &cache, library_native_flags(), library_folder(in->ctx, false),
			capabilities, err) < 0)
		return -1;
	if ((capabilities & NVIDIA_COMPAT32) == 0 || library_compat32_flags() == 0)
		return 0;
	return add_libraries(
		in, &cache, library_compat32_flags(), library_folder(in->ctx, true), capabilities, err);
}

static int add_programs(struct inject *in, unsigned capabilities, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		char real[PATH_MAX];
		_cleanup_free_ char *inside = path_join("/usr/bin", programs[i].name);
		_cleanup_free_ char *host = gpu_host_path(inside);
		if ((programs[i].capabilities & capabilities) == 0 || realpath(host, real) == NULL)
			continue;
		if (inject_mount(in, real, inside, NULL, LIBRARY_OPTIONS, err) < 0)
			return -1;
	}
	return 0;
}

/* CUDA finds no device without it, and does not say why. */
static void warn_about_memory(unsigned capabilities)
{
	_cleanup_free_ char *node = gpu_host_path(UVM_NODE);
	if ((capabilities & NVIDIA_COMPUTE) != 0 && access(node, F_OK) < 0)
		log_warn("%s is missing, which CUDA needs: load the module nvidia_uvm, or run "
			 "nvidia-modprobe -u -c 0",
			node);
}

int nvidia_native_run(struct hooks_context *ctx, const char *devices, struct error *err)
{
	_cleanup_inject_ struct inject in = INJECT_INIT(ctx);
	unsigned capabilities;
	if (!nvidia_driver_is_loaded()) {
		_cleanup_free_ char *version = gpu_host_path(DRIVER_VERSION);
		error_set(err, ENODEV,
			"NVIDIA_VISIBLE_DEVICES=%s: there is no NVIDIA driver on this host: %s is missing",
			devices, version);
		return error_hint(err, "load it, or set NVIDIA_VISIBLE_DEVICES=void");
	}
	if (nvidia_capabilities(ctx, &capabilities, err) < 0 || add_gpus(&in, devices, err) < 0)
		return -1;
	warn_about_memory(capabilities);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		if ((nodes[i].capabilities & capabilities) != 0 &&
			add_node(&in, nodes[i].path, true, err) < 0)
			return -1;
	}
	if (nvidia_bind_mig(&in, err) < 0 || add_all_libraries(&in, capabilities, err) < 0 ||
		add_programs(&in, capabilities, err) < 0 || inject_libraries(&in, err) < 0)
		return -1;
	if ((capabilities & NVIDIA_COMPUTE) != 0 && nvidia_bind_companions(ctx, err) < 0)
		return -1;
	return nvidia_mask_others(ctx, &in.nodes, err);
}
