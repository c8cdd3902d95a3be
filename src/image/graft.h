/*
 * image/graft.h - adding our own files and directories to the tree of an image
 *
 * The tree is an image's: its /etc may be a symlink, a FIFO or a file. A graft replaces what is in the way and
 * never follows or writes through it.
 */
#pragma once

#include "layer/sink.h"
#include "tree/tree.h"

/*
 * Make the regular file PATH (relative, "etc/rc") with the bytes DATA, replacing whatever is there. A parent that
 * is no directory is replaced by one.
 */
int graft_file(struct tree *tree, const struct layer_sink *sink, const char *path, const void *data,
	size_t len, uint16_t mode, uint32_t mtime, struct error *err);

/*
 * Make sure that the directory PATH exists, following symlinks inside the tree as a container would. Something
 * else in the way (a file, a loop) is left alone: false.
 */
bool graft_directory(struct tree *tree, const char *path, uint32_t mtime);
