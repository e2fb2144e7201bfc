; RANDOM64: random instructions in every ring and width of long mode; each try's end is told, with a sum over all registers.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.
;
; No instruction here is meant to know the time, a device, or what is hidden. A try ends with its first trap, one in single steps with
; its last, and one that goes round for ever with an NMI, which is told as LOOPS and after which storage is made anew. Some try
; destroys the program itself: with this seed about the 460th.

%define GUEST_NAME "RANDOM64"
%define CODE_BY_TEMPLATES
%include "lib/guest.inc"
%include "lib/random.inc"
%include "lib/code.inc"

DATA		equ 0x500000			; 1 MiB that may be written
STACKS		equ 0x600000			; 64 KiB
STORAGE_END	equ 0x680000
TRAP_STACK	equ 0x680000
%ifndef SEED
%define SEED 6
%endif
TRIES		equ 1500
TRIES_OF_CODE	equ 25
STEPS		equ 8				; of one try
WATCH		equ 1193182 / 40		; a try has that many ticks of the 8254: 25 ms
IOAPIC		equ 0xFEC00000


main:
	xor qword [random_state], SEED
	SAY "RANDOM64: BEGIN", NL
	; What is in storage before must not matter, and what lies below 1 MiB must not be found.
	call clean_storage
	; The 8254 can only send an NMI, through the I/O APIC.
	mov ax, 0xFFFF
	call pic_init
	mov edi, IOAPIC
	mov dword [rdi], 0x11 + 2 * 2
	mov dword [rdi + 0x10], 0
	mov dword [rdi], 0x10 + 2 * 2
	mov dword [rdi + 0x10], 0x400
	or byte [pml4], 4
	or byte [pdpt], 4
	mov edi, first_pages
	xor ecx, ecx
.page:
	mov eax, ecx
	shl eax, 12
	or eax, 7
	cmp ecx, 256
	jae .there
	xor eax, eax
.there:
	mov [rdi + rcx * 8], rax
	inc ecx
	cmp ecx, 512
	jb .page
	mov eax, first_pages + 7
	mov [page_directories], rax
	or byte [page_directories + 8], 4
	or byte [page_directories + 16], 4
	or byte [page_directories + 24], 4
	mov edi, page_directories + 32
	mov ecx, page_tables_end - page_directories - 32
	shr ecx, 3
	xor eax, eax
	rep stosq
	mov qword [pdpt + 8], 0
	mov qword [pdpt + 16], 0
	mov qword [pdpt + 24], 0
	mov rax, cr3
	mov cr3, rax

	SET_TASK
	mov edi, idt
	mov edx, stubs
	xor ecx, ecx
.gate:
	mov eax, edx
	mov [rdi], ax
	shr eax, 16
	mov [rdi + 6], ax
	mov byte [rdi + 4], 1			; a stack of its own: RSP is anything when a trap comes
	mov byte [rdi + 5], 0xEE		; ring 3 may INT it
	add edi, 16
	add edx, STUB
	inc ecx
	cmp ecx, 256
	jb .gate
	mov eax, nmi
	mov [idt + 2 * 16], ax
	shr eax, 16
	mov [idt + 2 * 16 + 6], ax
	mov byte [idt + 2 * 16 + 4], 2
	mov dword [tries_left], TRIES
	jmp next_try

clean_storage:
	mov edi, CODE
	mov ecx, STORAGE_END - CODE
	xor eax, eax
	rep stosb
	ret

; The watch over a try: one NMI, if nobody calls it off.
nmi:
	cmp byte [abs watched], 0
	jne .loops
	iretq
.loops:
	cld
	xor eax, eax
	mov dr7, rax				; what is made anew may be watched
	mov eax, TRIES
	sub eax, [tries_left]
	call putdec
	SAY " LOOPS", NL
	call watch_off
	call clean_storage
	mov dword [tries_of_code], 0
	jmp next_try

watch_off:
	mov byte [watched], 0
	mov al, 0x30				; mode 0: without a count its output stays low
	out 0x43, al
	ret

STUB		equ 16
align 16
stubs:
%assign number 0
%rep 256
	mov byte [abs trap_number], number
	jmp near trapped
	align STUB, int3
	%assign number number + 1
%endrep

; The try is over, or one of its steps: tells it.
trapped:
	mov [abs saved + 0], rax
	mov [abs saved + 8], rcx
	mov [abs saved + 16], rdx
	mov [abs saved + 24], rbx
	mov [abs saved + 32], rbp
	mov [abs saved + 40], rsi
	mov [abs saved + 48], rdi
	mov [abs saved + 56], r8
	mov [abs saved + 64], r9
	mov [abs saved + 72], r10
	mov [abs saved + 80], r11
	mov [abs saved + 88], r12
	mov [abs saved + 96], r13
	mov [abs saved + 104], r14
	mov [abs saved + 112], r15
	call watch_off
	mov rax, dr6
	mov [abs saved + 120], rax
	mov rax, cr0
	mov [abs saved + 128], rax
	clts
	mov eax, 0x80050033
	mov cr0, rax
	mov rax, cr4
	mov [abs saved + 136], rax
	or eax, 0x200
	mov cr4, rax
	mov ax, ds
	mov [abs saved + 144], ax
	mov ax, es
	mov [abs saved + 146], ax
	mov ax, fs
	mov [abs saved + 148], ax
	mov ax, gs
	mov [abs saved + 150], ax
	mov ecx, 0xC0000100
	rdmsr
	mov [abs saved + 152], eax
	mov [abs saved + 156], edx
	inc ecx
	rdmsr
	mov [abs saved + 160], eax
	mov [abs saved + 164], edx
	mov rax, cr8
	mov [abs saved + 168], rax
	fxsave64 [abs vectors]
	; With an error code the frame is longer; the stack's top is the same.
	xor r15d, r15d
	lea rbx, [rsp]
	cmp esp, TRAP_STACK - 48		; the frame alone has 40 bytes
	jne .no_error
	mov r15d, [rsp]
	bts r15, 32
	add rbx, 8
.no_error:
	mov eax, TRIES
	sub eax, [tries_left]
	call putdec
	SAY " V="
	mov al, [trap_number]
	call puthex8
	bt r15, 32
	jnc .error_told
	SAY " E="
	mov eax, r15d
	call puthex16
.error_told:
	SAY " "
	mov eax, [rbx + 8]
	call puthex16
	SAY ":"
	mov rax, [rbx]
	call puthex
	SAY " F="
	mov rax, [rbx + 16]
	call puthex32
	SAY " S="
	mov rax, [rbx + 24]
	call puthex
	cmp byte [trap_number], 14
	jne .no_address
	SAY " 2="
	mov rax, cr2
	call puthex
.no_address:
	cmp byte [trap_number], 1
	jne .no_debug
	SAY " 6="
	mov rax, [saved + 120]
	call puthex32
.no_debug:
	SAY " R="
	mov esi, saved
	mov ecx, SAVED / 8
	call sum
	SAY " X="
	mov esi, vectors
	mov ecx, 416 / 8			; up to the last of the 16 vector registers
	call sum
	SAY NL
	; A step goes on.
	cmp byte [trap_number], 1
	jne next_try
	dec dword [steps_left]
	js next_try
	call watch_on
	lea rsp, [rbx]
	mov rax, [saved + 120]
	test al, 15
	jz .not_met
	or dword [rsp + 16], 0x10000		; an instruction's breakpoint comes once
.not_met:
	mov eax, 0xFFFF0FF0
	mov dr6, rax
	mov rax, [saved + 136]
	mov cr4, rax
	mov rax, [saved + 128]
	mov cr0, rax
	mov rax, [saved + 0]
	mov rcx, [saved + 8]
	mov rdx, [saved + 16]
	mov rbx, [saved + 24]
	mov rsi, [saved + 40]
	mov r15, [saved + 112]
	iretq

watch_on:
	mov al, WATCH & 0xFF
	out 0x40, al
	mov al, WATCH >> 8
	out 0x40, al
	mov byte [watched], 1
	ret

; Prints a sum of RCX quadwords at RSI that changes with every bit and every order of theirs.
sum:
	xor eax, eax
.next:
	xor rax, [rsi]
	mov rdx, 0x9E3779B97F4A7C15
	imul rax, rdx
	rol rax, 29
	add esi, 8
	loop .next
	jmp puthex

next_try:
	cli
	cld
	mov esp, TRAP_STACK
	dec dword [tries_left]
	js .end
	RELOAD_SEGMENTS
	xor eax, eax
	lldt ax
	mov cr8, rax
	mov dr7, rax
	mov eax, 0xFFFF0FF0
	mov dr6, rax
	mov eax, pml4
	mov cr3, rax
	mov eax, 0x80050033			; PG AM WP NE ET MP PE
	mov cr0, rax
	mov eax, 0x6A8				; OSXMMEXCPT OSFXSR PGE PAE DE
	mov cr4, rax
	mov esi, msrs
.msr:
	mov ecx, [rsi]
	mov eax, [rsi + 4]
	mov edx, [rsi + 8]
	wrmsr
	add esi, 12
	cmp esi, msrs_end
	jb .msr
	fninit
	ldmxcsr [mxcsr]
	fxrstor64 [clean]
	RELOAD_TASK
	mov dword [steps_left], STEPS
	dec dword [tries_of_code]
	jns .same_code
	mov dword [tries_of_code], TRIES_OF_CODE
	call write_code
.same_code:
	PUSH_STACK
	call random
	and eax, 0x257DD5			; what there is in RFLAGS but for TF, IF, VM, VIF, VIP
	test ebx, 0x700
	jz .no_step
	or eax, 0x100
.no_step:
	test ebx, 0xC00
	jz .may_nest
	and eax, ~0x4000
.may_nest:
	or eax, 2
	push rax
	PUSH_CODE
	test ebx, 0x1000
	jz .registers
	mov eax, RING3_DATA
	mov ds, eax
	mov es, eax
.registers:
	call watch_on
	mov ebp, 15
.register:
	call pick
	push rax
	dec ebp
	jnz .register
	POP_REGISTERS
	pop r15
	iretq
.end:
	SAY "RANDOM64: END", NL
	jmp power_off

CODE_PICK 8

section .data
align 4, db 0
; Number and value, for every try: SYSCALL and SYSENTER lead into the instructions.
msrs:
	dd 0x174, RING0_64, 0, 0x175, STACKS + 0x8000, 0, 0x176, CODE + 0x100, 0
	dd 0xC0000080, 0xD01, 0, 0xC0000081, 0, RING0_64 | RING3_32 << 16, 0xC0000082, CODE + 0x200, 0
	dd 0xC0000083, CODE + 0x300, 0, 0xC0000084, 0x700, 0, 0xC0000102, DATA, 0
msrs_end:
mxcsr	dd 0x1F80

CODE_WAYS

align 16, db 0
; value, and the bits of it that are anything
picks:
	dq DATA, 0xFFFFF, DATA, 0xFFFF8, 0, 0xFF, 0, -1, -256, 0xFF, CODE, 0xFFF, STACKS, 0xFFFF, DATA, 0x7FF0
CODE_PREFIXES

templates:
	T 0x0F, 0, 0x20, 0, 0xC0, 0x3F			; MOV from CR
	T 0x0F, 0, 0x20, 1, 0xC0, 0x3F			; MOV from CR, DR
	T 0x0F, 0, 0x23, 0, 0xC0, 0x3F			; MOV to DR
	T 0xB8, 0, 0x00, 0xFF, 0x00, 0x2F, 0x00, 0xFF, 0x00, 0, 0x0F, 0, 0x23, 0, 0xF8, 0	; ... to DR7
	T 0xB8, 0, 0x00, 0xFF, 0x00, 0x0F, 0x50, 0, 0x00, 0, 0x0F, 0, 0x23, 0, 0xC0, 0x18	; ... to DR0-3, at the data
	T 0xB8, 0, 0x00, 0xFF, 0x00, 0x0F, 0x40, 0, 0x00, 0, 0x0F, 0, 0x23, 0, 0xC0, 0x18	; ... at the instructions
	T 0x0F, 0, 0x06, 0				; CLTS; MOV to CR0 could leave long mode, and with it this program
	T 0xB8, 0, 0xA8, 0x4C, 0x06, 7, 0x00, 4, 0x00, 0, 0x0F, 0, 0x22, 0, 0xE0, 0		; CR4: TSD DE MCE PCE ... OSXSAVE
	T 0x44, 0, 0x0F, 0, 0x20, 2, 0xC0, 0x07		; CR8
	T 0x0F, 0, 0x00, 0, 0x00, 0xFF			; SLDT to VERW
	T 0x0F, 0, 0x01, 0, 0x00, 0x07			; SGDT, SIDT
	T 0x0F, 0, 0x01, 0, 0x20, 0x07
	T 0x0F, 0, 0x01, 0, 0xE0, 0x1F			; SMSW, LMSW, SWAPGS
	T 0x0F, 0, 0x01, 0, 0xF0, 0x07
	T 0x0F, 0, 0x01, 0, 0x38, 0x07			; INVLPG
	T 0x31, 0, 0xC9, 0, 0xB8, 0, 0x03, 7, 0, 0, 0, 0, 0, 0, 0x31, 0, 0xD2, 0, 0x0F, 0, 0x01, 0, 0xD1, 1	; XSETBV, XGETBV
	T 0x0F, 0, 0xC7, 0, 0x08, 0x07			; CMPXCHG8B
	T 0x0F, 0, 0xAE, 0, 0x00, 0x3F			; FXSAVE, XSAVE, CLFLUSH
	T 0xB9, 0, 0x74, 3, 0x01, 0, 0, 0, 0, 0, 0x0F, 0, 0x30, 2		; SYSENTER's MSRs
	T 0xB9, 0, 0x77, 0, 0x02, 0, 0, 0, 0, 0, 0x0F, 0, 0x30, 2		; PAT
	T 0xB9, 0, 0x80, 0x07, 0, 1, 0, 0, 0xC0, 0, 0x0F, 0, 0x32, 0		; EFER and those beside it
	T 0xB9, 0, 0x81, 0x03, 0, 1, 0, 0, 0xC0, 0, 0x0F, 0, 0x30, 0
	T 0xB9, 0, 0x80, 0, 0, 0, 0, 0, 0xC0, 0, 0xB8, 0, 0x01, 1, 0x0D, 8, 0, 0, 0, 0, 0x99, 0, 0x0F, 0, 0x30, 0
	T 0xF2, 1, 0xA4, 3				; REP MOVS, CMPS
	T 0xF2, 1, 0xAA, 5				; REP STOS, SCAS
	T 0xA4, 3
	T 0xAC, 3
	T 0x88, 3, 0x00, 0x3F				; MOV to and from what a register points to
	T 0x88, 3, 0x80, 0x3F, 0x00, 0xFF, 0x00, 0x0F, 0, 0, 0, 0
	T 0x89, 2, 0x04, 0x38, 0x00, 0xFF
	T 0x00, 0x3F, 0x00, 0xFF			; arithmetic
	T 0x80, 3, 0x00, 0xFF, 0x00, 0xFF
	T 0xC0, 1, 0x00, 0x3F, 0x00, 0x1F
	T 0xF6, 1, 0x00, 0x3F
	T 0xF0, 0, 0x0F, 0, 0xB0, 1, 0x00, 0x3F		; LOCK CMPXCHG
	T 0x0F, 0, 0xA3, 0x18, 0x00, 0x3F		; BT to BTC
	T 0x0F, 0, 0xC0, 1, 0x00, 0x3F			; XADD
	T 0x86, 1, 0x00, 0x3F				; XCHG
	T 0xD8, 7, 0x00, 0xFF				; x87
	T 0x0F, 0, 0x10, 0x6F, 0x00, 0x3F		; SSE
	T 0x0F, 0, 0x50, 0x0F, 0xC0, 0x3F
	T 0xC5, 0, 0xF8, 0x7F, 0x10, 0x7F, 0x00, 0x3F	; AVX
	T 0xFF, 0, 0x18, 0x27				; CALL, JMP far
	T 0xCB, 4					; RETF, IRET
	T 0x48, 0, 0xCF, 4
	T 0xCD, 0, 0x00, 0xFF				; INT
	T 0xCC, 0
	T 0xCE, 0
	T 0xF1, 0					; INT1
	T 0x9C, 1					; PUSHF, POPF
	T 0x68, 0, 0xD7, 0xFF, 0x00, 0x7D, 0, 0x25, 0, 0, 0x9D, 0
	T 0xFA, 1					; CLI, STI
	T 0xFC, 1
	T 0x8E, 2, 0xC0, 0x3F				; segment registers
	T 0x66, 0, 0xB8, 0, 0x00, 0x3F, 0, 0, 0x8E, 0, 0xD0, 0x38
	T 0x66, 0, 0xB8, 0, 0x10, 0, 0, 0, 0x8E, 0, 0xD0, 0	; MOV SS
	T 0x0F, 0, 0xA0, 9
	T 0x50, 0x0F
	T 0xC8, 1, 0x00, 0x3F, 0x00, 0, 0x00, 3
	T 0xEB, 0, 0x00, 0x3F				; jumps, forward
	T 0x70, 0x0F, 0x00, 0x3F
	T 0xE8, 0, 0x00, 0xFF, 0, 0, 0, 0, 0, 0
	T 0x0F, 0, 0x0B, 0				; UD2
	T 0x0F, 0, 0x05, 2				; SYSCALL, SYSRET
	T 0x0F, 0, 0x34, 1				; SYSENTER, SYSEXIT
	T 0x0F, 0, 0x08, 1				; INVD, WBINVD
	T 0x0F, 0, 0x02, 1, 0xC0, 0x3F			; LAR, LSL
templates_end:

align 8, db 0
CODE_SEGMENTS TRAP_STACK, TRAP_STACK + 4096, TRAP_STACK
align 16, db 0
clean:	dw 0x37F, 0, 0, 0
	dq 0, 0
	dd 0x1F80, 0xFFFF
	times 512 - 32 db 0
tries_left	dd 0
tries_of_code	dd 0
steps_left	dd 0
watched		db 0

SAVED		equ 176
section .bss
alignb 16
vectors		resb 512
saved		resb SAVED
trap_number	resb 8
alignb 4096
first_pages	resb 4096
section .text

GUEST_END
