"""The documents say what the program prints: sessions, tables, commands, options, links. Run as a script, this file
writes docs/transcript.txt, the README's copy of it, and the tables anew."""
# Part in the monitor: none.

import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from vm64lib import bench  # noqa: E402

SECONDS = 40
DOCS = ROOT / "docs"
VM64 = ROOT / "scripts" / "vm64"
PAGES = [ROOT / "README.md"] + sorted(DOCS.glob("*.md"))
CHATTY = re.compile(r"(TICKER|KEEPER)[:+] ")

# What differs between two runs, two builds, or two of Debian's kernels; everything else has to be the same.
VOLATILE = [(re.compile(pattern), name) for pattern, name in [
    (r"\d\d:\d\d:\d\d GMT [A-Z]+DAY \d\d/\d\d/\d\d", "TIME"),
    (r"CONNECT= [\d:]+ VIRTCPU= [\d:.]+ TOTCPU= [\d:.]+", "CONNECT"),
    (r"\b\d+ ?K\b", "nK"),
    (r"TICKS=\d+", "TICKS"),
    (r"SeaBIOS \(version .*?\)", "SeaBIOS"),
    (r"BusyBox v\S+ \(.*?\)", "BusyBox"),
    (r"^Linux (\S+) 6\.\S+-cloud-amd64 #.* x86_64 GNU/Linux$", r"Linux \1"),
    (r"\bRIP [0-9A-F]+", "RIP"),
    (r"\bRFLAGS [0-9A-F]+", "RFLAGS"),
    (r"PSW '.*'", "PSW"),
    (r"-BIT WAIT$", "-BIT"),
    (r"\(L, B\) = \([0-9A-F]+,", "(L,"),
    (r"AT REAL [0-9A-F]+", "AT REAL"),
    (r"^CPU-\d{3}% APU-000% Q1-\d\d Q2-00 STORAGE-\d{3}% RATIO-01.0$", "CPU"),
    (r"^(\w+) +(RUNNING|WAITING|ENDED|CP READ) +\d+\.\d% +\d+:\d\d\.\d\d +\d+:\d\d\.\d\d +\d+ +\d+ +\d+ .*%$", r"\1"),
    (r"^(EXITS=)\d+( GUEST/EXIT=)\d+( CP/EXIT=)\d+", r"\1\2\3"),
    (r"^([A-Za-z/ -]+?) +(A|D|v|reflect) +\d+ +\d+\.\d%$", r"\1 \2"),
    (r"^([0-9A-F]{8})( [0-9A-F]{8})+$", r"\1 DATA"),
]]
# What the guest's kernel says on its way depends on its version, as does which unknown MSR it tries first.
LEFT_OUT = re.compile(r"(\w+[:+] )?\[ *\d+\.\d+\]|V64MSR301I|(\w+[:+])?\s*$")


def plain(text):
    """A session's lines as a reader sees them."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.replace("\r", ""))
    return [line.rstrip() for line in text.splitlines() if not LEFT_OUT.match(line)]


def normal(lines):
    """The same without what may differ."""
    result = []
    for line in lines:
        for pattern, name in VOLATILE:
            line = pattern.sub(name, line)
        result.append(line)
    return result


def session(name, directory):
    """Plays docs/NAME.script in Bochs, through BIOS and GRUB, by the command a reader would use."""
    with tempfile.NamedTemporaryFile(prefix="vm64-log-") as log:
        done = subprocess.run([VM64, "run", "--engine", "bochs", "--boot", "bios", "--directory", ROOT / directory,
                               "--script", DOCS / (name + ".script"), "--timeout", "280", "--log", log.name],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, "%s\n---- console ----\n%s" % (done.stderr, done.stdout[-4000:])
    return plain(done.stdout)


def blocks(page, kind):
    """The fenced blocks of a page that are marked as KIND."""
    return re.findall(r"^```%s\n(.*?)^```$" % kind, page.read_text(), re.MULTILINE | re.DOTALL)


# Tables printed from the sources' own tables

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


CPUID_PRINTER = """
#include "vmm/interpreter/cpuid_policy.h"
#include <stdio.h>
int main(void)
{
	for (size_t i = 0; i < cpuid_rule_count; i++)
		printf("%x|%s|%08x|%08x|%s\\n", cpuid_rules[i].leaf, &"EAX\\0EBX\\0ECX\\0EDX"[4 * cpuid_rules[i].reg],
		       cpuid_rules[i].offered, cpuid_rules[i].always, cpuid_rules[i].why);
	return 0;
}
"""


def cpuid_table():
    with tempfile.TemporaryDirectory(prefix="vm64-test-") as work:
        printer = pathlib.Path(work) / "printer"
        subprocess.run(["gcc", "-std=gnu11", "-DHOST_TEST", "-I.", "-o", printer, "-x", "c", "-",
                        "vmm/interpreter/cpuid_policy.c"], cwd=ROOT, input=CPUID_PRINTER, text=True, check=True)
        printed = subprocess.run([printer], capture_output=True, text=True, check=True).stdout
    rows = []
    for line in printed.splitlines():
        leaf, register, offered, always, why = line.split("|")
        passed = {"ffffffff": "all", "00000000": "none"}.get(offered, offered.upper())
        rows.append((leaf.upper() + "h", register, passed, "" if always == "00000000" else always.upper(), why))
    return table(("leaf", "register", "passed on", "always 1", "why not the rest"), rows)


def source_strings(path, pattern):
    """The rows of a table in a C source, each as the groups of PATTERN; strings that go on in the next line joined."""
    found = re.findall(pattern, re.sub(r'"\s*\n?\s*"', "", (ROOT / path).read_text()), re.MULTILINE)
    assert found, "no table in " + path
    return found


def passed_msr_table():
    rows = source_strings("vmm/allocator/msrs.c", r'^\t\{ 0x([0-9a-f]+), (true|false), (true|false), "([^"]*)" \},')
    yes = {"true": "yes", "false": "exits"}
    return table(("MSR", "read", "write", "why"),
                 [(number.upper() + "h", yes[read], yes[write], why) for number, read, write, why in rows])


def interpreted_msr_table():
    rows = source_strings("vmm/interpreter/msr.c",
                          r'^\t\{ 0x([0-9a-f]+), "([A-Z0-9_]+)", (\w+), (\w+), ([^}]*?) \},')
    write = {"refuse": "#GP", "ignore": "no effect"}
    return table(("MSR", "name", "read", "write"),
                 [(number.upper() + "h", name, "interpreted" if read != "NULL" else "constant",
                   write.get(writer, "interpreted")) for number, name, read, writer, _ in rows])


def gate_table():
    word = {"pin": "pin-based", "proc": "primary", "proc2": "secondary", "exit": "exit", "entry": "entry"}
    rows = source_strings("arch/x86/vmx/gate.c", r'^\t\{ IN\((\w+)\), \w+, (true|false), "([^"]*)" \},')
    return table(("controls", "control", "without it"),
                 [(word[where], what, "the gate says no" if need == "true" else "CP does without")
                  for where, need, what in rows])


TABLES = {"cpuid": cpuid_table, "passed-msrs": passed_msr_table, "interpreted-msrs": interpreted_msr_table,
          "gate": gate_table}
TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


# Tests

@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_the_sources(page):
    for _, name, text, _ in TABLE.findall(page.read_text()):
        assert text == TABLES[name](), "%s: table %s is old; /usr/bin/python3 %s" % (page.name, name, __file__)


def test_every_table_is_somewhere():
    assert {name for page in PAGES for _, name, _, _ in TABLE.findall(page.read_text())} == set(TABLES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_exist(page):
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            assert (page.parent / link).exists(), link
    # Paths in code style, where their first folder is one of ours.
    for path in re.findall(r"`([A-Za-z0-9_./-]+/[A-Za-z0-9_./-]*)`", text):
        folder = path.split("/")[0]
        if folder not in ("", "build") and (ROOT / folder).is_dir():
            assert (ROOT / path).exists(), path


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_shell_are_understood(page):
    """Every `make goal` and every option of scripts/vm64 that a page names is there."""
    text = page.read_text()
    helped = subprocess.run(["make", "-s", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    for goal in re.findall(r"`make ([a-z]+)", text):
        assert "make " + goal in helped, goal
    for command, rest in re.findall(r"scripts/vm64 ([a-z]+)([^`\n]*)", text):
        options = subprocess.run([VM64, command, "--help"], capture_output=True, text=True, check=True).stdout
        for option in re.findall(r"--[a-z]+", rest):
            assert option in options, "%s %s" % (command, option)


def test_measurements_name_every_figure():
    text = (DOCS / "measurements.md").read_text()
    for key, _, most, form in bench.FIGURES:
        row = re.search(r"^\|[^|\n]*\| `%s` \|[^|\n]*\| ([^|\n]*) \|[^\n]*$" % key, text, re.MULTILINE)
        assert row, key
        assert row.group(1).strip() == bench.limit(key, form.format(most)), key


@pytest.fixture(scope="module")
def theory():
    lines = session("theory", "guests/hostile.directory")
    return [line for line in lines if not CHATTY.match(line)]


def test_readme_session_is_what_cp_prints():
    told = (DOCS / "transcript.txt").read_text()
    assert told in blocks(ROOT / "README.md", "console"), "the README shows another session than docs/transcript.txt"
    assert normal(session("transcript", "docs/transcript.directory")) == normal(told.splitlines())


def test_gate_report_is_what_cp_prints(boot):
    told = blocks(DOCS / "hardware.md", "report")
    machine = boot(directory="USER OPERATOR OPERATOR 0 0 ABCDEFG\n", cpu="core2_penryn_t9600", ready=None)
    report = machine.expect(r"V64GAT801W [^\n]*\n(?:  [^\n]*\n)+V64GAT802A [^\n]*\n", 60).group().decode()
    assert [report] == told


def follows(wanted, lines):
    """Are the wanted lines in `lines`, one after the other? A line `...` stands for any number of lines."""
    parts, at = [[]], 0
    for line in wanted:
        if line == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    for part in parts:
        starts = [i for i in range(at, len(lines) - len(part) + 1) if lines[i:i + len(part)] == part]
        if not starts:
            return False
        at = starts[0] + len(part)
    return True


def test_theory_shows_what_cp_prints(theory):
    shown = blocks(DOCS / "theory.md", "console")
    assert shown
    for block in shown:
        wanted = normal(block.splitlines())
        assert follows(wanted, normal(theory)), "not what CP printed:\n%s\n---- but\n%s" % (block, "\n".join(theory))


def test_two_guests_hold_different_words_at_one_address(theory):
    words = [line for line in theory if re.match(r"00100010 [0-9A-F]{8}", line)]
    assert len(words) == 2 and words[0] != words[1]


def test_help_lists_the_commands_of_the_page(theory):
    page = (DOCS / "commands.md").read_text()
    told = re.findall(r"^\| ([A-Z]+) \| [A-Z]+ \| [^|]* \| (.*?) \| ([^|]*) \|$", page, re.MULTILINE)
    assert len(told) > 40
    text = "\n".join(re.sub(" +", " ", line) for line in theory)
    for name, operands, what in told:
        line = " ".join((name + " " + operands.strip("` ").replace("\\|", "|") + " " + what).split())
        assert line in text.splitlines(), line


def write():
    lines = session("transcript", "docs/transcript.directory")
    text = "\n".join(lines) + "\n"
    (DOCS / "transcript.txt").write_text(text)
    readme = ROOT / "README.md"
    readme.write_text(re.sub(r"^```console\n.*?^```$", lambda _: "```console\n" + text + "```", readme.read_text(),
                             count=1, flags=re.MULTILINE | re.DOTALL))
    for page in PAGES:
        page.write_text(TABLE.sub(lambda m: m.group(1) + TABLES[m.group(2)]() + m.group(4), page.read_text()))


if __name__ == "__main__":
    sys.exit(write())
