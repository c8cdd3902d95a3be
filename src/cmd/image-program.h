/*
 * cmd/image-program.h - where enroot-image is
 */
#pragma once

/* The one beside this program if there is one (a build tree), else the installed one. The caller owns the path. */
char *image_program(void);
