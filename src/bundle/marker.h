/*
 * bundle/marker.h - how the program knows that it is the runtime of a bundle
 *
 * By a byte in its own data that the making of a bundle sets: an ordinary start pays nothing for the question.
 */
#pragma once

#include <stdbool.h>

#define BUNDLE_MARKER_SIZE 32u
#define BUNDLE_MARKER_BYTE (BUNDLE_MARKER_SIZE - 1) /* '0', or '1' in a bundle */

/* The two halves of the text in front of that byte, apart, so that only the runtime holds it in one piece. */
#define BUNDLE_MARKER_HEAD "enroot\x7f"
#define BUNDLE_MARKER_TAIL "runtime of a bundle\x7f\x7f:"

bool bundle_is_this_program(void);
