#include <errno.h>
#include <string.h>

#include "layer/tar_private.h"

/* GNU tar: a set high bit, then a big-endian two's complement number. */
static int base256(const unsigned char *field, size_t len, int64_t *value)
{
	bool negative = (field[0] & 0x40) != 0;
	uint64_t v = negative ? UINT64_MAX : 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = field[i];
		if (i == 0)
			c = negative ? c | 0x80 : c & 0x7f;
		/* What is shifted out, and the sign bit that comes in, must be copies of the sign. */
		if (v >> 55 != (negative ? 0x1ff : 0))
			return -1;
		v = v << 8 | c;
	}
	*value = (int64_t)v;
	return 0;
}

int tar_number(const char *field, size_t len, int64_t *value)
{
	if ((unsigned char)field[0] & 0x80)
		return base256((const unsigned char *)field, len, value);

	const char *end = field + len;
	while (field < end && *field == ' ')
		field++;
	uint64_t v = 0;
	for (; field < end && *field >= '0' && *field <= '7'; field++)
		v = v << 3 | (uint64_t)(*field - '0'); /* at most 12 digits */
	for (; field < end; field++)
		if (*field != ' ' && *field != '\0')
			return -1;
	*value = (int64_t)v;
	return 0;
}

int tar_decimal(const char *s, size_t len, uint64_t *value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || v > ((uint64_t)INT64_MAX - (uint64_t)(s[i] - '0')) / 10)
			return -1;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*value = v;
	return len == 0 ? -1 : 0;
}
