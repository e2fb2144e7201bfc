; BIOS: a boot sector and what it asks of the BIOS, in real mode; a disk image of one cylinder or more.
; Part in the monitor: a guest; a PC's boot sector finds these services whoever wrote the firmware.

SECTORS	equ 15				; behind the boot sector
BUFFER	equ 0x2000			; a segment

%include "equiv/boot16.inc"

main:
	SERIAL_INIT
	SAY "BIOS: BEGIN", 13, 10
	VALUE "DRIVE", { mov al, [drive] }
	VALUE "CR0", { mov eax, cr0 }, { and eax, 0x8000000F }
	VALUE "CS IP", { mov ax, cs }
	mov ax, 3
	int 0x10
	VALUE "INT 11", { int 0x11 }, { and ax, 0x0030 }
	VALUE "INT 12", { int 0x12 }, { sub ax, 630 }, { cmp ax, 11 }, { mov ax, 0 }, { setb al }
	VALUE "INT 10 0F", { mov ah, 0x0F }, { int 0x10 }, { shl ebx, 16 }, { movzx eax, ax }, { or eax, ebx }, { and eax, 0xFF00FFFF }
	VALUE "INT 10 02 03", { mov ah, 2 }, { mov dx, 0x0405 }, { int 0x10 }, { mov ah, 3 }, { xor bx, bx }, { int 0x10 }, { mov ax, cx }, { shl eax, 16 }, { mov ax, dx }
	VALUE "INT 10 0E", { mov ax, 0x0E41 }, { mov bx, 7 }, { int 0x10 }, { mov ax, 0xB800 }, { mov es, ax }, { mov ax, [es:(4 * 80 + 5) * 2] }
	VALUE "INT 10 09", { mov ax, 0x0958 }, { mov bx, 0x1E }, { mov cx, 3 }, { int 0x10 }, { mov ax, 0xB800 }, { mov es, ax }, { mov eax, [es:(4 * 80 + 7) * 2] }
	VALUE "INT 10 08", { mov ah, 8 }, { int 0x10 }
	VALUE "INT 10 13", { mov ax, 0x1301 }, { mov bx, 0x17 }, { mov cx, 5 }, { mov dx, 0x0A00 }, { mov bp, text }, { int 0x10 }, { mov ax, 0xB800 }, { mov es, ax }, { mov eax, [es:10 * 160] }
	VALUE "INT 10 06", { mov ax, 0x0601 }, { mov bh, 7 }, { mov dx, 0x184F }, { int 0x10 }, { mov ax, 0xB800 }, { mov es, ax }, { mov eax, [es:9 * 160] }
	VALUE "INT 10 MODE 13", { mov ax, 0x13 }, { int 0x10 }, { mov ax, 0xA000 }, { mov es, ax }, { mov dword [es:320 * 100], 0x12345678 }, { mov eax, [es:320 * 100] }, { mov edx, eax }, { mov ah, 0x0F }, { int 0x10 }, { shl eax, 16 }, { mov ax, dx }
	VALUE "INT 10 0C 0D", { mov ax, 0x0C2A }, { mov cx, 100 }, { mov dx, 50 }, { int 0x10 }, { mov ax, 0x0D00 }, { mov cx, 100 }, { mov dx, 50 }, { int 0x10 }, { movzx eax, al }
	VALUE "INT 10 MODE 12", { mov ax, 0x12 }, { int 0x10 }, { mov ax, 0x0C05 }, { mov cx, 333 }, { mov dx, 222 }, { int 0x10 }, { mov ax, 0x0D00 }, { mov cx, 333 }, { mov dx, 222 }, { int 0x10 }, { movzx eax, al }
	VALUE "INT 10 MODE 3", { mov ax, 3 }, { int 0x10 }, { mov ah, 0x0F }, { int 0x10 }
	VALUE "INT 10 4F00", { mov ax, 0x4F00 }, { mov di, 0xA000 }, { mov dword [di], "VBE2" }, { int 0x10 }, { shl eax, 16 }, { mov ax, [0xA000] }
	VALUE "VBE SIGNATURE", { mov eax, [0xA000] }
	VALUE "INT 10 4F01", { mov ax, 0x4F01 }, { mov cx, 0x112 }, { mov di, 0xA000 }, { int 0x10 }, { shl eax, 16 }, { mov ax, [0xA012] }
	VALUE "INT 10 1A", { mov ax, 0x1A00 }, { int 0x10 }, { shl eax, 16 }, { mov ax, bx }
	VALUE "INT 13 00", { xor ah, ah }, { mov dl, [drive] }, { int 0x13 }, { CARRY }
	VALUE "INT 13 41", { mov ah, 0x41 }, { mov bx, 0x55AA }, { mov dl, [drive] }, { int 0x13 }, { mov eax, ebx }, { CARRY }
	VALUE "INT 13 02", { mov ax, 0x0201 }, { mov cx, 1 }, { mov dh, 0 }, { mov dl, [drive] }, { mov bx, BUFFER }, { mov es, bx }, { xor bx, bx }, { int 0x13 }, { CARRY }
	VALUE "INT 13 READ", { mov ax, BUFFER }, { mov es, ax }, { movzx eax, word [es:510] }
	VALUE "INT 13 BAD", { mov ax, 0x0201 }, { mov cx, 0 }, { mov dl, [drive] }, { mov bx, 0xA000 }, { int 0x13 }, { CARRY }, { and eax, 0x80000000 }
	VALUE "INT 13 NO DRIVE", { mov ax, 0x0201 }, { mov cx, 1 }, { mov dl, 0x99 }, { mov bx, 0xA000 }, { int 0x13 }, { CARRY }, { and eax, 0x80000000 }
	VALUE "INT 13 42 FAR", { mov ah, 0x42 }, { mov dl, [drive] }, { mov word [packet + 2], 1 }, { mov word [packet + 4], 0 }, { mov word [packet + 6], BUFFER }, { mov dword [packet + 8], 0x7FFFFFFF }, { mov si, packet }, { int 0x13 }, { CARRY }, { and eax, 0x80000000 }
	VALUE "INT 13 08", { mov ah, 8 }, { mov dl, [drive] }, { xor di, di }, { mov es, di }, { int 0x13 }, { movzx eax, dl }
	VALUE "INT 13 15", { mov ah, 0x15 }, { mov dl, [drive] }, { int 0x13 }, { mov al, 0 }, { CARRY }
	VALUE "INT 15 88", { mov ah, 0x88 }, { int 0x15 }, { setc al }, { movzx eax, al }
	VALUE "INT 15 E801", { mov ax, 0xE801 }, { int 0x15 }, { setc al }, { movzx eax, al }
	VALUE "INT 15 E820", { mov eax, 0xE820 }, { mov edx, 0x534D4150 }, { mov ecx, 24 }, { mov di, 0xA000 }, { int 0x15 }, { cmp eax, 0x534D4150 }, { mov eax, [0xA010] }
	VALUE "E820 FIRST", { mov eax, [0xA000] }
	VALUE "INT 15 E820 BAD", { mov eax, 0xE820 }, { mov ecx, 24 }, { mov di, 0xA000 }, { int 0x15 }, { CARRY }, { and eax, 0x80000000 }
	VALUE "INT 15 2402", { mov ax, 0x2402 }, { int 0x15 }, { CARRY }
	VALUE "INT 15 2401", { mov ax, 0x2401 }, { int 0x15 }, { CARRY }
	VALUE "INT 15 C0", { mov ah, 0xC0 }, { int 0x15 }, { mov al, [es:bx + 2] }, { CARRY }
	VALUE "INT 15 87", { mov si, move_table }, { mov cx, 8 }, { mov ah, 0x87 }, { int 0x15 }, { CARRY }, { mov ebx, [0xA100] }, { shl eax, 16 }, { mov ax, bx }
	VALUE "INT 15 NONE", { mov ax, 0x7777 }, { int 0x15 }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "INT 15 86", { mov ah, 0x86 }, { mov cx, 0 }, { mov dx, 5000 }, { int 0x15 }, { setc al }, { movzx eax, al }
	VALUE "INT 16 01", { mov ah, 1 }, { int 0x16 }, { mov ax, 0 }, { setz al }
	VALUE "INT 16 02", { mov ah, 2 }, { int 0x16 }, { movzx eax, al }
	VALUE "INT 16 05", { mov ax, 0x0500 }, { mov cx, 0x1E61 }, { int 0x16 }, { mov ah, 0 }, { int 0x16 }
	VALUE "INT 1A 00", { mov ah, 0 }, { int 0x1A }, { mov bx, dx }, { sti }, { mov cx, 60000 }, { call ticks }
	VALUE "INT 1A 02", { mov ah, 2 }, { int 0x1A }, { setc al }, { movzx eax, al }
	VALUE "INT 1A B101", { mov ax, 0xB101 }, { int 0x1A }, { mov eax, edx }
	VALUE "INT 1A B102", { mov ax, 0xB102 }, { xor si, si }, { mov cx, 0x7000 }, { mov dx, 0x8086 }, { int 0x1A }, { CARRY }, { and eax, 0x8000FF00 }
	VALUE "INT 1A B10A", { mov ax, 0xB10A }, { mov bx, 8 }, { mov di, 0 }, { int 0x1A }, { mov eax, ecx }
	VALUE "INT 14 03", { mov ah, 3 }, { mov dx, 0 }, { int 0x14 }, { and ax, 0x6000 }
	VALUE "INT 17", { mov ah, 2 }, { mov dx, 0 }, { int 0x17 }, { xor eax, eax }
	VALUE "BDA EBDA", { mov ax, [0x40E] }, { shr ax, 12 }
	VALUE "BDA 463", { movzx eax, word [0x463] }
	VALUE "BDA 475", { movzx eax, byte [0x475] }
	VALUE "PIC MASK", { in al, 0x21 }, { and al, 0x07 }
	VALUE "PNP", { call find_pnp }
	VALUE "UNREAL", { call unreal }
	SAY "BIOS: END", 13, 10
	jmp off

; EAX = 1 when the tick count of the BIOS data area moves from BX within a second or so
ticks:
	mov si, 200
.again:
	mov cx, 60000
.next:
	in al, 0x61
	cmp [0x46C], bx
	jne .yes
	loop .next
	dec si
	jnz .again
	xor eax, eax
	ret
.yes:
	mov eax, 1
	ret

find_pnp:
	mov ax, 0xF000
	mov es, ax
	xor di, di
.next:
	cmp dword [es:di], "$PnP"
	je .yes
	add di, 16
	jnz .next
	xor eax, eax
	ret
.yes:
	mov eax, 1
	ret

; data segments of 4 GiB in real mode, as boot loaders have them
unreal:
	cli
	lgdt [flat_pointer]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	mov bx, 8
	mov fs, bx
	and al, 0xFE
	mov cr0, eax
	xor bx, bx
	mov fs, bx
	mov ebx, 0x200000
	mov dword [fs:ebx], 0xCAFE1234
	mov eax, [fs:ebx]
	; still there after a call of the BIOS
	sti
	push eax
	mov ah, 2
	int 0x16
	pop eax
	ret

align 8
move_table:
	MOVE_TABLE 0xA100
flat:
	dq 0
	dq 0x00CF92000000FFFF
flat_pointer:
	dw 15
	dd flat
text	db "HELLO"

BOOT_END
