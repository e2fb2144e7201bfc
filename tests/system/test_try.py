"""scripts/vm64 try: one image of each kind as the only guest, and how each way to end is told."""
# Part in the monitor: none.

import re
import subprocess

import pytest

from conftest import LINUX_PARM, ROOT
from vm64lib import paths

SECONDS = 55
GUESTS = paths.BUILD / "guests"
LINUX = GUESTS / "linux"

# A disk: its first sector prints by the BIOS, reads its second by cylinder, head and sector and its third by number,
# prints what they hold, and switches itself off.
DISK = """
%include "lib/bios.inc"
	BOOT_SECTOR
	sti
	mov [drive], dl
	mov si, first
	call bios_print
	mov ax, 0x0201
	mov bx, 0x7E00
	mov cx, 0x0002
	mov dh, 0
	mov dl, [drive]
	int 0x13
	jc bad
	mov si, 0x7E00
	call bios_print
	mov ah, 0x42
	mov si, packet
	mov dl, [drive]
	int 0x13
	jc bad
	mov si, 0x8000
	call bios_print
	mov ax, 0x2000
	mov dx, 0x604
	out dx, ax
bad:
	mov si, failed
	call bios_print
	cli
	hlt
	BIOS_PRINT
first	db "SECTOR ONE", 13, 10, 0
failed	db "INT 13H FAILED", 13, 10, 0
drive	db 0
align 4
packet	db 16, 0
	dw 1, 0x8000, 0
	dq 2
	BOOT_SECTOR_END
	db "SECTOR TWO", 13, 10, 0
times 1024 - ($ - $$) db 0
	db "SECTOR THREE", 13, 10, 0
times 1536 - ($ - $$) db 0
"""

# A flat binary: real mode, nothing around it. What it calls comes back and says so; the size of storage is told.
FLAT = """
bits 16
org 0
	push cs
	pop ds
	mov si, wrong
	mov ax, 0xE820
	int 0x15
	jnc print
	cmp ah, 0x86
	jne print
	mov ah, 1
	int 0x16
	jnz print
	int 0x08
	int 0x12
	cmp ax, 639
	jne print
	mov si, text
print:
	mov dx, 0x3F8
	cld
.next:
	lodsb
	test al, al
	jz .end
	out dx, al
	jmp .next
.end:
	mov ax, 0x2000
	mov dx, 0x604
	out dx, ax
	hlt
text	db "FLAT BINARY", 13, 10, 0
wrong	db "A BIOS?", 13, 10, 0
"""

# A multiboot ELF: protected mode; it prints the command line it was given and spells "Shutdown".
ELF = """
bits 32
section .text
align 4
	dd 0x1BADB002, 3, -(0x1BADB002 + 3)
global _start
_start:
	cld
	cmp eax, 0x2BADB002
	jne .end
	mov esi, [ebx + 16]
	mov edx, 0x3F8
	call print
.end:
	mov esi, word_of_end
	mov edx, 0x8900
	call print
	cli
	hlt
print:
	lodsb
	test al, al
	jz .done
	out dx, al
	jmp print
.done:
	ret
section .data
word_of_end	db "Shutdown", 0
"""


def attempt(*words, seconds=90):
    """Runs `vm64 try`; returns status, what the guest has printed, and what the script has said."""
    done = subprocess.run([str(paths.ROOT / "scripts" / "vm64"), "try", "--engine", "bochs"]
                          + [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=seconds, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def lines(printed):
    """What the guest printed; the empty line that CP puts before its own message is not the guest's."""
    return printed.rstrip("\n").split("\n")


def assemble(folder, name, source, form="bin"):
    (folder / (name + ".asm")).write_text(source)
    paths.run_tool("nasm", "-f", form, "-I%s/" % (ROOT / "guests"), "-o", folder / name, folder / (name + ".asm"))
    return folder / name


def test_until_in_an_unfinished_line():
    status, printed, _ = attempt(GUESTS / "hello.bin", "--until", "HELLO: TYPE A LINE")
    assert status == 0
    assert re.search(r"^HELLO: REAL MODE AT 0000:7C[0-9A-F]{2}, CR0 00000010\n", printed, re.M)
    assert "DMK" not in printed and "V64" not in printed.replace("VM64", "")


def test_power_off_is_a_good_end():
    status, printed, _ = attempt(GUESTS / "vmxall.bin")
    assert status == 0
    assert lines(printed)[-1] == "VMXALL: SURVIVED"


def test_power_off_before_what_was_wanted():
    status, _, said = attempt(GUESTS / "vmxall.bin", "--until", "NEVER PRINTED")
    assert status == 1
    assert "switched itself off" in said and "NEVER PRINTED" in said


@pytest.mark.parametrize("guest, reason", [("triple", "DMKDSP453W CP ENTERED; TRIPLE FAULT"),
                                           ("wait", "DMKDSP450W CP ENTERED; DISABLED WAIT"),
                                           ("walker", "V64STO461W GUEST STOPPED: ITS PAGE TABLES")])
def test_a_stopped_guest_is_told_with_the_reason(guest, reason):
    status, printed, said = attempt(GUESTS / (guest + ".bin"), "--storage", "4M")
    assert status == 1
    assert printed.startswith(guest.upper() + ": ")
    assert reason in said and reason not in printed


def test_instructions_at_absent_storage():
    status, printed, _ = attempt(GUESTS / "interp.bin", "--storage", "4M")
    assert status == 0
    assert re.search(r"^INTERP: ROWS (\d+), PASS \1$", printed, re.M) and "FAIL" not in printed


def test_a_file_that_cannot_be_loaded(tmp_path):
    image = tmp_path / "cut"
    image.write_bytes((LINUX / "vmlinuz").read_bytes()[:1 << 20])
    status, printed, said = attempt(image)
    assert (status, printed) == (1, "")
    assert "V64IPL727E image: truncated: " in said


def test_disk_image(tmp_path):
    status, printed, _ = attempt(assemble(tmp_path, "disk", DISK), "--storage", "4M")
    assert status == 0
    printed = lines(printed)
    assert printed[0].startswith("SeaBIOS ") and printed[-3:] == ["SECTOR ONE", "SECTOR TWO", "SECTOR THREE"]


def test_flat_binary(tmp_path):
    status, printed, _ = attempt(assemble(tmp_path, "flat", FLAT), "--storage", "1M")
    assert status == 0
    assert lines(printed) == ["FLAT BINARY"]


def test_multiboot_elf(tmp_path):
    parts = assemble(tmp_path, "parts", ELF, "elf32")
    paths.run_tool("ld", "-m", "elf_i386", "-Ttext=0x200000", "-o", tmp_path / "elf", parts)
    status, printed, _ = attempt(tmp_path / "elf", "--append", "one  two=3", "--storage", "4M")
    assert status == 0
    assert printed.strip().endswith("one  two=3")


def test_time_out():
    status, printed, said = attempt(GUESTS / "loop.bin", "--timeout", "12")
    assert status == 1
    assert printed == "LOOP: CLI, THEN A JUMP TO ITSELF FOR EVER\n"
    assert "time is up" in said


def test_processor_without_what_is_needed():
    status, printed, said = attempt(GUESTS / "hello.bin", "--cpu", "core2_penryn_t9600", "--until", "TYPE")
    assert (status, printed) == (1, "")
    assert "V64GAT801W" in said and "EPT" in said


def test_linux():
    status, printed, _ = attempt(LINUX / "vmlinuz", "--initrd", LINUX / "initrd", "--append", LINUX_PARM,
                                 "--storage", "96M", "--until", r"^TICKS=\d+\n[^#]*:/# ")
    assert status == 0
    assert re.search(r"^TICKS=\d+$", printed, re.M)


@pytest.mark.parametrize("words", [["--storage", "0"], ["--append", "two\nlines"], ["--timeout", "0"], ["--cpu"]])
def test_bad_arguments_end_with_2(words):
    status, printed, said = attempt(GUESTS / "hello.bin", *words)
    assert (status, printed) == (2, "")
    assert said
