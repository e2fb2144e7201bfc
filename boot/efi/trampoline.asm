; Leaves UEFI's paging for the kernel's, through 32-bit code without paging.
; Part: boot/efi, copied to a page below 4 GiB and run there once.

; SDM, "Paging-Mode Enabling": CR4.LA57 cannot change in 64-bit mode, so a firmware that runs
; with five levels is brought down to four here. Every start goes this way, so every test tries it,
; and the kernel always finds the same control registers, whatever the firmware liked to have on.

PAGE_ENTRY	equ 0		; struct handoff_page of handoff.c
PAGE_BOOT_INFO	equ 8
PAGE_LEVEL4	equ 16
PAGE_CODE	equ 24
PAGE_SIZE	equ 4096

CR0_PG		equ 1 << 31
CR0_START	equ 0x80010033	; PG, WP, NE, ET, MP, PE
CR4_PAE		equ 1 << 5
CR4_PCIDE	equ 1 << 17
CR4_CET		equ 1 << 23
MSR_EFER	equ 0xc0000080
EFER_LME	equ 1 << 8

CODE_32		equ 0x08
DATA		equ 0x10
CODE_64		equ 0x18

global trampoline_start
global trampoline_end
global trampoline_enter

; An address in the copied page, given its base.
%define IN_PAGE(base, label) base + (label) - trampoline_start

section .text progbits alloc exec nowrite align=16
bits 64

; void trampoline_enter(uint64_t page, uint64_t root). From here on the tables are ours: UEFI's may
; forbid execution of the page, and need not map the kernel.
trampoline_enter:
	cli
	cld
	mov cr3, rsi
	lea rax, [IN_PAGE(rdi, in_page)]
	jmp rax

align 8
trampoline_start:
	times PAGE_CODE db 0

in_page:
	mov rbx, rdi
	; Paging cannot be left with PCIDE set, nor CR0.WP with CET (SDM, "Control Registers").
	mov rax, cr4
	and rax, ~(CR4_PCIDE | CR4_CET)
	mov cr4, rax
	lea rsp, [rbx + PAGE_SIZE]
	lea rax, [IN_PAGE(rbx, gdt)]
	mov [IN_PAGE(rbx, gdt_base)], rax
	lgdt [IN_PAGE(rbx, gdt_limit)]
	push CODE_32
	lea rax, [IN_PAGE(rbx, compatibility)]
	push rax
	o64 retf

bits 32
compatibility:
	mov eax, DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	mov eax, CR4_PAE
	mov cr4, eax
	mov eax, [ebx + PAGE_LEVEL4]
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, CR0_START
	mov cr0, eax
	push CODE_64
	lea eax, [IN_PAGE(ebx, long_mode)]
	push eax
	retf

bits 64
long_mode:
	mov ebx, ebx		; 32-bit code leaves upper halves undefined
	lea rsp, [rbx + PAGE_SIZE]
	xor eax, eax
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	xor ebp, ebp
	mov rdi, [rbx + PAGE_BOOT_INFO]
	jmp [rbx + PAGE_ENTRY]

align 8, db 0
gdt:
	dq 0
	dq 0x00cf9b000000ffff	; CODE_32
	dq 0x00cf93000000ffff	; DATA
	dq 0x00af9b000000ffff	; CODE_64
gdt_limit:
	dw gdt_limit - gdt - 1
gdt_base:
	dq 0
trampoline_end:

%if trampoline_end - trampoline_start > PAGE_SIZE - 64
%error the trampoline and its stack do not fit one page
%endif

section .note.GNU-stack progbits noalloc noexec nowrite align=1
