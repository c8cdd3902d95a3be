/*
 * image/assemble.h - an opened source becomes one tree, and its files' data go to a sink
 *
 * What all ways from layers share, wherever they end: layers, scanned from the top, live data straight into the sink →
 * exact merge → repair of what is still owed → the files and directories that every image of ours has.
 */
#pragma once

#include "image/import.h"
#include "layer/layer.h"

/* All borrowed. */
struct assembly {
	const struct import_request *req;
	struct source *source;
	const struct source_image *image;
	const struct layer_sink *sink;
	unsigned threads; /* 0: as many as there are processors */
	uint32_t mtime;   /* of the files that we add */
};

/* MERGED is owned by the caller after success; all its files have their data then. */
int image_assemble(const struct assembly *what, struct layer_merged *merged, struct error *err);

/* The time of the files that we add: the options', SOURCE_DATE_EPOCH, else when the image was created, else 0. */
uint32_t image_files_time(const struct import_request *req, const struct source_image *image);

/* The options with SOURCE_DATE_EPOCH in force. */
struct sqfs_options image_options_in_force(const struct import_request *req);
