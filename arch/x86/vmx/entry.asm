; VM entry and VM exit: the shortest way from the monitor into a guest and back.
; Part: arch/x86/vmx; the only code between VMRESUME and C. Layout: struct arch_vcpu.gpr, x86 order.
default rel
bits 64
section .text

%define VMCS_HOST_RSP 0x6c14
%define GPR(n) [rdi + 8 * n]

global vmx_resume
global vmx_launch
global vmx_exit_entry

%macro LOAD_GUEST 0
	push rdi
	mov edx, VMCS_HOST_RSP
	vmwrite rdx, rsp
	mov rax, GPR(0)
	mov rcx, GPR(1)
	mov rdx, GPR(2)
	mov rbx, GPR(3)
	mov rbp, GPR(5)
	mov rsi, GPR(6)
	mov r8, GPR(8)
	mov r9, GPR(9)
	mov r10, GPR(10)
	mov r11, GPR(11)
	mov r12, GPR(12)
	mov r13, GPR(13)
	mov r14, GPR(14)
	mov r15, GPR(15)
	mov rdi, GPR(7)
%endmacro

; RDI = gpr, kept; CF = failed. Every other register is lost: the caller says so to its compiler, which saves
; what it needs once for a whole slice and not here for every entry.
vmx_resume:
	LOAD_GUEST
	vmresume
	jmp failed

; The same for a VMCS that was cleared.
vmx_launch:
	LOAD_GUEST
	vmlaunch
failed:			; VMfailValid (ZF) or VMfailInvalid (CF): both are CF to the caller
	pop rdi
	stc
	ret

; Every VM exit arrives here (HOST_RIP), with RSP as it was at VMLAUNCH or VMRESUME.
align 16
vmx_exit_entry:
	push rdi
	mov rdi, [rsp + 8]
	mov GPR(0), rax
	mov GPR(1), rcx
	mov GPR(2), rdx
	mov GPR(3), rbx
	mov GPR(5), rbp
	mov GPR(6), rsi
	mov GPR(8), r8
	mov GPR(9), r9
	mov GPR(10), r10
	mov GPR(11), r11
	mov GPR(12), r12
	mov GPR(13), r13
	mov GPR(14), r14
	mov GPR(15), r15
	pop qword GPR(7)
	; No value of the guest's goes on into C, not even speculatively. RAX, RBX, RCX, RDX and RSI are
	; overwritten in its first lines. XOR also clears CF, which says that this is an exit.
	xor ebp, ebp
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r11d, r11d
	xor r12d, r12d
	xor r13d, r13d
	xor r14d, r14d
	xor r15d, r15d
	pop rdi
	ret
