"""One running emulator: its start, its serial line both ways, expectations, and an end that leaves nothing behind."""
# Part in the monitor: none; the serial line is the operator's console.

import ctypes
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import paths
from .paths import Problem

# Bochs' 16550 takes 16 bytes at 115200 baud and drops the rest; CP may be some milliseconds away in a guest.
PACE = 0.003
# A line that has stood still for so long is taken to be all there is: a prompt.
SETTLE = 0.25
GATHER = 0.02
# Bochs says these at every start, before it takes up its log's settings.
LOG_NOISE = re.compile(r"0+i\[|=+$|\s+Bochs x86 Emulator|\s+Built from SVN|\s+Timestamp:|Next at t=0$")


class Unmet(Exception):
    """An expectation that was not met; its text says which and why."""


class TimeUp(Unmet):
    """The whole run's time is over."""


def die_with_parent():
    """In the child: have the kernel end it when this script is killed, however hard."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


def lines_for_match(data):
    """The serial line's bytes as lines that ^ and $ can match: without carriage returns."""
    return data.replace(b"\r", b"")


class Machine:
    """with Machine(engine, spec_of_work, ...) as machine: machine.expect(...), machine.type(...)."""

    def __init__(self, engine, make_spec, log=None, timeout=None, keep=False, listener=None, pace=PACE):
        """`make_spec` gets the work folder, puts the boot medium there and returns the Spec."""
        self.engine = engine
        self.make_spec = make_spec
        self.log_path = log
        self.keep = keep
        self.pace = pace
        self.listener = listener            # called with each piece of output, from the reading thread
        self.deadline = time.monotonic() + timeout if timeout else None
        self.process = None
        self.line = None
        self.raw = bytearray()              # everything the console has said
        self.text = bytearray()             # the same without carriage returns
        self.consumed = 0                   # how much of text earlier expectations have used up
        self.changed = threading.Condition()
        self.closed = False                 # the emulator has closed the line
        self.work = None
        self.reader = None

    # Start and end

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="vm64-"))
        spec = self.make_spec(self.work)
        if getattr(self.engine, "over_tcp", False):
            waiting = socket.socket(socket.AF_INET)
            waiting.bind(("127.0.0.1", 0))
            link = waiting.getsockname()[1]
        else:
            waiting = socket.socket(socket.AF_UNIX)
            link = str(self.work / "console")
            waiting.bind(link)
        with waiting:
            waiting.listen(1)
            waiting.settimeout(0.1)
            command = self.engine.command(spec, self.work, link)
            if not shutil.which(command[0]):
                paths.need_packages()
            with open(self.work / "emulator.out", "wb") as output:
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                                stderr=subprocess.STDOUT, cwd=self.work,
                                                start_new_session=True, preexec_fn=die_with_parent)
            self.line = self.accept(waiting, command[0])
        self.line.setblocking(True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def accept(self, waiting, name):
        give_up = time.monotonic() + 60
        while True:
            try:
                return waiting.accept()[0]
            except socket.timeout:
                if self.process.poll() is not None:
                    raise Problem("%s ended at once (status %d):\n%s" % (
                        name, self.process.returncode, self.emulator_log())) from None
                if time.monotonic() > give_up:
                    raise Problem(name + " did not connect its serial line") from None

    def read(self):
        while True:
            try:
                data = self.line.recv(65536)
            except OSError:
                data = b""
            with self.changed:
                if data:
                    self.raw += data
                    self.text += lines_for_match(data)
                else:
                    self.closed = True
                self.changed.notify_all()
            if not data:
                return
            if self.listener:
                self.listener(data)

    def stop(self):
        """Ends the emulator and removes every trace of it; may be called at any time, and twice."""
        if self.process and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGTERM)
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            except ProcessLookupError:
                pass
        if self.line:
            # What the emulator had sent before its end may still be on its way to us.
            if self.reader:
                self.reader.join(2)
            self.line.close()
            self.line = None
        if self.work:
            self.write_log()
            if self.keep:
                paths.say("work files kept in %s" % self.work)
            else:
                shutil.rmtree(self.work, ignore_errors=True)
            self.work = None

    def write_log(self):
        if self.log_path:
            with open(self.log_path, "wb") as log:
                log.write(bytes(self.raw))
                log.write(b"\n==== emulator ====\n" + self.emulator_log().encode())
            self.log_path = None

    def emulator_log(self):
        """What the emulator itself has said: its standard output, its log, and port E9."""
        parts = []
        for name in ("emulator.out", "emulator.log", "e9"):
            try:
                parts.append((self.work / name).read_text("utf-8", "replace"))
            except (OSError, TypeError):
                pass
        return "\n".join(part for part in parts if part.strip())

    def log_tail(self, count=12):
        """The last lines of the emulator's log that may say why it ended: without what it says at each start."""
        lines = [line for line in self.emulator_log().splitlines() if line.strip() and not LOG_NOISE.match(line)]
        return lines[-count:]

    # Output

    def left(self, seconds):
        """Seconds to wait: those asked for, or fewer when the whole run ends before."""
        if self.deadline is None:
            return seconds
        return min(seconds, max(0.0, self.deadline - time.monotonic()))

    def out_of_time(self):
        return self.deadline is not None and time.monotonic() >= self.deadline

    def settled(self, wanted, until):
        """A match that more output will not change. Output comes byte by byte: where the match ends with what has
        come so far, more of the same line may be on its way, and `$` or a number would be true too early."""
        while True:
            match = wanted.search(self.text, self.consumed)
            if not match or match.end() < len(self.text) or self.text.endswith(b"\n") or self.closed:
                return match
            length = len(self.text)
            if not self.changed.wait_for(lambda: len(self.text) != length or self.closed, SETTLE):
                return match
            if time.monotonic() >= until:
                return None

    def expect(self, pattern, seconds=60.0):
        """Waits for a regular expression (text or compiled bytes) in output that no earlier expectation has used up.
        Returns the match; raises Unmet when it does not come."""
        wanted = pattern if isinstance(pattern, re.Pattern) else re.compile(pattern.encode(), re.MULTILINE)
        until = time.monotonic() + seconds
        with self.changed:
            while True:
                match = self.settled(wanted, until)
                if match:
                    self.consumed = match.end()
                    return match
                shown = wanted.pattern.decode("utf-8", "replace")
                if self.closed:
                    raise Unmet("the emulator ended before this came: %s" % shown)
                if self.out_of_time():
                    raise TimeUp("the time for the whole run is over; still waiting for: %s" % shown)
                rest = self.left(until - time.monotonic())
                if rest <= 0 and time.monotonic() >= until:
                    raise Unmet("not seen within %g seconds: %s" % (seconds, shown))
                self.changed.wait(max(rest, 0.01))
                # Output comes byte by byte: let some of it gather, or looking costs more than the emulator.
                self.changed.wait_for(lambda: self.closed, GATHER)

    def seen(self, pattern):
        """Whether a regular expression is anywhere in the output so far."""
        with self.changed:
            return re.search(pattern.encode(), self.text, re.MULTILINE) is not None

    def console(self):
        """All output so far, as text with plain line ends."""
        with self.changed:
            return bytes(self.text).decode("utf-8", "replace")

    def wait_end(self, seconds):
        """Waits for the emulator to end by itself; says whether it did."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.closed, self.left(seconds)):
                return False
        try:
            self.process.wait(self.left(max(seconds, 1)))
        except subprocess.TimeoutExpired:
            return False
        return True

    def pause(self, seconds):
        """Lets the machine run for a while; shorter when it ends or the run's time is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed, self.left(seconds))
        if self.out_of_time():
            raise TimeUp("the time for the whole run is over")

    # Input

    def send(self, data):
        """Types bytes, no faster than the emulated UART can take them."""
        for byte in data:
            try:
                self.line.sendall(bytes([byte]))
            except OSError:
                raise Unmet("the emulator ended while something was typed") from None
            if self.pace:
                time.sleep(self.pace)
            if self.out_of_time():
                raise TimeUp("the time for the whole run is over")

    def type(self, line):
        """Types a line and the carriage return."""
        self.send(line.encode() + b"\r")

    # Screen

    def screen_port(self, seconds=2.0):
        """The TCP port of the emulator's VNC server, or None; it comes up a little after the serial line."""
        until = time.monotonic() + seconds
        while not self.closed:
            port = self.find_screen_port()
            if port or time.monotonic() > until:
                return port
            time.sleep(0.05)
        return None

    def find_screen_port(self):
        inodes = set()
        try:
            for entry in os.listdir("/proc/%d/fd" % self.process.pid):
                target = os.readlink("/proc/%d/fd/%s" % (self.process.pid, entry))
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
        except OSError:
            return None
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            try:
                rows = pathlib.Path(table).read_text().splitlines()[1:]
            except OSError:
                continue
            for row in rows:
                words = row.split()
                listening = words[3] == "0A"
                port = int(words[1].rsplit(":", 1)[1], 16)
                if listening and words[9] in inodes and 5900 <= port < 6000:
                    return port
        return None

    def monitor(self, *commands):
        """QEMU only: gives commands to its monitor and returns what it says."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.work / "monitor"))
            line.settimeout(10)
            answer = b""
            for command in ("",) + commands:
                if command:
                    line.sendall(command.encode() + b"\n")
                prompts = answer.count(b"(qemu) ") + 1
                while answer.count(b"(qemu) ") < prompts and select.select([line], [], [], 10)[0]:
                    piece = line.recv(65536)
                    if not piece:
                        break
                    answer += piece
            return answer.decode("utf-8", "replace")
