#include "hooks/gpu/nodelist.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"

#define MAX_GROUPS 8   /* of brackets in one name */
#define MAX_NAME   512 /* bytes of a name */
#define MAX_DIGITS 9

/* One number or range inside of brackets. */
struct range {
	unsigned long first, last;
	int width; /* of leading zeros */
};

static int malformed(struct error *err, const char *list)
{
	return error_set(err, EINVAL, "malformed list of hosts: %s", list);
}

/* Parse "01-12" at *P, up to the ',' or ']' behind it. */
static int parse_range(const char **p, struct range *r)
{
	size_t digits = strspn(*p, "0123456789");
	if (digits == 0 || digits > MAX_DIGITS)
		return -1;
	r->first = r->last = strtoul(*p, NULL, 10);
	r->width = (int)digits;
	*p += digits;
	if (**p == '-') {
		digits = strspn(++*p, "0123456789");
		if (digits == 0 || digits > MAX_DIGITS)
			return -1;
		r->last = strtoul(*p, NULL, 10);
		*p += digits;
	}
	return r->last < r->first || (**p != ',' && **p != ']') ? -1 : 0;
}

/* Expand the rest P of one name (up to a ',' outside of brackets) behind PREFIX. The depth is bounded by GROUPS. */
static int expand(struct strv *names, const char *prefix, const char *p, int groups, size_t limit)
{
	size_t plain = strcspn(p, "[],");
	_cleanup_free_ char *head = xasprintf("%s%.*s", prefix, (int)MIN(plain, MAX_NAME), p);
	p += plain;
	if (*p == ']' || strlen(head) >= MAX_NAME)
		return -1;
	if (*p != '[') {
		if (*head == '\0')
			return -1;
		strv_push(names, head);
		return 0;
	}
	const char *close = strchr(p, ']');
	if (groups == 0 || close == NULL)
		return -1;
	for (p++; p < close; p += *p == ',') {
		struct range r;
		if (parse_range(&p, &r) < 0)
			return -1;
		for (unsigned long i = r.first; i <= r.last && names->count < limit; i++) {
			_cleanup_free_ char *name = xasprintf("%s%0*lu", head, r.width, i);
			if (expand(names, name, close + 1, groups - 1, limit) < 0)
				return -1;
		}
	}
	return close[-1] == '[' || close[-1] == ',' ? -1 : 0;
}

/* The ',' that ends a name, or the end. */
static const char *end_of_name(const char *p)
{
	int depth = 0;
	for (; *p != '\0' && (*p != ',' || depth > 0); p++)
		depth += (*p == '[') - (*p == ']');
	return p;
}

int nodelist_expand(struct strv *names, const char *list, size_t limit, struct error *err)
{
	size_t most = names->count + limit;
	for (const char *p = list; names->count < most;) {
		if (expand(names, "", p, MAX_GROUPS, most) < 0)
			return malformed(err, list);
		p = end_of_name(p);
		if (*p == '\0')
			break;
		p++;
	}
	return 0;
}
