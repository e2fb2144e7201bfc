; OPTICAL: an ATAPI drive with a disc in it by its registers: packets, sense, data in parts, what ATA commands it takes.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "OPTICAL"
%include "equiv/values32.inc"

%macro DRIVE_OUT 2				; register, value
	mov al, %2
	mov dx, [base]
	add dx, %1
	out dx, al
%endmacro
%macro DRIVE_IN 1
	mov dx, [base]
	add dx, %1
	in al, dx
%endmacro
%macro STATUS 0
	DRIVE_IN 7
	and al, 0xF9
	KEEP
	mov ah, al
	DRIVE_IN 1
	and al, 0xF0				; the sense key, if there is one
	test ah, 1
	setz ah
	dec ah
	and al, ah
	KEEP
%endmacro
%macro ATA 1
	DRIVE_OUT 6, [select]
	DRIVE_OUT 7, %1
	call ready
%endmacro
; PACKET bytes the host takes at once, 12 bytes of the command
%macro PACKET 2+
	jmp %%over
%%bytes:
	db %2
	times 12 - ($ - %%bytes) db 0
%%over:
	mov esi, %%bytes
	mov ecx, %1
	call packet
%endmacro
; the counts that the drive says, and how many bytes came in all
%macro TAKE 0
	call take
%endmacro
%macro SENSE 0					; key, code
	PACKET 64, 3, 0, 0, 0, 18
	TAKE
	movzx eax, byte [buffer + 2]
	and al, 15
	shl eax, 16
	mov ah, [buffer + 12]
	mov al, [buffer + 13]
%endmacro

main32:
	call values_init
	SAY32 "OPTICAL: BEGIN", NL
	call find
	VALUE "RESET", { DRIVE_OUT 0x206, 6 }, { DRIVE_OUT 0x206, 2 }, { call ready }, { DRIVE_OUT 6, [select] }, { DRIVE_IN 4 }, { KEEP }, { DRIVE_IN 5 }, { KEEP }, { DONE }
	VALUE "IDENTIFY", { ATA 0xEC }, { STATUS }, { DRIVE_IN 4 }, { KEEP }, { DRIVE_IN 5 }, { KEEP }, { DONE }
	VALUE "IDENTIFY PACKET", { ATA 0xA1 }, { STATUS }, { call words }, { STATUS }, { DONE }
	VALUE "GENERAL", { movzx eax, word [buffer] }, { and eax, 0xDF83 }
	VALUE "CAPABILITIES", { movzx eax, word [buffer + 98] }, { and eax, 0x0300 }
	VALUE "READ SECTORS", { ATA 0x20 }, { STATUS }, { DRIVE_IN 1 }, { and al, 4 }, { KEEP }, { DONE }
	VALUE "UNIT ATTENTION", { PACKET 64, 0 }, { SENSE }, { xor eax, eax }
	VALUE "TEST UNIT READY", { PACKET 64, 0 }, { STATUS }, { DONE }
	VALUE "NO SENSE", { SENSE }
	VALUE "CAPACITY", { PACKET 64, 0x25 }, { STATUS }, { DRIVE_IN 4 }, { KEEP }, { TAKE }, { DONE }
	VALUE "BLOCK", { mov eax, [buffer + 4] }, { bswap eax }
	VALUE "BLOCKS", { mov eax, [buffer] }, { bswap eax }, { cmp eax, 100 }, { seta al }, { movzx eax, al }
	VALUE "INQUIRY", { PACKET 64, 0x12, 0, 0, 0, 36 }, { TAKE }, { shl eax, 16 }, { mov ax, [buffer] }
	VALUE "INQUIRY SHORT", { PACKET 64, 0x12, 0, 0, 0, 5 }, { TAKE }
	VALUE "READ 10", { PACKET 2048, 0x28, 0, 0, 0, 0, 16, 0, 0, 1 }, { STATUS }, { DRIVE_IN 2 }, { and al, 3 }, { KEEP }, { TAKE }, { shl ebx, 16 }, { or eax, ebx }
	VALUE "VOLUME", { mov eax, [buffer + 1] }
	VALUE "READ 10 LIMIT", { PACKET 512, 0x28, 0, 0, 0, 0, 16, 0, 0, 1 }, { TAKE }
	VALUE "READ 10 TWO", { PACKET 2048, 0x28, 0, 0, 0, 0, 16, 0, 0, 2 }, { TAKE }
	VALUE "READ 10 NONE", { PACKET 2048, 0x28, 0, 0, 0, 0, 16, 0, 0, 0 }, { STATUS }, { DONE }
	VALUE "READ 12", { PACKET 2048, 0xA8, 0, 0, 0, 0, 16, 0, 0, 0, 1 }, { TAKE }
	VALUE "BEYOND", { PACKET 2048, 0x28, 0, 0x7F, 0, 0, 0, 0, 0, 1 }, { STATUS }, { DONE }
	VALUE "BEYOND SENSE", { SENSE }
	VALUE "UNKNOWN", { PACKET 64, 0xE7 }, { STATUS }, { DONE }
	VALUE "UNKNOWN SENSE", { SENSE }
	VALUE "TOC", { PACKET 2048, 0x43, 0, 0, 0, 0, 0, 0, 0, 12 }, { TAKE }, { mov ecx, [buffer] }, { shl eax, 24 }, { bswap ecx }, { or eax, ecx }
	VALUE "LOCK", { PACKET 64, 0x1E, 0, 0, 0, 1 }, { STATUS }, { PACKET 64, 0x1E }, { STATUS }, { DONE }
	VALUE "START", { PACKET 64, 0x1B, 0, 0, 0, 1 }, { STATUS }, { DONE }
	VALUE "SEEK", { PACKET 64, 0x2B, 0, 0, 0, 0, 16 }, { STATUS }, { DONE }
	VALUE "DEVICE RESET", { ATA 8 }, { DRIVE_IN 4 }, { KEEP }, { DRIVE_IN 5 }, { KEEP }, { DONE }
	VALUE "DIAGNOSE", { ATA 0x90 }, { DRIVE_OUT 6, [select] }, { DRIVE_IN 1 }, { KEEP }, { DRIVE_IN 4 }, { KEEP }, { DRIVE_IN 5 }, { KEEP }, { DONE }
	SAY32 "OPTICAL: END", NL
	jmp p32_power_off

; the first drive with a packet device's signature; the system's own may be anywhere
find:
	mov word [base], 0x1F0
	call .both
	je .found
	mov word [base], 0x170
	call .both
.found:
	ret
.both:
	mov byte [select], 0xA0
	call .one
	je .found
	mov byte [select], 0xB0
.one:
	DRIVE_OUT 6, [select]
	DRIVE_OUT 0x206, 6
	DRIVE_OUT 0x206, 2
	call ready
	DRIVE_OUT 6, [select]
	DRIVE_IN 4
	mov ah, al
	DRIVE_IN 5
	cmp ax, 0x14EB
	ret

ready:
	push ecx
	mov ecx, 1000000
.wait:
	mov dx, [base]
	add dx, 0x206
	in al, dx
	test al, 0x80
	jz .end
	loop .wait
.end:
	pop ecx
	ret
words:
	mov edi, buffer
	mov ecx, 256
	mov dx, [base]
	rep insw
	jmp ready
packet:
	DRIVE_OUT 6, [select]
	DRIVE_OUT 1, 0
	mov al, cl
	mov dx, [base]
	add dx, 4
	out dx, al
	mov al, ch
	inc edx
	out dx, al
	DRIVE_OUT 7, 0xA0
	call ready
	mov dx, [base]
	mov ecx, 6
	rep outsw
	jmp ready
; EAX: parts << 16 and bytes in all; the last part stays in the buffer
take:
	xor ebp, ebp
.part:
	call ready
	DRIVE_IN 7
	test al, 8
	jz .end
	DRIVE_IN 5
	mov ah, al
	DRIVE_IN 4
	movzx ecx, ax
	lea ebp, [ebp + ecx + 0x10000]
	inc ecx
	shr ecx, 1
	mov edi, buffer
	mov dx, [base]
	rep insw
	jmp .part
.end:
	mov eax, ebp
	ret

section .bss
base	resw 1
select	resb 1
buffer	resb 65536
section .text

GUEST_END
