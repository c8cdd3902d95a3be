/*
 * layer/tar_writer.h - writing a tar as layers of images have it
 *
 * POSIX ustar, with a pax extended header (pax(1), "pax Interchange Format") where a name, a link or a size does not
 * fit and for extended attributes (as star and GNU tar write them). Owners are 0:0 without names, so that the bytes
 * depend on what is given here and on nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "tree/tree.h"

#define TAR_BLOCK_SIZE 512

/* Where the bytes go. Returns 0, or -1 with ERR. */
typedef int (*tar_output)(void *ctx, const void *data, size_t len, struct error *err);

/* All borrowed for the call. */
struct tar_member {
	const char *path; /* without slashes at its ends; "" is the root itself */
	enum tree_type type;
	bool is_hard_link; /* to LINK, a path that came before; TYPE and SIZE do not matter then */
	const char *link;  /* target of a symlink or hard link */
	uint16_t mode;     /* permission bits 07777 */
	uint32_t mtime;    /* seconds since 1970 */
	uint64_t size;     /* TREE_FILE: bytes that follow */
	const struct tree_xattr *xattrs; /* may be NULL */
	size_t xattr_count;
};

struct tar_writer;

struct tar_writer *tar_writer_new(tar_output output, void *ctx);
void tar_writer_free(struct tar_writer *w);

/* Begin a member: all data of the one before have come (EINVAL else). Devices and sockets are refused (EINVAL). */
int tar_writer_member(struct tar_writer *w, const struct tar_member *member, struct error *err);
/* Data of the file that was begun; never more than its size (EINVAL). */
int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct error *err);
int tar_writer_zeros(struct tar_writer *w, uint64_t len, struct error *err);
/* The two blocks of zeros at the end. */
int tar_writer_finish(struct tar_writer *w, struct error *err);

/* Can the attribute NAME be said in a pax header? */
bool tar_writer_takes_xattr(const char *name);

/*
 * The one block that is the header of a regular file of mode 0644 and time 0, for archives of a few plainly named files
 * (NAME of at most 100 bytes). A size of 8 GiB and more is written in base 256, as GNU tar does.
 */
void tar_format_plain_header(const char *name, uint64_t size, uint8_t block[TAR_BLOCK_SIZE]);
