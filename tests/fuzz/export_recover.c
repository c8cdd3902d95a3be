/* The files below /etc of a root filesystem, from which an image's configuration is recovered. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "export/recover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	log_set_quiet(true);
	char *text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	struct recover_input input = { 0 };
	input.texts[data[0] % RECOVER_FILE_COUNT] = text;
	struct recovered r;
	recover_config(&input, &r);
	if (r.config.working_dir != NULL && r.config.working_dir[0] != '/')
		abort();
	for (size_t i = 0; i < r.config.volumes.count; i++)
		if (r.config.volumes.items[i][0] != '/')
			abort();
	for (size_t i = 0; i < r.config.env.count; i++)
		if (strchr(r.config.env.items[i], '=') == NULL || strchr(r.config.env.items[i], '\n') != NULL)
			abort();
	recovered_cleanup(&r);
	free(text);
	return 0;
}
