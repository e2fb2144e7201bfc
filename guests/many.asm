; MANY: a small system on a disk, for many machines at once that all have the same disk: each writes and sees its own copy.
; Part in the monitor: a guest; its only means are the BIOS: INT 10h, 13h and 16h, and DIAGNOSE 0 for its user's name.
;
; It says MANY: FRESH if the disk is as it was made, fills some sectors with its own name and reads them back. Then it answers
; each typed line with what the disk says: whose it is, and how many lines have been heard; and with the BIOS' clock.

%include "lib/bios.inc"

PROGRAM_SECTORS	equ 4
OWN_SECTOR	equ 64			; the user's name and the count of lines
FILLED_SECTORS	equ 24			; behind it: three blocks of 4 KiB, with the name and the sector's own number
DISK_SECTORS	equ 2048
BUFFER		equ 0x1000
LINE		equ 0x0600
LINE_LENGTH	equ 40

	BOOT_SECTOR
	sti
	mov [drive], dl
	mov word [packet.count], PROGRAM_SECTORS
	mov word [packet.buffer], program
	mov dword [packet.sector], 1
	mov ah, 0x42
	call disk
	jmp program

; INT 13h with function AH and the packet; a disk that fails ends it all
disk:
	mov si, packet
	mov dl, [drive]
	int 0x13
	jc .bad
	ret
.bad:
	mov si, text_disk
	call bios_print
.stop:
	hlt
	jmp .stop

	BIOS_PRINT

text_disk	db "MANY: INT 13H FAILED", 13, 10, 0
drive		db 0
align 4, db 0
packet		db 16, 0
.count		dw 1
.buffer		dw BUFFER, 0
.sector		dq 0

	BOOT_SECTOR_END

program:
	; who this is: DIAGNOSE 0 under VM/64, else nobody
	mov dword [name], "BARE"
	mov eax, 1
	cpuid
	test ecx, ecx
	jns .named
	xor eax, eax
	vmcall
	mov [name], ecx			; so in real mode a name has four letters
.named:
	call read_own
	cmp dword [BUFFER], 0
	jne .used
	cmp dword [BUFFER + 4], 0
	jne .used
	mov si, text_fresh
	call bios_print
.used:
	mov eax, [name]
	mov [BUFFER], eax
	mov dword [BUFFER + 4], 0
	call write_own
	call fill
	mov si, text_wrong
	call bios_print
	movzx eax, word [wrong]
	call decimal
	mov si, text_ready
	call bios_print
.line:
	call read_line
	call read_own
	inc dword [BUFFER + 4]
	call write_own
	mov dword [BUFFER], -1
	call read_own
	mov eax, [BUFFER]
	mov [owner], eax
	mov si, text_many
	call bios_print
	mov si, owner
	call bios_print
	mov si, text_heard
	call bios_print
	mov si, LINE
	call bios_print
	mov si, text_count
	call bios_print
	mov eax, [BUFFER + 4]
	call decimal
	mov si, text_clock
	call bios_print
	mov eax, [0x46C]			; the BIOS' count of timer interrupts
	call decimal
	mov si, text_newline
	call bios_print
	jmp .line

read_own:
	mov ah, 0x42
	jmp own
write_own:
	mov ax, 0x4300
own:
	mov dword [packet.sector], OWN_SECTOR
	mov word [packet.count], 1
	mov word [packet.buffer], BUFFER
	jmp disk

; writes the filled sectors, one at a time and from the last to the first, then reads all of them at once; counts what is wrong
fill:
	mov ebp, OWN_SECTOR + FILLED_SECTORS
	mov word [packet.count], 1
	mov word [packet.buffer], BUFFER
.sector:
	mov di, BUFFER
	mov cx, 512 / 8
.words:
	mov eax, [name]
	stosd
	mov eax, ebp
	stosd
	loop .words
	mov [packet.sector], ebp
	mov ax, 0x4300
	call disk
	dec ebp
	cmp ebp, OWN_SECTOR
	ja .sector
	mov dword [packet.sector], OWN_SECTOR + 1
	mov word [packet.count], FILLED_SECTORS
	mov ah, 0x42
	call disk
	mov ebp, OWN_SECTOR + 1
	mov si, BUFFER
.check:
	mov cx, 512 / 8
.compare:
	lodsd
	cmp eax, [name]
	jne .bad
	lodsd
	cmp eax, ebp
	je .good
	sub si, 4
.bad:
	inc word [wrong]
	add si, 4
.good:
	loop .compare
	inc ebp
	cmp ebp, OWN_SECTOR + FILLED_SECTORS
	jbe .check
	ret

; reads a line from the keyboard into LINE, a string
read_line:
	mov di, LINE
.key:
	mov ah, 0
	int 0x16
	cmp al, 13
	je .end
	cmp al, ' '
	jb .key
	cmp di, LINE + LINE_LENGTH
	jae .key
	stosb
	jmp .key
.end:
	mov al, 0
	stosb
	ret

; prints EAX as a decimal number
decimal:
	mov di, digits.end
.digit:
	xor edx, edx
	mov ecx, 10
	div ecx
	add dl, '0'
	dec di
	mov [di], dl
	test eax, eax
	jnz .digit
	mov si, di
	jmp bios_print

text_fresh	db "MANY: FRESH", 13, 10, 0
text_wrong	db "MANY: WRONG ", 0
text_ready	db 13, 10, "MANY: TYPE A LINE", 13, 10, 0
text_many	db "MANY: DISK OF ", 0
text_heard	db " HEARD ", 0
text_count	db ", COUNT ", 0
text_clock	db ", CLOCK ", 0
text_newline	db 13, 10, 0
digits		db "0000000000"
.end		db 0
wrong		dw 0
align 4, db 0
name		dd 0
owner		dd 0, 0

	times (1 + PROGRAM_SECTORS) * 512 - ($ - $$) db 0
	times DISK_SECTORS * 512 - ($ - $$) db 0
