/*
 * tests/unit/fuse/served.h - the image server behind a socket pair in place of /dev/fuse
 */
#pragma once

#include "../unit.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/processors.h"
#include "image.h"

struct fixture {
	int image, device; /* our end */
	int theirs;
	struct fuse_server *server;
	pthread_t thread;
	uint64_t unique;
};

static inline void *serve(void *arg)
{
	struct fixture *f = arg;
	fuse_server_run(f->server, &f->theirs, 1, 123, 456);
	return NULL;
}

static inline void start(struct fixture *f, int image)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	int room = 4 << 20;
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	*f = (struct fixture){ .image = image, .device = pair[0], .theirs = pair[1] };
	const struct fuse_server_options options = {
		.image = image, .name = "test", .notices = -1, .threads = 1
	};
	f->server = fuse_server_new(&options, &err);
	assert_non_null(f->server);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static inline int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	start(f, make_image(true));
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	shutdown(f->device, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->device);
	close(f->theirs);
	close(f->image);
	fuse_server_free(f->server);
	free(f);
	return 0;
}

static uint8_t reply[2 << 20];

static inline void ask_only(struct fixture *f, uint32_t opcode, uint64_t node, const void *arg, size_t len)
{
	uint8_t request[8192];
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + len),
		.opcode = opcode,
		.unique = ++f->unique,
		.nodeid = node,
	};
	memcpy(request, &in, sizeof(in));
	memcpy(request + sizeof(in), arg, len);
	assert_int_equal(send(f->device, request, in.len, 0), in.len);
}

/* Send a request; returns the bytes behind the header, or the (negative) error. */
static inline ssize_t ask(struct fixture *f, uint32_t opcode, uint64_t node, const void *arg, size_t len)
{
	ask_only(f, opcode, node, arg, len);
	ssize_t n = recv(f->device, reply, sizeof(reply), 0);
	const struct fuse_out_header *out = (const struct fuse_out_header *)reply;
	assert_true(n >= (ssize_t)sizeof(*out));
	assert_int_equal(out->len, n);
	assert_int_equal(out->unique, f->unique);
	if (out->error != 0)
		assert_int_equal(n, sizeof(*out));
	return out->error != 0 ? out->error : n - (ssize_t)sizeof(*out);
}

static const void *body(void)
{
	return reply + sizeof(struct fuse_out_header);
}

static inline uint64_t lookup(struct fixture *f, uint64_t parent, const char *name)
{
	assert_int_equal(ask(f, FUSE_LOOKUP, parent, name, strlen(name) + 1), sizeof(struct fuse_entry_out));
	const struct fuse_entry_out *entry = body();
	assert_true(entry->entry_valid > 1000000);
	return entry->nodeid;
}

static inline ssize_t read_at(struct fixture *f, uint64_t node, uint64_t offset, uint32_t size)
{
	const struct fuse_read_in in = { .offset = offset, .size = size };
	return ask(f, FUSE_READ, node, &in, sizeof(in));
}
