/*
 * base/digest.h - content addresses, "sha256:HEX" and "sha512:HEX" (enroot-image only)
 *
 * OCI image spec, descriptor.md, "Digests": the two registered algorithms, hexadecimal in lower case. A text
 * that passed digest_is_valid() holds nothing that could surprise in a path or a URL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool digest_is_valid(const char *text);

/* Hash a stream with the algorithm that DIGEST (a valid one) names. */
struct digester;
struct digester *digester_new(const char *digest);
void digester_free(struct digester *d);
void digester_update(struct digester *d, const void *data, size_t len);
/* The digest of all that was given, which the caller owns; D can only be freed afterwards. */
char *digester_final(struct digester *d);

/* The digest of a whole string by the algorithm of LIKE (NULL: SHA-256); the caller owns it. */
char *digest_of(const char *like, const void *data, size_t len);
