/*
 * cmd/usage.h - what several commands say about themselves in the same words
 */
#pragma once

#define USAGE_SOURCES                                                                                 \
	" URI:\n"                                                                                     \
	"   docker://[USER@][REGISTRY#]IMAGE[:TAG][@DIGEST]  Image of a registry\n"                   \
	"   docker://[USER@]REGISTRY/IMAGE[:TAG][@DIGEST]\n"                                          \
	"   dockerd://IMAGE[:TAG]                            Image of the Docker daemon\n"            \
	"   podman://IMAGE[:TAG]                             Image of Podman\n"                       \
	"   oci:DIR[:TAG]                                    OCI image layout\n"                      \
	"   oci-archive:FILE[:TAG]                           The same as a tar file\n"                \
	"   docker-archive:FILE[:NAME:TAG]                   File of docker save\n"                   \
	"   tar:FILE                                         Root filesystem as a tar file (-: from " \
	"stdin)\n"
