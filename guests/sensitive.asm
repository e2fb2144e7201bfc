; SENSITIVE: Robin & Irvine's list: is every answer that of this machine's own tables?
; Part in the monitor: a guest; these instructions run directly, on operands that are its own.
;
; John Robin and Cynthia Irvine (USENIX Security 2000) found 17 by their words, 18 by their list,
; that a Pentium lets run without a trap in the wrong ring. A monitor that moves its guest to ring
; 1 or 3 fails here.

%define GUEST_NAME "SENSITIVE"
%include "lib/protected.inc"
%include "lib/rows.inc"

IF	equ 1 << 9
IOPL	equ 3 << 12

main32:
	call protected_init
	ROW "01", "SGDT    ", row_sgdt
	ROW "02", "SIDT    ", row_sidt
	ROW "03", "SLDT    ", row_sldt
	ROW "04", "SMSW    ", row_smsw
	ROW "05", "PUSHF   ", row_pushf
	ROW "06", "POPF    ", row_popf
	ROW "07", "LAR     ", row_lar
	ROW "08", "LSL     ", row_lsl
	ROW "09", "VERR    ", row_verr
	ROW "10", "VERW    ", row_verw
	ROW "11", "POP SEG ", row_pop
	ROW "12", "PUSH SEG", row_push
	ROW "13", "CALL FAR", row_call
	ROW "14", "JMP FAR ", row_jmp
	ROW "15", "INT N   ", row_int
	ROW "16", "RET FAR ", row_ret
	ROW "17", "STR     ", row_str
	ROW "18", "MOV SEG ", row_mov
	jmp rows_end

row_sgdt:
	sgdt [operand]
	mov ax, [operand]
	MUST_BE ax, [gdt32_pointer]
	mov eax, [operand + 2]
	MUST_BE eax, gdt32
	PASS

row_sidt:
	sidt [operand]
	mov ax, [operand]
	MUST_BE ax, [idt32_pointer]
	mov eax, [operand + 2]
	MUST_BE eax, idt32
	PASS

row_sldt:
	xor eax, eax
	lldt ax
	sldt eax
	test ax, ax
	MUST z
	mov eax, SEL_LDT
	lldt ax
	sldt ecx
	MUST_BE cx, SEL_LDT
	PASS

; TS, EM and MP, changed by all three ways to change them, must show as this guest set them
row_smsw:
	mov eax, cr0
	mov [operand], eax
	or eax, 8
	mov cr0, eax
	smsw cx
	cmp cx, ax
	mov edx, eax
	MUST e
	clts
	smsw ecx
	and edx, ~8
	MUST_BE cx, dx
	test cl, 1			; protection is on
	MUST nz
	mov eax, edx
	or eax, 0x0A
	lmsw ax
	smsw ecx
	MUST_BE cx, ax
	mov eax, [operand]
	mov cr0, eax
	PASS

row_pushf:
	cli
	pushf
	pop eax
	test eax, IF
	MUST z
	sti
	pushf
	pop eax
	cli
	test eax, IF
	MUST nz
	PASS

; At ring 0 POPF changes IF and IOPL; at ring 3 it silently changes neither.
row_popf:
	push dword IF | IOPL | 2
	popf
	pushf
	pop eax
	push dword 2
	popf
	pushf
	pop ecx
	and eax, IF | IOPL
	MUST_BE eax, IF | IOPL
	test ecx, IF | IOPL
	MUST z
	RING3 .ring3
	test dword [operand], IF | IOPL
	MUST z
	PASS
.ring3:
	push dword IF | IOPL | 2
	popf
	pushf
	pop dword [operand]
	int 0x80

row_lar:
	mov ecx, SEL_SMALL
	lar eax, ecx
	MUST z
	and eax, 0x00F0FF00
	cmp eax, 0x00409000
	jne .accessed
	jmp .rest
.accessed:
	MUST_BE eax, 0x00409100		; the accessed bit, if it has been loaded before
.rest:
	xor ecx, ecx
	lar eax, ecx
	MUST nz
	; ring 3 may not look at a ring 0 segment
	RING3 .ring3
	MUST_BE byte [operand], 0
	PASS
.ring3:
	mov ecx, SEL_DATA0
	lar eax, ecx
	setz [operand]
	int 0x80

row_lsl:
	mov ecx, SEL_SMALL
	lsl eax, ecx
	MUST z
	MUST_BE eax, 0x123
	mov ecx, SEL_CODE0
	lsl eax, ecx
	MUST z
	MUST_BE eax, -1
	mov ecx, gdt32_end - gdt32
	lsl eax, ecx
	MUST nz
	PASS

row_verr:
	mov eax, SEL_DATA0
	verr ax
	MUST z
	mov eax, SEL_EXECUTE
	verr ax
	MUST nz
	RING3 .ring3
	MUST_BE byte [operand], 0
	PASS
.ring3:
	mov eax, SEL_DATA0
	verr ax
	setz [operand]
	int 0x80

row_verw:
	mov eax, SEL_DATA0
	verw ax
	MUST z
	mov eax, SEL_SMALL
	verw ax
	MUST nz
	RING3 .ring3
	MUST_BE byte [operand], 0
	PASS
.ring3:
	mov eax, SEL_DATA0
	verw ax
	setz [operand]
	int 0x80

row_pop:
	push dword SEL_SMALL
	pop es
	mov eax, es
	mov ecx, SEL_DATA0
	mov es, ecx
	MUST_BE ax, SEL_SMALL
	push dword SEL_IN_LDT
	pop fs
	mov eax, fs
	MUST_BE ax, SEL_IN_LDT
	push dword SEL_EXECUTE
	TRY32 pop fs
	MUST_BE dword [trap_vector], 13
	; at ring 3 a ring 0 data segment is refused
	mov dword [trap_vector], NO_TRAP
	mov dword [trap_fixup], row_fails	; tells the trap routine that one is expected
	RING3 .ring3
	mov dword [trap_fixup], 0
	MUST_BE dword [trap_vector], 13
	PASS
.ring3:
	push dword SEL_DATA0
	pop es
	int 0x80

row_push:
	push cs
	pop eax
	MUST_BE ax, SEL_CODE0
	push ss
	pop eax
	MUST_BE ax, SEL_DATA0
	RING3 .ring3
	mov eax, [operand]
	MUST_BE ax, SEL_CODE3
	PASS
.ring3:
	push cs
	pop dword [operand]
	int 0x80

; directly, and through a call gate from ring 3 to ring 0
row_call:
	call SEL_CODE0:.direct
	MUST_BE eax, SEL_CODE0
	mov eax, .gated
	mov [gdt32 + SEL_GATE], ax
	mov word [gdt32 + SEL_GATE + 2], SEL_CODE0
	mov word [gdt32 + SEL_GATE + 4], 0xEC00
	shr eax, 16
	mov [gdt32 + SEL_GATE + 6], ax
	RING3 .ring3
	MUST_BE dword [operand], SEL_CODE0
	MUST_BE dword [operand + 4], SEL_CODE3
	PASS
.direct:
	mov eax, [esp + 4]
	retf
.ring3:
	call SEL_GATE | 3:0
	int 0x80
.gated:
	xor eax, eax
	mov ax, cs
	mov [ss:operand], eax
	mov eax, [esp + 4]
	mov [ss:operand + 4], eax
	retf

row_jmp:
	jmp SEL_CONFORMING:.conforming
.conforming:
	mov eax, cs
	jmp SEL_CODE0:.plain
.plain:
	MUST_BE ax, SEL_CONFORMING		; conforming code in ring 0: the low bits are the true ring
	TRY32 jmp SEL_DATA0:0
	MUST_BE dword [trap_vector], 13
	PASS

; a gate that only ring 0 may use: works at ring 0, general protection at ring 3
row_int:
	GATE 0x81, SEL_CODE0, GATE_RING0, .handler
	mov dword [operand], 0
	int 0x81
	MUST_BE dword [operand], SEL_CODE0
	mov dword [trap_vector], NO_TRAP
	mov dword [trap_fixup], row_fails
	RING3 .ring3
	mov dword [trap_fixup], 0
	MUST_BE dword [trap_vector], 13
	MUST_BE dword [trap_error], 0x81 * 8 + 2
	PASS
.handler:
	mov eax, [esp + 4]
	mov [operand], eax
	iret
.ring3:
	int 0x81
	int 0x80

; RETF to ring 3 has to arrive there, with both stacks changed
row_ret:
	RING3 .ring3
	MUST_BE dword [operand], SEL_CODE3
	MUST_BE dword [operand + 4], ring3_stack_top
	MUST_BE word [operand + 8], SEL_DATA3
	PASS
.ring3:
	xor eax, eax
	mov ax, cs
	mov [operand], eax
	mov [operand + 4], esp
	mov [operand + 8], ss
	int 0x80

row_str:
	str eax
	MUST_BE ax, SEL_TSS
	test byte [gdt32 + SEL_TSS + 5], 2	; and its descriptor says busy
	MUST nz
	PASS

row_mov:
	mov eax, cs
	MUST_BE ax, SEL_CODE0
	mov eax, SEL_SMALL
	mov es, eax
	mov ecx, es
	mov eax, SEL_DATA0
	mov es, eax
	MUST_BE cx, SEL_SMALL
	mov eax, SEL_EXECUTE
	TRY32 mov gs, eax
	MUST_BE dword [trap_vector], 13
	PASS

section .data
align 4, db 0
operand		dd 0, 0, 0, 0

GUEST_END
