/* What both ways to hash have in common. */
#include "base/sha256.h"

#include "base/str.h"

void sha256_hex_of(const void *data, size_t len, char hex[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 *s = sha256_new();
	sha256_update(s, data, len);
	sha256_final(s, digest);
	sha256_free(s);
	str_hex(digest, sizeof(digest), hex);
}
