"""The emulators: how Bochs and QEMU are started for one machine, and which of them can carry the monitor here."""
# Part in the monitor: none; they stand for the real machine.

import os
import pathlib
import shutil
import subprocess

from . import paths
from .paths import Problem

# Model-specific registers that Bochs 2.7 does not know and that OVMF, Linux and KVM touch:
# PLATFORM_ID, BIOS_SIGN_ID, MPERF, APERF, MISC_ENABLE, DEBUGCTL. Anything else unknown raises #GP, as it should.
BOCHS_MSRS = [0x017, 0x08B, 0x0E7, 0x0E8, 0x1A0, 0x1D9]

# Debian's package has only the VNC display, which cannot show most graphics modes and panics when one is set: the
# machine shall go on without a picture then.
BOCHS_CONFIG = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, iodebug=1
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={host_memory}
romimage: file="{rom}"
vgaromimage: file="{vgarom}"
cpu: model={cpu}, count={processors}, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=0, msrs="{work}/msrs.def"
clock: {clock}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: {disk}
boot: {boot}
port_e9_hack: enabled=1
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
log: "{work}/emulator.log"
panic: action=fatal, rfb=report
error: action=report
info: action=ignore
debug: action=ignore
pci: enabled=1, chipset=i440fx
"""


# For tests and measurements the same run twice is the same to the instruction, and idle time is skipped. Somebody
# who watches wants a second to last a second.
BOCHS_EXACT = "sync=none, time0=1700000000"
BOCHS_LIVE = "sync=slowdown, time0=local"

# Bochs keeps at most so many MB of a machine's storage in memory at a time, and the rest in a file.
BOCHS_MOST_HOST_MEMORY = 2048


class Spec:
    """What machine is wanted."""

    def __init__(self, image, boot="bios", memory=512, cpu=None, ips=50_000_000, processors=1, screen=False):
        self.image = pathlib.Path(image)
        self.boot = boot
        self.memory = memory
        self.cpu = cpu
        self.ips = ips
        self.processors = processors
        self.screen = screen        # somebody sits before it: a screen to look at (QEMU: by VNC), no faster than life

    @property
    def is_disc(self):
        return self.image.suffix == ".iso"


class Bochs:
    """Bochs: slow, has VT-x whatever the host has, and counts one tick for one instruction."""

    name = "bochs"
    over_tcp = True         # Debian's Bochs knows no local sockets for its serial port

    def command(self, spec, work, link):
        rom = paths.BOCHS_BIOS
        if spec.boot == "uefi":
            # Variables first, then code, in one ROM; Debian's 2 MB build, because Bochs takes no larger one.
            rom = work / "ovmf.fd"
            rom.write_bytes((paths.OVMF / "OVMF_VARS.fd").read_bytes() + (paths.OVMF / "OVMF_CODE.fd").read_bytes())
        (work / "msrs.def").write_text("".join("0x%03x 0%s\n" % (msr, " 00000000" * 6) for msr in BOCHS_MSRS))
        disk = ('type=cdrom, path="%s", status=inserted' if spec.is_disc else 'type=disk, path="%s", mode=flat')
        config = work / "bochsrc"
        config.write_text(BOCHS_CONFIG.format(
            clock=BOCHS_LIVE if spec.screen else BOCHS_EXACT, memory=spec.memory,
            host_memory=min(spec.memory, BOCHS_MOST_HOST_MEMORY), rom=rom, vgarom=paths.BOCHS_VGABIOS, cpu=spec.cpu or "broadwell_ult",
            processors=spec.processors, ips=spec.ips, work=work, disk=disk % spec.image, port=link,
            boot="cdrom" if spec.is_disc else "disk"))
        # Debian's build has the debugger inside, which waits for a command at the start: go on.
        (work / "commands").write_text("c\n")
        return ["bochs-bin", "-unlock", "-q", "-f", str(config), "-rc", str(work / "commands")]


class Qemu:
    """QEMU: with KVM where the host offers nested VT-x, else plain TCG, which has no VT-x at all."""

    over_tcp = False

    def __init__(self, accelerator):
        self.name = accelerator

    def command(self, spec, work, link):
        model = spec.cpu or ("host" if self.name == "kvm" else "max")
        words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine", "q35", "-accel", self.name,
                 "-cpu", model, "-smp", str(spec.processors), "-m", str(spec.memory), "-vga", "std", "-no-reboot",
                 "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                 "-chardev", "socket,id=console,path=%s" % link, "-serial", "chardev:console",
                 "-chardev", "socket,id=monitor,path=%s,server=on,wait=off" % (work / "monitor"),
                 "-mon", "chardev=monitor,mode=readline",
                 "-chardev", "file,id=e9,path=%s" % (work / "e9"), "-device", "isa-debugcon,iobase=0xe9,chardev=e9",
                 "-display", "vnc=localhost:0,to=99" if spec.screen else "none"]
        if spec.boot == "uefi":
            variables = work / "variables.fd"
            shutil.copy(paths.OVMF / "OVMF_VARS_4M.fd", variables)
            words += ["-drive", "if=pflash,format=raw,readonly=on,file=%s" % (paths.OVMF / "OVMF_CODE_4M.fd"),
                      "-drive", "if=pflash,format=raw,file=%s" % variables]
        escaped = str(spec.image).replace(",", ",,")
        if spec.is_disc:
            words += ["-drive", "if=none,id=disc,media=cdrom,readonly=on,format=raw,file=" + escaped,
                      "-device", "ide-cd,drive=disc,bootindex=0"]
        else:
            words += ["-drive", "if=none,id=disk,format=raw,snapshot=on,file=" + escaped,
                      "-device", "ide-hd,drive=disk,bootindex=0"]
        return words


# What the probe's exit value says (vm64lib/kvmprobe.asm).
PROBE_ANSWERS = {
    0x11: "KVM works, but offers its guests no VT-x",
    0x12: "KVM works, but keeps VT-x locked off from its guests",
    0x13: "KVM's nested VT-x has no EPT or no unrestricted guest",
    0x14: "KVM's nested VT-x refuses VMXON",
}
PROBE_GOOD = 0x10


def kvm_refusal(accelerator="kvm", model="host", seconds=15):
    """Why QEMU/KVM cannot carry the monitor here, or None when it can. Not read from flags but tried: a boot sector
    executes VMXON in a KVM guest and says how that went."""
    if accelerator == "kvm":
        if not os.path.exists("/dev/kvm"):
            return "there is no /dev/kvm"
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return "/dev/kvm may not be opened by this user"
    probe = paths.BUILD / "kvmprobe.bin"
    source = paths.ROOT / "scripts" / "vm64lib" / "kvmprobe.asm"
    if not probe.exists() or probe.stat().st_mtime < source.stat().st_mtime:
        probe.parent.mkdir(exist_ok=True)
        paths.run_tool("nasm", "-f", "bin", "-o", probe, source)
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine", "pc", "-accel", accelerator,
               "-cpu", model, "-m", "16", "-display", "none", "-no-reboot",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
               "-drive", "if=floppy,format=raw,readonly=on,file=" + str(probe).replace(",", ",,")]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return "a trial guest under KVM did not answer in %d seconds" % seconds
    answer = done.returncode >> 1 if done.returncode > 0 and done.returncode & 1 else None
    if answer == PROBE_GOOD:
        return None
    if answer in PROBE_ANSWERS:
        return PROBE_ANSWERS[answer]
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    why = lines[-1].split(": ", 1)[-1] if lines else "QEMU ended with status %d" % done.returncode
    return "a trial guest under KVM did not run (%s)" % why


def choose(name, cpu=None):
    """The engine asked for; `auto` tries KVM and falls back to Bochs. Says which it takes and why."""
    if name == "tcg":
        paths.say("engine: QEMU/TCG, as asked for: it has no VT-x, so expect CP's report and no guests")
        return Qemu("tcg")
    if name == "bochs":
        return Bochs()
    # A Bochs model's name means nothing to KVM, so --cpu with `auto` leaves the choice to whoever knows the name.
    refusal = kvm_refusal(model=cpu or "host")
    if name == "kvm":
        if refusal:
            raise Problem("--engine kvm: " + refusal)
        return Qemu("kvm")
    if refusal:
        paths.say("engine: Bochs, because QEMU/KVM will not do here: " + refusal)
        return Bochs()
    paths.say("engine: QEMU/KVM, because nested VT-x was tried on this host and works")
    return Qemu("kvm")
