#!/bin/sh
# enroot-builtin-hook
#
# variables of torch.distributed, where the image sets PYTORCH_VERSION.
# A link to this file, or a copy, in hooks.d enables the hook of this name, which is part of enroot. So does
# ENROOT_HOOKS_EXTRA=slurm-pytorch. The file itself does nothing.
exit 0
