#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/options.h"
#include "base/process.h"
#include "cmd/cmd.h"
#include "cmd/image-program.h"
#include "cmd/json.h"
#include "doctor/doctor.h"

static const char usage[] =
	"Usage: enroot doctor [options]\n"
	"\n"
	"Check whether this host can run containers: what is there, what is missing, and what to do about "
	"it.\n"
	"\n"
	" Options:\n"
	"       --json           As JSON\n"
	"       --registry HOST  Ask this registry, too, whether it answers (no network is used otherwise)\n"
	"   -h, --help           Show this text\n"
	"\n"
	"The exit status is 0 if containers can be started, 1 if not. WARN marks what can be done without.\n";

#define REGISTRY_TIMEOUT_MS 60000
#define REGISTRY_ANSWER_MAX 65536

/* The other program's answer: "OK TEXT" or "KO TEXT", and perhaps a remedy on the second line. */
static void check_registry(struct doctor_report *report, const char *host)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *program = image_program();
	const char *const argv[] = { program, "doctor", "--", host, NULL };
	const struct process_request req = {
		.argv = argv, .timeout_ms = REGISTRY_TIMEOUT_MS, .max_output = REGISTRY_ANSWER_MAX
	};
	char *answer = NULL;
	size_t len;
	if (process_capture(&req, &answer, &len, &err) < 0) {
		doctor_report_add(report, "registry", DOCTOR_OPTIONAL, DOCTOR_KO, xstrdup(err.message),
			xstrdup("see whether the network is up"));
		return;
	}
	char *save = NULL, *first = strtok_r(answer, "\n", &save), *second = strtok_r(NULL, "\n", &save);
	bool good = first != NULL && strncmp(first, "OK ", 3) == 0;
	const char *found = first != NULL && strlen(first) > 3 ? first + 3 : "no answer";
	const char *remedy =
		second != NULL ? second : "see whether the network and a proxy's settings are right";
	doctor_report_add(report, "registry", DOCTOR_OPTIONAL, good ? DOCTOR_OK : DOCTOR_KO, xstrdup(found),
		good ? NULL : xstrdup(remedy));
	free(answer);
}

static void print_plain(const struct doctor_report *report)
{
	size_t width = 0;
	for (size_t i = 0; i < report->count; i++)
		width = MAX(width, strlen(report->items[i].name));
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_result *r = &report->items[i];
		printf("%-4s  %-*s  %s\n", doctor_status_name(r->status), (int)width, r->name, r->found);
		if (r->status != DOCTOR_OK && r->remedy != NULL)
			printf("      %-*s  remedy: %s\n", (int)width, "", r->remedy);
	}
	printf("\nContainers %s be started on this host.\n", doctor_can_start(report) ? "can" : "cannot");
}

static void print_member(const char *name, const char *value)
{
	printf(", \"%s\": ", name);
	if (value != NULL)
		json_print_string(value);
	else
		printf("null");
}

static void print_json(const struct doctor_report *report)
{
	printf("{\n  \"can_start\": %s,\n  \"checks\": [", doctor_can_start(report) ? "true" : "false");
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_result *r = &report->items[i];
		printf("%s\n    {\"check\": ", i > 0 ? "," : "");
		json_print_string(r->name);
		print_member("status", doctor_status_name(r->status));
		print_member("needed_for", doctor_need_name(r->need));
		print_member("found", r->found);
		print_member("remedy", r->status != DOCTOR_OK ? r->remedy : NULL);
		putchar('}');
	}
	printf("\n  ]\n}\n");
}

int cmd_doctor(struct settings *settings, int argc, char *argv[])
{
	bool json = false;
	const char *registry = NULL;
	const struct option_spec specs[] = {
		{ 0, "json", OPTION_FLAG, &json },
		{ 0, "registry", OPTION_STRING, &registry },
	};
	int first;
	int status = options_parse_or_usage(argc, argv, specs, ARRAY_SIZE(specs), usage, 0, 0, &first);
	if (status >= 0)
		return status;
	_cleanup_doctor_report_ struct doctor_report report = DOCTOR_REPORT_INIT;
	doctor_run(&report, settings);
	if (registry != NULL)
		check_registry(&report, registry);
	if (json)
		print_json(&report);
	else
		print_plain(&report);
	return doctor_can_start(&report) ? 0 : 1;
}
