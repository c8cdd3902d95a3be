/*
 * source/platform.h - which of an index's images runs here
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct platform {
	const char *os, *architecture, *variant; /* GOOS, GOARCH, GOARM and the like; NULL if not said */
};

/* What is wanted. */
struct platform_request {
	char *architecture;
	char *variant;        /* NULL: the best that this machine runs */
	bool is_explicit;     /* the user asked for it */
	unsigned amd64_level; /* x86-64 level of this machine: 1-3 */
};

#define _cleanup_platform_request_ __attribute__((cleanup(platform_request_cleanup)))
void platform_request_cleanup(struct platform_request *r);

/* ARCH as --arch takes it ("amd64", "x86_64", "arm/v7", …); NULL is this machine. ERR: "Unsupported
 * architecture: ARCH". */
int platform_request_parse(struct platform_request *r, const char *arch, struct error *err);

/* How well P serves the request: 0 not at all, else the higher the better. */
unsigned platform_score(const struct platform_request *r, const struct platform *p);

/* Is the architecture of an image (as its configuration spells it) the requested one? NULL is taken on trust. */
bool platform_is_architecture(const struct platform_request *r, const char *architecture);
