; GATES: events, gates, IRET and RETF with the tables and the stacks in a device's memory, or beyond the storage's end.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "GATES"
%include "equiv/check32.inc"

SEL_TSS2	equ 0x58
SEL_TASK	equ 0x60 | 3		; a task gate to TSS2
SEL_CALL	equ 0x68 | 3		; call gates for ring 3, two parameters
SEL_CALL16	equ 0x70 | 3
SEL_CALL1	equ 0x78 | 3		; to ring 1
SEL_CODE1	equ 0x80 | 1
SEL_DATA1	equ 0x88 | 1
SEL_CONF	equ 0x90		; conforming code, not accessed before
SEL_ABSENT	equ 0x98
SEL_CALL_CONF	equ 0xA0 | 3
SEL_TSS_NEW	equ 0xA8		; TSS at another place
SEL_FAR_LDT	equ 0xB0		; an LDT beyond the storage's end
SEL_CODE16	equ 0xB8
SEL_DATA16	equ 0xC0

DEVICE	equ 0xA0000			; planes of the VGA, which keep what is written but are no storage to anyone
D_IDT	equ DEVICE
D_GDT	equ DEVICE + 0x1000
D_TSS	equ DEVICE + 0x2000
D_TSS2	equ DEVICE + 0x2200
D_STACK	equ DEVICE + 0x4000		; tops of stacks: ring 0's by the TSS, the present one, ring 3's, ring 1's
D_HERE	equ DEVICE + 0x6000
D_RING3	equ DEVICE + 0x7000
D_RING1	equ DEVICE + 0x8000
ENDS	equ 64 << 20			; where the storage ends

LOW_CODE equ 0x7000			; for 16-bit gates
V86_CODE equ 0x7100

%macro SYSTEM 4				; selector, base, limit, access byte
	mov eax, %2
	mov word [gdt_own + %1], %3
	mov [gdt_own + %1 + 2], ax
	shr eax, 16
	mov [gdt_own + %1 + 4], al
	mov byte [gdt_own + %1 + 5], %4
	mov byte [gdt_own + %1 + 6], 0
	mov [gdt_own + %1 + 7], ah
%endmacro
%macro GDT_GATE 4			; selector, target selector, target, type word
	mov eax, %3
	mov [gdt_own + (%1 & ~7)], ax
	shr eax, 16
	mov [gdt_own + (%1 & ~7) + 6], ax
	mov word [gdt_own + (%1 & ~7) + 2], %2
	mov word [gdt_own + (%1 & ~7) + 4], %4
%endmacro
; virtual-8086 mode: CASE86 "name", flags; the code is at V86_CODE
%macro CASE86 2
	mov dword [case_fixup], %%after
	mov dword [case_begin], V86_CODE
	call case_prepare
	push dword 0x44
	push dword 0x33
	push dword 0x22
	push dword 0x11
	push dword 0
	push dword 0x6F00
	push dword 0x20002 | (%2)
	push dword 0
	push dword V86_CODE
	iret
%%after:
	call case_end
	SAY32 %1
	call case_print
%endmacro
%macro REG 3
	mov dx, %1
	mov ax, (%3) << 8 | (%2)
	out dx, ax
%endmacro

main32:
	call check_init
	SAY32 "GATES: BEGIN", NL
	REG 0x3C4, 2, 0x0F
	REG 0x3C4, 4, 0x06
	REG 0x3CE, 0, 0
	REG 0x3CE, 1, 0
	REG 0x3CE, 3, 0
	REG 0x3CE, 4, 0
	REG 0x3CE, 5, 0
	REG 0x3CE, 6, 5
	REG 0x3CE, 8, 0xFF
	mov edi, DEVICE
	mov ecx, 0x10000 / 4
	xor eax, eax
	rep stosd
	mov [home], esp
	call build
	SAY32 "IN STORAGE", NL
	call place
	call exercise
	SAY32 "IDT", NL
	mov dword [at_idt], D_IDT
	call place
	call exercise
	mov dword [at_idt], idt32
	SAY32 "GDT", NL
	mov dword [at_gdt], D_GDT
	call place
	call exercise
	mov dword [at_gdt], gdt_own
	SAY32 "TSS", NL
	mov dword [at_tss], D_TSS
	mov dword [at_tss2], D_TSS2
	call place
	call exercise
	mov dword [at_tss], tss_own
	mov dword [at_tss2], tss2
	SAY32 "STACKS", NL
	mov dword [at_stack], D_STACK
	mov dword [at_ring3], D_RING3
	mov dword [at_ring1], D_RING1
	mov dword [at_here], D_HERE
	call place
	call exercise
	SAY32 "ALL", NL
	mov dword [at_idt], D_IDT
	mov dword [at_gdt], D_GDT
	mov dword [at_tss], D_TSS
	mov dword [at_tss2], D_TSS2
	call place
	call exercise
	mov dword [at_idt], idt32
	mov dword [at_gdt], gdt_own
	mov dword [at_tss], tss_own
	mov dword [at_tss2], tss2
	mov dword [at_stack], ring0_stack_top
	mov dword [at_ring3], ring3_stack_top
	mov dword [at_ring1], ring1_top
	mov dword [at_here], 0
	call place
	call nowhere
	call real_mode
	SAY32 "GATES: END", NL
	jmp p32_power_off

; the tables as they are to be, in storage
build:
	GATE 0x30, SEL_CODE0, GATE_RING0, stubs + 0x30 * STUB_SIZE
	GATE 0x31, SEL_CODE0, GATE_RING3, stubs + 0x31 * STUB_SIZE
	GATE 0x32, SEL_CODE0, 0x8F00, flags_now			; trap gate
	GATE 0x33, SEL_CODE0, 0x8600, LOW_CODE			; 16 bits
	GATE 0x34, SEL_CODE0, 0xEE00, come_back
	GATE 0x35, SEL_CODE0, 0x0E00, come_back			; not present
	GATE 0x36, 0, 0x8E00, come_back
	GATE 0x37, SEL_DATA0, 0x8E00, come_back
	GATE 0x38, SEL_ABSENT, 0x8E00, come_back
	GATE 0x39, SEL_CONF, 0xEE00, level_now
	GATE 0x3A, SEL_CODE1, 0xEE00, level_now
	GATE 0x3B, SEL_TSS2, 0xE500, 0
	GATE 0x3C, SEL_CODE0, 0x8C00, come_back			; no gate for the IDT
	GATE 0x3D, 0x1008, 0x8E00, come_back
	GATE 0x3E, SEL_FAR_LDT, 0x8E00, come_back
	GATE 0x3F, 4, 0x8E00, come_back
	GATE 0x40, SEL_CODE0, 0xE600, LOW_CODE
	GATE 2, SEL_CODE0, GATE_RING0, nmi_handler
	GATE 0x50, SEL_CODE0, GATE_RING0, irq_handler
	SYSTEM SEL_TSS, 0, 0xA8, 0x89
	SYSTEM SEL_TSS2, 0, 103, 0x89
	GDT_GATE SEL_TASK, SEL_TSS2, 0, 0xE500
	GDT_GATE SEL_CALL, SEL_CODE0, gate_sum, 0xEC02
	GDT_GATE SEL_CALL16, SEL_CODE0, LOW_CODE + 16, 0xE402
	GDT_GATE SEL_CALL1, SEL_CODE1, gate_sum, 0xEC02
	GDT_GATE SEL_CALL_CONF, SEL_CONF, gate_sum, 0xEC00
	SYSTEM SEL_FAR_LDT, ENDS, 0xFF, 0x82
	; JMP frame16, JMP frame16_call; what virtual-8086 mode executes
	mov byte [LOW_CODE], 0xE9
	mov dword [LOW_CODE + 1], frame16
	sub dword [LOW_CODE + 1], LOW_CODE + 5
	mov byte [LOW_CODE + 16], 0xE9
	mov word [LOW_CODE + 32], 0x80CD
	mov dword [LOW_CODE + 17], frame16
	sub dword [LOW_CODE + 17], LOW_CODE + 21
	ret

; copies the tables to where [at_...] says, and uses them there
place:
	pop dword [back]
	mov esi, idt32
	mov edi, [at_idt]
	mov ecx, 0x81 * 2
	rep movsd
	mov esi, gdt_own
	mov edi, [at_gdt]
	mov ecx, (GDT_MORE + gdt_more_end - gdt_more) / 4
	rep movsd
	mov edi, [at_gdt]
	mov eax, [at_tss]
	mov esi, SEL_TSS
	call .base
	mov byte [edi + SEL_TSS + 5], 0x89
	mov eax, [at_tss2]
	mov esi, SEL_TSS2
	call .base
	mov edi, [at_tss]
	mov ecx, 0xA9
	xor eax, eax
	rep stosb
	mov edi, [at_tss]
	mov eax, [at_stack]
	mov [edi + 4], eax
	mov dword [edi + 8], SEL_DATA0
	mov eax, [at_ring1]
	mov [edi + 12], eax
	mov dword [edi + 16], SEL_DATA1
	mov word [edi + 102], 0x88		; I/O map; the redirection map before it
	mov byte [edi + 0x68 + 0x31 / 8], 1 << 1	; INT 31h goes to the IDT
	mov byte [edi + 0xA8], 0xFF
	mov ax, (GDT_MORE + gdt_more_end - gdt_more) - 1
	mov [pointer], ax
	mov eax, [at_gdt]
	mov [pointer + 2], eax
	lgdt [pointer]
	mov word [pointer], 0x81 * 8 - 1
	mov eax, [at_idt]
	mov [pointer + 2], eax
	lidt [pointer]
	mov eax, SEL_TSS
	ltr ax
	mov eax, SEL_LDT
	lldt ax
	mov esp, [home]
	cmp dword [at_here], 0
	je .here
	mov esp, [at_here]
.here:
	sub esp, 4				; main32's
	jmp [back]
.base:
	mov [edi + esi + 2], ax
	shr eax, 16
	mov [edi + esi + 4], al
	mov [edi + esi + 7], ah
	ret

; TSS2 as new, to begin at EAX
task_new:
	push eax
	mov edi, [at_tss2]
	mov ecx, 104 / 4
	xor eax, eax
	rep stosd
	pop eax
	mov edi, [at_tss2]
	mov [edi + 32], eax
	mov dword [edi + 36], 2
	mov dword [edi + 4], ring0_stack_top
	mov dword [edi + 8], SEL_DATA0
	mov eax, [at_stack]
	sub eax, 1024
	mov [edi + 56], eax
	mov dword [edi + 72], SEL_DATA0
	mov dword [edi + 76], SEL_CODE0
	mov dword [edi + 80], SEL_DATA0
	mov dword [edi + 84], SEL_DATA0
	mov dword [edi + 96], SEL_LDT
	mov eax, cr3
	mov [edi + 28], eax
	mov eax, [at_gdt]
	mov byte [eax + SEL_TSS2 + 5], 0x89
	mov byte [eax + SEL_TSS + 5], 0x89
	mov eax, SEL_TSS
	ltr ax
	mov edi, [at_tss]
	mov dword [edi], 0
	clts
	ret

flags_now:
	pushf
	pop eax
	int 0x80
come_back:
	mov eax, [esp + 8]			; the flags that were pushed
	or eax, 0x10000000
	iret
level_now:
	mov eax, cs
	shl eax, 16
	mov ax, ss
	int 0x80
frame16:
	mov eax, [esp]
	mov ebx, [esp + 4]
	shl ebx, 16
	xor eax, ebx
	int 0x80
gate_sum:
	mov eax, [esp + 8]
	add eax, [esp + 12]
	shl eax, 8
	mov edx, cs
	mov al, dl
	retf 8
nmi_handler:
	inc dword [nmis]
	cmp dword [nmis], 1
	jne .end
	mov ebx, 0xFEE00300			; another one, which waits for this IRET
	mov dword [ebx], 0x4400
	nop
	nop
	mov eax, [nmis]
.end:
	iret
irq_handler:
	mov dword [0xFEE000B0], 0
	inc eax
	iret
task_int:
	mov eax, 0x7A57
	int 0x80
task_back:
	mov eax, 0x7A58
	iret

; the accessed flags and the busy ones that are left in the GDT
left_behind:
	SAY32 "  LEFT"
	mov edi, [at_gdt]
	mov ebx, SEL_CODE0
.next:
	mov al, ' '
	call p32_putc
	mov al, [edi + ebx + 5]
	call p32_puthex8
	add ebx, 8
	cmp ebx, SEL_TSS_NEW
	jb .next
	SAY32 NL
	ret

; R3 "name", instructions: CASE3 with the stack of ring 3 where it is to be
%macro R3 2-*
	mov dword [case_fixup], %%after
	mov dword [case_begin], %%begin
	call case_prepare
	mov ecx, SEL_DATA3
	mov ds, ecx
	mov es, ecx
	push ecx
	push dword [cs:at_ring3]
	push dword [cs:ring3_flags]
	push dword SEL_CODE3
	push dword %%begin
	xor ecx, ecx
	iret
%%begin:
%rep %0 - 1
	%rotate 1
	%1
%endrep
	%rotate 1
	int 0x80
%%after:
	call case_end
	SAY32 %1
	call case_print
%endmacro

exercise:
	CASE "INT 30", { int 0x30 }
	CASE "INT3", { int3 }
	CASE "INTO", { mov al, 0x7F }, { inc al }, { into }
	CASE "INT1", { db 0xF1 }
	CASE "UD2", { ud2 }
	CASE "RF", { push 0x10002 }, { popf }, { ud2 }
	CASE "GP", { mov eax, 0x1238 }, { mov fs, eax }
	CASE "DIV", { div ecx }
	CASE "TRAP GATE", { push 0x4ED7 }, { popf }, { int 0x32 }
	CASE "16 BITS", { int 0x33 }
	CASE "BACK", { int 0x34 }, { inc eax }
	CASE "BACK FLAGS", { push 0x3ED5 }, { popf }, { int 0x34 }, { pushf }, { pop eax }, { cli }
	CASE "NOT PRESENT", { int 0x35 }
	CASE "CS NULL", { int 0x36 }
	CASE "CS DATA", { int 0x37 }
	CASE "CS ABSENT", { int 0x38 }
	CASE "CALL GATE", { int 0x3C }
	CASE "CS BEYOND", { int 0x3D }
	CASE "CS LDT", { int 0x3E }
	CASE "CS LOCAL", { int 0x3F }
	CASE "CONFORMING", { int 0x39 }
	CASE "OUTWARD", { int 0x3A }
	CASE "BEYOND", { int 0xC0 }
	STEP "STEP", { int 0x34 }, { nop }
	mov dword [0xFEE000F0], 0x1FF
	mov dword [0xFEE00310], 0
	CASE "IRQ", { sti }, { mov dword [0xFEE00300], 0x40050 }, { nop }, { nop }, { cli }
	mov dword [nmis], 0
	CASE "NMI", { mov dword [0xFEE00300], 0x4400 }, { nop }, { nop }, { shl eax, 8 }, { mov al, [nmis] }
	CASE "NMI AGAIN", { mov dword [0xFEE00300], 0x4400 }, { nop }, { nop }, { mov al, [nmis] }
	call left_behind
	call from_ring3
	call by_task
	call from_virtual
	call left_behind
	ret

from_ring3:
	R3 "R3 UD2", { ud2 }
	R3 "R3 INT 30", { int 0x30 }
	R3 "R3 INT 31", { int 0x31 }
	R3 "R3 INT3", { int3 }
	R3 "R3 GP", { mov eax, 0x1238 }, { mov fs, eax }
	R3 "R3 CLI", { cli }
	R3 "R3 16 BITS", { int 0x40 }
	R3 "R3 BACK", { int 0x34 }, { inc eax }, { mov ecx, ds }
	R3 "R3 CONFORMING", { int 0x39 }
	R3 "R3 RING 1", { int 0x3A }
	R3 "R3 CALL", { push 5 }, { push 6 }, { call SEL_CALL:0 }, { mov ecx, cs }, { add eax, ecx }
	R3 "R3 CALL ESP", { mov ebx, esp }, { push 5 }, { push 6 }, { call SEL_CALL:0 }, { sub ebx, esp }, { mov eax, ebx }
	R3 "R3 CALL RING 1", { push 5 }, { push 6 }, { call SEL_CALL1:0 }
	R3 "R3 CALL CONF", { push 5 }, { push 6 }, { call SEL_CALL_CONF:0 }
	R3 "R3 CALL 16", { push word 5 }, { push word 6 }, { call SEL_CALL16:0 }
	R3 "R3 JMP GATE", { jmp SEL_CALL:0 }
	R3 "R3 JMP CONF", { push 5 }, { push 6 }, { jmp SEL_CALL_CONF:0 }
	R3 "R3 DS GOES", { mov ecx, SEL_CONFORMING }, { mov fs, ecx }, { push 5 }, { push 6 }, { call SEL_CALL:0 }, { mov eax, fs }
	R3 "R3 RETF", { push dword SEL_CODE0 }, { push dword 0 }, { retf }
	R3 "R3 IRET", { pushf }, { push dword SEL_CODE3 }, { push dword r3_next }, { iret }, { nop }, { r3_next: mov eax, 0x3333 }
	R3 "R3 IRET IN", { pushf }, { push dword SEL_CODE0 }, { push dword 0 }, { iret }
	mov eax, [at_tss]
	mov word [eax + 16], SEL_DATA3
	R3 "R3 CALL SS1", { call SEL_CALL1:0 }
	mov eax, [at_tss]
	mov word [eax + 16], 0
	R3 "R3 CALL SS1 NULL", { call SEL_CALL1:0 }
	R3 "R3 INT SS1 NULL", { int 0x3A }
	mov eax, [at_tss]
	mov word [eax + 16], SEL_DATA1
	; back to bad places
	CASE "IRET RPL", { push dword 2 }, { push dword SEL_DATA0 }, { push dword 0 }, { iret }
	CASE "IRET NULL", { push dword 2 }, { push dword 0 }, { push dword 0 }, { iret }
	CASE "IRET ABSENT", { push dword 2 }, { push dword SEL_ABSENT }, { push dword 0 }, { iret }
	CASE "IRET SS NULL", { push dword 0 }, { push dword 0 }, { push dword 2 }, { push dword SEL_CODE3 }, { push dword 0 }, { iret }
	CASE "IRET SS RPL", { push dword SEL_DATA0 }, { push dword 0 }, { push dword 2 }, { push dword SEL_CODE3 }, { push dword 0 }, { iret }
	CASE "IRET FLAGS", { push dword 0x254FD7 }, { push dword SEL_CODE0 }, { push dword flags_to }, { iret }, { flags_to: pushf }, { pop eax }, { push 2 }, { popf }
	CASE "RETF SS NULL", { push dword 0 }, { push dword 0 }, { push dword SEL_CODE3 }, { push dword 0 }, { retf }
	CASE "RETF SS CODE", { push dword SEL_CODE3 }, { push dword 0 }, { push dword SEL_CODE3 }, { push dword 0 }, { retf 4 }
	CASE "IRET 16", { push word 2 }, { push word SEL_CODE0 }, { push word LOW_CODE + 32 }, { o16 iret }
	ret

by_task:
	mov eax, task_int
	call task_new
	CASE "TASK GATE", { int 0x3B }
	mov eax, task_back
	call task_new
	CASE "TASK BACK", { int 0x3B }, { inc eax }
	mov eax, task_back
	call task_new
	CASE "CALL TSS", { call SEL_TSS2:0 }, { inc eax }
	mov eax, task_int
	call task_new
	CASE "JMP TSS", { jmp SEL_TSS2:0 }
	mov eax, task_back
	call task_new
	CASE "CALL TASK GATE", { call SEL_TASK:0 }, { inc eax }
	mov eax, task_back
	call task_new
	R3 "R3 TASK GATE", { int 0x3B }, { mov eax, cs }
	mov eax, task_back
	call task_new
	R3 "R3 CALL TASK", { call SEL_TASK:0 }, { mov eax, cs }
	mov eax, task_back
	call task_new
	R3 "R3 CALL TSS", { call SEL_TSS2:0 }
	CASE "CALL BUSY", { call SEL_TSS:0 }
	mov eax, task_back
	call task_new
	mov eax, [at_gdt]
	mov byte [eax + SEL_TSS2 + 5], 9
	CASE "INT ABSENT TSS", { int 0x3B }
	CASE "CALL ABSENT TSS", { call SEL_TSS2:0 }
	CASE "IRET NT", { push 0x4002 }, { popf }, { iret }
	mov eax, task_back
	call task_new
	ret

; one instruction at V86_CODE
%macro AT86 1+
	mov dword [V86_CODE], %1
%endmacro
from_virtual:
	mov dword [0x50 * 4], 0
	AT86 0x909031CD				; INT 31h
	CASE86 "V86 INT 31", 0x3000
	CASE86 "V86 INT IOPL", 0
	AT86 0x90900B0F				; UD2
	CASE86 "V86 UD2", 0x3000
	CASE86 "V86 UD2 FLAGS", 0x2ED5
	AT86 0x9090F490				; HLT
	CASE86 "V86 HLT", 0x3000
	AT86 0x90903ACD
	CASE86 "V86 RING 1", 0x3000
	AT86 0x909039CD
	CASE86 "V86 CONFORMING", 0x3000
	AT86 0x909040CD
	CASE86 "V86 16 BITS", 0x3000
	AT86 0x90903BCD
	mov eax, task_int
	call task_new
	CASE86 "V86 TASK", 0x3000
	mov eax, task_int
	call task_new
	AT86 0x90CF9090				; IRET
	CASE86 "V86 IRET IOPL", 0
	; the program's own handlers: INT 41h to UD2
	mov eax, cr4
	or eax, 1
	mov cr4, eax
	mov dword [0x41 * 4], V86_CODE + 8
	mov dword [V86_CODE + 8], 0x90900B0F
	AT86 0x909041CD
	CASE86 "VME INT 41", 0x3000
	CASE86 "VME INT 41 IOPL", 0x80000
	AT86 0x909031CD
	CASE86 "VME INT 31", 0x3000
	CASE86 "VME INT 31 IOPL", 0
	; and back from there
	mov dword [V86_CODE + 8], 0x909090CF
	mov dword [V86_CODE], 0x0B0F41CD
	CASE86 "VME BACK", 0x3200
	CASE86 "VME BACK IOPL", 0x80000
	mov eax, cr4
	and eax, ~1
	mov cr4, eax
	ret

; where there is no storage: ones
nowhere:
	SAY32 "NOWHERE", NL
	mov edi, [at_tss]
	CASE "LDT", { mov eax, SEL_FAR_LDT }, { lldt ax }, { mov eax, 4 }, { mov fs, eax }
	CASE "LDT CS", { int 0x3F }
	mov eax, SEL_LDT
	lldt ax
	CASE "STACK", { mov esp, ENDS + 0x1000 }, { int 0x30 }
	CASE "STACK UD2", { mov esp, ENDS + 0x1000 }, { ud2 }
	CASE "STACK ACROSS", { mov esp, ENDS + 4 }, { int 0x30 }
	CASE "RETF", { mov esp, ENDS + 0x1000 }, { retf }
	CASE "IRET", { mov esp, ENDS + 0x1000 }, { o16 iret }
	mov edi, [at_tss]
	mov dword [edi + 4], ENDS + 0x1000
	R3 "RING 0 STACK", { int 0x31 }
	R3 "RING 0 STACK GP", { cli }
	mov dword [edi + 4], ring0_stack_top
	; an IDT whose upper half is not there
	mov esi, idt32
	mov edi, ENDS - 0x30 * 8
	mov ecx, 0x30 * 2
	rep movsd
	mov word [pointer], 0x81 * 8 - 1
	mov dword [pointer + 2], ENDS - 0x30 * 8
	lidt [pointer]
	CASE "IDT INT 30", { int 0x30 }
	CASE "IDT UD2", { ud2 }
	mov dword [pointer + 2], idt32
	lidt [pointer]
	ret

%include "equiv/gates_real.inc"

section .data
align 8, db 0
gdt_more:
	times 5 dq 0
	dq 0x00CFBA000000FFFF
	dq 0x00CFB2000000FFFF
	dq 0x00CF9E000000FFFF
	dq 0x00CF1A000000FFFF
	times 3 dq 0
	dq 0x00009A000000FFFF
	dq 0x000092000000FFFF
gdt_more_end:
at_idt		dd idt32
at_gdt		dd gdt_own
at_tss		dd tss_own
at_tss2		dd tss2
at_stack	dd ring0_stack_top
at_ring3	dd ring3_stack_top
at_ring1	dd ring1_top
at_here		dd 0

section .bss
home		resd 1
back		resd 1
nmis		resd 1
pointer		resb 6
alignb 16
tss_own		resb 0xA9
alignb 16
tss2		resb 104
alignb 16
		resb 2048
ring1_top:
		resb 16
section .text

GUEST_END
