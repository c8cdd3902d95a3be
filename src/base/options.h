/*
 * base/options.h - command lines from a table
 *
 * "-x VAL", "--long VAL", "--long=VAL"; the first operand ends the options, "--" too. An unknown option, a
 * missing or empty value is a usage error (the command prints its usage to stdout and exits 1); -h and --help
 * print it and exit 0.
 */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

enum option_kind {
	OPTION_FLAG,   /* .target is bool *: set to true */
	OPTION_STRING, /* .target is const char **: the last one wins; points into argv */
	OPTION_LIST,   /* .target is struct strv *: every value in order */
};

struct option_spec {
	char letter;      /* 0: none */
	const char *name; /* without the dashes */
	enum option_kind kind;
	void *target;
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_USAGE };

/*
 * Parse argv[1..argc-1] by the COUNT rows of SPECS. *OPERANDS becomes the index of the first operand
 * (== ARGC if there is none), or of the argument that is wrong.
 */
enum options_result options_parse(
	int argc, char *argv[], const struct option_spec *specs, unsigned count, int *operands);

/*
 * The common frame of a command: parse, and for anything but OPTIONS_OK print USAGE to stdout, and below it what was
 * wrong. Returns the exit status to end with, or -1 to go on. MIN and MAX bound the number of operands (MAX < 0: no bound).
 */
int options_parse_or_usage(int argc, char *argv[], const struct option_spec *specs, unsigned count,
	const char *usage, int min, int max, int *operands);
