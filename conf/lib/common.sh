# shellcheck shell=bash
# common.sh - functions for hooks and conf scripts (bash)
#
# Source it as "${ENROOT_LIBRARY_PATH}/common.sh". The script that does so is expected to run with errexit, nounset
# and pipefail: a function that fails either ends it with an [ERROR] line or returns non-zero.

if [ -n "${_ENROOT_COMMON_SH-}" ]; then
	return 0
fi
_ENROOT_COMMON_SH=y

# Scripts test these: is standard error a terminal?
if [ -t 2 ]; then
	TTY_ON=y
else
	# shellcheck disable=SC2034
	TTY_OFF=y
fi

# common::fmt COLOUR TEXT: TEXT in a colour (red, green, yellow, blue, bold), if anybody sees it.
common::fmt() {
	local code=

	if [ -n "${TTY_ON-}" ]; then
		case "$1" in
		bold) code=1 ;;
		red) code=31 ;;
		green) code=32 ;;
		yellow) code=33 ;;
		blue) code=34 ;;
		esac
	fi
	if [ -n "${code}" ]; then
		printf '\033[%sm%s\033[0m' "${code}" "$2"
	else
		printf '%s' "$2"
	fi
}

# Control characters do not reach the terminal: the text may come from a server or an image.
common::_print() {
	printf '%s %s\n' "$1" "${2//[[:cntrl:]]/?}" >&2
}

# common::log [INFO|WARN|ERROR TEXT [NL]]: a line on standard error. TEXT "-" takes the lines from standard input.
# Without arguments, or with NL, an empty line follows on a terminal.
common::log() {
	local prefix='' line

	case "${1-}" in
	INFO) prefix=$(common::fmt blue '[INFO]') ;;
	WARN) prefix=$(common::fmt yellow '[WARN]') ;;
	ERROR) prefix=$(common::fmt red '[ERROR]') ;;
	esac
	if [ "${2-}" = - ]; then
		while IFS= read -r line || [ -n "${line}" ]; do
			common::_print "${prefix}" "${line}"
		done
	elif [ -n "${2-}" ]; then
		common::_print "${prefix}" "$2"
	fi
	if [ -n "${TTY_ON-}" ] && { [ $# -eq 0 ] || [ "${3-}" = NL ]; }; then
		echo >&2
	fi
}

# common::err TEXT: an [ERROR] line, and the end of the script.
common::err() {
	common::log ERROR "$1"
	exit 1
}

# common::rmall PATH: remove a tree, also one with directories that cannot be entered, but no other file system.
common::rmall() {
	if ! rm -rf --one-file-system --preserve-root -- "$1" 2>/dev/null; then
		chmod -R -f u+rwX -- "$1" || :
		rm -rf --one-file-system --preserve-root -- "$1"
	fi
}

# common::mktmpdir PREFIX: make a private directory below $ENROOT_TEMP_PATH and print its path.
common::mktmpdir() (
	umask 077
	exec mktemp -d -- "${ENROOT_TEMP_PATH:-${TMPDIR:-/tmp}}/$1.XXXXXXXXXX"
)

# common::read …: read(1) of the shell, to which the end of the input is no failure.
common::read() {
	# shellcheck disable=SC2162
	read "$@" || :
}

# common::readstrarray NAME TEXT: the lines of TEXT as the array NAME, which is left alone if there are none.
common::readstrarray() {
	[ -z "$2" ] || mapfile -t "$1" <<<"$2"
}

common::chdir() {
	cd -- "$1" 2>/dev/null || common::err "Could not change directory: $1"
}

# common::curl …: curl(1); an HTTP status of 400 or more ends the script, unless it is among the words of $CURL_IGNORE.
# With $CURL_ERROUT set, its messages go to standard output as well.
common::curl() {
	local body fd code='' status=0 ignored

	body=$(mktemp -- "${ENROOT_TEMP_PATH:-${TMPDIR:-/tmp}}/curl.XXXXXXXXXX")
	exec {fd}>&1
	if [ -n "${CURL_ERROUT+set}" ]; then
		code=$(curl --output "${body}" --write-out '%{http_code}' "$@" 2>&"${fd}") || status=$?
	else
		code=$(curl --output "${body}" --write-out '%{http_code}' "$@") || status=$?
	fi
	exec {fd}>&-
	cat -- "${body}" || status=$?
	rm -f -- "${body}"
	if [[ "${code}" =~ ^[0-9]+$ ]] && [ "${code}" -ge 400 ]; then
		for ignored in ${CURL_IGNORE-}; do
			[ "${code}" != "${ignored}" ] || return 0
		done
		common::err "URL ${*: -1} returned error code: ${code}"
	fi
	return "${status}"
}

common::jq() {
	jq "$@" 2>/dev/null || common::err "Could not process JSON input"
}

# common::realpath PATH: PATH without symlinks; its last component may be missing.
common::realpath() {
	local path

	path=$(readlink -f -- "$1" 2>/dev/null) || common::err "No such file or directory: $1"
	printf '%s' "${path}"
}

# common::envsubst FILE: print FILE with ${VAR} replaced from the environment, once.
common::envsubst() {
	local line rest out name

	[ -f "$1" ] || return 0
	while IFS= read -r line || [ -n "${line}" ]; do
		out='' rest=${line}
		while [[ "${rest}" =~ ^([^$]*)(.*)$ ]]; do
			out+=${BASH_REMATCH[1]} rest=${BASH_REMATCH[2]}
			if [[ "${rest}" =~ ^[$]\{([A-Za-z_][A-Za-z0-9_]*)\}(.*)$ ]]; then
				name=${BASH_REMATCH[1]} rest=${BASH_REMATCH[2]}
				out+=$(printenv -- "${name}" || :)
			elif [ -n "${rest}" ]; then
				out+=${rest:0:1} rest=${rest:1}
			else
				break
			fi
		done
		printf '%s\n' "${out}"
	done <"$1"
}

# common::envfmt FILE: reduce FILE to well-formed KEY=VALUE lines, without ENROOT_* and without quotes around values.
common::envfmt() {
	local file=$1 line value lines=()

	while IFS= read -r line || [ -n "${line}" ]; do
		line=${line#"${line%%[![:space:]]*}"}
		[[ "${line}" =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || continue
		[[ "${line}" != ENROOT_* ]] || continue
		value=${line#*=}
		if [[ "${value}" =~ ^[\"\'](.*)[\"\'][[:space:]]*$ ]]; then
			value=${BASH_REMATCH[1]}
		fi
		lines+=("${line%%=*}=${value}")
	done <"${file}"
	if [ ${#lines[@]} -eq 0 ]; then
		: >"${file}"
	else
		printf '%s\n' "${lines[@]}" >"${file}"
	fi
}

# common::evalnetrc FILE: print the lines of a credentials file with secrets that begin with "$" evaluated by the shell.
common::evalnetrc() {
	local line word secret pattern='^((([^[:space:]]+)[[:space:]]+){5})([$].*)$'

	[ -f "$1" ] || return 0
	while IFS= read -r line || [ -n "${line}" ]; do
		if [[ "${line#"${line%%[![:space:]]*}"}" =~ ${pattern} ]]; then
			word=${BASH_REMATCH[1]} secret=${BASH_REMATCH[4]}
			printf '%s%s\n' "${word}" "$(sh -c "echo ${secret}" </dev/null)"
		else
			printf '%s\n' "${line}"
		fi
	done <"$1"
}

# common::runparts list|exec SUFFIX DIR: print or run the files *SUFFIX of DIR, in the order of their names.
common::runparts() {
	local file LC_ALL=C

	for file in "$3"/*"$2"; do
		[ -e "${file}" ] || continue
		if [ "$1" = list ]; then
			printf '%s\n' "${file}"
		elif [ -x "${file}" ]; then
			"${file}" || common::err "${file} exited with return code $?"
		fi
	done
}

# common::checkcmd COMMAND…: end the script unless all of them are there.
common::checkcmd() {
	local name

	for name; do
		command -v -- "${name}" >/dev/null || common::err "Command not found: ${name}"
	done
}

# common::fixperms DIR: let the owner read everything, and write and enter the upper directories.
common::fixperms() {
	chmod -R -f u+rX -- "$1" || :
	find "$1" -maxdepth 5 -type d ! -perm -u=w -exec chmod -f u+w -- {} +
}

# common::_outer_id FILE OPTION: the caller's id as outside of the container, from the one line of FILE; id(1) with
# OPTION where there is no user namespace, whose line would name all ids.
common::_outer_id() {
	local _ id count

	read -r _ id count <"$1"
	if [ "${count}" = 4294967295 ]; then
		id "$2"
	else
		printf '%s' "${id}"
	fi
}

# The passwd and the group line of the caller, as outside of the container.
common::getpwent() {
	getent passwd "$(common::_outer_id /proc/self/uid_map -u)"
}

common::getgrent() {
	getent group "$(common::_outer_id /proc/self/gid_map -g)"
}

# common::debarch MACHINE: Debian's name for what uname -m says.
common::debarch() {
	case "$1" in
	x86_64) printf amd64 ;;
	aarch64) printf arm64 ;;
	ppc64le) printf ppc64le ;;
	*) common::err "Unsupported architecture: $1" ;;
	esac
}

# common::mountpoint PATH: the mount point that PATH is on.
common::mountpoint() {
	local path

	path=$(common::realpath "$1")
	while [ -n "${path}" ] && ! mountpoint -q -- "${path}"; do
		path=${path%/*}
	done
	printf '%s' "${path:-/}"
}
