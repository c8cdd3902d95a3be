#include <errno.h>
#include <inttypes.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "export/documents.h"
#include "export/tree_tar.h"
#include "source/platform.h"

void export_image_cleanup(struct export_image *image)
{
	buffer_cleanup(&image->config);
	buffer_cleanup(&image->manifest);
	free(image->architecture);
	*image = (struct export_image){ 0 };
}

/* As --arch says, else as the root filesystem does, else this machine's; in the image specification's words. */
static int choose_architecture(
	struct export_image *image, const char *asked, const char *recorded, struct error *err)
{
	_cleanup_platform_request_ struct platform_request p = { 0 };
	_cleanup_error_ struct error unknown = ERROR_INIT;
	if (asked != NULL && platform_request_parse(&p, asked, err) < 0)
		return -1;
	if (asked == NULL && (recorded == NULL || platform_request_parse(&p, recorded, &unknown) < 0) &&
		platform_request_parse(&p, NULL, err) < 0)
		return -1;
	image->architecture = steal_pointer(&p.architecture);
	return 0;
}

static void report(const struct scan_report *r, const struct tree_tar *t)
{
	if (r->special != 0)
		log_info("%" PRIu64 " device files and sockets were left out", r->special);
	if (r->mounts != 0)
		log_warn(
			"%" PRIu64 " files or directories were left out because they are mounted", r->mounts);
	if (t->left_out_names != 0)
		log_warn("%" PRIu64
			 " files or directories were left out: a layer takes names that begin with .wh. "
			 "for orders to delete",
			t->left_out_names);
	if (t->left_out_xattrs != 0)
		log_warn("%" PRIu64 " extended attributes were left out: their names hold an equals sign",
			t->left_out_xattrs);
}

static int write_tree(
	const struct origin *o, const struct export_options *options, struct tree_tar *t, struct error *err)
{
	struct progress progress;
	struct scan_sink sink = tree_tar_sink(t);
	struct scan_report left_out;
	sink.progress = &progress;
	progress_begin_entries(&progress, "Packing", 0);
	struct tree *tree = o->image != NULL ? image_scan(o->image, &options->limits, &sink, &left_out, err)
					     : scan_tree(o->rootfs, o->name, &sink, &left_out, err);
	progress_end(&progress);
	if (tree == NULL)
		return -1;
	int r = tree_tar_finish(t, tree, err);
	if (r == 0)
		report(&left_out, t);
	tree_free(tree);
	return r;
}

static int write_layer(const struct origin *o, const struct export_options *options, struct tree_tar *t,
	int fd, struct layer_packed *packed, struct error *err)
{
	struct layer_pack *pack = layer_pack_new(fd, options->compression, options->threads);
	struct tar_writer *writer = tar_writer_new(layer_pack_write, pack);
	t->writer = writer;
	log_info("Creating image layer...");
	int r = write_tree(o, options, t, err);
	if (r == 0)
		r = layer_pack_finish(pack, packed, err);
	tar_writer_free(writer);
	layer_pack_free(pack);
	return r;
}

/* Files that say nothing which the configuration does not say are left out, unless they are other files, too. */
static void choose_omitted(
	struct tree_tar *t, const struct recovered *recovered, const struct origin_files *files)
{
	unsigned count = 0;
	for (unsigned i = 0; i < RECOVER_FILE_COUNT; i++)
		if (recovered->is_redundant[i] && !files->has_links[i])
			t->omit[count++] = recover_names[i];
}

/*
 * A script of the user's in the place of /etc/rc: it becomes the entry point. Under another name, for import writes its own
 * /etc/rc, which then runs it.
 */
static void keep_script(struct tree_tar *t, struct recovered *recovered, const struct origin_files *files)
{
	if (!recovered->has_own_script)
		return;
	if (files->has_links[RECOVER_RC] || files->has_script) {
		log_warn("/etc/rc is not as import writes it, and cannot become /etc/" ORIGIN_SCRIPT
			 ": the image has no entry point");
		return;
	}
	log_info("/etc/rc is not as import writes it: it becomes the entry point, as /etc/" ORIGIN_SCRIPT);
	t->moved_from = recover_names[RECOVER_RC];
	t->moved_to = ORIGIN_SCRIPT;
	strv_push(&recovered->config.entrypoint, "/bin/sh");
	strv_push(&recovered->config.entrypoint, "/etc/" ORIGIN_SCRIPT);
}

static int64_t clamp_time(int64_t t)
{
	return t < 0 ? 0 : MIN(t, (int64_t)UINT32_MAX);
}

static int make(const struct origin *o, const struct export_options *options, int fd,
	const struct origin_files *files, struct recovered *recovered, struct export_image *image,
	struct error *err)
{
	struct tree_tar t = { 0 };
	int64_t created = options->has_epoch ? options->epoch : clamp_time(files->created);
	choose_omitted(&t, recovered, files);
	keep_script(&t, recovered, files);
	int r = choose_architecture(image, options->arch, recovered->config.architecture, err);
	if (r == 0)
		r = write_layer(o, options, &t, fd, &image->layer, err);
	tree_tar_cleanup(&t);
	return r == 0 ? documents_make(image, &recovered->config, created, err) : -1;
}

int export_image_make(const struct origin *o, const struct export_options *options, int fd,
	struct export_image *image, struct error *err)
{
	_cleanup_origin_files_ struct origin_files files;
	struct recover_input input = { 0 };
	struct recovered recovered;
	*image = (struct export_image){ .compression = options->compression };
	if (origin_read_files(o, &files, err) < 0)
		return -1;
	for (unsigned i = 0; i < RECOVER_FILE_COUNT; i++)
		input.texts[i] = files.texts[i];
	recover_config(&input, &recovered);
	int r = make(o, options, fd, &files, &recovered, image, err);
	recovered_cleanup(&recovered);
	return r;
}
