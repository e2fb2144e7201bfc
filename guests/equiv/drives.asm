; DRIVES: an ATA disk by its registers and by bus master, and the BIOS services that DOS, its extenders and loaders use.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

SECTORS	equ 19				; behind the boot sector
BUFFER	equ 0x2000			; a segment

%include "equiv/boot16.inc"
%include "equiv/ports.inc"

; count, LBA, command
%macro ATA 3
	OUTB 0x1F6, 0xE0 | (%2 >> 24 & 15)
	OUTB 0x1F2, %1
	OUTB 0x1F3, %2 & 255
	OUTB 0x1F4, %2 >> 8 & 255
	OUTB 0x1F5, %2 >> 16 & 255
	OUTB 0x1F7, %3
	call ready
%endmacro
%macro STATUS 0					; status and, if it says so, error
	INB 0x1F7
	and al, 0xF9				; without "corrected" and "index"
	KEEP
	mov ah, al
	INB 0x1F1
	and ah, 1
	neg ah
	and al, ah
	KEEP
%endmacro
%macro TAKE 1					; words of data to BUFFER
	mov cx, BUFFER
	mov es, cx
	xor di, di
	mov cx, %1
	mov dx, 0x1F0
	cld
	rep insw
%endmacro
%macro REGISTERS 0
	INB 0x1F2
	KEEP
	INB 0x1F3
	KEEP
	INB 0x1F4
	KEEP
	INB 0x1F5
	KEEP
%endmacro

main:
	SERIAL_INIT
	SAY "DRIVES: BEGIN", 13, 10
	call disk
	call dma
	call services
	call gate
	SAY "DRIVES: END", 13, 10
	jmp off

; waits until the drive is not busy
ready:
	push ecx
	mov ecx, 1000000
.wait:
	mov dx, 0x3F6
	in al, dx
	test al, 0x80
	jz .end
	dec ecx
	jnz .wait
.end:
	pop ecx
	ret

disk:
	OUTB 0x3F6, 2			; no interrupts
	VALUE "RESET", { cli }, { OUTB 0x3F6, 6 }, { OUTB 0x3F6, 2 }, { call ready }, { STATUS }, { REGISTERS }, { DONE }
	VALUE "RESET STATUS", { cli }, { STATUS }, { INB 0x1F6 }, { KEEP }, { DONE }
	VALUE "IDENTIFY", { cli }, { ATA 0, 0, 0xEC }, { STATUS }, { TAKE 256 }, { STATUS }, { DONE }
	VALUE "CAPABILITIES", { cli }, { mov ax, BUFFER }, { mov es, ax }, { mov ax, [es:49 * 2] }, { and ax, 0x0300 }, { shl eax, 16 }, { mov ax, [es:83 * 2] }, { and ax, 0xC400 }
	VALUE "SIZE", { cli }, { mov ax, BUFFER }, { mov es, ax }, { mov eax, [es:60 * 2] }
	VALUE "GEOMETRY", { cli }, { mov ax, BUFFER }, { mov es, ax }, { mov al, [es:1 * 2] }, { shl eax, 8 }, { mov al, [es:3 * 2] }, { shl eax, 8 }, { mov al, [es:6 * 2] }
	VALUE "SIZE 48", { cli }, { mov ax, BUFFER }, { mov es, ax }, { mov eax, [es:100 * 2] }
	VALUE "GENERAL", { cli }, { mov ax, BUFFER }, { mov es, ax }, { mov ax, [es:0] }, { and ax, 0x8040 }, { shl eax, 16 }, { mov ax, [es:53 * 2] }, { and ax, 6 }
	VALUE "READ", { cli }, { ATA 1, 0, 0x20 }, { STATUS }, { TAKE 256 }, { INB 0x3F6 }, { and al, 0x89 }, { KEEP }, { mov al, [es:511] }, { KEEP }, { DONE }
	VALUE "READ 2", { cli }, { ATA 2, 0, 0x20 }, { TAKE 256 }, { call ready }, { STATUS }, { TAKE 256 }, { call ready }, { STATUS }, { DONE }
	VALUE "READ 32", { cli }, { ATA 1, 0, 0x20 }, { mov dx, 0x1F0 }, { mov cx, 127 }, { call skip }, { in eax, dx }
	VALUE "READ LATE", { cli }, { INB 0x1F7 }, { and al, 0x89 }, { KEEP }, { mov dx, 0x1F0 }, { in ax, dx }, { INB 0x1F7 }, { and al, 0x89 }, { KEEP }, { DONE }
	VALUE "CHS", { cli }, { OUTB 0x1F6, 0xA0 }, { OUTB 0x1F2, 1 }, { OUTB 0x1F3, 1 }, { OUTB 0x1F4, 0 }, { OUTB 0x1F5, 0 }, { OUTB 0x1F7, 0x20 }, { call ready }, { STATUS }, { TAKE 256 }, { mov al, [es:511] }, { KEEP }, { DONE }
	VALUE "CHS SECTOR 0", { cli }, { OUTB 0x1F6, 0xA0 }, { OUTB 0x1F2, 1 }, { OUTB 0x1F3, 0 }, { OUTB 0x1F7, 0x20 }, { call ready }, { INB 0x1F7 }, { and al, 0x89 }
	VALUE "BEYOND", { cli }, { ATA 1, 0xFFFFFFF, 0x20 }, { INB 0x1F7 }, { and al, 0x89 }
	VALUE "SET MULTIPLE 3", { cli }, { ATA 3, 0, 0xC6 }, { STATUS }, { DONE }
	VALUE "SET MULTIPLE 4", { cli }, { ATA 4, 0, 0xC6 }, { STATUS }, { DONE }
	VALUE "READ MULTIPLE", { cli }, { ATA 6, 0, 0xC4 }, { STATUS }, { TAKE 1024 }, { call ready }, { STATUS }, { TAKE 512 }, { call ready }, { INB 0x1F7 }, { and al, 0x89 }, { KEEP }, { DONE }
	VALUE "READ 48", { cli }, { OUTB 0x1F6, 0xE0 }, { OUTB 0x1F2, 0 }, { OUTB 0x1F3, 0 }, { OUTB 0x1F4, 0 }, { OUTB 0x1F5, 0 }, { OUTB 0x1F2, 1 }, { OUTB 0x1F3, 0 }, { OUTB 0x1F4, 0 }, { OUTB 0x1F5, 0 }, { OUTB 0x1F7, 0x24 }, { call ready }, { STATUS }, { TAKE 256 }, { mov al, [es:510] }, { KEEP }, { DONE }
	VALUE "LAST WRITTEN", { cli }, { OUTB 0x1F3, 0x12 }, { OUTB 0x1F3, 0x34 }, { INB 0x1F3 }, { KEEP }, { DONE }
	VALUE "WRITE", { cli }, { ATA 1, 900, 0x30 }, { STATUS }, { mov cx, 256 }, { mov dx, 0x1F0 }, { call put_words }, { call ready }, { STATUS }, { DONE }
	VALUE "WRITTEN", { cli }, { ATA 1, 900, 0x20 }, { TAKE 256 }, { mov ax, BUFFER }, { mov es, ax }, { mov eax, [es:100] }
	VALUE "VERIFY", { cli }, { ATA 8, 0, 0x40 }, { STATUS }, { REGISTERS }, { DONE }
	VALUE "SEEK", { cli }, { ATA 0, 0, 0x70 }, { STATUS }, { DONE }
	VALUE "RECALIBRATE", { cli }, { ATA 0, 0, 0x10 }, { STATUS }, { DONE }
	VALUE "PARAMETERS", { cli }, { OUTB 0x1F6, 0xAF }, { OUTB 0x1F2, 63 }, { OUTB 0x1F7, 0x91 }, { call ready }, { STATUS }, { DONE }
	VALUE "FLUSH", { cli }, { ATA 0, 0, 0xE7 }, { STATUS }, { DONE }
	VALUE "FLUSH 48", { cli }, { ATA 0, 0, 0xEA }, { STATUS }, { DONE }
	VALUE "POWER MODE", { cli }, { ATA 0, 0, 0xE5 }, { STATUS }, { INB 0x1F2 }, { KEEP }, { DONE }
	VALUE "NATIVE MAX", { cli }, { ATA 0, 0, 0xF8 }, { STATUS }, { DONE }
	VALUE "FEATURES XFER", { cli }, { OUTB 0x1F1, 3 }, { ATA 8, 0, 0xEF }, { STATUS }, { DONE }
	VALUE "FEATURES BAD", { cli }, { OUTB 0x1F1, 0x77 }, { ATA 0, 0, 0xEF }, { STATUS }, { DONE }
	VALUE "PACKET", { cli }, { ATA 0, 0, 0xA0 }, { STATUS }, { DONE }
	VALUE "IDENTIFY PACKET", { cli }, { ATA 0, 0, 0xA1 }, { STATUS }, { DONE }
	VALUE "DIAGNOSE", { cli }, { ATA 0, 0, 0x90 }, { INB 0x1F1 }, { KEEP }, { REGISTERS }, { DONE }
	VALUE "SLAVE", { cli }, { OUTB 0x1F6, 0xF0 }, { INB 0x1F7 }, { KEEP }, { OUTB 0x1F7, 0xEC }, { INB 0x1F7 }, { KEEP }, { OUTB 0x1F6, 0xE0 }, { INB 0x1F7 }, { and al, 0xC9 }, { KEEP }, { DONE }
	VALUE "REGISTER KEPT", { cli }, { OUTB 0x1F4, 0x5A }, { INB 0x1F4 }
	; the interrupt: line 14, until the status is read
	VALUE "LINE", { cli }, { OUTB 0x3F6, 0 }, { INB 0x1F7 }, { ATA 1, 0, 0x20 }, { call line }, { KEEP }, { INB 0x3F6 }, { call line }, { KEEP }, { TAKE 256 }, { INB 0x1F7 }, { OUTB 0xA0, 0x0B }, { INB 0xA0 }, { KEEP }, { DONE }
	VALUE "LINE OFF", { cli }, { OUTB 0x3F6, 2 }, { ATA 1, 0, 0x20 }, { TAKE 256 }, { INB 0x1F7 }, { and al, 0xF9 }
	ret
skip:
	in eax, dx
	loop skip
	ret
put_words:
	mov ax, cx
	out dx, ax
	loop put_words
	ret
; AL = 40h: line 14 is requested
line:
	push dx
	mov al, 0x0A
	out 0xA0, al
	jmp $ + 2
	in al, 0xA0
	and al, 0x40
	pop dx
	ret

%macro BM 1
	mov dx, [master]
	add dx, %1
%endmacro
dma:
	OUTB 0x3F6, 0
	PCI 9, 0x20
	and ax, 0xFFF0
	mov [master], ax
	mov eax, 0x80000904
	mov dx, 0xCF8
	out dx, eax
	mov dx, 0xCFC
	in ax, dx
	or ax, 5
	out dx, ax
	mov dword [prd], BUFFER << 4
	mov word [prd + 4], 512
	mov word [prd + 6], 0x8000
	VALUE "BM STATUS", { cli }, { BM 2 }, { mov al, 0x06 }, { out dx, al }, { in al, dx }, { and al, 0x9F }
	VALUE "BM COMMAND", { cli }, { BM 0 }, { mov al, 0x08 }, { out dx, al }, { in al, dx }
	VALUE "BM POINTER", { cli }, { BM 4 }, { mov eax, prd + 3 }, { out dx, eax }, { in eax, dx }, { sub eax, prd }
	VALUE "BM READ", { cli }, { call wipe }, { BM 0 }, { mov al, 8 }, { out dx, al }, { ATA 1, 0, 0xC8 }, { BM 0 }, { mov al, 9 }, { out dx, al }, { call transfer }, { KEEP }, { INB 0x1F7 }, { and al, 0xC9 }, { KEEP }, { mov ax, BUFFER }, { mov es, ax }, { mov al, [es:511] }, { KEEP }, { DONE }
	VALUE "BM STOP", { cli }, { BM 0 }, { mov al, 0 }, { out dx, al }, { BM 2 }, { in al, dx }, { and al, 0x9F }, { KEEP }, { mov al, 6 }, { out dx, al }, { in al, dx }, { and al, 0x9F }, { KEEP }, { DONE }
	VALUE "BM WRITE", { cli }, { BM 0 }, { xor al, al }, { out dx, al }, { ATA 1, 901, 0xCA }, { BM 0 }, { mov al, 1 }, { out dx, al }, { call transfer }, { KEEP }, { BM 0 }, { mov al, 0 }, { out dx, al }, { ATA 1, 901, 0x20 }, { TAKE 256 }, { mov al, [es:510] }, { KEEP }, { DONE }
	ret
wipe:
	mov ax, BUFFER
	mov es, ax
	xor di, di
	mov cx, 256
	xor ax, ax
	rep stosw
	ret
; until the interrupt bit is there; AL = status
transfer:
	mov ecx, 100000
.wait:
	BM 2
	in al, dx
	test al, 4
	jnz .end
	dec ecx
	jnz .wait
.end:
	and al, 0x9F
	ret

services:
	VALUE "INT 13 15 FLOPPY", { mov ah, 0x15 }, { mov dl, 0x7F }, { int 0x13 }, { setc al }, { movzx eax, al }
	VALUE "INT 13 08 HEADS", { mov ah, 8 }, { mov dl, 0x80 }, { int 0x13 }, { mov ax, dx }, { mov al, cl }, { and al, 0x3F }
	VALUE "INT 13 48", { mov ah, 0x48 }, { mov dl, 0x80 }, { mov si, 0xB000 }, { mov word [si], 26 }, { int 0x13 }, { mov eax, [0xB010] }
	VALUE "INT 13 48 BYTES", { movzx eax, word [0xB018] }
	VALUE "INT 13 43", { mov ax, 0x4300 }, { mov dl, 0x80 }, { mov word [packet + 2], 1 }, { mov word [packet + 4], 0 }, { mov word [packet + 6], BUFFER }, { mov dword [packet + 8], 950 }, { mov si, packet }, { int 0x13 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "INT 13 03", { mov ax, BUFFER }, { mov es, ax }, { mov dword [es:0], 0xCAFEF00D }, { mov ax, 0x0301 }, { mov cx, 5 }, { mov dx, 0x0180 }, { xor bx, bx }, { int 0x13 }, { CARRY }
	VALUE "INT 13 02 BACK", { mov ax, BUFFER }, { mov es, ax }, { mov dword [es:0], 0 }, { mov ax, 0x0201 }, { mov cx, 5 }, { mov dx, 0x0180 }, { xor bx, bx }, { int 0x13 }, { mov eax, [es:0] }
	VALUE "INT 13 04", { mov ax, 0x0404 }, { mov cx, 1 }, { mov dx, 0x0080 }, { int 0x13 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "INT 13 01", { mov ah, 1 }, { mov dl, 0x80 }, { int 0x13 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "INT 13 10", { mov ah, 0x10 }, { mov dl, 0x80 }, { int 0x13 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "INT 13 MANY", { mov ax, 0x0220 }, { mov cx, 1 }, { mov dx, 0x0080 }, { mov bx, BUFFER }, { mov es, bx }, { xor bx, bx }, { int 0x13 }, { CARRY }
	VALUE "INT 13 4B", { mov ax, 0x4B01 }, { mov dl, 0x80 }, { mov si, 0xB000 }, { int 0x13 }, { setc al }, { movzx eax, al }
	VALUE "INT 15 4F", { mov ax, 0x4F1E }, { stc }, { int 0x15 }, { setc al }, { movzx eax, al }
	VALUE "INT 15 53", { mov ax, 0x5300 }, { xor bx, bx }, { int 0x15 }, { setc al }, { movzx eax, al }
	VALUE "INT 15 E820 ALL", { call map_sum }
	VALUE "INT 15 C1", { mov ah, 0xC1 }, { int 0x15 }, { setc al }, { movzx eax, al }
	VALUE "INT 16 12", { mov ah, 0x12 }, { int 0x16 }
	VALUE "INT 16 05 TWO", { mov ax, 0x0500 }, { mov cx, 0x1E61 }, { int 0x16 }, { mov ax, 0x0500 }, { mov cx, 0x3062 }, { int 0x16 }, { mov ah, 0x11 }, { int 0x16 }, { mov bx, ax }, { mov ah, 0x10 }, { int 0x16 }, { mov ah, 0x10 }, { int 0x16 }, { shl eax, 16 }, { mov ax, bx }
	VALUE "INT 1A 01", { mov ah, 1 }, { mov cx, 0x10 }, { mov dx, 0 }, { int 0x1A }, { mov ah, 0 }, { int 0x1A }, { mov ax, cx }
	VALUE "INT 1A 03", { mov ah, 4 }, { int 0x1A }, { movzx eax, ch }
	VALUE "INT 10 MODE 6", { mov ax, 6 }, { int 0x10 }, { mov ax, 0xB800 }, { mov es, ax }, { mov byte [es:5], 0x5A }, { mov al, [es:5] }
	VALUE "INT 10 MODE D", { mov ax, 0x0D }, { int 0x10 }, { mov ax, 0x0C0A }, { mov cx, 9 }, { mov dx, 9 }, { int 0x10 }, { mov ah, 0x0D }, { mov cx, 9 }, { mov dx, 9 }, { int 0x10 }, { movzx eax, al }
	VALUE "INT 10 DAC", { mov ax, 0x1010 }, { mov bx, 7 }, { mov cx, 0x2010 }, { mov dh, 0x30 }, { int 0x10 }, { mov ax, 0x1015 }, { mov bx, 7 }, { int 0x10 }, { mov ax, cx }, { shl eax, 8 }, { mov al, dh }
	VALUE "INT 10 PALETTE", { mov ax, 0x1000 }, { mov bx, 0x2503 }, { int 0x10 }, { mov ax, 0x1007 }, { mov bx, 3 }, { int 0x10 }, { movzx eax, bh }
	VALUE "INT 10 MODE 3", { mov ax, 3 }, { int 0x10 }, { mov ax, 0x1112 }, { mov bl, 0 }, { int 0x10 }, { mov al, [0x484] }, { KEEP }, { mov al, [0x485] }, { KEEP }, { mov ax, 3 }, { int 0x10 }, { DONE }
	VALUE "INT 10 FONT", { mov ax, 0x1130 }, { mov bh, 6 }, { int 0x10 }, { mov ax, [es:bp + 65 * 16 + 4] }
	VALUE "INT 10 BLINK", { mov ax, 0x1003 }, { xor bx, bx }, { int 0x10 }, { mov dx, 0x3DA }, { in al, dx }, { OUTB 0x3C0, 0x30 }, { INB 0x3C1 }, { and eax, 8 }
	VALUE "INT 10 PAGE", { mov ax, 0x0501 }, { int 0x10 }, { mov al, [0x462] }, { KEEP }, { mov ax, 0x0500 }, { int 0x10 }, { DONE }
	VALUE "INT 10 CURSOR", { mov ah, 1 }, { mov cx, 0x2000 }, { int 0x10 }, { mov ax, [0x460] }
	VALUE "INT 10 4F02", { mov ax, 0x4F02 }, { mov bx, 0x0101 }, { int 0x10 }, { mov cx, ax }, { mov ax, 0x4F03 }, { int 0x10 }, { mov ax, bx }, { shl eax, 16 }, { mov ax, cx }
	VALUE "INT 10 4F05", { mov ax, 0x4F05 }, { xor bx, bx }, { mov dx, 2 }, { int 0x10 }, { mov cx, ax }, { mov ax, 0xA000 }, { mov es, ax }, { mov word [es:0x1234], 0x5678 }, { mov ax, [es:0x1234] }, { shl eax, 16 }, { mov ax, cx }
	VALUE "INT 10 4F06", { mov ax, 0x4F06 }, { mov bl, 1 }, { int 0x10 }, { shl eax, 16 }, { mov ax, bx }
	VALUE "INT 10 4F BACK", { mov ax, 3 }, { int 0x10 }, { mov ax, 0x4F03 }, { int 0x10 }, { mov ax, bx }
	ret
; EAX: kinds and count of the map's entries below 1 MiB, as far as they are storage
map_sum:
	xor ebx, ebx
	xor ebp, ebp
.next:
	mov eax, 0xE820
	mov edx, 0x534D4150
	mov ecx, 20
	mov di, 0xB000
	int 0x15
	jc .end
	cmp dword [0xB010], 1
	jne .other
	cmp dword [0xB000], 0x100000
	jne .other
	inc ebp
.other:
	test ebx, ebx
	jnz .next
.end:
	mov eax, ebp
	ret

; A20: does 0000:0500 show at FFFF:0510?
alias:
	mov ax, 0xFFFF
	mov es, ax
	mov word [0x500], 0x1234
	mov word [es:0x510], 0x5678
	mov ax, [0x500]
	ret
gate:
	VALUE "A20 ON", { call alias }
	VALUE "A20 INT 15 2403", { mov ax, 0x2403 }, { int 0x15 }, { setc bh }, { and bx, 0x0103 }, { shl ebx, 16 }, { mov bl, ah }, { mov eax, ebx }
	VALUE "A20 INT 15 2400", { mov ax, 0x2400 }, { int 0x15 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "A20 OFF", { call alias }
	VALUE "A20 INT 15 2402 OFF", { mov ax, 0x2402 }, { int 0x15 }, { CARRY }
	VALUE "A20 INT 15 2401", { mov ax, 0x2401 }, { int 0x15 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "A20 ON AGAIN", { call alias }
	VALUE "A20 PORT 92 OFF", { in al, 0x92 }, { and al, 0xFC }, { out 0x92, al }, { call alias }
	VALUE "A20 HIGH CODE", { mov byte [0x520], 0xCB }, { call 0xFFFF:0x530 }, { mov al, 7 }
	VALUE "A20 PORT 92 ON", { in al, 0x92 }, { or al, 2 }, { and al, 0xFE }, { out 0x92, al }, { call alias }
	VALUE "A20 8042 OFF", { mov ah, 0xDD }, { call output_port }, { call alias }
	VALUE "A20 8042 READ", { in al, 0x92 }, { and al, 2 }
	VALUE "A20 87", { mov si, move_table }, { mov cx, 2 }, { mov ah, 0x87 }, { int 0x15 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "A20 8042 ON", { mov ah, 0xDF }, { call output_port }, { call alias }
	VALUE "A20 COMMAND OFF", { call input_free }, { mov al, 0xDD }, { out 0x64, al }, { call input_free }, { call alias }
	VALUE "A20 COMMAND ON", { call input_free }, { mov al, 0xDF }, { out 0x64, al }, { call input_free }, { call alias }
	ret
output_port:
	cli
	call input_free
	mov al, 0xD1
	out 0x64, al
	call input_free
	mov al, ah
	out 0x60, al
	call input_free
	sti
	ret
input_free:
	in al, 0x64
	test al, 2
	jnz input_free
	ret

align 8
move_table:
	MOVE_TABLE 0xB100
prd:	dq 0
master	dw 0

BOOT_END
