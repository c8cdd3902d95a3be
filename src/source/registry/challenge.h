/*
 * source/registry/challenge.h - WWW-Authenticate (RFC 9110, section 11.6.1)
 */
#pragma once

#include <stddef.h>

enum challenge_kind { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_kind kind;
	char *realm, *service, *scope; /* NULL if not said */
};

#define _cleanup_challenge_ __attribute__((cleanup(challenge_cleanup)))
void challenge_cleanup(struct challenge *c);

/*
 * Take the best challenge that we can answer (Bearer before Basic) out of the COUNT values of the header, each
 * of which may hold several. CHALLENGE_NONE if there is none.
 */
void challenge_parse(struct challenge *c, char *const *values, size_t count);
