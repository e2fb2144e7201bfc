; RESTART: the ways to reset a PC, one after the other; which one is next is kept in the clock's storage.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "RESTART"
%include "lib/multiboot.inc"

KEPT	equ 0x60				; bytes of the clock's that nobody else uses
MARK	equ 0x5A

%macro CMOS_GET 1
	mov al, %1
	out 0x70, al
	in al, 0x71
%endmacro
%macro CMOS_SET 1				; AH
	mov al, %1
	out 0x70, al
	mov al, ah
	out 0x71, al
%endmacro

main32:
	CMOS_GET KEPT
	cmp al, MARK
	je .again
	SAY32 "RESTART: BEGIN", NL
	mov ah, MARK
	CMOS_SET KEPT
	mov ah, 0
	CMOS_SET KEPT + 1
.again:
	CMOS_GET KEPT + 1
	mov bl, al
	SAY32 "RESTART NUMBER "
	call p32_puthex8
	SAY32 " CR0 "
	mov eax, cr0
	and eax, 0x9FFFFFFF
	call p32_puthex
	SAY32 " CR4 "
	mov eax, cr4
	call p32_puthex
	SAY32 " DR7 "
	mov eax, dr7
	call p32_puthex
	SAY32 " EFER "
	mov ecx, 0xC0000080
	rdmsr
	call p32_puthex
	SAY32 " IER "
	mov dx, COM1 + 1
	in al, dx
	call p32_puthex8
	SAY32 " SCRATCH "
	mov dx, COM1 + 7
	in al, dx
	call p32_puthex8
	SAY32 NL
	; what a reset must undo
	mov al, 0x77
	mov dx, COM1 + 7
	out dx, al
	mov eax, 0x402
	mov dr7, eax
	mov dx, COM1 + 5
.printing:
	in al, dx
	test al, 0x40
	jz .printing
	mov ah, bl
	inc ah
	CMOS_SET KEPT + 1
	cmp bl, 0
	je .port92
	cmp bl, 1
	je .keyboard
	cmp bl, 2
	je .cf9
	cmp bl, 3
	je .triple
	mov ah, 0
	CMOS_SET KEPT
	SAY32 "RESTART: END", NL
	jmp p32_power_off
.port92:
	in al, 0x92
	and al, 0xFE
	out 0x92, al
	or al, 1
	out 0x92, al
	jmp .wait
.keyboard:
	in al, 0x64
	test al, 2
	jnz .keyboard
	mov al, 0xFE
	out 0x64, al
	jmp .wait
.cf9:
	mov dx, 0xCF9
	mov al, 2
	out dx, al
	mov al, 6
	out dx, al
	jmp .wait
.triple:				; where shutdown resets (OPTION TRIPLERESET)
	lidt [no_idt]
	ud2
.wait:
	cli
	jmp .wait

section .data
no_idt	dw 0
	dd 0

GUEST_END
