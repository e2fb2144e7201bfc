#!/bin/sh
# Fetches files out of one of Debian's packages, without installing it and without being root.
# Part in the monitor: none; it is where the guests come from that were not written here.
#
# usage: fetch.sh [--arch ARCH] [--follow] FOLDER PACKAGE PATTERN...
#   --arch    another architecture than this system's: this system's own list of them stays as it is
#   --follow  PACKAGE only points to the newest build (linux-image-amd64 and xen-system-amd64 do): take what it points to
# The files that match the patterns (./boot/vmlinuz-*) come into FOLDER with their paths; FOLDER/package
# tells which package they are from.
set -eu
export LC_ALL=C

arch= follow=no
while :; do
	case ${1:-} in
	--arch) arch=$2; shift 2 ;;
	--follow) follow=yes; shift ;;
	*) break ;;
	esac
done
folder=$1 package=$2
shift 2
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# apt's sandbox user may not write here, and needs not: the archive's signatures are checked all the same.
set_apt() {
	apt_options="-o APT::Sandbox::User=$(id -un)"
	[ -n "$arch" ] || return 0
	state=$here/${BUILD:-build}/guests/apt-$arch
	apt_options="$apt_options -o APT::Architecture=$arch -o APT::Architectures=$arch
		-o Dir::State=$state -o Dir::State::lists=$state/lists -o Dir::State::status=$state/status
		-o Dir::Cache=$state/cache -o Dir::Etc::sourcelist=$state/sources.list
		-o Dir::Etc::sourceparts=$state/none -o Dir::Etc::preferencesparts=$state/none"
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/none"
	: >> "$state/status"
	# Debian's archives as this system names them, whatever form its own sources are written in.
	apt-get indextargets --format '$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p' | sort -u > "$state/sources.list.new"
	cmp -s "$state/sources.list.new" "$state/sources.list" || rm -f "$state/updated"
	mv "$state/sources.list.new" "$state/sources.list"
	[ -e "$state/updated" ] || update
	touch "$state/updated"
}

# One list of several that a mirror cannot give at the moment does not matter as long as another has the package.
update() {
	# shellcheck disable=SC2086
	apt-get -q $apt_options -o Acquire::Languages=none update ||
		echo "fetch.sh: not all of the archive's lists could be had; going on with the others" >&2
}

# The package to take: the one named, or what that depends on.
concrete() {
	if [ $follow = no ]; then
		# shellcheck disable=SC2086
		apt-cache $apt_options show --no-all-versions "$package" 2>/dev/null | sed -n 's/^Package: //p' | head -n 1
	else
		# shellcheck disable=SC2086
		apt-cache $apt_options show --no-all-versions "$package" 2>/dev/null |
			sed -n -E 's/^Depends:.*((linux-image|xen-hypervisor)-[0-9][^ ,(]*).*/\1/p' | head -n 1
	fi
}

set_apt
wanted=$(concrete)
if [ -z "$wanted" ] && { [ -n "$arch" ] || [ "$(id -u)" = 0 ]; }; then
	update
	wanted=$(concrete)
fi
if [ -z "$wanted" ]; then
	echo "fetch.sh: apt does not know $package: run 'apt-get update' as root first" >&2
	exit 1
fi

work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Lists that are older than the archive name files that have gone from it.
# shellcheck disable=SC2086
if ! (cd "$work" && apt-get -q $apt_options download "$wanted"); then
	[ -n "$arch" ] || [ "$(id -u)" = 0 ] || exit 1
	update
	wanted=$(concrete)
	(cd "$work" && apt-get -q $apt_options download "$wanted")
fi
dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$folder" --no-same-owner --wildcards "$@"
dpkg-deb -W --showformat='${Package} ${Version} ${Architecture}\n' "$work"/*.deb > "$folder/package"
cat "$folder/package"
