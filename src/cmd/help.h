/*
 * cmd/help.h - the usage text of the whole program
 */
#pragma once

extern const char help_text[];
