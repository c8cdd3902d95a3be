/*
 * base/memory.h - allocation that cannot fail, and cleanup attributes
 *
 * Running out of memory ends the program with one [ERROR] line: every temporary of ours is invisible until it
 * is published, so there is nothing to undo. Sizes that come from outside are capped before they get here.
 */
#pragma once

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
/* Grow to COUNT elements of SIZE bytes; the product is checked. */
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t size);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/*
 * Make room for NEED elements in the array *PTR of CAPACITY elements, growing by half. For flat arrays that
 * are appended to: grow_array(&list->items, &list->capacity, list->count + 1, sizeof(*list->items)).
 */
void grow_array_(void **ptr, size_t *capacity, size_t need, size_t size);
#define grow_array(ptr, capacity, need) grow_array_((void **)(ptr), (capacity), (need), sizeof(**(ptr)))

void cleanup_free(void *p);
void cleanup_close(const int *fd);
void cleanup_fclose(FILE **f);
void cleanup_closedir(DIR **d);

#define _cleanup_free_     __attribute__((cleanup(cleanup_free)))
#define _cleanup_close_    __attribute__((cleanup(cleanup_close)))
#define _cleanup_fclose_   __attribute__((cleanup(cleanup_fclose)))
#define _cleanup_closedir_ __attribute__((cleanup(cleanup_closedir)))

/* Take the value out of a variable with a cleanup attribute. */
#define steal_pointer(p)                         \
	({                                       \
		__typeof__(*(p)) stolen_ = *(p); \
		*(p) = NULL;                     \
		stolen_;                         \
	})
static inline int steal_fd(int *fd)
{
	int stolen = *fd;
	*fd = -1;
	return stolen;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))
