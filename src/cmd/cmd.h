/*
 * cmd/cmd.h - the commands, one file each: options → a request → one call below → output
 *
 * Each returns the exit status of the program and has printed its own [ERROR] line.
 */
#pragma once

#include "config/settings.h"

int cmd_batch(struct settings *settings, int argc, char *argv[]);
int cmd_bundle(struct settings *settings, int argc, char *argv[]);
int cmd_create(struct settings *settings, int argc, char *argv[]);
int cmd_digest(struct settings *settings, int argc, char *argv[]);
int cmd_doctor(struct settings *settings, int argc, char *argv[]);
int cmd_exec(struct settings *settings, int argc, char *argv[]);
int cmd_export(struct settings *settings, int argc, char *argv[]);
int cmd_import(struct settings *settings, int argc, char *argv[]);
int cmd_info(struct settings *settings, int argc, char *argv[]);
int cmd_list(struct settings *settings, int argc, char *argv[]);
int cmd_load(struct settings *settings, int argc, char *argv[]);
int cmd_push(struct settings *settings, int argc, char *argv[]);
int cmd_pyxis_importer(struct settings *settings, int argc, char *argv[]);
int cmd_remove(struct settings *settings, int argc, char *argv[]);
int cmd_cache(struct settings *settings, int argc, char *argv[]);
int cmd_start_uri(struct settings *settings, int argc, char *argv[]);
int cmd_start(struct settings *settings, int argc, char *argv[]);
int cmd_stop(struct settings *settings, int argc, char *argv[]);
int cmd_version(struct settings *settings, int argc, char *argv[]);
