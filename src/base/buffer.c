#include "base/buffer.h"

#include <string.h>

#include "base/memory.h"

void buffer_cleanup(struct buffer *b)
{
	free(b->data);
	*b = BUFFER_INIT;
}

void buffer_append(struct buffer *b, const void *data, size_t len)
{
	grow_array(&b->data, &b->capacity, b->len + len + 1);
	if (len != 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buffer_puts(struct buffer *b, const char *s)
{
	buffer_append(b, s, strlen(s));
}

void buffer_putc(struct buffer *b, char c)
{
	buffer_append(b, &c, 1);
}

void buffer_printf(struct buffer *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *s = xvasprintf(fmt, ap);
	va_end(ap);
	buffer_puts(b, s);
}

char *buffer_steal(struct buffer *b)
{
	buffer_append(b, "", 0);
	char *s = b->data;
	*b = BUFFER_INIT;
	return s;
}
