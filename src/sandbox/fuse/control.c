#include "sandbox/fuse/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

/* Texts are cut: a packet is small. */
struct status {
	int code;
	char message[1024], hint[512];
};

struct owner {
	uid_t uid;
	gid_t gid;
	int cpu;
};

int control_send_status(int fd, const struct error *status)
{
	struct status s = { .code = status->code };
	if (status->message != NULL)
		snprintf(s.message, sizeof(s.message), "%s", status->message);
	if (status->hint != NULL)
		snprintf(s.hint, sizeof(s.hint), "%s", status->hint);
	return send(fd, &s, sizeof(s), MSG_NOSIGNAL) == (ssize_t)sizeof(s) ? 0 : -1;
}

int control_receive_status(int fd, struct error *err)
{
	struct status s;
	ssize_t n;
	/* A server that ends with the devices unread resets the connection: reported once, before what it had sent. */
	do {
		n = recv(fd, &s, sizeof(s), 0);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n != (ssize_t)sizeof(s))
		return error_set(err, EPIPE, "the image server died before it was ready");
	if (s.code == 0)
		return 0;
	s.message[sizeof(s.message) - 1] = s.hint[sizeof(s.hint) - 1] = '\0';
	error_set(err, s.code, "%s", s.message);
	return s.hint[0] != '\0' ? error_hint(err, "%s", s.hint) : -1;
}

union descriptors {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FUSE_SERVER_DEVICES * sizeof(int))];
};

int control_send_devices(int fd, const struct control_devices *devices, struct error *err)
{
	struct owner owner = { devices->uid, devices->gid, devices->cpu };
	struct iovec iov = { &owner, sizeof(owner) };
	union descriptors room = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = CMSG_SPACE(devices->count * sizeof(int)),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(devices->count * sizeof(int));
	memcpy(CMSG_DATA(c), devices->fds, devices->count * sizeof(int));
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) != (ssize_t)sizeof(owner))
		return error_errno(err, "failed to reach the image server");
	return 0;
}

int control_receive_devices(int fd, struct control_devices *devices)
{
	struct owner owner;
	struct iovec iov = { &owner, sizeof(owner) };
	union descriptors room = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &room,
		.msg_controllen = sizeof(room),
	};
	ssize_t n;
	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n == (ssize_t)sizeof(owner) ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -1;
	devices->count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(devices->fds, CMSG_DATA(c), devices->count * sizeof(int));
	devices->uid = owner.uid;
	devices->gid = owner.gid;
	devices->cpu = owner.cpu;
	return devices->count > 0 ? 0 : -1;
}

int control_send_word(int fd, struct error *err)
{
	if (send(fd, "m", 1, MSG_NOSIGNAL) != 1)
		return error_errno(err, "failed to reach the image server");
	return 0;
}

int control_receive_word(int fd, char *word)
{
	ssize_t n;
	do {
		n = recv(fd, word, 1, 0);
	} while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -1;
}
