/*
 * base/uri.h - image references where nothing is known about them but their text
 */
#pragma once

/* URI fit for messages and files: without the password of USER:PASSWORD@. The caller owns it. */
char *uri_redact(const char *uri);
