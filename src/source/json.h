/*
 * source/json.h - JSON documents from registries and layouts: hostile until proven strict
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"

#define JSON_DEPTH_MAX 64

static inline void json_cleanup(json_t **value)
{
	json_decref(*value);
}
#define _cleanup_json_ __attribute__((cleanup(json_cleanup)))

/*
 * Parse one object: UTF-8, no duplicate keys, at most JSON_DEPTH_MAX deep, nothing after it. WHAT names the
 * document in ERR. Returns NULL on failure; release with json_decref().
 */
json_t *json_parse_object(const char *data, size_t len, const char *what, struct error *err);

/* The string at KEY, or NULL if it is missing, null or something else; borrowed from OBJECT. */
const char *json_get_string(const json_t *object, const char *key);

/* The whole non-negative number at KEY. */
bool json_get_u64(const json_t *object, const char *key, uint64_t *value);

/* Append the strings of the array at KEY; missing or null is an empty list, anything else an error. */
int json_get_strings(const json_t *object, const char *key, struct strv *list, struct error *err);
