"""Programs on the machine itself and as guests: the same lines, but for those that docs/equivalence.md explains."""
# Part in the monitor: none; guests/equiv/ has the programs, scripts/vm64 try runs them as guests.

import difflib
import fnmatch
import functools
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

import pathlib
from conftest import OPERATOR, ROOT, user
from vm64lib import engines, images, paths
from vm64lib.machine import Machine

SECONDS = 110
PROGRAMS = ["initial.bin", "cpu64.bin", "cpu32.bin", "pages.bin", "tasks.bin", "apic.bin", "devices.bin", "board.bin",
            "priority.bin", "video.bin", "optical.bin", "walk.bin", "walkbus.bin", "walkvideo.bin", "bios.img",
            "drives.img"]
WITH_DISC = ["optical.bin"]
RESTARTS = 5
FOLDER = paths.BUILD / "guests" / "equiv"
PAGE = ROOT / "docs" / "equivalence.md"


def printed(text):
    """What a program printed, from its first line to its last, without what depends on time."""
    lines = [line.rstrip() for line in text.replace("\r", "").splitlines()]
    first = next((i for i, line in enumerate(lines) if re.match(r"[A-Z0-9]+: BEGIN$", line)), None)
    last = next((i for i, line in enumerate(lines) if re.match(r"[A-Z0-9]+: END$", line)), len(lines))
    if first is None:
        return lines
    return [line for line in lines[first:last + 1] if line and not line.startswith("time:")]


def grub_iso(program, output, work):
    """A disc whose GRUB does nothing but start this multiboot program from BIOS."""
    core, menu = work / "eltorito.img", work / "grub.cfg"
    menu.write_text("multiboot /prog\nboot\n")
    images.run_tool("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", core,
                    "biosdisk", "iso9660", "multiboot", "normal", "configfile")
    images.run_tool("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", output, "-b", "boot/grub/eltorito.img",
                    "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-graft-points",
                    images.graft("/boot/grub/eltorito.img", core), images.graft("/boot/grub/grub.cfg", menu),
                    images.graft("/prog", program))


def bare(program, seconds=60, cpu=None):
    """Runs the program on Bochs without CP."""
    def make(work):
        if program.suffix == ".img":
            shutil.copy(program, work / "disk.img")
            return engines.Spec(work / "disk.img", "bios", 64, cpu)
        grub_iso(program, work / "disc.iso", work)
        return engines.Spec(work / "disc.iso", "bios", 64, cpu)

    with Machine(engines.Bochs(), make, timeout=seconds) as machine:
        machine.wait_end(seconds)
        return machine.console()


def guest(program, seconds=60, options=()):
    """Runs the program as CP's guest; one that looks at a CD finds the disc that it starts from on the machine itself."""
    if program.name in WITH_DISC and not options:
        with tempfile.TemporaryDirectory() as work:
            disc = pathlib.Path(work) / "disc.iso"
            grub_iso(program, disc, pathlib.Path(work))
            return guest(program, seconds, ["--cdrom", str(disc)])
    done = subprocess.run([str(ROOT / "scripts" / "vm64"), "try", "--engine", "bochs", "--storage", "64M", "--no-screen",
                           "--timeout", str(seconds), *options, str(program)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=seconds + 30, check=False)
    return done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")


def explained():
    """The patterns of the page's table, in backquotes: lines that may differ."""
    table = PAGE.read_text().split("| lines | why |\n| --- | --- |\n")[1].split("\n\n")[0]
    return [pattern for row in table.splitlines() for pattern in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def differences(one, other, patterns):
    """Lines that only one side printed and that no pattern explains."""
    found = []
    for line in difflib.ndiff(one, other):
        if line[:1] in "-+" and not any(fnmatch.fnmatchcase(line[2:], pattern) for pattern in patterns):
            found.append(line)
    return found


@functools.lru_cache
def alone(name):
    lines = printed(bare(FOLDER / name))
    assert len(lines) > 20 and lines[-1].endswith(": END"), "\n".join(lines[-20:])
    return lines


def same(name, inside):
    found = differences(alone(name), inside, explained())
    assert not found, "- machine, + guest\n" + "\n".join(found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_lines(name):
    same(name, printed(guest(FOLDER / name)))


def test_same_priorities_with_a_tpr_shadow_only():
    same("priority.bin", printed(guest(FOLDER / "priority.bin", options=["--cpu", "corei7_sandy_bridge_2600k"])))


@pytest.mark.parametrize("words", ["vid", "tpr"])
def test_same_priorities_without(boot, words):
    # No delivery of virtual interrupts; nothing of a virtual APIC at all.
    machine = boot(directory=OPERATOR + user("EQUIV", "64M", "priority.bin"), parm="without=" + words,
                   files={"priority.bin": FOLDER / "priority.bin"})
    machine.expect(r"PRIORITY: END", 60)
    same("priority.bin", printed(re.sub(r"(?m)^EQUIV[:+] ", "", machine.console())))


@pytest.mark.parametrize("name", ["gates", "gates64"])
def test_same_tables_at_a_device(boot, name):
    # Where the processor delivers an interrupt by itself, Bochs names the event before as the one that was being delivered.
    file = name + ".bin"
    machine = boot(directory=OPERATOR + user("EQUIV", "64M", file, "OPTION NOSCREEN"), parm="without=vid",
                   files={file: FOLDER / file})
    machine.expect(name.upper() + ": END", 90)
    same(file, printed(re.sub(r"(?m)^(EQUIV[:+] |.*V64STO460I.*\n)", "", machine.console())))


@pytest.mark.parametrize("name, least", [("random64", 1000), ("random32", 800)])
def test_same_random_instructions(name, least):
    """To the end, or until they destroy the program that executes them, which they do on both sides at the same place. What
    they write on the screen is no line of the program's."""
    sides = printed(bare(FOLDER / (name + ".bin"), 40)), printed(guest(FOLDER / (name + ".bin")))
    one, other = ([line for line in lines if re.match(r"(?:RANDOM\d\d:|\d+) ", line)] for lines in sides)
    assert len(one) > least
    assert one == other, "- machine, + guest\n" + "\n".join(differences(one, other, []))


def test_same_vector_instructions():
    """DIRECT compares storage with a device's memory by itself: on both sides as many instructions, and none is wrong."""
    program = paths.BUILD / "guests" / "direct.bin"
    one, other = ([line for line in printed(text) if line.startswith("DIRECT:")] for text in (bare(program), guest(program)))
    assert len(one) == 1 and one[0].endswith(" 0 WRONG")
    assert one == other


def test_each_reset_starts_again():
    lines = printed(guest(FOLDER / "restart.bin", options=["--triple-reset"]))
    assert lines[-1] == "RESTART: END"
    numbered = [line.split(" CR0 ")[0] for line in lines[1:-1]]
    assert numbered == ["RESTART NUMBER %02d" % number for number in range(RESTARTS)]
    # Registers of processor and devices are as at the first start.
    assert len({line.split(" CR0 ")[1] for line in lines[1:-1]}) == 1


if __name__ == "__main__":
    # For whoever writes a program: shows both sides, or only what differs.
    for file in map(pathlib.Path, sys.argv[1:]):
        sides = printed(bare(file)), printed(guest(file))
        print("\n".join(differences(*sides, [])))
        for number, lines in enumerate(sides):
            pathlib.Path("/tmp/equiv.%s.%d" % (file.stem, number)).write_text("\n".join(lines) + "\n")
