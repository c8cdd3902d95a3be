/*
 * sandbox/filter.h - the filter that makes changes of owner and identity succeed without effect
 *
 * Only together with a user namespace, in which one id is mapped and the real calls would fail with EINVAL
 * (gen-filter.c lists them). NO_NEW_PRIVS must be set before, or CAP_SYS_ADMIN held.
 */
#pragma once

#include "base/error.h"

int filter_install(struct error *err);
