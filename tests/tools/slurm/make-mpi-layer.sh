#!/bin/bash
# What an image needs for MPI, taken from this host's Open MPI: make-mpi-layer.sh OUT.tar
# /usr/bin/mpi-hello, /usr/bin/pmi2-hello, and the libraries and plugins that they load.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
out=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
libdir=/usr/lib/$(gcc -print-multiarch)

mkdir -p "$tree/usr/bin"
mpicc -O2 -Wall -Werror -o "$tree/usr/bin/mpi-hello" "$here/mpi-hello.c"
gcc -O2 -Wall -Werror -o "$tree/usr/bin/pmi2-hello" "$here/pmi2-hello.c" -lpmi2

# Plugins for hardware that is not here would bring half a distribution with them.
mapfile -t plugins < <(find "$libdir"/openmpi/lib/openmpi3 "$libdir"/pmix2/lib/pmix -name '*.so' |
	grep -vE '_(ucx|ofi|psm2?|cuda|monitoring|ugni|usnic|fs_|fbtl_|fcoll_|io_|sharedfp_)')
{
	printf '%s\n' "${plugins[@]}" "$libdir/libpmix.so.2"
	ldd "$tree/usr/bin/mpi-hello" "$tree/usr/bin/pmi2-hello" "${plugins[@]}" |
		sed -nE 's/^.* => (\/[^ ]+) .*/\1/p; s/^\t(\/[^ ]+ld-linux[^ ]+) .*/\1/p'
} | sort -u | while read -r file; do
	mkdir -p "$tree${file%/*}"
	cp -L "$file" "$tree$file"
done
# Help texts and defaults; /lib is where the host keeps it, a link to usr/lib or not.
mkdir -p "$tree/etc"
cp -rL /usr/share/openmpi "$tree/usr/share.openmpi" 2>/dev/null && mkdir -p "$tree/usr/share" &&
	mv "$tree/usr/share.openmpi" "$tree/usr/share/openmpi"
cp -rL /etc/openmpi "$tree/etc/openmpi" 2>/dev/null || true
tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -C "$tree" -cf "$out" .
