/*
 * hooks/gpu/ldcache.h - /etc/ld.so.cache, by which the dynamic linker finds libraries
 *
 * The format of glibc 2.2 and later ("glibc-ld.so.cache1.1", alone or behind the old one), of the machine's own byte
 * order: a header, entries sorted from the largest name to the smallest, texts. Reading and writing it here means that
 * no program of an image is run to do it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LDCACHE_MAX_BYTES   (16u << 20)
#define LDCACHE_MAX_ENTRIES 200000

struct ldcache_entry {
	char *name, *path;  /* owned: libX.so.1, /usr/lib/libX.so.1 */
	char *subdirectory; /* owned: of glibc-hwcaps, or NULL */
	uint32_t flags;     /* kind of machine */
	uint32_t os_version;
	uint64_t hwcap; /* of the old kind */
	unsigned rank;  /* among equal names the smaller comes first */
};

struct ldcache {
	struct ldcache_entry *entries;
	size_t count, capacity;
};

#define LDCACHE_INIT      ((struct ldcache){ 0 })
#define _cleanup_ldcache_ __attribute__((cleanup(ldcache_cleanup)))

void ldcache_cleanup(struct ldcache *c);

/* Add what DATA holds. -1 with ERR: it is no cache, or a broken one; nothing was added. */
int ldcache_parse(struct ldcache *c, const char *data, size_t len, struct error *err);

/* Put one in front of those with the same name; an entry with the same path is replaced. */
void ldcache_add(struct ldcache *c, const char *name, const char *path, uint32_t flags);

/* The path of a library, or NULL. */
const char *ldcache_find(const struct ldcache *c, const char *name, uint32_t flags);

/* The file; sorts the entries. The caller owns it. */
char *ldcache_format(struct ldcache *c, size_t *len);

/*
 * What the dynamic linker calls the library open at FD: its SONAME (owned by the caller, NULL if it has none), and the
 * flags for its machine. false: no library of a machine that we know.
 */
bool library_identify(int fd, char **soname, uint32_t *flags);

/* The flags of libraries for this program's own machine, and for its 32-bit kind (0: there is none). */
uint32_t library_native_flags(void);
uint32_t library_compat32_flags(void);
