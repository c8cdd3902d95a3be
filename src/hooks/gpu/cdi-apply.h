/*
 * hooks/gpu/cdi-apply.h - doing what a specification says (private to the room)
 */
#pragma once

#include "hooks/gpu/cdi.h"
#include "hooks/gpu/inject.h"

/* Variables, device nodes, mounts, hooks, libraries: all that was selected, in the order of the specification. */
int cdi_apply(struct inject *in, const struct cdi_selection *selection, struct error *err);

/* One entry of "hooks": those of the NVIDIA toolkit are done here, others are run. */
int cdi_run_hook(struct inject *in, const struct cdi_spec *spec, const json_t *hook, struct error *err);
