#!/bin/sh
# Makes a BIOS disk on which GRUB starts memtest86+ at once: MBR, GRUB's core behind it, one FAT partition.
# Part in the monitor: none; what a PC boots from, made without being root.
#
# usage: disk.sh MEMTEST IMAGE
set -eu
export LC_ALL=C

memtest=$1 image=$2
grub=/usr/lib/grub/i386-pc
sectors=16384 first=2048
work=$(mktemp -d "$(dirname "$image")/disk.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat > "$work/grub.cfg" <<'CFG'
set timeout=0
menuentry "memtest86+" {
	linux16 /memtest.bin console=ttyS0,115200
}
CFG
# GRUB's boot sector looks for its core in sector 1, and that for the rest of itself in sector 2: both defaults.
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o "$work/core.img" biosdisk part_msdos fat normal linux16
disk=$work/disk
truncate -s $((sectors * 512)) "$disk"
dd if="$grub/boot.img" of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none
# The partition table's one entry (active, FAT16 by LBA) and the signature. A core that were too long would show here.
[ "$(stat -c %s "$work/core.img")" -le $(((first - 1) * 512)) ]
le32() {
	printf '%08x' "$1" | sed 's/\(..\)\(..\)\(..\)\(..\)/\\x\4\\x\3\\x\2\\x\1/'
}
/usr/bin/printf "\\x80\\xfe\\xff\\xff\\x0e\\xfe\\xff\\xff$(le32 $first)$(le32 $((sectors - first)))" |
	dd of="$disk" bs=1 seek=446 conv=notrunc status=none
/usr/bin/printf '\x55\xaa' | dd of="$disk" bs=1 seek=510 conv=notrunc status=none
part=$disk@@$((first * 512))
mformat -i "$part" -T $((sectors - first)) -h 16 -s 63 -H $first -v MEMTEST ::
mmd -i "$part" ::/boot ::/boot/grub
mcopy -i "$part" "$work/grub.cfg" ::/boot/grub/grub.cfg
mcopy -i "$part" "$memtest" ::/memtest.bin
mv "$disk" "$image"
