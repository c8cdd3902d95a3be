#include "cmd/requests.h"

#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "cmd/cached-request.h"

static int read_unsigned(const struct settings *s, enum setting key, unsigned *value, struct error *err)
{
	uint64_t number = *value;
	if (settings_get(s, key) != NULL && settings_number(s, key, &number, err) < 0)
		return -1;
	*value = number > INT32_MAX ? INT32_MAX : (unsigned)number;
	return 0;
}

int request_source_options(
	const struct settings *s, const char *arch, struct source_options *options, struct error *err)
{
	*options = (struct source_options){
		.arch = arch,
		.config_path = settings_get(s, SETTING_CONFIG_PATH),
		.cache_path = settings_get(s, SETTING_CACHE_PATH),
		.system_caches = settings_get(s, SETTING_CACHE_SYSTEM_PATH),
		.max_connections = 10,
		.connect_timeout_s = 30,
		.transfer_retries = -1,
		.allow_http = settings_is_true(s, SETTING_ALLOW_HTTP),
	};
	unsigned retries = 0;
	if (read_unsigned(s, SETTING_MAX_CONNECTIONS, &options->max_connections, err) < 0 ||
		read_unsigned(s, SETTING_CONNECT_TIMEOUT, &options->connect_timeout_s, err) < 0 ||
		read_unsigned(s, SETTING_TRANSFER_TIMEOUT, &options->transfer_timeout_s, err) < 0 ||
		read_unsigned(s, SETTING_TRANSFER_RETRIES, &retries, err) < 0)
		return -1;
	if (settings_get(s, SETTING_TRANSFER_RETRIES) != NULL)
		options->transfer_retries = (int)retries;
	return 0;
}

int request_squashfs_options(const struct settings *s, struct sqfs_options *options, struct error *err)
{
	*options = SQFS_OPTIONS_DEFAULT;
	const char *text = settings_get(s, SETTING_SQUASH_OPTIONS);
	if (text != NULL && sqfs_options_parse(text, options, err) < 0)
		return error_prefix(err, "ENROOT_SQUASH_OPTIONS");
	if (options->processors == 0)
		return read_unsigned(s, SETTING_MAX_PROCESSORS, &options->processors, err);
	return 0;
}

int request_limits(const struct settings *s, struct layer_limits *limits, struct error *err)
{
	const struct {
		enum setting key;
		uint64_t *value;
	} rows[] = {
		{ SETTING_LIMIT_BYTES, &limits->max_bytes },
		{ SETTING_LIMIT_INODES, &limits->max_inodes },
		{ SETTING_LIMIT_RATIO, &limits->max_ratio },
	};
	*limits = LAYER_LIMITS_DEFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (settings_get(s, rows[i].key) != NULL &&
			settings_number(s, rows[i].key, rows[i].value, err) < 0)
			return -1;
	}
	return 0;
}

int request_epoch(bool *has_epoch, uint32_t *epoch, struct error *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	*has_epoch = text != NULL && *text != '\0';
	*epoch = 0;
	if (!*has_epoch)
		return 0;
	uint64_t seconds;
	if (!str_parse_u64(text, &seconds))
		return error_set(err, EINVAL, "Invalid argument: SOURCE_DATE_EPOCH=%s", text);
	*epoch = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
	return 0;
}

int request_import(const struct settings *s, const char *uri, const char *arch, struct import_request *req,
	struct error *err)
{
	*req = (struct import_request){
		.uri = uri,
		.images = cached_images(s),
		.allow_diff_id_mismatch = settings_is_true(s, SETTING_ALLOW_DIFFID_MISMATCH),
	};
	if (settings_need_directory(s, SETTING_CACHE_PATH, err) < 0 ||
		request_source_options(s, arch, &req->source, err) < 0 ||
		request_squashfs_options(s, &req->squashfs, err) < 0 ||
		request_limits(s, &req->limits, err) < 0 ||
		request_epoch(&req->has_epoch, &req->epoch, err) < 0)
		return -1;
	return 0;
}
