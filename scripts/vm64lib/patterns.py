"""The words of CP that these scripts look for, all in one place."""
# Part in the monitor: none; when CP changes a message, only this file follows.

import re

# CP takes commands from here on.
READY = r"DMKCPI966I"
# CP has ended by SHUTDOWN (or by autoquit).
SHUTDOWN = r"SYSTEM SHUTDOWN COMPLETE"
# What CP says itself, in difference to what a guest prints: module, number, severity.
CP_MESSAGE = re.compile(r"^(DMK|V64)[A-Z0-9]{3}\d{3}[A-Z]\b")
# How much of a line must be seen to know that it is not one of these.
CP_MESSAGE_LENGTH = 10

# A guest's end, as `try` sees it: pattern, whether that is a good end.
GUEST_ENDS = [
    (re.compile(r"^V64DSP460I\b"), True),                        # switched itself off
    (re.compile(r"^V64DSP468I\b"), True),                        # ended by isa-debug-exit; its code is in the message
    (re.compile(r"^(DMK|V64)(DSP|STO|IOS)\d{3}[WE]\b"), False),  # CP stopped it
    (re.compile(r"^V64(IPL|LOG)\d{3}E\b"), False),               # its files could not be loaded, no storage
    (re.compile(r"^V64DIR\d{3}E\b"), False),                     # its directory entry was refused
]

# It starts all the same: a disk's size is odd, a drive is left out.
GUEST_WARNING = re.compile(r"^V64(IPL|LOG)\d{3}W\b")

# The capability gate's report, first and last line.
GATE_BEGIN = re.compile(r"^V64GAT801W\b")
GATE_END = re.compile(r"^V64GAT802A\b")

# What the measurements read; each number with the blank or line end after it, because output comes digit by digit.
BENCH_VALUE = re.compile(r"\bBENCH\s+([a-z0-9_]+)=(\d+)\s")
TICKS = re.compile(r"^TICKS=(\d+)\s")
GUEST_TICKS = re.compile(r"^([A-Z0-9]+)[:+] [^\n]*TICKS=(\d+)\s")
BARE_ENTRY = re.compile(r"\bBARE ENTRY TSC=(\d+)\s")
# INDICATE USER userid: EPT violations inside the guest's own storage.
STORAGE_EXITS = re.compile(r"\bSTORAGE FAULTS=(\d+)\s")
# CP's fixed part, in K: the nucleus as it says at its start, and QUERY ALLOC for what it took later; then
# QUERY RELOC userid for what it holds for each guest beside that guest's storage.
CP_KIB = re.compile(r"^STORAGE \d+K, FREE \d+K, LARGEST \d+K, CP (\d+)K")
GUEST_KIB = re.compile(r"CP'S OWN STORAGE FOR IT: (\d+)K")
