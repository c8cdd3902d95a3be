/* GPUs of NVIDIA: devices, driver, and how they are described to container tools. */
#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "doctor/facts.h"
#include "doctor/private.h"

#define NVIDIA_VENDOR "0x10de" /* PCI */
#define DISPLAY_CLASS "0x03"   /* PCI base class: display controllers, "3D controller" among them */

static size_t count_entries(const char *directory, bool (*fn)(int dir, const char *name))
{
	size_t n = 0;
	_cleanup_closedir_ DIR *d = opendir(directory);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		n += fn(dirfd(d), e->d_name);
	return n;
}

static bool is_gpu_device(int dir, const char *name)
{
	(void)dir;
	return str_starts_with(name, "nvidia") && isdigit((unsigned char)name[strlen("nvidia")]);
}

static bool says(int dir, const char *name, const char *attribute, const char *value)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d/%s/%s", dir, name, attribute);
	_cleanup_free_ char *text = read_line_of(path);
	return text != NULL && str_starts_with(text, value);
}

/* On the PCI bus, driver or not. */
static bool is_gpu(int dir, const char *name)
{
	return says(dir, name, "vendor", NVIDIA_VENDOR) && says(dir, name, "class", DISPLAY_CLASS);
}

static bool is_specification(int dir, const char *name)
{
	(void)dir;
	return str_ends_with(name, ".yaml") || str_ends_with(name, ".json");
}

void check_gpu(struct patient *p, const void *arg, struct finding *f)
{
	(void)p;
	(void)arg;
	size_t devices = count_entries("/dev", is_gpu_device);
	size_t hardware = count_entries("/sys/bus/pci/devices", is_gpu);
	char version[32] = "";
	_cleanup_free_ char *text = read_line_of("/proc/driver/nvidia/version");
	if (devices == 0 && hardware == 0) {
		finding_set(f, DOCTOR_OK, "none of NVIDIA");
	} else if (text == NULL || !facts_nvidia_version(text, version, sizeof(version))) {
		finding_set(f, DOCTOR_WARN, "%zu of NVIDIA, no driver", MAX(devices, hardware));
		finding_remedy(f, "modprobe nvidia");
	} else if (devices == 0) {
		finding_set(f, DOCTOR_WARN, "driver %s, no devices", version);
		finding_remedy(f, "nvidia-modprobe -c 0, or start nvidia-persistenced");
	} else if (access("/dev/nvidia-uvm", F_OK) < 0) {
		finding_set(f, DOCTOR_WARN, "%zu of NVIDIA, driver %s, no /dev/nvidia-uvm", devices, version);
		finding_remedy(f, "CUDA needs it: nvidia-modprobe -u -c 0");
	} else {
		finding_set(f, DOCTOR_OK, "%zu of NVIDIA, driver %s", devices, version);
	}
}

void check_cdi(struct patient *p, const void *arg, struct finding *f)
{
	(void)p;
	(void)arg;
	size_t n =
		count_entries("/etc/cdi", is_specification) + count_entries("/var/run/cdi", is_specification);
	if (n == 0)
		finding_set(f, DOCTOR_OK, "none");
	else
		finding_set(f, DOCTOR_OK, "%zu", n);
}
