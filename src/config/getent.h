/*
 * config/getent.h - the host's name services, asked through `getent`
 *
 * A static program must not load name service modules itself. getent has two seconds; what it says is kept for an
 * hour, so that a slow directory service does not slow every start down.
 */
#pragma once

/* Where answers are kept: a directory that only the caller can write; NULL: nowhere. Copied. */
void getent_keep_answers(const char *directory);

/* The line of DATABASE ("passwd" or "group") whose third field is ID, without newline. Owned by the caller; NULL:
 * nobody knows it. */
char *getent_line(const char *database, unsigned id);
