/* layer/tar_private.h - between the files of the tar reader */
#pragma once

#include "base/buffer.h"
#include "layer/tar.h"

#define TAR_BLOCK    512u
#define TAR_SIZE_MAX ((uint64_t)INT64_MAX - TAR_BLOCK) /* leaves room for the padding */
#define TAR_META_MAX \
	(1u << 20) /* of one pax header, long name, or sparse map: before anything is allocated */
#define TAR_SPARSE_MAX (512u << 10) /* segments of a sparse file */

/* POSIX.1-2017, "ustar Interchange Format"; in the same bytes GNU tar keeps other things (tar manual, "Basic Tar
 * Format"). */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, linkname[100];
	char magic[8]; /* "ustar\0" "00", or GNU's "ustar  \0" */
	char uname[32], gname[32], devmajor[8], devminor[8];
	union {
		char prefix[155];
		struct {
			char atime[12], ctime[12], offset[12], longnames[4], unused;
			char sparse[4][24];
			char is_extended, real_size[12];
		} gnu;
	};
	char padding[12];
};

struct tar_segment {
	uint64_t offset, len;
};

struct tar_sparse {
	struct tar_segment *map;
	size_t count, capacity;
};

/* What one extended header says; strings point into its text. */
struct tar_pax {
	struct buffer text;
	const char *path, *link, *sparse_name;
	size_t path_len, link_len, sparse_name_len;
	bool has_size, has_mtime;
	uint64_t size;
	uint32_t mtime;
	struct tree_xattr *xattrs;
	size_t xattr_count, xattr_capacity;

	/* GNU.sparse.*: format 0.0 (offset and numbytes), 0.1 (map), 1.0 (map in the data) */
	bool is_sparse, has_real_size, pending_offset;
	uint64_t major, minor, real_size;
	struct tar_sparse sparse;
};

/* Octal (blanks around it) or base-256. Returns 0, or -1: not a number, or out of the range of int64_t. */
int tar_number(const char *field, size_t len, int64_t *value);
/* Digits only, at most INT64_MAX. */
int tar_decimal(const char *s, size_t len, uint64_t *value);

/* Forget all, and then parse .text in place. */
void tar_pax_reset(struct tar_pax *pax);
void tar_pax_cleanup(struct tar_pax *pax);
int tar_pax_parse(struct tar_pax *pax, struct error *err);

int tar_sparse_add(struct tar_sparse *sparse, uint64_t offset, uint64_t len, struct error *err);
/* The map must be in order, inside REAL_SIZE, and make up exactly STORED bytes. */
int tar_sparse_check(const struct tar_sparse *sparse, uint64_t real_size, uint64_t stored, struct error *err);

struct tar_reader {
	const struct tar_source *source;
	const uint8_t *data; /* what is left of the source's last bytes */
	size_t len;
	bool ended;
	uint64_t offset; /* in the stream, of .data */

	uint64_t left;                   /* data of the current entry that were not read yet */
	uint64_t size;                   /* its logical size */
	uint32_t padding;                /* behind them */
	const struct tar_sparse *sparse; /* its map, or NULL */

	struct tar_pax pax, global;
	struct buffer long_name, long_link;
	struct tar_sparse old_sparse;
	char ustar_path[sizeof(((struct tar_header *)0)->prefix) + 1 + 100];
	struct tar_header header; /* a copy: its strings outlive the source's bytes */
};

/* tar.c: bytes of the stream; *GOT and *SKIPPED are fewer only at its end. */
int tar_read_full(struct tar_reader *r, void *buf, size_t len, size_t *got, struct error *err);
int tar_skip(struct tar_reader *r, uint64_t len, uint64_t *skipped, struct error *err);
int tar_cut_off(const struct tar_reader *r, const char *where, struct error *err);
uint32_t tar_padding(uint64_t size);

/* tar_entry.c: SIZE is that of the header. */
int tar_fill_entry(struct tar_reader *r, struct tar_entry *e, uint64_t size, struct error *err);
int tar_size_field(const char *field, size_t len, uint64_t *size, struct error *err);

/* tar_sparse.c: set .size of the entry and .sparse (and .left) of the reader. */
int tar_old_gnu_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err);
int tar_pax_sparse(struct tar_reader *r, struct tar_entry *e, struct error *err);
