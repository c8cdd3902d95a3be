/* rootfs/extract_meta.c - what the image's inodes say, by the rules of rootfs/meta.h */
#include "rootfs/extract_private.h"

static struct meta meta_of(const struct sqfs_inode *inode)
{
	return (struct meta){
		.is_dir = inode->type == SQFS_DIR,
		.has_xattrs = inode->xattrs != SQFS_NO_XATTR,
		.mode = inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.mtime = inode->mtime,
	};
}

mode_t extract_mode(const struct extraction *x, const struct sqfs_inode *inode, unsigned depth)
{
	struct meta m = meta_of(inode);
	return meta_mode(&x->rules, &m, depth);
}

mode_t extract_create_mode(const struct extraction *x, const struct sqfs_inode *inode, unsigned depth)
{
	struct meta m = meta_of(inode);
	bool fix;
	return meta_create_mode(&x->rules, &m, depth, &fix);
}

static int set_xattrs(struct worker *w, int fd, const struct sqfs_inode *inode, struct error *err)
{
	struct sqfs_xattrs list;
	if (sqfs_xattrs_read(w->reader, inode->xattrs, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct sqfs_xattr *a = &list.items[i];
		meta_set_xattr(&w->x->rules, fd, a->name, a->value, a->value_len);
	}
	sqfs_xattrs_cleanup(&list);
	return 0;
}

int extract_finish_fd(
	struct worker *w, int fd, const struct sqfs_inode *inode, unsigned depth, struct error *err)
{
	struct meta_rules *rules = &w->x->rules;
	struct meta m = meta_of(inode);
	bool fix;
	(void)meta_create_mode(rules, &m, depth, &fix);
	if (meta_set_owner(rules, fd, &m, err) < 0 || (m.has_xattrs && set_xattrs(w, fd, inode, err) < 0))
		return -1;
	return meta_seal(rules, fd, &m, depth, fix, err);
}

int extract_finish_name(
	struct worker *w, int dir, const char *name, const struct sqfs_inode *inode, struct error *err)
{
	struct meta m = meta_of(inode);
	return meta_finish_name(&w->x->rules, dir, name, &m, err);
}
