/* What the kernel's files say of the host, and of the process that a name stands for. */
#include <stdint.h>
#include <sys/types.h>

#include "base/memory.h"
#include "doctor/facts.h"
#include "start/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	unsigned major, minor;
	char word[8];
	uint64_t number;
	pid_t pid;

	(void)facts_kernel_version(text, &major, &minor);
	(void)facts_root_type(text, word, sizeof(word));
	(void)facts_cgroups(text);
	(void)facts_status_number(text, "Seccomp", 10, &number);
	(void)facts_nvidia_version(text, word, sizeof(word));
	(void)record_parse(text, &pid, &number);
	(void)record_parse_stat(text, &pid, &number);
	return 0;
}
