/*
 * sandbox/fuse/control.h - what the start and the image server say to each other
 *
 * One packet each: status (an error value, empty if all is well), devices (descriptors and ids), a last word.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "sandbox/fuse/server.h"

struct control_devices {
	int fds[FUSE_SERVER_DEVICES];
	unsigned count;
	uid_t uid;
	gid_t gid;
	int cpu; /* where the start runs; -1: unknown */
};

int control_send_status(int fd, const struct error *status);
/* 0, or -1 with the server's error, or with one that says that it died. */
int control_receive_status(int fd, struct error *err);

int control_send_devices(int fd, const struct control_devices *devices, struct error *err);
int control_receive_devices(int fd, struct control_devices *devices);

int control_send_word(int fd, struct error *err);
int control_receive_word(int fd, char *word);
