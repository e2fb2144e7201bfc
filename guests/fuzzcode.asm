; FUZZCODE: executes what nobody would write: random instructions with random registers, in every ring and width of long mode.
; Part in the monitor: a hostile guest; it aims at the decoder, the executor, and all exits at once, in any state.
;
; Command line: a number, the seed. Any trap leads to the next try; an NMI every few milliseconds ends loops. Sooner or later a
; guest of this kind destroys itself: what its end may be is CP's to say, and the next seed's turn to go on from.

%define GUEST_NAME "FUZZCODE"
%define GUEST_PROTECTED_FIRST
%include "lib/guest.inc"
%include "lib/parameter.inc"
%include "lib/random.inc"
%include "lib/code.inc"

DATA		equ 0x500000			; 1 MiB that may be written
STACKS		equ 0x600000			; 64 KiB
STORAGE_PAGES	equ 8				; 16 MiB
TRAP_STACK	equ 0x680000			; in the first, NMIs in the second, double faults in the third page
TRIES		equ 24				; with one set of instructions
SETS_SHOWN	equ 16
WATCH		equ 1193182 / 200		; an NMI comes that often: in the 8254's ticks
IOAPIC		equ 0xFEC00000
APIC		equ 0xFEE00000

bits 32
protected_main:
	call parameter_number
	mov [seed], eax
	ret
bits 64

main:
	mov eax, [seed]
	mov rcx, 0x9E3779B97F4A7C15
	inc rax
	imul rax, rcx
	mov [random_state], rax
	; Storage and devices are everyone's, so that ring 3 gets further than its first instruction; the rest is not there.
	or byte [pml4], 4
	mov edi, pdpt
	mov ecx, 4
.directory:
	or byte [rdi], 4
	add edi, 8
	loop .directory
	mov edi, page_directories + STORAGE_PAGES * 8
	mov ecx, page_tables_end - page_directories
	shr ecx, 3
	sub ecx, STORAGE_PAGES
	xor eax, eax
	rep stosq
	mov esi, mapped
.run:
	movzx ecx, word [rsi + 2]
	movzx edi, word [rsi]
	mov eax, edi
	shl eax, 21
	add eax, 0x87				; present, writable, user, 2 MiB
.page:
	mov [page_directories + rdi * 8], eax
	add eax, 0x200000
	inc edi
	loop .page
	add esi, 4
	cmp esi, mapped_end
	jb .run
	SET_TASK
	mov edi, idt
	xor ecx, ecx
.gate:
	mov eax, trapped
	mov [rdi], ax
	shr eax, 16
	mov [rdi + 6], ax
	mov byte [rdi + 4], 1			; its own stack: RSP is anything when a trap comes
	mov byte [rdi + 5], 0xEE		; ring 3 may INT it
	add edi, 16
	inc ecx
	cmp ecx, 256
	jb .gate
	mov byte [idt + 2 * 16 + 4], 2
	mov byte [idt + 8 * 16 + 4], 3
	SAY "FUZZCODE: SEED "
	mov eax, [seed]
	call putdec
	SAY NL

; Whatever came: all that a program can have spoilt is set right, as far as that is possible, and the next try begins.
trapped:
	cli
	cld
	mov esp, TRAP_STACK			; the frame says nothing that is wanted
	RELOAD_SEGMENTS
	mov eax, pml4
	mov cr3, rax
	mov eax, 0x80050033			; PG AM WP NE ET MP PE
	mov cr0, rax
	mov eax, 0x406A8			; OSXSAVE OSXMMEXCPT OSFXSR PGE PAE DE
	mov rcx, cr4
	cmp rcx, rax
	je .same
	mov cr4, rax
.same:
	mov ecx, 0xC0000080
	mov eax, 0xD01				; NXE LMA LME SCE
	xor edx, edx
	wrmsr
	xor eax, eax
	mov dr7, rax
	RELOAD_TASK
	call watch

	dec dword [tries_left]
	jns .same_code
	mov dword [tries_left], TRIES
	call write_code
	inc dword [sets_done]
	test dword [sets_done], SETS_SHOWN - 1
	jnz .same_code
	SAY "FUZZCODE: SETS "
	mov eax, [sets_done]
	call putdec
	SAY NL
.same_code:
	; The frame from which IRETQ begins the try
	PUSH_STACK
	call random
	and eax, 0x257FD5			; what there is in RFLAGS but for VM, VIF, VIP ...
	test ebx, 0x100
	jz .may_step
	and eax, ~0x100				; ... and TF and NT only now and then
.may_step:
	test ebx, 0x600
	jz .may_nest
	and eax, ~0x4000
.may_nest:
	or eax, 2
	push rax
	PUSH_CODE
	; Data segments for the narrow modes; in 64-bit mode nobody looks
	test ebx, 0x800
	jz .registers
	mov eax, RING3_DATA
	mov ds, eax
	mov es, eax
.registers:
	mov ebp, 14
.register:
	call pick
	push rax
	dec ebp
	jnz .register
	POP_REGISTERS
	iretq

; An NMI from the 8254 through the I/O APIC, however its registers were left.
watch:
	mov al, 0x34
	out 0x43, al
	mov al, WATCH & 0xFF
	out 0x40, al
	mov al, WATCH >> 8
	out 0x40, al
	mov edi, IOAPIC
	mov dword [rdi], 0x10 + 2 * 2		; pin 2: NMI, edge, to APIC 0
	mov dword [rdi + 0x10], 0x400
	mov dword [rdi], 0x11 + 2 * 2
	mov dword [rdi + 0x10], 0
	ret

CODE_PICK 16

section .data
CODE_WAYS

; Large pages that are mapped: the first and how many. storage; ECAM; display; APICs and HPET; flash.
mapped:
	dw 0, STORAGE_PAGES, 0xE0000000 >> 21, 1, 0xF0000000 >> 21, 2, 0xFEC00000 >> 21, 2, 0xFFE00000 >> 21, 1
mapped_end:

align 16, db 0
; value, and the bits of it that are anything
picks:
	dq DATA, 0xFFFFF, DATA, 0xFF8
	dq APIC, 0xFF0, IOAPIC, 0x1F
	dq 0xFED00000, 0x3FF, 0xA0000, 0x1FFFF
	dq 0xE0000000, 0xFFFFF, 0xF0000000, 0x3FFFFF
	dq 0, 0xFF, 0, 0xFFFF
	dq 0, -1, -256, 0xFF
	dq 0x90000000, 0xFFFFFFF, 0xFFFFFF0, 0xFF
	dq CODE, 0xFFF, STACKS, 0xFFFF

CODE_PREFIXES

templates:
	T 0x0F, 0, 0xA2, 0				; CPUID
	T 0x0F, 0, 0x20, 3, 0xC0, 0x3F			; MOV CR, DR, both ways
	T 0x0F, 0, 0x20, 2, 0xC0, 0x3F
	T 0x0F, 0, 0x00, 1, 0x00, 0xFF			; SLDT to INVLPG, VMX, XSETBV, SWAPGS, RDTSCP
	T 0x0F, 0, 0x01, 0, 0xC0, 0x3F
	T 0x0F, 0, 0xC7, 0, 0x00, 0xFF			; CMPXCHG8B, VMX, RDRAND, XSAVES
	T 0x0F, 0, 0xAE, 0, 0x00, 0xFF			; FXSAVE, XSAVE, CLFLUSH, fences
	T 0xB9, 0, 0x00, 0xFF, 0x00, 0x0F, 0, 0, 0, 0, 0x0F, 0, 0x30, 2	; WRMSR, RDMSR of the first 4096
	T 0xB9, 0, 0x00, 0xFF, 0x08, 0, 0, 0, 0, 0, 0x0F, 0, 0x30, 2		; of an x2APIC
	T 0xB9, 0, 0x80, 0x07, 0, 1, 0, 0, 0xC0, 0, 0x0F, 0, 0x30, 2		; EFER and those beside it
	T 0xE4, 3, 0x00, 0xFF				; IN, OUT
	T 0x66, 0, 0xBA, 0, 0x00, 0xFF, 0x00, 0xFF, 0xEC, 3
	T 0x66, 0, 0xBA, 0, 0xC0, 0x3F, 0x03, 0x0F, 0xEC, 3
	T 0xF3, 0, 0x6C, 3				; REP INS, OUTS
	T 0xF2, 1, 0xA4, 3				; REP MOVS, CMPS
	T 0xF2, 1, 0xAA, 5				; REP STOS, SCAS
	T 0xA4, 3
	T 0xAC, 3
	T 0x88, 3, 0x00, 0x3F				; MOV to and from what a register points to
	T 0x88, 3, 0x80, 0x3F, 0x00, 0xFF, 0x00, 0x0F, 0, 0, 0, 0
	T 0x89, 2, 0x04, 0x38, 0x00, 0xFF
	T 0xC6, 1, 0x00, 7, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF
	T 0x00, 0x3F, 0x00, 0xFF			; arithmetic
	T 0x80, 3, 0x00, 0xFF, 0x00, 0xFF
	T 0xC0, 1, 0x00, 0x3F, 0x00, 0x1F
	T 0xD0, 3, 0x00, 0x3F
	T 0xF6, 1, 0x00, 0x3F
	T 0xFE, 1, 0x00, 0xFF
	T 0x0F, 0, 0x00, 0xFF, 0x00, 0xFF		; two bytes, anything
	T 0x0F, 0, 0x38, 0, 0x00, 0xFF, 0x00, 0x3F
	T 0x0F, 0, 0x3A, 0, 0x00, 0x7F, 0x00, 0x3F, 0x00, 0xFF
	T 0xF0, 0, 0x0F, 0, 0xB0, 1, 0x00, 0x3F		; LOCK CMPXCHG
	T 0x0F, 0, 0xA3, 0x18, 0x00, 0x3F		; BT to BTC
	T 0x0F, 0, 0xC0, 1, 0x00, 0x3F			; XADD
	T 0x86, 1, 0x00, 0x3F				; XCHG
	T 0x0F, 0, 0xB6, 9, 0x00, 0x3F			; MOVZX, MOVSX
	T 0xD8, 7, 0x00, 0xFF				; x87
	T 0x0F, 0, 0x10, 0x6F, 0x00, 0x3F		; SSE
	T 0x66, 0, 0x0F, 0, 0x6E, 0x11, 0x00, 0x3F
	T 0xC5, 0, 0xF8, 0x7F, 0x10, 0x7F, 0x00, 0x3F	; AVX
	T 0xC4, 0, 0xE1, 3, 0x78, 0x87, 0x10, 0x7F, 0x00, 0x3F
	T 0x62, 0, 0xF1, 3, 0x7C, 0x83, 0x48, 0x60, 0x10, 0x7F, 0x00, 0x3F	; AVX-512
	T 0xFF, 0, 0x18, 0x27				; CALL, JMP far
	T 0xFF, 0, 0x10, 0x2F
	T 0xCB, 4					; RETF, IRET
	T 0x48, 0, 0xCF, 4
	T 0xCD, 0, 0x00, 0xFF				; INT
	T 0xCC, 3
	T 0xF1, 0					; INT1
	T 0x9C, 1					; PUSHF, POPF
	T 0xFA, 1					; CLI, STI
	T 0xFB, 0, 0xF4, 0				; STI, HLT
	T 0xF4, 0
	T 0xFC, 1
	T 0x8E, 2, 0xC0, 0x3F				; segment registers
	T 0x66, 0, 0xB8, 0, 0x00, 0x3F, 0, 0, 0x8E, 0, 0xD0, 0x38
	T 0x0F, 0, 0xA0, 9
	T 0x89, 0, 0xC4, 0x38				; MOV to ESP
	T 0x50, 0x0F
	T 0xC8, 1, 0x00, 0x3F, 0x00, 0, 0x00, 3
	T 0xEB, 0, 0x00, 0x7F				; jumps
	T 0x70, 0x0F, 0x00, 0x7F
	T 0xE0, 3, 0xF0, 0x0F
	T 0xE8, 1, 0x00, 0xFF, 0x00, 7, 0, 0, 0, 0
	T 0xA0, 3, 0x00, 0xFF, 0x00, 0x0F, 0xE0, 0, 0xFE, 0, 0, 0, 0, 0, 0, 0, 0, 0
	T 0xBE, 1, 0x00, 0xFF, 0x00, 0xFF, 0x0A, 1, 0, 0	; pointers to the display, to the APIC
	T 0xBE, 1, 0x00, 0xFF, 0x00, 0x0F, 0xE0, 0, 0xFE, 0
	T 0xB9, 0, 0x00, 0x1F, 0, 0, 0, 0, 0, 0		; a count
	T 0x0F, 0, 0x0B, 0				; UD2
	T 0x0F, 0, 0x31, 3				; RDTSC, RDMSR, RDPMC, WRMSR
	T 0x0F, 0, 0x05, 2				; SYSCALL, SYSRET
	T 0x0F, 0, 0x34, 1				; SYSENTER, SYSEXIT
	T 0x0F, 0, 0x08, 1				; INVD, WBINVD
	T 0xF3, 0, 0x90, 0				; PAUSE
templates_end:

align 8, db 0
CODE_SEGMENTS TRAP_STACK, TRAP_STACK + 4096, TRAP_STACK + 8192
tries_left	dd 0
sets_done	dd 0
seed	dd 0

GUEST_END
