; TASKS: hardware task switches, gates between rings, and what the debug registers tell of them, in 32-bit protected mode.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "TASKS"
%include "equiv/check32.inc"

SEL_ABSENT	equ 0x58
SEL_TSS2	equ 0x60
SEL_TSS3	equ 0x68
SEL_TSS16	equ 0x70
SEL_TSS_SHORT	equ 0x78
SEL_TSS_ABSENT	equ 0x80
SEL_TASK	equ 0x88		; a task gate to TSS2, for ring 0
SEL_TASK3	equ 0x90 | 3		; the same for ring 3
SEL_CALL	equ 0x98 | 3		; call gate for ring 3, its count is set by the case
SEL_TIGHT	equ 0xA0		; code with limit FFh
SEL_ABSENT_CODE	equ 0xA8
SEL_ABSENT_LDT	equ 0xB0
SEL_STACK16	equ 0xB8 | 1	; ring 1
SEL_CODE16	equ 0xC0
SEL_DATA16	equ 0xE0
SEL_CODE1	equ 0xC8 | 1
SEL_DATA1	equ 0xD0 | 1
SEL_ABSENT_DATA1 equ 0xD8 | 1

TSS_LINK	equ 0
TSS_ESP0	equ 4
TSS_ESP1	equ 12
TSS_CR3		equ 28
TSS_EIP		equ 32
TSS_EFLAGS	equ 36
TSS_EAX		equ 40
TSS_ESP		equ 56
TSS_ES		equ 72
TSS_CS		equ 76
TSS_SS		equ 80
TSS_DS		equ 84
TSS_FS		equ 88
TSS_LDT		equ 96
TSS_TRAP	equ 100

; descriptor of a system segment: selector, base, limit, access byte
%macro SYSTEM 4
	mov eax, %2
	mov word [gdt_own + %1], %3
	mov [gdt_own + %1 + 2], ax
	shr eax, 16
	mov [gdt_own + %1 + 4], al
	mov byte [gdt_own + %1 + 5], %4
	mov byte [gdt_own + %1 + 6], 0
	mov [gdt_own + %1 + 7], ah
%endmacro
; a gate: selector, target selector, target, type word
%macro GDT_GATE 4
	mov eax, %3
	mov [gdt_own + (%1 & ~7)], ax
	shr eax, 16
	mov [gdt_own + (%1 & ~7) + 6], ax
	mov word [gdt_own + (%1 & ~7) + 2], %2
	mov word [gdt_own + (%1 & ~7) + 4], %4
%endmacro

; SWITCH "name", { change of TSS2 }, instructions: a case, then what the switch left behind
%macro SWITCH 3-*				; name, change, instructions
	call tasks_new
	%2
	mov dword [case_fixup], %%after
	mov dword [case_begin], %%begin
	call case_prepare
%%begin:
%rep %0 - 2
	%rotate 1
	%2
%endrep
	%rotate 2
%%after:
	pushf
	pop dword [flags_after]
	and dword [flags_after], 0x4FD7
	push dword 2
	popf
	call case_end
	and dword [case_cs], ~3			; a level that is not known yet counts as 3
	SAY32 %1
	call case_print
	call left_behind
%endmacro

main32:
	call check_init
	SAY32 "TASKS: BEGIN", NL
	call switches
	call faults
	call gates
	call debugging
	SAY32 "TASKS: END", NL
	jmp p32_power_off

; every TSS as new, TR the first one
tasks_new:
	SYSTEM SEL_TSS, tss32, 103, 0x89
	SYSTEM SEL_TSS2, tss2, 103, 0x89
	SYSTEM SEL_TSS3, tss3, 103, 0x89
	SYSTEM SEL_TSS16, tss16, 43, 0x81
	SYSTEM SEL_TSS_SHORT, tss2, 102, 0x89
	SYSTEM SEL_TSS_ABSENT, tss2, 103, 0x09
	GDT_GATE SEL_TASK, SEL_TSS2, 0, 0x8500
	GDT_GATE SEL_TASK3, SEL_TSS2, 0, 0xE500
	mov eax, SEL_TSS
	ltr ax
	mov eax, SEL_LDT
	lldt ax
	clts
	mov eax, 0x400
	mov dr7, eax
	mov edi, tss2
	mov ecx, 104 * 2 / 4
	xor eax, eax
	rep stosd
	mov edi, tss2
	mov dword [edi + TSS_EIP], task2
	mov dword [edi + TSS_ESP], task2_top
	call .common
	mov edi, tss3
	mov dword [edi + TSS_EIP], task3
	mov dword [edi + TSS_ESP], task3_top
	call .common
	mov edi, tss16
	mov ecx, 44 / 4
	xor eax, eax
	rep stosd
	mov word [tss16 + 16], 2
	mov word [tss16 + 14], 0x7000		; IP: below 64 KiB
	mov word [tss16 + 26], 0x6FF0
	mov word [tss16 + 34], SEL_DATA0
	mov word [tss16 + 36], SEL_CODE0
	mov word [tss16 + 38], SEL_DATA16	; the upper half of ESP does not come with it
	mov word [tss16 + 40], SEL_DATA0
	mov word [tss16 + 42], SEL_LDT
	mov dword [0x7000], 0xCDE4B70F		; MOVZX ESP, SP: the upper half is undefined; INT 80h
	mov word [0x7004], 0x9080
	xor eax, eax
	mov dword [tss32 + TSS_LINK], 0x12340000
	mov [tss32 + TSS_EIP], eax
	mov [tss32 + TSS_EFLAGS], eax
	ret
.common:
	mov dword [edi + TSS_ESP0], ring0_stack_top
	mov dword [edi + TSS_ESP0 + 4], SEL_DATA0
	mov dword [edi + TSS_EFLAGS], 2
	mov dword [edi + TSS_CS], SEL_CODE0
	mov dword [edi + TSS_SS], SEL_DATA0
	mov dword [edi + TSS_DS], SEL_DATA0
	mov dword [edi + TSS_ES], SEL_DATA0
	mov dword [edi + TSS_LDT], SEL_LDT
	mov dword [edi + TSS_TRAP], 104 << 16
	mov eax, cr3
	mov [edi + TSS_CR3], eax
	ret
task2:
	int 0x80
	jmp task2
task2_iret:
	mov eax, [tss2]
	iret
	mov eax, 0x2222
	iret
	jmp task2_iret
task2_flags:
	pushf
	pop eax
	int 0x80
task2_error:
	pop eax
	int 0x80
task2_float:
	fldz
	int 0x80
task2_ring3:
	mov eax, cs
	int 0x80
task2_call3:
	call SEL_TSS3:0
	inc eax
	iret
task2_cli_hlt:
	mov eax, [tss2]
	int 0x80
task3:
	mov ebx, 3
	iret

left_behind:
	SAY32 "  LEFT"
	xor eax, eax
	str ax
	call hex8
	sldt ax
	call hex8
	mov al, [gdt_own + SEL_TSS + 5]
	call hex8
	mov al, [gdt_own + SEL_TSS2 + 5]
	call hex8
	mov al, [gdt_own + SEL_TSS3 + 5]
	call hex8
	mov al, [gdt_own + SEL_TSS16 + 5]
	call hex8
	mov eax, [tss32]
	call hex32
	mov eax, [tss2]
	call hex32
	mov eax, [tss32 + TSS_EIP]
	test eax, eax
	jz .none
	sub eax, [case_begin]
.none:
	call hex32
	mov eax, [tss32 + TSS_EFLAGS]
	call hex32
	mov eax, [tss2 + TSS_EFLAGS]
	call hex32
	mov eax, cr0
	and eax, 8
	call hex8
	mov eax, dr7
	call hex32
	mov eax, [flags_after]
	call hex32
	SAY32 NL
	ret
hex8:
	push eax
	mov al, ' '
	call p32_putc
	pop eax
	jmp p32_puthex8
hex32:
	push eax
	mov al, ' '
	call p32_putc
	pop eax
	jmp p32_puthex

switches:
	GATE 0x30, SEL_TSS2, 0x8500, 0
	GATE 0x31, SEL_TSS2, 0xE500, 0
	SWITCH "JMP", { nop }, { mov eax, 0x11 }, { jmp SEL_TSS2:0 }
	SWITCH "CALL IRET", { mov dword [tss2 + TSS_EIP], task2_iret }, { call SEL_TSS2:0 }, { mov eax, [tss2 + TSS_EAX] }
	SWITCH "CALL TWICE", { mov dword [tss2 + TSS_EIP], task2_iret }, { call SEL_TSS2:0 }, { call SEL_TSS2:0 }, { mov eax, [tss2 + TSS_EAX] }
	SWITCH "CALL FLAGS", { mov dword [tss2 + TSS_EIP], task2_flags }, { call SEL_TSS2:0 }
	SWITCH "JMP FLAGS", { mov dword [tss2 + TSS_EIP], task2_flags }, { jmp SEL_TSS2:0 }
	SWITCH "JMP NT", { mov dword [tss2 + TSS_EFLAGS], 0x4002 }, { push 0x4ED7 }, { popf }, { jmp SEL_TSS2:0 }
	SWITCH "JMP GATE", { nop }, { jmp SEL_TASK:0x1234 }
	SWITCH "CALL GATE", { mov dword [tss2 + TSS_EIP], task2_iret }, { call SEL_TASK:0x1234 }
	SWITCH "INT GATE", { mov dword [tss2 + TSS_EIP], task2_iret }, { int 0x30 }, { inc eax }
	SWITCH "INT GATE FLAGS", { mov dword [tss2 + TSS_EIP], task2_flags }, { stc }, { int 0x30 }
	SWITCH "NESTED", { mov dword [tss2 + TSS_EIP], task2_call3 }, { call SEL_TSS2:0 }, { mov eax, [tss2 + TSS_EAX] }, { shl eax, 8 }, { mov al, [tss3 + TSS_EAX + 12] }
	SWITCH "TS", { mov dword [tss2 + TSS_EIP], task2_float }, { call SEL_TSS2:0 }
	SWITCH "RING 3", { mov dword [tss2 + TSS_EIP], task2_ring3 }, { mov dword [tss2 + TSS_CS], SEL_CODE3 }, { mov dword [tss2 + TSS_SS], SEL_DATA3 }, { jmp SEL_TSS2:0 }
	call tasks_new
	CASE3 "R3 CALL TSS", { call SEL_TSS2:0 }
	CASE3 "R3 CALL GATE 0", { call SEL_TASK:0 }
	mov dword [tss2 + TSS_EIP], task2_iret
	CASE3 "R3 CALL GATE 3", { call SEL_TASK3:0 }, { mov eax, cs }
	CASE3 "R3 INT 30", { int 0x30 }
	CASE3 "R3 INT 31", { int 0x31 }, { mov eax, cs }
	CASE3 "R3 IRET NT", { pushf }, { or dword [esp], 0x4000 }, { popf }, { iret }
	SWITCH "TO 16", { nop }, { mov eax, 0x12345678 }, { jmp SEL_TSS16:0 }
	SWITCH "TO 16 CALL", { mov word [0x7000], 0x90CF }, { call SEL_TSS16:0 }, { mov eax, [tss16] }
	SWITCH "EFLAGS VM", { mov dword [tss2 + TSS_EFLAGS], 0x23002 }, { mov dword [tss2 + TSS_CS], 0x700 }, { mov dword [tss2 + TSS_EIP], 0 }, { jmp SEL_TSS2:0 }
	; an interrupt and a NMI by task gate
	GATE 0x50, SEL_TSS2, 0x8500, 0
	GATE 2, SEL_TSS2, 0x8500, 0
	mov dword [0xFEE000F0], 0x1FF
	mov dword [0xFEE00310], 0
	SWITCH "IRQ GATE", { mov dword [tss2 + TSS_EIP], task2_iret }, { mov dword [0xFEE00300], 0x40050 }, { sti }, { nop }, { cli }
	mov dword [0xFEE000B0], 0
	SWITCH "IRQ HLT", { mov dword [tss2 + TSS_EIP], task2_iret }, { mov dword [0xFEE00300], 0x40050 }, { sti }, { hlt }, { cli }
	mov dword [0xFEE000B0], 0
	SWITCH "NMI GATE", { mov dword [tss2 + TSS_EIP], task2_iret }, { mov dword [0xFEE00300], 0x4400 }, { nop }, { mov dword [0xFEE00300], 0x4400 }, { nop }
	GATE 2, SEL_CODE0, GATE_RING0, stubs + 2 * STUB_SIZE
	ret

faults:
	SWITCH "BUSY", { nop }, { jmp SEL_TSS:0 }
	SWITCH "ABSENT", { nop }, { jmp SEL_TSS_ABSENT:0 }
	SWITCH "SHORT", { nop }, { jmp SEL_TSS_SHORT:0 }
	SWITCH "SHORT CALL", { nop }, { call SEL_TSS_SHORT:0 }
	SWITCH "GATE BUSY", { mov byte [gdt_own + SEL_TSS2 + 5], 0x8B }, { jmp SEL_TASK:0 }
	SWITCH "GATE ABSENT", { mov byte [gdt_own + SEL_TASK + 5], 5 }, { jmp SEL_TASK:0 }
	SWITCH "GATE TO LDT", { mov word [gdt_own + SEL_TASK + 2], SEL_LDT }, { jmp SEL_TASK:0 }
	SWITCH "GATE LOCAL", { mov word [gdt_own + SEL_TASK + 2], 4 }, { jmp SEL_TASK:0 }
	SWITCH "GATE NULL", { mov word [gdt_own + SEL_TASK + 2], 0 }, { jmp SEL_TASK:0 }
	SWITCH "GATE BEYOND", { mov word [gdt_own + SEL_TASK + 2], 0x1000 }, { jmp SEL_TASK:0 }
	SWITCH "INT BUSY", { mov byte [gdt_own + SEL_TSS2 + 5], 0x8B }, { int 0x30 }
	SWITCH "INT ABSENT", { mov byte [gdt_own + SEL_TSS2 + 5], 9 }, { int 0x30 }
	SWITCH "INT SHORT", { mov word [gdt_own + SEL_TSS2], 50 }, { int 0x30 }
	SWITCH "CS DATA", { mov dword [tss2 + TSS_CS], SEL_DATA0 }, { jmp SEL_TSS2:0 }
	SWITCH "CS NULL", { mov dword [tss2 + TSS_CS], 0 }, { call SEL_TSS2:0 }
	SWITCH "CS RPL", { mov dword [tss2 + TSS_CS], SEL_CODE0 | 3 }, { jmp SEL_TSS2:0 }
	SWITCH "CS ABSENT", { mov dword [tss2 + TSS_CS], SEL_ABSENT_CODE }, { jmp SEL_TSS2:0 }
	SWITCH "CS BEYOND", { mov dword [tss2 + TSS_CS], 0x1008 }, { jmp SEL_TSS2:0 }
	SWITCH "EIP", { mov dword [tss2 + TSS_CS], SEL_TIGHT }, { jmp SEL_TSS2:0 }
	SWITCH "SS CODE", { mov dword [tss2 + TSS_SS], SEL_CODE0 }, { jmp SEL_TSS2:0 }
	SWITCH "SS NULL", { mov dword [tss2 + TSS_SS], 0 }, { jmp SEL_TSS2:0 }
	SWITCH "SS ABSENT", { mov dword [tss2 + TSS_SS], SEL_ABSENT }, { jmp SEL_TSS2:0 }
	SWITCH "SS DPL", { mov dword [tss2 + TSS_SS], SEL_DATA3 }, { call SEL_TSS2:0 }
	SWITCH "DS EXECUTE", { mov dword [tss2 + TSS_DS], SEL_EXECUTE }, { jmp SEL_TSS2:0 }
	SWITCH "DS NULL", { mov dword [tss2 + TSS_DS], 0 }, { jmp SEL_TSS2:0 }
	SWITCH "ES ABSENT", { mov dword [tss2 + TSS_ES], SEL_ABSENT }, { jmp SEL_TSS2:0 }
	SWITCH "FS TSS", { mov dword [tss2 + TSS_FS], SEL_TSS }, { jmp SEL_TSS2:0 }
	SWITCH "LDT NULL", { mov dword [tss2 + TSS_LDT], 0 }, { jmp SEL_TSS2:0 }
	SWITCH "LDT DATA", { mov dword [tss2 + TSS_LDT], SEL_DATA0 }, { jmp SEL_TSS2:0 }
	SWITCH "LDT ABSENT", { mov dword [tss2 + TSS_LDT], SEL_ABSENT_LDT }, { jmp SEL_TSS2:0 }
	SWITCH "IRET LINK AVAIL", { mov word [tss32], SEL_TSS2 }, { push 0x4002 }, { popf }, { iret }
	SWITCH "IRET LINK NULL", { mov word [tss32], 0 }, { push 0x4002 }, { popf }, { iret }
	SWITCH "IRET LINK LDT", { mov word [tss32], SEL_LDT }, { push 0x4002 }, { popf }, { iret }
	SWITCH "IRET LINK LOCAL", { mov word [tss32], 4 }, { push 0x4002 }, { popf }, { iret }
	SWITCH "IRET LINK BUSY", { mov word [tss32], SEL_TSS2 }, { mov byte [gdt_own + SEL_TSS2 + 5], 0x8B }, { push 0x4002 }, { popf }, { iret }
	; exceptions by task gate
	GATE 13, SEL_TSS2, 0x8500, 0
	SWITCH "GP BY TASK", { mov dword [tss2 + TSS_EIP], task2_error }, { mov eax, 0x1238 }, { mov fs, eax }
	SWITCH "INT 13 BY TASK", { mov dword [tss2 + TSS_EIP], task2_flags }, { int 13 }
	SWITCH "GP IN TASK", { mov byte [gdt_own + SEL_TSS2 + 5], 0x8B }, { mov eax, 0x1238 }, { mov fs, eax }
	GATE 13, SEL_CODE0, GATE_RING0, stubs + 13 * STUB_SIZE
	GATE 6, SEL_TSS2, 0x8500, 0
	SWITCH "UD BY TASK", { mov dword [tss2 + TSS_EIP], task2_flags }, { ud2 }
	SWITCH "UD THEN TS", { mov dword [tss2 + TSS_SS], 0 }, { ud2 }
	GATE 6, SEL_CODE0, GATE_RING0, stubs + 6 * STUB_SIZE
	GATE 8, SEL_TSS2, 0x8500, 0
	GATE 13, SEL_CODE0, 0x0E00, 0
	SWITCH "DF BY TASK", { mov dword [tss2 + TSS_EIP], task2_error }, { mov eax, 0x1238 }, { mov fs, eax }
	GATE 13, SEL_CODE0, GATE_RING0, stubs + 13 * STUB_SIZE
	GATE 8, SEL_CODE0, GATE_RING0, stubs + 8 * STUB_SIZE
	ret

; call gates from ring 3
gate_params:
	mov eax, [esp + 8]
	add eax, [esp + 12]
	shl eax, 8
	mov ecx, cs
	mov al, cl
	int 0x80
gate_back:
	mov eax, 0xBA
	retf 8
gate16:
	mov eax, [esp]
	int 0x80
gates:
	call tasks_new
	GDT_GATE SEL_CALL, SEL_CODE0, gate_params, 0xEC02
	CASE3 "GATE 2", { push 5 }, { push 6 }, { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_CODE0, gate_back, 0xEC02
	CASE3 "GATE BACK", { mov ecx, esp }, { push 5 }, { push 6 }, { call SEL_CALL:0 }, { sub ecx, esp }, { shl ecx, 16 }, { mov cx, ds }, { add eax, ecx }
	CASE3 "GATE BACK DS0", { push 5 }, { push 6 }, { mov ecx, SEL_CONFORMING }, { mov fs, ecx }, { call SEL_CALL:0 }, { mov eax, fs }
	GDT_GATE SEL_CALL, SEL_CODE0, gate_params, 0xEC1F
	CASE3 "GATE 31", { push 5 }, { push 6 }, { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_CODE0, gate_params, 0x8C02
	CASE3 "GATE DPL", { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_CODE0, gate_params, 0x6C02
	CASE3 "GATE ABSENT", { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, 0, gate_params, 0xEC02
	CASE3 "GATE TO NULL", { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_DATA0, gate_params, 0xEC02
	CASE3 "GATE TO DATA", { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_ABSENT_CODE, gate_params, 0xEC02
	CASE3 "GATE TO ABSENT", { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_CONFORMING, gate_params, 0xEC02
	CASE3 "GATE CONFORMING", { push 5 }, { push 6 }, { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_TIGHT, gate_params, 0xEC02
	CASE3 "GATE LIMIT", { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_CODE0, gate_params, 0xEC02
	CASE3 "GATE JMP", { jmp SEL_CALL:0 }
	; to ring 1, so that the fault's handler has ring 0's stack
	GDT_GATE SEL_CALL, SEL_CODE1, gate_params, 0xEC02
	mov dword [tss32 + TSS_ESP1], ring0_stack_top - 2048
%macro GATE1 2
	mov dword [tss32 + TSS_ESP1 + 4], %2
	CASE3 %1, { push 5 }, { push 6 }, { call SEL_CALL:0 }
%endmacro
	GATE1 "GATE RING 1", SEL_DATA1
	GATE1 "GATE SS1 RPL", SEL_DATA0
	GATE1 "GATE SS1 DPL", SEL_DATA0 | 1
	GATE1 "GATE SS1 NULL", 0
	GATE1 "GATE SS1 ABSENT", SEL_ABSENT_DATA1
	GATE1 "GATE SS1 CODE", SEL_CODE1
	GATE1 "GATE SS1 BEYOND", 0x1001
	mov dword [tss32 + TSS_ESP1], 8
	GATE1 "GATE SS1 SHORT", SEL_STACK16
	mov dword [tss32 + TSS_ESP1], ring0_stack_top - 2048
	mov word [gdt_own + SEL_TSS], 15
	mov byte [gdt_own + SEL_TSS + 5], 0x89
	mov eax, SEL_TSS
	ltr ax
	GATE1 "GATE TSS SHORT", SEL_DATA1
	mov word [gdt_own + SEL_TSS], 103
	mov byte [gdt_own + SEL_TSS + 5], 0x89
	mov eax, SEL_TSS
	ltr ax
	mov dword [0x7000], 0x9080CD58		; POP EAX, INT 80h
	GDT_GATE SEL_CALL, SEL_CODE0, 0x7000, 0xE402
	CASE3 "GATE 16", { push 0x12345678 }, { push 6 }, { call SEL_CALL:0 }
	GDT_GATE SEL_CALL, SEL_CODE16, 0x7000, 0xEC00
	CASE3 "GATE TO 16", { call SEL_CALL:0 }
	CASE3 "RETF RING 0", { push SEL_CODE0 }, { push 0 }, { retf }
	CASE "RETF RING 3", { push SEL_DATA3 }, { push ring3_stack_top }, { push 99 }, { push SEL_CODE3 }, { push .in_ring3 }, { retf 4 }
	jmp .past
.in_ring3:
	mov ecx, esp
	sub ecx, ring3_stack_top
	mov eax, ds
	shl eax, 8
	mov al, cl
	int 0x80
.past:
	CASE "RETF SS BAD", { push SEL_DATA0 }, { push ring3_stack_top }, { push SEL_CODE3 }, { push .in_ring3 }, { retf }
	CASE "RETF CS RPL", { push SEL_CODE3 & ~3 }, { push .in_ring3 }, { retf }
	CASE "IRET SS NULL", { push 0 }, { push ring3_stack_top }, { push 2 }, { push SEL_CODE3 }, { push .in_ring3 }, { iret }
	CASE "IRET VM", { push 0 }, { push 0 }, { push 0 }, { push 0 }, { push 0 }, { push 0x6FF0 }, { push 0x20002 }, { push 0x700 }, { push 1 }, { iret }
	CASE "IRET 16", { push word 0x0ED7 }, { push word SEL_CODE0 }, { push word 0x7001 }, { o16 iret }
	CASE "LSS FAULT", { mov dword [edi], 0 }, { mov word [edi + 4], SEL_ABSENT }, { lss esp, [edi] }
	CASE "LES NULL", { mov dword [edi], 0x77 }, { mov word [edi + 4], 0 }, { les eax, [edi] }
	CASE "VERR R", { mov eax, SEL_DATA0 }, { verr ax }, { mov eax, 0 }, { setz al }, { mov ecx, SEL_TSS }, { verw cx }, { setz ah }
	CASE "LSL GATE", { mov eax, 0x99 }, { mov ecx, SEL_CALL }, { lsl eax, ecx }
	CASE "LSL LDT", { mov ecx, SEL_LDT }, { lsl eax, ecx }
	CASE "LAR TASK", { mov ecx, SEL_TASK }, { lar eax, ecx }
	CASE "LAR BUSY", { mov ecx, SEL_TSS }, { lar eax, ecx }
	ret

; debug registers
debugging:
	SWITCH "T BIT", { or dword [tss2 + TSS_TRAP], 1 }, { jmp SEL_TSS2:0 }
	SWITCH "T BIT CALL", { or dword [tss2 + TSS_TRAP], 1 }, { mov dword [tss2 + TSS_EIP], task2_flags }, { call SEL_TSS2:0 }
	SWITCH "T BIT TF", { or dword [tss2 + TSS_TRAP], 1 }, { mov dword [tss2 + TSS_EFLAGS], 0x102 }, { jmp SEL_TSS2:0 }
	SWITCH "T BIT BP", { or dword [tss2 + TSS_TRAP], 1 }, { mov eax, task2 }, { mov dr0, eax }, { mov eax, 0x403 }, { mov dr7, eax }, { jmp SEL_TSS2:0 }
	SWITCH "TASK TF", { mov dword [tss2 + TSS_EFLAGS], 0x102 }, { jmp SEL_TSS2:0 }
	SWITCH "TASK RF", { mov dword [tss2 + TSS_EFLAGS], 0x10002 }, { mov eax, task2 }, { mov dr0, eax }, { mov eax, 0x402 }, { mov dr7, eax }, { jmp SEL_TSS2:0 }
	SWITCH "TASK BP", { mov eax, task2 }, { mov dr0, eax }, { mov eax, 0x402 }, { mov dr7, eax }, { jmp SEL_TSS2:0 }
	SWITCH "TASK BP LOCAL", { mov eax, task2 }, { mov dr0, eax }, { mov eax, 0x5FF }, { mov dr7, eax }, { jmp SEL_TSS2:0 }
	SWITCH "TASK BP TSS", { mov eax, tss2 + TSS_EIP }, { mov dr1, eax }, { mov eax, 0xF00408 }, { mov dr7, eax }, { jmp SEL_TSS2:0 }
	SWITCH "STEP CALL", { mov dword [tss2 + TSS_EIP], task2_iret }, { push 0x102 }, { popf }, { call SEL_TSS2:0 }, { nop }
	SWITCH "STEP INT", { mov dword [tss2 + TSS_EIP], task2_iret }, { push 0x102 }, { popf }, { int 0x30 }, { nop }
	SWITCH "GD TASK", { nop }, { mov eax, 0x2400 }, { mov dr7, eax }, { jmp SEL_TSS2:0 }
	call tasks_new
	ret

section .data
align 8, db 0
gdt_more:
	dq 0x0000120000000000
	times 8 dq 0
	dq 0x00409A00000000FF
	dq 0x00CF1A000000FFFF
	dq 0x0000020000000007
	dq 0x0000B200000000FF
	dq 0x00009A000000FFFF
	dq 0x00CFBA000000FFFF
	dq 0x00CFB2000000FFFF
	dq 0x00CF32000000FFFF
	dq 0x000092000000FFFF
gdt_more_end:

section .bss
flags_after	resd 1
alignb 16
tss2		resb 104
tss3		resb 104
tss16		resb 44
alignb 16
		resb 2048
task2_top:
		resb 2048
task3_top:
		resb 16
section .text

GUEST_END
