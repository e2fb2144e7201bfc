; BOARD: 8259 in its odder modes, clocks against each other, HPET, ACPI's registers, PCI configuration, the 8042's commands.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "BOARD"
%include "equiv/values32.inc"
%include "equiv/controller.inc"

%macro TAKEN 0					; count and vector since the last time
	mov al, [irq_count]
	KEEP
	mov al, [irq_vector]
	KEEP
	mov dword [irq_count], 0
	mov dword [irq_vector], 0
%endmacro
%macro PCI_SET 3
	mov eax, 0x80000000 | %1 << 8 | (%2 & ~3)
	mov dx, 0xCF8
	out dx, eax
	mov dx, 0xCFC
	mov eax, %3
	out dx, eax
%endmacro

main32:
	call values_init
	SAY32 "BOARD: BEGIN", NL
	mov dword [APIC + 0xF0], 0x1FF
	mov dword [APIC + 0x350], 0x700		; the 8259s, wherever firmware left them
	call pic
	call pit
	call rtc
	call hpet
	call acpi
	call pci
	call keyboard
	SAY32 "BOARD: END", NL
	jmp p32_power_off

pic:
	mov byte [irq_eoi], 0
	PIC_INIT 1
	OUTB 0x21, 0xFE
	VALUE "PIC TWICE", { LINE_UP }, { OPEN }, { TAKEN }, { LINE_DOWN }, { LINE_UP }, { OPEN }, { TAKEN }, { DONE }
	VALUE "PIC IRR HELD", { OUTB 0x20, 0x0A }, { INB 0x20 }, { and al, 1 }, { KEEP }, { OUTB 0x20, 0x20 }, { OPEN }, { TAKEN }, { DONE }
	VALUE "PIC EOI", { OUTB 0x20, 0x20 }, { OUTB 0x20, 0x0B }, { INB 0x20 }, { OPEN }, { KEEP }, { TAKEN }, { DONE }
	; special mask: the same level stays blocked, others are free
	VALUE "PIC SPECIAL", { LINE_DOWN }, { LINE_UP }, { OPEN }, { OUTB 0x20, 0x68 }, { OUTB 0x21, 0xFF }, { OUTB 0x20, 0x0B }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 0x48 }, { OUTB 0x20, 0x60 }, { INB 0x20 }, { KEEP }, { DONE }
	mov dword [irq_count], 0
	OUTB 0x21, 0xFE
	VALUE "PIC ROTATE AUTO", { LINE_DOWN }, { LINE_UP }, { OPEN }, { OUTB 0x20, 0xA0 }, { OUTB 0x20, 0x0B }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 0xC7 }, { TAKEN }, { DONE }
	VALUE "PIC SPECIFIC OTHER", { LINE_DOWN }, { LINE_UP }, { OPEN }, { OUTB 0x20, 0x63 }, { OUTB 0x20, 0x0B }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 0x60 }, { INB 0x20 }, { KEEP }, { DONE }
	VALUE "PIC OCW3 KEPT", { OUTB 0x20, 0x0B }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 8 }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 0x0A }, { OUTB 0x20, 9 }, { INB 0x20 }, { and al, 0xFE }, { KEEP }, { DONE }
	VALUE "PIC NO ICW4", { OUTB 0x20, 0x10 }, { OUTB 0x21, 0x20 }, { OUTB 0x21, 4 }, { INB 0x21 }
	PIC_INIT 1
	VALUE "PIC VECTOR BITS", { OUTB 0x20, 0x11 }, { OUTB 0x21, 0x27 }, { OUTB 0x21, 4 }, { OUTB 0x21, 1 }, { OUTB 0x21, 0xFE }, { LINE_UP }, { OPEN }, { TAKEN }, { OUTB 0x20, 0x20 }, { DONE }
	PIC_INIT 1
	; edge with the line up already when the mask opens
	VALUE "PIC MASKED EDGE", { LINE_UP }, { OUTB 0x21, 0xFE }, { OPEN }, { TAKEN }, { OUTB 0x20, 0x20 }, { DONE }
	LINE_UP
	VALUE "PIC INIT EDGE", { OUTB 0x20, 0x11 }, { OUTB 0x21, 0x20 }, { OUTB 0x21, 4 }, { OUTB 0x21, 1 }, { OUTB 0x21, 0xFE }, { OPEN }, { TAKEN }, { DONE }
	OUTB 0x20, 0x20
	PIC_INIT 1
	VALUE "ELCR FIXED", { OUTB 0x4D0, 0xFF }, { OUTB 0x4D1, 0xFF }, { INB 0x4D0 }, { KEEP }, { INB 0x4D1 }, { KEEP }, { OUTB 0x4D0, 0 }, { OUTB 0x4D1, 0 }, { DONE }
	LINE_DOWN
	ret

pit:
	mov byte [irq_eoi], 1
	PIC_INIT 1
	VALUE "PIT MODE 0 LATE", { OUTB 0x43, 0x30 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }, { KEEP }, { OUTB 0x40, 4 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }, { KEEP }, { OUTB 0x40, 0 }, { call settle }, { OUTB 0x43, 0xE2 }, { INB 0x40 }, { KEEP }, { DONE }
	VALUE "PIT MODE 0 WRAPS", { OUTB 0x43, 0x30 }, { OUTB 0x40, 2 }, { OUTB 0x40, 0 }, { call settle }, { OUTB 0x43, 0 }, { INB 0x40 }, { INB 0x40 }, { cmp al, 0xF0 }, { setae al }
	VALUE "PIT MODE 4", { OUTB 0x43, 0x38 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }, { KEEP }, { OUTB 0x40, 4 }, { OUTB 0x40, 0 }, { call settle }, { OUTB 0x43, 0xE2 }, { INB 0x40 }, { KEEP }, { DONE }
	VALUE "PIT MODE 1", { OUTB 0x43, 0x32 }, { OUTB 0x40, 4 }, { OUTB 0x40, 0 }, { call settle }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT BACK COUNT", { OUTB 0x43, 0x34 }, { OUTB 0x40, 0 }, { OUTB 0x40, 0 }, { call settle }, { OUTB 0x43, 0xD2 }, { INB 0x40 }, { INB 0x40 }, { cmp al, 0xF0 }, { setae al }
	VALUE "PIT BACK BOTH", { OUTB 0x43, 0xC2 }, { INB 0x40 }, { and al, 0x7F }, { KEEP }, { INB 0x40 }, { INB 0x40 }, { cmp al, 0x80 }, { setae al }, { KEEP }, { DONE }
	VALUE "PIT BACK CLEAR", { OUTB 0x43, 0xC3 }, { xor eax, eax }
	VALUE "PIT MSB ONLY", { OUTB 0x43, 0x20 }, { OUTB 0x40, 1 }, { mov ecx, 20000 }, { call settle_long }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT MODE 2 ONE", { OUTB 0x43, 0xB4 }, { OUTB 0x61, 1 }, { OUTB 0x42, 1 }, { OUTB 0x42, 0 }, { call settle }, { OUTB 0x43, 0xE8 }, { INB 0x42 }, { and al, 0x3F }
	VALUE "PIT BCD", { OUTB 0x43, 0x31 }, { OUTB 0x40, 0x34 }, { OUTB 0x40, 0x92 }, { OUTB 0x43, 0 }, { INB 0x40 }, { mov ah, al }, { INB 0x40 }, { cmp al, 0x91 }, { setae al }, { movzx eax, al }
	VALUE "PIT SPEAKER", { OUTB 0x43, 0xB6 }, { OUTB 0x42, 0x9C }, { OUTB 0x42, 0x2E }, { OUTB 0x61, 3 }, { mov ecx, 300000 }, { call both_levels }
	VALUE "PIT GATE OFF", { OUTB 0x61, 0 }, { INB 0x61 }, { and al, 0x2F }
	VALUE "PIT GATE STOPS", { OUTB 0x43, 0xB0 }, { OUTB 0x42, 0 }, { OUTB 0x42, 0x10 }, { call settle }, { OUTB 0x43, 0x80 }, { INB 0x42 }, { KEEP }, { INB 0x42 }, { KEEP }, { DONE }
	VALUE "PIT GATE MODE 3", { OUTB 0x43, 0xB6 }, { OUTB 0x42, 0 }, { OUTB 0x42, 0x10 }, { INB 0x61 }, { and al, 0x20 }
	OUTB 0x21, 0xFF
	ret
; 1 when port 61h's bit 5 is seen up and down
both_levels:
	xor ebx, ebx
.next:
	in al, 0x61
	shr al, 5
	and al, 1
	inc al
	or bl, al
	loop .next
	movzx eax, bl
	ret

rtc:
	PIC_INIT 1
	; so many periods, by the 8254
%macro PERIOD 3
	VALUE %1, { CMOS_SET 10, 0x20 | %2 }, { CMOS_SET 11, 0x42 }, { mov ecx, %3 }, { call rtc_ticks }
%endmacro
	PERIOD "RTC 1024 HZ", 6, 32
	PERIOD "RTC 8192 HZ", 3, 64
	PERIOD "RTC 256 HZ 1", 1, 8
	PERIOD "RTC 128 HZ 2", 2, 4
	PERIOD "RTC 64 HZ", 10, 2
	CMOS_SET 11, 2
	VALUE "RTC RATE 0", { CMOS_SET 10, 0x20 }, { CMOS 12 }, { mov ecx, 20000 }, { call settle_long }, { CMOS 12 }, { and al, 0x40 }
	CMOS_SET 10, 0x26
	VALUE "RTC SET", { CMOS_SET 11, 0x82 }, { CMOS_SET 0, 0x30 }, { CMOS_SET 2, 0x59 }, { CMOS_SET 4, 0x23 }, { CMOS_SET 7, 0x28 }, { CMOS_SET 8, 2 }, { CMOS_SET 9, 0x24 }, { CMOS 0 }, { KEEP }, { CMOS 7 }, { KEEP }, { CMOS 8 }, { KEEP }, { DONE }
	VALUE "RTC GOES ON", { CMOS_SET 11, 2 }, { CMOS 0 }, { KEEP }, { CMOS 2 }, { KEEP }, { CMOS 4 }, { KEEP }, { CMOS_SET 11, 0x82 }, { DONE }
	VALUE "RTC ALARM AT", { CMOS 12 }, { CMOS_SET 0, 0x10 }, { CMOS_SET 11, 0x22 }, { CMOS_SET 1, 0x12 }, { CMOS_SET 3, 0xFF }, { CMOS_SET 5, 0xFF }, { call rtc_second }, { CMOS 12 }, { and al, 0x20 }, { KEEP }, { call rtc_second }, { CMOS 12 }, { and al, 0x20 }, { KEEP }, { DONE }
	VALUE "RTC UIP", { mov ecx, 20000000 }, { call rtc_uip }
	VALUE "RTC REGISTER D", { CMOS_SET 13, 0 }, { CMOS 13 }
	VALUE "RTC REGISTER C", { CMOS_SET 12, 0xFF }, { CMOS 12 }, { CMOS 12 }, { and al, 0x8F }
	VALUE "RTC CMOS", { CMOS_SET 0x5F, 0xA5 }, { CMOS 0x5F }, { KEEP }, { CMOS 0xDF }, { KEEP }, { DONE }
	VALUE "RTC HIGH", { OUTB 0x72, 0x10 }, { OUTB 0x73, 0x77 }, { INB 0x73 }
	VALUE "RTC PORT 70", { OUTB 0x70, 0x0D }, { INB 0x70 }
	ret
rtc_edge:
	CMOS 12
.wait:
	CMOS 12
	test al, 0x40
	jz .wait
	ret
; 8254 ticks for ECX periods, in units of 2048
rtc_ticks:
	call rtc_edge
	OUTB 0x43, 0xB0
	OUTB 0x61, 1
	OUTB 0x42, 0xFF
	OUTB 0x42, 0xFF
.next:
	call rtc_edge
	loop .next
	call pit2
	add eax, 0x400
	shr eax, 11
	ret
rtc_second:
	CMOS 0
	mov ah, al
.same:
	CMOS 0
	cmp al, ah
	je .same
	ret
rtc_uip:
	CMOS 10
	test al, 0x80
	jnz .seen
	loop rtc_uip
	xor eax, eax
	ret
.seen:
	mov eax, 1
	ret

hpet:
	mov dword [HPET + 0x10], 0
	PIC_INIT 1
	VALUE "HPET CAP", { mov eax, [HPET] }, { and eax, 0xFFFFE0FF }
	VALUE "HPET T1", { mov eax, [HPET + 0x120] }, { KEEP }, { mov eax, [HPET + 0x140] }
	VALUE "HPET T0 ROUTES", { mov eax, [HPET + 0x104] }
	VALUE "HPET T0 BITS", { mov dword [HPET + 0x100], 0xFFFFFFFF }, { mov eax, [HPET + 0x100] }, { mov dword [HPET + 0x100], 0 }
	VALUE "HPET CONFIG BITS", { mov dword [HPET + 0x10], 0xFFFFFFFC }, { mov eax, [HPET + 0x10] }, { mov dword [HPET + 0x10], 0 }
	VALUE "HPET COUNTER", { mov dword [HPET + 0xF0], 0xFFFFFFF0 }, { mov dword [HPET + 0xF4], 0x77 }, { mov eax, [HPET + 0xF4] }, { mov dword [HPET + 0xF4], 0 }
	VALUE "HPET CARRY", { mov dword [HPET + 0xF0], 0xFFFFFFF0 }, { mov dword [HPET + 0x10], 1 }, { call settle }, { mov eax, [HPET + 0xF4] }, { mov dword [HPET + 0x10], 0 }
	mov dword [HPET + 0xF0], 0
	mov dword [HPET + 0xF4], 0
	; one-shot by I/O APIC pin 20
	mov dword [HPET + 0x108], 2000
	mov dword [HPET + 0x10C], 0
	IOAPIC_WRITE 0x39, 0
	IOAPIC_WRITE 0x38, 0x35
	VALUE "HPET ONE SHOT", { mov dword [HPET + 0x100], 0x2804 }, { mov dword [HPET + 0x10], 1 }, { sti }, { hlt }, { cli }, { mov dword [APIC + 0xB0], 0 }, { TAKEN }, { call settle }, { OPEN }, { TAKEN }, { DONE }
	VALUE "HPET STATUS EDGE", { mov eax, [HPET + 0x20] }
	VALUE "HPET PERIODIC", { mov dword [HPET + 0x10], 0 }, { mov dword [HPET + 0xF0], 0 }, { mov dword [HPET + 0x100], 0x284C }, { mov dword [HPET + 0x108], 2000 }, { mov dword [HPET + 0x108], 2000 }, { mov dword [HPET + 0x10], 1 }, { sti }, { hlt }, { mov dword [APIC + 0xB0], 0 }, { hlt }, { cli }, { mov dword [APIC + 0xB0], 0 }, { TAKEN }, { DONE }
	VALUE "HPET T0 READ", { mov eax, [HPET + 0x100] }
	mov dword [HPET + 0x100], 0
	IOAPIC_WRITE 0x38, 0x10000
%rep 4
	OPEN
	mov dword [APIC + 0xB0], 0
	OUTB 0x20, 0x20
%endrep
	; 32-bit mode: the comparator's upper half does not count
	VALUE "HPET 32", { mov dword [HPET + 0x100], 0x100 }, { mov dword [HPET + 0x108], 0x1234 }, { mov dword [HPET + 0x10C], 0x5678 }, { mov eax, [HPET + 0x100] }, { and eax, 0x17F }, { mov dword [HPET + 0x100], 0 }
	; legacy replacement: the 8254's line is the HPET's
	mov dword [irq_count], 0
	VALUE "HPET LEGACY", { OUTB 0x21, 0xFE }, { mov dword [HPET + 0x10], 0 }, { mov dword [HPET + 0xF0], 0 }, { mov dword [HPET + 0x108], 2000 }, { mov dword [HPET + 0x10C], 0 }, { mov dword [HPET + 0x100], 4 }, { mov dword [HPET + 0x10], 3 }, { sti }, { hlt }, { cli }, { TAKEN }, { OUTB 0x21, 0xFF }, { DONE }
	VALUE "HPET LEGACY PIT", { mov dword [HPET + 0x100], 0 }, { OUTB 0x21, 0xFE }, { LINE_UP }, { OPEN }, { TAKEN }, { OUTB 0x21, 0xFF }, { DONE }
	mov dword [HPET + 0x10], 0
	VALUE "HPET RATE", { mov dword [HPET + 0xF0], 0 }, { mov dword [HPET + 0x10], 1 }, { OUTB 0x43, 0xB0 }, { OUTB 0x61, 1 }, { OUTB 0x42, 0xFF }, { OUTB 0x42, 0xFF }, { mov ecx, 1000 }, { call settle_long }, { mov esi, [HPET + 0xF0] }, { call pit2 }, { xchg eax, esi }, { xor edx, edx }, { div esi }, { add eax, 8 }, { shr eax, 4 }
	mov dword [HPET + 0x10], 0
	ret
; EAX: ticks of counter 2 since it was loaded with FFFFh
pit2:
	OUTB 0x43, 0x80
	INB 0x42
	mov ah, al
	INB 0x42
	xchg al, ah
	movzx eax, ax
	xor eax, 0xFFFF
	ret

acpi:
	PCI 0x0B, 0x40
	and eax, 0xFFC0
	mov [pm], eax
%macro PM_IN16 1
	mov edx, [pm]
	add edx, %1
	in ax, dx
	movzx eax, ax
%endmacro
%macro PM_OUT16 2
	mov edx, [pm]
	add edx, %1
	mov ax, %2
	out dx, ax
%endmacro
	VALUE "PM CLASS", { PCI 0x0B, 8 }
	VALUE "PM COMMAND", { PCI 0x0B, 4 }
	VALUE "PM REGION", { PCI 0x0B, 0x80 }, { and eax, 1 }
	VALUE "PM LINE", { PCI 0x0B, 0x3C }
	VALUE "PM ENABLE", { PM_OUT16 2, 0xFFFF }, { PM_IN16 2 }, { and eax, 0x521 }, { mov ebp, eax }, { PM_OUT16 2, 0 }, { mov eax, ebp }
	VALUE "PM CONTROL", { PM_IN16 4 }, { and eax, 0xFFFE }
	VALUE "PM CONTROL SET", { PM_OUT16 4, 0x1C01 }, { PM_IN16 4 }
	VALUE "PM TIMER", { mov edx, [pm] }, { add edx, 8 }, { in eax, dx }, { mov ebx, eax }, { call settle }, { in eax, dx }, { sub eax, ebx }, { cmp eax, 0x100000 }, { setb al }, { movzx eax, al }
	VALUE "PM TIMER BITS", { mov edx, [pm] }, { add edx, 8 }, { in eax, dx }, { shr eax, 24 }
	VALUE "PM TIMER RATE", { OUTB 0x43, 0xB0 }, { OUTB 0x61, 1 }, { OUTB 0x42, 0xFF }, { OUTB 0x42, 0xFF }, { mov edx, [pm] }, { add edx, 8 }, { in eax, dx }, { mov esi, eax }, { mov ecx, 1000 }, { call settle_long }, { mov edx, [pm] }, { add edx, 8 }, { in eax, dx }, { sub eax, esi }, { mov esi, eax }, { call pit2 }, { xchg eax, esi }, { shl eax, 4 }, { xor edx, edx }, { div esi }, { add eax, 1 }, { shr eax, 2 }
	VALUE "PM TIMER BYTE", { mov edx, [pm] }, { add edx, 8 }, { in al, dx }, { xor eax, eax }
	ret

pci:
	VALUE "PCI HOST COMMAND", { PCI 0, 4 }
	VALUE "PCI ISA COMMAND", { PCI 8, 4 }
	VALUE "PCI IDE COMMAND", { PCI 9, 4 }, { and eax, 0xFFFF0000 }
	VALUE "PCI IDE BAR4 SIZE", { PCI_SET 9, 0x20, -1 }, { PCI 9, 0x20 }
	VALUE "PCI IDE BAR0 SIZE", { PCI_SET 9, 0x10, -1 }, { PCI 9, 0x10 }
	VALUE "PCI IDE BAR5", { PCI_SET 9, 0x24, -1 }, { PCI 9, 0x24 }
	VALUE "PCI IDE TIMING", { PCI_SET 9, 0x40, -1 }, { PCI 9, 0x40 }
	VALUE "PCI IDE SUBSYSTEM", { PCI_SET 9, 0x2C, -1 }, { PCI 9, 0x2C }
	VALUE "PCI PM PIN", { PCI 0x0B, 0x3C }, { and eax, 0xFF00 }
	VALUE "PCI ISA PIRQ", { PCI_SET 8, 0x60, 0x0B0A0B0A }, { PCI 8, 0x60 }
	VALUE "PCI ISA 4C", { PCI 8, 0x4C }
	VALUE "PCI ISA 80", { PCI 8, 0x80 }
	VALUE "PCI HOST PAM", { PCI_SET 0, 0x58, 0x33003300 }, { PCI 0, 0x58 }, { and eax, 0xFFFF0000 }
	VALUE "PCI WORD SET", { PCI 8, 0x60 }, { mov dx, 0xCFE }, { mov ax, 0x8080 }, { out dx, ax }, { PCI 8, 0x60 }
	VALUE "PCI BYTE SET", { PCI 8, 0x60 }, { mov dx, 0xCFD }, { mov al, 0x85 }, { out dx, al }, { PCI 8, 0x60 }
	VALUE "PCI FUNCTION 7", { PCI 15, 0 }
	VALUE "PCI BUS 255", { PCI 0xFF00, 0 }
	VALUE "PCI WIDE CROSS", { PCI 0, 0 }, { mov dx, 0xCFD }, { in ax, dx }, { movzx eax, ax }
	VALUE "PCI CF8 WORD", { mov dx, 0xCF8 }, { mov ax, 0x1234 }, { out dx, ax }, { in eax, dx }
	VALUE "PCI CFA BYTE", { mov dx, 0xCFA }, { mov al, 0x77 }, { out dx, al }, { mov dx, 0xCF8 }, { in eax, dx }
	VALUE "CF9", { OUTB 0xCF9, 2 }, { INB 0xCF9 }, { KEEP }, { OUTB 0xCF9, 0 }, { INB 0xCF9 }, { KEEP }, { DONE }
	VALUE "PORT B2", { OUTB 0xB3, 0x55 }, { INB 0xB3 }
	VALUE "PORT 61 PARITY", { OUTB 0x61, 0 }, { INB 0x61 }, { and al, 0xCF }
	VALUE "PORT 92 SET", { INB 0x92 }, { or al, 2 }, { out 0x92, al }, { INB 0x92 }
	VALUE "PORT ED", { OUTB 0xED, 0x55 }, { INB 0xED }
	VALUE "LPT", { INB 0x379 }
	VALUE "COM2", { INB 0x2FD }
	VALUE "SECONDARY ATA", { INB 0x177 }
	VALUE "VGA MONO", { INB 0x3BA }
	ret

keyboard:
	call quiet
	VALUE "8042 VERSION", { COMMAND 0xA1 }, { call get }, { xor eax, eax }
	VALUE "8042 RAM", { COMMAND 0x65 }, { SEND 0x5A }, { COMMAND 0x25 }, { call get }, { xor eax, eax }
	VALUE "8042 CONFIG", { COMMAND 0x60 }, { SEND 0x30 }, { COMMAND 0x20 }, { GET }, { DONE }
	VALUE "8042 ENABLE", { COMMAND 0xAE }, { COMMAND 0x20 }, { GET }, { COMMAND 0xA8 }, { COMMAND 0x20 }, { GET }, { COMMAND 0xA7 }, { COMMAND 0x20 }, { GET }, { DONE }
	COMMAND 0x60
	SEND 0x04
	VALUE "8042 AUX STATUS", { COMMAND 0xA8 }, { COMMAND 0xD4 }, { SEND 0xF2 }, { call wait_full }, { INB 0x64 }, { and al, 0x21 }, { KEEP }, { GET }, { INB 0x64 }, { and al, 0x20 }, { KEEP }, { GET }, { DONE }
	VALUE "MOUSE RATE", { COMMAND 0xD4 }, { SEND 0xF3 }, { GET }, { COMMAND 0xD4 }, { SEND 200 }, { GET }, { COMMAND 0xD4 }, { SEND 0xE9 }, { call get }, { GET }, { GET }, { call get }, { mov bh, al }, { DONE }
	VALUE "MOUSE RESOLUTION", { COMMAND 0xD4 }, { SEND 0xE8 }, { GET }, { COMMAND 0xD4 }, { SEND 1 }, { GET }, { COMMAND 0xD4 }, { SEND 0xE7 }, { GET }, { COMMAND 0xD4 }, { SEND 0xF6 }, { GET }, { DONE }
	VALUE "MOUSE BAD", { COMMAND 0xD4 }, { SEND 0xE1 }, { GET }, { DONE }
	VALUE "MOUSE REMOTE", { COMMAND 0xD4 }, { SEND 0xF0 }, { GET }, { COMMAND 0xD4 }, { SEND 0xEB }, { GET }, { GET }, { GET }, { call get }, { DONE }
	VALUE "MOUSE WRAP", { COMMAND 0xD4 }, { SEND 0xEE }, { GET }, { COMMAND 0xD4 }, { SEND 0x55 }, { GET }, { COMMAND 0xD4 }, { SEND 0xEC }, { GET }, { DONE }
	VALUE "MOUSE STREAM", { COMMAND 0xD4 }, { SEND 0xEA }, { GET }, { DONE }
	COMMAND 0xA7
	VALUE "KEYBOARD TYPEMATIC", { COMMAND 0xAE }, { SEND 0xF3 }, { GET }, { SEND 0x7F }, { GET }, { DONE }
	VALUE "KEYBOARD SET 1", { SEND 0xF0 }, { GET }, { SEND 1 }, { GET }, { DONE }
	VALUE "KEYBOARD SET 2", { SEND 0xF0 }, { GET }, { SEND 2 }, { GET }, { DONE }
	VALUE "KEYBOARD DEFAULT", { SEND 0xF6 }, { GET }, { DONE }
	VALUE "8042 A20 OUT", { COMMAND 0xD0 }, { GET }, { DONE }, { and eax, 3 }
	VALUE "8042 PULSE NONE", { COMMAND 0xFF }, { INB 0x64 }, { and al, 1 }
	ret

section .bss
pm	resd 1
section .text

GUEST_END
