"""The operator's console in this terminal: keys to the machine, its output to the screen, until one of them ends."""
# Part in the monitor: none.

import os
import select
import sys
import termios
import tty

LEAVE = 0x1C            # Ctrl-\
DRAIN_SECONDS = 0.2


def write_out(data):
    """Straight to standard output, whole, whatever its buffering."""
    try:
        while data:
            data = data[os.write(1, data):]
    except OSError:
        pass


def bridge(machine):
    """Returns "left", "ended" or "time". The terminal is put back as it was, whatever happens."""
    terminal = sys.stdin.isatty()
    saved = termios.tcgetattr(0) if terminal else None
    open_input = True
    try:
        if terminal:
            tty.setraw(0)
        while not machine.closed:
            if machine.out_of_time():
                return "time"
            ready = select.select([0] if open_input else [], [], [], machine.left(DRAIN_SECONDS))[0]
            if not ready:
                continue
            keys = os.read(0, 4096)
            if not keys:
                open_input = False
            elif terminal and LEAVE in keys:
                return "left"
            elif keys:
                machine.send(keys if terminal else keys.replace(b"\n", b"\r"))
        return "ended"
    finally:
        if terminal:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
