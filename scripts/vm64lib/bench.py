"""`vm64 bench`: the figures of CP, measured in Bochs, where one tick is one instruction and runs are repeatable."""
# Part in the monitor: none; bare side and guest side come from the same files.

import json
import os
import re
import sys

from . import images, patterns, paths, script
from .engines import Bochs, Spec
from .machine import Machine, Unmet

LINUX_PARM = "console=ttyS0 quiet panic=-1 cryptomgr.notests"
LINUX_STORAGE = "96M"
MEMORY = 512

# What is measured: key, text, target, how it is printed. The target is the most that is allowed; of AT_LEAST the least.
FIGURES = [
    ("cpuid_ticks", "CPUID round trip in a guest's loop", 150, "{:d} ticks"),
    ("vmcall_ticks", "VMCALL round trip", 150, "{:d} ticks"),
    ("rdmsr_ticks", "RDMSR that exits", 200, "{:d} ticks"),
    ("out_ticks", "OUT to a virtual device", 250, "{:d} ticks"),
    ("timer_ticks", "timer interrupt, exit to handler, delivered by the processor", 250, "{:d} ticks"),
    ("timer_inject_ticks", "the same, without virtual-interrupt delivery", 400, "{:d} ticks"),
    ("mmio_ticks", "MOV to a virtual device's register in memory", 1000, "{:d} ticks"),
    ("ins_word", "ATA disk, a word by REP INSW", 10, "{:.2f} ticks"),
    ("stos_dword", "REP STOSD at the display's planes, a doubleword", 25, "{:.2f} ticks"),
    ("movs_dword", "REP MOVSD from storage to them, a doubleword", 250, "{:.2f} ticks"),
    ("scroll_byte", "REP MOVSB from plane to plane, a byte", 100, "{:.2f} ticks"),
    ("blk_exits", "virtio disk, exits for each request of 4 KiB", 2, "{:.2f}"),
    ("blk_read_ratio", "virtio disk, sequential reading / memory copy, bytes a tick", 0.5, "{:.2f}"),
    ("storage_exits", "EPT violations on a guest's own storage", 0, "{:d}"),
    ("linux_ratio", "Linux to its shell: one guest / bare", 1.03, "{:.3f}"),
    ("linux_pair_ratio", "Linux to both shells: two guests / bare", 2.1, "{:.3f}"),
    ("cp_bytes", "real storage of CP, fixed part", 16 << 20, "{:,d} bytes"),
    ("guest_bytes", "real storage of CP for each guest", 1 << 20, "{:,d} bytes"),
]
AT_LEAST = {"blk_read_ratio"}
# Those that are ticks for an element of a repeated string, and what the guest BENCH calls it.
STRINGS = [("ins_word", "ins"), ("stos_dword", "stos"), ("movs_dword", "movs"), ("scroll_byte", "scroll")]
PARTS = ["operations", "disk", "linux", "pair"]

OPERATOR = "USER OPERATOR OPERATOR 0 0 ABCDEFG\n"


def user(name, storage, ipl, initrd=None, disk=None, bus="VIRTIO"):
    """One user of the directory, started with CP."""
    text = "USER %s %s %s %s G\n CONSOLE 009 3215\n OPTION AUTOLOG\n IPL %s\n" % (name, name, storage, storage, ipl)
    text += " MDISK 190 RAM %s RR %s\n" % (disk, bus) if disk else ""
    return text + (" INITRD %s\n" % initrd if initrd else "")


def linux(name):
    return user(name, LINUX_STORAGE, "vmlinuz LINUX PARM " + LINUX_PARM, "initrd")


class Run:
    """One boot of CP in Bochs through GRUB, as every measurement wants it."""

    def __init__(self, options, name, directory, parm=""):
        self.name, self.directory, self.parm = name, directory, parm
        log = os.path.join(options.log, name + ".log") if options.log else None
        paths.say("bench: " + name)
        self.machine = Machine(Bochs(), self.make_spec, log, options.timeout)

    def make_spec(self, work):
        directory = work / "directory"
        directory.write_text(self.directory)
        image = work / "disc.iso"
        images.bios_iso(images.Content(directory, self.parm), image, work)
        return Spec(image, memory=MEMORY)

    def __enter__(self):
        self.machine.__enter__()
        return self.machine

    def __exit__(self, *error):
        if error[0] is not None:
            tail = self.machine.console().splitlines()[-12:]
            paths.say("\n".join(["bench: %s: the console's last lines:" % self.name] + tail))
            paths.say("\n".join(["the emulator's last lines:"] + self.machine.log_tail(6)))
        return self.machine.__exit__(*error)


def number(machine, pattern, seconds):
    """The number that a line of the given form carries."""
    return int(machine.expect(compiled(pattern), seconds).group(1))


def compiled(pattern):
    """A pattern for text as one for the console's bytes."""
    return re.compile(pattern.pattern.encode(), re.MULTILINE)


def bench_values(machine, options):
    """What a guest of ours has measured, by key."""
    machine.expect(r"BENCH (done|[a-z0-9 ]+ with MSI-X|a request failed)", options.timeout)
    return {match.group(1): int(match.group(2)) for match in patterns.BENCH_VALUE.finditer(machine.console())}


def disk(options):
    """Requests to a virtio disk, by the guest DISKBENCH: the traps are CP's count, which DIAGNOSE C tells the guest."""
    with Run(options, "disk", OPERATOR + user("BENCH", "64M", "diskbench.bin", disk="vmlinuz")) as machine:
        found = bench_values(machine, options)
    if "blk_copy_ticks" not in found:
        raise Unmet("the guest DISKBENCH did not get to its end")
    requests = found["blk_requests"]
    found["blk_exits"] = found["blk_traps"] / requests
    found["blk_read_ratio"] = round(found["blk_copy_ticks"] / found["blk_read_ticks"], 4)
    return found


def operations(options):
    """The round trips, by the guest BENCH; then how often its own storage trapped, by CP's count."""
    found = {}
    with Run(options, "operations",
             OPERATOR + user("BENCH", "64M", "bench.bin", disk="initrd", bus="ATA")) as machine:
        found.update(bench_values(machine, options))
        for key, name in STRINGS:
            if name + "_ticks" in found:
                found[key] = found.pop(name + "_ticks") / found.pop(name + "_count")
        script.wait_ready(machine, 60)
        machine.type("INDICATE USER BENCH")
        found["storage_exits"] = number(machine, patterns.STORAGE_EXITS, 60)
        machine.type("QUERY RELOC BENCH")
        found["guest_bytes"] = 1024 * number(machine, patterns.GUEST_KIB, 60)
        machine.type("QUERY ALLOC")
        found["cp_bytes"] = 1024 * number(machine, patterns.CP_KIB, 60)
    with Run(options, "operations without virtual-interrupt delivery",
             OPERATOR + user("BENCH", "64M", "bench.bin"), "without=vid") as machine:
        values = bench_values(machine, options)
        if "timer_ticks" in values:
            found["timer_inject_ticks"] = values["timer_ticks"]
    return found


def linux_bare(options):
    """Ticks from the kernel's first instruction to the shell, on the bare processor."""
    with Run(options, "linux bare", OPERATOR + linux("LINUX1"), "bare=LINUX1") as machine:
        entry = number(machine, patterns.BARE_ENTRY, options.timeout)
        return number(machine, patterns.TICKS, options.timeout) - entry


def linux_guests(options, count):
    """The same in guests at the same time: the slowest one's ticks. A guest's counter is 0 at its first instruction."""
    names = ["LINUX%d" % (i + 1) for i in range(count)]
    with Run(options, "linux in %d guest%s" % (count, "s" * (count > 1)),
             OPERATOR + "".join(linux(name) for name in names)) as machine:
        ticks = {}
        while set(ticks) != set(names):
            match = machine.expect(compiled(patterns.GUEST_TICKS), options.timeout)
            ticks[match.group(1).decode()] = int(match.group(2))
        if count == 1:      # for the log, and whoever looks where the time goes
            machine.type("INDICATE USER " + names[0])
            number(machine, patterns.STORAGE_EXITS, 60)
            machine.pause(2)
        return max(ticks.values())


def measure(options):
    """Everything asked for, by key; a figure that could not be measured is missing, and why is said."""
    parts = options.only or PARTS
    found, good = {}, True
    bare = None
    for part in parts:
        try:
            if part in ("operations", "disk"):
                found.update(operations(options) if part == "operations" else disk(options))
                continue
            if bare is None:
                bare = linux_bare(options)
                found["linux_bare_ticks"] = bare
            count, key = (1, "linux") if part == "linux" else (2, "linux_pair")
            ticks = linux_guests(options, count)
            found[key + "_ticks"] = ticks
            found[key + "_ratio"] = round(ticks / bare, 4)
        except Unmet as unmet:
            paths.say("bench: %s could not be measured: %s" % (part, unmet))
            good = False
    return found, good


def is_met(key, value, target):
    return value >= target if key in AT_LEAST else value <= target


def limit(key, target):
    """A target as the tables show it under "at most"."""
    return "at least " + target if key in AT_LEAST else target


def table(found):
    rows = [("what", "key", "measured", "at most", "")]
    for key, text, target, form in FIGURES:
        value = found.get(key)
        verdict = "" if value is None else ("met" if is_met(key, value, target) else "NOT MET")
        rows.append((text, key, "-" if value is None else form.format(value), limit(key, form.format(target)), verdict))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3].rjust(widths[3]),
                 row[4]]
        lines.append("  ".join(cells).rstrip())
    listed = {figure[0] for figure in FIGURES}
    others = ["%s=%d" % item for item in sorted(found.items()) if item[0] not in listed]
    return "\n".join(lines + (["also: " + " ".join(others)] if others else []))


def command(options):
    need_folder(options.log)
    paths.need_packages()
    guests = paths.BUILD / "guests"
    paths.need_products(paths.KERNEL, guests / "bench.bin", guests / "linux" / "vmlinuz", guests / "linux" / "initrd")
    found, good = measure(options)
    if options.json:
        print(json.dumps({key: found[key] for key, *_ in FIGURES if key in found}))
    else:
        print(table(found))
    sys.stdout.flush()
    return 0 if good else 1


def need_folder(log):
    if log:
        os.makedirs(log, exist_ok=True)
