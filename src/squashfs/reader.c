#include "squashfs/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/memory.h"
#include "squashfs/reader_private.h"

#define INODE_SIZE_MIN    20u /* sizeof(struct sqfs_inode_ipc) */
#define BLOCK_SIZE_TO_LOG (uint32_t) __builtin_ctz
#define HEADER_SIZE       2u /* of a metadata block */

void image_corrupt_(const struct sqfs_image *image, struct error *err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *what = xvasprintf(fmt, ap);
	va_end(ap);
	error_set(err, EUCLEAN, "%s: corrupt squashfs image: %s", image->name, what);
}

int image_pread(const struct sqfs_image *image, void *buf, size_t len, uint64_t position, struct error *err)
{
	if (position > image->info.bytes || len > image->info.bytes - position)
		return image_corrupt(image, err, "data at %" PRIu64 " lies beyond the end", position);
	ssize_t n = fd_pread_full(image->fd, buf, len, image->offset + position);
	if (n < 0)
		return error_errno(err, "cannot read %s", image->name);
	if ((size_t)n != len)
		return image_corrupt(image, err, "the file ends early");
	return 0;
}

uint64_t table_capacity(const struct table *table)
{
	return ((table->end - table->start) / (HEADER_SIZE + 1) + 1) * SQFS_METADATA_SIZE;
}

/* Whatever is wrong with the superblock or the places of the tables: to the user this is no image. */
static void refuse_format(const struct sqfs_image *image, struct error *err)
{
	if (err->code != EUCLEAN && err->code != ENOTSUP && err->code != ENOEXEC)
		return;
	_cleanup_error_ struct error why = ERROR_INIT;
	error_move(&why, err);
	error_set(err, ENOEXEC, "Invalid image format: %s", image->name);
	error_hint(err, "%s", why.message);
}

static int check_format(const struct sqfs_superblock *sb, const char *name, struct error *err)
{
	if (le32toh(sb->magic) != SQFS_MAGIC)
		return error_set(err, ENOEXEC, "%s is no squashfs image", name);
	unsigned major = le16toh(sb->major), minor = le16toh(sb->minor);
	if (major != SQFS_MAJOR || minor != SQFS_MINOR)
		return error_set(
			err, ENOTSUP, "%s: squashfs version %u.%u is not supported", name, major, minor);
	if (sqfs_compression_name(le16toh(sb->compression)) == NULL || sb->compression == 0)
		return error_set(err, ENOTSUP, "%s: squashfs compression %u is not supported", name,
			le16toh(sb->compression));
	return 0;
}

static int take_geometry(struct sqfs_image *image, const struct sqfs_superblock *sb, struct error *err)
{
	struct sqfs_image_info *info = &image->info;
	info->compression = le16toh(sb->compression);
	info->block_size = le32toh(sb->block_size);
	info->inodes = le32toh(sb->inodes);
	info->fragments = le32toh(sb->fragments);
	info->mkfs_time = le32toh(sb->mkfs_time);
	info->bytes = le64toh(sb->bytes_used);
	image->root = le64toh(sb->root_inode);
	uint32_t size = info->block_size;
	if (size < SQFS_BLOCK_SIZE_MIN || size > SQFS_BLOCK_SIZE_MAX || (size & (size - 1)) != 0 ||
		le16toh(sb->block_log) != BLOCK_SIZE_TO_LOG(size))
		return image_corrupt(image, err, "block size %u", size);
	struct stat st;
	if (fstat(image->fd, &st) < 0)
		return error_errno(err, "cannot look at %s", image->name);
	uint64_t end;
	if (info->bytes < SQFS_SUPERBLOCK_SIZE || __builtin_add_overflow(info->bytes, image->offset, &end) ||
		end > INT64_MAX)
		return image_corrupt(image, err, "size %" PRIu64, info->bytes);
	if (S_ISREG(st.st_mode) && end > (uint64_t)st.st_size)
		return image_corrupt(image, err,
			"it is cut short: %" PRIu64 " of %" PRIu64 " bytes are there",
			(uint64_t)st.st_size - image->offset, info->bytes);
	return 0;
}

/* The first of the superblock's places behind START: a table cannot reach further. */
static uint64_t next_place(const struct sqfs_superblock *sb, uint64_t start)
{
	const uint64_t places[] = { sb->id_table_start, sb->xattr_id_table_start, sb->inode_table_start,
		sb->directory_table_start, sb->fragment_table_start, sb->lookup_table_start };
	uint64_t next = le64toh(sb->bytes_used);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t place = le64toh(places[i]);
		if (place > start && place < next)
			next = place;
	}
	return next;
}

static int take_table(
	const struct sqfs_image *image, const struct sqfs_superblock *sb, uint64_t start, struct table *table)
{
	if (start < SQFS_SUPERBLOCK_SIZE || start >= image->info.bytes)
		return -1;
	*table = (struct table){ start, next_place(sb, start) };
	return 0;
}

/* Load the positions of the metadata blocks of a lookup table, which lie at PLACE. */
static int load_lookup(struct sqfs_image *image, struct lookup_table *table, uint64_t place, uint32_t entries,
	uint32_t entry_size, struct error *err)
{
	uint64_t blocks = ((uint64_t)entries * entry_size + SQFS_METADATA_SIZE - 1) / SQFS_METADATA_SIZE;
	if (place > image->info.bytes || blocks > (image->info.bytes - place) / sizeof(uint64_t))
		return image_corrupt(image, err, "a table of %u entries does not fit", entries);
	size_t size = (size_t)blocks * sizeof(uint64_t);
	table->blocks = xmalloc(size);
	table->entries = entries;
	table->entry_size = entry_size;
	table->end = place;
	if (image_pread(image, table->blocks, size, place, err) < 0)
		return -1;
	for (size_t i = 0; i < blocks; i++) {
		table->blocks[i] = le64toh(table->blocks[i]);
		if (table->blocks[i] < SQFS_SUPERBLOCK_SIZE || table->blocks[i] >= place)
			return image_corrupt(image, err, "a table block at %" PRIu64, table->blocks[i]);
	}
	return 0;
}

static int load_ids(struct sqfs_image *image, const struct sqfs_superblock *sb, struct error *err)
{
	struct lookup_table table = { 0 };
	image->id_count = le16toh(sb->no_ids);
	struct sqfs_reader *reader = NULL;
	int r = -1;
	if (image->id_count == 0)
		(void)image_corrupt(image, err, "no ids");
	else if (load_lookup(image, &table, le64toh(sb->id_table_start), image->id_count, sizeof(uint32_t),
			 err) == 0)
		reader = sqfs_reader_new(image, err);
	if (reader != NULL) {
		image->ids = xmalloc(image->id_count * sizeof(uint32_t));
		r = 0;
		for (uint32_t i = 0; r == 0 && i < image->id_count; i++) {
			r = meta_lookup(reader, &table, i, &image->ids[i], err);
			image->ids[i] = le32toh(image->ids[i]);
		}
	}
	sqfs_reader_free(reader);
	free(table.blocks);
	return r;
}

static int load_xattr_table(struct sqfs_image *image, const struct sqfs_superblock *sb, struct error *err)
{
	uint64_t place = le64toh(sb->xattr_id_table_start);
	if (place == SQFS_NO_TABLE)
		return 0;
	struct sqfs_xattr_table header;
	if (image_pread(image, &header, sizeof(header), place, err) < 0)
		return -1;
	uint32_t count = le32toh(header.ids);
	if (count == 0)
		return 0;
	uint64_t start = le64toh(header.xattr_table_start);
	if (start < SQFS_SUPERBLOCK_SIZE || start >= place)
		return image_corrupt(image, err, "xattr table at %" PRIu64, start);
	image->xattrs = (struct table){ start, place };
	image->info.has_xattrs = true;
	return load_lookup(
		image, &image->xattr_ids, place + sizeof(header), count, sizeof(struct sqfs_xattr_id), err);
}

static int load_tables(struct sqfs_image *image, const struct sqfs_superblock *sb, struct error *err)
{
	if (take_table(image, sb, le64toh(sb->inode_table_start), &image->inodes) < 0 ||
		take_table(image, sb, le64toh(sb->directory_table_start), &image->directories) < 0)
		return image_corrupt(image, err, "a table lies outside");
	if (image->info.inodes == 0 || image->info.inodes > table_capacity(&image->inodes) / INODE_SIZE_MIN)
		return image_corrupt(image, err, "%u inodes do not fit", image->info.inodes);
	if (load_ids(image, sb, err) < 0)
		return -1;
	if (image->info.fragments != 0 &&
		load_lookup(image, &image->fragments, le64toh(sb->fragment_table_start),
			image->info.fragments, sizeof(struct sqfs_fragment), err) < 0)
		return -1;
	return load_xattr_table(image, sb, err);
}

static int open_image(struct sqfs_image *image, struct error *err)
{
	struct sqfs_superblock sb;
	ssize_t n = fd_pread_full(image->fd, &sb, sizeof(sb), image->offset);
	if (n < 0)
		return error_errno(err, "cannot read %s", image->name);
	if (n != (ssize_t)sizeof(sb))
		return error_set(err, ENOEXEC, "%s is too short for an image", image->name);
	if (check_format(&sb, image->name, err) < 0 || take_geometry(image, &sb, err) < 0)
		return -1;
	return load_tables(image, &sb, err);
}

struct sqfs_image *sqfs_image_open(
	int fd, const char *name, const struct sqfs_image_options *options, struct error *err)
{
	struct sqfs_image *image = xcalloc(1, sizeof(*image));
	image->fd = fd;
	image->name = xstrdup(name);
	image->offset = options != NULL ? options->offset : 0;
	if (open_image(image, err) < 0) {
		refuse_format(image, err);
		sqfs_image_close(image);
		return NULL;
	}
	if (options != NULL && options->cache_bytes != 0)
		image->cache = cache_new(options->cache_bytes, image->info.block_size);
	return image;
}

void sqfs_image_close(struct sqfs_image *image)
{
	if (image == NULL)
		return;
	cache_free(image->cache);
	free(image->ids);
	free(image->fragments.blocks);
	free(image->xattr_ids.blocks);
	free(image->name);
	free(image);
}

const struct sqfs_image_info *sqfs_image_info(const struct sqfs_image *image)
{
	return &image->info;
}

struct sqfs_reader *sqfs_reader_new(struct sqfs_image *image, struct error *err)
{
	struct sqfs_codec *codec = sqfs_decoder_new(image->info.compression, image->info.block_size, err);
	if (codec == NULL) {
		error_prefix(err, "%s", image->name);
		return NULL;
	}
	struct sqfs_reader *r = xcalloc(1, sizeof(*r));
	r->image = image;
	r->codec = codec;
	return r;
}

void sqfs_reader_free(struct sqfs_reader *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < META_SLOTS; i++)
		free(r->meta[i]);
	sqfs_codec_free(r->codec);
	free(r->packed);
	free(r->last);
	free(r);
}
