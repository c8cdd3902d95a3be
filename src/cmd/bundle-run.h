/*
 * cmd/bundle-run.h - the program as the runtime of a bundle
 */
#pragma once

int bundle_main(int argc, char *argv[]);
