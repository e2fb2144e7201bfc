#!/usr/bin/python3
# Writes the Linux guests' root file system: a cpio archive, always the same bytes.
# Part in the monitor: none; it is the user space of the Linux guests.
"""usage: mkinitrd.py --busybox FILE [--applets FILE] [--tool FILE] --init FILE --profile FILE [--modules TREE] OUTPUT"""

import argparse
import gzip
import pathlib
import subprocess

DIRECTORIES = "bin dev etc mnt mnt/disk mnt/new mnt/root proc root run sbin sys tmp usr usr/bin usr/sbin".split()
TOOL_NAMES = "ticks cpuid fill machineoff".split()

S_DIR, S_FILE, S_LINK, S_CHAR = 0o040000, 0o100000, 0o120000, 0o020000


class Archive:
    """A newc archive in memory. Inode numbers count up and every time stamp is 0."""

    def __init__(self):
        self.parts = []
        self.inode = 0

    def add(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.parts.append(self.pad(head + raw) + self.pad(data))

    @staticmethod
    def pad(data):
        return data + b"\0" * (-len(data) % 4)

    def bytes(self):
        self.add("TRAILER!!!", 0)
        whole = b"".join(self.parts)
        return whole + b"\0" * (-len(whole) % 512)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def add_tree(archive, tree):
    for path in sorted(tree.rglob("*")):
        name = str(path.relative_to(tree))
        if path.is_dir():
            archive.add(name, S_DIR | 0o755)
        else:
            archive.add(name, S_FILE | 0o644, path.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in "busybox", "init", "profile":
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--tool", help="vmtool, where the kernel can run it")
    parser.add_argument("--applets", metavar="BUSYBOX", help="whose list of names to take, where this system cannot"
                        " run the other one; the same version")
    parser.add_argument("--modules", metavar="TREE", help="a folder that holds lib/modules/VERSION")
    parser.add_argument("output")
    args = parser.parse_args()

    archive = Archive()
    for name in DIRECTORIES:
        archive.add(name, S_DIR | (0o1777 if name == "tmp" else 0o755))
    # The kernel opens /dev/console for init before init can mount devtmpfs.
    archive.add("dev/console", S_CHAR | 0o600, device=(5, 1))
    archive.add("dev/null", S_CHAR | 0o666, device=(1, 3))
    archive.add("init", S_FILE | 0o755, read(args.init))
    archive.add("etc/profile", S_FILE | 0o644, read(args.profile))
    archive.add("etc/passwd", S_FILE | 0o644, b"root::0:0:root:/root:/bin/sh\n")
    archive.add("etc/group", S_FILE | 0o644, b"root:x:0:\n")
    archive.add("bin/busybox", S_FILE | 0o755, read(args.busybox))
    names = {}
    if args.tool:
        archive.add("bin/vmtool", S_FILE | 0o755, read(args.tool))
        names = {"bin/" + name: "/bin/vmtool" for name in TOOL_NAMES}
    if args.modules:
        add_tree(archive, pathlib.Path(args.modules))
    # The copy is asked itself, so the links are those of the busybox that is in the archive.
    listed = subprocess.run([args.applets or args.busybox, "--list-full"], check=True, capture_output=True,
                            text=True).stdout.split()
    for name in listed:
        if name != "bin/busybox":
            names.setdefault(name, "/bin/busybox")
    for name in sorted(names):
        archive.add(name, S_LINK | 0o777, names[name].encode())

    with open(args.output, "wb") as file:
        file.write(gzip.compress(archive.bytes(), 9, mtime=0))


if __name__ == "__main__":
    main()
