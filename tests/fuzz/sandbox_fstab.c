/* Mount files of an image, and -m. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sandbox/fstab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fstab *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct fstab_entry *e = &t->entries[i];
		if (e->source == NULL || *e->source == '\0' || e->target == NULL || *e->target == '\0' ||
			e->type == NULL || e->where == NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *host[] = { "HOME=/home/me", "ENROOT_ROOTFS=/root fs", "A=a b\n/c /d", NULL };
	_cleanup_fstab_ struct fstab with = FSTAB_INIT, without = FSTAB_INIT, option = FSTAB_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	(void)fstab_parse(&with, (const char *)data, size, "fuzz", host, &err);
	check(&with);
	(void)fstab_parse(&without, (const char *)data, size, "fuzz", NULL, &err);
	check(&without);
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	(void)fstab_add_option(&option, text, &err);
	check(&option);
	return 0;
}
