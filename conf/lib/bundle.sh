# shellcheck shell=bash
# bundle.sh - kept for scripts that source it by name. What it once held is done by the program enroot itself; the
# functions for hooks are in common.sh.
# shellcheck source=/dev/null
source "${BASH_SOURCE[0]%/*}/common.sh"
