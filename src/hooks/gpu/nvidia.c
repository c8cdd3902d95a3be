/*
 * 98-nvidia: GPUs, and whatever else has a specification
 *
 * Three ways, tried in this order: a CDI specification for nvidia.com/gpu, the tool nvidia-container-cli, and what the
 * driver that is loaded needs, found by ourselves. A start that asks for nothing looks at no file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "hooks/builtin.h"
#include "hooks/gpu/cdi-apply.h"
#include "hooks/gpu/cdi.h"
#include "hooks/gpu/gpu.h"
#include "rootfs/resolve.h"
#include "sandbox/mount.h"

#define VISIBLE "NVIDIA_VISIBLE_DEVICES"

const char *const nvidia_capability_names[NVIDIA_CAPABILITIES] = { "compute", "compat32", "display",
	"graphics", "utility", "video" };

static int add_capability(unsigned *capabilities, const char *word, struct error *err)
{
	if (str_eq(word, "all")) {
		*capabilities = (1u << NVIDIA_CAPABILITIES) - 1;
		return 0;
	}
	for (unsigned i = 0; i < NVIDIA_CAPABILITIES; i++) {
		if (str_eq(word, nvidia_capability_names[i])) {
			*capabilities |= 1u << i;
			return 0;
		}
	}
	error_set(err, EINVAL, "Unknown NVIDIA driver capability: %s", word);
	return error_hint(err,
		"NVIDIA_DRIVER_CAPABILITIES takes compute, compat32, display, graphics, utility, "
		"video and all");
}

int nvidia_capabilities(const struct hooks_context *ctx, unsigned *capabilities, struct error *err)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	const char *text = gpu_variable(ctx, "NVIDIA_DRIVER_CAPABILITIES");
	*capabilities = 0;
	gpu_split(&words, text != NULL && *text != '\0' ? text : "utility");
	for (size_t i = 0; i < words.count; i++) {
		if (add_capability(capabilities, words.items[i], err) < 0)
			return -1;
	}
	return 0;
}

/* A mount that allows no devices makes a node unusable for everybody, root of a user namespace included. */
static int mask(struct hooks_context *ctx, const char *name, struct error *err)
{
	struct stat st;
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *path = path_join("/dev", name);
	_cleanup_close_ int fd = resolve_open(ctx->root, path, O_PATH, &ignored);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return 0;
	if (mount_bind_fd(fd, fd, MS_NODEV | MS_NOSUID | MS_NOEXEC, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

int nvidia_mask_others(struct hooks_context *ctx, const struct strv *nodes, struct error *err)
{
	_cleanup_free_ char *dev = gpu_host_path("/dev");
	_cleanup_closedir_ DIR *dir = opendir(dev);
	for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		const char *number = e->d_name + strlen("nvidia");
		if (!str_starts_with(e->d_name, "nvidia") || *number == '\0' ||
			strspn(number, "0123456789") != strlen(number))
			continue;
		_cleanup_free_ char *path = path_join(dev, e->d_name);
		if (!strv_contains(nodes, path) && mask(ctx, e->d_name, err) < 0)
			return -1;
	}
	return 0;
}

static void load_specifications(struct cdi_registry *r)
{
	_cleanup_free_ char *first = gpu_host_path("/etc/cdi"), *second = gpu_host_path("/var/run/cdi");
	const char *const directories[] = { first, second };
	cdi_registry_load(r, directories, ARRAY_SIZE(directories));
	for (size_t i = 0; i < r->problems.count; i++)
		log_warn("%s", r->problems.items[i]);
}

/* What is asked for, sorted by the way that serves it. */
struct request {
	struct strv qualified; /* vendor/class=name */
	struct strv plain;     /* indices, UUIDs, "all" */
	bool driver_only;      /* "none" */
	bool by_image;         /* nobody but the image asks for GPUs */
};

static void request_cleanup(struct request *q)
{
	strv_cleanup(&q->qualified);
	strv_cleanup(&q->plain);
}

static int read_request(const struct hooks_context *ctx, struct request *q, struct error *err)
{
	const char *devices = strv_env_get(ctx->host, "ENROOT_DEVICES"); /* --device, settings, conf script */
	const char *visible = gpu_variable(ctx, VISIBLE);
	_cleanup_strv_ struct strv words = STRV_INIT;
	if (devices != NULL)
		gpu_split(&q->qualified, devices);
	q->by_image = devices == NULL && strv_env_get(ctx->host, VISIBLE) == NULL;
	if (gpu_is_void(visible))
		return 0;
	q->driver_only = str_eq(visible, "none");
	if (!q->driver_only)
		gpu_split(&words, visible);
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.items[i];
		bool qualified = cdi_is_qualified(word);
		if (qualified && q->by_image && !str_starts_with(word, "nvidia.com/"))
			log_warn("the image asks for the device %s: use --device to allow it", word);
		else if (!qualified && strpbrk(word, "/=") != NULL)
			return error_set(err, EINVAL, "Invalid argument: " VISIBLE "=%s", visible);
		else
			strv_push(qualified ? &q->qualified : &q->plain, word);
	}
	return 0;
}

/* By its name, or by the other name that generators give the GPU of a number. */
static int select_gpu(
	struct cdi_selection *s, const struct cdi_registry *r, const char *plain, struct error *err)
{
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_free_ char *name = xasprintf(CDI_GPU_KIND "=%s", plain);
	_cleanup_free_ char *other = xasprintf(CDI_GPU_KIND "=gpu%s", plain);
	uint64_t number;
	if (str_parse_u64(plain, &number) && cdi_select(s, r, other, &ignored) == 0)
		return 0;
	return cdi_select(s, r, name, err);
}

/* Plain names by the specification for GPUs. ENODEV: it does not have one of them. */
static int select_plain(
	struct cdi_selection *s, const struct cdi_registry *r, const struct request *q, struct error *err)
{
	if (q->driver_only)
		cdi_select_kind(s, r, CDI_GPU_KIND);
	for (size_t i = 0; i < q->plain.count; i++) {
		if (select_gpu(s, r, q->plain.items[i], err) < 0)
			return -1;
	}
	return 0;
}

static int run_without_specification(struct hooks_context *ctx, struct error *err)
{
	const char *visible = gpu_variable(ctx, VISIBLE);
	_cleanup_free_ char *program = nvidia_cli_find(ctx);
	return program != NULL ? nvidia_cli_run(ctx, program, visible, err)
			       : nvidia_native_run(ctx, visible, err);
}

static int apply(struct hooks_context *ctx, const struct cdi_selection *s, struct error *err)
{
	_cleanup_inject_ struct inject in = INJECT_INIT(ctx);
	bool gpus = false;
	if (cdi_apply(&in, s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++)
		gpus |= str_eq(s->items[i].spec->kind, CDI_GPU_KIND);
	if (!gpus)
		return 0;
	return nvidia_bind_mig(&in, err) < 0 ? -1 : nvidia_mask_others(ctx, &in.nodes, err);
}

static int run(struct hooks_context *ctx, const struct request *q, struct error *err)
{
	_cleanup_cdi_registry_ struct cdi_registry registry = CDI_REGISTRY_INIT;
	_cleanup_cdi_selection_ struct cdi_selection selection = CDI_SELECTION_INIT;
	bool plain = q->plain.count > 0 || q->driver_only;
	load_specifications(&registry);
	for (size_t i = 0; i < q->qualified.count; i++) {
		if (cdi_select(&selection, &registry, q->qualified.items[i], err) < 0)
			return -1;
	}
	if (plain && cdi_registry_has_kind(&registry, CDI_GPU_KIND)) {
		size_t before = selection.count;
		plain = select_plain(&selection, &registry, q, err) < 0;
		if (plain) { /* a name that only the tool or the driver knows: a MIG device "0:1", a UUID */
			_cleanup_free_ char *program = nvidia_cli_find(ctx);
			if (program == NULL && !nvidia_driver_is_loaded())
				return -1;
			error_clear(err);
			selection.count = before;
		}
	}
	if (selection.count > 0 && apply(ctx, &selection, err) < 0)
		return -1;
	return plain ? run_without_specification(ctx, err) : 0;
}

int hook_nvidia(struct hooks_context *ctx, struct error *err)
{
	struct request q __attribute__((cleanup(request_cleanup))) = { .by_image = false };
	if (!gpu_is_asked_for(ctx))
		return 0;
	if (read_request(ctx, &q, err) == 0 && run(ctx, &q, err) == 0)
		return 0;
	if (!q.by_image || nvidia_driver_is_loaded())
		return -1;
	/* An image made for GPUs runs on a host without any. */
	log_warn("no GPU in this container: %s", err->message);
	error_clear(err);
	return 0;
}
