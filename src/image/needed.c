/* import --if-needed: one output for many jobs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/publish.h"
#include "base/str.h"
#include "image/build.h"
#include "image/record.h"
#include "image/reuse.h"
#include "store/work_lock.h"

struct wanted {
	const char *path, *digest, *options;
};

/* In a directory like /tmp anybody may have put a file that says of itself whatever is wanted. */
static bool may_be_planted(const char *path, const struct stat *st)
{
	struct stat dir;
	_cleanup_free_ char *parent = path_dirname(path);
	if (st->st_uid == geteuid() || st->st_uid == 0)
		return false;
	return stat(parent, &dir) < 0 || (dir.st_mode & S_IWOTH) != 0;
}

static bool is_current(void *ctx)
{
	const struct wanted *w = ctx;
	struct stat st;
	return lstat(w->path, &st) == 0 && !may_be_planted(w->path, &st) &&
	       image_record_matches(w->path, w->digest, w->options);
}

/* Only files are replaced, never a device or a directory, nor what a stranger has put there. */
static int check_output(const char *path, struct error *err)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return 0;
	bool is_file = S_ISREG(st.st_mode);
	if (is_file && !may_be_planted(path, &st))
		return 0;
	error_set(err, EEXIST, "File already exists: %s", path);
	return error_hint(err, is_file ? "it is another user's, in a directory that everybody may write: "
					 "choose a place of your own or of your group"
				       : "it is no regular file");
}

/* Link what is there to .NAME.prev, in one step. Where that cannot be, readers on this host are safe all the same. */
static void keep_previous(const struct publish *p)
{
	_cleanup_free_ char *previous = xasprintf(".%s.prev", p->name);
	_cleanup_free_ char *temp = publish_temp_name();
	if (linkat(p->dir, p->name, p->dir, temp, 0) < 0)
		return;
	(void)renameat(p->dir, temp, p->dir, previous);
	(void)unlinkat(p->dir, temp, 0); /* rename(2) does nothing where both are one file */
}

int image_publish(struct publish *p, struct error *err)
{
	keep_previous(p);
	return publish_commit(p, true, err);
}

int image_replace(const struct import_request *req, struct source **source, const char *path, mode_t mode,
	struct error *err)
{
	_cleanup_publish_ struct publish out = PUBLISH_INIT;
	uint64_t bytes;
	if (publish_begin(&out, path, mode, true, err) < 0 ||
		image_write_from(req, source, out.fd, path, &bytes, err) < 0)
		return image_space_hint(path, *source, err);
	if (image_publish(&out, err) < 0)
		return image_space_hint(path, *source, err);
	log_info("Wrote %s (%s)", path, str_bytes(bytes));
	return 0;
}

static void clean_around(const char *path)
{
	_cleanup_free_ char *dir = path_dirname(path);
	work_lock_clean(dir);
}

static int build_once(const struct import_request *req, struct source **source, struct wanted *w,
	struct import_result *result, struct error *err)
{
	_cleanup_work_lock_ struct work_lock *lock = work_lock_new(w->path);
	int r = work_lock_wait(lock, is_current, w, err);
	if (r < 0)
		return -1;
	if (r == 0) {
		log_info("%s was made by another process meanwhile", w->path);
		return 0;
	}
	work_lock_keep(lock);
	clean_around(w->path);
	r = image_reuse(req, source_image(*source), w->options, w->path, err);
	if (r < 0)
		return image_space_hint(w->path, *source, err);
	result->is_built = r == 0;
	return r > 0 ? 0 : image_replace(req, source, w->path, IMAGE_OUTPUT_MODE, err);
}

static int import_to(const struct import_request *req, struct source **source, const char *path,
	struct import_result *result, struct error *err)
{
	const struct source_image *image = source_image(*source);
	_cleanup_free_ char *options = image_options_text(req, image);
	struct wanted w = { .path = path, .digest = result->manifest_digest, .options = options };
	struct stat st;
	if (is_current(&w))
		log_info("%s is up to date", path);
	else if (build_once(req, source, &w, result, err) < 0)
		return -1;
	if (stat(path, &st) == 0)
		result->bytes = (uint64_t)st.st_size;
	return 0;
}

int image_import_needed(
	const struct import_request *req, const char *output, struct import_result *result, struct error *err)
{
	/* Behind a link, the file that it names is replaced. */
	_cleanup_free_ char *real = realpath(output, NULL);
	const char *path = real != NULL ? real : output;
	struct source *source;
	*result = (struct import_result){ 0 };
	if (check_output(path, err) < 0 || source_open(req->uri, &req->source, &source, err) < 0)
		return -1;
	result->manifest_digest = xstrdup(source_image(source)->manifest_digest);
	int r = import_to(req, &source, path, result, err);
	source_close(source);
	return r;
}
