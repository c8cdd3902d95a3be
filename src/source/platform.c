#include "source/platform.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/memory.h"
#include "base/str.h"

/* Names in use, the kernel's and Debian's among them, and what the image specification calls them. */
static const struct {
	const char *name, *architecture, *variant;
} aliases[] = {
	{ "amd64", "amd64", NULL },
	{ "x86_64", "amd64", NULL },
	{ "x86-64", "amd64", NULL },
	{ "arm64", "arm64", NULL },
	{ "aarch64", "arm64", NULL },
	{ "arm", "arm", NULL },
	{ "armhf", "arm", "v7" },
	{ "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "armel", "arm", "v5" },
	{ "armv5tel", "arm", "v5" },
	{ "386", "386", NULL },
	{ "i386", "386", NULL },
	{ "i686", "386", NULL },
	{ "ppc64le", "ppc64le", NULL },
	{ "ppc64el", "ppc64le", NULL },
	{ "s390x", "s390x", NULL },
	{ "riscv64", "riscv64", NULL },
	{ "mips64le", "mips64le", NULL },
	{ "mips64el", "mips64le", NULL },
	{ "loong64", "loong64", NULL },
	{ "loongarch64", "loong64", NULL },
};

void platform_request_cleanup(struct platform_request *r)
{
	free(r->architecture);
	free(r->variant);
	*r = (struct platform_request){ 0 };
}

/* The x86-64 psABI's levels, as far as images name them. */
static unsigned detect_amd64_level(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") &&
		  __builtin_cpu_supports("ssse3");
	bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
	return v3 ? 3 : v2 ? 2 : 1;
#else
	return 1;
#endif
}

int platform_request_parse(struct platform_request *r, const char *arch, struct error *err)
{
	*r = (struct platform_request){ .is_explicit = arch != NULL, .amd64_level = detect_amd64_level() };
	struct utsname host;
	if (arch == NULL && uname(&host) == 0)
		arch = host.machine;
	if (arch == NULL)
		return error_errno(err, "cannot ask for the machine's architecture");
	const char *slash = strchr(arch, '/');
	_cleanup_free_ char *name = slash != NULL ? xstrndup(arch, (size_t)(slash - arch)) : xstrdup(arch);
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (!str_eq(name, aliases[i].name))
			continue;
		r->architecture = xstrdup(aliases[i].architecture);
		const char *variant = slash != NULL ? slash + 1 : aliases[i].variant;
		r->variant = variant != NULL ? xstrdup(variant) : NULL;
		return 0;
	}
	error_set(err, EINVAL, "Unsupported architecture: %s", arch);
	return error_hint(
		err, "known are amd64, arm64, arm/v7, 386, ppc64le, s390x, riscv64 and their other names");
}

/* "v7" → 7; nothing said → 0. */
static unsigned variant_number(const char *variant)
{
	if (variant == NULL || *variant == '\0')
		return 0;
	return *variant == 'v' ? (unsigned)strtoul(variant + 1, NULL, 10) : UINT_MAX;
}

/* The highest variant that may be taken, and the one that an image means which says none. */
static void variant_bounds(const struct platform_request *r, unsigned *highest, unsigned *unsaid)
{
	static const struct {
		const char *architecture;
		unsigned highest, unsaid;
	} bounds[] = {
		{ "arm", 7, 7 }, /* image spec: "arm" alone is v7 */
		{ "arm64", 8, 8 },
		{ "amd64", 1, 1 },
	};
	*highest = 0;
	*unsaid = 0;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		if (str_eq(r->architecture, bounds[i].architecture)) {
			*highest = bounds[i].highest;
			*unsaid = bounds[i].unsaid;
		}
	}
	if (str_eq(r->architecture, "amd64"))
		*highest = r->amd64_level;
	if (r->variant != NULL)
		*highest = variant_number(r->variant);
}

unsigned platform_score(const struct platform_request *r, const struct platform *p)
{
	if (p->os == NULL || !str_eq(p->os, "linux") || !platform_is_architecture(r, p->architecture))
		return 0;
	unsigned highest, unsaid;
	variant_bounds(r, &highest, &unsaid);
	unsigned variant = variant_number(p->variant);
	if (variant == 0)
		variant = unsaid;
	return variant <= highest ? variant + 1 : 0;
}

bool platform_is_architecture(const struct platform_request *r, const char *architecture)
{
	if (architecture == NULL || *architecture == '\0')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (str_eq(architecture, aliases[i].name))
			return str_eq(r->architecture, aliases[i].architecture);
	return str_eq(r->architecture, architecture);
}
