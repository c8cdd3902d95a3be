/* .credentials and auth.json; nothing is run, for there is nothing in PATH. */
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "source/registry/authfile.h"
#include "source/registry/netrc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	setenv("PATH", "/nonexistent", 1);
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_netrc_ struct netrc n = { 0 };
	netrc_parse(&n, text);
	(void)netrc_find(&n, "registry.example", NULL);
	_cleanup_credentials_ struct credentials c = { 0 };
	(void)authfile_find((const char *)data, size, "registry.example:5000", "team/image", &c, &err);
	return 0;
}
