"""Boot media: a GRUB ISO, a hybrid ISO, a GPT disk whose ESP starts our loader; all made without root."""
# Part in the monitor: none; the layout /vm64/... is what boot/efi and boot/grub read.

import pathlib
import re

from . import paths
from .paths import Problem, run_tool

NAME = re.compile(r"^[A-Za-z0-9._-]{1,47}$")
RESERVED = {"directory", "parm", "vm64.elf"}
MIB = 1 << 20


def files_named(text):
    """The files a user directory names in IPL, INITRD and MDISK ... RAM statements, in order, each once. An IPL of one to
    three hexadecimal digits names a disk where the user has it, as vmm/cp/directory.c reads it."""
    names, users = [], [[]]
    for line in text.splitlines():
        words = line.split()
        if words and words[0].upper() == "USER":
            users.append([])
        users[-1].append(words)
    for statements in users:
        disks = set()
        for words in statements:
            verb, ram = words[0].upper() if words else "", len(words) > 3 and words[2].upper() == "RAM"
            if (verb == "MDISK" and ram) or (verb == "LINK" and len(words) > 2):
                address = words[1] if verb == "MDISK" else (words[3:] + words[2:3])[0]
                disks.add(address.upper().lstrip("0"))
        for words in statements:
            verb, name = words[0].upper() if words else "", None
            if verb == "MDISK" and len(words) > 3 and words[2].upper() == "RAM":
                name = words[3]
            elif verb == "INITRD" and len(words) > 1:
                name = words[1]
            elif verb == "IPL" and len(words) > 1:
                device = len(words[1]) <= 3 and words[1].upper().lstrip("0") in disks
                device = device and (len(words) == 2 or words[2].upper() in ("BIOS", "UEFI", "PARM"))
                name = None if device else words[1]
            if name and name not in names:
                names.append(name)
    return names


def firmware_files(text):
    """{name: path} of the firmware that a user directory's IPL statements ask for, besides the files they name."""
    files = {}
    for words in (line.upper().split() for line in text.splitlines()):
        if len(words) < 2 or words[0] != "IPL":
            continue
        kind = words[2] if len(words) > 2 else "BIOS" if re.match(r"[0-9A-F]{1,3}$", words[1]) else ""
        if kind in ("BIOS", "BOOT", "DISK", "CD"):
            files.update(paths.SEABIOS_FILES)
        elif kind == "UEFI" or (kind == "FIRMWARE" and words[1] in map(str.upper, paths.OVMF_FILES)):
            files.update(paths.OVMF_FILES)
        elif kind == "FIRMWARE":    # a BIOS of the user's own finds the display's part there, where QEMU's display has it
            files["vgabios.bin"] = paths.SEABIOS_FILES["vgabios.bin"]
    return files


def boots_by_bios(path):
    """Would CP, asked to IPL this file, find a boot sector or a CD? As vmm/ipl/ipl.c finds out."""
    with open(path, "rb") as file:
        head = file.read(0x8006)
    return head[0x8001:] == b"CD001" or head[510:512] == b"\x55\xaa" and head[0x202:0x206] != b"HdrS"


class Content:
    """What a boot medium carries: kernel, directory, parm, and the files the directory names."""

    def __init__(self, directory, parm="", extra=None, quiet=False, kernel=None):
        """`directory` is the user directory's path; `extra` maps names to paths, before any folder is searched."""
        self.directory = pathlib.Path(directory)
        self.parm = parm
        self.kernel = pathlib.Path(kernel or paths.KERNEL)
        self.files = {}
        try:
            text = self.directory.read_text("utf-8", "replace")
        except OSError as error:
            raise Problem("cannot read the directory: %s" % error) from None
        firmware = firmware_files(text)
        for name in files_named(text):
            path = self.find(name, extra or {})
            if path and boots_by_bios(path):
                firmware.update(paths.SEABIOS_FILES)
        for name in dict.fromkeys(files_named(text) + list(firmware)):
            path = self.find(name, {**firmware, **(extra or {})})
            if path:
                self.files[name] = path
            elif not quiet:
                paths.say("warning: %s names %s, which is not there; CP starts without it"
                          % (self.directory.name, name))

    def find(self, name, extra):
        if not NAME.match(name) or name in RESERVED:
            return None
        for path in [extra.get(name)] + [f / name for f in [self.directory.parent] + paths.GUEST_FOLDERS]:
            if path and pathlib.Path(path).is_file():
                return pathlib.Path(path)
        return None

    def entries(self):
        """(name under /vm64, path) of everything but parm."""
        return [("vm64.elf", self.kernel), ("directory", self.directory)] + list(self.files.items())

    def size(self):
        return sum(path.stat().st_size for _, path in self.entries())

    def grub_commands(self):
        """GRUB's commands; words are quoted, because $, ;, { and } mean something to GRUB."""
        quoted = ["'%s'" % word.replace("'", "'\\''") for word in self.parm.split()]
        lines = [" ".join(["multiboot2 /vm64/vm64.elf"] + quoted)]
        lines.append("module2 /vm64/directory directory")
        lines += ["module2 /vm64/%s %s" % (name, name) for name in self.files]
        # From BIOS: no graphics. Bochs' 8-bit palette modes make GRUB 2.06 overrun its heap. Here, since multiboot2 sets it.
        lines.append('if [ "$grub_platform" = pc ]; then set gfxpayload=text; fi')
        return lines


def graft(name, path):
    """One of xorriso's `place in the ISO=path on disk` pairs."""
    return "%s=%s" % (name, str(path.resolve()).replace("\\", "\\\\").replace("=", "\\="))


def bios_iso(content, output, work):
    """An ISO that GRUB starts from BIOS and that does nothing but boot: all of GRUB lies in one small core image, so
    that it is made in a tenth of a second and read with few slow reads."""
    work = pathlib.Path(work)
    core, menu = work / "eltorito.img", work / "grub.cfg"
    menu.write_text("\n".join(content.grub_commands() + ["boot", ""]))
    run_tool("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", core,
             "biosdisk", "iso9660", "multiboot2", "normal", "configfile", "echo")
    grafts = [graft("/boot/grub/eltorito.img", core), graft("/boot/grub/grub.cfg", menu)]
    grafts += [graft("/vm64/" + name, path) for name, path in content.entries()]
    run_tool("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "VM64", "-o", output,
             "-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
             "--grub2-boot-info", "-graft-points", *grafts)


def hybrid_iso(content, output, work):
    """An ISO for real machines, with GRUB's menu: starts from BIOS and UEFI, from a disc and from a stick."""
    work = pathlib.Path(work)
    menu = (paths.ROOT / "boot" / "grub" / "grub.cfg.in").read_text()
    commands = "\n".join("\t" + line for line in content.grub_commands())
    (work / "grub.cfg").write_text(menu.replace("@COMMANDS@", commands))
    grafts = [graft("/boot/grub/grub.cfg", work / "grub.cfg")]
    grafts += [graft("/vm64/" + name, path) for name, path in content.entries()]
    run_tool("grub-mkrescue", "-o", output, *grafts, "--", "-volid", "VM64")


def esp_disk(content, output, work, real=False):
    """A GPT disk with one EFI system partition that starts our BOOTX64.EFI. For emulators it has large clusters, which
    firmware reads faster; for real machines (`real`) it is FAT32, as the UEFI specification asks."""
    work = pathlib.Path(work)
    size = max(64 * MIB, content.size() + content.size() // 8 + 16 * MIB) // MIB * MIB
    if real:
        size = max(size, 300 * MIB)
    output = pathlib.Path(output)
    output.unlink(missing_ok=True)
    with open(output, "wb") as disk:
        disk.truncate(size)
    # The partition ends one MiB before the disk does: the backup table needs the last 33 sectors.
    sectors = (size - 2 * MIB) // 512
    run_tool("sgdisk", "--clear", "--new=1:2048:%d" % (2048 + sectors - 1), "--typecode=1:EF00",
             "--change-name=1:VM/64", output)
    partition = "%s@@1M" % output
    shape = ["-F", "-c", "8"] if real else ["-c", "64"]
    run_tool("mformat", "-i", partition, "-T", sectors, "-h", "16", "-s", "63", *shape, "-v", "VM64", "::")
    run_tool("mmd", "-i", partition, "::/EFI", "::/EFI/BOOT", "::/vm64")
    parm = work / "parm"
    parm.write_text(content.parm + "\n")
    copies = [("/EFI/BOOT/BOOTX64.EFI", paths.EFI_APP), ("/vm64/parm", parm)]
    copies += [("/vm64/" + name, path) for name, path in content.entries()]
    for place, path in copies:
        run_tool("mcopy", "-o", "-i", partition, path.resolve(), "::" + place)
