#include "cmd/running.h"

#include <limits.h>

#include "base/memory.h"
#include "base/str.h"
#include "sandbox/processes.h"
#include "start/record.h"
#include "store/container.h"

static void add(struct running *r, const struct container_process *p)
{
	if (r->count == 0)
		r->pid = p->pid;
	r->namespaces = xreallocarray(r->namespaces, r->count + 1, sizeof(*r->namespaces));
	r->namespaces[r->count++] = p->mnt_ns;
}

/* Only what the list shows counts: a record or a number may name any process. */
static bool add_process(struct running *r, const struct container_processes *list, pid_t pid)
{
	uint64_t mnt_ns = pid != 0 ? record_mount_namespace(pid) : 0;
	for (size_t i = 0; mnt_ns != 0 && i < list->count; i++) {
		if (list->items[i].mnt_ns != mnt_ns)
			continue;
		add(r, &list->items[i]);
		r->pid = pid;
		return true;
	}
	return false;
}

struct running running_find(const struct settings *settings, const char *word)
{
	struct running r = { 0 };
	_cleanup_error_ struct error ignored = ERROR_INIT;
	_cleanup_container_processes_ struct container_processes list = CONTAINER_PROCESSES_INIT;
	if (container_processes_find(&list, settings_get(settings, SETTING_DATA_PATH), &ignored) < 0)
		return r;
	if (container_name_check(word, &ignored) == 0 && add_process(&r, &list, record_find(settings, word)))
		return r;
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].name != NULL && str_eq(list.items[i].name, word))
			add(&r, &list.items[i]);
	}
	uint64_t number;
	if (r.count == 0 && str_parse_u64(word, &number) && number <= INT_MAX)
		add_process(&r, &list, (pid_t)number);
	return r;
}

void running_cleanup(struct running *r)
{
	free(r->namespaces);
	*r = (struct running){ 0 };
}
