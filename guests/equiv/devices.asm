; DEVICES: what a PC's registers answer: 8259, 8254, clock, 8042, DMA, ELCR, VGA, PCI, APIC, I/O APIC, HPET.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "DEVICES"
%include "equiv/values32.inc"
%include "equiv/controller.inc"

main32:
	call values_init
	SAY32 "DEVICES: BEGIN", NL
	call pic
	call pit
	call rtc
	call ps2
	call dma
	call ports
	call vga
	call pci
	call apic
	SAY32 "DEVICES: END", NL
	jmp p32_power_off

pic:
	mov byte [irq_eoi], 0
	PIC_INIT 1
	VALUE "PIC IMR", { OUTB 0x21, 0xA5 }, { INB 0x21 }, { KEEP }, { OUTB 0xA1, 0x5A }, { INB 0xA1 }, { KEEP }, { OUTB 0x21, 0xFF }, { OUTB 0xA1, 0xFF }, { DONE }
	OUTB 0x43, 0x30				; counter 0: output low until it is loaded
	VALUE "PIC IRR 0", { OUTB 0x20, 0x0A }, { INB 0x20 }, { and al, 1 }
	LINE_UP
	VALUE "PIC IRR 1", { OUTB 0x20, 0x0A }, { INB 0x20 }, { and al, 1 }
	VALUE "PIC ISR 0", { OUTB 0x20, 0x0B }, { INB 0x20 }
	VALUE "PIC POLL", { OUTB 0x21, 0xFE }, { OUTB 0x20, 0x0C }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 0x0B }, { INB 0x20 }, { KEEP }, { OUTB 0x20, 0x20 }, { INB 0x20 }, { KEEP }, { DONE }
	VALUE "PIC POLL NONE", { OUTB 0x20, 0x0C }, { INB 0x20 }
	LINE_UP
	VALUE "PIC TAKEN", { sti }, { nop }, { nop }, { cli }, { mov eax, [irq_vector] }
	VALUE "PIC ISR 1", { OUTB 0x20, 0x0B }, { INB 0x20 }
	LINE_UP
	VALUE "PIC HELD", { sti }, { nop }, { nop }, { cli }, { mov eax, [irq_count] }
	VALUE "PIC SPECIAL MASK", { OUTB 0x20, 0x68 }, { OUTB 0x21, 0xFF }, { OUTB 0x20, 0x48 }, { INB 0x21 }
	VALUE "PIC SPECIFIC EOI", { OUTB 0x21, 0xFE }, { OUTB 0x20, 0x60 }, { OUTB 0x20, 0x0B }, { INB 0x20 }
	VALUE "PIC AFTER", { sti }, { nop }, { nop }, { cli }, { mov eax, [irq_count] }
	OUTB 0x20, 0x20
	; rotation: line 0 is the lowest after it
	VALUE "PIC ROTATE", { OUTB 0x20, 0xC0 }, { OUTB 0x20, 0x0A }, { INB 0x20 }, { and al, 1 }
	OUTB 0x20, 0xC7
	VALUE "PIC IMR AT ICW1", { OUTB 0x21, 0xFF }, { OUTB 0x20, 0x11 }, { OUTB 0x21, 0x20 }, { OUTB 0x21, 4 }, { OUTB 0x21, 1 }, { INB 0x21 }
	PIC_INIT 3
	LINE_UP
	VALUE "PIC AUTO EOI", { OUTB 0x21, 0xFE }, { sti }, { nop }, { nop }, { cli }, { OUTB 0x20, 0x0B }, { INB 0x20 }, { KEEP }, { mov al, [irq_count] }, { KEEP }, { DONE }
	PIC_INIT 1
	VALUE "ELCR", { INB 0x4D0 }, { KEEP }, { OUTB 0x4D0, 0xFF }, { INB 0x4D0 }, { KEEP }, { OUTB 0x4D1, 0xFF }, { INB 0x4D1 }, { KEEP }, { OUTB 0x4D0, 0 }, { OUTB 0x4D1, 0x0C }, { INB 0x4D1 }, { KEEP }, { DONE }
	; spurious: the line goes away before it is taken
	OUTB 0x21, 0xFF
	ret

nmi_handler:
	inc dword [irq_count]
	mov dword [irq_vector], 2
	iret

pit:
	mov byte [irq_eoi], 1
	PIC_INIT 1
	VALUE "PIT BACK NULL", { OUTB 0x43, 0x34 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT BACK SET", { OUTB 0x40, 0 }, { OUTB 0x40, 0x80 }, { call settle }, { OUTB 0x43, 0xE2 }, { INB 0x40 }, { and al, 0x7F }
	VALUE "PIT LATCH HIGH", { OUTB 0x43, 0 }, { INB 0x40 }, { INB 0x40 }, { sub al, 0x60 }, { cmp al, 0x20 }, { setb al }
	VALUE "PIT LATCH TWICE", { OUTB 0x43, 0 }, { INB 0x40 }, { mov bl, al }, { INB 0x40 }, { mov bh, al }, { call settle }, { OUTB 0x43, 0 }, { OUTB 0x43, 0 }, { INB 0x40 }, { mov cl, al }, { INB 0x40 }, { mov ch, al }, { cmp cx, bx }, { setb al }, { movzx eax, al }
	VALUE "PIT LSB ONLY", { OUTB 0x43, 0x10 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT MSB ONLY", { OUTB 0x43, 0x26 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT MODE 7", { OUTB 0x43, 0x3E }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT BCD", { OUTB 0x43, 0x35 }, { OUTB 0x43, 0xE2 }, { INB 0x40 }
	VALUE "PIT CHANNEL 2", { OUTB 0x61, 0 }, { OUTB 0x43, 0xB0 }, { OUTB 0x42, 0x34 }, { OUTB 0x42, 0x12 }, { call settle }, { OUTB 0x43, 0x80 }, { INB 0x42 }, { KEEP }, { INB 0x42 }, { KEEP }, { INB 0x61 }, { and al, 0x2F }, { KEEP }, { DONE }
	VALUE "PIT GATE 2", { OUTB 0x43, 0xB0 }, { OUTB 0x42, 2 }, { OUTB 0x42, 0 }, { OUTB 0x61, 1 }, { call settle }, { INB 0x61 }, { and al, 0x2F }
	VALUE "PIT ONE SHOT", { OUTB 0x61, 0 }, { OUTB 0x43, 0xB2 }, { OUTB 0x42, 4 }, { OUTB 0x42, 0 }, { INB 0x61 }, { and al, 0x2F }, { KEEP }, { OUTB 0x61, 1 }, { call settle }, { INB 0x61 }, { and al, 0x2F }, { KEEP }, { DONE }
	VALUE "PIT 61", { OUTB 0x61, 0xFF }, { INB 0x61 }, { and al, 0x0F }, { KEEP }, { OUTB 0x61, 0 }, { INB 0x61 }, { and al, 0x0F }, { KEEP }, { DONE }
	VALUE "PIT REFRESH", { mov ecx, 100000 }, { call toggles }
	VALUE "PIT 43 READ", { INB 0x43 }
	VALUE "PIT RATE", { OUTB 0x43, 0x34 }, { OUTB 0x40, 0x9C }, { OUTB 0x40, 0x2E }, { OUTB 0x21, 0xFE }, { sti }, { hlt }, { hlt }, { hlt }, { cli }, { OUTB 0x21, 0xFF }, { mov eax, [irq_count] }
	VALUE "PIT SQUARE", { mov dword [irq_count], 0 }, { OUTB 0x43, 0x36 }, { OUTB 0x40, 0x9C }, { OUTB 0x40, 0x2E }, { OUTB 0x21, 0xFE }, { sti }, { hlt }, { hlt }, { cli }, { OUTB 0x21, 0xFF }, { mov eax, [irq_count] }
	ret

; does port 61h's bit 4 change within ECX reads?
toggles:
	in al, 0x61
	mov ah, al
.next:
	in al, 0x61
	xor al, ah
	test al, 0x10
	jnz .yes
	loop .next
	xor eax, eax
	ret
.yes:
	mov eax, 1
	ret

rtc:
	mov byte [irq_eoi], 1
	PIC_INIT 1
	VALUE "RTC A", { CMOS 10 }, { and al, 0x7F }
	VALUE "RTC B", { CMOS 11 }
	VALUE "RTC D", { CMOS 13 }
	VALUE "RTC NVRAM", { CMOS_SET 0x40, 0x5A }, { CMOS 0x40 }, { KEEP }, { CMOS_SET 0x7F, 0xA5 }, { CMOS 0x7F }, { KEEP }, { DONE }
	VALUE "RTC PORT 70", { OUTB 0x70, 0x8A }, { INB 0x70 }
	VALUE "RTC SET", { CMOS_SET 11, 0x82 }, { CMOS_SET 4, 0x23 }, { CMOS_SET 2, 0x59 }, { CMOS_SET 0, 0x30 }, { CMOS_SET 6, 1 }, { CMOS_SET 7, 0x31 }, { CMOS_SET 8, 0x12 }, { CMOS_SET 9, 0x99 }, { CMOS 4 }, { KEEP }, { CMOS 2 }, { KEEP }, { CMOS 0 }, { KEEP }, { CMOS 7 }, { KEEP }, { DONE }
	VALUE "RTC BINARY", { CMOS_SET 11, 0x86 }, { CMOS_SET 4, 22 }, { CMOS_SET 0, 45 }, { CMOS 4 }, { KEEP }, { CMOS 0 }, { KEEP }, { CMOS 2 }, { KEEP }, { DONE }
	VALUE "RTC 12 H", { CMOS_SET 11, 0x80 }, { CMOS_SET 4, 0x91 }, { CMOS 4 }
	VALUE "RTC FLAGS", { CMOS_SET 11, 0x02 }, { CMOS 12 }, { CMOS_SET 11, 0x02 }, { CMOS 12 }, { and al, 0x80 }
	; periodic, by line 8
	VALUE "RTC PERIODIC", { CMOS_SET 10, 0x26 }, { CMOS 12 }, { mov dword [irq_count], 0 }, { CMOS_SET 11, 0x42 }, { OUTB 0x21, 0xFB }, { OUTB 0xA1, 0xFE }, { sti }, { hlt }, { cli }, { CMOS 12 }, { and al, 0xF0 - 0x30 }, { KEEP }, { mov al, [irq_vector] }, { KEEP }, { DONE }
	VALUE "RTC NOT READ", { mov dword [irq_count], 0 }, { CMOS 12 }, { mov ecx, 100000 }, { call settle_long }, { sti }, { mov ecx, 100000 }, { call settle_long }, { cli }, { mov eax, [irq_count] }
	VALUE "RTC OFF", { CMOS_SET 11, 0x02 }, { CMOS 12 }, { CMOS 12 }, { and al, 0x80 }
	VALUE "RTC UPDATE", { mov dword [irq_count], 0 }, { CMOS_SET 11, 0x12 }, { sti }, { hlt }, { cli }, { CMOS 12 }, { and al, 0x90 }, { KEEP }, { mov al, [irq_count] }, { KEEP }, { DONE }
	VALUE "RTC ALARM", { CMOS_SET 1, 0xFF }, { CMOS_SET 3, 0xFF }, { CMOS_SET 5, 0xFF }, { mov dword [irq_count], 0 }, { CMOS_SET 11, 0x22 }, { sti }, { hlt }, { cli }, { CMOS 12 }, { and al, 0xA0 }, { KEEP }, { mov al, [irq_count] }, { KEEP }, { CMOS_SET 11, 2 }, { DONE }
	OUTB 0x21, 0xFF
	OUTB 0xA1, 0xFF
	ret

ps2:
	call quiet
	VALUE "PS2 TEST", { COMMAND 0xAA }, { GET }, { DONE }
	VALUE "PS2 TEST 1", { COMMAND 0xAB }, { GET }, { DONE }
	VALUE "PS2 TEST 2", { COMMAND 0xA9 }, { GET }, { DONE }
	VALUE "PS2 CONFIG", { COMMAND 0x60 }, { SEND 0x44 }, { COMMAND 0x20 }, { GET }, { DONE }
	VALUE "PS2 OUT PORT", { COMMAND 0xD0 }, { GET }, { and ebx, 3 }, { DONE }
	VALUE "PS2 STATUS", { INB 0x64 }, { and al, ~0x28 }
	VALUE "PS2 TO KEYBOARD", { COMMAND 0xD2 }, { SEND 0x5A }, { INB 0x64 }, { and al, 0x21 }, { KEEP }, { GET }, { DONE }
	VALUE "PS2 TO MOUSE", { COMMAND 0xD3 }, { SEND 0xA5 }, { INB 0x64 }, { and al, 0x21 }, { KEEP }, { GET }, { DONE }
	COMMAND 0xAE
	VALUE "KEYBOARD RESET", { SEND 0xFF }, { GET }, { GET }, { DONE }
	VALUE "KEYBOARD OFF", { SEND 0xF5 }, { GET }, { DONE }
	VALUE "KEYBOARD ID", { SEND 0xF2 }, { GET }, { GET }, { GET }, { DONE }
	VALUE "KEYBOARD ECHO", { SEND 0xEE }, { GET }, { DONE }
	VALUE "KEYBOARD SET", { SEND 0xF0 }, { GET }, { SEND 0 }, { GET }, { GET }, { DONE }
	VALUE "KEYBOARD LEDS", { SEND 0xED }, { GET }, { SEND 2 }, { GET }, { DONE }
	VALUE "KEYBOARD BAD", { SEND 0xE0 }, { GET }, { DONE }
	VALUE "KEYBOARD ON", { SEND 0xF4 }, { GET }, { DONE }
	VALUE "KEYBOARD RATE", { SEND 0xF3 }, { GET }, { SEND 0x20 }, { GET }, { DONE }
	COMMAND 0xA8
	VALUE "MOUSE RESET", { COMMAND 0xD4 }, { SEND 0xFF }, { GET }, { GET }, { GET }, { DONE }
	VALUE "MOUSE ID", { COMMAND 0xD4 }, { SEND 0xF2 }, { GET }, { GET }, { DONE }
	VALUE "MOUSE STATUS", { COMMAND 0xD4 }, { SEND 0xE9 }, { GET }, { GET }, { GET }, { GET }, { DONE }
	VALUE "MOUSE ON", { COMMAND 0xD4 }, { SEND 0xF4 }, { GET }, { COMMAND 0xD4 }, { SEND 0xF5 }, { GET }, { DONE }
	; line 1
	PIC_INIT 1
	COMMAND 0x60
	SEND 0x45
	VALUE "KEYBOARD LINE", { OUTB 0x21, 0xFD }, { sti }, { COMMAND 0xD2 }, { SEND 0x1E }, { mov ecx, 100000 }, { call settle_long }, { cli }, { mov eax, [irq_vector] }, { OUTB 0x21, 0xFF }, { INB 0x60 }, { mov eax, [irq_vector] }
	VALUE "PS2 A20", { COMMAND 0xD1 }, { SEND 0xDF }, { INB 0x92 }, { and al, 2 }
	ret

dma:
	VALUE "DMA ADDRESS", { OUTB 0x0C, 0 }, { OUTB 0x04, 0x34 }, { OUTB 0x04, 0x12 }, { INB 0x04 }, { KEEP }, { INB 0x04 }, { KEEP }, { DONE }
	VALUE "DMA COUNT", { OUTB 0x0C, 0 }, { OUTB 0x05, 0xFF }, { OUTB 0x05, 0x01 }, { INB 0x05 }, { KEEP }, { INB 0x05 }, { KEEP }, { DONE }
	VALUE "DMA PAGE", { OUTB 0x81, 0x5A }, { OUTB 0x87, 0xA5 }, { OUTB 0x8F, 0x11 }, { INB 0x81 }, { KEEP }, { INB 0x87 }, { KEEP }, { INB 0x8F }, { KEEP }, { DONE }
	VALUE "DMA EXTRA PAGE", { OUTB 0x84, 0x77 }, { OUTB 0x8C, 0x66 }, { INB 0x84 }, { KEEP }, { INB 0x8C }, { KEEP }, { DONE }
	VALUE "DMA MASK", { OUTB 0x0A, 6 }, { OUTB 0x0A, 1 }, { INB 0x0F }
	VALUE "DMA STATUS", { OUTB 0x0D, 0 }, { INB 0x08 }, { KEEP }, { INB 0x0D }, { KEEP }, { INB 0xD0 }, { KEEP }, { DONE }
	VALUE "DMA SECOND", { OUTB 0xD8, 0 }, { OUTB 0xC4, 0x21 }, { OUTB 0xC4, 0x43 }, { INB 0xC4 }, { KEEP }, { INB 0xC4 }, { KEEP }, { DONE }
	ret

ports:
	VALUE "PORT 92", { INB 0x92 }
	VALUE "PORT 80", { OUTB 0x80, 0x5A }, { INB 0x80 }
	VALUE "PORT F0", { OUTB 0xF0, 0 }, { INB 0x64 }, { xor eax, eax }
	VALUE "PORT NONE", { INB 0x300 }, { KEEP }, { INB 0x3E8 }, { KEEP }, { DONE }
	VALUE "PORT NONE 16", { mov dx, 0x300 }, { in ax, dx }
	VALUE "PORT NONE 32", { mov dx, 0x300 }, { in eax, dx }
	VALUE "PORT CF9", { INB 0xCF9 }
	VALUE "UART SCRATCH", { OUTB 0x3FF, 0x5A }, { INB 0x3FF }
	VALUE "UART LCR", { INB 0x3FB }
	VALUE "UART MCR", { INB 0x3FC }
	VALUE "UART IIR", { INB 0x3FA }
	VALUE "UART MSR", { INB 0x3FE }
	VALUE "UART IER", { OUTB 0x3F9, 0xFF }, { INB 0x3F9 }, { KEEP }, { OUTB 0x3F9, 0 }, { DONE }
	; FPU error by line 13
	PIC_INIT 1
	VALUE "FERR", { mov eax, cr0 }, { and eax, ~0x2E }, { mov cr0, eax }, { fninit }, { mov word [value], 0x37B }, { fldcw [value] }, { fldz }, { fld1 }, { fdivrp st1, st0 }, { OUTB 0x21, 0xFB }, { OUTB 0xA1, 0xDF }, { mov byte [irq_float], 1 }, { sti }, { call float_wait }, { cli }, { mov eax, [irq_vector] }, { fnclex }, { fninit }
	ret
float_wait:
	mov dword [idt32 + 0x2D * 8], 0
	mov eax, ferr_handler
	mov [idt32 + 0x2D * 8], ax
	mov word [idt32 + 0x2D * 8 + 2], SEL_CODE0
	mov word [idt32 + 0x2D * 8 + 4], GATE_RING0
	shr eax, 16
	mov [idt32 + 0x2D * 8 + 6], ax
	fwait
	nop
	nop
	ret
ferr_handler:
	push eax
	mov dword [irq_vector], 0x2D
	mov al, 0
	out 0xF0, al
	fnclex
	mov al, 0x20
	out 0xA0, al
	out 0x20, al
	pop eax
	iret

%macro VGA_READ 2				; index port, index
	OUTB %1, %2
	INB %1 + 1
%endmacro
vga:
	VALUE "VGA MISC", { INB 0x3CC }
	VALUE "VGA CRTC 0", { VGA_READ 0x3D4, 0 }, { KEEP }, { VGA_READ 0x3D4, 1 }, { KEEP }, { VGA_READ 0x3D4, 2 }, { KEEP }, { VGA_READ 0x3D4, 9 }, { KEEP }, { DONE }
	VALUE "VGA CRTC 13", { VGA_READ 0x3D4, 0x13 }, { KEEP }, { VGA_READ 0x3D4, 0x17 }, { KEEP }, { VGA_READ 0x3D4, 7 }, { KEEP }, { VGA_READ 0x3D4, 0x12 }, { KEEP }, { DONE }
	VALUE "VGA SEQUENCER", { VGA_READ 0x3C4, 1 }, { KEEP }, { VGA_READ 0x3C4, 2 }, { KEEP }, { VGA_READ 0x3C4, 3 }, { KEEP }, { VGA_READ 0x3C4, 4 }, { KEEP }, { DONE }
	VALUE "VGA GRAPHICS", { VGA_READ 0x3CE, 4 }, { KEEP }, { VGA_READ 0x3CE, 5 }, { KEEP }, { VGA_READ 0x3CE, 6 }, { KEEP }, { VGA_READ 0x3CE, 8 }, { KEEP }, { DONE }
	VALUE "VGA ATTRIBUTE", { INB 0x3DA }, { OUTB 0x3C0, 0x30 }, { INB 0x3C1 }, { KEEP }, { INB 0x3DA }, { OUTB 0x3C0, 0x32 }, { INB 0x3C1 }, { KEEP }, { DONE }
	VALUE "VGA CURSOR", { OUTB 0x3D4, 14 }, { OUTB 0x3D5, 0x01 }, { OUTB 0x3D4, 15 }, { OUTB 0x3D5, 0x40 }, { INB 0x3D5 }, { KEEP }, { VGA_READ 0x3D4, 14 }, { KEEP }, { DONE }
	VALUE "VGA DAC", { OUTB 0x3C8, 5 }, { OUTB 0x3C9, 0x3F }, { OUTB 0x3C9, 0x11 }, { OUTB 0x3C9, 0x22 }, { OUTB 0x3C7, 5 }, { INB 0x3C9 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { INB 0x3C7 }, { KEEP }, { DONE }
	VALUE "VGA DAC MASK", { INB 0x3C6 }
	VALUE "VGA RETRACE", { mov ecx, 2000000 }, { call retraces }
	VALUE "VGA TEXT", { mov dword [0xB8000 + 3840], 0x07410742 }, { mov eax, [0xB8000 + 3840] }
	VALUE "VGA TEXT BYTE", { mov byte [0xB8F02], 0x55 }, { movzx eax, word [0xB8F02] }
	VALUE "VGA A0000 IN TEXT", { mov dword [0xA0000], 0x12345678 }, { mov eax, [0xA0000] }
	; mode 12h's planes without its timing
	VALUE "VGA PLANES", { OUTB 0x3C4, 2 }, { OUTB 0x3C5, 0x0F }, { OUTB 0x3C4, 4 }, { OUTB 0x3C5, 6 }, { OUTB 0x3CE, 5 }, { OUTB 0x3CF, 0 }, { OUTB 0x3CE, 6 }, { OUTB 0x3CF, 5 }, { OUTB 0x3CE, 8 }, { OUTB 0x3CF, 0xFF }, { OUTB 0x3CE, 1 }, { OUTB 0x3CF, 0 }, { OUTB 0x3CE, 3 }, { OUTB 0x3CF, 0 }, { OUTB 0x3C4, 2 }, { OUTB 0x3C5, 1 }, { mov byte [0xA0000], 0x11 }, { OUTB 0x3C4, 2 }, { OUTB 0x3C5, 2 }, { mov byte [0xA0000], 0x22 }, { OUTB 0x3CE, 4 }, { OUTB 0x3CF, 0 }, { mov al, [0xA0000] }, { KEEP }, { OUTB 0x3CE, 4 }, { OUTB 0x3CF, 1 }, { mov al, [0xA0000] }, { KEEP }, { DONE }
	VALUE "VGA SET RESET", { OUTB 0x3C4, 2 }, { OUTB 0x3C5, 0x0F }, { OUTB 0x3CE, 0 }, { OUTB 0x3CF, 0x0A }, { OUTB 0x3CE, 1 }, { OUTB 0x3CF, 0x0F }, { OUTB 0x3CE, 8 }, { OUTB 0x3CF, 0x0F }, { mov al, [0xA0001] }, { mov byte [0xA0001], 0 }, { OUTB 0x3CE, 4 }, { OUTB 0x3CF, 3 }, { mov al, [0xA0001] }, { KEEP }, { OUTB 0x3CE, 1 }, { OUTB 0x3CF, 0 }, { DONE }
	VALUE "VGA WRITE 2", { OUTB 0x3CE, 8 }, { OUTB 0x3CF, 0xFF }, { OUTB 0x3CE, 5 }, { OUTB 0x3CF, 2 }, { mov byte [0xA0002], 5 }, { OUTB 0x3CE, 4 }, { OUTB 0x3CF, 2 }, { mov al, [0xA0002] }, { KEEP }, { OUTB 0x3CE, 4 }, { OUTB 0x3CF, 1 }, { mov al, [0xA0002] }, { KEEP }, { DONE }
	VALUE "VGA READ 1", { OUTB 0x3CE, 5 }, { OUTB 0x3CF, 8 }, { OUTB 0x3CE, 2 }, { OUTB 0x3CF, 5 }, { OUTB 0x3CE, 7 }, { OUTB 0x3CF, 0x0F }, { mov al, [0xA0002] }
	VALUE "VGA WRITE 1", { OUTB 0x3CE, 5 }, { OUTB 0x3CF, 1 }, { mov al, [0xA0000] }, { mov [0xA0010], al }, { OUTB 0x3CE, 5 }, { OUTB 0x3CF, 0 }, { OUTB 0x3CE, 4 }, { OUTB 0x3CF, 0 }, { mov al, [0xA0010] }
	VALUE "VGA ROTATE XOR", { OUTB 0x3CE, 3 }, { OUTB 0x3CF, 0x1C }, { mov al, [0xA0010] }, { mov byte [0xA0010], 0x0F }, { mov al, [0xA0010] }, { KEEP }, { OUTB 0x3CE, 3 }, { OUTB 0x3CF, 0 }, { DONE }
	VALUE "VBE ID", { mov dx, 0x1CE }, { xor eax, eax }, { out dx, ax }, { inc dx }, { in ax, dx }
	ret
retraces:
	mov dx, 0x3DA
.low:
	in al, dx
	test al, 8
	loopnz .low
.high:
	in al, dx
	test al, 8
	loopz .high
	setnz al
	movzx eax, al
	ret

pci:
	VALUE "PCI ADDRESS", { mov eax, 0x80001234 }, { mov dx, 0xCF8 }, { out dx, eax }, { in eax, dx }
	VALUE "PCI ADDRESS BYTE", { OUTB 0xCF8, 0x55 }, { mov dx, 0xCF8 }, { in eax, dx }
	VALUE "PCI HOST", { PCI 0, 0 }
	VALUE "PCI HOST CLASS", { PCI 0, 8 }
	VALUE "PCI HEADER", { PCI 0, 12 }
	VALUE "PCI ISA", { PCI 8, 0 }
	VALUE "PCI ISA CLASS", { PCI 8, 8 }
	VALUE "PCI ISA HEADER", { PCI 8, 12 }
	VALUE "PCI IDE", { PCI 9, 0 }
	VALUE "PCI IDE CLASS", { PCI 9, 8 }
	VALUE "PCI PM", { PCI 11, 0 }
	VALUE "PCI NONE", { PCI 0xF8, 0 }
	VALUE "PCI BUS 1", { PCI 0x100, 0 }
	VALUE "PCI OFF", { mov eax, 0 }, { mov dx, 0xCF8 }, { out dx, eax }, { mov dx, 0xCFC }, { in eax, dx }
	VALUE "PCI WORD", { PCI 0, 0 }, { mov eax, 0 }, { mov dx, 0xCFE }, { in ax, dx }
	VALUE "PCI BYTE", { PCI 0, 0 }, { mov eax, 0 }, { mov dx, 0xCFD }, { in al, dx }
	VALUE "PCI READ ONLY", { PCI 0, 0 }, { mov eax, 0x12345678 }, { out dx, eax }, { in eax, dx }
	VALUE "PCI LINE", { PCI 9, 0x3C }, { mov al, 0x5A }, { out dx, al }, { in al, dx }, { and eax, 0xFF }
	ret

apic:
	mov dword [APIC + 0xF0], 0x1FF
	VALUE "IOAPIC VERSION", { IOAPIC_READ 1 }
	VALUE "IOAPIC SELECT", { mov dword [IOAPIC], 0x1234 }, { mov eax, [IOAPIC] }
	VALUE "IOAPIC ENTRY", { IOAPIC_WRITE 0x20, 0xFFFFFFFF }, { IOAPIC_READ 0x20 }, { IOAPIC_WRITE 0x20, 0x10000 }, { and eax, 0xFFFFEFFF }
	VALUE "IOAPIC ENTRY HIGH", { IOAPIC_WRITE 0x21, 0xFFFFFFFF }, { IOAPIC_READ 0x21 }, { IOAPIC_WRITE 0x21, 0 }
	VALUE "IOAPIC LOW", { IOAPIC_READ 0x20 }
	PIC_INIT 1
	; the 8254 through pin 2
	IOAPIC_WRITE 0x15, 0
	VALUE "IOAPIC PIT", { mov dword [irq_count], 0 }, { IOAPIC_WRITE 0x14, 0x35 }, { OUTB 0x43, 0x34 }, { OUTB 0x40, 0x9C }, { OUTB 0x40, 0x2E }, { mov byte [irq_eoi], 0 }, { sti }, { hlt }, { cli }, { mov eax, [APIC + 0x110] }, { mov dword [APIC + 0xB0], 0 }, { shl eax, 8 }, { mov al, [irq_vector] }
	IOAPIC_WRITE 0x14, 0x10000
	; a NMI ends HLT with interrupts off
	GATE 2, SEL_CODE0, GATE_RING0, nmi_handler
	VALUE "HLT NMI", { mov dword [irq_count], 0 }, { IOAPIC_WRITE 0x14, 0x400 }, { OUTB 0x43, 0x30 }, { OUTB 0x40, 0 }, { OUTB 0x40, 0x10 }, { cli }, { hlt }, { IOAPIC_WRITE 0x14, 0x10000 }, { mov eax, [irq_count] }, { shl eax, 8 }, { mov al, [irq_vector] }
	; priorities: two in IRR, the higher first
	VALUE "APIC NESTED", { mov dword [irq_order], 0 }, { mov dword [APIC + 0x310], 0 }, { mov dword [APIC + 0x300], 0x40025 }, { mov dword [APIC + 0x300], 0x4003A }, { mov dword [APIC + 0x300], 0x40031 }, { sti }, { nop }, { cli }, { mov eax, [APIC + 0xA0] }, { mov ebx, eax }, { mov eax, [irq_order] }, { shl ebx, 24 }, { or eax, ebx }
	mov dword [APIC + 0xB0], 0
	VALUE "APIC THEN", { sti }, { nop }, { cli }, { mov eax, [irq_order] }
	mov dword [APIC + 0xB0], 0
	VALUE "APIC LAST", { sti }, { nop }, { cli }, { mov eax, [irq_order] }
	mov dword [APIC + 0xB0], 0
	VALUE "APIC PERIODIC", { mov dword [irq_count], 0 }, { mov dword [APIC + 0x3E0], 0xB }, { mov dword [APIC + 0x320], 0x2002F }, { mov dword [APIC + 0x380], 20000 }, { sti }, { hlt }, { mov dword [APIC + 0xB0], 0 }, { hlt }, { mov dword [APIC + 0xB0], 0 }, { cli }, { mov dword [APIC + 0x380], 0 }, { mov dword [APIC + 0x320], 0x10000 }, { mov eax, [irq_count] }
	VALUE "APIC MASKED", { mov dword [APIC + 0x320], 0x1002F }, { mov dword [APIC + 0x380], 10 }, { call settle }, { mov eax, [APIC + 0x210] }, { mov dword [APIC + 0x320], 0x10000 }
	VALUE "APIC CURRENT", { mov dword [APIC + 0x380], 0xFFFFFFFF }, { mov eax, [APIC + 0x390] }, { not eax }, { cmp eax, 100000 }, { setb al }, { movzx eax, al }, { mov dword [APIC + 0x380], 0 }
	VALUE "APIC WORDS", { mov dword [APIC + 0xD0], 0xFF000000 }, { mov eax, [APIC + 0xD0] }
	VALUE "HPET ID", { mov eax, [HPET] }
	VALUE "HPET PERIOD", { mov eax, [HPET + 4] }
	VALUE "HPET COUNTS", { mov dword [HPET + 16], 1 }, { mov ebx, [HPET + 0xF0] }, { call settle }, { mov eax, [HPET + 0xF0] }, { cmp eax, ebx }, { seta al }, { movzx eax, al }, { mov dword [HPET + 16], 0 }
	VALUE "HPET TIMER 0", { mov eax, [HPET + 0x100] }
	VALUE "HPET SET", { mov dword [HPET + 0xF0], 0x1234 }, { mov eax, [HPET + 0xF0] }
	ret

section .text

GUEST_END
