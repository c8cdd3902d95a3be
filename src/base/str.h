/*
 * base/str.h - small questions about strings
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *s, const char *suffix);

/* Parse a whole decimal number; anything else (sign, blank, overflow, trailing text) is false. */
bool str_parse_u64(const char *s, uint64_t *value);

/* The same with an optional suffix K, M, G or T (powers of 1024, either case). */
bool str_parse_size(const char *s, uint64_t *bytes);

/* Hexadecimal, lower case; OUT holds 2 * LEN + 1 bytes. */
void str_hex(const uint8_t *data, size_t len, char *out);

/* Put '?' for what would move the cursor, ring, or begin an escape sequence of a terminal. */
void str_make_printable(char *s);

/* "1.5 GiB" and the like, in a static thread-local buffer of a few turns. */
const char *str_bytes(uint64_t bytes);
