"""Fixtures of the system tests: a machine booted once for many tests, and on failure all that it has said."""
# Part in the monitor: none.

import pathlib
import shutil
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from vm64lib import engines, images, paths, patterns, screen  # noqa: E402
from vm64lib.machine import Machine, Unmet  # noqa: E402
from vm64lib.script import ATTENTION  # noqa: E402

BOOT_SECONDS = 180
TAIL_LINES = 60
OPERATOR = "USER OPERATOR OPERATOR 0 0 ABCDEFG\n"
LINUX_PARM = "console=ttyS0 quiet panic=-1 cryptomgr.notests"


def user(name, storage, ipl, *statements, autolog=True):
    """A user's directory entry: user("HELLO", "4M", "hello.bin BOOT"), user("L", "96M", "vmlinuz", "INITRD initrd")."""
    lines = ["USER %s %s %s %s G" % (name, name, storage, storage), "CONSOLE 009 3215"]
    lines += ["OPTION AUTOLOG"] if autolog else []
    lines += ["IPL " + ipl] if ipl else []
    return "\n ".join(lines + list(statements)) + "\n"


class Session:
    """One booted machine and the operator at its console."""

    def __init__(self, directory=None, files=None, parm="", boot="bios", engine="bochs", cpu=None, memory=512,
                 image=None, ips=50_000_000, ready=patterns.READY, timeout=1200, processors=1):
        """`directory` is the user directory's text, or a path, or None for the demonstration's; `files` maps names in
        it to bytes or paths; `image` boots a finished medium; `ready` is what to wait for, None for nothing."""
        self.sources = pathlib.Path(tempfile.mkdtemp(prefix="vm64-test-"))
        try:
            self.engine = {"bochs": engines.Bochs, "tcg": lambda: engines.Qemu("tcg"),
                           "kvm": lambda: engines.Qemu("kvm")}[engine]()
            self.machine = Machine(self.engine, self.spec_maker(directory, files or {}, parm, image, boot, memory,
                                                                cpu, ips, processors), timeout=timeout)
            self.machine.__enter__()
        except BaseException:
            shutil.rmtree(self.sources, ignore_errors=True)
            raise
        self.reported = 0
        try:
            if ready:
                self.expect(ready, BOOT_SECONDS)
        except BaseException as error:
            if isinstance(error, Unmet):
                error.args = ("%s\n%s" % (error, self.account()),)
            self.stop()
            raise

    def spec_maker(self, directory, files, parm, image, boot, memory, cpu, ips, processors):
        if image:
            return lambda work: engines.Spec(image, boot, memory, cpu, ips, processors)
        if directory is None:
            path = paths.DEMO_DIRECTORY
        elif isinstance(directory, pathlib.Path):
            path = directory
        else:
            path = self.sources / "directory"
            path.write_text(directory)
        extra = {}
        for name, content in files.items():
            extra[name] = content
            if isinstance(content, bytes):
                extra[name] = self.sources / ("file." + name)
                extra[name].write_bytes(content)

        def make(work):
            content = images.Content(path, parm, extra, quiet=True)
            medium = work / ("disk.img" if boot == "uefi" else "disc.iso")
            (images.esp_disk if boot == "uefi" else images.bios_iso)(content, medium, work)
            return engines.Spec(medium, boot, memory, cpu, ips, processors)
        return make

    def expect(self, pattern, seconds=60.0):
        """Waits for output that no earlier expectation has used up; returns the match (of bytes)."""
        return self.machine.expect(pattern, seconds)

    def send(self, line):
        """Types a line."""
        self.machine.type(line)

    def keys(self, data):
        """Types bytes as they are."""
        self.machine.send(data)

    def attention(self):
        """Presses the attention key."""
        self.machine.send(ATTENTION)

    def command(self, line, pattern, seconds=60.0):
        """Types a command and waits for its answer, in output that came after it."""
        self.machine.consumed = len(self.machine.text)
        self.machine.type(line)
        return self.machine.expect(pattern, seconds)

    def pause(self, seconds):
        self.machine.pause(seconds)

    def seen(self, pattern):
        return self.machine.seen(pattern)

    def console(self):
        return self.machine.console()

    def screen(self):
        """The text on the screen (QEMU engines only)."""
        return screen.text_of_qemu(self.machine)

    def shutdown(self, seconds=30.0):
        """SHUTDOWN, and the emulator's end with it."""
        self.command("SHUTDOWN", patterns.SHUTDOWN, seconds)
        if not self.machine.wait_end(seconds):
            raise Unmet("CP said that it has ended, but the machine still runs")

    def account(self):
        """What the machine has said lately, for a failure's report."""
        console = self.console().splitlines()[-TAIL_LINES:]
        parts = ["---- console, last lines ----"] + console
        parts += ["---- emulator, last lines ----"] + self.machine.log_tail()
        return "\n".join(parts)

    def trace(self):
        """CP's own trace, asked for at the operator's console; empty when CP answers no more."""
        if self.machine.closed or not self.machine.seen(patterns.READY):
            return ""
        start = len(self.machine.text)
        try:
            self.machine.type("QUERY TRACE")
            self.machine.pause(2)
        except Unmet:
            pass
        return bytes(self.machine.text[start:]).decode("utf-8", "replace")

    def stop(self):
        self.machine.stop()
        shutil.rmtree(self.sources, ignore_errors=True)


class Boots:
    """Starts machines and stops them all at the end of whatever scope asked for them."""

    def __init__(self):
        self.sessions = []

    def __call__(self, *args, **words):
        session = Session(*args, **words)
        self.sessions.append(session)
        return session

    def stop(self):
        for session in self.sessions:
            session.stop()


def boots():
    starter = Boots()
    try:
        yield starter
    finally:
        starter.stop()


# boot() starts a machine for one test, boot_once() one for all tests of a file (from a fixture of module scope).
boot = pytest.fixture(boots, name="boot")
boot_once = pytest.fixture(boots, scope="module", name="boot_once")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds to a failed test's report what its machines have said, and CP's trace."""
    report = (yield).get_result()
    if call.when != "call" or not report.failed:
        return
    sessions = []
    for value in getattr(item, "funcargs", {}).values():
        sessions += [value] if isinstance(value, Session) else getattr(value, "sessions", [])
    for session in dict.fromkeys(sessions):
        report.sections.append(("machine", session.account()))
        trace = session.trace()
        if trace:
            report.sections.append(("CP's trace", trace))


def pytest_addoption(parser):
    parser.addoption("--share", metavar="K/N", help="runs only share K (1 to N) of the test files, so that N processes"
                     " can run at the same time; a file's variable SECONDS says how long it takes")


def pytest_collection_modifyitems(config, items):
    share = config.getoption("--share")
    if not share:
        return
    mine, count = (int(word) for word in share.split("/"))
    cost = {}
    for item in items:
        cost[item.path] = getattr(item.module, "SECONDS", 10)
    # The longest first, each to the share that has least so far: the same in every process.
    loads, chosen = [0] * count, set()
    for path in sorted(cost, key=lambda path: (-cost[path], str(path))):
        least = loads.index(min(loads))
        loads[least] += cost[path]
        if least == mine - 1:
            chosen.add(path)
    left = [item for item in items if item.path not in chosen]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item.path in chosen]
