"""`vm64 try`: what a file is, and the directory entry of the guest that is started from it."""
# Part in the monitor: none; the statements are those of docs/directory.md.

import argparse
import gzip
import pathlib
import shutil

from . import grubcd, paths
from .paths import Problem

KINDS = ["LINUX", "MULTIBOOT", "FLAT", "BOOT", "DISK", "CD", "FIRMWARE"]
DISK_LEAST = 1 << 20        # a smaller file with a boot sector is one for CP's own BOOT, which has no partitions
FIRST_ADDRESS = 0x190
ROM_LEAST, ROM_MOST = 64 << 10, 16 << 20


def begins_at_reset(head, end):
    """Is that a ROM: does it jump back from the last 16 bytes, where a processor begins after a reset? As vmm/ipl/boot.c
    finds out."""
    end = end[-16:].lstrip(b"\xfa\xfc\x90")
    return head[:4] != b"\x7fELF" and head[510:512] != b"\x55\xaa" and (
        end[:1] == b"\xea" and end[3:5] == b"\x00\xf0" or end[:1] == b"\xe9" and len(end) > 7 and end[2] >= 0x80)


def kind_of(path):
    """DISK, CD or FIRMWARE, for which the guest gets drives or flash; LINUX, because that has virtio drivers; None for
    everything that CP finds out by itself."""
    with open(path, "rb") as file:
        head = file.read(0x8010)
        size = file.seek(0, 2)
        file.seek(max(0, size - 16))
        end = file.read()
    if head[0x8001:0x8006] == b"CD001":
        return "CD"
    if head[0x28:0x2C] == b"_FVH":
        return "FIRMWARE"
    if head[0x202:0x206] == b"HdrS":
        return "LINUX"
    if ROM_LEAST <= size <= ROM_MOST and size % 4096 == 0 and begins_at_reset(head, end):
        return "FIRMWARE"
    # Not asked: is there a multiboot header? GRUB, on most disks, has one among its own first sectors.
    if size >= DISK_LEAST and head[510:512] == b"\x55\xaa" and head[:4] != b"\x7fELF":
        return "DISK"
    return None


class Entry:
    """The guest's statements, and the files they name."""

    def __init__(self):
        self.lines = []
        self.files = {}
        self.disks = 0

    def add_file(self, name, path):
        self.files[name] = pathlib.Path(path)
        return name

    def add_disk(self, name, path, how):
        """MDISK of a file; returns its address."""
        address = "%03X" % (FIRST_ADDRESS + self.disks)
        self.disks += 1
        self.lines.append("MDISK %s RAM %s %s" % (address, self.add_file(name, path), how))
        return address


def add_drives(entry, options, first, bus):
    """IMAGE where it is a drive itself, then --disk and --cdrom; returns the address of the first, which is booted."""
    addresses = []
    if first:
        addresses.append(entry.add_disk("image", options.image, "RR CD" if first == "CD" else "WR " + bus))
    for number, path in enumerate(options.disk):
        addresses.append(entry.add_disk("disk%d" % number, path, "WR " + bus))
    for number, path in enumerate(options.cdrom):
        addresses.append(entry.add_disk("cd%d" % number, path, "RR CD"))
    return addresses[0] if addresses else None


def ipl(entry, options, kind, first):
    """The IPL statement: of a drive, of IMAGE, or of OVMF when there is nothing but firmware to start."""
    if kind in ("DISK", "CD") or (not options.image and first):
        return "IPL %s %s" % (first, options.firmware.upper())
    if not options.image:
        if options.firmware != "uefi":
            raise Problem("nothing to start: no IMAGE, no --disk, no --cdrom, no --firmware uefi")
        return "IPL ovmf-code.fd FIRMWARE"
    words = ["IPL", entry.add_file("image", options.image)]
    if options.kind or kind == "FIRMWARE":
        words.append(kind)
    return " ".join(words + (["PARM", options.append] if options.append else []))


def check(options):
    """Whether the options go together, before anything is made."""
    grub = options.grub or options.module
    if grub and (not options.image or options.firmware != "bios" or kind_of(options.image) in ("DISK", "CD", "FIRMWARE")):
        raise Problem("--grub and --module go with a file that GRUB loads, and with SeaBIOS")
    if not grub:
        plan(options)


def unpacked(path, work):
    """The file, without gzip's packing, as GRUB reads it too."""
    with open(path, "rb") as file:
        if file.read(3) != b"\x1f\x8b\x08":
            return path
    output = pathlib.Path(work) / "unpacked"
    try:
        with gzip.open(path) as packed, open(output, "wb") as file:
            shutil.copyfileobj(packed, file)
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise Problem("cannot unpack %s: %s" % (path, error)) from None
    return output


def prepare(options, work):
    """The options with the image as the guest gets it: unpacked, or on a CD of GRUB's."""
    if not options.image:
        return options
    options = argparse.Namespace(**vars(options))
    options.image = unpacked(options.image, work)
    old = not options.kind and options.firmware == "bios" and grubcd.needs_bios(options.image)
    if old:
        paths.say("the image needs a BIOS: GRUB starts it from a CD")
    if options.grub or options.module or old:
        modules = [(options.initrd, "")] if options.initrd else []
        modules += [(path, text) for path, _, text in (module.partition(" ") for module in options.module)]
        options.image = grubcd.make(options.image, options.append, modules, work)
        options.kind, options.append, options.initrd = "CD", "", None
    return options


def plan(options):
    """(text of the user directory, {name on the boot volume: path}) for one guest."""
    kind = options.kind or (options.image and kind_of(options.image))
    bus = (options.bus or ("virtio" if kind == "LINUX" else "ata")).upper()
    entry = Entry()
    first = add_drives(entry, options, kind if kind in ("DISK", "CD") else None, bus)
    statement = ipl(entry, options, kind, first)
    from_file = "image" in entry.files and kind not in ("DISK", "CD")
    if options.append and not from_file:
        raise Problem("--append goes with a file that CP loads itself, not with a drive or firmware")
    if options.initrd:
        if not from_file:
            raise Problem("--initrd goes with a file that CP loads itself, not with a drive or firmware")
        entry.lines.append("INITRD " + entry.add_file("initrd", options.initrd))
    if options.net:
        entry.lines.append("SPECIAL 600 NET")
    for word, wanted in (("DEBUGEXIT", options.debug_exit), ("DEBUGCON", options.debugcon),
                         ("TRIPLERESET", options.triple_reset), ("NOSCREEN", options.no_screen)):
        if wanted:
            entry.lines.append("OPTION " + word)
    lines = ["* made by vm64 try", "USER OPERATOR OPERATOR 0 0 ABCDEFG",
             "USER GUEST GUEST {0} {0} G".format(options.storage.upper()),
             " CONSOLE 009 3215", " OPTION AUTOLOG", " " + statement] + [" " + line for line in entry.lines]
    return "\n".join(lines) + "\n", entry.files
