; WALKVIDEO: at random through the VGA's registers, its planes in every read and write mode, odd/even and chained, and Bochs' VBE.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "WALKVIDEO"
%include "equiv/walk32.inc"

main32:
	call values_init
	SAY32 "WALKVIDEO: BEGIN", NL
	mov esi, mode12
	call set_mode
	call attributes
	WALK "VGA", 1200, vga_rows, vga_rows_end
	call walk_show
	mov esi, mode12
	call set_mode
	call clear
	WALK "PLANES", 1500, plane_rows, plane_rows_end
	call walk_show
	mov esi, mode12
	call set_mode
	call clear
	WALK "WORDS", 800, plane_rows, wide_rows_end
	call walk_show
	mov esi, mode12
	call set_mode
	call clear
	mov esi, mode13
	call set_mode
	WALK "CHAIN 4", 800, chain_rows, chain_rows_end
	call walk_show
	mov esi, mode12
	call set_mode
	call clear
	mov esi, mode3
	call set_mode
	WALK "TEXT", 800, text_rows, text_rows_end
	call walk_show
	mov esi, mode3
	call set_mode
	xor ebx, ebx
.vbe:
	mov edx, 0x1CE
	mov al, [vbe_start + ebx * 2]
	movzx eax, al
	out dx, ax
	inc edx
	mov al, [vbe_start + ebx * 2 + 1]
	cmp bl, 5
	jne .value
	mov ah, 0xB0
.value:
	out dx, ax
	inc ebx
	cmp ebx, 6
	jb .vbe
	WALK "VBE", 600, vbe_rows, vbe_rows_end
	mov edx, 0x1CE
	mov eax, 4
	out dx, ax
	inc edx
	mov eax, 0
	out dx, ax
	mov esi, mode3
	call set_mode
	call walk_show
	SAY32 "WALKVIDEO: END", NL
	jmp p32_power_off

%include "equiv/vga_mode.inc"
clear:
	mov edi, 0xA0000
	mov ecx, 0x4000
	xor eax, eax
	rep stosd
	ret
attributes:
	mov edx, 0x3C6
	mov al, 0xFF
	out dx, al
	mov edx, 0x3C8
	mov al, 0
	out dx, al
	inc edx
	mov ecx, 768
.next:
	mov al, cl
	and al, 0x3F
	out dx, al
	loop .next
	ret

; the attribute controller: the index and the data at one port
attribute_out:
	mov edx, 0x3DA
	call walk_in8
	mov ecx, [esi + 16]
	call walk_below
	add eax, [esi + 20]
	mov edx, 0x3C0
	call walk_out8
	call walk_random
	and eax, [esi + 8]
	call walk_out8
	jmp attribute_on
attribute_in:
	mov edx, 0x3DA
	call walk_in8
	mov ecx, [esi + 16]
	call walk_below
	add eax, [esi + 20]
	mov edx, 0x3C0
	call walk_out8
	inc edx
	call walk_in8
	call walk_answer8
attribute_on:
	mov edx, 0x3DA
	call walk_in8
	mov edx, 0x3C0
	mov al, 0x20
	jmp walk_out8
dac_out:
	mov edx, 0x3C8
	call walk_random
	call walk_out8
	inc edx
	mov ecx, 3
.next:
	call walk_random
	and al, 0x3F
	call walk_out8
	loop .next
	ret
dac_in:
	mov edx, 0x3C7
	call walk_random
	call walk_out8
	mov edx, 0x3C9
	mov ebx, [esi + 4]
.next:
	call walk_in8
	call walk_answer8
	dec ebx
	jnz .next
	mov edx, 0x3C8
	call walk_in8
	jmp walk_answer8
vga_rows:
	ROW index_out8, 0x3CE, 0x0F, 0, 3, 0
	ROW index_out8, 0x3CE, 0x1F, 0, 1, 3
	ROW index_out8, 0x3CE, 0x03, 0, 1, 4
	ROW index_out8, 0x3CE, 0x6B, 0, 1, 5		; odd/even in 5 and 6 are one bit in Bochs
	ROW index_out8, 0x3CE, 0x0D, 0, 1, 6
	ROW index_out8, 0x3CE, 0x0F, 0, 1, 7
	ROW index_out8, 0x3CE, 0xFF, 0, 1, 8
	ROW index_in8, 0x3CE, 0xFF, 0, 9, 0
	ROW index_in8, 0x3CE, 0xFF, 0, 9, 0
	ROW index_in8, 0x3CE, 0xFF, 0, 9, 0
	ROW in8, 0x3CE, 0xFF
	ROW index_out8, 0x3C4, 0x0F, 0, 1, 2
	ROW index_out8, 0x3C4, 0x3F, 0, 1, 3
	ROW index_out8, 0x3C4, 0x0E, 0, 1, 4
	ROW index_in8, 0x3C4, 0xFF, 0, 5, 0
	ROW index_in8, 0x3C4, 0xFF, 0, 5, 0
	ROW in8, 0x3C4, 0xFF
	ROW index_out8, 0x3D4, 0x3F, 0, 1, 10
	ROW index_out8, 0x3D4, 0x7F, 0, 1, 11
	ROW index_out8, 0x3D4, 0xFF, 0, 4, 12
	ROW index_out8, 0x3D4, 0xFF, 0, 4, 12
	ROW index_in8, 0x3D4, 0xFF, 0, 25, 0
	ROW index_in8, 0x3D4, 0xFF, 0, 6, 10
	ROW index_in8, 0x3D4, 0xFF, 0, 6, 10
	ROW in8, 0x3D4, 0xFF
	ROW out8, 0x3C6, 0xFF
	ROW in8, 0x3C6, 0xFF
	ROW dac_out
	ROW dac_out
	ROW dac_in, 3
	ROW dac_in, 1
	ROW dac_in, 6
	ROW in8, 0x3C7, 0xFF
	ROW attribute_out, 0, 0x3F, 0, 16, 0
	ROW attribute_out, 0, 0x3F, 0, 1, 17
	ROW attribute_out, 0, 0x0F, 0, 1, 18
	ROW attribute_out, 0, 0x0F, 0, 1, 19
	ROW attribute_out, 0, 0x0F, 0, 1, 20
	ROW attribute_in, 0, 0xFF, 0, 21, 0
	ROW attribute_in, 0, 0xFF, 0, 21, 0x20
	ROW in8, 0x3CC, 0xFF
	ROW in8, 0x3DA, 0xC6
	ROW in8, 0x3B4, 0xFF
	ROW in8, 0x3BA, 0xFF
vga_rows_end:

plane_rows:
	ROW index_out8, 0x3CE, 0x0F, 0, 3, 0
	ROW index_out8, 0x3CE, 0x1F, 0, 1, 3
	ROW index_out8, 0x3CE, 0x03, 0, 1, 4
	ROW index_out8, 0x3CE, 0x09, 0, 1, 5		; not write mode 3: docs/equivalence.md
	ROW index_out8, 0x3CE, 0x0A, 0, 1, 5
	ROW index_out8, 0x3CE, 0x0F, 0, 1, 7
	ROW index_out8, 0x3CE, 0xFF, 0, 1, 8
	ROW index_out8, 0x3C4, 0x0F, 0, 1, 2
	ROW write8, 0xA0000, 0xFF, 0, 8, 1
	ROW write8, 0xA0000, 0xFF, 0, 8, 1
	ROW write8, 0xA0000, 0xFF, 0, 8, 1
	ROW write8, 0xA0000, 0xFF, 0, 8, 1
	ROW write8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xA0000, 0xFF, 0, 8, 1
	ROW read8, 0xB8000, 0xFF, 0, 8, 1
	ROW write8, 0xB0000, 0xFF, 0, 8, 1
plane_rows_end:
	ROW write16, 0xA0000, 0xFFFF, 0, 8, 1
	ROW write16, 0xA0000, 0xFFFF, 0, 8, 1
	ROW write32, 0xA0000, -1, 0, 8, 1
	ROW write32, 0xA0000, -1, 0, 8, 1
	ROW read16, 0xA0000, 0xFFFF, 0, 8, 1
	ROW read32, 0xA0000, -1, 0, 8, 1
	ROW read32, 0xA0000, -1, 0, 8, 1
	ROW read16, 0xAFFF8, 0xFFFF, 0, 4, 2
	ROW write16, 0xAFFF8, 0xFFFF, 0, 4, 2
	; not 128 KB, which the planes do not have, nor B8000h, where Bochs passes by masks and modes
	ROW index_out8, 0x3CE, 0, 9, 1, 6
	ROW index_out8, 0x3CE, 0, 5, 1, 6
	ROW write32, 0xB8000, -1, 0, 8, 1
	ROW read32, 0xB8000, -1, 0, 8, 1
	ROW write32, 0xB0000, -1, 0, 8, 1
	ROW read32, 0xB0000, -1, 0, 8, 1
wide_rows_end:
chain_rows:
	ROW write8, 0xA0000, 0xFF, 0, 16, 1
	ROW write16, 0xA0000, 0xFFFF, 0, 16, 1
	ROW write32, 0xA0000, -1, 0, 16, 1
	ROW read8, 0xA0000, 0xFF, 0, 16, 1
	ROW read16, 0xA0000, 0xFFFF, 0, 16, 1
	ROW read32, 0xA0000, -1, 0, 16, 1
	ROW read32, 0xAFFF0, -1, 0, 4, 4
	ROW write32, 0xAFFF0, -1, 0, 4, 4
	ROW index_out8, 0x3CE, 3, 0, 1, 4
chain_rows_end:
text_rows:
	ROW write8, 0xB8000, 0xFF, 0, 16, 1
	ROW write16, 0xB8000, 0xFFFF, 0, 16, 1
	ROW write32, 0xB8000, -1, 0, 16, 1
	ROW read8, 0xB8000, 0xFF, 0, 16, 1
	ROW read16, 0xB8000, 0xFFFF, 0, 16, 1
	ROW read32, 0xB8000, -1, 0, 16, 1
	ROW read32, 0xBFFF0, -1, 0, 4, 4
	ROW write32, 0xBFFF0, -1, 0, 4, 4
	ROW read32, 0xB0000, -1, 0, 4, 4
	ROW read32, 0xA0000, -1, 0, 4, 4
text_rows_end:

vbe_out:
	mov edx, 0x1CE
	mov ecx, [esi + 16]
	call walk_below
	add eax, [esi + 4]
	call walk_out16
	inc edx
	call walk_random
	and eax, [esi + 8]
	or eax, [esi + 12]
	jmp walk_out16
vbe_in:
	mov edx, 0x1CE
	mov ecx, [esi + 16]
	call walk_below
	add eax, [esi + 4]
	call walk_out16
	inc edx
	call walk_in16
	jmp walk_answer16
vbe_start	db 4, 0, 1, 0x80, 2, 0x60, 3, 8, 5, 0, 0, 0xC0
vbe_rows:
	ROW vbe_in, 0, 0, 0, 6			; what was there before the first mode is left out
	ROW vbe_in, 0, 0, 0, 6
	ROW vbe_in, 0, 0, 0, 6
	ROW vbe_in, 12, 0, 0, 39
	ROW vbe_out, 0, 5, 0xB0C0, 1
	ROW vbe_out, 1, 0x1F8, 0, 1		; what Bochs' display can show
	ROW vbe_out, 2, 0xFF, 0, 1
	ROW vbe_out, 3, 0x18, 0, 1
	ROW vbe_out, 4, 0, 0, 1
	ROW in16, 0x1CE, 0xFFFF
vbe_rows_end:

GUEST_END
