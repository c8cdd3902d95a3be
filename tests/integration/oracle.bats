#!/usr/bin/env bats
# The same trees as others make: umoci, the kernel, squashfs-tools, squashfs-tools-ng.

load helpers
setup() {
	common_setup
	DATA=$WORK/home/.local/share/enroot
}
teardown() { common_teardown; }

# What the contract names as differing: devices, /dev, the four files; owners (kept by umoci in an attribute of
# its own); set-uid, stripped on extraction; security attributes. Directories that no layer names have no time of
# their own, and /etc changes when the four files come.
ODD_EXCEPTIONS=(--exclude 'dev/*' --exclude 'etc/rc' --exclude 'etc/rc.local' --exclude 'etc/environment'
	--exclude 'etc/fstab' --ignore-xattr user.rootlesscontainers --ignore-xattr security.
	--no-mtime . --no-mtime etc --repair-modes --strip-setid)

same_as_umoci() {
	local name=$1 from=${2:-$1}
	shift
	[ $# -eq 0 ] || shift
	need_image "$name"
	oracle_tree "$from"
	enroot import -o "$name.sqsh" "docker://$REGISTRY#$name:1"
	enroot create "$name.sqsh"
	manifest "${ODD_EXCEPTIONS[@]}" "$@" "$ORACLE" >want
	manifest "${ODD_EXCEPTIONS[@]}" "$@" "$DATA/$name" >got
	[ "$(wc -l <got)" -gt 10 ]
	same_listing want got
	# What was excluded is the product's own business, but must be there.
	[ -s "$DATA/$name/etc/rc" ] && [ -e "$DATA/$name/etc/environment" ] && [ -e "$DATA/$name/etc/fstab" ]
	# The image says what the directory says, modes of the repair included.
	[ -z "$(as_tree_owner find "$DATA/$name" ! -perm -400 ! -type l)" ]
}

# umoci sets o/d1/sub's time when it applies the opaque mark that follows the directory's entry.
ODD=(--exclude opt/char --exclude opt/block --no-mtime o/d1/sub)

@test "umoci: the odd image, gzip" {
	same_as_umoci odd odd "${ODD[@]}"
}

@test "umoci: the odd image, zstd layers" {
	same_as_umoci odd-zstd odd "${ODD[@]}"
}

@test "umoci: the odd image, layers of all kinds mixed" {
	same_as_umoci odd-mixed odd "${ODD[@]}"
}

@test "umoci: busybox" {
	same_as_umoci busybox
}

@test "umoci: Debian" {
	same_as_umoci debian
}

# The images that the readers below are tried on: made once.
odd_image() {
	need_image odd
	[ -e "$SUITE/images/odd.sqsh" ] || {
		enroot import -o "$WORK/.odd.sqsh" "docker://$REGISTRY#odd:1" 2>/dev/null
		cp "$WORK/.odd.sqsh" "$SUITE/images/.odd.sqsh"
		mv "$SUITE/images/.odd.sqsh" "$SUITE/images/odd.sqsh"
		rm -f "$WORK/.odd.sqsh"
	}
	IMAGE=$SUITE/images/odd.sqsh
}

# unsquash DIR IMAGE: unsquashfs as the test user (it leaves an empty file's mode to the umask).
unsquash() {
	as_user sh -c 'umask 0 && exec unsquashfs -q -n -no-progress -d "$1" "$2"' sh "$1" "$2" >log 2>&1 || {
		cat log
		return 1
	}
}

# kernel_listing IMAGE OPTION…: the manifest of the kernel's view.
kernel_listing() {
	local image=$1
	shift
	mkdir -p mnt
	mount -t squashfs -o ro,loop "$image" mnt
	"$TOOLS/tree-manifest.py" "$@" mnt || {
		umount mnt
		return 1
	}
	umount mnt
}

need_kernel_squashfs() {
	need_root
	odd_image
	mkdir -p probe
	mount -t squashfs -o ro,loop "$IMAGE" probe 2>/dev/null || skip "no squashfs or loop devices in this kernel"
	umount probe
}

@test "the kernel mounts what import writes, and sees what create makes (root: owners and modes too)" {
	need_kernel_squashfs
	root_enroot create -n c "$IMAGE"
	kernel_listing "$IMAGE" --owners --ignore-xattr security. >want
	manifest --owners --ignore-xattr security. "$WORK/root/home/.local/share/enroot/c" >got
	same_listing want got
}

@test "unsquashfs extracts what import writes as create does" {
	odd_image
	enroot create -n c "$IMAGE"
	unsquash un "$IMAGE"
	manifest --strip-setid --ignore-xattr security. un >want
	manifest --strip-setid --ignore-xattr security. "$DATA/c" >got
	same_listing want got
}

@test "sqfs2tar of squashfs-tools-ng reads what import writes" {
	odd_image
	rdsquashfs -d "$IMAGE" >/dev/null
	sqfs2tar "$IMAGE" >ng.tar
	[ "$(tar -tf ng.tar 2>/dev/null | wc -l)" -gt 500 ]
}

# A tree with devices' place taken by nothing: what any tool may pack as root or as the user.
source_tree() {
	odd_image
	unsquash tree "$IMAGE"
	manifest --strip-setid tree >want
}

reads_image() {
	local name=$1
	enroot create -n "$name" "$name.sqsh"
	manifest --strip-setid "$DATA/$name" >got
	same_listing want got || {
		echo "image: $name"
		return 1
	}
	enroot remove -f "$name"
}

mksquashfs_compressors() {
	mksquashfs 2>&1 | sed -n '/^Compressors available/,$p' | grep -oE '^[[:space:]]+(gzip|lzma|lzo|lz4|xz|zstd)\b' | tr -d ' \t'
}

# Which shapes the slow build looks at: every third. Memory errors do not need them all.
is_sampled() {
	[ "$BUILD" = release ] || (($1 % 3 == 1))
}

@test "create reads mksquashfs images in every compressor" {
	source_tree
	[ "$(mksquashfs_compressors | wc -l)" -ge 5 ]
	for comp in $(mksquashfs_compressors); do
		as_user mksquashfs tree "$comp.sqsh" -comp "$comp" -no-progress -quiet >log 2>&1 || { cat log && false; }
		reads_image "$comp"
	done
}

@test "create reads mksquashfs images of every shape" {
	source_tree
	local i=0 options
	while read -r options; do
		i=$((i + 1))
		is_sampled $i || continue
		# shellcheck disable=SC2086
		as_user mksquashfs tree "shape$i.sqsh" -no-progress -quiet $options >log 2>&1 || { cat log && false; }
		reads_image "shape$i" || {
			echo "options: $options"
			false
		}
		rm "shape$i.sqsh"
	done <<'SHAPES'
-noI -noD -noF -noX
-noI -comp zstd
-noD -comp lz4
-b 4096
-b 1M -comp xz
-no-fragments
-always-use-fragments -b 64K
-no-exports -no-duplicates
-no-sparse
-comp lz4 -Xhc
-comp xz -Xbcj x86
-comp gzip -Xwindow-size 8
-comp zstd -Xcompression-level 19
-nopad -all-root
SHAPES
}

@test "create reads images of squashfs-tools-ng" {
	source_tree
	tar --xattrs --xattrs-include='user.*' -C tree -cf tree.tar .
	for comp in gzip lzo lz4 xz zstd lzma; do
		tar2sqfs -q -f -c "$comp" "ng-$comp.sqsh" <tree.tar 2>log || {
			grep -qi 'not supported\|unsupported\|unknown' log && continue
			cat log
			false
		}
		enroot create -n "ng-$comp" "ng-$comp.sqsh"
		manifest --strip-setid --no-mtime . "$DATA/ng-$comp" >got
		manifest --strip-setid --no-mtime . tree >want-ng
		same_listing want-ng got
		enroot remove -f "ng-$comp"
	done
	as_user gensquashfs -q -D tree -k gen.sqsh 2>log || gensquashfs -q -D tree gen.sqsh
	enroot create gen.sqsh
	manifest --strip-setid --no-mtime '*' --ignore-xattr user. "$DATA/gen" | sed 's/ link=.*//' >got
	manifest --strip-setid --no-mtime '*' --ignore-xattr user. tree | sed 's/ link=.*//' >want-gen
	same_listing want-gen got
}

@test "unsquashfs and the kernel read what export writes, in every compressor and shape" {
	odd_image
	enroot create -n c "$IMAGE"
	manifest --strip-setid --exclude .lock --exclude 'dev/*' "$DATA/c" >want
	local options i=0 name
	while read -r options; do
		i=$((i + 1)) name=export$i
		is_sampled $i || continue
		ENROOT_SQUASH_OPTIONS=$options enroot export -o "$name.sqsh" c
		rm -rf un
		unsquash un "$name.sqsh" || {
			echo "options: $options"
			false
		}
		manifest --strip-setid un >got
		same_listing want got || {
			echo "options: $options"
			false
		}
		if is_root && mkdir -p probe && mount -t squashfs -o ro,loop "$name.sqsh" probe 2>/dev/null; then
			umount probe
			kernel_listing "$name.sqsh" --strip-setid >got
			same_listing want got || {
				echo "kernel, options: $options"
				false
			}
		fi
		reads_image_of "$name"
		as_user chmod -R u+rwX un
	done <<'SHAPES'
-comp zstd
-comp zstd -Xcompression-level 9 -b 1M
-comp gzip
-comp gzip -Xcompression-level 1 -b 64K
-comp lz4
-comp xz
-comp zstd -noD
-comp lz4 -noI -noD -noF -noX
-comp zstd -no-fragments -b 4K
-comp gzip -no-duplicates
SHAPES
}

reads_image_of() {
	enroot create -n "$1" "$1.sqsh"
	manifest --strip-setid "$DATA/$1" >got
	same_listing want got
	enroot remove -f "$1"
}

@test "-comp lzo when writing: zstd, with one line that says so" {
	odd_image
	enroot create -n c "$IMAGE"
	export ENROOT_SQUASH_OPTIONS="-comp lzo -noD -exit-on-error"
	run --separate-stderr enroot export -o lzo.sqsh c
	[ "$status" -eq 0 ]
	[ "$(grep -c '^\[INFO\].*lzo' <<<"$stderr")" -eq 1 ]
	unsquashfs -s lzo.sqsh | grep -q 'Compression zstd'
}
