#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/json.h"
#include "sandbox/processes.h"

static const char usage[] = "Usage: enroot list [options]\n"
			    "\n"
			    "List the containers on the host.\n"
			    "\n"
			    " Options:\n"
			    "   -f, --fancy  Show what runs in them, as a table\n"
			    "       --json   The same as JSON\n"
			    "   -h, --help   Show this text\n";

#define UNKNOWN "<unknown>"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of DATA_PATH in byte order; a directory that is missing or closed to us has none. */
static void read_names(struct strv *names, const char *data_path, bool only_directories)
{
	_cleanup_closedir_ DIR *d = data_path != NULL ? opendir(data_path) : NULL;
	if (d == NULL)
		return;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct stat st;
		if (e->d_name[0] == '.')
			continue;
		if (only_directories && e->d_type != DT_DIR &&
			(fstatat(dirfd(d), e->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode)))
			continue;
		strv_push(names, e->d_name);
	}
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items), compare);
}

enum column {
	COLUMN_NAME,
	COLUMN_PID,
	COLUMN_COMM,
	COLUMN_STATE,
	COLUMN_STARTED,
	COLUMN_TIME,
	COLUMN_MNTNS,
	COLUMN_USERNS,
	COLUMN_COMMAND,
	COLUMN_COUNT,
};

struct row {
	char *cells[COLUMN_COUNT]; /* owned; NULL: nothing from here on */
};

struct table {
	struct row *rows;
	size_t count, capacity;
};

static struct row *add_row(struct table *t)
{
	grow_array(&t->rows, &t->capacity, t->count + 1);
	t->rows[t->count] = (struct row){ 0 };
	return &t->rows[t->count++];
}

static void table_cleanup(struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		for (size_t c = 0; c < COLUMN_COUNT; c++)
			free(t->rows[i].cells[c]);
	}
	free(t->rows);
}

/* stime of ps(1): the time today, the day this year, else the year */
static char *format_started(time_t started)
{
	time_t now = time(NULL);
	struct tm then, today;
	char text[32] = "";
	localtime_r(&started, &then);
	localtime_r(&now, &today);
	const char *format = then.tm_year != today.tm_year   ? "%Y"
			     : then.tm_yday != today.tm_yday ? "%b%d"
							     : "%H:%M";
	strftime(text, sizeof(text), format, &then);
	return xstrdup(text);
}

/* etime of ps(1): [[DD-]hh:]mm:ss */
static char *format_elapsed(uint64_t seconds)
{
	unsigned s = (unsigned)(seconds % 60), m = (unsigned)(seconds / 60 % 60);
	unsigned h = (unsigned)(seconds / 3600 % 24);
	uint64_t days = seconds / 86400;
	if (days > 0)
		return xasprintf("%02" PRIu64 "-%02u:%02u:%02u", days, h, m, s);
	return h > 0 ? xasprintf("%02u:%02u:%02u", h, m, s) : xasprintf("%02u:%02u", m, s);
}

static bool fill_row(struct row *row, const struct container_process *p)
{
	struct process_details d;
	if (!process_details_read(p->pid, &d))
		return false;
	row->cells[COLUMN_PID] = xasprintf("%d", p->pid);
	row->cells[COLUMN_COMM] = xstrdup(d.comm);
	row->cells[COLUMN_STATE] = xstrdup(d.state);
	row->cells[COLUMN_STARTED] = format_started(d.started);
	row->cells[COLUMN_TIME] = format_elapsed(d.elapsed);
	row->cells[COLUMN_MNTNS] = xasprintf("%" PRIu64, p->mnt_ns);
	row->cells[COLUMN_USERNS] = xasprintf("%" PRIu64, p->user_ns);
	row->cells[COLUMN_COMMAND] = steal_pointer(&d.command);
	return true;
}

static bool is_called(const struct container_process *p, const char *name)
{
	return name == NULL ? p->name == NULL : p->name != NULL && str_eq(p->name, name);
}

/* The rows of one container: its name in the first, which stands alone if nothing runs. */
static void add_container(struct table *t, const struct container_processes *running, const char *name)
{
	bool first = true;
	for (size_t i = 0; i < running->count; i++) {
		struct row row = { 0 };
		if (!is_called(&running->items[i], name) || !fill_row(&row, &running->items[i]))
			continue;
		row.cells[COLUMN_NAME] = xstrdup(!first ? "" : name != NULL ? name : UNKNOWN);
		*add_row(t) = row;
		first = false;
	}
	if (first && name != NULL)
		add_row(t)->cells[COLUMN_NAME] = xstrdup(name);
}

static void print_table(const struct table *t)
{
	size_t widths[COLUMN_COUNT] = { 0 };
	for (size_t i = 0; i < t->count; i++) {
		for (size_t c = 0; c < COLUMN_COUNT && t->rows[i].cells[c] != NULL; c++)
			widths[c] = MAX(widths[c], strlen(t->rows[i].cells[c]));
	}
	for (size_t i = 0; i < t->count; i++) {
		char *const *cells = t->rows[i].cells;
		for (size_t c = 0; c < COLUMN_COUNT && cells[c] != NULL; c++) {
			bool last = c + 1 == COLUMN_COUNT || cells[c + 1] == NULL;
			printf("%-*s%s", last ? 0 : (int)widths[c], cells[c], last ? "" : "  ");
		}
		putchar('\n');
	}
}

static void print_fancy(const struct strv *names, const struct container_processes *running)
{
	static const char *const titles[] = { "NAME", "PID", "COMM", "STATE", "STARTED", "TIME", "MNTNS",
		"USERNS", "COMMAND" };
	struct table t = { 0 };
	struct row *head = add_row(&t);
	for (size_t c = 0; c < COLUMN_COUNT; c++)
		head->cells[c] = xstrdup(titles[c]);
	for (size_t i = 0; i < names->count; i++)
		add_container(&t, running, names->items[i]);
	add_container(&t, running, NULL);
	print_table(&t);
	table_cleanup(&t);
}

static void print_json_process(const struct container_process *p, bool first)
{
	struct process_details d;
	if (!process_details_read(p->pid, &d))
		return;
	printf("%s\n      {\"pid\": %d, \"comm\": ", first ? "" : ",", p->pid);
	json_print_string(d.comm);
	printf(", \"state\": \"%s\", \"started\": %jd, \"elapsed_seconds\": %" PRIu64 ",\n", d.state,
		(intmax_t)d.started, d.elapsed);
	printf("       \"mount_namespace\": %" PRIu64 ", \"user_namespace\": %" PRIu64 ", \"command\": ",
		p->mnt_ns, p->user_ns);
	json_print_string(d.command);
	putchar('}');
	process_details_cleanup(&d);
}

static void print_json_container(const struct container_processes *running, const char *name, bool first)
{
	printf("%s\n  {\n    \"name\": ", first ? "" : ",");
	if (name != NULL)
		json_print_string(name);
	else
		printf("null");
	printf(",\n    \"processes\": [");
	bool first_process = true;
	for (size_t i = 0; i < running->count; i++) {
		if (!is_called(&running->items[i], name))
			continue;
		print_json_process(&running->items[i], first_process);
		first_process = false;
	}
	printf("%s]\n  }", first_process ? "" : "\n    ");
}

static void print_json(const struct strv *names, const struct container_processes *running)
{
	putchar('[');
	for (size_t i = 0; i < names->count; i++)
		print_json_container(running, names->items[i], i == 0);
	if (running->count > 0 && running->items[running->count - 1].name == NULL)
		print_json_container(running, NULL, names->count == 0);
	printf("\n]\n");
}

int cmd_list(struct settings *settings, int argc, char *argv[])
{
	bool fancy = false, json = false;
	const struct option_spec specs[] = {
		{ 'f', "fancy", OPTION_FLAG, &fancy },
		{ 0, "json", OPTION_FLAG, &json },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 0, -1, &first);
	if (status >= 0)
		return status;

	const char *data_path = settings_get(settings, SETTING_DATA_PATH);
	_cleanup_strv_ struct strv names = STRV_INIT;
	read_names(&names, data_path, fancy || json);
	if (!fancy && !json) {
		for (size_t i = 0; i < names.count; i++)
			puts(names.items[i]);
		return 0;
	}
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_container_processes_ struct container_processes running = CONTAINER_PROCESSES_INIT;
	if (container_processes_find(&running, data_path, &err) < 0) {
		log_failure(&err);
		return 1;
	}
	if (json)
		print_json(&names, &running);
	else
		print_fancy(&names, &running);
	return 0;
}
