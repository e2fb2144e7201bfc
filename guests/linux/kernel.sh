#!/bin/sh
# Fetches Debian's cloud kernel without installing it: its vmlinuz, byte for byte.
# Part in the monitor: none; it is the unmodified guest that the monitor has to carry.
#
# usage: kernel.sh FOLDER        needs apt, dpkg-deb and tar; neither root nor an installed kernel
set -eu
export LC_ALL=C

meta=linux-image-cloud-amd64
folder=$1
mkdir -p "$folder"

# The package everybody names is only a pointer to the newest build; the image is in what it
# points to.
concrete() {
	apt-cache show --no-all-versions "$meta" 2>/dev/null |
		sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,(]*\).*/\1/p' | head -n 1
}

package=$(concrete)
if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
	apt-get -q update
	package=$(concrete)
fi
if [ -z "$package" ]; then
	echo "kernel.sh: apt does not know $meta: run 'apt-get update' as root first" >&2
	exit 1
fi

work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
# apt's sandbox user may not write here, and needs not: the archive's signatures are checked all
# the same.
(cd "$work" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "$package")
dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*'
cp "$work"/boot/vmlinuz-* "$folder/vmlinuz.new"
chmod 644 "$folder/vmlinuz.new"
echo "$package" > "$folder/vmlinuz.package"
mv "$folder/vmlinuz.new" "$folder/vmlinuz"
echo "vmlinuz of $package"
