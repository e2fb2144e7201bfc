"""`vm64 try`: CP with one guest, of files; shows what that guest prints and how it ended."""
# Part in the monitor: none; which statements the guest's directory entry gets is in guestfiles.py.

import re
import threading
import time

from . import guestfiles, images, patterns, paths
from .engines import Spec
from .machine import SETTLE

STORAGE = re.compile(r"^(\d+)([KMG])$", re.IGNORECASE)
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
PARM = "console=GUEST autoquit"
CP_MIB = 192            # real storage beside the guest's: firmware, CP, and the files as they were loaded
LARGE_MIB = 1024        # what a host with several of these machines may not have
# Measured in Bochs, from start to CP's readiness: from BIOS by GRUB 2.2 s and 0.16 s for each MB of files, from UEFI by our
# own loader, which reads each file in one piece, 11.2 s and 0.13 s. From here on UEFI is the quicker of the two.
UEFI_FROM = 320 << 20
CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[^\[])|[\x00\x07\x0e\x0f]")
CONTROL_BEGUN = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*)?$")


def storage_bytes(text):
    match = STORAGE.match(text)
    if not match or not int(match.group(1)):
        raise ValueError("storage is a number and K, M or G, like 128M; not: " + text)
    return int(match.group(1)) * UNITS[match.group(2).upper()]


class GuestOutput:
    """Tells the guest's output from CP's on the one line that both use: CP's messages are whole lines of a fixed form.
    What the guest prints is passed on as it comes; only the beginning of a line that may yet turn out to be CP's is
    held back."""

    def __init__(self, show, until=None):
        self.show = show                # gets text of the guest's
        self.until = until
        self.started = False            # nothing before CP is ready is the guest's
        self.line = ""                  # the line being assembled
        self.shown = 0                  # how much of it has been passed on
        self.guest = ""                 # all of the guest's output, without terminal control, for --until
        self.control = ""               # the beginning of a control sequence whose end has not come yet
        self.cp = []                    # CP's messages
        self.found = False
        self.end = None                 # (good, message): how the guest ended
        self.fed = time.monotonic()     # when output came last
        self.changed = threading.Event()

    def feed(self, text):
        for piece in text.replace("\r", "").splitlines(keepends=True):
            self.line += piece
            if self.line.endswith("\n"):
                self.whole_line()
            elif self.started and not self.may_be_cp():
                self.pass_on()
        self.fed = time.monotonic()

    def look(self, settled):
        """Looks for --until; where it ends with what has come so far, only once that has stood still (`settled`),
        because output comes byte by byte and `$` would be true too early."""
        match = self.until and not self.found and self.until.search(self.guest)
        if match and (settled or match.end() < len(self.guest) or self.guest.endswith("\n")):
            self.found = True
            self.changed.set()

    def still(self):
        """To be called now and then: looks, and takes what has stood still for long enough as settled."""
        self.look(time.monotonic() - self.fed >= SETTLE)

    def may_be_cp(self):
        return self.shown == 0 and (self.line[:3] in ("D", "DM", "DMK", "V", "V6", "V64")
                                    and len(self.line) < patterns.CP_MESSAGE_LENGTH
                                    or patterns.CP_MESSAGE.match(self.line) is not None)

    def pass_on(self):
        if self.end:
            return          # what follows a guest's end is CP's account of it
        new = self.line[self.shown:]
        self.shown = len(self.line)
        self.guest += self.plain(new)
        self.show(new)

    def plain(self, new):
        """The text without colours, cursor movements and the like, wherever they are cut in pieces."""
        text = self.control + new
        begun = CONTROL_BEGUN.search(text)
        self.control = text[begun.start():] if begun else ""
        return CONTROL.sub("", text[:begun.start()] if begun else text)

    def whole_line(self):
        if self.shown == 0 and patterns.CP_MESSAGE.match(self.line):
            self.cp_message(self.line.rstrip())
        elif self.started:
            self.pass_on()
        elif self.cp:
            self.cp.append(self.line.rstrip())      # further lines of a message, before any guest
        self.line, self.shown = "", 0

    def cp_message(self, message):
        self.cp.append(message)
        if re.match(patterns.READY, message):
            self.started = True
        if patterns.GUEST_WARNING.match(message):
            paths.say("CP says: " + message)
        if self.end is None and patterns.GATE_END.match(message):
            first = next((i for i, line in enumerate(self.cp) if patterns.GATE_BEGIN.match(line)), 0)
            self.end = (False, "\n".join(self.cp[first:-1]))
            self.changed.set()
        for pattern, good in patterns.GUEST_ENDS:
            if self.end is None and pattern.match(message):
                self.end = (good, message)
                self.changed.set()


def memory_for(storage):
    return -(-storage // (1 << 20)) + CP_MIB


def choose_boot(options, content):
    return options.boot or ("uefi" if content.size() >= UEFI_FROM else "bios")


def make_spec(options, storage):
    """What Machine calls to put the boot medium into the work folder."""
    guestfiles.check(options)

    def make(work):
        text, files = guestfiles.plan(guestfiles.prepare(options, work))
        directory = work / "directory"
        directory.write_text(text)
        content = images.Content(directory, PARM, files)
        boot = choose_boot(options, content)
        if boot == "uefi":
            paths.need_products(paths.EFI_APP)
            image = work / "disk.img"
            images.esp_disk(content, image, work)
        else:
            image = work / "disc.iso"
            images.bios_iso(content, image, work)
        memory = options.memory or memory_for(storage + 2 * content.size())
        if memory > LARGE_MIB:
            paths.say("the machine needs %d MB of real storage" % memory)
        return Spec(image, boot, memory, options.cpu)

    return make


def run(machine, output, until, has_until):
    """Follows the guest to its end; returns the exit status."""
    while not machine.closed and not machine.out_of_time():
        output.changed.wait(machine.left(0.05))
        output.still()
        if has_until and output.found:
            return 0
        if output.end:
            break
    if machine.closed and machine.reader:
        machine.reader.join(2)
        output.look(True)
    if has_until and output.found:
        return 0
    if output.end:
        good, message = output.end
        if good and "ISA-DEBUG-EXIT" in message:
            paths.say("CP says: " + message)
        if good and not has_until:
            return 0
        paths.say("CP says: " + message if good is False
                  else "the guest ended or switched itself off before this came: " + until)
        return 1
    if machine.closed:
        last = output.cp[-1] if output.cp else "CP said nothing"
        paths.say("the emulator ended before the guest did; CP's last message: " + last)
        paths.say("\n".join(["the emulator's last lines:"] + machine.log_tail(8)))
        return 1
    paths.say("time is up" + ("; not seen: " + until if has_until else "; the guest still runs"))
    for message in output.cp[-5:]:
        paths.say("CP: " + message)
    return 1
