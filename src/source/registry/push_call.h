/*
 * source/registry/push_call.h - the requests of a push (between push.c, upload.c, push_call.c and push_answer.c)
 */
#pragma once

#include "base/progress.h"
#include "source/registry/registry.h"

/* One client: the connection is kept from request to request. */
struct push_client {
	struct registry *registry; /* borrowed, connected */
	CURL *easy;
	struct progress *progress; /* of bytes sent; may be NULL */
	char *location;            /* owned: of an upload that is open already (upload.h), or NULL */
	bool is_foreign;           /* LOCATION */
};
void push_client_init(struct push_client *c, struct registry *r);
void push_client_cleanup(struct push_client *c);

struct push_call {
	const char *method;
	const char *url;
	bool is_foreign; /* URL is another host's than the registry's: it does not learn who we are */
	const char *content_type, *content_range, *accept; /* values of headers, or NULL */
	bool has_body;
	const char *text; /* the body, or NULL: it is BODY_LEN bytes of FD from OFFSET on */
	int fd;
	uint64_t offset, body_len;
	bool is_farewell;    /* sent although we are to end; nobody waits long for the answer */
	unsigned patience_s; /* how long the registry may say nothing; 0: the usual time */
};

struct push_answer {
	struct http_headers headers;
	char *location; /* absolute, owned; NULL: none */
	bool is_foreign;
	uint64_t received; /* of Range: bytes that the registry has; */
	bool has_range;
	struct buffer body;  /* cut short */
	uint64_t body_bytes; /* as it was sent */
	CURLcode result;
	int64_t retry_after_s;
	char *url;         /* that answered: after redirects; owned */
	bool is_elsewhere; /* URL is not the host that was asked: whatever it wants to know, it learns nothing */
	char detail[CURL_ERROR_SIZE];
};
#define _cleanup_push_answer_ __attribute__((cleanup(push_answer_cleanup)))
void push_answer_cleanup(struct push_answer *a);

/* CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION, with a struct push_answer as their data. */
size_t push_answer_take_body(char *data, size_t size, size_t count, void *answer);
size_t push_answer_take_header(char *line, size_t size, size_t count, void *answer);
/* Make the Location absolute and find out whether it is foreign. */
int push_answer_resolve(struct push_client *c, struct push_answer *a, struct error *err);

/*
 * Send one request, after redirects, and once more with a fresh token. 0 means that there is an answer or a failure of the
 * transport in ANSWER: judge it by .result and .headers.status. -1: it makes no sense to go on.
 */
int push_perform(
	struct push_client *c, const struct push_call *call, struct push_answer *answer, struct error *err);

/* The same, again and again while the failure is one that may pass. */
int push_perform_patiently(
	struct push_client *c, const struct push_call *call, struct push_answer *answer, struct error *err);

/* May ANSWER's failure pass? */
bool push_is_transient(const struct push_answer *answer);
/* Wait before try number FAILURES + 1. -1 with ERR if we are to end. */
int push_wait(const struct push_answer *answer, unsigned failures, struct error *err);
/* What went wrong, with what the registry says of it. Returns -1. */
int push_error(struct push_client *c, const struct push_answer *answer, struct error *err);
