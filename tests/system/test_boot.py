"""The demonstration started by UEFI: our own loader, OVMF's frame buffer, and the same guests as by GRUB."""
# Part in the monitor: none; GRUB starts it in test_demo.py, media in test_gate.py.

import pytest

from conftest import LINUX_PARM, OPERATOR, user

SECONDS = 30


@pytest.fixture(scope="module")
def machine(boot_once):
    linux = user("LINUX1", "96M", "vmlinuz LINUX PARM %s userid=LINUX1" % LINUX_PARM, "INITRD initrd")
    small = [user("HELLO", "4M", "hello.bin BOOT"), user("TICKER", "4M", "ticker.bin MULTIBOOT"),
             user("BOUNDS", "16M", "bounds.bin MULTIBOOT"), user("NOWHERE", "1M", "nowhere.bin")]
    return boot_once(boot="uefi", directory=OPERATOR + linux + "".join(small), parm="unheard-of")


def test_loader_hands_over_parm_and_files(machine):
    machine.machine.consumed = 0
    machine.expect(r"^V64CPI785E PARM WORD 'unheard-of' IS UNKNOWN")
    machine.expect(r"^DMKUDR476I System Directory loaded")
    machine.expect(r"^V64IPL702E nowhere\.bin: there is no such file on the boot volume")
    machine.expect(r"^DMKCPI966I ")
    machine.send("QUERY FILES")
    for name in ("vmlinuz", "initrd", r"hello\.bin", r"ticker\.bin", r"bounds\.bin"):
        machine.expect(r"^%s +\d+ BYTES\n" % name, 30)


def test_storage_is_nearly_all_there(machine):
    total = int(machine.command("QUERY ALLOC", r"^STORAGE (\d+)K, FREE", 30).group(1))
    assert total > (512 - 64) << 10


def test_small_guests_run(machine):
    machine.machine.consumed = 0
    line = machine.expect(r"TICKER 3 SECONDS, (\d+) INTERRUPTS, RTC (\d+), DRIFT (-?\d+)", 120)
    assert int(line.group(1)) == 300 and abs(int(line.group(2)) - 3) <= 1 and abs(int(line.group(3))) <= 1
    machine.machine.consumed = 0
    machine.expect(r"V64STO461W BOUNDS STOPPED: [^\n]*BOUND 0001000000", 300)
    machine.command("SEND HELLO by way of UEFI", r"^HELLO[:+] [^\n]*by way of UEFI", 60)


def test_linux_answers(machine):
    machine.machine.consumed = 0
    machine.expect(r"^LINUX1[:+] [^\n]*TICKS=\d+", 300)
    machine.command("SEND LINUX1 uname -a", r"^LINUX1[:+] Linux LINUX1 6\.\d+[^\n]* x86_64 GNU/Linux", 120)


def test_shutdown_ends_it(machine):
    machine.shutdown()
