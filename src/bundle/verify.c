#include "bundle/verify.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/strv.h"

#define COLUMN     34
#define CONFIG_MAX (8u << 20)
#define TEXT_MAX   65536

/* NOTE: when it is needed, if not always. */
static const struct row {
	const char *name, *note;
} kernel_options[] = {
	{ "CONFIG_NAMESPACES", NULL },
	{ "CONFIG_USER_NS", NULL },
	{ "CONFIG_SECCOMP_FILTER", NULL },
	{ "CONFIG_OVERLAY_FS", "required to start images and bundles writable" },
	{ "CONFIG_FUSE_FS", "required to start images and bundles" },
	{ "CONFIG_X86_VSYSCALL_EMULATION", "required if glibc <= 2.13" },
	{ "CONFIG_LEGACY_VSYSCALL_NONE", NULL },
}, kernel_parameters[] = {
	{ "vsyscall=native", "required if glibc <= 2.13" },
	{ "vsyscall=emulate", "required if glibc <= 2.13" },
}, programs[] = {
	{ "nvidia-container-cli", "required for some GPU set-ups" },
	{ "bash", "required by hooks and configuration scripts" },
};

static const struct {
	const char *name, *path;
	const char *bad; /* the value that forbids containers */
} sysctls[] = {
	{ "kernel.unprivileged_userns_clone", "/proc/sys/kernel/unprivileged_userns_clone", "0" },
	{ "kernel.apparmor_restrict_unprivileged_userns",
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1" },
	{ "user.max_user_namespaces", "/proc/sys/user/max_user_namespaces", "0" },
	{ "user.max_mnt_namespaces", "/proc/sys/user/max_mnt_namespaces", "0" },
};

static void print_row(const char *name, bool ok, const char *detail)
{
	printf("%-*s: %s%s%s%s\n", COLUMN, name, ok ? "OK" : "KO", detail != NULL ? " (" : "",
		detail != NULL ? detail : "", detail != NULL ? ")" : "");
}

/* A text file, at most MAX bytes of it; gzip is understood. NULL if it cannot be read. */
static char *read_text(const char *path, size_t max)
{
	gzFile f = gzopen(path, "rb");
	if (f == NULL)
		return NULL;
	char *text = xmalloc(max + 1);
	int n = gzread(f, text, (unsigned)max);
	gzclose(f);
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

static char *find_config(const char *release)
{
	const char *const places[] = { "/proc/config.gz", "/boot/config-%s", "/lib/modules/%s/config",
		"/lib/modules/%s/build/.config" };
	for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path = xasprintf(places[i], release);
		char *text = read_text(path, CONFIG_MAX);
		if (text != NULL)
			return text;
	}
	return NULL;
}

static void print_option(const char *config, const struct row *row)
{
	_cleanup_free_ char *line = xasprintf("\n%s=", row->name);
	const char *at = strstr(config, line);
	bool forbids = str_ends_with(row->name, "_NONE");
	bool set = at != NULL && at[strlen(line)] != 'n';
	bool is_module = set && at[strlen(line)] == 'm';
	bool ok = set != forbids;
	print_row(row->name, ok, ok ? (is_module ? "module" : NULL) : row->note);
}

static void print_kernel_parameters(void)
{
	_cleanup_free_ char *text = read_text("/proc/cmdline", TEXT_MAX);
	_cleanup_strv_ struct strv words = STRV_INIT;
	if (text != NULL)
		text[strcspn(text, "\n")] = '\0';
	strv_split(&words, text != NULL ? text : "", ' ');
	for (unsigned i = 0; i < ARRAY_SIZE(kernel_parameters); i++) {
		bool ok = strv_contains(&words, kernel_parameters[i].name);
		print_row(kernel_parameters[i].name, ok, ok ? NULL : kernel_parameters[i].note);
	}
}

/* One that this kernel does not have forbids nothing. */
static void print_sysctls(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(sysctls); i++) {
		_cleanup_free_ char *value = read_text(sysctls[i].path, 64);
		if (value != NULL)
			value[strcspn(value, "\n")] = '\0';
		print_row(sysctls[i].name, value == NULL || !str_eq(value, sysctls[i].bad), value);
	}
}

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	_cleanup_strv_ struct strv dirs = STRV_INIT;
	strv_split(&dirs, path != NULL ? path : "/usr/local/bin:/usr/bin:/bin", ':');
	for (size_t i = 0; i < dirs.count; i++) {
		_cleanup_free_ char *file = path_join(dirs.items[i], program);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

int bundle_verify_host(void)
{
	struct utsname host;
	_cleanup_free_ char *version = read_text("/proc/version", TEXT_MAX);
	uname(&host);
	_cleanup_free_ char *config = find_config(host.release);

	printf("Kernel version:\n\n%s\n", version != NULL ? version : host.release);
	printf("Kernel configuration:\n\n");
	if (config == NULL)
		printf("The configuration of kernel %s was not found\n", host.release);
	for (unsigned i = 0; config != NULL && i < ARRAY_SIZE(kernel_options); i++)
		print_option(config, &kernel_options[i]);
	printf("\nKernel command line:\n\n");
	print_kernel_parameters();
	printf("\nKernel parameters:\n\n");
	print_sysctls();
	printf("\nExtra packages:\n\n");
	for (unsigned i = 0; i < ARRAY_SIZE(programs); i++) {
		bool ok = is_in_path(programs[i].name);
		print_row(programs[i].name, ok, ok ? NULL : programs[i].note);
	}
	print_row("/dev/fuse", access("/dev/fuse", R_OK | W_OK) == 0, NULL);
	return config == NULL ? 1 : 0;
}
