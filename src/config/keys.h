/*
 * config/keys.h - the table of all settings
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/settings.h"

enum key_type { KEY_BOOLEAN, KEY_PATH, KEY_NUMBER, KEY_SIZE, KEY_TEXT };

struct key {
	const char *name; /* with ENROOT_ */
	enum key_type type;
	const char *fallback; /* the default as in enroot.conf; NULL: none */
	const char *help;
};

/* Indexed by enum setting. */
extern const struct key settings_keys[SETTING_COUNT_];

/* SETTING_COUNT_ if NAME (LEN bytes) is none. */
enum setting key_find(const char *name, size_t len);

/* May enroot.conf assign NAME (LEN bytes), if it is no setting of ours? */
bool key_is_taken(const char *name, size_t len);

/* Does VALUE mean no? (n no N No NO f F false False FALSE; "0" and "off" do not) */
bool key_value_is_false(const char *value);
