/*
 * The functions of sha256.h without a library, for the program that is linked statically: libcrypto would triple it,
 * and libmd does not know the processor's instructions (230 MB/s against 1,700 here). FIPS 180-4.
 */
#include "base/sha256.h"

#include <endian.h>
#include <string.h>

#include "base/memory.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#define BLOCK 64u

struct sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t pending[BLOCK]; /* of the block that is not yet full */
	bool has_instructions;
};

/* Section 4.2.2: the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] __attribute__((aligned(16))) = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

static inline uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* Section 6.2.2. */
static void hash_portably(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	for (; blocks > 0; blocks--, data += BLOCK) {
		uint32_t w[64], s[8];
		for (unsigned t = 0; t < 16; t++) {
			memcpy(&w[t], data + 4 * (size_t)t, 4);
			w[t] = be32toh(w[t]);
		}
		for (unsigned t = 16; t < 64; t++) {
			uint32_t a = w[t - 15], b = w[t - 2];
			w[t] = w[t - 16] + w[t - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
			       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
		}
		memcpy(s, state, sizeof(s));
		for (unsigned t = 0; t < 64; t++) {
			uint32_t e = s[4], a = s[0];
			uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
				      ((e & s[5]) ^ (~e & s[6])) + K[t] + w[t];
			uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
				      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
			memmove(s + 1, s, 7 * sizeof(s[0]));
			s[4] += t1;
			s[0] = t1 + t2;
		}
		for (unsigned i = 0; i < 8; i++)
			state[i] += s[i];
	}
}

#if defined(__x86_64__)
static bool find_instructions(void)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/*
 * The instructions want the state as (a, b, e, f) and (c, d, g, h), highest lane first, and do two rounds at a time.
 * M holds the last 16 words of the message schedule.
 */
__attribute__((target("sha,sse4.1,ssse3"))) static void hash_by_instructions(
	uint32_t state[8], const uint8_t *data, size_t blocks)
{
	const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	__m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
	__m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
	__m128i badc = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
	__m128i abef = _mm_alignr_epi8(badc, efgh, 8), cdgh = _mm_blend_epi16(efgh, badc, 0xf0);

	for (; blocks > 0; blocks--, data += BLOCK) {
		__m128i m[4], abef_before = abef, cdgh_before = cdgh;
#pragma GCC unroll 16
		for (unsigned i = 0; i < 16; i++) {
			__m128i *w = &m[i % 4];
			if (i < 4) {
				*w = _mm_loadu_si128((const __m128i *)(const void *)(data + 16 * (size_t)i));
				*w = _mm_shuffle_epi8(*w, swap);
			} else {
				__m128i last = m[(i + 3) % 4], before = m[(i + 2) % 4];
				*w = _mm_sha256msg1_epu32(*w, m[(i + 1) % 4]);
				*w = _mm_add_epi32(*w, _mm_alignr_epi8(last, before, 4));
				*w = _mm_sha256msg2_epu32(*w, last);
			}
			__m128i k = _mm_load_si128((const __m128i *)(const void *)(K + 4 * (size_t)i));
			__m128i wk = _mm_add_epi32(*w, k);
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	__m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#else
static bool find_instructions(void)
{
	return false;
}

static void hash_by_instructions(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	hash_portably(state, data, blocks);
}
#endif

static void hash_blocks(struct sha256 *s, const uint8_t *data, size_t blocks)
{
	if (s->has_instructions)
		hash_by_instructions(s->state, data, blocks);
	else
		hash_portably(s->state, data, blocks);
}

struct sha256 *sha256_new(void)
{
	struct sha256 *s = xmalloc(sizeof(*s));
	/* Section 5.3.3. */
	*s = (struct sha256){
		.state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
			0x5be0cd19 },
		.has_instructions = find_instructions(),
	};
	return s;
}

void sha256_free(struct sha256 *s)
{
	free(s);
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	const uint8_t *in = data;
	size_t held = s->bytes % BLOCK;
	s->bytes += len;
	if (held > 0) {
		size_t n = MIN(len, BLOCK - held);
		memcpy(s->pending + held, in, n);
		if (held + n < BLOCK)
			return;
		hash_blocks(s, s->pending, 1);
		in += n;
		len -= n;
	}
	hash_blocks(s, in, len / BLOCK);
	if (len % BLOCK > 0)
		memcpy(s->pending, in + len / BLOCK * BLOCK, len % BLOCK);
}

/* Section 5.1.1: a one, zeros, and the length in bits at the end of a block. */
void sha256_final(struct sha256 *s, uint8_t digest[SHA256_SIZE])
{
	uint64_t bits = htobe64(s->bytes * 8);
	uint8_t padding[2 * BLOCK] = { 0x80 };
	size_t held = s->bytes % BLOCK;
	size_t n = (held < BLOCK - sizeof(bits) ? BLOCK : 2 * BLOCK) - held - sizeof(bits);
	sha256_update(s, padding, n);
	sha256_update(s, &bits, sizeof(bits));
	for (unsigned i = 0; i < 8; i++) {
		uint32_t word = htobe32(s->state[i]);
		memcpy(digest + 4 * (size_t)i, &word, sizeof(word));
	}
}
