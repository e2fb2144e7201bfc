; VIDEO: the VGA's registers and planes in the modes programs set by hand: text, 13h, unchained, 12h, CGA's; and Bochs' VBE.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "VIDEO"
%include "equiv/values32.inc"

%macro REG 3					; index port, index, value
	OUTB %1, %2
	OUTB %1 + 1, %3
%endmacro
%macro GET 2
	OUTB %1, %2
	INB %1 + 1
	KEEP
%endmacro
%macro SEQ 2
	REG 0x3C4, %1, %2
%endmacro
%macro GFX 2
	REG 0x3CE, %1, %2
%endmacro
%macro PLANE 1					; the byte at EDI of this plane
	GFX 4, %1
	mov al, [edi]
	KEEP
%endmacro
%macro PLANES 0
	PLANE 3
	PLANE 2
	PLANE 1
	PLANE 0
	DONE
%endmacro
%macro VBE 2					; index, value
	mov dx, 0x1CE
	mov ax, %1
	out dx, ax
	inc dx
	mov ax, %2
	out dx, ax
%endmacro
%macro VBE_GET 1
	mov dx, 0x1CE
	mov ax, %1
	out dx, ax
	inc dx
	in ax, dx
	movzx eax, ax
%endmacro

main32:
	call values_init
	SAY32 "VIDEO: BEGIN", NL
	call registers
	mov esi, mode12
	call set_mode
	call planes
	mov esi, mode12
	call set_mode
	call clear
	mov esi, mode13
	call set_mode
	call chained
	call unchained
	mov esi, mode12
	call set_mode
	call clear
	mov esi, mode4
	call set_mode
	call interleaved
	mov esi, mode12
	call set_mode
	call clear
	mov esi, mode3
	call set_mode
	call text
	call vbe
	mov esi, mode3
	call set_mode
	SAY32 "VIDEO: END", NL
	jmp p32_power_off

%include "equiv/vga_mode.inc"

; what the window shows in this mode
clear:
	mov edi, 0xA0000
	mov ecx, 0x8000
	xor eax, eax
	rep stosd
	ret

registers:
	VALUE "FLIP FLOP", { INB 0x3DA }, { OUTB 0x3C0, 0x31 }, { OUTB 0x3C0, 0x15 }, { OUTB 0x3C0, 0x32 }, { INB 0x3DA }, { INB 0x3C0 }, { KEEP }, { OUTB 0x3C0, 0x31 }, { INB 0x3C1 }, { KEEP }, { DONE }
	VALUE "ATTRIBUTE LOCKED", { INB 0x3DA }, { OUTB 0x3C0, 0x21 }, { OUTB 0x3C0, 0x3F }, { OUTB 0x3C0, 0x21 }, { INB 0x3C1 }
	VALUE "ATTRIBUTE BITS", { INB 0x3DA }, { OUTB 0x3C0, 0x33 }, { OUTB 0x3C0, 0xFF }, { OUTB 0x3C0, 0x33 }, { INB 0x3C1 }, { KEEP }, { INB 0x3DA }, { OUTB 0x3C0, 0x20 }, { DONE }
	VALUE "SEQUENCER RESET", { SEQ 0, 1 }, { GET 0x3C4, 0 }, { SEQ 0, 3 }, { GET 0x3C4, 0 }, { DONE }
	VALUE "SEQUENCER BITS", { SEQ 2, 0xFF }, { GET 0x3C4, 2 }, { SEQ 3, 0xFF }, { GET 0x3C4, 3 }, { SEQ 3, 0 }, { SEQ 4, 0xFF }, { GET 0x3C4, 4 }, { SEQ 4, 2 }, { SEQ 2, 3 }, { DONE }
	VALUE "GRAPHICS BITS", { GFX 0, 0xFF }, { GET 0x3CE, 0 }, { GFX 0, 0 }, { GFX 3, 0xFF }, { GET 0x3CE, 3 }, { GFX 3, 0 }, { GFX 4, 0xFF }, { GET 0x3CE, 4 }, { GFX 4, 0 }, { GFX 7, 0xFF }, { GET 0x3CE, 7 }, { DONE }
	VALUE "CRTC PROTECT", { GET 0x3D4, 0x11 }, { and ebx, 0x80 }, { REG 0x3D4, 0x11, 0x8E }, { REG 0x3D4, 0, 0x11 }, { GET 0x3D4, 0 }, { REG 0x3D4, 7, 0xFF }, { GET 0x3D4, 7 }, { REG 0x3D4, 7, 0x1F }, { DONE }
	VALUE "CRTC FREE", { REG 0x3D4, 0x11, 0x0E }, { REG 0x3D4, 0, 0x5A }, { GET 0x3D4, 0 }, { REG 0x3D4, 0, 0x5F }, { DONE }
	VALUE "MISC READ", { INB 0x3CC }, { KEEP }, { INB 0x3CA }, { KEEP }, { DONE }
	VALUE "MONO PORTS", { INB 0x3B4 }, { KEEP }, { INB 0x3B5 }, { KEEP }, { DONE }
	VALUE "MISC MONO", { OUTB 0x3C2, 0x66 }, { INB 0x3D4 }, { KEEP }, { REG 0x3B4, 0x0F, 0x23 }, { GET 0x3B4, 0x0F }, { OUTB 0x3C2, 0x67 }, { DONE }
	VALUE "DAC STATE", { OUTB 0x3C7, 1 }, { INB 0x3C7 }, { KEEP }, { OUTB 0x3C8, 1 }, { INB 0x3C7 }, { KEEP }, { DONE }
	VALUE "DAC PARTIAL", { OUTB 0x3C8, 0x40 }, { OUTB 0x3C9, 1 }, { OUTB 0x3C9, 2 }, { OUTB 0x3C8, 0x40 }, { OUTB 0x3C9, 5 }, { OUTB 0x3C9, 6 }, { OUTB 0x3C9, 7 }, { INB 0x3C8 }, { KEEP }, { OUTB 0x3C7, 0x40 }, { INB 0x3C9 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { DONE }
	VALUE "DAC WRAP", { OUTB 0x3C8, 0xFF }, { OUTB 0x3C9, 1 }, { OUTB 0x3C9, 2 }, { OUTB 0x3C9, 3 }, { INB 0x3C8 }, { KEEP }, { OUTB 0x3C7, 0xFF }, { INB 0x3C9 }, { INB 0x3C9 }, { INB 0x3C9 }, { INB 0x3C8 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { DONE }
	VALUE "DAC BITS", { OUTB 0x3C8, 9 }, { OUTB 0x3C9, 0x3E }, { OUTB 0x3C9, 0x20 }, { OUTB 0x3C9, 0x3F }, { OUTB 0x3C7, 9 }, { INB 0x3C9 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { INB 0x3C9 }, { KEEP }, { DONE }
	VALUE "DAC MASK", { OUTB 0x3C6, 0x0F }, { INB 0x3C6 }, { KEEP }, { OUTB 0x3C6, 0xFF }, { DONE }
	VALUE "WORD INDEX", { mov dx, 0x3C4 }, { mov ax, 0x0F02 }, { out dx, ax }, { GET 0x3C4, 2 }, { SEQ 2, 3 }, { DONE }
	VALUE "WORD READ", { OUTB 0x3D4, 0x0F }, { OUTB 0x3D5, 0x12 }, { mov dx, 0x3D4 }, { in ax, dx }, { movzx eax, ax }
	ret

; 640 x 480, 16 colours
planes:
	call clear
	mov edi, 0xA0000
	VALUE "12 WRITE 0", { SEQ 2, 15 }, { mov byte [edi], 0xA5 }, { PLANES }
	VALUE "12 MAP MASK", { SEQ 2, 5 }, { mov byte [edi], 0x3C }, { SEQ 2, 15 }, { PLANES }
	VALUE "12 BIT MASK", { GFX 8, 0x0F }, { mov al, [edi] }, { mov byte [edi], 0xFF }, { GFX 8, 0xFF }, { PLANES }
	VALUE "12 LATCHES", { GFX 8, 0 }, { mov al, [edi] }, { mov byte [edi + 80], 0x77 }, { GFX 8, 0xFF }, { add edi, 80 }, { PLANES }
	mov edi, 0xA0000
	VALUE "12 SET RESET", { GFX 0, 9 }, { GFX 1, 3 }, { mov byte [edi], 0x5A }, { GFX 1, 0 }, { PLANES }
	VALUE "12 AND", { GFX 3, 0x08 }, { mov al, [edi] }, { mov byte [edi], 0x0F }, { GFX 3, 0 }, { PLANES }
	VALUE "12 OR", { GFX 3, 0x10 }, { mov al, [edi] }, { mov byte [edi], 0x81 }, { GFX 3, 0 }, { PLANES }
	VALUE "12 XOR ROTATE", { GFX 3, 0x1B }, { mov al, [edi] }, { mov byte [edi], 0x81 }, { GFX 3, 0 }, { PLANES }
	VALUE "12 WRITE 1", { GFX 5, 1 }, { mov al, [edi] }, { mov byte [edi + 1], 0 }, { GFX 5, 0 }, { inc edi }, { PLANES }
	mov edi, 0xA0000
	VALUE "12 WRITE 2", { GFX 5, 2 }, { GFX 8, 0x3C }, { mov al, [edi] }, { mov byte [edi], 6 }, { GFX 5, 0 }, { GFX 8, 0xFF }, { PLANES }
	VALUE "12 WRITE 3", { GFX 5, 3 }, { GFX 0, 0x0A }, { GFX 3, 2 }, { GFX 8, 0x3F }, { mov al, [edi] }, { mov byte [edi], 0xC3 }, { GFX 5, 0 }, { GFX 8, 0xFF }, { GFX 3, 0 }, { PLANES }
	call clear
	mov edi, 0xA0000
	VALUE "12 READ 1", { SEQ 2, 2 }, { mov byte [edi], 0x5A }, { SEQ 2, 8 }, { mov byte [edi], 0x3C }, { SEQ 2, 15 }, { GFX 5, 8 }, { GFX 2, 0x0A }, { GFX 7, 0x0F }, { mov al, [edi] }, { KEEP }, { GFX 7, 0 }, { mov al, [edi] }, { KEEP }, { GFX 7, 3 }, { mov al, [edi] }, { KEEP }, { GFX 5, 0 }, { DONE }
	VALUE "12 WORD", { GFX 4, 0 }, { mov word [edi + 4], 0x1234 }, { movzx eax, word [edi + 4] }
	VALUE "12 DWORD", { mov dword [edi + 8], 0x12345678 }, { mov eax, [edi + 8] }
	VALUE "12 MOVS", { GFX 5, 1 }, { mov esi, 0xA0000 }, { mov edi, 0xA0100 }, { mov ecx, 12 }, { rep movsb }, { GFX 5, 0 }, { GFX 4, 1 }, { mov eax, [0xA0108] }
	VALUE "12 MOVSD LATCH", { GFX 5, 1 }, { mov esi, 0xA0000 }, { mov edi, 0xA0200 }, { movsd }, { GFX 5, 0 }, { mov eax, [0xA0200] }
	VALUE "12 STOS", { GFX 4, 2 }, { mov edi, 0xA0300 }, { mov ecx, 5 }, { mov al, 0x99 }, { rep stosb }, { mov eax, [0xA0302] }
	mov edi, 0xA0000
	VALUE "12 XCHG", { GFX 4, 0 }, { mov al, 0x42 }, { xchg [edi], al }, { KEEP }, { GFX 8, 0xF0 }, { mov al, 0xFF }, { xchg [edi], al }, { KEEP }, { GFX 8, 0xFF }, { PLANE 0 }, { DONE }
	VALUE "12 OR MEMORY", { or byte [edi], 0x81 }, { mov al, [edi] }
	VALUE "12 B8000", { mov dword [0xB8000], 0x12345678 }, { mov eax, [0xB8000] }
	VALUE "12 MAP ALL", { GFX 6, 1 }, { mov byte [0xB8000], 0x5C }, { mov al, [0xB8000] }, { GFX 6, 5 }
	VALUE "12 MAP B0000", { GFX 6, 9 }, { GFX 4, 0 }, { mov byte [0xB0000], 0x5D }, { mov al, [0xB0000] }, { KEEP }, { mov al, [0xA0000] }, { KEEP }, { GFX 6, 5 }, { mov al, [0xA0000] }, { KEEP }, { DONE }
	ret

; 320 x 200, 256 colours
chained:
	VALUE "13 BYTES", { mov dword [0xA0000], 0x44332211 }, { mov eax, [0xA0000] }
	VALUE "13 LAST", { mov byte [0xAFFFF], 0x77 }, { mov al, [0xAFFFF] }
	VALUE "13 ODD", { mov word [0xA0003], 0xBBAA }, { mov eax, [0xA0002] }
	VALUE "13 MAP MASK", { SEQ 2, 5 }, { mov dword [0xA0010], -1 }, { SEQ 2, 15 }, { mov eax, [0xA0010] }
	VALUE "13 BIT MASK", { mov dword [0xA0020], 0 }, { mov al, [0xA0020] }, { GFX 8, 0x0F }, { mov dword [0xA0020], -1 }, { GFX 8, 0xFF }, { mov eax, [0xA0020] }
	VALUE "13 READ MAP", { GFX 4, 2 }, { mov eax, [0xA0000] }, { GFX 4, 0 }
	VALUE "13 STATUS", { INB 0x3DA }, { and al, 0xC6 }
	ret
unchained:
	VALUE "13 AS PLANES", { SEQ 4, 6 }, { mov edi, 0xA0000 }, { PLANES }
	VALUE "X WRITE", { SEQ 2, 2 }, { mov dword [0xA0000], 0x04030201 }, { SEQ 2, 15 }, { GFX 4, 1 }, { mov eax, [0xA0000] }
	VALUE "X OTHER PLANE", { GFX 4, 0 }, { mov eax, [0xA0000] }
	VALUE "X AS CHAIN 4", { SEQ 4, 14 }, { mov eax, [0xA0000] }
	VALUE "X AS CHAIN 4 AT 4", { mov eax, [0xA0004] }
	VALUE "X FILL", { SEQ 4, 6 }, { SEQ 2, 15 }, { mov edi, 0xA0000 }, { mov ecx, 16384 }, { mov eax, 0x55555555 }, { rep stosd }, { GFX 4, 3 }, { mov eax, [0xAFFFC] }
	VALUE "X START", { REG 0x3D4, 12, 0x3E }, { REG 0x3D4, 13, 0x80 }, { GET 0x3D4, 12 }, { GET 0x3D4, 13 }, { DONE }
	ret

; CGA's 320 x 200 in 4 colours
interleaved:
	VALUE "4 BYTES", { mov dword [0xB8000], 0x44332211 }, { mov eax, [0xB8000] }
	VALUE "4 BANK 1", { mov dword [0xBA000], 0x88776655 }, { mov eax, [0xBA000] }, { add eax, [0xB8000] }
	ret

text:
	VALUE "3 CELL", { mov word [0xB8000], 0x0741 }, { mov byte [0xB8001], 0x1E }, { movzx eax, word [0xB8000] }
	VALUE "3 WINDOW END", { mov dword [0xBFFFC], 0x12345678 }, { mov eax, [0xBFFFC] }
	VALUE "3 B0000", { mov dword [0xB0000], 0x12345678 }, { mov eax, [0xB0000] }
	; the font: plane 2, as programs load it
	VALUE "3 FONT", { SEQ 2, 4 }, { SEQ 4, 7 }, { GFX 4, 2 }, { GFX 5, 0 }, { GFX 6, 4 }, { mov dword [0xA0000 + 65 * 32], 0x7E818181 }, { mov eax, [0xA0000 + 65 * 32] }, { mov ebp, eax }, { SEQ 2, 3 }, { SEQ 4, 3 }, { GFX 4, 0 }, { GFX 5, 0x10 }, { GFX 6, 14 }, { mov eax, ebp }
	VALUE "3 AFTER FONT", { movzx eax, word [0xB8000] }
	VALUE "3 CURSOR OFF", { REG 0x3D4, 10, 0x2D }, { GET 0x3D4, 10 }, { REG 0x3D4, 10, 0x0D }, { GET 0x3D4, 11 }, { DONE }
	VALUE "3 STOSW", { mov edi, 0xB8100 }, { mov ecx, 80 }, { mov ax, 0x0720 }, { rep stosw }, { mov eax, [0xB8100 + 156] }
	VALUE "3 SCROLL", { mov word [0xB80A0], 0x4258 }, { mov esi, 0xB80A0 }, { mov edi, 0xB8000 }, { mov ecx, 24 * 40 }, { rep movsd }, { movzx eax, word [0xB8000] }
	ret

vbe:
	VALUE "VBE VERSION", { VBE_GET 0 }
	VALUE "VBE VERSION SET", { VBE 0, 0xB0C0 }, { VBE_GET 0 }, { KEEP }, { VBE 0, 0xB0C5 }, { VBE_GET 0 }
	VALUE "VBE MEMORY", { VBE_GET 10 }, { cmp eax, 64 }, { setae al }, { movzx eax, al }
	VALUE "VBE OFF", { VBE_GET 4 }
	VALUE "VBE INDEX", { mov dx, 0x1CE }, { mov ax, 3 }, { out dx, ax }, { in ax, dx }, { movzx eax, ax }
	VALUE "VBE BAD", { VBE_GET 0x55 }
	ret

GUEST_END
