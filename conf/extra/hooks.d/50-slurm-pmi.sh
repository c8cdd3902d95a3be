#!/bin/sh
# enroot-builtin-hook
#
# variables and folder of PMI and PMIx, for MPI programs started by srun.
# A link to this file, or a copy, in hooks.d enables the hook of this name, which is part of enroot. So does
# ENROOT_HOOKS_EXTRA=slurm-pmi. The file itself does nothing.
exit 0
