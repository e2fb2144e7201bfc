; APIC: the local APIC's modes, destinations, timer and x2APIC, and the I/O APIC's level and edge, as 32-bit code meets them.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "APIC"
%include "equiv/check32.inc"
%include "equiv/ports.inc"

APIC	equ 0xFEE00000
IOAPIC	equ 0xFEC00000
BASE	equ 0x1B
DEADLINE equ 0x6E0

%macro RD 1
	mov ecx, %1
	rdmsr
%endmacro
%macro WR 2-3 0					; MSR, low, high
	mov ecx, %1
	mov eax, %2
	mov edx, %3
	wrmsr
%endmacro
%macro PIN 2					; pin, low half
	mov dword [IOAPIC], 0x10 + 2 * %1
	mov dword [IOAPIC + 16], %2
%endmacro
%macro PIN_READ 1
	mov dword [IOAPIC], 0x10 + 2 * %1
	mov eax, [IOAPIC + 16]
%endmacro
%macro PIN_TO 2					; pin, destination
	mov dword [IOAPIC], 0x11 + 2 * %1
	mov dword [IOAPIC + 16], %2 << 24
%endmacro
%macro EOI 0
	mov dword [APIC + 0xB0], 0
%endmacro

main32:
	call check_init
	SAY32 "APIC: BEGIN", NL
	mov dword [APIC + 0xF0], 0x1FF
	mov dword [APIC + 0x350], 0x10700
	call destinations
	call priorities
	call pins
	call timer
	call deadline
	call switching
	call x2apic
	SAY32 "APIC: END", NL
	jmp p32_power_off

settle:
	push ecx
	push eax
	mov ecx, 200
.wait:
	in al, 0x61
	loop .wait
	pop eax
	pop ecx
	ret

; does a message to this destination come? clears it again
%macro SENT 3					; name, destination, command
	CASE %1, { mov dword [APIC + 0x310], %2 << 24 }, { mov dword [APIC + 0x300], %3 }, { OPEN }, { mov eax, [APIC + 0x300] }
	EOI
%endmacro
destinations:
	mov dword [APIC + 0xE0], -1
	mov dword [APIC + 0xD0], 0x05000000
	SENT "FLAT 1", 1, 0x840
	SENT "FLAT 2", 2, 0x840
	SENT "FLAT 4", 4, 0x841
	SENT "FLAT FF", 0xFF, 0x841
	SENT "FLAT 0", 0, 0x841
	mov dword [APIC + 0xE0], 0x0FFFFFFF
	mov dword [APIC + 0xD0], 0x21000000
	SENT "CLUSTER 21", 0x21, 0x842
	SENT "CLUSTER 2F", 0x2F, 0x842
	SENT "CLUSTER 22", 0x22, 0x842
	SENT "CLUSTER 11", 0x11, 0x842
	SENT "CLUSTER FF", 0xFF, 0x842
	CASE "DFR LOW", { mov dword [APIC + 0xE0], 0x50000000 }, { mov eax, [APIC + 0xE0] }
	mov dword [APIC + 0xE0], -1
	SENT "PHYSICAL 0", 0, 0x43
	SENT "PHYSICAL FF", 0xFF, 0x43
	SENT "PHYSICAL 1", 1, 0x43
	SENT "SMI", 0, 0x200
	SENT "NMI", 0, 0x400
	SENT "INIT DEASSERT", 0, 0x8500
	SENT "STARTUP", 0, 0x607
	SENT "LEVEL", 0, 0xC044
	SENT "LEVEL OFF", 0, 0x8044
	SENT "SELF LOWEST", 0, 0x40145
	SENT "ALL NMI", 0, 0x80400
	SENT "OTHERS", 0, 0xC0046
	CASE "VECTOR 15", { mov dword [APIC + 0x310], 0 }, { mov dword [APIC + 0x300], 15 }, { mov eax, [APIC + 0x200] }
	mov dword [APIC + 0x280], 0
	mov dword [APIC + 0x280], 0
	CASE "REGISTER 40", { mov eax, [APIC + 0x40] }, { mov dword [APIC + 0x40], 1 }
	CASE "ESR REGISTER", { mov dword [APIC + 0x280], 0 }, { mov eax, [APIC + 0x280] }
	CASE "REGISTER 3F0", { mov eax, [APIC + 0x3F0] }
	CASE "RRD", { mov eax, [APIC + 0xC0] }
	ret

priorities:
	mov dword [APIC + 0x310], 0
	mov dword [APIC + 0x80], 0x60
	CASE "IRR", { mov dword [APIC + 0x300], 0x45 }, { mov dword [APIC + 0x300], 0x65 }, { mov eax, [APIC + 0x220] }, { or eax, [APIC + 0x230] }
	CASE "TPR 60", { mov eax, [APIC + 0xA0] }, { OPEN }
	CASE "TPR 50", { mov dword [APIC + 0x80], 0x5F }, { OPEN }
	CASE "PPR", { mov eax, [APIC + 0xA0] }
	CASE "HELD", { mov dword [APIC + 0x80], 0 }, { OPEN }, { mov eax, [APIC + 0xA0] }
	CASE "AFTER EOI", { EOI }, { OPEN }
	CASE "NESTED", { mov dword [APIC + 0x300], 0x55 }, { OPEN }
	CASE "ISR", { mov eax, [APIC + 0x120] }
	CASE "EOI 1", { EOI }, { mov eax, [APIC + 0x120] }, { mov edx, [APIC + 0xA0] }, { add eax, edx }
	CASE "EOI 2", { EOI }, { mov eax, [APIC + 0x120] }, { add eax, [APIC + 0xA0] }
	CASE "EOI 3", { EOI }, { mov eax, [APIC + 0x120] }
	CASE "SAME TWICE", { mov dword [APIC + 0x300], 0x45 }, { mov dword [APIC + 0x300], 0x45 }, { OPEN }
	CASE "SAME IN SERVICE", { mov dword [APIC + 0x300], 0x45 }, { OPEN }, { mov eax, [APIC + 0x220] }
	CASE "SAME AFTER", { EOI }, { OPEN }
	EOI
	EOI
	; switched off by software
	CASE "OFF NMI", { mov dword [APIC + 0x300], 0x400 }, { nop }
	CASE "ON AGAIN", { mov dword [APIC + 0xF0], 0x1FF }, { mov eax, [APIC + 0x220] }, { OPEN }
	EOI
	CASE "OFF IRR", { mov dword [APIC + 0x300], 0x49 }, { mov dword [APIC + 0xF0], 0xFF }, { mov eax, [APIC + 0x220] }, { mov dword [APIC + 0xF0], 0x1FF }
	CASE "OFF IRR TAKEN", { OPEN }
	EOI
	CASE "OFF MASKS", { mov dword [APIC + 0x320], 0x40 }, { mov dword [APIC + 0xF0], 0xFF }, { mov dword [APIC + 0xF0], 0x1FF }, { mov eax, [APIC + 0x320] }
	mov dword [APIC + 0xF0], 0x1FF
	CASE "LVT RESET", { mov eax, [APIC + 0x330] }, { add eax, [APIC + 0x340] }
	ret

; IA32_APIC_BASE
switching:
	CASE "CPUID APIC", { mov eax, 1 }, { cpuid }, { mov eax, edx }, { and eax, 0x200 }
	CASE "BASE MOVED", { WR BASE, 0xFEE10900 }, { mov eax, [0xFEE10030] }
	CASE "OLD PLACE", { mov eax, [APIC + 0x30] }
	CASE "BASE BACK", { WR BASE, 0xFEE00900 }, { mov eax, [APIC + 0x30] }
	CASE "BASE HIGH", { WR BASE, 0xFEE00900, 0x100000 }
	CASE "BASE BIT 9", { WR BASE, 0xFEE00B00 }
	CASE "BASE NO BSP", { WR BASE, 0xFEE00800 }, { RD BASE }
	WR BASE, 0xFEE00900
	ret

; TSC ticks for one count, rounded
%macro RATE 2
	CASE %1, { mov dword [APIC + 0x3E0], %2 }, { call rate }
%endmacro
rate:
	mov dword [APIC + 0x380], -1
	rdtsc
	mov esi, eax
	mov ebx, [APIC + 0x390]
	mov ecx, 20000
.wait:
	in al, 0x61
	loop .wait
	rdtsc
	sub eax, esi
	xor edx, edx
	sub ebx, [APIC + 0x390]
	mov ecx, ebx
	shr ecx, 1
	add eax, ecx
	div ebx
	mov dword [APIC + 0x380], 0
	ret
timer:
	mov dword [APIC + 0x320], 0x10040
	RATE "DIVIDE 2", 0
	RATE "DIVIDE 4", 1
	RATE "DIVIDE 8", 2
	RATE "DIVIDE 16", 3
	RATE "DIVIDE 32", 8
	RATE "DIVIDE 64", 9
	RATE "DIVIDE 128", 10
	RATE "DIVIDE 1", 11
	RATE "DIVIDE BITS", 0xFFFFFFF4
	CASE "DIVIDE READ", { mov eax, [APIC + 0x3E0] }
	mov dword [APIC + 0x3E0], 11
	CASE "INITIAL", { mov dword [APIC + 0x380], 0x12345678 }, { mov eax, [APIC + 0x380] }
	CASE "CURRENT WRITE", { mov dword [APIC + 0x390], 5 }, { mov eax, [APIC + 0x390] }, { shr eax, 20 }
	CASE "STOP", { mov dword [APIC + 0x380], 0 }, { mov eax, [APIC + 0x390] }
	CASE "ONE SHOT", { mov dword [APIC + 0x320], 0x40 }, { mov dword [APIC + 0x380], 2000 }, { sti }, { hlt }
	EOI
	CASE "ONE SHOT ONCE", { call settle }, { mov eax, [APIC + 0x390] }, { add eax, [APIC + 0x220] }
	CASE "MASKED", { mov dword [APIC + 0x320], 0x10040 }, { mov dword [APIC + 0x380], 10 }, { call settle }, { mov dword [APIC + 0x320], 0x40 }, { OPEN }, { mov eax, [APIC + 0x390] }
	CASE "PERIODIC", { mov dword [APIC + 0x320], 0x20040 }, { mov dword [APIC + 0x380], 5000 }, { sti }, { hlt }
	EOI
	CASE "PERIODIC AGAIN", { sti }, { hlt }
	CASE "PERIODIC IRR", { call settle }, { call settle }, { call settle }, { call settle }, { call settle }, { call settle }, { call settle }, { mov eax, [APIC + 0x220] }
	EOI
	CASE "PERIODIC IRR TAKEN", { OPEN }
	EOI
	CASE "PERIODIC READ", { mov ecx, 100 }, { call highest }, { cmp eax, 5000 }, { mov eax, 0 }, { setbe al }
	CASE "TO ONE SHOT", { mov dword [APIC + 0x320], 0x10040 }, { mov ecx, 20 }, { call wait_zero }, { mov eax, [APIC + 0x390] }
	CASE "TO PERIODIC", { mov dword [APIC + 0x320], 0x30040 }, { call settle }, { mov eax, [APIC + 0x390] }
	mov dword [APIC + 0x380], 0
	CASE "REST", { OPEN }
	EOI
	CASE "CHANGED VECTOR", { mov dword [APIC + 0x320], 0x41 }, { mov dword [APIC + 0x380], 4000 }, { mov dword [APIC + 0x320], 0x42 }, { sti }, { hlt }
	EOI
	CASE "DIVIDE WHILE COUNTING", { mov dword [APIC + 0x320], 0x10041 }, { mov dword [APIC + 0x380], 0x8000000 }, { mov dword [APIC + 0x3E0], 0 }, { mov eax, [APIC + 0x390] }, { add eax, 0x100000 }, { shr eax, 24 }
	mov dword [APIC + 0x380], 0
	mov dword [APIC + 0x3E0], 11
	CASE "BAD VECTOR", { mov dword [APIC + 0x280], 0 }, { mov dword [APIC + 0x320], 5 }, { mov dword [APIC + 0x380], 10 }, { call settle }, { mov dword [APIC + 0x280], 0 }, { mov eax, [APIC + 0x280] }, { add eax, [APIC + 0x200] }
	mov dword [APIC + 0x320], 0x10040
	EOI
	ret
wait_zero:
	call settle
	cmp dword [APIC + 0x390], 0
	je .end
	loop wait_zero
.end:
	ret
highest:
	xor eax, eax
.next:
	mov edx, [APIC + 0x390]
	cmp eax, edx
	cmovb eax, edx
	loop .next
	ret

deadline:
	CASE "CPUID DEADLINE", { mov eax, 1 }, { cpuid }, { mov eax, ecx }, { shr eax, 24 }, { and eax, 1 }
	CASE "DEADLINE OTHER MODE", { mov dword [APIC + 0x320], 0x10040 }, { WR DEADLINE, -1, 5 }, { RD DEADLINE }, { add eax, edx }
	CASE "DEADLINE LVT", { mov dword [APIC + 0x320], 0x40044 }, { mov eax, [APIC + 0x320] }
	CASE "DEADLINE PAST", { WR DEADLINE, 1 }, { OPEN }
	EOI
	CASE "DEADLINE RD PAST", { RD DEADLINE }
	CASE "DEADLINE HLT", { rdtsc }, { add eax, 5000 }, { adc edx, 0 }, { mov ecx, DEADLINE }, { wrmsr }, { xor eax, eax }, { sti }, { hlt }
	EOI
	CASE "DEADLINE RD DONE", { RD DEADLINE }, { add eax, edx }
	CASE "DEADLINE ARMED", { WR DEADLINE, 0x1234, 0x1000 }, { RD DEADLINE }, { add eax, edx }
	CASE "DEADLINE CANCEL", { WR DEADLINE, 0 }, { RD DEADLINE }, { call settle }, { OPEN }
	CASE "DEADLINE RD MASKED", { mov dword [APIC + 0x320], 0x50044 }, { WR DEADLINE, 1 }, { OPEN }, { RD DEADLINE }
	CASE "DEADLINE UNMASKED", { mov dword [APIC + 0x320], 0x40044 }, { OPEN }
	CASE "DEADLINE RD MODE", { WR DEADLINE, 0x1234, 0x1000 }, { mov dword [APIC + 0x320], 0x44 }, { mov dword [APIC + 0x320], 0x40044 }, { RD DEADLINE }, { add eax, edx }
	; the TSC itself moves
	EOI
	WR DEADLINE, 0
	CASE "ADJUST", { RD 0x3B }, { mov eax, edx }
	CASE "ADJUST SET", { WR 0x3B, 0, 0 }, { rdtsc }, { mov eax, edx }
	CASE "ADJUST TSC", { rdtsc }, { mov ebx, edx }, { WR 0x3B, 0, 0x55 }, { rdtsc }, { mov eax, edx }, { sub eax, ebx }
	CASE "TSC ADJUSTS", { RD 0x3B }, { mov ebx, edx }, { WR 0x10, 0, 0x1000 }, { RD 0x3B }, { cmp edx, ebx }, { setne al }, { movzx eax, al }
	WR 0x3B, 0
	mov dword [APIC + 0x320], 0x10040
	ret

; pin 2 has line 0
pins:
	PIN_TO 2, 0
	LINE_DOWN
	PIN 2, 0x50
	CASE "EDGE", { LINE_UP }, { OPEN }
	EOI
	CASE "EDGE ONCE", { OPEN }, { PIN_READ 2 }
	LINE_DOWN
	PIN 2, 0x10050
	CASE "EDGE MASKED", { LINE_UP }, { PIN 2, 0x50 }, { OPEN }
	LINE_DOWN
	PIN 2, 0x10050
	CASE "EDGE MASKED GONE", { LINE_UP }, { LINE_DOWN }, { PIN 2, 0x50 }, { OPEN }
	PIN 2, 0x8050
	CASE "LEVEL", { LINE_UP }, { OPEN }
	CASE "REMOTE IRR", { PIN_READ 2 }
	CASE "LEVEL TMR", { mov eax, [APIC + 0x1A0] }, { shr eax, 16 }
	CASE "LEVEL HELD", { OPEN }, { mov eax, [APIC + 0x220] }
	CASE "LEVEL DOWN EOI", { LINE_DOWN }, { EOI }, { PIN_READ 2 }
	CASE "LEVEL NONE", { OPEN }
	CASE "LEVEL MASK PENDING", { LINE_UP }, { PIN 2, 0x18050 }, { PIN_READ 2 }, { and eax, 0xFFFFBFFF }
	CASE "LEVEL MASK TAKEN", { OPEN }
	CASE "LEVEL MASK EOI", { EOI }, { PIN_READ 2 }
	CASE "LEVEL UNMASK", { PIN 2, 0x8050 }, { OPEN }
	PIN 2, 0x10050
	CASE "LEVEL TO EDGE", { PIN_READ 2 }
	EOI
	LINE_DOWN
	PIN 2, 0x850
	PIN_TO 2, 4
	mov dword [APIC + 0xD0], 0x04000000
	CASE "PIN LOGICAL", { LINE_UP }, { OPEN }
	EOI
	LINE_DOWN
	PIN_TO 2, 2
	CASE "PIN LOGICAL NOT", { LINE_UP }, { OPEN }
	LINE_DOWN
	PIN_TO 2, 4
	PIN 2, 0x950
	CASE "PIN LOWEST", { LINE_UP }, { OPEN }
	EOI
	LINE_DOWN
	PIN_TO 2, 0
	PIN 2, 0x200
	CASE "PIN SMI", { LINE_UP }, { OPEN }
	LINE_DOWN
	PIN 2, 0x350
	CASE "PIN RESERVED", { LINE_UP }, { OPEN }
	LINE_DOWN
	PIN 2, 5
	CASE "PIN VECTOR 5", { mov dword [APIC + 0x280], 0 }, { LINE_UP }, { OPEN }, { mov dword [APIC + 0x280], 0 }, { mov eax, [APIC + 0x280] }
	PIN 2, 0x10000
	LINE_DOWN
	; by the 8259, which the I/O APIC's pin 0 or LINT0 stands for
	OUTB 0x20, 0x11
	OUTB 0x21, 0x60
	OUTB 0x21, 4
	OUTB 0x21, 1
	OUTB 0x21, 0xFE
	mov dword [APIC + 0x350], 0x700
	CASE "LINT0 EXTINT", { LINE_UP }, { OPEN }
	CASE "EXTINT ISR", { mov eax, [APIC + 0x130] }
	OUTB 0x20, 0x20
	LINE_DOWN
	CASE "EXTINT TPR", { mov dword [APIC + 0x80], 0xFF }, { LINE_UP }, { OPEN }
	mov dword [APIC + 0x80], 0
	OUTB 0x20, 0x20
	LINE_DOWN
	OUTB 0x21, 0xFF
	CASE "IOAPIC ID", { mov dword [IOAPIC], 0 }, { mov dword [IOAPIC + 16], 0x05FFFFFF }, { mov eax, [IOAPIC + 16] }
	CASE "IOAPIC BYTE", { mov dword [IOAPIC], 0 }, { mov al, [IOAPIC + 19] }
	ret

x2apic:
	CASE "CPUID X2", { mov eax, 1 }, { cpuid }, { mov eax, ecx }, { shr eax, 21 }, { and eax, 1 }
	mov dword [APIC + 0x80], 0x30
	mov dword [APIC + 0xD0], 0x09000000
	CASE "X2 MSR BEFORE", { RD 0x802 }
	CASE "X2 ON", { WR BASE, 0xFEE00D00 }, { RD BASE }
	CASE "X2 TO X", { WR BASE, 0xFEE00900 }
	CASE "X2 ID", { RD 0x802 }
	CASE "X2 VERSION", { RD 0x803 }
	CASE "X2 TPR", { RD 0x808 }
	CASE "X2 LDR WR", { WR 0x80D, 1 }
	CASE "X2 DFR", { RD 0x80E }
	CASE "X2 SVR", { RD 0x80F }
	CASE "X2 SVR BAD", { WR 0x80F, 0x201FF }
	CASE "X2 ID WR", { WR 0x802, 0 }
	CASE "X2 EOI RD", { RD 0x80B }
	CASE "X2 EOI 1", { WR 0x80B, 1 }
	CASE "X2 TPR BAD", { WR 0x808, 0x100 }
	CASE "X2 TPR HIGH", { WR 0x808, 0, 1 }
	CASE "X2 ARB", { RD 0x809 }
	CASE "X2 RRD", { RD 0x80C }
	CASE "X2 ICR2", { RD 0x831 }
	CASE "X2 810", { RD 0x810 }
	CASE "X2 ISR WR", { WR 0x810, 0 }
	CASE "X2 ESR 1", { WR 0x828, 1 }
	CASE "X2 LVT BAD", { WR 0x832, 0x80000 }
	CASE "X2 LVT", { WR 0x832, 0x10044 }, { RD 0x832 }
	CASE "X2 CURRENT WR", { WR 0x839, 0 }
	CASE "X2 DIVIDE BAD", { WR 0x83E, 0x10 }
	CASE "X2 MMIO", { mov eax, [APIC + 0x30] }
	CASE "X2 SELF", { WR 0x83F, 0x51 }, { OPEN }
	WR 0x80B, 0
	CASE "X2 SELF RD", { RD 0x83F }
	CASE "X2 ICR", { WR 0x830, 0x52, 0 }, { OPEN }
	WR 0x80B, 0
	CASE "X2 ICR LOGICAL", { WR 0x830, 0x853, 1 }, { OPEN }
	WR 0x80B, 0
	CASE "X2 ICR OTHER", { WR 0x830, 0x853, 2 }, { OPEN }
	WR 0x80B, 0
	CASE "X2 ICR BAD", { WR 0x830, 0x100054 }
	CASE "X2 ICR BIT 12", { WR 0x830, 0x1054 }
	CASE "X2 ICR NMI", { WR 0x830, 0x400 }
	CASE "X2 TIMER", { WR 0x832, 0x45 }, { WR 0x838, 1000 }, { sti }, { hlt }
	WR 0x80B, 0
	CASE "X2 DEADLINE", { WR 0x832, 0x40046 }, { WR DEADLINE, 1 }, { OPEN }
	WR 0x80B, 0
	CASE "X2 840", { RD 0x840 }
	CASE "X2 8FF", { RD 0x8FF }
	CASE "X2 PIN", { PIN_TO 2, 0 }, { LINE_DOWN }, { PIN 2, 0x8055 }, { LINE_UP }, { OPEN }
	CASE "X2 PIN EOI", { LINE_DOWN }, { WR 0x80B, 0 }, { PIN_READ 2 }
	PIN 2, 0x10000
	CASE "X2 REST", { OPEN }
	WR 0x80B, 0
	CASE "X2 SELF BAD", { WR 0x83F, 0x151 }
	CASE "X2 OFF", { WR BASE, 0xFEE00100 }, { RD BASE }
	CASE "OFF CPUID", { mov eax, 1 }, { cpuid }, { mov eax, edx }, { and eax, 0x200 }
	CASE "OFF READ", { mov eax, [APIC + 0x30] }
	CASE "X2 OFF MSR", { RD 0x802 }
	ret

section .data
gdt_more:
gdt_more_end:
section .text

GUEST_END
