; INITIAL: what a program finds that a multiboot loader starts: processor, devices, BIOS data area, memory map.
; Part in the monitor: a guest; many kernels rely on what a PC's firmware has left.

%define GUEST_NAME "INITIAL"
%include "lib/multiboot.inc"

%macro VALUE 1-*
	xor ebx, ebx
%rep %0 - 1
	%rotate 1
	%1
%endrep
	%rotate 1
	push eax
	SAY32 %1, " "
	pop eax
	call p32_puthex
	SAY32 NL
%endmacro
%macro INB 1
	mov dx, %1
	xor eax, eax
	in al, dx
%endmacro
%macro INDEXED 2
	mov dx, %1
	mov al, %2
	out dx, al
	inc dx
	xor eax, eax
	in al, dx
%endmacro
%macro WORD_AT 1
	movzx eax, word [%1]
%endmacro
%macro PCI 2
	mov eax, 0x80000000 | %1 << 8 | %2
	mov dx, 0xCF8
	out dx, eax
	mov dx, 0xCFC
	in eax, dx
%endmacro

main32:
	mov [info], ebx
	pushf
	pop dword [flags]
	SAY32 "INITIAL: BEGIN", NL
	VALUE "EFLAGS", { mov eax, [flags] }, { and eax, ~0xD5 }
	VALUE "CR0", { mov eax, cr0 }, { and eax, 0x9FFFFFFF }
	VALUE "CR4", { mov eax, cr4 }
	VALUE "CS LIMIT", { mov ecx, cs }, { lsl eax, ecx }
	VALUE "DS LIMIT", { mov ecx, ds }, { lsl eax, ecx }
	VALUE "DR7", { mov eax, dr7 }
	VALUE "FPU", { fnstcw [word_here] }, { WORD_AT word_here }
	VALUE "MB FLAGS", { mov ebx, [info] }, { mov eax, [ebx] }, { and eax, 0x43 }
	VALUE "MB LOWER", { mov ebx, [info] }, { mov eax, [ebx + 4] }
	VALUE "PIC MASK 1", { INB 0x21 }, { and al, 1 }
	VALUE "PIC ISR", { mov al, 0x0B }, { out 0x20, al }, { INB 0x20 }
	VALUE "PIT 0", { mov al, 0xE2 }, { out 0x43, al }, { INB 0x40 }, { and al, 0x7F }
	VALUE "PIT 1", { mov al, 0xE4 }, { out 0x43, al }, { INB 0x41 }, { and al, 0x7F }
	VALUE "PORT 61", { INB 0x61 }, { and al, 0x0F }
	VALUE "PORT 92", { INB 0x92 }
	VALUE "PS2 STATUS", { INB 0x64 }
	VALUE "PS2 CONFIG", { mov al, 0x20 }, { out 0x64, al }, { call ps2_get }
	VALUE "RTC A", { INDEXED 0x70, 10 }, { and al, 0x7F }
	VALUE "RTC B", { INDEXED 0x70, 11 }
	VALUE "RTC D", { INDEXED 0x70, 13 }
	VALUE "RTC F", { INDEXED 0x70, 15 }
	VALUE "RTC FLOPPY", { INDEXED 0x70, 0x10 }
	VALUE "RTC EQUIPMENT", { INDEXED 0x70, 0x14 }, { and al, ~2 }
	VALUE "RTC BASE", { INDEXED 0x70, 0x16 }, { mov bl, al }, { INDEXED 0x70, 0x15 }, { mov ah, bl }
	VALUE "RTC CENTURY", { INDEXED 0x70, 0x32 }
	VALUE "DMA MASK", { INB 0x0F }
	VALUE "DMA MASK 2", { INB 0xDE }
	VALUE "ELCR 0", { INB 0x4D0 }
	VALUE "ELCR 1", { INB 0x4D1 }
	VALUE "COM1", { WORD_AT 0x400 }
	VALUE "EQUIPMENT", { WORD_AT 0x410 }, { and eax, 0x0430 }
	VALUE "VIDEO MODE", { movzx eax, byte [0x449] }
	VALUE "COLUMNS", { WORD_AT 0x44A }
	VALUE "PAGE SIZE", { WORD_AT 0x44C }
	VALUE "CRTC PORT", { WORD_AT 0x463 }
	VALUE "ROWS", { movzx eax, byte [0x484] }
	VALUE "RSDP", { call find_rsdp }
	VALUE "ACPI FADT", { mov edx, "FACP" }, { call find_table }
	VALUE "ACPI MADT", { mov edx, "APIC" }, { call find_table }
	VALUE "ACPI HPET", { mov edx, "HPET" }, { call find_table }
	VALUE "MP TABLE", { mov edx, "_MP_" }, { call find_low }
	VALUE "SMBIOS", { mov edx, "_SM_" }, { call find_low }
	VALUE "APIC BASE", { mov ecx, 0x1B }, { rdmsr }
	VALUE "APIC SVR", { mov eax, [0xFEE000F0] }, { and eax, 0x100 }
	VALUE "APIC LINT0", { mov eax, [0xFEE00350] }
	VALUE "APIC TIMER", { mov eax, [0xFEE00320] }
	VALUE "PCI COMMAND IDE", { PCI 9, 4 }, { and eax, 1 }
	VALUE "PCI HOST 58", { PCI 0, 0x58 }
	VALUE "PCI ISA 60", { PCI 8, 0x60 }
	VALUE "MTRR DEFAULT", { mov ecx, 0x2FF }, { rdmsr }, { and eax, 0xC00 }
	VALUE "VGA CURSOR", { INDEXED 0x3D4, 10 }, { mov bl, al }, { INDEXED 0x3D4, 11 }, { mov ah, bl }
	VALUE "VGA START", { INDEXED 0x3D4, 12 }, { mov bl, al }, { INDEXED 0x3D4, 13 }, { mov ah, bl }
	VALUE "VGA MODE", { INDEXED 0x3CE, 6 }
	VALUE "VGA DAC 7", { mov al, 7 }, { mov dx, 0x3C7 }, { out dx, al }, { INB 0x3C9 }
	VALUE "VGA DAC 3F", { mov al, 0x3F }, { mov dx, 0x3C7 }, { out dx, al }, { INB 0x3C9 }
	VALUE "VGA FONT", { call font }
	VALUE "UART IIR", { INB 0x3FA }
	VALUE "IDE STATUS", { INB 0x3F6 }, { xor eax, eax }
	SAY32 "INITIAL: END", NL
	jmp p32_power_off

ps2_get:
	mov ecx, 200000
.wait:
	in al, 0x64
	test al, 1
	loopz .wait
	xor eax, eax
	in al, 0x60
	ret

; EAX = 1 if there is one
find_rsdp:
	mov esi, 0xE0000
.next:
	cmp dword [esi], "RSD "
	je .found
	add esi, 16
	cmp esi, 0x100000
	jb .next
	movzx esi, word [0x40E]
	shl esi, 4
	mov ecx, 64
.ebda:
	cmp dword [esi], "RSD "
	je .found
	add esi, 16
	loop .ebda
	xor eax, eax
	ret
.found:
	mov [rsdp], esi
	mov eax, 1
	ret
find_table:
	mov esi, [rsdp]
	test esi, esi
	jz .none
	mov esi, [esi + 16]
	mov ecx, [esi + 4]
	add ecx, esi
	add esi, 36
.next:
	cmp esi, ecx
	jae .none
	mov eax, [esi]
	add esi, 4
	cmp [eax], edx
	jne .next
	mov eax, 1
	ret
.none:
	xor eax, eax
	ret
find_low:
	mov esi, 0xE0000
.next:
	cmp [esi], edx
	je .found
	add esi, 16
	cmp esi, 0x100000
	jb .next
	xor eax, eax
	ret
.found:
	mov eax, 1
	ret

; the glyph of A in plane 2: a sum of its rows
font:
	mov dx, 0x3C4
	mov ax, 0x0402
	out dx, ax
	mov ax, 0x0604
	out dx, ax
	mov dx, 0x3CE
	mov ax, 0x0204
	out dx, ax
	mov ax, 0x0005
	out dx, ax
	mov ax, 0x0406
	out dx, ax
	mov esi, 0xA0000 + 'A' * 32
	mov ecx, 16
	xor eax, eax
.row:
	rol eax, 1
	xor al, [esi]
	inc esi
	loop .row
	push eax
	mov dx, 0x3C4
	mov ax, 0x0302
	out dx, ax
	mov ax, 0x0204
	out dx, ax
	mov dx, 0x3CE
	mov ax, 0x0004
	out dx, ax
	mov ax, 0x1005
	out dx, ax
	mov ax, 0x0E06
	out dx, ax
	pop eax
	ret

section .bss
info		resd 1
flags		resd 1
rsdp		resd 1
word_here	resd 1
section .text

GUEST_END
