/*
 * source/registry/reference.h - docker://[USER@][REGISTRY#]IMAGE[:TAG][@DIGEST] and docker://[USER@]REGISTRY/IMAGE…
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define REFERENCE_DOCKER_HUB "registry-1.docker.io"

struct reference {
	char *user;       /* NULL if none */
	char *password;   /* of USER:PASSWORD@, NULL if none; never to be shown */
	char *registry;   /* HOST[:PORT], lower case */
	char *repository; /* as in the registry's URLs: "library/ubuntu" */
	char *tag;        /* never NULL: "latest" when none was given */
	bool tag_given;
	char *digest; /* NULL if none; it decides where both are given */
};

#define _cleanup_reference_ __attribute__((cleanup(reference_cleanup)))
void reference_cleanup(struct reference *r);

/* Parse URI with its scheme. ERR: "Invalid image reference: URI" (a password is left out) and why as the hint. */
int reference_parse(struct reference *r, const char *uri, struct error *err);

/* What /etc/rc records: docker://REGISTRY#REPOSITORY:TAG, or :DIGEST in the tag's place. The caller owns it. */
char *reference_provenance(const struct reference *r);

/* The default name of outputs: "nvidia+cuda+12", "ubuntu", "ubuntu+sha256:HEX". The caller owns it. */
char *reference_default_name(const struct reference *r);

/* Is HOST one of the names of Docker Hub's registry? */
bool reference_is_docker_hub(const char *host);
