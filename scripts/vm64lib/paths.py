"""Where things are: the repository, build products, Debian's emulators and firmware."""
# Part in the monitor: none.

import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
KERNEL = BUILD / "vm64.elf"
EFI_APP = BUILD / "BOOTX64.EFI"
GUEST_FOLDERS = [BUILD / "guests" / name for name in ("", "linux", "debian", "other")]
DEMO_DIRECTORY = ROOT / "guests" / "demo.directory"

BOCHS_BIOS = pathlib.Path("/usr/share/bochs/BIOS-bochs-latest")
BOCHS_VGABIOS = pathlib.Path("/usr/share/bochs/VGABIOS-lgpl-latest")
OVMF = pathlib.Path("/usr/share/OVMF")
# Firmware of guests, by the names that CP looks for on the boot volume.
SEABIOS_FILES = {"seabios.bin": pathlib.Path("/usr/share/seabios/bios-256k.bin"),
                 "vgabios.bin": pathlib.Path("/usr/share/seabios/vgabios-stdvga.bin")}
OVMF_FILES = {"ovmf-code.fd": OVMF / "OVMF_CODE_4M.fd", "ovmf-vars.fd": OVMF / "OVMF_VARS_4M.fd"}

# sgdisk and its like are not on an ordinary user's path.
os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Problem(Exception):
    """Something the caller has to put right; its text says what. Ends the command with status 2."""


def say(text):
    print("vm64: " + text, file=sys.stderr, flush=True)


def need_packages():
    """Installs what is missing; silent and quick when nothing is."""
    done = subprocess.run([ROOT / "scripts" / "setup", "run"], stdout=sys.stderr, check=False)
    if done.returncode:
        raise Problem("packages are missing: scripts/setup run")


def need_products(*products):
    """Builds what has not been built yet; what is there is taken as it is."""
    missing = [p for p in products if not p.exists()]
    if not missing:
        return
    names = [str(p.relative_to(ROOT)) for p in missing]
    say("building " + " ".join(names))
    done = subprocess.run(["make", "-s", "-C", str(ROOT)] + names, stdout=sys.stderr,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode or any(not p.exists() for p in missing):
        raise Problem("cannot build " + " ".join(names))


def try_guests(names):
    """Builds the guests where one of these files is missing; CP can start without them, so failing is no error."""
    if not all(any((folder / name).exists() for folder in GUEST_FOLDERS) for name in names):
        say("building the guests")
        subprocess.run(["make", "-s", "-C", str(ROOT), "guests"], stdout=sys.stderr, stdin=subprocess.DEVNULL,
                       check=False)


def run_tool(*command, cwd=None):
    """Runs an image tool; its output is shown only when it fails."""
    command = [str(word) for word in command]
    if not shutil.which(command[0]):
        need_packages()
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Problem("%s failed:\n%s" % (command[0], done.stdout.decode("utf-8", "replace")))
