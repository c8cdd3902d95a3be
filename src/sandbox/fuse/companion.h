/*
 * sandbox/fuse/companion.h - the thread that answers a client on the client's processor (private to the server's files)
 *
 * A client that waits for one answer after the other (find, an interpreter that loads its modules) and a server on
 * another processor wake each other for every request, which can take ten times longer than the answer. The scheduler
 * spreads the two, and keeps them so. But it lets a thread where it is if all that runs there is of the class
 * SCHED_IDLE: so there is one such thread, which stays where the client is while the others wait.
 *
 * Where that is the kernel does not tell: the processors are tried, by how long the client takes from one answer to the
 * next. As anything else on the processor goes before such a thread, one of the others looks that it gets on.
 */
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sandbox/fuse/pairing.h"

struct fuse_server;
struct request;

struct companion {
	_Atomic bool serving;     /* alone; the others wait */
	_Atomic bool disturbed;   /* since the last counted answer there was more than one request at once */
	_Atomic uint32_t served;  /* by the companion: whether it gets on */
	_Atomic uint32_t in_hand; /* requests that others are answering */
	_Atomic int at;           /* the processor that it stays on; -1: none */
	pthread_mutex_t lock;     /* of what follows */
	pthread_cond_t changed;   /* .serving */
	bool made, off;           /* the thread; it cannot be or is of no use */
	bool watched;             /* one of those who wait looks after it */
	struct run run;
	uint32_t rest;       /* answers before the next try */
	uint32_t pid, usual; /* whom to answer, and how long that took so far: ns */
	int cpu;             /* where to begin; -1: where it was last */
};

/* WANTED: whether it can be of any use. */
void companion_init(struct companion *c, bool wanted);

/* Before any other thread: the client runs on processor CPU. */
void companion_begin_at(struct fuse_server *s, int cpu);

/* Wait as long as the companion serves, which it does not without .serving. */
void companion_wait(struct fuse_server *s);

/* Around an answer by another thread than the companion. What companion_enter() returned: whether nothing else went on. */
bool companion_enter(struct fuse_server *s);
void companion_leave(struct fuse_server *s, const struct request *req, bool alone);
