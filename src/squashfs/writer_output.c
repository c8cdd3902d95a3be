#include "squashfs/writer_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define BATCH     (512u * 1024)
#define WRITEBACK (32ull * 1024 * 1024)
#define COMPARE   (64u * 1024)

void output_init(struct output *o, int fd, uint64_t base, uint64_t pos)
{
	*o = (struct output){ .fd = fd, .base = base, .pos = pos, .high = pos, .batch = xmalloc(BATCH) };
}

void output_cleanup(struct output *o)
{
	free(o->batch);
	o->batch = NULL;
}

static int write_at(struct output *o, const void *data, size_t len, uint64_t pos, struct error *err)
{
	if (fd_pwrite_full(o->fd, data, len, o->base + pos) < 0)
		return error_errno(err, "cannot write the image");
	return 0;
}

/* A hint only: where the file system knows no such call the data are written later. */
static void start_writeback(struct output *o)
{
	if (o->pos < o->started + WRITEBACK)
		return;
	sync_file_range(
		o->fd, (off_t)(o->base + o->started), (off_t)(o->pos - o->started), SYNC_FILE_RANGE_WRITE);
	o->started = o->pos;
}

int output_flush(struct output *o, struct error *err)
{
	if (o->batched == 0)
		return 0;
	if (write_at(o, o->batch, o->batched, o->pos - o->batched, err) < 0)
		return -1;
	o->batched = 0;
	start_writeback(o);
	return 0;
}

int output_append(struct output *o, const void *data, size_t len, struct error *err)
{
	const uint8_t *p = data;
	while (len != 0) {
		size_t n = MIN(len, BATCH - o->batched);
		memcpy(o->batch + o->batched, p, n);
		o->batched += n;
		o->pos += n;
		o->high = MAX(o->high, o->pos);
		p += n;
		len -= n;
		if (o->batched == BATCH && output_flush(o, err) < 0)
			return -1;
	}
	return 0;
}

int output_patch(struct output *o, uint64_t pos, const void *data, size_t len, struct error *err)
{
	if (output_flush(o, err) < 0)
		return -1;
	return write_at(o, data, len, pos, err);
}

void output_rewind(struct output *o, uint64_t pos)
{
	uint64_t back = o->pos - pos;
	o->batched = back < o->batched ? o->batched - (size_t)back : 0;
	o->pos = pos;
	o->started = MIN(o->started, pos);
}

static int read_at(struct output *o, uint8_t *buf, size_t len, uint64_t pos, struct error *err)
{
	ssize_t n = fd_pread_full(o->fd, buf, len, o->base + pos);
	if (n >= 0 && (size_t)n < len)
		errno = EIO; /* cut under our hands */
	if (n < 0 || (size_t)n < len)
		return error_errno(err, "cannot read the image back");
	return 0;
}

int output_same(struct output *o, uint64_t a, uint64_t b, uint64_t len, struct error *err)
{
	if (len == 0 || a == b)
		return 1;
	if (output_flush(o, err) < 0)
		return -1;
	_cleanup_free_ uint8_t *buf = xmalloc(2 * COMPARE);
	while (len != 0) {
		size_t n = MIN(len, COMPARE);
		if (read_at(o, buf, n, a, err) < 0 || read_at(o, buf + COMPARE, n, b, err) < 0)
			return -1;
		if (memcmp(buf, buf + COMPARE, n) != 0)
			return 0;
		a += n;
		b += n;
		len -= n;
	}
	return 1;
}

int output_end(struct output *o, size_t pad, struct error *err)
{
	static const uint8_t zeros[4096];
	while (o->pos % pad != 0)
		if (output_append(o, zeros, MIN(sizeof(zeros), pad - o->pos % pad), err) < 0)
			return -1;
	if (output_flush(o, err) < 0)
		return -1;
	if (o->high != o->pos && ftruncate(o->fd, (off_t)(o->base + o->pos)) < 0)
		return error_errno(err, "cannot write the image");
	return 0;
}
