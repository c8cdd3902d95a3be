#!/bin/sh
# enroot-builtin-hook
#
# all MIG devices of the GPUs in a container may be configured.
# A link to this file, or a copy, in hooks.d enables the hook of this name, which is part of enroot. So does
# ENROOT_HOOKS_EXTRA=mig-config. The file itself does nothing.
exit 0
