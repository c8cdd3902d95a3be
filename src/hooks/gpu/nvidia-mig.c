/*
 * NVIDIA_MIG_CONFIG_DEVICES and NVIDIA_MIG_MONITOR_DEVICES without nvidia-container-cli
 *
 * The driver lets those change or watch MIG devices who can open the node of a capability. Which one that is, is written
 * in /proc/driver/nvidia/capabilities (MIG user guide, "Device Nodes and Capabilities"). The driver knows no such node for
 * a single GPU: whatever the list names, it is for all of them.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "hooks/gpu/gpu.h"
#include "hooks/gpu/inject.h"

#define MINOR    "DeviceFileMinor:"
#define FILE_MAX 4096

static const struct {
	const char *variable, *file;
} rights[] = {
	{ "NVIDIA_MIG_CONFIG_DEVICES", "/proc/driver/nvidia/capabilities/mig/config" },
	{ "NVIDIA_MIG_MONITOR_DEVICES", "/proc/driver/nvidia/capabilities/mig/monitor" },
};

/* The number that a file of capabilities gives. */
static bool read_minor(const char *path, uint64_t *minor)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, FILE_MAX, &text, NULL) < 0)
		return false;
	char *value = strstr(text, MINOR);
	if (value == NULL)
		return false;
	value += strlen(MINOR);
	value += strspn(value, " \t");
	value[strcspn(value, " \t\n")] = '\0';
	return str_parse_u64(value, minor);
}

/* A right that cannot be given is no reason not to start: the GPUs work without it. */
static int bind_right(
	struct inject *in, const char *variable, const char *devices, const char *file, struct error *err)
{
	uint64_t minor;
	if (!read_minor(file, &minor)) {
		log_warn("%s=%s: %s is missing: this driver has no MIG devices", variable, devices, file);
		return 0;
	}
	_cleanup_free_ char *path = xasprintf("/dev/nvidia-caps/nvidia-cap%llu", (unsigned long long)minor);
	_cleanup_free_ char *host = gpu_host_path(path);
	if (access(host, F_OK) < 0) {
		log_warn("%s=%s: %s is missing: \"nvidia-modprobe -f %s\" makes it", variable, devices, host,
			file);
		return 0;
	}
	return inject_node(in, &(struct inject_node){ host, path, 'c', -1, -1 }, err);
}

int nvidia_bind_mig(struct inject *in, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		const char *devices = gpu_variable(in->ctx, rights[i].variable);
		_cleanup_free_ char *file = gpu_host_path(rights[i].file);
		if (gpu_is_void(devices) || str_eq(devices, "none"))
			continue;
		if (bind_right(in, rights[i].variable, devices, file, err) < 0)
			return error_prefix(err, "%s=%s", rights[i].variable, devices);
	}
	return 0;
}
