/*
 * hooks/gpu/document.h - JSON and YAML as one kind of tree
 *
 * Files of the host's administrator, but a mistake in one must end neither in a crash nor in all memory: depth, size
 * and what aliases expand to are limited. Scalars of YAML are strings whatever they look like, so numbers are read
 * through document_number() and names through document_text().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

#define DOCUMENT_MAX_BYTES (16u << 20)
#define DOCUMENT_MAX_DEPTH 64
#define DOCUMENT_MAX_NODES 1000000 /* aliases counted as what they stand for */

/* NULL with ERR: it is not well-formed (with the line), or too large. The caller owns the tree (json_decref). */
json_t *document_parse_json(const char *text, size_t len, struct error *err);
json_t *document_parse_yaml(const char *text, size_t len, struct error *err);

/* The string, or NULL where there is none. */
const char *document_text(const json_t *object, const char *key);

/* A number that is not negative; decimal, 0o17 or 0x1f in a string. *IS_SET: is there one? false: it is none. */
bool document_number(const json_t *object, const char *key, bool *is_set, uint64_t *value);
