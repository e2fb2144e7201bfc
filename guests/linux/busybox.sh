#!/bin/sh
# Finds a statically linked busybox: the installed one, or Debian's busybox-static unpacked here.
# Part in the monitor: none; it is the user space of the Linux guests.
#
# usage: busybox.sh FILE         where to put the copy
set -eu
export LC_ALL=C

file=$1
mkdir -p "$(dirname "$file")"

# A busybox that names an interpreter is linked dynamically and would not start in an empty root.
is_static() {
	[ -x "$1" ] && ! readelf -l "$1" | grep -q INTERP
}

for installed in /usr/bin/busybox /bin/busybox; do
	if is_static "$installed"; then
		cp "$installed" "$file.new"
		mv "$file.new" "$file"
		exit 0
	fi
done

work=$(mktemp -d "$(dirname "$file")/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
"$(dirname "$0")/../fetch.sh" "$work/root" busybox-static './*bin/busybox'
for unpacked in "$work/root/usr/bin/busybox" "$work/root/bin/busybox"; do
	if is_static "$unpacked"; then
		cp "$unpacked" "$file.new"
		mv "$file.new" "$file"
		exit 0
	fi
done
echo "busybox.sh: no static busybox in Debian's busybox-static" >&2
exit 1
