"""Scripts for the operator's console: what is typed, what is waited for."""
# Part in the monitor: none.

import re

from . import patterns
from .machine import Unmet
from .paths import Problem

HELP = """\
script files: each line is typed at the operator's console, followed by the return key, once CP takes commands; except
  @expect REGEX [SECONDS]  waits (60 seconds, if not said) for output that no earlier @expect has used up; a number at
                           the end is the seconds; REGEX may have blanks, and ^ and $ match at lines
  @pause SECONDS           waits
  @attention               presses the attention key, Ctrl-]
  @key HEX                 sends one byte
  @type TEXT               types TEXT without the return key
  @# ...                   is a comment; @@TEXT types a line that begins with @
"""
ATTENTION = b"\x1d"
EXPECT = re.compile(r"^(.*?)(?:\s+(\d+(?:\.\d+)?))?$")


def parse(text, name):
    """[(verb, operand), ...]; raises Problem for what cannot be understood, so that nothing starts in vain."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        where = "%s:%d: " % (name, number)
        if line.startswith("@@"):
            steps.append(("line", line[1:]))
        elif line.startswith("@#"):
            continue
        elif line.startswith("@"):
            verb, _, operand = line[1:].partition(" ")
            steps.append(parse_verb(verb, operand.strip(), where))
        else:
            steps.append(("line", line))
    return steps


def parse_verb(verb, operand, where):
    try:
        if verb == "expect":
            pattern, seconds = EXPECT.match(operand).groups()
            if not pattern:
                raise Problem(where + "@expect needs a regular expression")
            return verb, (re.compile(pattern.encode(), re.MULTILINE), float(seconds or 60))
        if verb == "pause":
            return verb, float(operand)
        if verb == "attention" and not operand:
            return "bytes", ATTENTION
        if verb == "key":
            return "bytes", bytes([int(operand, 16)])
        if verb == "type":
            return "bytes", operand.encode()
    except (ValueError, re.error) as error:
        raise Problem(where + str(error)) from None
    raise Problem(where + "unknown: @%s %s" % (verb, operand))


def play(machine, steps, ready_seconds=180):
    """Plays the script; raises Unmet at the first expectation that is not met."""
    ready = False
    for verb, operand in steps:
        if verb in ("line", "bytes") and not ready:
            # Before CP listens, whatever is typed is lost; a script that waits for something else says so itself.
            wait_ready(machine, ready_seconds)
            ready = True
        if verb == "line":
            machine.type(operand)
        elif verb == "bytes":
            machine.send(operand)
        elif verb == "pause":
            machine.pause(operand)
        else:
            machine.expect(*operand)


def wait_ready(machine, seconds):
    """Waits until CP takes commands, without using up output for a later @expect."""
    if machine.seen(patterns.READY):
        return
    mark = machine.consumed
    machine.expect(patterns.READY, seconds)
    machine.consumed = mark


def ended_well(machine, seconds=20):
    """After the script: whether CP has ended by SHUTDOWN, and the emulator with it."""
    mark = machine.consumed
    machine.consumed = 0
    try:
        machine.expect(patterns.SHUTDOWN, seconds)
    except Unmet as unmet:
        raise Unmet("CP did not end by SHUTDOWN: %s" % unmet) from None
    finally:
        machine.consumed = mark
    if not machine.wait_end(seconds):
        raise Unmet("CP said that it has ended, but the machine still runs")
