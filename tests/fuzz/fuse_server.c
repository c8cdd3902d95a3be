/* Requests to the image server, as no kernel would send them: a socket pair stands in for /dev/fuse. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>

#include "../unit/fuse/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuse_server *server;

static void prepare(void)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const struct fuse_server_options options = {
		.image = make_image(true), .name = "fuzz", .notices = -1, .threads = 1
	};
	server = fuse_server_new(&options, &err);
	if (server == NULL)
		abort();
}

/* The input is a row of requests: length of the argument, opcode, node (16 bits), argument. */
static size_t send_request(int to, const uint8_t *data, size_t size)
{
	uint8_t request[sizeof(struct fuse_in_header) + 256];
	size_t len = MIN((size_t)data[0], size - 4);
	const struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + len),
		.opcode = data[1],
		.unique = 1,
		.nodeid = (uint64_t)data[2] << 8 | data[3],
	};
	memcpy(request, &in, sizeof(in));
	memcpy(request + sizeof(in), data + 4, len);
	(void)send(to, request, in.len, MSG_DONTWAIT);
	return 4 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], room = 4 << 20;
	if (server == NULL)
		prepare();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		abort();
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	fcntl(pair[1], F_SETFL, O_NONBLOCK); /* answers for which there is no room are dropped */
	for (unsigned i = 0; size > 4 && i < 16; i++) {
		size_t used = send_request(pair[0], data, size);
		data += used;
		size -= used;
	}
	shutdown(pair[0], SHUT_WR);
	fuse_server_run(server, &pair[1], 1, 1, 1);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
