; Every x87 instruction that has an operand in memory, with that operand at RDI.
; Part: arch/x86/vmx; x87.c calls the one it wants: (opcode - D8h) * 8 + reg.
bits 64
section .text

global vmx_x87_stubs

STUB_SIZE equ 4				; as x87.c has it

align STUB_SIZE
vmx_x87_stubs:
%assign opcode 0xD8
%rep 8
	%assign reg 0
	%rep 8
	db opcode, reg << 3 | 7		; ModR/M: [rdi]
	ret
	align STUB_SIZE, int3
	%assign reg reg + 1
	%endrep
	%assign opcode opcode + 1
%endrep
