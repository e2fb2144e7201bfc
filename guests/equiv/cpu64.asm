; CPU64: exceptions, single steps, debug registers, control registers and MSRs as 64-bit code meets them.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "CPU64"
%include "equiv/check64.inc"

UNMAPPED	equ 0x7F00000000		; no page there
NOWHERE		equ 0xD0000000			; mapped, and no storage nor device

main:
	call check_init
	SAY "CPU64: BEGIN", NL
	mov rax, cr4
	or eax, 0x600			; OSFXSR, OSXMMEXCPT
	mov cr4, rax
	mov rax, cr0
	and eax, ~6
	or eax, 0x22			; MP, NE
	mov cr0, rax
	fninit
	call exceptions
	call ring3
	call steps_of
	call breakpoints
	call registers
	call msrs
	call floats
	call paging
	call interrupts
	SAY "CPU64: END", NL
	ret

exceptions:
	CASE "DIV ZERO", { mov eax, 5 }, { div ecx }
	CASE "IDIV OVER", { mov eax, 0x80000000 }, { cdq }, { mov ecx, -1 }, { idiv ecx }
	CASE "INT3", { int3 }
	CASE "INT 3", { db 0xCD, 3 }
	CASE "INT1", { db 0xF1 }
	CASE "INT 40", { int 0x40 }
	CASE "UD2", { ud2 }
	CASE "UD1", { db 0x0F, 0xB9, 0xC0 }
	CASE "LOCK UD", { db 0xF0, 0x90 }
	CASE "PUSH ES", { db 0x06 }
	CASE "GP NONCANON", { mov rax, 0x8000000000000000 }, { mov ecx, [rax] }
	CASE "SS NONCANON", { mov rbp, 0x8000000000000000 }, { mov ecx, [rbp] }
	CASE "JMP NONCANON", { mov rax, 0x8000000000000000 }, { jmp rax }
	CASE "PF READ", { mov rax, UNMAPPED }, { mov ecx, [rax] }
	CASE "PF WRITE", { mov rax, UNMAPPED + 8 }, { mov [rax], ecx }
	CASE "PF FETCH", { mov rax, UNMAPPED }, { jmp rax }
	CASE "PF ADDR32", { a32 mov ecx, [edi - 0x10] }
	CASE "NULL SS", { xor eax, eax }, { mov ss, ax }, { push rax }, { pop rax }, { mov al, 1 }
	CASE "NP DS", { mov ax, 0x40 }, { mov ds, ax }
	CASE "NP SS", { mov ax, 0x40 }, { mov ss, ax }
	CASE "GP DS", { mov ax, 0x100 }, { mov ds, ax }
	CASE "GP CS", { mov ax, 8 }, { mov ss, ax }
	CASE "LDT NONE", { mov ax, 4 }, { mov ds, ax }
	CASE "LLDT DATA", { mov ax, 0x10 }, { lldt ax }
	CASE "LTR BUSY", { mov ax, SEL_TSS }, { ltr ax }
	CASE "RETF L D", { push 0x70 }, { mov eax, check_init }, { push rax }, { o64 retf }
	CASE "RETF NULL", { push 0 }, { push rax }, { o64 retf }
	CASE "IRET FLAGS", { push 0x10 }, { push rsp }, { push 0x4002 }, { push 8 }, { mov eax, .landed }, { push rax }, { iretq }
	jmp .not_landed
.landed:
	pushfq
	pop rax
	ud2
.not_landed:
	CASE "LAR", { mov ecx, 0x50 }, { lar eax, ecx }
	CASE "LSL", { mov ecx, 0x48 }, { lsl eax, ecx }
	CASE "VERW", { mov ecx, 0x60 }, { verw cx }, { setz al }
	CASE "STR", { str eax }
	CASE "SLDT", { sldt eax }
	CASE "SMSW", { smsw rax }
	CASE "SGDT", { sgdt [rdi] }, { movzx eax, word [rdi] }
	CASE "SIDT", { sidt [rdi] }, { movzx eax, word [rdi] }
	CASE "BIG INT", { mov eax, 1 }, { db 0xCE }
	CASE "FAR CALL IND", { mov dword [rdi], .far }, { mov word [rdi + 4], 0x50 }, { call far [rdi] }
	jmp .past
.far:
	mov eax, 0xFA
	retf
.past:
	CASE "MOVAPS ODD", { movaps xmm0, [rdi + 1] }
	CASE "MONITOR", { mov eax, scratch }, { db 0x0F, 0x01, 0xC8 }
	CASE "SYSENTER NONE", { sysenter }
	CASE "SYSCALL OFF", { syscall }
	CASE "RSM", { rsm }
	CASE "GETSEC", { db 0x0F, 0x37 }
	CASE "VMLAUNCH", { db 0x0F, 0x01, 0xC2 }
	CASE "HLT3 FLAGS", { pushfq }, { pop rax }
	CASE "POPF ALL", { push 0x3F7FD7 & ~0x100 }, { popfq }, { pushfq }, { pop rax }, { push 2 }, { popfq }
	CASE "XLAT", { mov rbx, UNMAPPED }, { xlatb }
	CASE "REP MOVS FAULT", { mov edi, scratch }, { mov rsi, UNMAPPED }, { mov ecx, 3 }, { rep movsb }
	CASE "REP OUTS FAULT", { mov rsi, UNMAPPED }, { mov ecx, 3 }, { mov edx, 0x80 }, { rep outsb }
	CASE "REP INS FAULT", { mov rdi, UNMAPPED }, { mov ecx, 3 }, { mov edx, 0x80 }, { rep insb }
	CASE "OUTS NONCANON", { mov rsi, 0x8000000000000000 }, { mov edx, 0x80 }, { outsb }
	CASE "INS ZERO", { mov rdi, UNMAPPED }, { xor ecx, ecx }, { mov edx, 0x80 }, { rep insb }, { mov eax, ecx }
	CASE "ENTER PF", { mov rax, rsp }, { mov rsp, UNMAPPED }, { push rax }
	ret

ring3:
	mov al, 4
	call user_pages
	CASE3 "R3 CLI", { cli }
	CASE3 "R3 STI", { sti }
	CASE3 "R3 HLT", { hlt }
	CASE3 "R3 IN", { in al, 0x80 }
	CASE3 "R3 OUTSB", { mov edx, 0x80 }, { outsb }
	CASE3 "R3 INVD", { invd }
	CASE3 "R3 WBINVD", { wbinvd }
	CASE3 "R3 INVLPG", { invlpg [rdi] }
	CASE3 "R3 RDMSR", { rdmsr }
	CASE3 "R3 WRMSR", { wrmsr }
	CASE3 "R3 MOV CR0", { mov rax, cr0 }
	CASE3 "R3 MOV CR8", { mov cr8, rax }
	CASE3 "R3 CLTS", { clts }
	CASE3 "R3 LMSW", { lmsw ax }
	CASE3 "R3 MOV DR", { mov rax, dr0 }
	CASE3 "R3 LGDT", { lgdt [rdi] }
	CASE3 "R3 LTR", { ltr ax }
	CASE3 "R3 XSETBV", { xsetbv }
	CASE3 "R3 VMCALL UD", { db 0x0F, 0x01, 0xC2 }
	CASE3 "R3 RDPMC", { rdpmc }
	CASE3 "R3 RDTSC", { rdtsc }, { xor eax, eax }
	CASE3 "R3 CPUID", { cpuid }, { xor eax, eax }
	CASE3 "R3 INT 40", { int 0x40 }
	CASE3 "R3 INT3", { int3 }
	CASE3 "R3 INT1", { db 0xF1 }
	CASE3 "R3 MONITOR", { db 0x0F, 0x01, 0xC8 }
	CASE3 "R3 SYSRET", { sysret }
	CASE3 "R3 SWAPGS", { swapgs }
	CASE3 "R3 POPF", { push 0x3202 }, { popfq }, { pushfq }, { pop rax }
	CASE3 "R3 MOVSS", { mov eax, 0x10 }, { mov ss, eax }
	CASE3 "R3 RETF0", { push 8 }, { push 0 }, { o64 retf }
	mov rax, cr4
	or eax, 4			; TSD
	mov cr4, rax
	CASE3 "R3 TSD", { rdtsc }
	CASE3 "R3 TSD P", { rdtscp }
	mov rax, cr4
	and eax, ~4
	mov cr4, rax
	mov rax, cr0
	or eax, 1 << 18
	mov cr0, rax
	mov qword [ring3_flags], 0x40002
	CASE3 "R3 AC", { mov eax, [rdi + 1] }
	CASE3 "R3 AC OFF", { mov al, [rdi + 1] }
	mov qword [ring3_flags], 0x3002
	CASE3 "R3 IOPL IN", { in al, 0x80 }, { xor eax, eax }
	CASE3 "R3 IOPL CLI", { cli }, { pushfq }, { pop rax }
	CASE3 "R3 IOPL STI", { sti }, { pushfq }, { pop rax }, { cli }
	mov qword [ring3_flags], 0x2
	xor eax, eax
	jmp user_pages

steps_of:
	mov dword [step_mode], 1
	STEP "STEP NOP", { nop }, { nop }
	STEP "STEP CPUID", { xor eax, eax }, { cpuid }, { nop }, { xor eax, eax }
	STEP "STEP IN", { in al, 0x80 }, { nop }, { out 0x80, al }, { nop }, { xor eax, eax }
	STEP "STEP OUTSB", { mov edx, 0x80 }, { outsb }, { nop }
	STEP "STEP REP OUTSB", { mov edx, 0x80 }, { mov ecx, 3 }, { rep outsb }, { nop }
	STEP "STEP REP INSB", { mov edx, 0x80 }, { mov ecx, 3 }, { rep insb }, { nop }
	STEP "STEP REP MOVSB", { mov ecx, 3 }, { rep movsb }, { nop }
	STEP "STEP REP 0", { mov edx, 0x80 }, { rep outsb }, { nop }
	STEP "STEP RDMSR", { mov ecx, 0x1B }, { rdmsr }, { nop }, { xor eax, eax }
	STEP "STEP WRMSR", { mov ecx, 0x3B }, { wrmsr }, { nop }
	STEP "STEP CR", { mov rax, cr0 }, { mov cr0, rax }, { mov rax, cr3 }, { mov cr3, rax }, { xor eax, eax }
	STEP "STEP CR4", { mov rax, cr4 }, { mov cr4, rax }, { nop }, { xor eax, eax }
	STEP "STEP CR8", { mov rax, cr8 }, { mov cr8, rax }, { nop }
	STEP "STEP CLTS", { clts }, { smsw ax }, { lmsw ax }, { xor eax, eax }
	STEP "STEP DR", { mov rax, dr7 }, { mov dr7, rax }, { nop }
	STEP "STEP WBINVD", { wbinvd }, { nop }
	STEP "STEP RDTSC", { rdtsc }, { nop }, { xor eax, eax }
	STEP "STEP MOV SS", { mov eax, ss }, { mov ss, eax }, { nop }, { nop }
	STEP "STEP MOV SS CPUID", { mov ecx, ss }, { mov ss, ecx }, { cpuid }, { nop }, { xor eax, eax }
	STEP "STEP MOV SS IN", { mov ecx, ss }, { mov ss, ecx }, { in al, 0x80 }, { nop }, { xor eax, eax }
	STEP "STEP POP SS", { mov eax, ss }, { mov ss, eax }, { out 0x80, al }, { nop }
	STEP "STEP MMIO", { mov rax, NOWHERE }, { mov eax, [rax] }, { nop }, { xor eax, eax }
	STEP "STEP MMIO REP", { mov edi, NOWHERE }, { mov ecx, 3 }, { rep stosb }, { nop }, { xor eax, eax }
	STEP "STEP MOV SS MMIO", { mov ecx, ss }, { mov ebx, NOWHERE }, { mov ss, ecx }, { mov eax, [rbx] }, { nop }, { xor eax, eax }
	STEP "STEP APIC", { mov eax, 0xFEE00030 }, { mov eax, [rax] }, { nop }, { xor eax, eax }
	STEP "STEP POPF", { pushfq }, { popfq }, { nop }
	STEP "STEP INT", { int 0x80 }, { nop }
	STEP "STEP UD", { ud2 }, { nop }
	STEP "STEP JMP", { jmp short $ + 2 }, { call $ + 5 }, { pop rax }, { xor eax, eax }
	STEP "STEP XGETBV OFF", { xgetbv }, { nop }
	STEP "STEP VMX", { db 0x0F, 0x01, 0xC2 }, { nop }
	STEP "STEP INT1", { db 0xF1 }, { nop }
	; an interrupt waits when the trap is due: first the trap
	mov r15d, 0xFEE00000
	mov dword [r15 + 0xF0], 0x1FF
	STEP "STEP STI PENDING", { mov dword [r15 + 0x300], 0x40053 }, { sti }, { nop }, { nop }
	mov dword [r15 + 0xB0], 0
	STEP "STEP STI IN PENDING", { mov dword [r15 + 0x300], 0x40053 }, { sti }, { in al, 0x80 }, { nop }
	mov dword [r15 + 0xB0], 0
	STEP "STEP STI CPUID PENDING", { mov dword [r15 + 0x300], 0x40053 }, { sti }, { cpuid }, { xor eax, eax }
	mov dword [r15 + 0xB0], 0
	STEP "STEP STI HLT PENDING", { mov dword [r15 + 0x300], 0x40053 }, { sti }, { hlt }, { nop }
	mov dword [r15 + 0xB0], 0
	STEP "STEP STI MMIO PENDING", { mov ebx, NOWHERE }, { mov dword [r15 + 0x300], 0x40053 }, { sti }, { mov eax, [rbx] }, { xor eax, eax }
	mov dword [r15 + 0xB0], 0
	STEP "STEP NMI", { mov dword [r15 + 0x310], 0 }, { mov dword [r15 + 0x300], 0x4400 }, { nop }, { nop }
	STEP "STEP STI", { sti }, { nop }, { cli }, { nop }
	STEP "STEP STI CPUID", { sti }, { cpuid }, { cli }, { xor eax, eax }
	mov dword [step_mode], 0
	ret

; DR7 value
%macro DR7 1
	mov rax, %1
	mov dr7, rax
%endmacro
breakpoints:
	mov rax, cr4
	or eax, 8			; DE
	mov cr4, rax
	mov eax, scratch + 16
	mov dr0, rax
	DR7 0xD0402			; DR0: read or write, 4 bytes, global
	mov rax, dr7
	mov [case_rdx], rax
	CASE "DR7 READ", { mov rax, dr7 }
	CASE "BP DATA W", { mov [rdi + 16], eax }, { nop }
	CASE "BP DATA R", { mov eax, [rdi + 16] }, { nop }
	CASE "BP DATA PART", { mov [rdi + 14], eax }, { nop }
	CASE "BP DATA MISS", { mov [rdi + 12], eax }, { nop }
	DR7 0xF0402			; read or write
	CASE "BP DATA RW", { mov eax, [rdi + 16] }, { nop }
	CASE "BP OUTSB", { lea rsi, [rdi + 16] }, { mov edx, 0x80 }, { outsb }, { nop }
	CASE "BP INSB", { add edi, 16 }, { mov edx, 0x80 }, { insb }, { nop }
	CASE "BP REP INSB", { add edi, 14 }, { mov edx, 0x80 }, { mov ecx, 6 }, { rep insb }, { nop }
	CASE "BP MOVSB", { mov ecx, 20 }, { rep movsb }, { nop }
	mov rax, NOWHERE + 16
	mov dr0, rax
	CASE "BP MMIO", { mov eax, NOWHERE + 16 }, { mov ecx, [rax] }, { nop }
	CASE "BP MMIO W", { mov eax, NOWHERE + 16 }, { mov [rax], ecx }, { nop }
	mov eax, 0x80
	mov dr0, rax
	DR7 0x20402			; I/O
	CASE "BP IN", { in al, 0x80 }, { nop }
	CASE "BP OUT", { out 0x80, al }, { nop }
	CASE "BP OUT MISS", { out 0x84, al }, { nop }
	CASE "BP OUT WIDE", { mov edx, 0x7E }, { out dx, eax }, { nop }
	CASE "BP IO OUTSB", { mov edx, 0x80 }, { mov ecx, 3 }, { rep outsb }, { nop }
	mov eax, 0xF8
	mov dr0, rax
	CASE "BP OUT UNCLAIMED", { out 0xF8, al }, { nop }
	mov rax, cr4
	and eax, ~8
	mov cr4, rax
	CASE "BP IN NO DE", { in al, 0xF8 }, { nop }, { xor eax, eax }
	mov eax, .there
	mov dr0, rax
	DR7 0x402
	CASE "BP CODE", { jmp .there }
	jmp .past
.there:
	cpuid
	nop
	nop
.past:
%macro RESUMED 2				; name, where the breakpoint is
	CASE %1, { push 0x10 }, { lea rax, [rsp + 8] }, { push rax }, { push 0x10002 }, { push 8 }, { mov eax, .there2 }, { push rax }, { mov eax, %2 }, { mov dr0, rax }, { xor eax, eax }, { iretq }
%endmacro
	RESUMED "BP CODE RF", .there2
	RESUMED "BP CODE RF CPUID", .after_cpuid + 2
	RESUMED "BP CODE RF IN", .after_in
	RESUMED "BP CODE RF MMIO", .after_mmio
	jmp .past2
.there2:
	cpuid
.after_cpuid:
	xor eax, eax
	in al, 0x80
.after_in:
	mov eax, NOWHERE
	mov eax, [rax]
.after_mmio:
	xor eax, eax
	ud2
.past2:
	CASE "BP CODE MOV SS", { mov eax, .there3 }, { mov dr0, rax }, { mov eax, ss }, { mov ss, eax }
	jmp .past3
.there3:
	nop
.past3:
	DR7 0x2400			; GD
	CASE "GD READ", { mov rax, dr0 }
	DR7 0x2400
	CASE "GD WRITE", { mov dr7, rax }
	CASE "GD AFTER", { mov rax, dr7 }
	DR7 0x400
	CASE "DR4", { mov rax, dr4 }
	mov rax, cr4
	or eax, 8
	mov cr4, rax
	CASE "DR4 DE", { mov rax, dr4 }
	CASE "DR5 DE W", { mov dr5, rax }
	mov rax, cr4
	and eax, ~8
	mov cr4, rax
	CASE "DR6 HIGH", { mov rax, 1 << 32 }, { mov dr6, rax }
	CASE "DR7 HIGH", { mov rax, 1 << 32 }, { mov dr7, rax }
	CASE "DR6 ALL", { mov eax, -1 }, { mov dr6, rax }, { mov rax, dr6 }
	CASE "DR6 NONE", { xor eax, eax }, { mov dr6, rax }, { mov rax, dr6 }
	CASE "DR7 ALL", { mov eax, 0xFFFFDC00 }, { mov dr7, rax }, { mov rax, dr7 }
	CASE "DR7 NONE", { xor eax, eax }, { mov dr7, rax }, { mov rax, dr7 }
	CASE "DR0 HIGH", { mov rax, 0x123456789ABCDEF0 }, { mov dr0, rax }, { mov rax, dr0 }
	CASE "DR REX", { db 0x44, 0x0F, 0x21, 0xC0 }
	mov eax, 0x400
	mov dr7, rax
	ret

%include "equiv/cpu64_registers.inc"

floats:
	CASE "FDIV MASKED", { fninit }, { fldz }, { fld1 }, { fdivrp }, { fnstsw ax }
	CASE "MF", { fninit }, { mov word [rdi], 0x37B }, { fldcw [rdi] }, { fld1 }, { fldz }, { fdivp }, { fnstsw ax }, { fwait }
	CASE "MF NEXT", { fldz }
	CASE "MF FNCLEX", { fnclex }, { fldz }, { fnstsw ax }
	CASE "FNINIT", { fninit }, { fnstcw [rdi] }, { mov ax, [rdi] }
	CASE "NM TS", { mov rax, cr0 }, { or eax, 8 }, { mov cr0, rax }, { fldz }
	CASE "NM SSE", { pxor xmm0, xmm0 }
	CASE "NM WAIT", { fwait }
	CASE "CLTS", { clts }, { fldz }, { fninit }
	CASE "EM FPU", { mov rax, cr0 }, { or eax, 4 }, { mov cr0, rax }, { fldz }
	CASE "EM SSE", { pxor xmm0, xmm0 }
	CASE "EM OFF", { mov rax, cr0 }, { and eax, ~4 }, { mov cr0, rax }, { fldz }, { fninit }, { xor eax, eax }
	CASE "XM", { mov dword [rdi], 0x1F80 & ~0x200 }, { ldmxcsr [rdi] }, { mov eax, 1 }, { cvtsi2ss xmm0, eax }, { pxor xmm1, xmm1 }, { divss xmm0, xmm1 }
	CASE "XM DENORMAL", { mov dword [rdi], 0x1F80 & ~0x100 }, { ldmxcsr [rdi] }, { mov dword [rdi + 4], 1 }, { movss xmm0, [rdi + 4] }, { addss xmm0, xmm0 }
	CASE "MXCSR BAD", { mov dword [rdi], 0xFFFF1F80 }, { ldmxcsr [rdi] }
	CASE "MXCSR", { mov dword [rdi], 0x1F80 }, { ldmxcsr [rdi] }, { stmxcsr [rdi] }, { mov eax, [rdi] }
	CASE "FXSAVE", { fxsave [rdi] }, { mov eax, [rdi + 28] }
	CASE "FXSAVE ODD", { fxsave [rdi + 8] }
	CASE "FXRSTOR BAD", { fxsave [rdi] }, { mov dword [rdi + 24], 0xFFFFFFFF }, { fxrstor [rdi] }
	CASE "OSFXSR OFF", { mov rax, cr4 }, { and eax, ~0x200 }, { mov cr4, rax }, { pxor xmm0, xmm0 }
	CASE "OSXMM OFF", { mov rax, cr4 }, { or eax, 0x200 }, { and eax, ~0x400 }, { mov cr4, rax }, { mov dword [rdi], 0x1F80 & ~0x200 }, { ldmxcsr [rdi] }, { mov eax, 1 }, { cvtsi2ss xmm0, eax }, { pxor xmm1, xmm1 }, { divss xmm0, xmm1 }
	mov rax, cr4
	or eax, 0x600
	mov cr4, rax
	mov dword [scratch], 0x1F80
	ldmxcsr [scratch]
	ret

; the page of [scratch] in 4 KiB pages: one table for the 2 MiB around it
paging:
	mov edi, small_table
	mov eax, scratch
	and eax, ~0x1FFFFF
	mov ebx, eax
	or eax, 3
	mov ecx, 512
.fill:
	mov [rdi], rax
	add eax, 0x1000
	add edi, 8
	loop .fill
	mov ecx, ebx
	shr ecx, 21
	mov eax, small_table
	or eax, 7
	mov [page_directories + rcx * 8], rax
	mov rax, cr3
	mov cr3, rax
	mov ebx, scratch
	shr ebx, 12
	and ebx, 511
	lea rbx, [small_table + rbx * 8]
	mov [scratch_pte], rbx
	or dword [rbx], 4
	or dword [pml4], 4
	or dword [pdpt], 4
; PTE_SET { change of the entry in RAX }, a CASE, PTE_END: what became of accessed and dirty bits
%macro PTE_SET 1
	mov rbx, [scratch_pte]
	mov rax, [rbx]
	and eax, ~0x60
	mov [pte_kept], rax
	%1
	mov [rbx], rax
	invlpg [scratch]
%endmacro
%macro PTE_END 0
	mov rbx, [scratch_pte]
	mov eax, [rbx]
	and eax, 0xFFF
	mov [case_rax], rax
	mov rax, [pte_kept]
	mov [rbx], rax
	invlpg [scratch]
	SAY "  ENTRY"
	mov dword [case_vector], NO_TRAP
	call case_print
%endmacro
	PTE_SET { nop }
	CASE "PTE READ", { mov eax, [rdi] }, { xor eax, eax }
	PTE_END
	PTE_SET { nop }
	CASE "PTE WRITE", { mov [rdi], eax }
	PTE_END
	PTE_SET { nop }
	CASE "PTE OUTSB", { mov edx, 0x80 }, { outsb }
	PTE_END
	PTE_SET { nop }
	CASE "PTE INSB", { mov edx, 0x80 }, { insb }
	PTE_END
	PTE_SET { and eax, ~1 }
	CASE "PTE ABSENT INSB", { mov edx, 0x80 }, { insb }
	PTE_END
	PTE_SET { and eax, ~2 }
	CASE "PTE RO WP OFF", { mov [rdi], eax }
	PTE_END
	mov rax, cr0
	or eax, 0x10000
	mov cr0, rax
	PTE_SET { and eax, ~2 }
	CASE "PTE RO", { mov [rdi], eax }
	PTE_END
	PTE_SET { and eax, ~2 }
	CASE "PTE RO INSB", { mov edx, 0x80 }, { insb }
	PTE_END
	PTE_SET { and eax, ~4 }
	CASE "PTE SUPER R3", { mov eax, [rdi] }
	PTE_END
	mov ecx, 0xC0000080
	rdmsr
	or eax, 0x800
	wrmsr
	mov byte [scratch], 0xC3
	PTE_SET { bts rax, 63 }
	CASE "PTE NX", { call rdi }
	PTE_END
	PTE_SET { bts rax, 51 }
	CASE "PTE RESERVED", { mov eax, [rdi] }
	PTE_END
	PTE_SET { bts rax, 40 }
	CASE "PTE RESERVED W", { mov [rdi], eax }
	PTE_END
	mov rax, cr4
	or eax, 0x300000
	mov cr4, rax
	PTE_SET { nop }
	CASE "SMAP READ", { mov eax, [rdi] }
	PTE_END
	PTE_SET { nop }
	CASE "SMAP AC", { stac }, { mov eax, [rdi] }, { clac }, { xor eax, eax }
	PTE_END
	PTE_SET { nop }
	CASE "SMAP OUTSB", { mov edx, 0x80 }, { outsb }
	PTE_END
	mov rax, cr4
	and eax, ~0x200000
	mov cr4, rax
	mov rax, cr4
	and eax, ~0x100000
	mov cr4, rax
	mov ecx, 0xC0000080
	rdmsr
	and eax, ~0x800
	wrmsr
	PTE_SET { bts rax, 63 }
	CASE "PTE NX OFF", { mov eax, [rdi] }
	PTE_END
	mov rax, cr0
	and eax, ~0x10000
	mov cr0, rax
	CASE "CODE CHANGES", { mov byte [.changed + 1], 7 }, { jmp .changed }
.changed:
	mov al, 1
	mov [case_rax], rax
	SAY "CHANGED"
	call case_print
	ret

%include "equiv/cpu64_interrupts.inc"

section .bss
scratch_pte	resq 1
pte_kept	resq 1
alignb 4096
small_table	resb 4096
section .text

GUEST_END
