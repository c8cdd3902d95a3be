#include "cmd/extraction.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/space.h"
#include "rootfs/extract.h"
#include "rootfs/remove.h"

int extraction_check_name(const char *data_path, const char *name, bool replace, struct error *err)
{
	_cleanup_free_ char *path = container_path(data_path, name);
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot look at %s", path);
	if (!replace)
		return error_set(err, EEXIST, "File already exists: %s", path);
	return remove_check_mounts(path, err);
}

static int read_limits(const struct settings *s, struct extract_options *o, struct error *err)
{
	uint64_t threads = 0;
	const struct {
		enum setting key;
		uint64_t *value;
	} rows[] = {
		{ SETTING_MAX_PROCESSORS, &threads },
		{ SETTING_LIMIT_BYTES, &o->max_bytes },
		{ SETTING_LIMIT_INODES, &o->max_inodes },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (settings_get(s, rows[i].key) != NULL &&
			settings_number(s, rows[i].key, rows[i].value, err) < 0)
			return -1;
	}
	o->threads = (unsigned)MIN(threads, (uint64_t)UINT_MAX);
	return 0;
}

int extraction_finish(const struct settings *settings, int tree, const char *path,
	const struct extract_report *r, struct error *err)
{
	if (r->devices != 0)
		log_info("%" PRIu64 " device files were left out", r->devices);
	if (r->owners != 0)
		log_warn("the owners of %" PRIu64 " files could not be set", r->owners);
	if (r->xattrs != 0)
		log_warn("%" PRIu64 " extended attributes could not be set", r->xattrs);
	if (settings_is_true(settings, SETTING_SYNC) && syncfs(tree) < 0)
		return error_errno(err, "cannot sync %s", path);
	return 0;
}

int extraction_run(const struct settings *settings, int fd, const char *name,
	struct container_scratch *scratch, struct error *err)
{
	struct extract_options options = { 0 };
	struct extract_report left_out;
	if (read_limits(settings, &options, err) < 0)
		return -1;
	const struct sqfs_image_options how = { .cache_bytes = extract_cache_bytes(options.threads) };
	struct sqfs_image *image = sqfs_image_open(fd, name, &how, err);
	if (image == NULL)
		return -1;
	_cleanup_close_ int tree = container_scratch_make_tree(scratch, err);
	struct progress progress;
	progress_begin_entries(&progress, "Extracting", sqfs_image_info(image)->inodes);
	options.progress = &progress;
	int r = tree >= 0 ? extract_image(image, tree, &options, &left_out, err) : -1;
	/* An image does not say what it will be: three times its size, or what was written already. */
	uint64_t need = MAX(sqfs_image_info(image)->bytes * 3, progress.done);
	if (r < 0)
		(void)space_hint_beside(scratch->path, need, "ENROOT_DATA_PATH", err);
	progress_end(&progress);
	sqfs_image_close(image);
	if (r < 0)
		return -1;
	return extraction_finish(settings, tree, scratch->path, &left_out, err);
}
