#!/bin/sh
# Makes a CD image that starts GRUB, finds nothing of GRUB on it, and so ends in GRUB's own rescue shell.
# Part in the monitor: none; GRUB is Debian's, byte for byte, and speaks by the BIOS only.
#
# usage: rescue.sh IMAGE
set -eu
export LC_ALL=C

mkdir -p "$(dirname "$1")"
work=$(mktemp -d "$(dirname "$1")/rescue.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/cd"
# No configuration and no module `normal` where the prefix says: "Entering rescue mode...".
grub-mkimage -O i386-pc-eltorito -p /boot/grub -o "$work/cd/eltorito.img" biosdisk iso9660
xorriso -as mkisofs -quiet -R -V RESCUE -o "$work/iso" -b eltorito.img -no-emul-boot -boot-load-size 4 \
	-boot-info-table --grub2-boot-info "$work/cd"
mv "$work/iso" "$1"
