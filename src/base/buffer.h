/*
 * base/buffer.h - a growing byte string
 *
 * Always NUL-terminated beyond its length, so that .data of a non-empty buffer is a C string.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct buffer {
	char *data; /* NULL while empty */
	size_t len, capacity;
};

#define BUFFER_INIT      ((struct buffer){ 0 })
#define _cleanup_buffer_ __attribute__((cleanup(buffer_cleanup)))

void buffer_cleanup(struct buffer *b);
void buffer_append(struct buffer *b, const void *data, size_t len);
void buffer_puts(struct buffer *b, const char *s);
void buffer_putc(struct buffer *b, char c);
void buffer_printf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Give up the string (never NULL) and become empty; the caller owns it. */
char *buffer_steal(struct buffer *b);
