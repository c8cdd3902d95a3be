#include "base/digest.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

static const struct algorithm {
	const char *prefix;
	size_t hex_len;
	const EVP_MD *(*md)(void);
} algorithms[] = {
	{ "sha256:", 64, EVP_sha256 },
	{ "sha512:", 128, EVP_sha512 },
};

struct digester {
	const struct algorithm *algorithm;
	EVP_MD_CTX *ctx;
};

static const struct algorithm *find_algorithm(const char *digest)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (str_starts_with(digest, algorithms[i].prefix))
			return &algorithms[i];
	return NULL;
}

bool digest_is_valid(const char *text)
{
	const struct algorithm *a = find_algorithm(text);
	if (a == NULL)
		return false;
	const char *hex = text + strlen(a->prefix);
	return strspn(hex, "0123456789abcdef") == a->hex_len && hex[a->hex_len] == '\0';
}

struct digester *digester_new(const char *digest)
{
	struct digester *d = xmalloc(sizeof(*d));
	d->algorithm = find_algorithm(digest);
	d->ctx = EVP_MD_CTX_new();
	if (d->algorithm == NULL || d->ctx == NULL ||
		EVP_DigestInit_ex(d->ctx, d->algorithm->md(), NULL) != 1)
		abort(); /* an unchecked digest, out of memory, or a libcrypto without SHA-2 */
	return d;
}

void digester_free(struct digester *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void digester_update(struct digester *d, const void *data, size_t len)
{
	if (EVP_DigestUpdate(d->ctx, data, len) != 1)
		abort();
}

char *digester_final(struct digester *d)
{
	uint8_t raw[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned len = 0;
	if (EVP_DigestFinal_ex(d->ctx, raw, &len) != 1)
		abort();
	str_hex(raw, len, hex);
	return xasprintf("%s%s", d->algorithm->prefix, hex);
}

char *digest_of(const char *like, const void *data, size_t len)
{
	struct digester *d = digester_new(like != NULL ? like : "sha256:");
	digester_update(d, data, len);
	char *digest = digester_final(d);
	digester_free(d);
	return digest;
}
