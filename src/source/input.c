#include "source/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/paths.h"
#include "base/str.h"
#include "layer/inflate.h"
#include "layer/stream.h"
#include "source/spool.h"

#define WAIT_SLICE_MS 200

/* What can be read only once, for who looks twice: its copy, and the name that it was asked for by. */
static struct {
	int fd;
	char *file;
} copy = { .fd = -1 };

/* Before somebody opens it for writing a FIFO seems to be at its end. Without O_NONBLOCK open(2) would not hear of signals
 * that other threads take. */
static int wait_for_writer(int fd, struct error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (poll(&p, 1, WAIT_SLICE_MS) <= 0)
		if (interrupt_check(err) < 0)
			return -1;
	return 0;
}

/* A copy of what FD has, which stands for FILE from now on. */
static int open_copy(const char *file, int fd, const char *cache_path, struct error *err)
{
	const char *what = str_eq(file, "-") ? "standard input" : file;
	if (copy.file == NULL || !str_eq(copy.file, file)) {
		int new = wait_for_writer(fd, err) < 0 ? -1 : spool_copy(cache_path, fd, what, err);
		if (new < 0)
			return -1;
		if (copy.fd >= 0)
			close(copy.fd);
		free(copy.file);
		copy.fd = new;
		copy.file = xstrdup(file);
	}
	int r = fcntl(copy.fd, F_DUPFD_CLOEXEC, 3);
	return r >= 0 ? r : error_errno(err, "cannot read %s", what);
}

int input_open(const char *file, const char *cache_path, struct error *err)
{
	if (str_eq(file, "-"))
		return open_copy(file, STDIN_FILENO, cache_path, err);
	_cleanup_close_ int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	if (fd < 0)
		return error_set(err, errno, "%s: %s", strerror(errno), file);
	if (fstat(fd, &st) < 0)
		return error_errno(err, "cannot look at %s", file);
	if (S_ISDIR(st.st_mode))
		return error_set(err, EISDIR, "Invalid image format: %s is a directory", file);
	if (S_ISFIFO(st.st_mode)) {
		(void)fcntl(fd, F_SETFL, 0);
		return open_copy(file, fd, cache_path, err);
	}
	if (!S_ISREG(st.st_mode))
		return error_set(err, EINVAL, "Invalid image format: %s", file);
	return steal_fd(&fd);
}

struct file_reader {
	int fd;
	uint64_t offset;
	const char *file;
};

static int read_file(void *ctx, void *buf, size_t len, size_t *got, struct error *err)
{
	struct file_reader *in = ctx;
	ssize_t n = fd_pread_full(in->fd, buf, len, in->offset);
	if (n < 0)
		return error_errno(err, "cannot read %s", in->file);
	*got = (size_t)n;
	in->offset += (uint64_t)n;
	return 0;
}

static int write_inflated(struct layer_stream *s, int spool, const char *cache_path, struct error *err)
{
	const uint8_t *data;
	size_t len;
	do {
		if (layer_stream_next(s, &data, &len, err) < 0)
			return -1;
		if (fd_write_full(spool, data, len) < 0)
			return spool_write_error(cache_path, err);
	} while (len > 0);
	return 0;
}

static int inflate(int fd, const char *file, const char *cache_path, struct error *err)
{
	struct file_reader in = { .fd = fd, .file = file };
	struct layer_limits limits = LAYER_LIMITS_DEFAULT;
	const struct layer_input input = { .ctx = &in, .read = read_file };
	const struct layer_stream_options options = { .input = &input, .limits = &limits };
	_cleanup_close_ int spool = spool_open(cache_path, err);
	if (spool < 0)
		return -1;
	struct layer_stream *s = layer_stream_open(&options);
	int r = write_inflated(s, spool, cache_path, err);
	layer_stream_close(s);
	return r < 0 ? error_prefix(err, "%s", file) : steal_fd(&spool);
}

static bool is_compressed(int fd)
{
	uint8_t start[8];
	ssize_t n = pread(fd, start, sizeof(start), 0);
	return n > 0 && inflater_is_needed(start, (size_t)n);
}

int input_open_inflated(const char *file, const char *cache_path, struct error *err)
{
	_cleanup_close_ int fd = input_open(file, cache_path, err);
	if (fd < 0)
		return -1;
	return is_compressed(fd) ? inflate(fd, file, cache_path, err) : steal_fd(&fd);
}

char *input_name(const char *file)
{
	static const char *const suffixes[] = { ".gz", ".zst", ".xz", ".tgz", ".tzst", ".txz", ".tar" };
	char *name = str_eq(file, "-") ? xstrdup("stdin") : path_basename(file);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (str_ends_with(name, suffixes[i]) && strlen(name) > strlen(suffixes[i]))
			name[strlen(name) - strlen(suffixes[i])] = '\0';
	return name;
}
