/*
 * export/rc.h - understanding an /etc/rc (between recover.c and rc.c only)
 */
#pragma once

#include <stdbool.h>

#include "source/source.h"

/*
 * Take architecture, labels, working directory, entrypoint and command out of TEXT. false: it is no script that import
 * writes; then only the labels and the architecture were taken.
 */
bool rc_parse(const char *text, struct image_config *config);
