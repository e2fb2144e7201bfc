#!/bin/sh
# Fetches one of Debian's full kernels: its vmlinuz byte for byte, and the modules that its guests need.
# Part in the monitor: none; the kernels are the unmodified guests that the monitor has to carry.
#
# usage: kernel.sh ARCH METAPACKAGE FOLDER     ARCH: amd64 or i386
# FOLDER gets vmlinuz, package and modules/lib/modules/VERSION: those of modules.list with all that they depend on,
# indexed for modprobe. An initial RAM disk has no use for all four thousand.
set -eu
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

here=$(cd "$(dirname "$0")" && pwd)
arch=$1 meta=$2
mkdir -p "$3"
folder=$(cd "$3" && pwd)
tree=$(mktemp -d "$folder/tree.XXXXXX")
trap 'rm -rf "$tree"' EXIT

foreign=
[ "$(dpkg --print-architecture)" = "$arch" ] || foreign="--arch $arch"
# shellcheck disable=SC2086
"$here/../fetch.sh" $foreign --follow "$tree" "$meta" './boot/vmlinuz-*' './lib/modules/*'

version=$(ls "$tree/lib/modules")
modules=$folder/modules/lib/modules/$version
rm -rf "$folder/modules"
mkdir -p "$modules"
cd "$tree/lib/modules/$version"
depmod -b "$tree" "$version"
pattern=$(sed 's/#.*//' "$here/modules.list" | tr -s ' \n' '\n\n' | sed '/^$/d; s/[-_]/[-_]/g' | paste -s -d '|')
# modules.dep: "module: what it needs, all of it"; a module that is built in, or that this kernel has not, has no line.
grep -E "/($pattern)\.ko:" modules.dep | tr -d ':' | tr ' ' '\n' | sort -u |
	tar -c -T - modules.order modules.builtin modules.builtin.modinfo | tar -x -C "$modules"
depmod -b "$folder/modules" "$version"

cp "$tree/package" "$folder/package"
cp "$tree"/boot/vmlinuz-* "$folder/vmlinuz.new"
chmod 644 "$folder/vmlinuz.new"
mv "$folder/vmlinuz.new" "$folder/vmlinuz"
