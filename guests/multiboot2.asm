; MULTIBOOT2: a program with a multiboot 2 head; prints what its loader has told it, tag by tag.
; Part in the monitor: a guest; whoever loads it has to follow "Multiboot2 Specification version 2.0".

%include "lib/serial.inc"

HEADER_MAGIC	equ 0xE85250D6
LOADED_MAGIC	equ 0x36D76289
ARCHITECTURE	equ 0			; i386, 32-bit protected mode
TAG_COMMAND	equ 1
TAG_LOADER	equ 2
TAG_MODULE	equ 3
TAG_STORAGE	equ 4
TAG_MAP		equ 6
TAG_SCREEN	equ 8
SCREEN_RGB	equ 1
TAG_BIGGEST	equ 64			; no loader tells so many kinds

org 0x100000
bits 32

section .text align=16
section .data follows=.text align=16
section .bss nobits follows=.data align=4096

section .text
image_begin:
align 8
header:
	dd HEADER_MAGIC, ARCHITECTURE, header_end - header
	dd -(HEADER_MAGIC + ARCHITECTURE + (header_end - header)) & 0xFFFFFFFF
	; information request: the storage and its map, without which this program has nothing to say
	align 8, db 0
request:
	dw 1, 0
	dd request_end - request, TAG_STORAGE, TAG_MAP
request_end:
	align 8, db 0
	dw 2, 0				; addresses: a flat file, no ELF
	dd 24, header, image_begin, image_end, storage_end
	align 8, db 0
	dw 3, 0				; entry
	dd 12, start
	align 8, db 0
	dw 6, 0				; modules on page borders
	dd 8
	align 8, db 0
	dw 5, 1				; a picture, if there can be one
	dd 20, 800, 600, 32
	align 8, db 0
	dw 0, 0				; the end
	dd 8
header_end:

start:
	cli
	cld
	mov esp, stack_top
	call p32_serial_init
	cmp eax, LOADED_MAGIC
	jne .not_loaded
	test ebx, 7
	jnz .crooked
	mov ebp, ebx
	add ebp, [ebx]			; the end of all tags
	add ebx, 8
.tag:
	cmp ebx, ebp
	jae .no_end
	mov eax, [ebx]
	test eax, eax
	jz .end
	cmp dword [ebx + 4], 8
	jb .no_end
	cmp eax, TAG_BIGGEST
	jae .next
	inc byte [seen + eax]
	mov edi, [handlers + eax * 4]
	test edi, edi
	jz .next
	call edi
.next:
	add ebx, [ebx + 4]
	add ebx, 7
	and ebx, -8
	jmp .tag
.end:
	cmp byte [seen + TAG_STORAGE], 1
	jne .missing
	cmp byte [seen + TAG_MAP], 1
	jne .missing
	SAY32 "MULTIBOOT2: ALL TAGS READ", NL
	jmp p32_power_off
.missing:
	SAY32 "MULTIBOOT2: WRONG: A TAG THAT WAS ASKED FOR IS MISSING", NL
	jmp p32_power_off
.no_end:
	SAY32 "MULTIBOOT2: WRONG: THE TAGS HAVE NO END", NL
	jmp p32_power_off
.not_loaded:
	SAY32 "MULTIBOOT2: WRONG: EAX IS "
	call p32_puthex32
	SAY32 NL
	jmp p32_power_off
.crooked:
	SAY32 "MULTIBOOT2: WRONG: EBX IS NOT ON A BORDER OF EIGHT", NL
	jmp p32_power_off

; Each is called with EBX = its tag, and keeps EBX and EBP.
tell_command:
	SAY32 "MULTIBOOT2: COMMAND LINE "
	jmp tell_string
tell_loader:
	SAY32 "MULTIBOOT2: LOADER "
tell_string:
	lea esi, [ebx + 8]
	call p32_puts
	SAY32 NL
	ret

tell_module:
	SAY32 "MULTIBOOT2: MODULE OF "
	mov eax, [ebx + 12]
	sub eax, [ebx + 8]
	call p32_putdec
	SAY32 " BYTES, "
	lea esi, [ebx + 16]
	call p32_puts
	SAY32 NL
	ret

tell_storage:
	SAY32 "MULTIBOOT2: KIB BELOW 1 MIB "
	mov eax, [ebx + 8]
	call p32_putdec
	SAY32 ", ABOVE "
	mov eax, [ebx + 12]
	call p32_putdec
	SAY32 NL
	ret

tell_map:
	lea edi, [ebx + 16]
	mov edx, ebx
	add edx, [ebx + 4]
.entry:
	cmp edi, edx
	jae .end
	SAY32 "MULTIBOOT2: MAP "
	mov eax, [edi + 4]
	call p32_puthex32
	mov eax, [edi]
	call p32_puthex32
	SAY32 " LENGTH "
	mov eax, [edi + 12]
	call p32_puthex32
	mov eax, [edi + 8]
	call p32_puthex32
	SAY32 " TYPE "
	mov eax, [edi + 16]
	call p32_putdec
	SAY32 NL
	mov eax, [ebx + 8]		; an entry's size
	test eax, eax
	jz .end
	add edi, eax
	jmp .entry
.end:
	ret

; A picture is drawn on: its first and its last pixel have to keep what was put there.
tell_screen:
	SAY32 "MULTIBOOT2: SCREEN "
	mov eax, [ebx + 20]
	call p32_putdec
	SAY32 "x"
	mov eax, [ebx + 24]
	call p32_putdec
	SAY32 "x"
	movzx eax, byte [ebx + 28]
	call p32_putdec
	SAY32 " OF KIND "
	movzx eax, byte [ebx + 29]
	call p32_putdec
	SAY32 NL
	cmp byte [ebx + 29], SCREEN_RGB
	jne .end
	mov edi, [ebx + 8]
	mov edx, [ebx + 24]
	imul edx, [ebx + 16]		; lines times bytes a line
	mov dword [edi], 0x00123456
	mov dword [edi + edx - 4], 0x00ABCDEF
	cmp dword [edi], 0x00123456
	jne .lost
	cmp dword [edi + edx - 4], 0x00ABCDEF
	je .end
.lost:
	SAY32 "MULTIBOOT2: WRONG: A PIXEL IS LOST", NL
.end:
	ret

SERIAL_FUNCTIONS p32_, e

%include "lib/off.inc"

section .data
align 4, db 0
handlers:
	dd 0, tell_command, tell_loader, tell_module, tell_storage, 0, tell_map, 0, tell_screen
	times TAG_BIGGEST - ($ - handlers) / 4 dd 0
align 16, db 0
image_end:

section .bss
seen		resb TAG_BIGGEST
		resb 4096
stack_top:
alignb 4096
storage_end:
