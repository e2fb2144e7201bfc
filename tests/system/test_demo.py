"""The demonstration: five guests at once on one processor of Bochs, booted once by GRUB, and an operator."""
# Part in the monitor: none.

import pytest

SECONDS = 30
GUESTS = ["LINUX1", "LINUX2", "HELLO", "TICKER", "BOUNDS"]


@pytest.fixture(scope="module")
def demo(boot_once):
    return boot_once()


def test_all_are_logged_on(demo):
    demo.machine.consumed = 0
    for name in GUESTS:
        demo.expect(r"AUTO LOGON \*\*\* %s\b" % name)
    names = demo.command("QUERY NAMES", r"OPERATOR[^\n]*\n(?:[^\n]*, *\n)*[^\n]*").group().decode()
    for name in GUESTS:
        assert name in names


def test_hello_answers_lines(demo):
    demo.machine.consumed = 0
    demo.expect(r"^HELLO[:+] HELLO: TYPE A LINE", 120)       # SeaBIOS has it to read first
    demo.command("SEND HELLO good morning", r"^HELLO: .*good morning", 60)


def test_ticker_keeps_its_second(demo):
    demo.machine.consumed = 0
    for second in range(1, 6):
        line = demo.expect(r"TICKER %d SECONDS, (\d+) INTERRUPTS, RTC (\d+), DRIFT (-?\d+)" % second, 240)
        assert int(line.group(1)) == 100 * second
        assert abs(int(line.group(2)) - second) <= 1
        assert abs(int(line.group(3))) <= 1


def test_bounds_is_stopped_by_the_allocator(demo):
    demo.machine.consumed = 0
    demo.expect(r"BOUNDS: [^\n]*0 WRONG", 300)
    demo.expect(r"V64STO461W BOUNDS STOPPED: [^\n]*BOUND 0001000000", 60)


@pytest.mark.parametrize("name", ["LINUX1", "LINUX2"])
def test_linux_answers(demo, name):
    demo.machine.consumed = 0
    demo.expect(r"%s: [^\n]*TICKS=\d+" % name, 300)
    demo.command("SEND %s uname -a" % name, r"%s: Linux %s 6\.\d+[^\n]* x86_64 GNU/Linux" % (name, name), 120)


def test_shutdown_ends_it(demo):
    demo.shutdown()
