/*
 * source/registry/http.h - HTTP requests through libcurl
 *
 * Redirects are followed by us, not by libcurl: at most HTTP_HOPS_MAX, Authorization is dropped as soon as scheme,
 * host or port change, and https never becomes http. Proxies come from the environment (http_proxy … no_proxy),
 * trusted certificates from SSL_CERT_FILE and SSL_CERT_DIR or the system.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/strv.h"

#define HTTP_HOPS_MAX 10

struct http_options {
	unsigned connect_timeout_s;  /* 0: libcurl's */
	unsigned transfer_timeout_s; /* 0: none */
	int retries;                 /* -1: unset, HTTP_TRIES_DEFAULT tries */
	bool allow_http;
	const struct certs *certs; /* borrowed, may be NULL */
};

/* What the answer's headers said. */
struct http_headers {
	long status;
	struct strv www_authenticate;
	char *content_digest; /* Docker-Content-Digest */
	char *content_type, *etag;
	uint64_t range_start; /* of Content-Range */
	bool has_range;
};
void http_headers_cleanup(struct http_headers *h);
/* CURLOPT_HEADERFUNCTION, with a struct http_headers as its data. */
size_t http_headers_take(char *line, size_t size, size_t count, void *headers);

/* Where a request goes, from hop to hop. */
struct http_hop {
	char *url;
	bool drops_authorization; /* the host is not the first one any more */
	unsigned count;
};
void http_hop_cleanup(struct http_hop *hop);
void http_hop_start(struct http_hop *hop, const char *url);
/* Do both URLs have one scheme, host and port? */
bool http_is_same_origin(CURLU *a, CURLU *b);
/* Is STATUS a redirect that is followed? */
bool http_is_redirect(long status);
/* Go on to where the answer that EASY just got sends us. */
int http_hop_follow(struct http_hop *hop, CURL *easy, struct error *err);

/* The end of a list of headers that may hold a secret. */
void http_free_headers(struct curl_slist *list);

/* Options that every request has; those that depend on the URL are certs_apply()'s. */
void http_configure(CURL *easy, const struct http_options *options);

/* May the request be repeated after this answer or failure? IS_KNOWN: the host has answered before. */
bool http_is_transient(CURLcode result, long status, bool is_known);
/* How often a request is tried, and how long to wait before try number FAILURES + 1. RETRY_AFTER_S: what the
 * server asked for, or 0. Returns -1 if the wait is longer than anybody wants. */
unsigned http_tries(const struct http_options *options);
int64_t http_backoff_ms(unsigned failures, int64_t retry_after_s);
/* Wait; -1 with ERR on an interrupt. */
int http_wait(int64_t ms, struct error *err);

/* "URL U returned error code: N REASON", or what libcurl says of EASY (may be NULL), with a remedy. The query of U is
 * left out: it may hold a signature. */
int http_error_status(struct error *err, const char *url, long status);
int http_error_curl(struct error *err, const char *url, CURLcode result, const char *detail, CURL *easy);
/* URL without its query; the caller owns it. */
char *http_url_for_messages(const char *url);

/* A client for one request after the other, from one thread at a time; the connection is kept. */
struct http;
struct http *http_new(const struct http_options *options);
void http_free(struct http *h);
const struct http_options *http_get_options(const struct http *h);

struct http_request {
	const char *url;
	const char *accept;        /* a whole header line, or NULL */
	const char *authorization; /* value of the header, or NULL */
	const char *form;          /* the body of a POST; NULL: GET */
	size_t max_body;           /* a longer answer is an error */
	bool refuse_local;         /* do not connect to loopback and link-local addresses */
};

struct http_response {
	struct http_headers headers;
	struct buffer body;
	bool is_local; /* the peer's address was loopback or link-local */
	bool is_elsewhere; /* after redirects it is not the host that was asked: a 401 of its is no challenge to answer */
};
#define _cleanup_http_response_ __attribute__((cleanup(http_response_cleanup)))
void http_response_cleanup(struct http_response *r);

/* Perform a request, with redirects and retries. Any final status is success: look at it. */
int http_perform(struct http *h, const struct http_request *request, struct http_response *response,
	struct error *err);

/* TEXT for a query or form; the caller owns it. */
char *http_escape(const char *text);
