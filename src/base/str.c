#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

bool str_ends_with(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);
	return len >= n && memcmp(s + len - n, suffix, n) == 0;
}

static const char *parse_digits(const char *s, uint64_t *value)
{
	if (*s < '0' || *s > '9')
		return NULL;
	char *end;
	errno = 0;
	*value = strtoull(s, &end, 10);
	return errno == 0 ? end : NULL;
}

bool str_parse_u64(const char *s, uint64_t *value)
{
	const char *end = parse_digits(s, value);
	return end != NULL && *end == '\0';
}

bool str_parse_size(const char *s, uint64_t *bytes)
{
	static const char suffixes[] = "kmgt";
	const char *end = parse_digits(s, bytes);
	if (end == NULL)
		return false;
	if (*end == '\0')
		return true;
	const char *suffix = strchr(suffixes, *end | 0x20);
	if (suffix == NULL || *suffix == '\0' || end[1] != '\0')
		return false;
	unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
	if (*bytes > UINT64_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

void str_make_printable(char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

void str_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
}

const char *str_bytes(uint64_t bytes)
{
	static _Thread_local char turns[4][32];
	static _Thread_local unsigned turn;
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	char *out = turns[turn++ % ARRAY_SIZE(turns)];
	double value = (double)bytes;
	unsigned unit = 0;
	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, sizeof(turns[0]), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return out;
}
