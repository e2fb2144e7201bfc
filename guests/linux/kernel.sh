#!/bin/sh
# Fetches Debian's cloud kernel without installing it: its vmlinuz, byte for byte.
# Part in the monitor: none; it is the unmodified guest that the monitor has to carry.
#
# usage: kernel.sh FOLDER        needs apt, dpkg-deb and tar; neither root nor an installed kernel
set -eu
export LC_ALL=C

folder=$1
mkdir -p "$folder"
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$(dirname "$0")/../fetch.sh" --follow "$work" linux-image-cloud-amd64 './boot/vmlinuz-*'
cp "$work"/boot/vmlinuz-* "$folder/vmlinuz.new"
chmod 644 "$folder/vmlinuz.new"
sed 's/ .*//' "$work/package" > "$folder/vmlinuz.package"
mv "$folder/vmlinuz.new" "$folder/vmlinuz"
