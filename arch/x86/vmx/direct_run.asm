; Calls a vector instruction with what it finds in general registers, and survives it where there is none.
; Part: arch/x86/vmx; direct.c has composed it, with a RET behind it.
bits 64
section .text

global vmx_direct_run, vmx_direct_refused

ARITHMETIC equ 0x8D5
; struct direct_insn
D_RAX equ 0
D_RCX equ 8
D_RDX equ 16
D_R8 equ 24
D_R9 equ 32
D_RFLAGS equ 40

; bool vmx_direct_run(struct direct_insn *d, void *operand, const uint8_t *code)
vmx_direct_run:
	push rbx
	mov rbx, rdi
	mov rdi, rsi
	mov r10, rdx
	mov rax, [rbx + D_RFLAGS]
	pushfq
	and qword [rsp], ~ARITHMETIC
	or [rsp], rax
	popfq
	mov rax, [rbx + D_RAX]
	mov rcx, [rbx + D_RCX]
	mov rdx, [rbx + D_RDX]
	mov r8, [rbx + D_R8]
	mov r9, [rbx + D_R9]
	call r10
	pushfq
	mov [rbx + D_RCX], rcx
	mov [rbx + D_R8], r8
	mov [rbx + D_R9], r9
	pop rcx
	and ecx, ARITHMETIC
	mov [rbx + D_RFLAGS], rcx
	mov eax, 1
	pop rbx
	ret

; An exception of the instruction continues here, within the call.
vmx_direct_refused:
	add rsp, 8
	xor eax, eax
	pop rbx
	ret
