/*
 * base/sha256.h - SHA-256 (through OpenSSL EVP; enroot-image only)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE     32
#define SHA256_HEX_SIZE (2 * SHA256_SIZE + 1) /* with the NUL */

struct sha256;

struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
/* Write the digest; S can only be freed afterwards. */
void sha256_final(struct sha256 *s, uint8_t digest[SHA256_SIZE]);

/* The digest of a whole string, as lower-case hexadecimal. */
void sha256_hex_of(const void *data, size_t len, char hex[SHA256_HEX_SIZE]);
