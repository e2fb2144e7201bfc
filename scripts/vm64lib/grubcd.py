"""A CD from which GRUB starts a guest's file: for systems that call the BIOS, which CP's own IPL of a file has not."""
# Part in the monitor: none; for the guest it is a medium like any other.

import pathlib
import struct

from .images import graft
from .paths import run_tool

MODULES = ["biosdisk", "iso9660", "normal", "configfile", "echo", "gzio", "linux16", "multiboot", "multiboot2", "vbe", "vga"]
REAL_MODE_BELOW = 0x208     # the boot protocol whose kernels can all be entered without their real-mode part
MULTIBOOT_1 = struct.pack("<I", 0x1BADB002)


def is_linux(head):
    return head[0x202:0x206] == b"HdrS"


def needs_bios(path):
    """A program in the clothes of an old Linux kernel (memdisk, iPXE): what it begins with is its real-mode part."""
    with open(path, "rb") as file:
        head = file.read(0x208)
    return len(head) == 0x208 and is_linux(head) and struct.unpack_from("<H", head, 0x206)[0] < REAL_MODE_BELOW


def is_multiboot_1(head):
    at = -1
    while (at := head.find(MULTIBOOT_1, at + 1, 8192)) >= 0:
        if at % 4 == 0 and len(head) >= at + 12 and sum(struct.unpack_from("<3I", head, at)) & 0xFFFFFFFF == 0:
            return True
    return False


def quoted(text):
    """For GRUB, to which $, ;, { and } mean something."""
    return " ".join("'%s'" % word.replace("'", "'\\''") for word in text.split())


def commands(head, append, modules):
    """GRUB's commands for a file that begins with `head`; modules: the text of each."""
    if is_linux(head):
        start, more = "linux16", "initrd16"
    elif is_multiboot_1(head):
        start, more = "multiboot", "module"
    else:
        start, more = "multiboot2", "module2"
    lines = [("%s /image %s" % (start, quoted(append))).rstrip()]
    lines += [("%s /module%d %s" % (more, number, quoted(text))).rstrip() for number, text in enumerate(modules)]
    return lines + ["boot"]


def make(image, append, modules, work):
    """Makes the CD in the folder `work`; modules: (path, text) of each. Returns the CD's path."""
    work = pathlib.Path(work)
    core, menu, disc = work / "guest-grub.img", work / "guest-grub.cfg", work / "guest.iso"
    with open(image, "rb") as file:
        menu.write_text("\n".join(commands(file.read(8192), append, [text for _, text in modules]) + [""]))
    run_tool("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", core, *MODULES)
    grafts = [graft("/boot/grub/eltorito.img", core), graft("/boot/grub/grub.cfg", menu), graft("/image", pathlib.Path(image))]
    grafts += [graft("/module%d" % number, pathlib.Path(path)) for number, (path, _) in enumerate(modules)]
    run_tool("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "GUEST", "-o", disc,
             "-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
             "--grub2-boot-info", "-graft-points", *grafts)
    return disc
