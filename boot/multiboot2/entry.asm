; The kernel's two ways in: multiboot2_entry for GRUB (32-bit) and kernel_entry64 for boot/efi.
; Part: brings the processor into the state that boot/boot_info.h promises, then calls C.

KERNEL_VIRT_BASE	equ 0xffffffff80000000	; as in boot/boot_info.h

MB2_HEADER_MAGIC	equ 0xe85250d6
MB2_ARCH_I386		equ 0
MB2_TAG_END		equ 0
MB2_TAG_CONSOLE		equ 4
MB2_TAG_ENTRY		equ 3
MB2_TAG_FRAMEBUFFER	equ 5
MB2_TAG_MODULE_ALIGN	equ 6
MB2_TAG_OPTIONAL	equ 1

BOOT_STACK_SIZE		equ 32768
IDENTITY_GIB		equ 4

PTE_PRESENT		equ 1 << 0
PTE_WRITE		equ 1 << 1
PTE_LARGE		equ 1 << 7

CR0_START		equ 0x80010033		; PG, WP, NE, ET, MP, PE; caches on
CR4_PAE			equ 1 << 5
MSR_EFER		equ 0xc0000080
EFER_LME		equ 1 << 8

COM1			equ 0x3f8
VGA_TEXT		equ 0xb8000
VGA_TEXT_END		equ VGA_TEXT + 80 * 25 * 2

; Where a linked address lies in real storage. GRUB never moves the kernel.
%define REAL(symbol) ((symbol) - KERNEL_VIRT_BASE)

extern kernel_main
extern multiboot2_start
global multiboot2_entry
global kernel_entry64
global boot_stack_top

; ---- header ---------------------------------------------------------------------------------

section .boot.header progbits alloc noexec nowrite align=8

header:
	dd MB2_HEADER_MAGIC
	dd MB2_ARCH_I386
	dd header_end - header
	dd 0x100000000 - (MB2_HEADER_MAGIC + MB2_ARCH_I386 + (header_end - header))

	; e_entry is kernel_entry64, so GRUB is told its own way in. There is no address tag: with
	; one, GRUB would take the file for an a.out and not read the ELF segments.
	align 8, db 0
	dw MB2_TAG_ENTRY, 0
	dd 12
	dd REAL(multiboot2_entry)

	; Text will do (bit 1), and no console at all will do too (bit 0 clear).
	align 8, db 0
	dw MB2_TAG_CONSOLE, MB2_TAG_OPTIONAL
	dd 12
	dd 1 << 1

	align 8, db 0
	dw MB2_TAG_FRAMEBUFFER, MB2_TAG_OPTIONAL
	dd 20
	dd 1024, 768, 32

	align 8, db 0
	dw MB2_TAG_MODULE_ALIGN, 0
	dd 8

	align 8, db 0
	dw MB2_TAG_END, 0
	dd 8
header_end:

; ---- 32-bit way in --------------------------------------------------------------------------

section .boot.text progbits alloc exec nowrite align=16
bits 32

; From GRUB: EAX = magic, EBX = real address of the multiboot2 information, flat segments, no
; paging, interrupts off, no stack.
multiboot2_entry:
	cli
	cld
	mov esp, REAL(boot_stack_top)
	mov ebp, eax
	call require_long_mode
	call build_tables

	; SDM, "Initializing IA-32e Mode": PAE, CR3, EFER.LME, then paging.
	mov eax, CR4_PAE
	mov cr4, eax
	mov eax, REAL(early_pml4)
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, CR0_START	; not what was there: some BIOSes leave the caches off (CD, NW)
	mov cr0, eax
	lgdt [REAL(early_gdt_pointer)]
	jmp 0x08:REAL(long_mode)

; Returns only on a processor that can run in 64-bit mode.
require_long_mode:
	; A processor without CPUID does not let EFLAGS.ID change.
	pushfd
	pop eax
	mov ecx, eax
	xor eax, 1 << 21
	push eax
	popfd
	pushfd
	pop eax
	push ecx
	popfd
	cmp eax, ecx
	je .missing
	push ebx
	mov eax, 0x80000000
	cpuid
	xor edx, edx
	cmp eax, 0x80000001
	jb .no_leaf
	mov eax, 0x80000001
	cpuid
.no_leaf:
	pop ebx
	test edx, 1 << 29
	jz .missing
	ret
.missing:
	mov esi, REAL(text_no_long_mode)
	jmp say_and_halt

; The first 4 GiB one to one in 2 MiB pages; the first GiB once more at KERNEL_VIRT_BASE. The
; tables lie in .bss, which GRUB has cleared.
build_tables:
	mov dword [REAL(early_pml4)], REAL(early_low_pdpt) + (PTE_PRESENT | PTE_WRITE)
	mov dword [REAL(early_pml4) + 511 * 8], REAL(early_high_pdpt) + (PTE_PRESENT | PTE_WRITE)
	mov eax, REAL(early_pd) + (PTE_PRESENT | PTE_WRITE)
	mov [REAL(early_high_pdpt) + 510 * 8], eax
	xor ecx, ecx
.directory:
	mov [REAL(early_low_pdpt) + ecx * 8], eax
	add eax, 4096
	inc ecx
	cmp ecx, IDENTITY_GIB
	jb .directory
	mov eax, PTE_PRESENT | PTE_WRITE | PTE_LARGE
	xor ecx, ecx
.page:
	mov [REAL(early_pd) + ecx * 8], eax
	add eax, 1 << 21
	inc ecx
	cmp ecx, IDENTITY_GIB * 512
	jb .page
	ret

; Writes the text at ESI to COM1 and to the VGA text screen, whatever is there of the two.
say_and_halt:
	mov dx, COM1 + 1
	xor al, al
	out dx, al		; no interrupts
	mov dx, COM1 + 3
	mov al, 0x80
	out dx, al		; divisor latch
	mov dx, COM1
	mov al, 1
	out dx, al		; 115200 baud
	inc dx
	xor al, al
	out dx, al
	mov dx, COM1 + 3
	mov al, 0x03
	out dx, al		; 8 bits, no parity
	mov edi, VGA_TEXT
	mov ecx, 80 * 25
	mov ax, 0x0720
	rep stosw
	mov edi, VGA_TEXT
.next:
	lodsb
	test al, al
	jz .halt
	mov bl, al
	mov ecx, 100000		; a port that is not there never becomes ready
.wait:
	mov dx, COM1 + 5
	in al, dx
	test al, 0x20
	loopz .wait
	mov dx, COM1
	mov al, bl
	out dx, al
	cmp bl, ' '
	jb .next
	cmp edi, VGA_TEXT_END
	jae .next
	mov bh, 0x07
	mov [edi], bx
	add edi, 2
	jmp .next
.halt:
	cli
	hlt
	jmp .halt

bits 64

; Still at the real address: a 32-bit jump cannot reach the higher half.
long_mode:
	mov rax, high_half
	jmp rax

; ---- 64-bit code, at its linked address -------------------------------------------------------

section .text progbits alloc exec nowrite align=16
bits 64

high_half:
	xor eax, eax
	mov ss, ax
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov rsp, boot_stack_top
	mov edi, ebp		; magic
	mov esi, ebx		; information; both clear the upper halves
	xor ebp, ebp		; ends a backtrace
	call multiboot2_start
	jmp halt

; From boot/efi: RDI = struct boot_info. .bss is clear: the loader has seen to it.
kernel_entry64:
	cli
	cld
	mov rsp, boot_stack_top
	xor ebp, ebp
	call kernel_main
halt:
	cli
	hlt
	jmp halt

section .rodata progbits alloc noexec nowrite align=8

early_gdt:
	dq 0
	dq 0x00af9b000000ffff		; 08: 64-bit code
	dq 0x00cf93000000ffff		; 10: data
early_gdt_end:

early_gdt_pointer:
	dw early_gdt_end - early_gdt - 1
	dd REAL(early_gdt)

text_no_long_mode:
	db "VM/64: this processor has no 64-bit mode. VM/64 cannot run on it.", 13, 10, 0

section .bss nobits alloc noexec write align=4096

early_pml4:
	resb 4096
early_low_pdpt:
	resb 4096
early_high_pdpt:
	resb 4096
early_pd:
	resb 4096 * IDENTITY_GIB
boot_stack:
	resb BOOT_STACK_SIZE
boot_stack_top:

section .note.GNU-stack progbits noalloc noexec nowrite align=1
