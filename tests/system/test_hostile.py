"""Guests that try what they can: CP lives, the neighbours keep their time and their storage, and nothing is lost."""
# Part in the monitor: none; TICKER and KEEPER are the neighbours, and run through all of it.

import re

import pytest

from vm64lib import paths

SECONDS = 70
HZ = 50_000_000
TICKER = r"TICKER (\d+) SECONDS, (\d+) INTERRUPTS, RTC (\d+), DRIFT (-?\d+), TSC \+(\d+)\n"
KEEPER = r"KEEPER: CHECK (\d+), WRONG WORDS (\d+)\n"
OFF = r"V64DSP460I %s POWERED OFF BY"

# What each guest is expected to say, in this order, and CP about it; all but the last group end by themselves.
ENDS = {
    "TRIPLE": [r"DMKDSP453W CP ENTERED; TRIPLE FAULT, PSW '[0-9A-F]{4} [0-9A-F]{16} "],
    "WAIT": [r"DMKDSP450W CP ENTERED; DISABLED WAIT PSW '"],
    "SENSE": [r"SENSITIVE: ROWS 18, PASS 18\n", OFF % "SENSE"],
    "TASKS": [r"TASKS: ROWS 13, PASS 13\n", OFF % "TASKS"],
    "INTERP": [r"V64STO460I INTERP MEMORY TRAP: READ 0090000000, BOUND 0000400000", r"INTERP: ROWS (\d+), PASS \1\n", OFF % "INTERP"],
    "DIRECT": [r"DIRECT: 1\d\d\d INSTRUCTIONS, \d+ COMPARED, 0 WRONG\n", OFF % "DIRECT"],
    "VMXALL": [r"VMXALL: VMCALL CAME BACK", r"VMXALL: ROWS \d+, WRONG 0\n", r"VMXALL: SURVIVED", OFF % "VMXALL"],
    "WALKER": [r"V64STO461W WALKER STOPPED: ITS PAGE TABLES LIE IN ABSENT STORAGE 0000401000, BOUND 0000400000"],
    "SPACE": [r"V64STO460I SPACE MEMORY TRAP: READ 0000400000, BOUND 0000400000",
              r"SPACE: PAST THE LAST ADDRESS: #PF, RESERVED BIT", r"TRAPPED 0\n", r"SPACE: SURVIVED",
              OFF % "SPACE"],
    "MSRS": [r"V64MSR301I MSRS RDMSR [0-9A-F]{8} ANSWERED WITH #GP", r"MSRS: SURVIVED", OFF % "MSRS"],
    "WRITER": [r"WRITER: WRONG WORDS IN ALL 0\n", r"WRITER: SURVIVED", OFF % "WRITER"],
    "FUZZPCI": [r"FUZZPCI: FUNCTIONS [1-9]\d*\n", r"FUZZPCI: BARS HAVE BEEN EVERYWHERE", r"FUZZPCI: SURVIVED",
                OFF % "FUZZPCI"],
    # It may come back from its last commands to its own APIC, or begin again.
    "FUZZMMIO": [r"FUZZMMIO: APIC, I/O APIC, HPET", r"FUZZMMIO: BARS DONE", r"FUZZMMIO: SURVIVED\n"],
    "FUZZVIRT": [r"FUZZVIRTIO: DEVICES 5\n", r"FUZZVIRTIO: SURVIVED", OFF % "FUZZVIRT"],
    "FUZZFWC": [r"FUZZFWCFG: BY DMA DONE: GOOD [1-9]\d*, WITH ERROR [1-9]\d*, UNANSWERED 0\n",
                r"FUZZFWCFG: FOUR GIB AT ONCE DONE", r"FUZZFWCFG: SURVIVED", OFF % "FUZZFWC"],
    # The first port that ends a machine is 92h, which resets it; after that it begins again.
    "PORTS": [r"PORTS: DOUBLE WORD READS ANSWERED \d+", r"PORTS: WRITING ONES", r"PORTS: DOWNWARDS DONE",
              r"STRINGS WITHOUT STORAGE GAVE #PF, #PF, #GP", r"PORTS: ONES TO 0092", r"PORTS: READING ALL"],
}
# Where SPACE may get an answer: ECAM and the BARs, I/O APIC, HPET, local APIC, flash.
DEVICES = [(0xE0000000, 0xFEC01000), (0xFED00000, 0xFED01000), (0xFEE00000, 0xFEE01000), (0xFFC00000, 1 << 32)]
# What never ends: what the guest says before it, and the exit that takes the processor back.
ENDLESS = {"LOOP": (r"LOOP: CLI", "preemption timer"), "STORMAC": (r"STORMAC: RING 3", "exception"),
           "STORMDB": (r"STORMDB: A WATCH", "exception")}


@pytest.fixture(scope="module")
def machine(boot_once):
    text = (paths.ROOT / "guests" / "hostile.directory").read_text()
    text += "USER BUSY BUSY 4M 4M G\n CONSOLE 009 3215\n IPL loop.bin MULTIBOOT\n"
    session = boot_once(directory=text)
    session.expect(KEEPER, 60)
    return session


def free_storage(machine):
    """Real storage that is free, and the largest run of it, in K."""
    return machine.command("QUERY ALLOC", r"^STORAGE \d+K, FREE (\d+)K, LARGEST (\d+)K", 30).groups()


def autolog(machine, name):
    machine.command("AUTOLOG " + name, r"AUTO LOGON \*\*\* %s USERS" % name, 30)


def force(machine, name):
    machine.command("FORCE " + name, r"USER DSC LOGOFF AS %s USERS = \d+ FORCED" % name, 30)
    machine.command("QUERY " + name, r"DMKCQG045E %s NOT LOGGED ON" % name, 30)


def neighbours_go_on(machine, seconds=2):
    """TICKER and KEEPER each come by that many more seconds, with time and storage as they must be."""
    machine.machine.consumed = mark = len(machine.machine.text)
    for _ in range(seconds):
        machine.expect(TICKER, 60)
    machine.machine.consumed = mark
    for _ in range(seconds):
        assert int(machine.expect(KEEPER, 60).group(2)) == 0


def shares(machine):
    """INDICATE's shares of the processor since the INDICATE before."""
    machine.command("INDICATE", r"^CPU-\d+%[^\n]*\n", 30)
    machine.command("QUERY USERS", r"^\d+ USERS", 30)     # answered after the last line of INDICATE
    text = machine.console()
    rows = text[text.rindex("USERID   STATE"):]
    found = re.findall(r"^([A-Z]+) +(?:RUNNING|WAITING|ENDED) +([0-9.]+)%", rows, re.M)
    return {name: float(share) for name, share in found}


@pytest.mark.parametrize("name", ENDS)
def test_ends_alone(machine, name):
    before = free_storage(machine)
    machine.machine.consumed = mark = len(machine.machine.text)
    autolog(machine, name)
    for pattern in ENDS[name]:
        machine.expect(pattern, 150)
    said = bytes(machine.machine.text[mark:]).decode("utf-8", "replace")
    assert "WRONG:" not in said and ", WRONG\n" not in said and " FAIL\n" not in said
    for address in re.findall(r"SPACE: ANSWER AT ([0-9A-F]+)", said):
        assert any(begin <= int(address, 16) < end for begin, end in DEVICES), address
    assert name != "PORTS" or "V64DSP466I PORTS RESET ITSELF; ports.bin LOADED AGAIN" in said
    neighbours_go_on(machine, 1)
    force(machine, name)
    assert free_storage(machine) == before


def test_endless_ones_share_the_processor(machine):
    before = free_storage(machine)
    for name, (sign, _) in ENDLESS.items():
        machine.machine.consumed = len(machine.machine.text)
        autolog(machine, name)
        machine.expect(sign, 60)
    neighbours_go_on(machine)
    for name, (_, cause) in ENDLESS.items():
        machine.command("INDICATE " + name, r"^%s +[vDA]\w* +\d+ +[0-9.]+%%\n" % cause, 30)
    shares(machine)
    neighbours_go_on(machine)
    used = shares(machine)
    least, most = (pick(used[name] for name in ENDLESS) for pick in (min, max))
    assert least > 20 and most - least < 5, used
    for name in ENDLESS:
        force(machine, name)
    assert free_storage(machine) == before


def test_loop_leaves_half_to_another(machine):
    before = free_storage(machine)
    autolog(machine, "LOOP")
    autolog(machine, "BUSY")
    machine.expect(r"BUSY: LOOP: CLI", 60)
    shares(machine)
    neighbours_go_on(machine, 3)
    used = shares(machine)
    # KEEPER's checks take an eighth; what is left goes to the two, in halves.
    assert used["LOOP"] > 38 and used["BUSY"] > 38 and abs(used["LOOP"] - used["BUSY"]) < 4, used
    force(machine, "LOOP")
    force(machine, "BUSY")
    assert free_storage(machine) == before


@pytest.mark.parametrize("seed", range(1, 7))
def test_random_instructions(machine, seed):
    """What becomes of the guest is nobody's business: it may go on, or destroy itself."""
    before = free_storage(machine)
    autolog(machine, "FUZZCODE")
    machine.command("IPL FUZZCODE fuzzcode.bin MULTIBOOT PARM %d" % seed, r"FUZZCODE: SEED %d\n" % seed, 60)
    neighbours_go_on(machine, 3)
    force(machine, "FUZZCODE")
    assert free_storage(machine) == before


def test_all_at_once(machine):
    before = free_storage(machine)
    names = ["LOOP", "STORMAC", "STORMDB", "VMXALL", "TRIPLE", "WAIT", "WALKER", "WRITER", "SPACE"]
    for name in names:
        autolog(machine, name)
    neighbours_go_on(machine)
    for name in names:
        force(machine, name)
    assert free_storage(machine) == before
    neighbours_go_on(machine, 1)


def test_neighbours_have_noticed_nothing(machine):
    text = machine.console()
    ticks = [[int(word) for word in row] for row in re.findall(TICKER, text)]
    assert [row[0] for row in ticks] == list(range(1, len(ticks) + 1))
    for second, interrupts, clock, drift, tsc in ticks:
        assert interrupts == 100 * second
        assert abs(clock - second) <= 1 and abs(drift) <= 1
        # A line may come late by the slices of those before it in the queue, and the next one early.
        assert abs(tsc - HZ) < HZ // 4
    checks = [[int(word) for word in row] for row in re.findall(KEEPER, text)]
    assert [row[0] for row in checks] == list(range(1, len(checks) + 1))
    assert all(wrong == 0 for _, wrong in checks)
    assert len(ticks) > 20 and len(checks) > 20


def test_cp_ends_in_order(machine):
    machine.shutdown()
