"""The guests that were not written here, and three that were: `vm64 try` on each until its recognisable text, the clocks, a disk.
docs/guests.md has one row for each."""
# Part in the monitor: none; the guests come from Debian's packages, by the recipes under guests/.

import argparse
import os
import re
import subprocess
import sys

import pytest

from conftest import LINUX_PARM, user
from vm64lib import guestfiles, paths, patterns, trial

SECONDS = 330
LONG = bool(os.environ.get("VM64_LONG"))
OWN, LINUX, DEBIAN, OTHER = (paths.GUEST_FOLDERS[i] for i in range(4))
PAGE = paths.ROOT / "docs" / "guests.md"

CONSOLE = "console=ttyS0 quiet panic=-1 cryptomgr.notests"
MEMTEST = "console=ttyS0,115200"
# By the fourth of its tests memtest86+ has written and read all of the storage more than once.
TESTING = r"#[3-9] [^\n]*Errors: 0 "
PASSED = r"Pass: +[1-9] +Errors: 0 "


class Guest:
    """One row: what it is, the package, the words for `vm64 try`, the text by which it is recognised."""

    def __init__(self, name, package, words, until, seconds=300):
        self.name, self.package, self.words, self.until, self.seconds = name, package, words, until, seconds

    def shown(self):
        """The words as a user types them."""
        words = [str(word.relative_to(paths.ROOT)) if isinstance(word, os.PathLike) else word for word in self.words]
        return " ".join("'%s'" % word if " " in word else word for word in words)

    def row(self):
        return "| %s | %s | `%s` | `%s` |" % (self.name, self.package, self.shown(), self.until.replace("|", r"\|"))


SYSTEMD = Guest("Debian with systemd", "made by debootstrap",
                [DEBIAN / "vmlinuz-amd64", "--initrd", DEBIAN / "initrd-amd64", "--append",
                 CONSOLE + " rootdisk=/dev/vda", "--disk", DEBIAN / "root.squashfs", "--storage", "256M"],
                r"^vm64 login: $", 300)
GUESTS = [
    Guest("Linux, full, 64-bit", "linux-image-amd64",
          [DEBIAN / "vmlinuz-amd64", "--initrd", DEBIAN / "initrd-amd64", "--append", CONSOLE, "--disk",
           OTHER / "memtest.img", "--cdrom", OTHER / "rescue.iso", "--net"], r"^DEVICES:.* vda"),
    Guest("Linux, 32-bit", "linux-image-686-pae:i386",
          [DEBIAN / "vmlinuz-686", "--initrd", DEBIAN / "initrd-686", "--append", CONSOLE, "--disk",
           OTHER / "memtest.img", "--bus", "ata"], r"^DEVICES:.* sda"),
    SYSTEMD,
    Guest("memtest86+, 64-bit", "memtest86+",
          [OTHER / "memtest64.bin", "--append", MEMTEST, "--storage", "32M"], TESTING),
    Guest("memtest86+, 32-bit", "memtest86+",
          [OTHER / "memtest32.bin", "--append", MEMTEST, "--storage", "32M"], TESTING),
    Guest("memtest86+ from a BIOS disk", "memtest86+, grub-pc-bin",
          [OTHER / "memtest.img", "--storage", "32M"], TESTING),
    Guest("GRUB's rescue shell from a CD", "grub-pc-bin", [OTHER / "rescue.iso", "--storage", "32M"], r"grub rescue> $"),
    Guest("iPXE from a CD", "ipxe", [OTHER / "ipxe.iso", "--storage", "32M"], r"Open Source Network Boot Firmware"),
    Guest("iPXE as a Linux kernel", "ipxe", [OTHER / "ipxe.lkrn", "--storage", "32M"], r"Open Source Network Boot Firmware"),
    Guest("Xen, without a domain 0", "xen-system-amd64",
          [OTHER / "xen.gz", "--append", "console=com1 com1=115200,8n1 noreboot", "--storage", "64M"],
          r"dom0 kernel not specified"),
    Guest("multiboot's example, in graphics", "multiboot", [OTHER / "example.elf", "--storage", "4M"],
          r"^\(GRAPHICS 1024x768, 32 BITS A PIXEL\)$"),
    Guest("U-Boot from flash", "u-boot-qemu", [OTHER / "u-boot.rom", "--storage", "64M"], r"Hit any key to stop autoboot"),
    Guest("UEFI's shell", "ovmf", ["--firmware", "uefi"], r"Shell> $", 200),
    Guest("a multiboot 1 program", "ours", [OWN / "sensitive.bin", "--storage", "4M"], r"^SENSITIVE: ROWS 18, PASS 18$"),
    Guest("a multiboot 2 program", "ours",
          [OWN / "multiboot2.bin", "--append", "one two=3", "--storage", "4M"], r"^MULTIBOOT2: ALL TAGS READ$"),
]
FULL_PASS = Guest("memtest86+, one pass", "memtest86+",
                  [OTHER / "memtest64.bin", "--append", MEMTEST, "--storage", "32M"], PASSED, 3000)


def attempt(guest):
    """Runs `vm64 try`; returns status, what the guest printed without terminal control, what the script said."""
    words = [str(word) for word in guest.words]
    done = subprocess.run([str(paths.ROOT / "scripts" / "vm64"), "try", "--engine", "bochs", "--timeout",
                           str(guest.seconds), "--until", guest.until] + words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=guest.seconds + 60, check=False)
    printed = trial.CONTROL.sub("", done.stdout.decode("utf-8", "replace"))
    return done.returncode, printed, done.stderr.decode("utf-8", "replace")


def no_errors(printed):
    """memtest86+ shows its count of errors again and again."""
    return set(re.findall(r"Errors: +(\d+)", printed)) == {"0"}


def same_directory(guest, name):
    """What `vm64 try` would give CP for these words, with the guest's user called `name`: text, files."""
    given = {"image": str(guest.words[0]), "disk": [], "cdrom": [], "module": []}
    for option, value in zip(guest.words[1::2], guest.words[2::2]):
        given[option[2:]] = [str(value)] if option in ("--disk", "--cdrom") else str(value)
    others = dict.fromkeys(("kind", "initrd", "append", "bus", "net", "debug_exit", "debugcon", "triple_reset", "no_screen", "grub"))
    text, files = guestfiles.plan(argparse.Namespace(**{**others, "storage": "128M", "firmware": "bios", **given}))
    return text.replace("USER GUEST GUEST", "USER %s %s" % (name, name)), files


def test_systemd_obeys_the_power_button(boot):
    """Debian to its login prompt; then SIGNAL SHUTDOWN: ACPI's button, logind, and all the way down to S5."""
    text, files = same_directory(SYSTEMD, "DEBIAN")
    machine = boot(directory=text, files=files)
    machine.expect(r"^DEBIAN[:+] vm64 login: ", SYSTEMD.seconds)
    machine.command("SIGNAL SHUTDOWN DEBIAN", r"V64DSP460I DEBIAN POWERED OFF BY port 604h", 120)
    assert not machine.seen(r"V64CFM727W")
    machine.shutdown()


@pytest.mark.parametrize("guest", [guest for guest in GUESTS if guest is not SYSTEMD], ids=lambda guest: guest.name)
def test_guest(guest):
    status, printed, said = attempt(guest)
    assert status == 0, "%s\n%s" % (printed[-3000:], said)
    if "memtest" in guest.package:
        assert no_errors(printed)
    if guest.package == "linux-image-amd64":
        devices = re.search(r"^DEVICES:(.*)$", printed, re.M).group(1).split()
        assert {"vda", "sr0"} <= set(devices) and any(name.startswith("e") for name in devices)
    if guest.name == "a multiboot 2 program":
        assert re.search(r"^MULTIBOOT2: COMMAND LINE .*one two=3$", printed, re.M) and "WRONG" not in printed
        assert re.search(r"^MULTIBOOT2: SCREEN 800x600x32 OF KIND 1$", printed, re.M)


@pytest.mark.skipif(not LONG, reason="only in make test-long")
def test_memtest_full_pass():
    status, printed, said = attempt(FULL_PASS)
    assert status == 0, "%s\n%s" % (printed[-3000:], said)
    assert no_errors(printed)


@pytest.mark.parametrize("busy", [0, 4], ids=["alone", "beside four busy ones"])
def test_clocks_agree(boot, busy):
    seconds = 60
    text = "USER OPERATOR OPERATOR 0 0 ABCDEFG\n" + user("CLOCKS", "4M", "clocks.bin MULTIBOOT PARM %d" % seconds)
    for number in range(busy):
        text += user("BUSY%d" % number, "4M", "loop.bin MULTIBOOT")
    # A slower processor has the same minute sooner.
    machine = boot(directory=text, ips=50_000_000 if LONG else 10_000_000)
    # Two edges of the RTC for the rates, the time itself, and the edges that are missed while others run.
    found = machine.expect(r"CLOCKS: ALL WITHIN (\d+) PPM", 120 + seconds * (3 + 8 * (busy > 0)))
    for clock in ("RTC", "TSC", "APIC TIMER", "PIT", "HPET"):
        assert machine.seen(r"CLOCKS: %s -?\d+ PPM" % clock)
    sys.stdout.write("\n".join(re.findall(r"CLOCKS: .*", machine.console())) + "\n")
    assert int(found.group(1)) <= 100


@pytest.mark.parametrize("words, how", [("", "SCALED BY THE PROCESSOR"), ("scale", "INTERPRETED")], ids=["scaled", "interpreted"])
def test_a_tsc_of_another_rate(boot, words, how):
    """OPTION TSC: a processor that scales (TSC deadlines and all, by Linux), the same one without."""
    text = "USER OPERATOR OPERATOR 0 0 ABCDEFG\n"
    for name, mhz in (("SLOW", 3), ("QUICK", 700)):
        text += user(name, "4M", "clocks.bin MULTIBOOT PARM 4", "OPTION TSC %d" % mhz)
    text += user("LINUX1", "96M", "vmlinuz LINUX PARM %s userid=LINUX1" % LINUX_PARM, "INITRD initrd", "OPTION TSC 25")
    machine = boot(cpu="corei7_skylake_x", directory=text, parm=words and "without=" + words)
    machine.expect(r"^LINUX1[:+] [^\n]*TICKS=\d+", 300)
    machine.command("SEND LINUX1 time sleep 3; grep MHz /proc/cpuinfo", r"real\s+0m ?3\.\d+s", 120)
    machine.expect(r"cpu MHz\s*: 2[45]\.\d+", 60)
    machine.command("QUERY VIRTUAL LINUX1 CPUS", r"TSC  25 MHZ, " + how)
    for name, mhz in (("SLOW", 3), ("QUICK", 700)):
        machine.machine.consumed = 0
        rate = machine.expect(r"%s[:+] CLOCKS: TSC OF (\d+) KHZ" % name, 120)
        assert abs(int(rate.group(1)) - 1000 * mhz) <= max(1, mhz // 10)
        assert int(machine.expect(r"%s[:+] CLOCKS: ALL WITHIN (\d+) PPM" % name, 30).group(1)) <= 100
    machine.shutdown()


def test_requests_to_a_virtio_disk_cost_two_traps_at_most(boot):
    """And each one that asked for its interrupt has had it. By DISKBENCH; 30 traps are the ends of slices meanwhile."""
    text = "USER OPERATOR OPERATOR 0 0 ABCDEFG\n" + user("DISK", "64M", "diskbench.bin", "MDISK 190 RAM disk RR VIRTIO")
    machine = boot(directory=text, files={"disk": bytes(1 << 20)})
    machine.expect(r"BENCH done", 120)
    found = {match.group(1): int(match.group(2)) for match in patterns.BENCH_VALUE.finditer(machine.console())}
    requests = found["blk_requests"]
    assert found["blk_interrupts"] == found["blk_hlt_interrupts"] == found["blk_msi_interrupts"] == requests
    assert found["blk_poll_interrupts"] == 0
    assert found["blk_traps"] <= requests + 30
    assert found["blk_hlt_traps"] <= 2 * requests + 30
    assert 2 * found["blk_copy_ticks"] >= found["blk_read_ticks"]


def test_strings_at_devices_are_quick(boot):
    """By BENCH: REP INSW from a disk, REP STOSD and MOVS at the display's planes, and an interrupt in the middle of one."""
    text = "USER OPERATOR OPERATOR 0 0 ABCDEFG\n" + user("BENCH", "64M", "bench.bin", "MDISK 190 RAM disk RR ATA")
    machine = boot(directory=text, files={"disk": bytes(1 << 20)})
    machine.expect(r"BENCH done", 120)
    found = {match.group(1): int(match.group(2)) for match in patterns.BENCH_VALUE.finditer(machine.console())}
    assert not machine.seen(r"does not hold what was written|no interrupt came")
    for name, most in (("ins", 10), ("stos", 25), ("movs", 250), ("scroll", 100)):
        assert found[name + "_ticks"] <= most * found[name + "_count"], name
    assert found["string_late_ticks"] <= 40_000


def test_page_has_a_row_for_each():
    table = PAGE.read_text().split("| --- | --- | --- | --- |\n")[1].split("\n\n")[0]
    assert table.splitlines() == [guest.row() for guest in GUESTS], "/usr/bin/python3 %s writes them" % __file__


if __name__ == "__main__":
    sys.stdout.write("".join(guest.row() + "\n" for guest in GUESTS))
