"""Bad input: a directory, files and commands full of mistakes; each is told, everything else runs."""
# Part in the monitor: none.

import random

import pytest

from conftest import OPERATOR
from vm64lib import images, paths

SECONDS = 40
MEMORY = 512
KERNEL = paths.BUILD / "guests" / "linux" / "vmlinuz"
TICKER = r"TICKER (\d+) SECONDS, (\d+) INTERRUPTS, RTC \d+, DRIFT (-?\d+)"


class Directory:
    """A user directory in the making, and what CP is expected to say about it, in that order."""

    def __init__(self):
        self.lines, self.mistakes, self.refused, self.not_loaded = [], [], [], []

    def add(self, line, *mistakes):
        """A line; in `mistakes` %d stands for its number."""
        self.lines.append(line if isinstance(line, bytes) else line.encode())
        self.mistakes += [mistake % len(self.lines) for mistake in mistakes]

    def good(self, name, storage, *statements):
        self.add("USER %s %s %s %s G" % (name, name, storage, storage))
        for statement in ("OPTION AUTOLOG",) + statements:
            self.add(" " + statement)

    def bad(self, name, user, *statements):
        """A user whose entry has a mistake: each statement a line, or (line, message). He cannot log on."""
        first = len(self.lines) + 1
        for statement in (user, "OPTION AUTOLOG") + statements:
            self.add(*([statement] if isinstance(statement, (str, bytes)) else statement))
        self.refused.append((name, first))

    def bad_file(self, name, storage, reason, *statements):
        """A user whose entry is right, but what it names is not."""
        self.good(name, storage, *statements)
        self.not_loaded.append((name, reason))

    def write(self, folder):
        path = folder / "directory"
        path.write_bytes(b"\n".join(self.lines) + b"\n")
        return path


def broken_files():
    """Names and contents of the files that cannot be loaded, made of the true ones."""
    kernel = bytearray(KERNEL.read_bytes()[:1 << 20])
    assert kernel[0x202:0x206] == b"HdrS"
    files = {"cut.linux": bytes(kernel), "stub.linux": bytes(kernel[:0x210])}
    # A kernel that is whole, but of one page only: so small a machine may have it.
    small = kernel[:0x400] + b"\xf4" * 4096
    for offset, width, value in [(0x1F1, 1, 1), (0x1F4, 4, 256), (0x248, 4, 0), (0x24C, 4, 16), (0x258, 8, 0x100000),
                                 (0x260, 4, 4096)]:
        small[offset:offset + width] = value.to_bytes(width, "little")
    files["small.linux"] = bytes(small)
    files["large.initrd"] = bytes(range(256)) * (5 << 12)
    kernel[0x202:0x206] = b"Hdrs"
    files["header.linux"] = bytes(kernel)
    ticker = bytearray((paths.BUILD / "guests" / "ticker.bin").read_bytes())
    files["cut.multiboot"] = bytes(ticker[:len(ticker) // 2])
    ticker[8] ^= 1
    files["sum.multiboot"] = bytes(ticker)
    files["short.boot"] = b"\xf4" * 100
    files["unsigned.boot"] = b"\xf4" * 512
    files["odd.img"] = b"\xf4" * 1000
    files["no.iso"] = bytes(20 * 2048)
    descriptors = bytearray(files["no.iso"])
    descriptors[16 * 2048:16 * 2048 + 7] = b"\1CD001\1"
    descriptors[17 * 2048:17 * 2048 + 7] = b"\xffCD001\1"
    files["data.iso"] = bytes(descriptors)
    descriptors[17 * 2048:17 * 2048 + 30] = b"\0CD001\1EL TORITO SPECIFICATION"
    descriptors[17 * 2048 + 0x47:17 * 2048 + 0x4B] = b"\xff" * 4
    files["wild.iso"] = bytes(descriptors)
    files["large.flat"] = b"\xf4" * (700 << 10)
    return files


def directory_of_mistakes():
    d = Directory()
    d.add("IPL hello.bin", "V64DIR752E DIRECTORY LINE %d: IPL BEFORE THE FIRST USER STATEMENT")
    d.add(OPERATOR.rstrip())
    d.good("HELLO", "4M", "IPL hello.bin BOOT", "MDISK 191 RAM odd.img")
    d.bad("UNKNOWN", "USER UNKNOWN U 1M 1M G",
          ("FROBNICATE 7", "V64DIR751E DIRECTORY LINE %d: UNKNOWN STATEMENT 'FROBNICATE'"), "IPL hello.bin")
    d.add("USER HELLO AGAIN 2M 2M G", "V64DIR754E DIRECTORY LINE %%d: USER HELLO IS DEFINED IN LINE %d ALREADY;"
          % (d.lines.index(b"USER HELLO HELLO 4M 4M G") + 1))
    d.add(" IPL ticker.bin")
    d.bad("NOTHING",
          ("USER NOTHING N 0 0 G", "V64DIR756E DIRECTORY LINE %d: USER NOTHING HAS AN IPL OR OPTION AUTOLOG"),
          "IPL hello.bin")
    d.bad("LESS", ("USER LESS L 2M 1M G", "V64DIR757E DIRECTORY LINE %d: STORAGE 2M IS MORE THAN THE MAXIMUM 1M"))
    d.bad("MUCH", ("USER MUCH M LOTS 1M G", "V64DIR755E DIRECTORY LINE %d: STORAGE SIZE 'LOTS' MISSING OR INVALID"))
    d.bad("ODD", ("USER ODD O 1M 1025K", "V64DIR775E DIRECTORY LINE %d: STORAGE SIZE '1025K' IS NOT A MULTIPLE OF 4K"))
    d.bad("LONG", "USER LONG L 1M 1M G",
          (" IPL hello.bin PARM " + "x" * 600, "V64DIR759E DIRECTORY LINE %d: LONGER THAN 512 CHARACTERS"))
    d.bad("PARM", "USER PARM P 1M 1M G",
          (" IPL hello.bin PARM " + "x" * 256, "V64DIR763E DIRECTORY LINE %d: PARM IS LONGER THAN 255 CHARACTERS"))
    d.bad("PATH", "USER PATH P 1M 1M G",
          (" IPL ../../hello.bin", "V64DIR761E DIRECTORY LINE %d: '../../hello.bin' IS NOT A FILE NAME"))
    d.bad("KIND", "USER KIND K 1M 1M G",
          (" IPL hello.bin FLOPPY", "V64DIR762E DIRECTORY LINE %d: 'FLOPPY' IS NOT LINUX, MULTIBOOT, BOOT, FLAT"))
    d.bad("BINARY", "USER BINARY B 1M 1M G",
          (b" IPL \xff\xfe\x00\x01hello.bin", "V64DIR769E DIRECTORY LINE %d: CHARACTER X'FF' IN COLUMN 6 IS NOT TEXT"))
    d.bad("DISKS", "USER DISKS D 1M 1M G",
          (" MDISK 1900 RAM hello.bin", "V64DIR776E DIRECTORY LINE %d: '1900' IS NOT AN ADDRESS 001-FFF"),
          (" MDISK 190 RAM ../hello.bin", "V64DIR761E DIRECTORY LINE %d: '../hello.bin' IS NOT A FILE NAME"),
          (" IPL 190 UEFI", "V64DIR783E DIRECTORY LINE %d: USER DISKS HAS NO DISK '190' TO IPL"))
    d.bad("TWICE", "USER TWICE T 1M 1M G", " SPECIAL 190 NET",
          (" MDISK 190 RAM hello.bin RR", "V64DIR777E DIRECTORY LINE %d: SECOND DEVICE AT ADDRESS 190 OF THE SAME USER"))
    d.add("USER WAYTOOLONG W 1M 1M G", "V64DIR753E DIRECTORY LINE %d: USERID 'WAYTOOLONG' MISSING OR INVALID")
    d.bad_file("BIG", "4G",
               r"V64LOG701E BIG NOT LOGGED ON; NO 4194304K OF CONTIGUOUS STORAGE, LARGEST FREE RUN IS \d+K",
               "IPL hello.bin")
    d.bad_file("MISSING", "1M", r"V64IPL702E nowhere\.bin: there is no such file", "IPL nowhere.bin")
    d.bad_file("NOINITRD", "4M", r"V64IPL706E nowhere\.img: there is no such file [^\n]* for INITRD",
               "IPL small.linux", "INITRD nowhere.img")
    d.bad_file("CUT", "96M",
               r"V64IPL727E cut\.linux: truncated: the kernel part has \d+ bytes, the file holds \d+ of it",
               "IPL cut.linux")
    d.bad_file("STUB", "96M", r"V64IPL721E stub\.linux: not a Linux kernel: 528 bytes", "IPL stub.linux LINUX")
    d.bad_file("HEADER", "96M", r'V64IPL723E header\.linux: not a Linux kernel: no "HdrS" at 202 \(73726448 is there\)',
               "IPL header.linux")
    d.bad_file("SMALL", "4M", r"V64IPL708E large\.initrd: the INITRD of 5120 KiB does not fit the storage beside the"
               r" system \(4096 KiB in all\)", "IPL small.linux LINUX", "INITRD large.initrd")
    d.bad_file("CUTMB", "4M", r"V64IPL747E cut\.multiboot: truncated", "IPL cut.multiboot")
    d.bad_file("SUM", "4M", r"V64IPL742E sum\.multiboot: multiboot header at 0: wrong checksum [0-9A-F]{8}",
               "IPL sum.multiboot MULTIBOOT")
    d.bad_file("SHORT", "1M", r"V64IPL761E short\.boot: a boot sector has 512 bytes, the file has 100",
               "IPL short.boot BOOT")
    d.bad_file("UNSIGNED", "1M",
               r"V64IPL787E unsigned\.boot: not a bootable disk: signature F4F4 at the end of its first sector, not AA55",
               "IPL unsigned.boot BOOT")
    d.bad_file("FLAT", "1M", r"V64IPL763E large\.flat: a flat system may have \d+ bytes, the file has 716800",
               "IPL large.flat FLAT")
    d.bad_file("NOCD", "4M", r"V64IPL793E no\.iso: not a CD: 40960 bytes, without an ISO 9660 volume descriptor",
               "IPL no.iso CD")
    d.bad_file("DATACD", "4M", r"V64IPL794E data\.iso: no El Torito boot record: the CD is not bootable",
               "IPL data.iso")
    d.bad_file("WILDCD", "4M",
               r"V64IPL795E wild\.iso: broken CD: its El Torito boot catalog in sector 4294967295 is not valid",
               "IPL wild.iso")
    d.good("TICKER", "4M", "IPL ticker.bin MULTIBOOT")
    d.good("VICTIM", "4M", "IPL ticker.bin")
    return d


@pytest.fixture(scope="module")
def mistakes():
    return directory_of_mistakes()


@pytest.fixture(scope="module")
def machine(boot_once, mistakes, tmp_path_factory):
    return boot_once(directory=mistakes.write(tmp_path_factory.mktemp("bad")), files=broken_files(), memory=MEMORY,
                     parm="garbage console=NOBODY $nothing=%s")


def fixed(text):
    """The text as a regular expression that takes it word by word."""
    for letter in "\\.()[]*?+^$|{}":
        text = text.replace(letter, "\\" + letter)
    return text


def test_words_of_the_kernel_line_are_told(machine):
    machine.machine.consumed = 0
    machine.expect(r"V64CPI785E PARM WORD 'garbage' IS UNKNOWN OR INVALID\n")
    machine.expect(r"V64CPI785E PARM WORD '\$nothing=%s' IS UNKNOWN OR INVALID\n")
    machine.expect(r"V64LOG712E NOBODY NOT IN CP DIRECTORY")


def test_each_mistake_is_told_with_its_line(machine, mistakes):
    machine.machine.consumed = 0
    for mistake in mistakes.mistakes:
        machine.expect("^" + fixed(mistake))
    count = machine.expect(r"^V64CPI784I DIRECTORY: \d+ USERS, (\d+) ERRORS;").group(1)
    assert int(count) == len(mistakes.mistakes)


def test_whoever_has_mistakes_cannot_log_on(machine, mistakes):
    for name, line in mistakes.refused:
        machine.command("AUTOLOG " + name, r"^V64LOG714E %s CANNOT LOG ON; ITS DIRECTORY ENTRY HAS ERRORS \(LINE %d\)"
                        % (name, line))
    names = machine.command("QUERY NAMES", r"^OPERATOR - 009(?:, *\n?[^\n]* - DSC)*").group().decode()
    for name, _ in mistakes.refused:
        assert name + " " not in names


def test_each_bad_file_is_told_with_its_reason(machine, mistakes):
    machine.machine.consumed = 0
    for name, reason in mistakes.not_loaded:
        machine.expect(reason)
    for name, reason in mistakes.not_loaded[1:]:
        machine.command("BEGIN " + name, r"V64CFM721E %s HAS NO SYSTEM TO RUN" % name)
        machine.command("IPL " + name, reason)


def test_the_others_have_started(machine):
    assert machine.seen(r"^V64LOG706W HELLO 191 FILE odd\.img IS NO MULTIPLE OF 512 BYTES; 24 ZEROS FOLLOW ITS END")
    machine.command("SEND HELLO good morning", r"^HELLO[:+] [^\n]*good morning")
    machine.expect(TICKER)


REFUSED = [
    ("FROB", r"DMKCFC001E \?CP: FROB\n"),
    ("SHUTDOW", r"DMKCFC001E \?CP: SHUTDOW\n"),
    ("?" * 300, r"DMKCFC001E \?CP: \?"),
    ("QUERY FROB", r"V64CFC703E OPERAND 'FROB' IS NOT KNOWN TO QUERY"),
    ("SET FROB ON", r"V64CFC703E OPERAND 'FROB' IS NOT KNOWN TO SET"),
    ("HELP FROB", r"V64CFC703E OPERAND 'FROB' IS NOT KNOWN TO HELP"),
    ("SET EMSG FROB", r"DMKCFC026E"),
    ("SLEEP -1", r"DMKCFC026E"),
    ("SLEEP 99999999999999999999 SEC", r"DMKCFC026E"),
    ("SHUTDOWN NOW", r"DMKCFC026E|V64CFC703E"),
    ("DISPLAY VICTIM LZZZ", r"V64CDB741E HEXLOC LZZZ MISSING OR INVALID"),
    ("DISPLAY VICTIM L400000", r"V64CDB742E HEXLOC 00400000 IS NOT STORAGE OF VICTIM"),
    ("DISPLAY VICTIM L3FFFF0-400010", r"V64CDB742E HEXLOC 00400000 IS NOT STORAGE OF VICTIM"),
    ("DISPLAY VICTIM LFFFFFFFFFFFFFFFF", r"V64CDB742E HEXLOC FFFFFFFFFFFFFFFF IS NOT STORAGE OF VICTIM"),
    ("DISPLAY VICTIM LFFFFFFFFFFFFFFFF.FFFF", r"V64CDB741E HEXLOC LF{16}\.FFFF MISSING OR INVALID"),
    ("DISPLAY VICTIM L10-5", r"V64CDB741E HEXLOC L10-5 MISSING OR INVALID"),
    ("DISPLAY VICTIM L0.FFFFFFFFFFFFFFFFFFFFF", r"V64CDB741E HEXLOC L0\.F{21} MISSING OR INVALID"),
    ("DISPLAY VICTIM VFFFFFFFF00000000.20", r"V64CDB742E HEXLOC FFFFFFFF00000000 IS NOT STORAGE OF VICTIM"),
    ("DISPLAY VICTIM G99", r"V64CDB744E REGISTER 'G99' MISSING OR INVALID"),
    ("DISPLAY NOBODY G", r"V64CFC701E OPERATOR HAS NO VIRTUAL MACHINE"),
    ("DISPLAY UNKNOWN G", r"DMKCQG045E UNKNOWN NOT LOGGED ON"),
    ("STORE VICTIM L3FFFFE 12345678", r"V64CDB742E HEXLOC 003FFFFE IS NOT STORAGE OF VICTIM"),
    ("STORE VICTIM SFFFFFFFFFFFFFFFE 12345678", r"V64CDB742E HEXLOC FFFFFFFFFFFFFFFE IS NOT STORAGE OF VICTIM"),
    ("STORE VICTIM S0 1", r"V64CDS745E DATA '1' IS NOT HEXADECIMAL OR TOO LONG"),
    ("STORE VICTIM S0 XY", r"V64CDS745E DATA 'XY' IS NOT HEXADECIMAL OR TOO LONG"),
    ("STORE VICTIM L0 123456789", r"V64CDS745E DATA '123456789' IS NOT HEXADECIMAL OR TOO LONG"),
    ("STORE VICTIM G0 1", r"V64CDS746E VICTIM IS RUNNING; STOP IT BEFORE ITS REGISTERS ARE CHANGED"),
    ("STORE VICTIM", r"V64CDB741E HEXLOC"),
    ("SEND NOBODY HELLO", r"V64LOG712E NOBODY NOT IN CP DIRECTORY"),
    ("SEND UNKNOWN HELLO", r"DMKCQG045E UNKNOWN NOT LOGGED ON"),
    ("SEND VICTIM \\q", r"V64MSG793E ESCAPE '\\q' IS NOT "),
    ("MSG NOBODY hello", r"V64LOG712E NOBODY NOT IN CP DIRECTORY"),
    ("FOR VICTIM CMD FOR VICTIM CMD QUERY NAMES", r"V64CFC704E FOR WITHIN FOR IS NOT ALLOWED"),
    ("FOR NOBODY CMD QUERY NAMES", r"V64LOG712E NOBODY NOT IN CP DIRECTORY"),
    ("LOGON NOBODY", r"V64LOG712E NOBODY NOT IN CP DIRECTORY"),
    ("AUTOLOG VICTIM", r"V64LOG713E VICTIM ALREADY LOGGED ON"),
    ("FORCE OPERATOR", r"V64LOG718E OPERATOR CANNOT BE FORCED"),
    ("FORCE NOBODY", r"V64LOG712E NOBODY NOT IN CP DIRECTORY"),
    ("IPL VICTIM ../../directory", r"V64IPL792E '\.\./\.\./directory' IS NOT A FILE NAME"),
    ("SYSTEM VICTIM EXPLODE", r"DMKCFC026E|V64CFC703E"),
]


@pytest.mark.parametrize("line, answer", REFUSED, ids=[line[:32] for line, _ in REFUSED])
def test_operators_mistakes_are_answered(machine, line, answer):
    machine.command(line, "^(?:%s)" % answer)


def test_unprintable_keys_do_nothing(machine):
    # What edits the line or has a meaning of its own is left out: it is tested elsewhere.
    meaning = {3, 8, 9, 10, 13, 21, 29, 127}
    machine.keys(bytes(byte for byte in list(range(32)) + list(range(127, 256)) if byte not in meaning))
    machine.command("QUERY USERID", r"^OPERATOR\b")
    for line in ("", "   ", "#" * 200, "\"" * 200, "#CP", "*", "\x7f" * 20):
        machine.send(line)
    machine.command("QUERY USERID", r"^OPERATOR\b")
    machine.attention()
    machine.command("QUERY USERID", r"^OPERATOR\b")


def test_registers_that_cannot_be_are_refused(machine):
    machine.send("STOP VICTIM")
    for number, name in ((0, "CR0"), (3, "CR4"), (5, "EFER")):
        machine.command("STORE VICTIM X%d FFFFFFFF7FFFFFFF" % number,
                        r"V64CDS747E %s = FFFFFFFF7FFFFFFF WOULD NEVER LET THE MACHINE RUN" % name)


# What can be stored: what becomes of the machine is its own affair, and nobody else's.
TRIPLE = r"DMKDSP453W CP ENTERED; TRIPLE FAULT"
WILD = {
    "page tables beyond the storage": (["X2 7FFFF000"], r"V64STO461W VICTIM STOPPED: ITS PAGE TABLES LIE IN ABSENT"),
    "no page tables": (["X2 3FF000"], TRIPLE),
    "stack and PSW nowhere": (["G4 FFFFFFFFFFFFFFF8", "PSW 2 7FFFFFFFFFFFFF"],
                              r"DMKDSP45[013]W|TICKER: UNEXPECTED TRAP"),
    "no interrupt table": (["X12 0", "X13 0", "PSW 2 0"], TRIPLE),
    "zeroes for code": (["L100000 " + "00000000 " * 20, "G0 FFFFFFFF", "PSW 2 100000"], r""),
    "all registers": (["G%d FFFFFFFFFFFFFFFF" % number for number in range(16)], r"DMKDSP45[013]W|TICKER: UNEXPECTED"),
    "out of long mode": (["X0 0"], r""),
    "no rights to the interrupt table": (["X10 %X" % (1 << 47 << 1), "X11 0"], r""),
}


@pytest.mark.parametrize("stores, end", WILD.values(), ids=list(WILD))
def test_wild_stores_harm_only_their_own_machine(machine, stores, end):
    machine.command("IPL VICTIM", r"^VICTIM[:+] TICKER: LONG MODE")     # + after a line left unfinished
    machine.expect(r"^VICTIM[:+] TICKER 1 SECONDS")
    machine.send("STOP VICTIM")
    refused = 0
    for store in stores:
        answer = machine.command("STORE VICTIM " + store, r"^(?:STORE COMPLETE|V64CDS747E [^\n]*)\n").group()
        refused += not answer.startswith(b"STORE")
    assert not (refused and end)
    machine.command("BEGIN VICTIM", r"^VICTIM: (?:%s)" % end if end and not refused else TICKER)
    machine.command("QUERY USERID", r"^OPERATOR\b")


def test_ticker_has_noticed_nothing(machine):
    machine.machine.consumed = mark = len(machine.machine.text)
    line = machine.expect(r"^TICKER: " + TICKER)
    assert mark and int(line.group(2)) == 100 * int(line.group(1)) and abs(int(line.group(3))) <= 1
    machine.shutdown()


class WithoutDirectory(images.Content):
    """A boot volume that has no directory at all."""

    def entries(self):
        return [entry for entry in super().entries() if entry[0] != "directory"]

    def grub_commands(self):
        return [line for line in super().grub_commands() if not line.startswith("module2 /vm64/directory")]


def test_without_any_directory(boot, tmp_path):
    path = tmp_path / "directory"
    path.write_text(OPERATOR)
    images.bios_iso(WithoutDirectory(path), tmp_path / "none.iso", tmp_path)
    machine = boot(image=tmp_path / "none.iso")
    machine.machine.consumed = 0
    machine.expect(r"^V64CPI781E NO DIRECTORY ON THE VOLUME; ONLY OPERATOR CAN LOG ON\n")
    machine.command("QUERY NAMES", r"^OPERATOR - 009\n")
    machine.command("LOGON HELLO", r"^V64LOG712E HELLO NOT IN CP DIRECTORY")
    machine.shutdown()


NO_DIRECTORIES = {
    "empty": b"", "blank": b"\n \n\t\r\n", "comments": b"* nobody\n*\n", "noise": random.Random(64).randbytes(50_000),
    "one line": b"USER" * 50_000, "zeroes": bytes(4096),
}


@pytest.mark.parametrize("content", NO_DIRECTORIES.values(), ids=list(NO_DIRECTORIES))
def test_directory_with_nobody_in_it(boot, tmp_path, content):
    path = tmp_path / "directory"
    path.write_bytes(content)
    machine = boot(directory=path)
    machine.machine.consumed = 0
    machine.expect(r"^V64DIR773E DIRECTORY HAS NO VALID USER STATEMENT\n")
    assert machine.console().count("V64DIR") <= 42
    machine.command("QUERY NAMES", r"^OPERATOR - 009\n")
    machine.shutdown()
