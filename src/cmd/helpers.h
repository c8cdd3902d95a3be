/*
 * cmd/helpers.h - the program by its other names: what hooks and scripts call
 *
 * Their messages are "NAME: WHAT: STRERROR" on stderr. Each returns the exit status.
 */
#pragma once

int helper_mount(int argc, char *argv[]);
int helper_nsenter(int argc, char *argv[]);
int helper_switchroot(int argc, char *argv[]);
