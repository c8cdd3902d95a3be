#include "base/memory.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
	static const char message[] = "[ERROR] Out of memory\n";
	ssize_t n = write(STDERR_FILENO, message, sizeof(message) - 1);
	_exit(n < 0 ? 2 : 1);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size != 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count != 0 ? count : 1, size != 0 ? size : 1);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size != 0 ? size : 1);
	if (q == NULL)
		out_of_memory();
	return q;
}

void *xreallocarray(void *p, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	return xrealloc(p, bytes);
}

char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xmalloc(len + 1);
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *xmemdup(const void *p, size_t size)
{
	void *copy = xmalloc(size);
	if (size != 0)
		memcpy(copy, p, size);
	return copy;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;
	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void grow_array_(void **ptr, size_t *capacity, size_t need, size_t size)
{
	if (need <= *capacity)
		return;
	size_t grown = *capacity + *capacity / 2;
	if (grown < need)
		grown = need;
	if (grown < 16)
		grown = 16;
	*ptr = xreallocarray(*ptr, grown, size);
	*capacity = grown;
}

void cleanup_free(void *p)
{
	free(*(void **)p);
}

void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void cleanup_fclose(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

void cleanup_closedir(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}
