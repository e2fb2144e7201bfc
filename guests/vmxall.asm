; VMXALL: executes every VMX instruction, and what else always exits.
; Part in the monitor: a hostile guest; #UD or #GP, as on a processor without VMX.

%define GUEST_NAME "VMXALL"
%include "lib/guest.inc"

; ROW "name", expected vector, {instruction}
%macro ROW 3
	SAY "VMXALL: ", %1
	TRY %3
	mov eax, %2
	call row_result
%endmacro

UD equ 6
GP equ 13

main:
	; In long mode with VMXE clear every one of these is undefined (SDM, "VMX Instruction
	; Reference").
	ROW "VMXON", UD, {vmxon [operand]}
	ROW "VMXOFF", UD, {vmxoff}
	ROW "VMCLEAR", UD, {vmclear [operand]}
	ROW "VMPTRLD", UD, {vmptrld [operand]}
	ROW "VMPTRST", UD, {vmptrst [operand]}
	xor ebx, ebx
	ROW "VMREAD", UD, {vmread rax, rbx}
	ROW "VMREAD MEMORY", UD, {vmread [operand], rbx}
	ROW "VMWRITE", UD, {vmwrite rbx, rax}
	ROW "VMWRITE MEMORY", UD, {vmwrite rbx, [operand]}
	ROW "VMLAUNCH", UD, {vmlaunch}
	ROW "VMRESUME", UD, {vmresume}
	xor ebx, ebx
	ROW "INVEPT", UD, {invept rbx, [operand]}
	ROW "INVVPID", UD, {invvpid rbx, [operand]}
	xor eax, eax
	xor ecx, ecx
	ROW "VMFUNC", UD, {vmfunc}
	xor eax, eax
	ROW "GETSEC", UD, {getsec}
	ROW "RSM", UD, {rsm}
	; CR4.VMXE (bit 13) and CR4.SMXE (bit 14) are reserved where CPUID does not offer them.
	mov rax, cr4
	or eax, 1 << 13
	ROW "CR4.VMXE SET", GP, {mov cr4, rax}
	mov rax, cr4
	or eax, 1 << 14
	ROW "CR4.SMXE SET", GP, {mov cr4, rax}
	; and a second time with the attempt made
	ROW "VMXON AGAIN", UD, {vmxon [operand]}
	call xsetbv_rows
	; compatibility mode: the same opcodes from a 32-bit code segment
	call compatibility

	; VMCALL is CP's own: unknown functions must come back, with any answer
	SAY "VMXALL: VMCALL"
	mov eax, 0xFFFF
	TRY vmcall
	mov r12d, eax
	cmp dword [trap_vector], NO_TRAP
	jne .refused
	SAY " CAME BACK, EAX "
	mov eax, r12d
	call puthex32
	SAY NL
	jmp .sum
.refused:
	mov eax, UD
	call row_result
.sum:
	SAY "VMXALL: ROWS "
	mov eax, [rows]
	call putdec
	SAY ", WRONG "
	mov eax, [rows_wrong]
	call putdec
	SAY NL, "VMXALL: SURVIVED", NL
	jmp power_off

xsetbv_rows:
	mov eax, 1
	cpuid
	bt ecx, 26				; XSAVE
	jc .offered
	xor ecx, ecx
	ROW "XSETBV", UD, {xsetbv}
	ret
.offered:
	mov rax, cr4
	or eax, 1 << 18				; OSXSAVE
	mov cr4, rax
	xor edx, edx
	xor ecx, ecx
	mov eax, 0
	ROW "XSETBV WITHOUT X87", GP, {xsetbv}
	mov eax, 5
	ROW "XSETBV AVX WITHOUT SSE", GP, {xsetbv}
	mov eax, -1
	mov edx, -1
	ROW "XSETBV ONES", GP, {xsetbv}
	xor edx, edx
	mov eax, 1
	mov ecx, 1
	ROW "XSETBV REGISTER 1", GP, {xsetbv}
	mov eax, 1
	mov ecx, -1
	ROW "XSETBV REGISTER FFFFFFFF", GP, {xsetbv}
	xor ecx, ecx
	mov eax, 1
	ROW "XSETBV X87", NO_TRAP, {xsetbv}
	ret

; The rows whose opcode has no 64-bit only part, in a 32-bit code segment. The trap returns by the
; fixup to 64-bit code: RIP is set to it, and CS is put right by the far return at each row's end.
compatibility:
	mov esi, compatibility_code
.row:
	push rsi
	SAY "VMXALL: 32-BIT OPCODE "
	mov rsi, [rsp]
	mov al, [rsi]
	call puthex8
	mov al, [rsi + 1]
	call puthex8
	mov al, [rsi + 2]
	call puthex8
	mov rsi, [rsp]
	mov dword [trap_vector], NO_TRAP
	mov qword [trap_fixup], .back32
	mov ebx, operand
	push CODE32
	push rsi
	o64 retf
bits 32
.back32:
	jmp CODE64:.back
bits 64
.back:
	mov qword [trap_fixup], 0
	mov eax, UD
	call row_result
	pop rsi
	add esi, 16
	cmp esi, compatibility_code.end
	jb .row
	ret

bits 32
align 16
compatibility_code:
%macro CODE_ROW 1+
	%1
	jmp compatibility.back32
	align 16
%endmacro
	CODE_ROW vmxoff
	CODE_ROW vmlaunch
	CODE_ROW vmresume
	CODE_ROW vmclear [ebx]
	CODE_ROW vmptrld [ebx]
	CODE_ROW vmxon [ebx]
	CODE_ROW vmptrst [ebx]
	CODE_ROW vmread eax, ebx
	CODE_ROW vmwrite eax, ebx
	CODE_ROW getsec
.end:
bits 64

row_result:				; EAX: the vector expected
	inc dword [rows]
	cmp [trap_vector], eax
	jne .wrong
	SAY " AS EXPECTED: "
	call row_name
	SAY NL
	ret
.wrong:
	inc dword [rows_wrong]
	SAY " WRONG: "
	call row_name
	SAY NL
	ret

row_name:
	mov eax, [trap_vector]
	cmp eax, NO_TRAP
	je .none
	cmp eax, UD
	je .ud
	cmp eax, GP
	je .gp
	SAY "VECTOR "
	call puthex8
	ret
.none:
	SAY "NO TRAP"
	ret
.ud:
	SAY "#UD"
	ret
.gp:
	SAY "#GP"
	ret

section .bss
alignb 16
operand		resq 2
rows		resd 1
rows_wrong	resd 1
section .text

GUEST_END
