/*
 * A blob in three steps: POST opens an upload, PATCH sends the bytes in one request, PUT names the digest. Docker and podman
 * do the same, so every registry knows it. After a broken PATCH the registry is asked how much it has, and is sent the rest;
 * where it does not say, or has lost it, the upload begins anew.
 */
#include "source/registry/upload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/str.h"

/* After so many new bytes a failure counts as the first one again. */
#define PROGRESS_BYTES ((uint64_t)1 << 20)
/* Registries take their time to store what they have got. */
#define PATIENCE_S     600

struct upload {
	struct push_client *client;
	const struct push_blob *blob;
	char *location; /* owned: where the next request goes; NULL: no upload is open */
	bool is_foreign;
	uint64_t sent; /* bytes that the registry has confirmed */
};

/* What became of a step. */
enum outcome { DONE, AGAIN, FAILED };

static void drop_location(struct upload *u)
{
	free(steal_pointer(&u->location));
	u->is_foreign = false;
	u->sent = 0;
}

static void take_location(struct upload *u, struct push_answer *a)
{
	if (a->location == NULL)
		return;
	free(u->location);
	u->location = steal_pointer(&a->location);
	u->is_foreign = a->is_foreign;
}

/* The registry has the blob already. */
static int is_there(struct upload *u, bool *is, struct error *err)
{
	_cleanup_push_answer_ struct push_answer a = { 0 };
	_cleanup_free_ char *url = registry_url(u->client->registry, "blobs", u->blob->digest);
	const struct push_call call = { .method = "HEAD", .url = url };
	if (push_perform_patiently(u->client, &call, &a, err) < 0)
		return -1;
	*is = a.result == CURLE_OK && a.headers.status == 200;
	if (a.result == CURLE_OK && a.headers.status != 401)
		return 0;
	push_error(u->client, &a, err);
	return -1;
}

/* ERR says what happened. Is it worth another try? */
static enum outcome judge(struct upload *u, const struct push_answer *a, struct error *err)
{
	/* The upload is not known any more, or is not where we think: from the front. */
	static const long lost[] = { 400, 404, 409, 410, 416 };
	push_error(u->client, a, err);
	bool is_lost = false;
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++)
		is_lost |= a->result == CURLE_OK && a->headers.status == lost[i];
	/* A signed address that we were sent to has ended. */
	is_lost |= (u->is_foreign || a->is_elsewhere) && a->result == CURLE_OK &&
		   (a->headers.status == 401 || a->headers.status == 403);
	if (is_lost)
		drop_location(u);
	return is_lost || push_is_transient(a) ? AGAIN : FAILED;
}

static int open_upload(struct upload *u, struct error *err)
{
	_cleanup_push_answer_ struct push_answer a = { 0 };
	_cleanup_free_ char *url = registry_url(u->client->registry, "blobs", "uploads/");
	const struct push_call call = { .method = "POST", .url = url, .has_body = true, .text = "" };
	if (push_perform_patiently(u->client, &call, &a, err) < 0)
		return -1;
	if (a.result != CURLE_OK || a.headers.status != 202) {
		push_error(u->client, &a, err);
		return -1;
	}
	if (a.location == NULL)
		return error_set(err, EPROTO, "%s does not say where to upload to", url);
	free(u->location);
	u->location = steal_pointer(&a.location);
	u->is_foreign = a.is_foreign;
	u->sent = 0;
	return 0;
}

/* The bytes that the registry lacks, in one request. */
static enum outcome send_bytes(struct upload *u, struct push_answer *a, struct error *err)
{
	char range[64];
	const struct push_blob *b = u->blob;
	snprintf(range, sizeof(range), "%" PRIu64 "-%" PRIu64, u->sent, b->size - 1);
	const struct push_call call = {
		.method = "PATCH",
		.url = u->location,
		.is_foreign = u->is_foreign,
		.content_type = "application/octet-stream",
		.content_range = u->sent != 0 ? range : NULL,
		.has_body = true,
		.fd = b->fd,
		.offset = u->sent,
		.body_len = b->size - u->sent,
		.patience_s = PATIENCE_S,
	};
	if (push_perform(u->client, &call, a, err) < 0)
		return FAILED;
	long status = a->headers.status;
	if (a->result != CURLE_OK || (status != 202 && status != 201 && status != 204))
		return judge(u, a, err);
	take_location(u, a);
	if (a->has_range && a->received < b->size) { /* the rest in another request */
		u->sent = a->received;
		error_set(err, EPROTO, "the registry took %" PRIu64 " of %" PRIu64 " bytes of %s",
			a->received, b->size, b->digest);
		return AGAIN;
	}
	u->sent = b->size;
	return DONE;
}

static enum outcome close_upload(struct upload *u, struct push_answer *a, struct error *err)
{
	_cleanup_free_ char *url = xasprintf(
		"%s%sdigest=%s", u->location, strchr(u->location, '?') != NULL ? "&" : "?", u->blob->digest);
	const struct push_call call = {
		.method = "PUT",
		.url = url,
		.is_foreign = u->is_foreign,
		.content_type = "application/octet-stream",
		.has_body = true,
		.text = "",
		.patience_s = PATIENCE_S,
	};
	if (push_perform(u->client, &call, a, err) < 0)
		return FAILED;
	if (a->result == CURLE_OK && (a->headers.status == 201 || a->headers.status == 204))
		return DONE;
	return judge(u, a, err);
}

/* After a failure: how much of it did arrive? If that cannot be found out, the upload is given up. */
static int find_place(struct upload *u, struct error *err)
{
	_cleanup_push_answer_ struct push_answer a = { 0 };
	if (u->location == NULL)
		return 0;
	const struct push_call call = { .method = "GET", .url = u->location, .is_foreign = u->is_foreign };
	if (push_perform(u->client, &call, &a, err) < 0)
		return -1;
	bool is_good =
		a.result == CURLE_OK && a.headers.status == 204 && a.has_range && a.received <= u->blob->size;
	if (!is_good) {
		drop_location(u);
		return 0;
	}
	take_location(u, &a);
	/* "0-0" of an upload that has nothing yet means nothing as well: one byte more is no loss. */
	u->sent = a.received > 1 ? a.received : 0;
	return 0;
}

static enum outcome try_once(struct upload *u, struct push_answer *a, struct error *err)
{
	if (u->location == NULL && open_upload(u, err) < 0)
		return FAILED;
	if (u->sent < u->blob->size) {
		enum outcome sent = send_bytes(u, a, err);
		if (sent != DONE)
			return sent;
	}
	return close_upload(u, a, err);
}

/* Nobody will go on with it: the registry need not keep what it has. */
static void give_up(struct upload *u)
{
	_cleanup_push_answer_ struct push_answer a = { 0 };
	_cleanup_error_ struct error ignored = ERROR_INIT;
	const struct push_call call = {
		.method = "DELETE", .url = u->location, .is_foreign = u->is_foreign, .is_farewell = true
	};
	if (u->location != NULL)
		(void)push_perform(u->client, &call, &a, &ignored);
	drop_location(u);
}

static int upload(struct upload *u, struct error *err)
{
	uint64_t progress_at = 0;
	for (unsigned failures = 0;;) {
		_cleanup_push_answer_ struct push_answer a = { 0 };
		enum outcome outcome = try_once(u, &a, err);
		if (outcome == DONE)
			return 0;
		if (outcome == FAILED || ++failures >= http_tries(&u->client->registry->options))
			return -1;
		log_warn("Upload of %s: %s: trying again", u->blob->digest, err->message);
		error_clear(err);
		if (push_wait(&a, failures, err) < 0 || find_place(u, err) < 0)
			return -1;
		bool is_there_now = false;
		if (u->location == NULL && is_there(u, &is_there_now, err) < 0)
			return -1;
		if (is_there_now) /* only the answer was lost */
			return 0;
		if (u->sent >= progress_at + PROGRESS_BYTES) {
			failures = 0;
			progress_at = u->sent;
		}
	}
}

int upload_begin(struct push_client *c, struct error *err)
{
	struct upload u = { .client = c };
	if (open_upload(&u, err) < 0)
		return -1;
	c->location = u.location;
	c->is_foreign = u.is_foreign;
	return 0;
}

void upload_end(struct push_client *c)
{
	struct upload u = { .client = c, .is_foreign = c->is_foreign };
	u.location = steal_pointer(&c->location);
	give_up(&u);
}

int upload_blob(struct push_client *c, const struct push_blob *blob, bool *is_new, struct error *err)
{
	struct upload u = { .client = c, .blob = blob };
	bool is_old = false;
	if (is_there(&u, &is_old, err) < 0)
		return -1;
	*is_new = !is_old;
	if (is_old)
		return 0;
	u.location = steal_pointer(&c->location);
	u.is_foreign = c->is_foreign;
	int r = upload(&u, err);
	if (r < 0)
		give_up(&u);
	free(u.location);
	return r;
}
