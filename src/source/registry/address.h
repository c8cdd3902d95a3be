/*
 * source/registry/address.h - addresses that only this machine or this wire knows
 */
#pragma once

#include <stdbool.h>

struct sockaddr;

/* Loopback, link-local (a cloud's metadata service among them) or unspecified? */
bool address_is_local(const struct sockaddr *address);
/* The same for an address in text; false if TEXT is none. */
bool address_text_is_local(const char *text);
/* Does HOST, of a URL, name such an address by itself: localhost, or any spelling of a number? */
bool address_host_is_local(const char *host);
