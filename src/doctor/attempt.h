/*
 * doctor/attempt.h - trying something in a child process
 */
#pragma once

#include "base/error.h"

/*
 * Run FN(ARG) in a child, which ends with it. Returns what FN returned, with its error; a child that dies or takes
 * longer than ten seconds is an error too. May be nested.
 */
int attempt(int (*fn)(void *arg, struct error *err), void *arg, struct error *err);
