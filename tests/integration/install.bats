#!/usr/bin/env bats
# What `meson install` puts where, and what comes with it.

load helpers
setup() { common_setup; }
teardown() { common_teardown; }

@test "every file is where users, packages and hooks expect it" {
	local path
	while read -r path; do
		[ -e "$STAGE/$path" ] || {
			echo "missing: $path"
			false
		}
	done <<'PATHS'
usr/bin/enroot
usr/bin/enroot-mount
usr/bin/enroot-nsenter
usr/bin/enroot-switchroot
usr/bin/enroot-aufs2ovlfs
usr/bin/enroot-mksquashovlfs
usr/bin/enroot-makeself
usr/bin/enroot-pyxis-importer
usr/libexec/enroot/enroot-image
etc/enroot/enroot.conf
etc/enroot/enroot.conf.d/README
etc/enroot/environ.d/10-terminal.env
etc/enroot/mounts.d/10-system.fstab
etc/enroot/mounts.d/20-config.fstab
etc/enroot/hooks.d
usr/share/enroot/bash_completion
usr/share/enroot/apparmor.profile
usr/share/bash-completion/completions/enroot
usr/share/man/man1/enroot.1
usr/share/man/man1/enroot-pyxis-importer.1
usr/share/man/man5/enroot.conf.5
usr/share/doc/enroot/README.md
usr/share/doc/enroot/LICENSE
PATHS
	[ -z "$(find "$STAGE" -type f -perm /6000)" ]
	[ "$(readlink "$STAGE/usr/bin/enroot-mount")" = enroot ]
}

@test "every command has a manual page, and its options are in it" {
	local command option
	while read -r command; do
		[ -e "$STAGE/usr/share/man/man1/enroot-$command.1" ] || {
			echo "no page for $command"
			false
		}
		while read -r option; do
			[ "$option" != help ] || continue
			grep -qwF -- "$option" "$STAGE/usr/share/man/man1/enroot-$command.1" || {
				echo "$command --$option is not in its page"
				false
			}
		done < <(enroot "$command" --help | grep -oE -e '(^| )--[a-z-]+' | tr -d ' ' | sed 's/^--//' | sort -u)
	done < <(enroot help | sed -n 's/^   \([a-z][a-z]*\) .*/\1/p' | grep -vx help)
}

@test "enroot.conf names every setting that info knows, all commented out" {
	refute grep -vE '^(#|$)' "$STAGE/etc/enroot/enroot.conf"
	local key
	while read -r key; do
		grep -qE "^#$key\b" "$STAGE/etc/enroot/enroot.conf" || {
			echo "$key is not in enroot.conf"
			false
		}
	done < <(enroot info | sed -n 's/^  \(ENROOT_[A-Z_]*\)=.*/\1/p' | grep -vx ENROOT_VERSION)
}

@test "the bash completion completes commands, options and containers" {
	as_user mkdir -p home/.local/share/enroot/one home/.local/share/enroot/two
	touch image.sqsh other.txt
	cat >complete.bash <<'SCRIPT'
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_enroot
printf '%s\n' "${COMPREPLY[@]}"
SCRIPT
	complete() {
		as_user bash complete.bash "$STAGE/usr/share/enroot/bash_completion" "$@" | sort | paste -sd' '
	}
	[ "$(complete enroot sta)" = start ]
	[ "$(complete enroot remove o)" = one ]
	[ "$(complete enroot create --fo)" = --force ]
	[[ " $(complete enroot create '') " == *" image.sqsh "* ]]
	[[ " $(complete enroot create '') " != *" other.txt "* ]]
	[[ " $(complete enroot start '') " == *" two "* ]]
}

# old_package: the established tool's, with two of its hooks, in old.deb
old_package() {
	mkdir -p old/DEBIAN old/etc/enroot/hooks.d
	printf '# Copyright (c) NVIDIA CORPORATION\n' | tee old/etc/enroot/hooks.d/10-shadow.sh >old/etc/enroot/hooks.d/98-nvidia.sh
	printf '/etc/enroot/hooks.d/%s\n' 10-shadow.sh 98-nvidia.sh >old/DEBIAN/conffiles
	printf 'Package: enroot\nVersion: 4.0.1-1\nArchitecture: all\nMaintainer: x <x@localhost>\nDescription: x\n' >old/DEBIAN/control
	dpkg-deb --root-owner-group -b old old.deb >/dev/null
}

@test "the Debian package takes the place of the established tool's" {
	need_root
	release_only # what is packaged
	local deb in source=${BATS_TEST_DIRNAME%/*/*}
	deb=$(ENROOT_PACKAGE_BUILD=${ENROOT_TEST_BUILD_DIR:-$source/build/release} "$source/packaging/deb" "$WORK/debs")
	[[ $(dpkg-deb -f "$deb" Depends) == *libcurl4* ]]
	[ "$(dpkg-deb -f "$deb" Provides)" = enroot+caps ]
	[ -z "$(dpkg-deb -c "$deb" | grep -vE '^[-dl]rw.r.[-x]r.[-x] root/root ')" ]
	old_package
	mkdir -p root/var/lib/dpkg && touch root/var/lib/dpkg/status
	in=(dpkg "--root=$WORK/root" --force-script-chrootless --force-depends --force-confold --log=/dev/null -i)
	"${in[@]}" old.deb >dpkg.log
	echo '# ours' >>root/etc/enroot/hooks.d/98-nvidia.sh
	echo '# a site' >root/etc/enroot/hooks.d/60-site.sh
	"${in[@]}" "$deb" >>dpkg.log 2>&1
	(cd root/etc/enroot/hooks.d && echo *) >hooks
	[ "$(cat hooks)" = "60-site.sh 98-nvidia.sh.dpkg-bak" ]
	[ "$(dpkg-query "--admindir=$WORK/root/var/lib/dpkg" -W -f '${Status}' enroot)" = "install ok installed" ]
	[ "$(root/usr/bin/enroot version)" = "$(dpkg-deb -f "$deb" Version)" ]
}
