"""Bochs' processor models: those that lack something are told what, all others run the guests."""
# Part in the monitor: none; VM64_LONG=1 runs the whole demonstration on every model.

import os
import re

import pytest

from conftest import LINUX_PARM, OPERATOR, user
from test_hostile import ENDS
from vm64lib import paths

LONG = os.environ.get("VM64_LONG", "") not in ("", "0")
SECONDS = 900 if LONG else 150
LACKING = {
    "core2_penryn_t9600": ["EPT (extended page tables)", "unrestricted guest", "load IA32_EFER"],
    "corei5_lynnfield_750": ["unrestricted guest"],
    "ryzen": ["VT-x"],
}
# The oldest that will do, and the two that offer most.
SHORT = ["corei7_sandy_bridge_2600k", "corei7_skylake_x", "tigerlake"]
ALL = ["corei7_sandy_bridge_2600k", "corei7_ivy_bridge_3770k", "corei7_haswell_4770", "broadwell_ult",
       "corei7_skylake_x", "corei7_icelake_u", "tigerlake"]
# What a guest must not be offered, because the monitor does not carry it, whatever the model has.
HIDDEN = ["vmx", "pku", "xsaves", "x2apic", "monitor", "la57", "umip", "cet", "waitpkg", "sgx", "tsc_deadline_timer"]


@pytest.mark.parametrize("model", LACKING)
def test_report_names_what_is_missing(boot, model):
    machine = boot(cpu=model, ready=None)
    report = machine.expect(r"^V64GAT801W [^\n]*\n(?:  [^\n]*\n)+V64GAT802A [^\n]*\n", 60).group().decode()
    for what in LACKING[model]:
        assert what in report
    assert "what to do: " in report
    machine.keys(b"p")
    assert machine.machine.wait_end(20), "P was pressed and the machine still runs"


def test_processor_without_64_bits_is_told(boot):
    machine = boot(cpu="atom_n270", ready=None)
    machine.expect(r"^VM/64: this processor has no 64-bit mode. VM/64 cannot run on it.", 60)


def short_directory():
    linux = user("LINUX1", "96M", "vmlinuz LINUX PARM %s userid=LINUX1" % LINUX_PARM, "INITRD initrd")
    return OPERATOR + linux + "".join([user("HELLO", "4M", "hello.bin BOOT"), user("SENSE", "4M", "sensitive.bin"),
                                       user("TICKER", "4M", "ticker.bin"), user("BOUNDS", "16M", "bounds.bin"),
                                       user("VMXALL", "4M", "vmxall.bin", autolog=False),
                                       user("MSRS", "4M", "msrs.bin", autolog=False)])


@pytest.mark.parametrize("model", ALL if LONG else SHORT)
def test_guests_run(boot, model):
    machine = boot(cpu=model, directory=None if LONG else short_directory())
    for name in ("LINUX1", "LINUX2") if LONG else ("LINUX1",):
        machine.machine.consumed = 0
        machine.expect(r"^%s[:+] [^\n]*TICKS=\d+" % name, 300)
        machine.command("SEND %s uname -a; cat /proc/cpuinfo" % name,
                        r"^%s[:+] Linux %s 6\.\d+[^\n]* x86_64 GNU/Linux" % (name, name), 120)
        flags = machine.expect(r"^%s[:+] flags[^\n]*: ([^\n]*)\n" % name, 60).group(1).decode().split()
        assert not set(flags) & set(HIDDEN)
    machine.command("SEND HELLO good morning", r"^HELLO[:+] [^\n]*good morning", 60)
    for pattern in (r"TICKER 3 SECONDS, 300 INTERRUPTS, RTC [234], DRIFT (?:-1|0|1),", r"BOUNDS: [^\n]*0 WRONG",
                    r"V64STO461W BOUNDS STOPPED: "):
        machine.machine.consumed = 0
        machine.expect(pattern, 240)
    machine.shutdown()


def test_instructions_of_the_newest_model(boot):
    # What this model has beyond broadwell_ult must be refused as well: nothing exits that has no row in the table.
    directory = short_directory().replace(" OPTION AUTOLOG\n IPL vmlinuz", " IPL vmlinuz")
    machine = boot(cpu="tigerlake", directory=directory)
    machine.expect(r"SENSITIVE: ROWS 18, PASS 18\n", 60)
    for name, end in (("VMXALL", r"ROWS \d+, WRONG 0\n"), ("MSRS", r"MSRS: SURVIVED")):
        machine.command("AUTOLOG " + name, end, 120)
    machine.shutdown()


@pytest.mark.parametrize("words", ["timer,vpid,2m", "vid", "apicv", "tpr"])
def test_guests_run_without(boot, words):
    # What a processor may lack, given up on one that has it: the monitor then does the same by itself.
    directory = OPERATOR + user("LINUX1", "96M", "vmlinuz LINUX PARM %s userid=LINUX1" % LINUX_PARM, "INITRD initrd")
    directory += user("TICKER", "4M", "ticker.bin") + user("BENCH", "64M", "bench.bin MULTIBOOT", autolog=False)
    machine = boot(directory=directory, parm="without=" + words)
    machine.expect(r"^LINUX1[:+] [^\n]*TICKS=\d+", 300)
    machine.command("AUTOLOG BENCH", r"^BENCH[:+] BENCH done", 120)
    machine.command("SEND LINUX1 uname -a", r"^LINUX1[:+] Linux LINUX1 6\.\d+[^\n]* x86_64 GNU/Linux", 120)
    machine.machine.consumed = 0
    machine.expect(r"TICKER 3 SECONDS, 300 INTERRUPTS, RTC [234], DRIFT (?:-1|0|1),", 60)
    machine.shutdown()


HOSTILE = ["TASKS", "INTERP", "DIRECT", "VMXALL", "MSRS", "FUZZPCI", "FUZZMMIO", "FUZZVIRT", "FUZZFWC"]


@pytest.mark.skipif(not LONG, reason="only in make test-long; test_hostile.py has them on one model")
@pytest.mark.parametrize("model, words", [(model, "") for model in ALL] + [(None, "timer,vpid,2m"), (None, "vid"),
                                                                         (None, "apicv"), (None, "tpr")])
def test_hostile_guests_end(boot, model, words):
    text = (paths.ROOT / "guests" / "hostile.directory").read_text()
    machine = boot(cpu=model, directory=text, parm="without=" + words if words else "")
    for name in HOSTILE:
        machine.machine.consumed = len(machine.machine.text)
        machine.send("AUTOLOG " + name)
        for pattern in ENDS[name]:
            machine.expect(pattern, 150)
        machine.command("FORCE " + name, r"USER DSC LOGOFF AS %s USERS" % name, 30)
    for wrong in (r"WRONG WORDS [1-9]", r" FAIL\n", r"WRONG:"):
        assert not machine.seen(wrong)
    seconds = [int(number) for number in re.findall(r"TICKER (\d+) SECONDS", machine.console())]
    assert seconds == list(range(1, len(seconds) + 1)) and len(seconds) > 5
    machine.shutdown()
