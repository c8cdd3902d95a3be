/*
 * config/conffile.h - the lines of enroot.conf, and the directives of a conf script
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* "KEY VALUE", "KEY=VALUE", "KEY = VALUE" after optional blanks. The parts point into the line. */
struct conf_line {
	const char *key;
	size_t key_len;
	const char *value; /* the rest of the line, not yet evaluated */
};

/* One line of enroot.conf. false: no assignment of a key that is taken. */
bool conf_line_parse(const char *line, struct conf_line *parsed);

/* One line of a conf script: "#ENROOT_X=y". false: no directive. */
bool conf_directive_parse(const char *line, struct conf_line *parsed);
