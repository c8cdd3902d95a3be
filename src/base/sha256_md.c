/* The same functions by libmd, for the program that is linked statically: libcrypto would triple it. */
#include "base/sha256.h"

#include <sha2.h>

#include "base/memory.h"
#include "base/str.h"

struct sha256 {
	SHA2_CTX ctx;
};

struct sha256 *sha256_new(void)
{
	struct sha256 *s = xmalloc(sizeof(*s));
	SHA256Init(&s->ctx);
	return s;
}

void sha256_free(struct sha256 *s)
{
	free(s);
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	SHA256Update(&s->ctx, data, len);
}

void sha256_final(struct sha256 *s, uint8_t digest[SHA256_SIZE])
{
	SHA256Final(digest, &s->ctx);
}

void sha256_hex_of(const void *data, size_t len, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 *s = sha256_new();
	sha256_update(s, data, len);
	sha256_final(s, digest);
	sha256_free(s);
	str_hex(digest, sizeof(digest), hex);
}
