"""Sixteen machines with SeaBIOS and a disk each on one processor and 2 GiB: all live, each answers, each has its own disk."""
# Part in the monitor: none; all of them have the same file as their disk, which CP copies where they write.

import re

import pytest

from conftest import OPERATOR, user

SECONDS = 25
NAMES = ["PC%02d" % number for number in range(16)]     # four letters, as many as the guest sees in real mode
STORAGE = "64M"


@pytest.fixture(scope="module")
def machine(boot_once):
    text = OPERATOR + user(NAMES[0], STORAGE, "190 BIOS", "MDISK 190 RAM many.bin", autolog=False)
    for name in NAMES[1:]:
        text += user(name, STORAGE, "190", "LINK %s 190 190 WR" % NAMES[0], autolog=False)
    return boot_once(directory=text, memory=2048)


def free_storage(machine):
    return machine.command("QUERY ALLOC", r"^STORAGE \d+K, FREE (\d+)K, LARGEST (\d+)K", 60).groups()


def wait_for_all(machine, pattern, seconds):
    """Waits until each of them has said it, in output that is not used up yet; returns the groups of each."""
    mark, found = machine.machine.consumed, {}
    for name in NAMES:
        machine.machine.consumed = mark
        found[name] = machine.expect(pattern.replace("NAME", name), seconds).groups()
    return found


def start(machine, names):
    for name in names:
        machine.command("AUTOLOG " + name, r"AUTO LOGON \*\*\* %s USERS" % name, 60)


def talk(machine, words):
    """Each is sent a line; returns {name: (lines it has heard, its clock)}, both as its disk and its BIOS say."""
    machine.machine.consumed = len(machine.machine.text)
    for name in NAMES:
        machine.send("SEND %s %s" % (name, words))
    answer = r"^NAME: MANY: DISK OF NAME HEARD %s, COUNT (\d+), CLOCK (\d+)\n" % words
    return {name: [int(number) for number in groups] for name, groups in wait_for_all(machine, answer, 120).items()}


@pytest.fixture(scope="module")
def before(machine):
    return free_storage(machine)


def test_all_come_up(machine, before):
    machine.machine.consumed = mark = len(machine.machine.text)
    start(machine, NAMES)
    machine.machine.consumed = mark
    wait_for_all(machine, r"^NAME: MANY: TYPE A LINE", 240)
    said = machine.console()
    for name in NAMES:
        # The disk was as its file, whatever the others had written by then.
        assert re.search(r"^%s: MANY: FRESH$" % name, said, re.M)
        assert re.search(r"^%s: MANY: WRONG 0$" % name, said, re.M)
    assert machine.command("QUERY USERS", r"^(\d+) USERS", 30).group(1) == b"017"


def test_each_answers(machine):
    first = talk(machine, "one")
    assert {count for count, _ in first.values()} == {1}
    # One hears more than the others: its count goes up, theirs do not.
    machine.command("SEND %s alone" % NAMES[5], r"^%s: MANY: DISK OF %s HEARD alone, COUNT 2," % (NAMES[5], NAMES[5]), 60)
    second = talk(machine, "two")
    assert {name: count for name, (count, _) in second.items()} == {name: 3 if name == NAMES[5] else 2 for name in NAMES}
    for name in NAMES:
        assert second[name][1] > first[name][1]


def test_changes_end_with_the_session(machine):
    machine.command("FORCE " + NAMES[5], r"USER DSC LOGOFF AS %s" % NAMES[5], 30)
    start(machine, [NAMES[5]])
    machine.expect(r"^%s: MANY: FRESH" % NAMES[5], 120)
    machine.command("SEND %s again" % NAMES[5], r"^%s: MANY: DISK OF %s HEARD again, COUNT 1," % (NAMES[5], NAMES[5]), 60)


def test_storage_comes_back(machine, before):
    for name in NAMES:
        machine.command("FORCE " + name, r"USER DSC LOGOFF AS %s" % name, 30)
    assert free_storage(machine) == before
    machine.shutdown()
