/*
 * cmd/json.h - printing JSON (RFC 8259) to stdout
 */
#pragma once

/* Print S as a string, quotes included. Bytes that are no UTF-8 become U+FFFD. */
void json_print_string(const char *s);
