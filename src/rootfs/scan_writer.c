/* The scan into a squashfs image: the writer as its sink. */
#include "rootfs/scan.h"

static int begin(void *ctx, const struct tree *tree, uint32_t node, uint64_t size, struct error *err)
{
	(void)tree;
	(void)node;
	return sqfs_writer_file_begin(ctx, size, err);
}

static int data(void *ctx, const void *bytes, size_t len, struct error *err)
{
	return sqfs_writer_file_data(ctx, bytes, len, err);
}

static int hole(void *ctx, uint64_t len, struct error *err)
{
	return sqfs_writer_file_hole(ctx, len, err);
}

static int end(void *ctx, uint32_t *id, struct error *err)
{
	return sqfs_writer_file_end(ctx, id, err);
}

struct tree *scan_rootfs(int root, const char *path, struct sqfs_writer *writer, struct progress *progress,
	struct scan_report *report, struct error *err)
{
	const struct scan_sink sink = {
		.ctx = writer,
		.file_begin = begin,
		.file_data = data,
		.file_hole = hole,
		.file_end = end,
		.progress = progress,
	};
	return scan_tree(root, path, &sink, report, err);
}
