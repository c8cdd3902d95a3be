/*
 * cmd/login.h - login and logout: credentials of registries
 */
#pragma once

#include "config/settings.h"

int cmd_login(struct settings *settings, int argc, char *argv[]);
int cmd_logout(struct settings *settings, int argc, char *argv[]);
