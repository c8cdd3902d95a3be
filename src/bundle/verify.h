/*
 * bundle/verify.h - can this host run containers? What --verify prints
 */
#pragma once

/* Print the report to stdout. Returns 1 if the kernel's configuration was not found, else 0. */
int bundle_verify_host(void);
