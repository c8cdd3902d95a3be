/* Names, attributes, links and extended attributes. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "sandbox/fuse/private.h"

/* 0 is no node, and 1 is the root, wherever its inode is: references are moved out of their way. */
uint64_t node_of_ref(const struct fuse_server *s, uint64_t ref)
{
	return ref == s->root ? FUSE_ROOT_ID : ref + 2;
}

uint64_t ref_of_node(const struct fuse_server *s, uint64_t node)
{
	return node == FUSE_ROOT_ID ? s->root : node - 2;
}

/* 0, or a negative errno. */
int node_inode(struct worker *w, uint64_t node, struct sqfs_inode *inode)
{
	if (sqfs_inode(w->reader, ref_of_node(w->server, node), inode, &w->err) < 0)
		return (int)worker_failed(w);
	return 0;
}

uint32_t type_mode(unsigned type)
{
	static const uint32_t modes[] = {
		[SQFS_DIR] = S_IFDIR,
		[SQFS_FILE] = S_IFREG,
		[SQFS_SYMLINK] = S_IFLNK,
		[SQFS_BLOCK_DEVICE] = S_IFBLK,
		[SQFS_CHAR_DEVICE] = S_IFCHR,
		[SQFS_FIFO] = S_IFIFO,
		[SQFS_SOCKET] = S_IFSOCK,
	};
	return type < ARRAY_SIZE(modes) ? modes[type] : 0;
}

void fill_attr(const struct fuse_server *s, const struct sqfs_inode *inode, struct fuse_attr *attr)
{
	bool is_device = inode->type == SQFS_BLOCK_DEVICE || inode->type == SQFS_CHAR_DEVICE;
	uint64_t size = inode->type == SQFS_DIR ? inode->size + SQFS_DIR_SIZE_EXTRA : inode->size;
	*attr = (struct fuse_attr){
		.ino = inode->number,
		.size = size,
		.blocks = inode->type == SQFS_FILE ? size / 512 + (size % 512 != 0) : 0,
		.atime = inode->mtime,
		.mtime = inode->mtime,
		.ctime = inode->mtime,
		.mode = type_mode(inode->type) | inode->mode,
		.nlink = MAX(inode->nlink, 1u),
		.uid = s->uid,
		.gid = s->gid,
		.rdev = is_device ? inode->rdev : 0,
	};
}

void fill_entry(const struct fuse_server *s, const struct sqfs_inode *inode, struct fuse_entry_out *out)
{
	*out = (struct fuse_entry_out){
		.nodeid = node_of_ref(s, inode->ref),
		.entry_valid = FOR_EVER,
		.attr_valid = FOR_EVER,
	};
	fill_attr(s, inode, &out->attr);
}

ssize_t op_lookup(struct worker *w, const struct request *req)
{
	const char *name = req->arg;
	size_t len = strnlen(name, req->len);
	struct sqfs_inode inode;
	struct sqfs_entry entry;
	struct fuse_entry_out out = { .entry_valid = FOR_EVER }; /* node 0: there is no such name, for ever */

	if (len >= sizeof(entry.name)) /* the kernel lets longer ones through */
		return -ENAMETOOLONG;
	int r = node_inode(w, req->in->nodeid, &inode);
	if (r < 0)
		return r;
	if (inode.type != SQFS_DIR)
		return -ENOTDIR;
	r = sqfs_dir_lookup(w->reader, &inode, name, len, &entry, &w->err);
	if (r < 0 || (r > 0 && sqfs_inode(w->reader, entry.ref, &inode, &w->err) < 0))
		return worker_failed(w);
	if (r > 0) {
		fill_entry(w->server, &inode, &out);
		if (inode.type != SQFS_DIR)
			interest_asked(w->server, req->in->nodeid);
		if (w->server->seat.taken)
			ahead_wish(w->server, entry.name, &inode);
	}
	return worker_answer(w, &out, sizeof(out));
}

ssize_t op_getattr(struct worker *w, const struct request *req)
{
	struct sqfs_inode inode;
	int r = node_inode(w, req->in->nodeid, &inode);
	if (r < 0)
		return r;
	struct fuse_attr_out out = { .attr_valid = FOR_EVER };
	fill_attr(w->server, &inode, &out.attr);
	return worker_answer(w, &out, sizeof(out));
}

ssize_t op_readlink(struct worker *w, const struct request *req)
{
	struct sqfs_inode inode;
	int r = node_inode(w, req->in->nodeid, &inode);
	if (r < 0)
		return r;
	if (inode.type != SQFS_SYMLINK)
		return -EINVAL;
	_cleanup_free_ char *target = sqfs_symlink(w->reader, &inode, &w->err);
	if (target == NULL)
		return worker_failed(w);
	size_t len = strlen(target);
	/* The kernel asks with a page; PATH_MAX is the longest that it can follow. */
	return len > 4095 ? -ENAMETOOLONG : worker_answer(w, target, len);
}

ssize_t op_statfs(struct worker *w, const struct request *req)
{
	(void)req;
	const struct sqfs_image_info *info = sqfs_image_info(w->server->image);
	struct fuse_statfs_out out = {
		.st = {
			.blocks = (info->bytes - 1) / info->block_size + 1,
			.files = info->inodes,
			.bsize = info->block_size,
			.frsize = info->block_size,
			.namelen = SQFS_NAME_MAX - 1,
		},
	};
	return worker_answer(w, &out, sizeof(out));
}

/* What would direct the overlay above us, and what only the host's root may see. */
static bool is_hidden(const char *name)
{
	return str_starts_with(name, "user.overlay.") || str_starts_with(name, "trusted.");
}

/* The extended attributes of a node; an empty set for most. 0, or a negative errno. */
static int node_xattrs(struct worker *w, uint64_t node, struct sqfs_xattrs *list)
{
	struct sqfs_inode inode;
	*list = (struct sqfs_xattrs){ 0 };
	int r = node_inode(w, node, &inode);
	if (r < 0 || inode.xattrs == SQFS_NO_XATTR)
		return r;
	if (sqfs_xattrs_read(w->reader, inode.xattrs, list, &w->err) < 0)
		return (int)worker_failed(w);
	return 0;
}

/* The protocol's way: with size 0 the length is asked for, else the bytes. */
static ssize_t answer_sized(struct worker *w, const struct fuse_getxattr_in *in, const void *data, size_t len)
{
	if (in->size == 0) {
		struct fuse_getxattr_out out = { .size = (uint32_t)len };
		return worker_answer(w, &out, sizeof(out));
	}
	return len > in->size ? -ERANGE : worker_answer(w, data, len);
}

ssize_t op_getxattr(struct worker *w, const struct request *req)
{
	const struct fuse_getxattr_in *in = req->arg;
	const char *name = (const char *)(in + 1);
	if (!sqfs_image_info(w->server->image)->has_xattrs)
		return -ENOSYS;
	if (memchr(name, '\0', req->len - sizeof(*in)) == NULL)
		return -EINVAL;
	if (is_hidden(name))
		return -ENODATA;

	struct sqfs_xattrs list;
	ssize_t r = node_xattrs(w, req->in->nodeid, &list);
	if (r < 0)
		return r;
	r = -ENODATA;
	for (size_t i = 0; i < list.count; i++) {
		if (str_eq(list.items[i].name, name)) {
			r = answer_sized(w, in, list.items[i].value, list.items[i].value_len);
			break;
		}
	}
	sqfs_xattrs_cleanup(&list);
	return r;
}

ssize_t op_listxattr(struct worker *w, const struct request *req)
{
	const struct fuse_getxattr_in *in = req->arg;
	if (!sqfs_image_info(w->server->image)->has_xattrs)
		return -ENOSYS;
	struct sqfs_xattrs list;
	ssize_t r = node_xattrs(w, req->in->nodeid, &list);
	if (r < 0)
		return r;
	_cleanup_buffer_ struct buffer names = BUFFER_INIT;
	for (size_t i = 0; i < list.count; i++) {
		if (!is_hidden(list.items[i].name))
			buffer_append(&names, list.items[i].name, strlen(list.items[i].name) + 1);
	}
	r = answer_sized(w, in, names.data, names.len);
	sqfs_xattrs_cleanup(&list);
	return r;
}
