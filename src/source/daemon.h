/*
 * source/daemon.h - asking a daemon for an image: between daemon.c (the schemes) and daemon_save.c (the ways)
 */
#pragma once

#include "base/error.h"

struct daemon {
	const char *prefix;        /* of URIs */
	const char *program;       /* the command line tool */
	const char *host_variable; /* of the environment: where the daemon is */
	const char *user_socket;   /* below XDG_RUNTIME_DIR */
	const char *system_socket;
	const char *path;       /* of the request; %s is the image */
	const char *options[3]; /* of "PROGRAM save" */
};

struct daemon_request {
	const struct daemon *daemon;
	const char *image;      /* checked: fit for a URL and a command line */
	int fd;                 /* write here */
	const char *cache_path; /* where that is, for messages */
	unsigned connect_timeout_s;
};

/* Returns 0, 1 if no daemon answers there (ERR is not set), or -1. */
int daemon_save_by_socket(const struct daemon_request *r, struct error *err);
int daemon_save_by_program(const struct daemon_request *r, struct error *err);
