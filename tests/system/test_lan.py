"""Three machines on the virtual Ethernet, all with virtual-interrupt delivery, ask and answer each other under load."""
# Part in the monitor: none; guests/lan.asm checks every byte, and tells the card of a frame in three ways.

import re

from conftest import OPERATOR, user

SECONDS = 10
NET = "SPECIAL 600 NET"
SLICE = 50_000_000 // 50        # ticks of the emulated machine's 50 MHz


def lan(name, numbers, autolog=True):
    return user(name, "4M", "lan.bin MULTIBOOT PARM " + numbers, NET, autolog=autolog)


def test_three_exchange_frames(boot):
    # A sends and waits in HLT, B computes meanwhile. LOOKER never waits, so ASKED is served only if that ends its stay.
    text = OPERATOR + lan("A", "0 3 300 300 0") + lan("B", "1 3 300 300 1") + lan("C", "2 3 300 300 0")
    text += lan("LOOKER", "0 2 100 0 3", False) + lan("ASKED", "1 2 0 100 2", False)
    machine = boot(directory=text)
    for name in "ABC":
        machine.machine.consumed = 0
        found = machine.expect(r"^%s[:+] LAN: SENT (\d+), RECEIVED (\d+), BYTES \d+, INTERRUPTS \d+, WRONG 0," % name, 90)
        assert all(int(number) >= 2 * 2 * 301 for number in found.groups())
    # The switch knows their addresses until they are gone, and the next two use them again.
    for name in "ABC":
        machine.command("FORCE " + name, r"USER DSC LOGOFF AS %s\b" % name, 30)
    machine.command("AUTOLOG ASKED", r"AUTO LOGON \*\*\* ASKED", 30)
    machine.send("AUTOLOG LOOKER")
    answer = machine.expect(r"^LOOKER[:+] LAN: SENT [^\n]*, WRONG 0, TICKS AN ANSWER (\d+)\n", 90)
    assert int(answer.group(1)) < SLICE // 4
    assert not re.search(r"LAN: WRONG|STOPPED", machine.console())
    machine.shutdown()
