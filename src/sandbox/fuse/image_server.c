#include "sandbox/fuse/image_server.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "sandbox/fuse/confine.h"
#include "sandbox/fuse/control.h"
#include "sandbox/fuse/notice.h"
#include "sandbox/fuse/server.h"

#define FUSE_DEVICE "/dev/fuse"

/* ---- the server's side ---- */

/* Never returns. Every descriptor but those named here is closed. */
static void server_main(int control, const struct fuse_server_options *options, int pidfd)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct control_devices devices;
	char word;

	struct fuse_server *server = confine(&err) == 0 ? fuse_server_new(options, &err) : NULL;
	if (control_send_status(control, &err) < 0 || server == NULL)
		_exit(1);
	if (control_receive_devices(control, &devices) < 0 || control_receive_word(control, &word) < 0)
		_exit(1); /* the start is dead */
	close(control);
	notice_follow(options->notices, pidfd);
	fuse_server_sit(server, devices.cpu);
	fuse_server_run(server, devices.fds, devices.count, devices.uid, devices.gid);
	_exit(0);
}

static void prepare_server(int control, const struct image_source *source, int pidfd)
{
	const struct fuse_server_options options = {
		.image = source->fd,
		.offset = source->offset,
		.name = source->name,
		.notices = STDERR_FILENO,
	};
	const int keep[] = { control, source->fd, source->lock, STDERR_FILENO, pidfd };
	confine_detach(keep, ARRAY_SIZE(keep));
	server_main(control, &options, pidfd);
}

int image_server_begin(struct image_server *s, const struct image_source *source, struct error *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_errno(err, "failed to create a socket pair");
	_cleanup_close_ int theirs = pair[1];
	_cleanup_close_ int pidfd = pidfd_open(getpid(), 0); /* before Linux 5.3: -1 */

	s->control = pair[0];
	s->child = fork();
	if (s->child < 0) {
		s->child = 0;
		image_server_abort(s);
		return error_errno(err, "failed to start the image server");
	}
	if (s->child > 0)
		return 0;
	pid_t server = fork();
	if (server == 0)
		prepare_server(theirs, source, pidfd);
	_exit(server < 0 ? 1 : 0);
}

/* ---- the start's side ---- */

int image_server_settle(struct image_server *s, struct error *err)
{
	int status = 0;
	pid_t child = s->child;
	s->child = 0;
	while (child > 0 && waitpid(child, &status, 0) < 0) {
		if (errno == ECHILD) /* SIGCHLD is ignored: it is reaped already */
			return 0;
		if (errno != EINTR)
			return error_errno(err, "failed to start the image server");
	}
	if (status != 0)
		return error_set(err, EAGAIN, "failed to start the image server: %s", strerror(EAGAIN));
	return 0;
}

static int open_devices(struct control_devices *d, struct error *err)
{
	for (d->count = 0; d->count < FUSE_SERVER_DEVICES; d->count++) {
		int nonblock = FUSE_SERVER_NONBLOCK(d->count) ? O_NONBLOCK : 0;
		int fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC | nonblock);
		if (fd < 0 && d->count > 0)
			break;
		if (fd < 0) {
			error_errno(err, "cannot open %s", FUSE_DEVICE);
			return error_hint(err,
				"images are mounted through FUSE: load the kernel module fuse and "
				"make the device accessible (mode 0666), or create a container "
				"from the image and start that");
		}
		d->fds[d->count] = fd;
	}
	return 0;
}

static void close_devices(struct control_devices *d)
{
	while (d->count > 0)
		close(d->fds[--d->count]);
}

static int mount_device(int device, int target, struct error *err)
{
	char options[160], where[64];
	snprintf(options, sizeof(options),
		"fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", device,
		geteuid(), getegid());
	snprintf(where, sizeof(where), "/proc/self/fd/%d", target);
	if (mount("enroot", where, "fuse.enroot", MS_NOSUID | MS_NODEV | MS_RDONLY | MS_NOATIME, options) < 0)
		return error_errno(err, "failed to mount a FUSE file system");
	return 0;
}

/* What the server says about the image is the better message, whatever failed here because it is gone. */
static int hand_over(
	struct image_server *s, const struct control_devices *devices, int target, struct error *err)
{
	_cleanup_error_ struct error lost = ERROR_INIT;
	bool reached = control_send_devices(s->control, devices, &lost) == 0;
	if (reached && mount_device(devices->fds[0], target, err) < 0)
		return -1;
	reached = reached && control_send_word(s->control, &lost) == 0;
	if (control_receive_status(s->control, err) < 0)
		return -1;
	return reached ? 0 : error_move(err, &lost);
}

int image_server_mount(struct image_server *s, int target, struct error *err)
{
	struct control_devices devices = { .uid = geteuid(), .gid = getegid(), .cpu = sched_getcpu() };
	int r = image_server_settle(s, err);
	if (r == 0)
		r = open_devices(&devices, err);
	if (r == 0)
		r = hand_over(s, &devices, target, err);
	/* With one of ours left open, the kernel would wait for a server that has died. */
	close_devices(&devices);
	image_server_abort(s);
	return r;
}

void image_server_abort(struct image_server *s)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	if (s->control >= 0)
		close(s->control);
	s->control = -1;
	(void)image_server_settle(s, &err);
}
