#include "bundle/marker.h"

/* volatile: what is in the file, not what the compiler saw. */
static volatile const char marker[BUNDLE_MARKER_SIZE + 1] __attribute__((used)) =
	BUNDLE_MARKER_HEAD BUNDLE_MARKER_TAIL "  0";

bool bundle_is_this_program(void)
{
	return marker[BUNDLE_MARKER_BYTE] == '1';
}
