; INTERP: touches storage that is not there with many instructions, and checks each against what a PC gives.
; Part in the monitor: a guest; everything it does at NOWHERE the monitor's interpreter does in its place.
;
; Reads give ones, writes are lost; flags and registers must be those of the same instruction on ones.

%define GUEST_NAME "INTERP"
%define GUEST_PROTECTED_FIRST
%include "lib/guest.inc"

NOWHERE		equ 0x90000000
CF		equ 1
ZF		equ 0x40
SF		equ 0x80
OF		equ 0x800
FLAGS		equ CF | ZF | SF | OF

; ROW text, register, value, instructions...: after them the register must hold the value.
%macro ROW 4-*
	%push
	%xdefine %$text %1
	%xdefine %$register %2
	%xdefine %$value %3
	mov edi, NOWHERE
	%rotate 3
	%rep %0 - 3
	%1
	%rotate 1
	%endrep
	mov rdx, %$register
	mov rcx, %$value
	SAY "INTERP: ", %$text
	call verdict
	%pop
%endmacro

; ROWF text, flags, instructions...: as before for CF, ZF, SF, OF.
%macro ROWF 3-*
	%push
	%xdefine %$text %1
	%xdefine %$value %2
	mov edi, NOWHERE
	%rotate 2
	%rep %0 - 2
	%1
	%rotate 1
	%endrep
	pushf
	pop rdx
	and edx, FLAGS
	mov ecx, %$value
	SAY "INTERP: ", %$text
	call verdict
	%pop
%endmacro

bits 32
protected_main:
	mov [saved_stack], esp
	mov edi, NOWHERE
	mov eax, 5
	SAY32 "INTERP: PROTECTED MODE", NL
	add eax, [edi]			; 4
	mov ebx, eax
	mov ecx, esp
	mov esp, NOWHERE + 0x100
	pusha
	push dword [edi]
	pop dword [edi]
	popa				; all ones; ESP is as before
	mov edx, esp
	mov esp, [saved_stack]
	cmp edx, NOWHERE + 0x100
	jne .wrong
	and eax, ebx
	and eax, ecx
	and eax, ebp
	and eax, esi
	and eax, edi
	cmp eax, -1
	jne .wrong
	mov edi, NOWHERE
	xor eax, eax
	dec eax
	bound eax, [edi]		; -1 lies between -1 and -1
	arpl [edi], ax			; a level of 3 is not below 3
	jz .wrong
	daa
	mov ecx, 3
	mov esi, NOWHERE
	mov edi, buffer
	rep movsd
	cmp dword [buffer + 8], -1
	jne .wrong
	SAY32 "INTERP: PUSHA, POPA, PUSH M, POP M, BOUND, REP MOVSD PASS", NL
	mov dword [protected_good], 1
	ret
.wrong:
	mov esp, [saved_stack]
	SAY32 "INTERP: PROTECTED MODE FAIL", NL
	ret

bits 64
; RCX and RDX must be the same.
verdict:
	inc dword [rows]
	cmp rcx, rdx
	jne .wrong
	inc dword [good]
	SAY " PASS", NL
	ret
.wrong:
	SAY " FAIL: "
	mov rax, rdx
	call puthex
	SAY NL
	ret

main:
	call moves
	call arithmetic
	call changes
	call bits_of
	call strings
	call stack
	call tables
	call vectors
	call floats
	call stepping
	SAY "INTERP: ROWS "
	mov eax, [rows]
	add eax, 1
	call putdec
	SAY ", PASS "
	mov eax, [good]
	add eax, [protected_good]
	call putdec
	SAY NL
	ret

moves:
	ROW "MOV R8", rax, 0x11ff, { mov eax, 0x1100 }, { mov al, [rdi] }
	ROW "MOV AH", rax, 0xff22, { mov eax, 0x1122 }, { mov ah, [rdi] }
	ROW "MOV R16", rax, 0x1122ffff, { mov eax, 0x11223344 }, { mov ax, [rdi + 2] }
	ROW "MOV R32", rax, 0xffffffff, { mov rax, -2 }, { mov eax, [rdi] }
	ROW "MOV R64", r9, -1, { xor r9d, r9d }, { mov r9, [rdi + 1] }
	ROW "MOV MOFFS", rax, -1, { mov rax, [qword NOWHERE] }
	ROW "MOV IMM", rax, 0xffffffff, { mov dword [rdi], 0x12345678 }, { mov eax, [rdi] }
	ROW "MOVZX", rax, 0xff, { movzx rax, byte [rdi] }
	ROW "MOVSX", rax, 0xffffffff, { movsx eax, word [rdi] }
	ROW "MOVSXD", rax, -1, { movsxd rax, dword [rdi] }
	ROW "MOV DS", rax, 0x10, { mov [rdi], ds }, { mov eax, ds }
	ROW "LEA", rax, NOWHERE + 24, { mov ebx, 2 }, { lea rax, [rdi + rbx * 4 + 16] }
	ROW "XLAT", rax, 0xff, { mov ebx, NOWHERE }, { mov eax, 7 }, { xlatb }
	ROW "CMOVC TAKEN", rax, 0xffffffff, { xor eax, eax }, { stc }, { cmovc eax, [rdi] }
	ROW "CMOVC NOT TAKEN", rax, 5, { mov eax, 5 }, { clc }, { cmovc eax, [rdi] }
	ROW "SETC", rax, 0xff, { stc }, { setc [rdi] }, { movzx eax, byte [rdi] }
	ROW "GS", rax, 0xffffffff, { gs mov eax, [rdi] }
	ret

arithmetic:
	ROW "ADD R, M", rax, 4, { mov eax, 5 }, { add eax, [rdi] }
	ROWF "ADD M, R", CF | ZF, { mov eax, 1 }, { add [rdi], eax }
	ROW "ADC R, M", rax, 5, { mov eax, 5 }, { stc }, { adc eax, [rdi] }
	ROW "SUB R, M", rax, 6, { mov eax, 5 }, { sub eax, [rdi] }
	ROWF "SUB M, IMM", ZF, { sub dword [rdi], -1 }
	ROW "AND R, M", rax, 0x1234, { mov eax, 0x1234 }, { and rax, [rdi] }
	ROWF "AND M, IMM", 0, { and byte [rdi], 0x41 }
	ROWF "OR M, IMM", SF, { or word [rdi], 1 }
	ROW "XOR R, M", rax, 0xffffedcb, { mov eax, 0x1234 }, { xor eax, [rdi] }
	ROWF "CMP M, R", ZF, { or rax, -1 }, { cmp [rdi], rax }
	ROWF "CMP R, M", CF, { xor eax, eax }, { cmp eax, [rdi] }
	ROWF "TEST M, IMM", SF, { test dword [rdi], 0x80000000 }
	ROWF "INC M", ZF, { clc }, { inc dword [rdi] }
	ROWF "DEC M", SF | CF, { stc }, { dec qword [rdi] }
	ROWF "NEG M", CF, { neg byte [rdi] }
	ROWF "NOT M", ZF, { cmp eax, eax }, { not dword [rdi] }
	ROW "MUL M", rdx, 1, { mov eax, 2 }, { mul dword [rdi] }
	ROW "IMUL R, M", rax, -7, { mov eax, 7 }, { imul rax, [rdi] }
	ROW "IMUL R, M, IMM", rax, -100, { imul rax, [rdi], 100 }
	ROW "DIV M", rax, 15, { mov eax, 0xff }, { mov edx, 0xf }, { div dword [rdi] }
	ROW "IDIV M", rax, -12, { mov eax, 12 }, { cqo }, { idiv qword [rdi] }
	ret

changes:
	ROW "XCHG", rax, 0xffffffff, { mov eax, 3 }, { xchg eax, [rdi] }
	ROW "XADD", rax, 0xffffffff, { mov eax, 3 }, { lock xadd [rdi], eax }
	ROW "CMPXCHG UNEQUAL", rax, 0xffffffff, { mov eax, 3 }, { lock cmpxchg [rdi], ebx }
	ROWF "CMPXCHG EQUAL", ZF, { or eax, -1 }, { lock cmpxchg [rdi], ebx }
	ROW "CMPXCHG8B", rdx, 0xffffffff, { xor edx, edx }, { lock cmpxchg8b [rdi] }
	ROW "CMPXCHG16B", rdx, -1, { xor edx, edx }, { lock cmpxchg16b [rdi] }
	ROWF "SHL M", SF | CF, { shl dword [rdi], 1 }
	ROW "SHR M, CL", rax, 1, { mov ecx, 31 }, { mov eax, 0 }, { shr dword [rdi], cl }, { adc eax, 0 }
	ROWF "SAR M, IMM", SF | CF, { sar word [rdi], 3 }
	ROW "RCL M", rax, 1, { clc }, { rcl dword [rdi], 1 }, { mov eax, 0 }, { adc eax, 0 }
	ROW "SHLD", rax, 1, { mov eax, 0 }, { mov ebx, eax }, { shld [rdi], ebx, 4 }, { adc eax, 0 }
	ret

bits_of:
	ROW "BT", rax, 1, { mov eax, 0 }, { mov ecx, 4000 }, { bt [rdi], ecx }, { adc eax, 0 }
	ROW "BTS", rax, 1, { mov rcx, -70 }, { mov eax, 0 }, { bts [rdi + 64], rcx }, { adc eax, 0 }
	ROW "BTR", rax, 1, { mov eax, 0 }, { lock btr qword [rdi], 63 }, { adc eax, 0 }
	ROW "BSF", rax, 0, { mov eax, 9 }, { bsf rax, [rdi] }
	ROW "BSR", rax, 63, { bsr rax, [rdi] }
	ret

strings:
	ROW "REP MOVSB", rax, -1, { lea rsi, [rdi + 3] }, { mov edi, buffer }, { mov qword [buffer + 92], 0 }, { mov ecx, 100 }, \
		{ rep movsb }, { mov rax, [buffer + 92] }
	ROW "MOVS TO NOWHERE", rdi, NOWHERE + 800, { mov esi, buffer }, { mov ecx, 100 }, { rep movsq }
	ROW "REP STOSD", rdi, NOWHERE + 4000, { mov ecx, 1000 }, { rep stosd }
	ROW "STD STOSB", rdi, NOWHERE - 100, { mov ecx, 100 }, { std }, { rep stosb }, { cld }
	ROW "REPE SCASB", rdi, NOWHERE + 200, { mov ecx, 200 }, { mov al, 0xff }, { repe scasb }
	ROW "REPNE SCASW", rdi, NOWHERE + 2, { mov ecx, 200 }, { mov ax, -1 }, { repne scasw }
	ROW "REPE CMPSQ", rsi, buffer + 16, { mov qword [buffer], -1 }, { mov qword [buffer + 8], 0 }, { mov esi, buffer }, \
		{ mov ecx, 9 }, { repe cmpsq }
	ROW "LODSD", rax, 0xffffffff, { mov esi, edi }, { lodsd }
	ROW "OUTSB", rsi, NOWHERE + 5, { mov esi, edi }, { mov ecx, 5 }, { mov edx, 0x80 }, { rep outsb }
	ROW "INSB", rdi, NOWHERE + 70, { mov ecx, 70 }, { mov edx, 0x80 }, { rep insb }
	ret

stack:
	ROW "PUSH, POP", rax, -1, { mov rbx, rsp }, { mov esp, NOWHERE + 0x800 }, { push 5 }, { pop rax }, { mov rsp, rbx }
	ROW "PUSHF", rax, NOWHERE + 0x7f8, { mov rbx, rsp }, { mov esp, NOWHERE + 0x800 }, { pushf }, { mov rax, rsp }, { mov rsp, rbx }
	ROW "ENTER", rax, NOWHERE + 0x800 - 40, { mov rbx, rsp }, { mov rsi, rbp }, { mov esp, NOWHERE + 0x800 }, { enter 32, 0 }, \
		{ mov rax, rsp }, { mov rsp, rbx }, { mov rbp, rsi }
	ROW "LEAVE", rax, NOWHERE + 8, { mov rbx, rsp }, { mov rsi, rbp }, { mov ebp, edi }, { leave }, { mov rax, rsp }, { mov rsp, rbx }, \
		{ mov rbp, rsi }
	ROW "CALL", rax, NOWHERE + 0x7f8, { mov rbx, rsp }, { mov esp, NOWHERE + 0x800 }, { call .there }
.there:
	; the stack does not keep the address to come back to
	mov rax, rsp
	mov rsp, rbx
	mov rcx, NOWHERE + 0x7f8
	mov rdx, rax
	SAY "INTERP: CALL"
	call verdict
	ret

; a selector of ones is beyond any table of ours; a table at the last address does no harm while nothing is loaded
tables:
	ROWF "LAR", 0, { xor eax, eax }, { lar eax, [rdi] }
	ROWF "LSL", 0, { xor eax, eax }, { lsl eax, [rdi] }
	ROW "VERR, VERW", rax, 0, { xor eax, eax }, { verr [rdi] }, { setz al }, { verw [rdi] }, { setz ah }
	ROW "SGDT, SIDT", rax, -1, { sgdt [rdi] }, { sidt [rdi] }, { mov rax, [rdi] }
	ROW "LGDT", rax, -1, { lgdt [rdi] }, { sgdt [buffer] }, { lgdt [gdt_pointer] }, { mov rax, [buffer + 2] }
	ROW "LIDT", rax, 0xffff, { lidt [rdi] }, { sidt [buffer] }, { lidt [idt_pointer] }, { movzx eax, word [buffer] }
	ret

vectors:
	mov rax, cr4
	or eax, 0x600			; OSFXSR, OSXMMEXCPT
	mov cr4, rax
	pxor xmm1, xmm1
	ROW "MOVUPS", rax, -1, { movups xmm1, [rdi + 1] }, { movhlps xmm2, xmm1 }, { movq rax, xmm2 }
	ROW "MOVAPS", rax, -1, { pxor xmm9, xmm9 }, { movaps xmm9, [rdi] }, { movq rax, xmm9 }
	ROW "MOVDQA STORE", rax, 0, { pxor xmm3, xmm3 }, { movdqa [rdi], xmm3 }, { movq rax, xmm3 }
	ROW "MOVSS", rax, 0xffffffff, { movss xmm4, [rdi] }, { movq rax, xmm4 }
	ROW "MOVLPS", rax, -1, { pxor xmm5, xmm5 }, { movlps xmm5, [rdi] }, { movq rax, xmm5 }
	ROW "MOVHPS", rax, 0, { pxor xmm5, xmm5 }, { movhps xmm5, [rdi] }, { movq rax, xmm5 }
	ROW "MOVD", rax, 0xffffffff, { movd xmm6, [rdi] }, { movq rax, xmm6 }
	ROW "MOVQ", rax, -1, { movq xmm15, [rdi + 8] }, { movq rax, xmm15 }
	ROW "MOVNTI", rax, 7, { mov eax, 7 }, { movnti [rdi], eax }
	mov eax, 1
	cpuid
	bt ecx, 28
	jnc .no_avx
	mov rax, cr4
	or eax, 1 << 18
	mov cr4, rax
	xor ecx, ecx
	xgetbv
	or eax, 7
	xsetbv
	ROW "VMOVDQU YMM", rax, -1, { vpxor xmm7, xmm7, xmm7 }, { vmovdqu ymm7, [rdi] }, { vextractf128 xmm8, ymm7, 1 }, { movq rax, xmm8 }
	ROW "VMOVUPS STORE", rax, -1, { vmovups [rdi], ymm7 }, { vmovups ymm10, [rdi + 3] }, { movq rax, xmm10 }
.no_avx:
	ret

; x87: what comes from there is -1 or a number that is none; what goes there is lost, and popped all the same
floats:
	fninit
	ROW "FILD M16", rax, -1, { fild word [rdi] }, { fistp qword [buffer] }, { mov rax, [buffer] }
	ROW "FILD M32", rax, -1, { fild dword [rdi] }, { fistp qword [buffer] }, { mov rax, [buffer] }
	ROW "FILD M64", rax, -1, { fild qword [rdi] }, { fistp qword [buffer] }, { mov rax, [buffer] }
	ROW "FLD M32", rax, 0xffffffff, { fld dword [rdi] }, { fstp dword [buffer] }, { mov eax, [buffer] }
	ROW "FLD M64", rax, -1, { fld qword [rdi + 3] }, { fstp qword [buffer] }, { mov rax, [buffer] }
	ROW "FLD M80", rax, -1, { fld tword [rdi] }, { fstp tword [buffer] }, { mov rax, [buffer + 2] }
	ROW "FADD M64", rax, -1, { fldz }, { fadd qword [rdi] }, { fstp qword [buffer] }, { mov rax, [buffer] }
	ROW "FICOMP M16", rax, 0, { fldz }, { ficomp word [rdi] }, { fnstsw ax }, { and eax, 0x7d00 }
	ROW "FST M64", rax, 0x400921fb54442d18, { fldpi }, { fst qword [rdi] }, { fstp qword [buffer] }, { mov rax, [buffer] }
	ROW "FSTP M32, M64, M80", rax, 3, { fldpi }, { fld1 }, { fld1 }, { fld1 }, { fstp dword [rdi] }, { fstp qword [rdi] }, \
		{ fstp tword [rdi] }, { fistp qword [buffer] }, { mov rax, [buffer] }
	ROW "FIST, FISTTP", rax, 0, { fldpi }, { fist word [rdi] }, { fisttp qword [rdi] }, { fnstsw ax }, { and eax, 0x3800 }
	ROW "FNSTCW, FNSTSW, FLDCW", rax, 0x3f, { fnstcw [rdi] }, { fnstsw [rdi] }, { fldcw [rdi] }, { fnstcw [buffer] }, \
		{ mov eax, [buffer] }, { and eax, 0x3f }, { fninit }
	; an error that is not masked: neither stored nor popped
	ROW "FISTP WITH AN ERROR", rax, 0x3881, { mov dword [buffer], 0x37e }, { fld dword [rdi] }, { fldcw [buffer] }, \
		{ fistp dword [rdi] }, { fnstsw ax }, { and eax, 0x3881 }, { fninit }
	mov edi, NOWHERE
.load:
	fld dword [rdi + 16]
	fxsave64 [buffer]
	fninit
	mov rcx, .load
	mov rdx, [buffer + 8]
	SAY "INTERP: X87 INSTRUCTION ADDRESS"
	call verdict
	; newer processors note it with errors only: CPUID leaf 7, EBX bit 6
	mov eax, 7
	xor ecx, ecx
	cpuid
	xor ecx, ecx
	bt ebx, 6
	jc .none
	mov ecx, NOWHERE + 16
.none:
	mov rdx, [buffer + 16]
	SAY "INTERP: X87 OPERAND ADDRESS"
	call verdict
	ret

; a guest that steps gets its #DB after an interpreted instruction as after any other
stepping:
	mov qword [trap_handlers + 8], step
	mov edi, NOWHERE
	pushf
	or dword [rsp], 0x100
	popf
	mov eax, [rdi]
.after:
	mov rcx, .after
	mov rdx, [step_rip]
	SAY "INTERP: SINGLE STEP"
	call verdict
	ret

step:
	mov rcx, [rsp + 96]
	mov [step_rip], rcx
	and dword [rsp + 112], ~0x100
	ret

section .bss
saved_stack	resd 1
protected_good	resd 1
rows		resd 1
good		resd 1
step_rip	resq 1
alignb 64
buffer		resb 1024
section .text

GUEST_END
