/*
 * doctor/doctor.h - can containers be started on this host, and if not, what is to be done?
 *
 * One table of checks (doctor.c). Whatever changes the state of a process is tried in a child, with the very functions
 * that a start uses; nothing is left behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/settings.h"

enum doctor_status { DOCTOR_OK, DOCTOR_WARN, DOCTOR_KO };

/* What does not work without it. */
enum doctor_need { DOCTOR_START, DOCTOR_IMAGE_START, DOCTOR_OPTIONAL };

struct doctor_result {
	const char *name; /* static */
	enum doctor_need need;
	enum doctor_status status;
	char *found;  /* owned: what there is, or what went wrong */
	char *remedy; /* owned, NULL where all is well */
};

struct doctor_report {
	struct doctor_result *items; /* in the order of the table */
	size_t count, capacity;
};

#define DOCTOR_REPORT_INIT      ((struct doctor_report){ 0 })
#define _cleanup_doctor_report_ __attribute__((cleanup(doctor_report_cleanup)))

/* Run all checks. */
void doctor_run(struct doctor_report *report, const struct settings *settings);

/* One more result. FOUND and REMEDY (may be NULL) are taken over; a KO that is only DOCTOR_OPTIONAL becomes a WARN. */
void doctor_report_add(struct doctor_report *report, const char *name, enum doctor_need need,
	enum doctor_status status, char *found, char *remedy);
void doctor_report_cleanup(struct doctor_report *report);

/* Nothing that every start needs is KO. */
bool doctor_can_start(const struct doctor_report *report);

const char *doctor_status_name(enum doctor_status status); /* "OK", "WARN", "KO" */
const char *doctor_need_name(enum doctor_need need);       /* "start", "image start", "optional" */
