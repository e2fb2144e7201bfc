; Entries of the interrupt descriptor table: every vector lands in trap_common with a uniform frame.
; Part: arch/x86; the monitor takes interrupts only in its idle wait, so none of this is on the exit path.
default rel
bits 64
section .text

extern traps_handle
global trap_table

%macro ENTRY 1
trap_%1:
%if (%1 == 8) || (%1 >= 10 && %1 <= 14) || (%1 == 17) || (%1 == 21)
	push qword %1
%else
	push qword 0
	push qword %1
%endif
	jmp trap_common
%endmacro

%assign i 0
%rep 256
	ENTRY i
%assign i i+1
%endrep

trap_common:
	cld
	push rax
	push rcx
	push rdx
	push rbx
	push rbp
	push rsi
	push rdi
	push r8
	push r9
	push r10
	push r11
	push r12
	push r13
	push r14
	push r15
	mov rdi, rsp
	mov rbp, rsp
	and rsp, -16
	call traps_handle
	mov rsp, rbp
	pop r15
	pop r14
	pop r13
	pop r12
	pop r11
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop rbp
	pop rbx
	pop rdx
	pop rcx
	pop rax
	add rsp, 16
	iretq

section .rodata
align 8
trap_table:
%macro POINTER 1
	dq trap_%1
%endmacro
%assign i 0
%rep 256
	POINTER i
%assign i i+1
%endrep
