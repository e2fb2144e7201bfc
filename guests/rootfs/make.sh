#!/bin/sh
# Makes Debian's smallest system with systemd, as a compressed read-only root file system (squashfs).
# Part in the monitor: none; it is the user space that a guest with a disk boots to its login prompt.
#
# usage: make.sh IMAGE
# As root by debootstrap; as anybody else by mmdebstrap, in a user namespace. Nothing is installed or mounted here.
set -eu
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$(dirname "$1")"
folder=$(cd "$(dirname "$1")" && pwd)
image=$folder/$(basename "$1")
# Without D-Bus logind does not run, and nobody hears the power button.
include=systemd,systemd-sysv,udev,dbus

# This system's own release and mirror.
release=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME") || release=bookworm
mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
	sed -n "s/^Debian $release //p" | head -n 1)
if [ -z "$mirror" ]; then
	echo "make.sh: apt knows no mirror of Debian $release: run 'apt-get update' as root first" >&2
	exit 1
fi

work=$(mktemp -d "$folder/root.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ "$(id -u)" = 0 ]; then
	if ! debootstrap --variant=minbase --include="$include" "$release" "$work/root" "$mirror" \
			> "$work/log" 2>&1; then
		tail -n 5 "$work/log" "$work/root/debootstrap/debootstrap.log" >&2 || true
		exit 1
	fi
	"$here/customize.sh" "$work/root"
	(cd "$work/root" && tar -c --anchored --exclude-from="$here/exclude" ./*) > "$work/tar"
else
	# dpkg is told the same exclusions; they begin with . for tar.
	set --
	while read -r path; do
		case $path in ./usr/*) set -- "$@" "--dpkgopt=path-exclude=${path#.}" ;; esac
	done < "$here/exclude"
	mmdebstrap --quiet --mode=unshare --variant=minbase --include="$include" "$@" \
		--customize-hook="$here/customize.sh" "$release" "$work/tar" "$mirror"
fi
# zstd: 30 MB instead of lz4's 40, and in a slow emulator no slower: little of it is read until the login.
mksquashfs - "$work/image" -tar -comp zstd -Xcompression-level 15 -b 128K -no-xattrs -root-mode 0755 -quiet -no-progress < "$work/tar"
mv "$work/image" "$image"
echo "$image: $release, $(stat -c %s "$image") bytes"
