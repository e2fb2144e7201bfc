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
    (re.compile(r"^V64DSP460I\b"), True),           # switched itself off
    (re.compile(r"^(DMK|V64)DSP\d{3}[WE]\b"), False),  # disabled wait, triple fault, and the like: CP stopped it
    (re.compile(r"^V64IPL\d{3}[EW]\b"), False),     # its files could not be loaded
    (re.compile(r"^V64(DIR|LOG)\d{3}E\b"), False),  # its directory entry was refused
]

# The capability gate found something missing, or the kernel gave up.
NO_MONITOR = re.compile(r"^(DMK|V64)(VMX|GAT|CPU)\d{3}[EW]\b")

# What the measurements read.
BENCH_VALUE = re.compile(r"\bBENCH\s+([a-z_]+)=(\d+)")
TICKS = re.compile(r"\bTICKS=(\d+)")
BARE_ENTRY = re.compile(r"\bBARE ENTRY TSC=(\d+)")
CP_BYTES = re.compile(r"\bCP FIXED\s*=\s*(\d+)\s*BYTES")
GUEST_BYTES = re.compile(r"\bEACH GUEST\s*=\s*(\d+)\s*BYTES")
# INDICATE userid counts exits by reason: this is the row of EPT violations that were the guest's own storage.
STORAGE_EXITS = re.compile(r"\bEPT VIOLATION\s+(\d+)", re.IGNORECASE)
