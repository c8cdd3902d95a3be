/*
 * The extra hooks: 50-mig-config, 50-sharp, 50-slurm-pmi, 50-slurm-pytorch
 *
 * Off unless enabled (hooks/extra.h). All they do is to set variables, and to bind one folder of the job step's server.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "hooks/builtin.h"
#include "hooks/gpu/gpu.h"
#include "hooks/gpu/nodelist.h"
#include "sandbox/environ.h"

#define PORT_FIRST 61000 /* above the ephemeral ports of Linux */
#define PORT_COUNT 4536

#define PMIX_OPTIONS "x-create=dir,bind,rw,nosuid,noexec,nodev,private,nofail"

/* A variable of the host; NULL: unset or empty. */
static const char *host_value(const struct hooks_context *ctx, const char *key)
{
	const char *value = strv_env_get(ctx->host, key);
	return value != NULL && *value != '\0' ? value : NULL;
}

static const char *either(const struct hooks_context *ctx, const char *first, const char *second)
{
	const char *value = host_value(ctx, first);
	return value != NULL ? value : host_value(ctx, second);
}

/* Unless the container has it already. VALUE may be NULL. */
static void set_default(struct hooks_context *ctx, const char *key, const char *value)
{
	if (value != NULL && strv_env_get(ctx->env, key) == NULL)
		strv_env_set(ctx->env, key, value);
}

/* MIG- and its UUID, or GPU:INSTANCE. */
static bool names_mig_device(const char *devices)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	gpu_split(&words, devices);
	for (size_t i = 0; i < words.count; i++) {
		const char *colon = strchr(words.items[i], ':');
		if (str_starts_with(words.items[i], "MIG-") ||
			(colon != NULL &&
				strspn(words.items[i], "0123456789") == (size_t)(colon - words.items[i])))
			return true;
	}
	return false;
}

int hook_mig_config(struct hooks_context *ctx, struct error *err)
{
	const char *devices = gpu_variable(ctx, "NVIDIA_VISIBLE_DEVICES");
	if (!gpu_is_void(devices) && !str_eq(devices, "none") && !names_mig_device(devices))
		strv_env_set(ctx->env, "NVIDIA_MIG_CONFIG_DEVICES", "all");
	return 0;
}

int hook_sharp(struct hooks_context *ctx, struct error *err)
{
	const char *adapters = gpu_variable(ctx, "MELLANOX_VISIBLE_DEVICES");
	const char *network = host_value(ctx, "SLURM_NETWORK");
	if (gpu_is_void(adapters) || str_eq(adapters, "none") || network == NULL || !str_eq(network, "sharp"))
		return 0;
	set_default(ctx, "SHARP_COLL_LOCK_ON_COMM_INIT", "1");
	set_default(ctx, "SHARP_COLL_NUM_COLL_GROUP_RESOURCE_ALLOC_THRESHOLD", "0");
	set_default(ctx, "NCCL_COLLNET_ENABLE", "1");
	set_default(ctx, "NCCL_SHARP_GROUP_SIZE_THRESH",
		either(ctx, "SLURM_STEP_NUM_NODES", "OMPI_MCA_orte_num_nodes"));
	return 0;
}

static bool is_step(const struct hooks_context *ctx)
{
	return host_value(ctx, "SLURM_JOB_ID") != NULL && host_value(ctx, "SLURM_STEP_ID") != NULL;
}

/* All variables of the host that begin with PREFIX. false: there are none. */
static bool pass_on(struct hooks_context *ctx, const char *prefix)
{
	bool any = false;
	for (size_t i = 0; i < ctx->host->count; i++) {
		const char *entry = ctx->host->items[i];
		size_t len = strcspn(entry, "=");
		if (!str_starts_with(entry, prefix) || entry[len] == '\0')
			continue;
		any = true;
		if (!environ_key_is_valid(entry, len) || strchr(entry, '\n') != NULL)
			continue; /* a newline never adds a variable */
		_cleanup_free_ char *key = xstrndup(entry, len);
		strv_env_set(ctx->env, key, entry + len + 1);
	}
	return any;
}

static int pass_pmix(struct hooks_context *ctx, struct error *err)
{
	static const struct {
		const char *module, *parameter;
	} modules[] = {
		{ "PMIX_PTL_MODULE", "PMIX_MCA_ptl" },
		{ "PMIX_SECURITY_MODE", "PMIX_MCA_psec" },
		{ "PMIX_GDS_MODULE", "PMIX_MCA_gds" },
	};
	const char *type = host_value(ctx, "SLURM_MPI_TYPE");
	if ((type != NULL && !str_starts_with(type, "pmix")) || !pass_on(ctx, "PMIX_"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		const char *value = host_value(ctx, modules[i].module);
		if (value != NULL && host_value(ctx, modules[i].parameter) == NULL)
			strv_env_set(ctx->env, modules[i].parameter, value);
	}
	const char *folder = host_value(ctx, "PMIX_SERVER_TMPDIR");
	return folder == NULL ? 0
			      : fstab_add(ctx->fstab, "PMIX_SERVER_TMPDIR", folder, folder, "none",
					PMIX_OPTIONS, err);
}

int hook_slurm_pmi(struct hooks_context *ctx, struct error *err)
{
	if (!is_step(ctx))
		return 0;
	(void)pass_on(ctx, "SLURM_");
	(void)pass_on(ctx, "PMI_");
	return pass_pmix(ctx, err);
}

static uint64_t number_or(const char *text, uint64_t fallback)
{
	uint64_t value;
	return text != NULL && str_parse_u64(text, &value) ? value : fallback;
}

/* The first host of the step meets the others. */
static void set_master(struct hooks_context *ctx)
{
	const char *list = either(ctx, "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST");
	uint64_t job = number_or(host_value(ctx, "SLURM_JOB_ID"), 0);
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (list != NULL && nodelist_expand(&names, list, 1, &err) < 0)
		log_warn("no MASTER_ADDR: %s", err.message);
	_cleanup_free_ char *port = xasprintf("%llu", (unsigned long long)(job % PORT_COUNT + PORT_FIRST));
	set_default(ctx, "MASTER_ADDR", names.count > 0 ? names.items[0] : NULL);
	set_default(ctx, "MASTER_PORT", port);
}

int hook_slurm_pytorch(struct hooks_context *ctx, struct error *err)
{
	const char *tasks = either(ctx, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS");
	const char *nodes = either(ctx, "SLURM_STEP_NUM_NODES", "SLURM_JOB_NUM_NODES");
	if (!is_step(ctx) || strv_env_get(ctx->env, "PYTORCH_VERSION") == NULL)
		return 0;
	set_master(ctx);
	set_default(ctx, "WORLD_SIZE", tasks);
	set_default(ctx, "RANK", host_value(ctx, "SLURM_PROCID"));
	set_default(ctx, "LOCAL_RANK", host_value(ctx, "SLURM_LOCALID"));
	if (number_or(tasks, 1) > number_or(nodes, 1)) /* ranks of one host share its processors */
		set_default(ctx, "OMP_NUM_THREADS", "1");
	return 0;
}
