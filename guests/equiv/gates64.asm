; GATES64: events, gates, IRETQ and RETF of long mode with the tables and the stacks in a device's memory.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "GATES64"
%include "equiv/check64.inc"

; behind check64.inc's descriptors
SEL_GATE	equ 0x78 | 3		; call gates for ring 3, to ring 0
SEL_GATE1	equ 0x88 | 3		; to ring 1
SEL_CODE1	equ 0x98 | 1
SEL_OLD_GATE	equ 0xA0 | 3		; a gate of 32 bits
SEL_COMPAT3	equ 0xA8 | 3		; compatibility mode
SEL_CONFORM	equ 0xB0
GDT_SIZE	equ 0xB8

DEVICE	equ 0xA0000			; planes of the VGA, which keep what is written but are no storage to anyone
D_IDT	equ DEVICE
D_GDT	equ DEVICE + 0x1000
D_TSS	equ DEVICE + 0x2000
D_STACK	equ DEVICE + 0x4000		; tops of stacks: ring 0's, the present one, ring 3's, IST 1's, ring 1's
D_HERE	equ DEVICE + 0x6000
D_RING3	equ DEVICE + 0x7000
D_IST	equ DEVICE + 0x8000
D_RING1	equ DEVICE + 0x9000

%macro VGA 3
	mov dx, %1
	mov ax, (%3) << 8 | (%2)
	out dx, ax
%endmacro
; vector, selector, handler, type and IST: changes the IDT in storage
%macro IDT_GATE 4
	mov rax, %3
	mov [idt + (%1) * 16], ax
	mov word [idt + (%1) * 16 + 2], %2
	mov word [idt + (%1) * 16 + 4], %4
	shr rax, 16
	mov [idt + (%1) * 16 + 6], ax
	mov qword [idt + (%1) * 16 + 8], 0
%endmacro
%macro CALL_GATE 4			; selector, target selector, target, type
	mov eax, %3
	mov [gdt_own + (%1 & ~7)], ax
	mov word [gdt_own + (%1 & ~7) + 2], %2
	mov word [gdt_own + (%1 & ~7) + 4], %4
	shr eax, 16
	mov [gdt_own + (%1 & ~7) + 6], ax
%endmacro
; CASE3 with the stack of ring 3 where it is to be
%macro R3 2-*
	mov qword [case_fixup], %%after
	mov qword [case_begin], %%begin
	call case_prepare
	mov ecx, SEL_DATA3
	mov ds, ecx
	mov es, ecx
	push rcx
	push qword [at_ring3]
	push qword [ring3_flags]
	push qword SEL_CODE3
	push qword %%begin
	iretq
%%begin:
%rep %0 - 1
	%rotate 1
	%1
%endrep
	%rotate 1
	int 0x80
%%after:
	call case_end
	SAY %1
	call case_print
%endmacro

main:
	call check_init
	SAY "GATES64: BEGIN", NL
	mov r15d, 0xFEE00000
	mov al, 4
	call user_pages
	VGA 0x3C4, 2, 0x0F
	VGA 0x3C4, 4, 0x06
	VGA 0x3CE, 0, 0
	VGA 0x3CE, 1, 0
	VGA 0x3CE, 3, 0
	VGA 0x3CE, 4, 0
	VGA 0x3CE, 5, 0
	VGA 0x3CE, 6, 5
	VGA 0x3CE, 8, 0xFF
	mov edi, DEVICE
	mov ecx, 0x10000 / 8
	xor eax, eax
	rep stosq
	pop qword [end]
	mov [home], rsp
	call build
	SAY "IN STORAGE", NL
	call place
	call exercise
	SAY "IDT", NL
	mov dword [at_idt], D_IDT
	call place
	call exercise
	mov dword [at_idt], idt
	SAY "GDT", NL
	mov dword [at_gdt], D_GDT
	call place
	call exercise
	mov dword [at_gdt], gdt_own
	SAY "TSS", NL
	mov dword [at_tss], D_TSS
	call place
	call exercise
	mov dword [at_tss], tss_own
	SAY "STACKS", NL
	mov dword [at_stack], D_STACK
	mov dword [at_ring3], D_RING3
	mov dword [at_ring1], D_RING1
	mov dword [at_ist], D_IST
	mov dword [at_here], D_HERE
	call place
	call exercise
	SAY "ALL", NL
	mov dword [at_idt], D_IDT
	mov dword [at_gdt], D_GDT
	mov dword [at_tss], D_TSS
	call place
	call exercise
	SAY "GATES64: END", NL
	jmp power_off

build:
	mov esi, check_gdt
	mov edi, gdt_own
	mov ecx, 15
	rep movsq
	mov ecx, (GDT_SIZE - 0x78) / 8
	xor eax, eax
	rep stosq
	CALL_GATE SEL_GATE, CODE64, gate_level, 0xEC00
	CALL_GATE SEL_GATE1, SEL_CODE1, gate_level, 0xEC00
	CALL_GATE SEL_OLD_GATE, CODE64, gate_level, 0xE400
	mov rax, 0x00AFBA000000FFFF
	mov [gdt_own + (SEL_CODE1 & ~7)], rax
	mov rax, 0x00CFFA000000FFFF
	mov [gdt_own + (SEL_COMPAT3 & ~7)], rax
	mov rax, 0x00AF9E000000FFFF
	mov [gdt_own + SEL_CONFORM], rax
	IDT_GATE 0x30, CODE64, trap_stubs + 0x30 * TRAP_STUB_SIZE, 0x8E00
	IDT_GATE 0x31, CODE64, trap_stubs + 0x31 * TRAP_STUB_SIZE, 0xEE00
	IDT_GATE 0x32, CODE64, trap_stubs + 0x32 * TRAP_STUB_SIZE, 0xEE01
	IDT_GATE 0x33, CODE64, come_back, 0xEF00
	IDT_GATE 0x34, CODE64, come_back, 0xEE01
	IDT_GATE 0x35, CODE64, come_back, 0x0E00
	IDT_GATE 0x36, 0, come_back, 0x8E00
	IDT_GATE 0x37, DATA64, come_back, 0x8E00
	IDT_GATE 0x38, 0x48, come_back, 0x8E00		; code of 32 bits
	IDT_GATE 0x39, SEL_CONFORM, come_back, 0xEE00
	IDT_GATE 0x3A, SEL_CODE1, level_now, 0xEE00
	IDT_GATE 0x3B, CODE64, come_back, 0x8500
	IDT_GATE 0x3C, CODE64, come_back, 0x8E00
	mov dword [idt + 0x3C * 16 + 8], 0x8000		; not canonical
	IDT_GATE 0x3E, CODE64, come_back, 0xEE07	; beyond the TSS
	IDT_GATE 0x50, CODE64, irq_handler, 0x8E00
	IDT_GATE 2, CODE64, nmi_handler, 0x8E01
	ret

place:
	pop qword [back]
	mov esi, idt
	mov rdi, [at_idt]
	mov ecx, 0x81 * 2
	rep movsq
	mov esi, gdt_own
	mov rdi, [at_gdt]
	mov ecx, GDT_SIZE / 8
	rep movsq
	mov rdi, [at_gdt]
	mov rax, [at_tss]
	mov [rdi + SEL_TSS + 2], ax
	shr eax, 16
	mov [rdi + SEL_TSS + 4], al
	mov [rdi + SEL_TSS + 7], ah
	mov byte [rdi + SEL_TSS + 5], 0x89
	mov word [rdi + SEL_TSS], 0x4B		; to IST 5
	mov rdi, [at_tss]
	mov ecx, 104 / 8
	xor eax, eax
	rep stosq
	mov rdi, [at_tss]
	mov rax, [at_stack]
	mov [rdi + 4], rax
	mov rax, [at_ring1]
	mov [rdi + 12], rax
	mov rax, [at_ist]
	mov [rdi + 36], rax
	mov word [pointer], GDT_SIZE - 1
	mov rax, [at_gdt]
	mov [pointer + 2], rax
	lgdt [pointer]
	mov word [pointer], 0x81 * 16 - 1
	mov rax, [at_idt]
	mov [pointer + 2], rax
	lidt [pointer]
	mov eax, SEL_TSS
	ltr ax
	mov rsp, [home]
	mov rax, [at_here]
	test rax, rax
	jz .here
	mov rsp, rax
.here:
	jmp [back]

come_back:
	mov rax, [rsp + 16]
	mov rdx, [rsp + 24]
	sub rdx, rsp
	bts rax, 40
	iretq
level_now:
	mov eax, cs
	shl rax, 16
	mov ax, ss
	int 0x31
gate_level:
	mov eax, cs
	shl rax, 16
	mov ax, ss
	shl rax, 16
	mov ax, [rsp + 8]
	o64 retf
irq_handler:
	mov dword [r15 + 0x0B0], 0
	inc eax
	iretq
nmi_handler:
	inc dword [nmis]
	cmp dword [nmis], 1
	jne .end
	mov dword [r15 + 0x300], 0x4400	; another one, which waits for this IRET
	nop
	nop
	mov eax, [nmis]
.end:
	iretq

exercise:
	CASE "INT 30", { int 0x30 }
	CASE "INT3", { int3 }
	CASE "INT1", { db 0xF1 }
	CASE "UD2", { ud2 }
	CASE "RF", { push 0x10002 }, { popfq }, { ud2 }
	CASE "GP", { mov eax, 0x1238 }, { mov fs, eax }
	CASE "DIV", { div ecx }
	CASE "PF", { mov rcx, 7 << 30 }, { mov [rcx], eax }
	CASE "IST", { int 0x32 }
	CASE "TRAP GATE", { push 0x4ED7 }, { popfq }, { int 0x33 }, { push 2 }, { popfq }
	CASE "BACK", { int 0x33 }, { inc eax }
	CASE "BACK ODD", { sub rsp, 3 }, { int 0x33 }, { add rsp, 3 }
	CASE "BACK IST", { int 0x34 }, { inc eax }
	CASE "BACK FLAGS", { push 0x3ED5 }, { popfq }, { int 0x33 }, { pushfq }, { pop rax }, { cli }
	CASE "NOT PRESENT", { int 0x35 }
	CASE "CS NULL", { int 0x36 }
	CASE "CS DATA", { int 0x37 }
	CASE "CS 32", { int 0x38 }
	CASE "CONFORMING", { int 0x39 }
	CASE "OUTWARD", { int 0x3A }
	CASE "TASK GATE", { int 0x3B }
	CASE "BEYOND", { int 0xC0 }
	CASE "OFFSET", { int 0x3C }
	CASE "SS NULL", { xor ecx, ecx }, { mov ss, ecx }, { int 0x33 }, { mov ecx, ss }, { add eax, ecx }
	mov dword [step_mode], 1
	STEP "STEP", { int 0x33 }, { nop }
	mov dword [step_mode], 0
	mov dword [r15 + 0x0F0], 0x1FF
	mov dword [r15 + 0x310], 0
	CASE "IRQ", { sti }, { mov dword [r15 + 0x300], 0x40050 }, { nop }, { nop }, { cli }
	mov dword [nmis], 0
	CASE "NMI", { mov dword [r15 + 0x300], 0x4400 }, { nop }, { nop }, { shl eax, 8 }, { mov al, [nmis] }
	CASE "NMI AGAIN", { mov dword [r15 + 0x300], 0x4400 }, { nop }, { nop }, { mov al, [nmis] }
	; back to somewhere
	CASE "IRETQ NULL", { push 0 }, { push 0 }, { push 2 }, { push 0 }, { push 0 }, { iretq }
	CASE "IRETQ RPL", { push DATA64 }, { push 0 }, { push 2 }, { push CODE64 | 1 }, { push 0 }, { iretq }
	CASE "IRETQ SS NULL", { push 0 }, { push 0x1000 }, { push 2 }, { push SEL_CODE3 }, { push 0 }, { iretq }
	CASE "IRETQ SS BAD", { push DATA64 | 1 }, { push 0 }, { push 2 }, { push CODE64 }, { push 0 }, { iretq }
	CASE "IRETQ CANONICAL", { push DATA64 }, { push 0 }, { push 2 }, { push CODE64 }, { mov rcx, 1 << 47 }, { push rcx }, { iretq }
	CASE "IRETQ NT", { push 0x4002 }, { popfq }, { iretq }
	CASE "IRETQ LD", { push DATA64 }, { push 0 }, { push 2 }, { push 0x70 }, { push 0 }, { iretq }
	CASE "RETF NULL", { push 0 }, { push 0 }, { o64 retf }
	CASE "RETF SS", { push DATA64 }, { push 0 }, { push SEL_CODE3 }, { push 0 }, { o64 retf }
	CASE "IRETQ COMPAT", { push SEL_DATA3 }, { push 0x1000 }, { push 0x202 }, { push SEL_COMPAT3 }, { push compat }, { iretq }
	call from_ring3
	SAY "  LEFT"
	mov rdi, [at_gdt]
	mov ebx, CODE64
.next:
	mov al, ' '
	call putc
	mov al, [rdi + rbx + 5]
	call puthex8
	add ebx, 8
	cmp ebx, GDT_SIZE
	jb .next
	SAY NL
	ret

from_ring3:
	R3 "R3 UD2", { ud2 }
	R3 "R3 INT 30", { int 0x30 }
	R3 "R3 INT 31", { int 0x31 }
	R3 "R3 INT3", { int3 }
	R3 "R3 IST", { int 0x32 }
	R3 "R3 GP", { mov eax, 0x1238 }, { mov fs, eax }
	R3 "R3 BACK", { int 0x33 }, { mov ebx, ss }, { mov ecx, ds }
	R3 "R3 BACK IST", { int 0x34 }, { mov ebx, ss }
	R3 "R3 CONFORMING", { int 0x39 }
	R3 "R3 RING 1", { int 0x3A }
	R3 "R3 IST BEYOND", { int 0x3E }
	R3 "R3 CALL", { mov rcx, rsp }, { o64 call far [call_0] }, { sub rcx, rsp }, { add rax, rcx }
	R3 "R3 CALL RING 1", { o64 call far [call_1] }
	R3 "R3 CALL OLD", { o64 call far [call_old] }
	R3 "R3 CALL TSS", { o64 call far [call_tss] }
	R3 "R3 JMP", { o64 jmp far [call_0] }
	R3 "R3 RETF", { push CODE64 }, { push 0 }, { o64 retf }
	R3 "R3 IRETQ", { mov rcx, rsp }, { push SEL_DATA3 }, { push rcx }, { push 0x3ED7 }, { push SEL_CODE3 }, { push r3_next }, { iretq }, { nop }, { r3_next: pushfq }, { pop rax }
	R3 "R3 COMPAT", { push SEL_COMPAT3 }, { push compat }, { o64 retf }
	ret

bits 32
compat:
	mov eax, cs
	call SEL_GATE:0
	int 0x31
bits 64

section .data
align 8, db 0
call_0		dq 0
		dw SEL_GATE
call_1		dq 0
		dw SEL_GATE1
call_old	dq 0
		dw SEL_OLD_GATE
call_tss	dq 0
		dw SEL_TSS
align 8, db 0
at_idt		dq idt
at_gdt		dq gdt_own
at_tss		dq tss_own
at_stack	dq ring0_top
at_ring3	dq ring3_top
at_ring1	dq ring0_top - 2048
at_ist		dq ist_top
at_here		dq 0

section .bss
home		resq 1
back		resq 1
end		resq 1
nmis		resq 1
pointer		resb 16
gdt_own		resb GDT_SIZE
alignb 16
tss_own		resb 112
section .text

GUEST_END
