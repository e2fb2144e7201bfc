; PAGES: rights and entries of 64-bit paging, PCID, instructions that reach devices' memory, debug registers, XSAVE's kin.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "PAGES"
%include "equiv/check64.inc"

NOWHERE	equ 0xD0000000			; mapped, and no storage nor device
VGA	equ 0xB8000
APIC	equ 0xFEE00000

; changes a register's bits: CR4_SET bits, CR4_CLEAR bits, CR0_...
%macro CHANGE 3
	mov rax, %1
	%2 eax, %3
	mov %1, rax
%endmacro
%macro DR7 1
	mov eax, %1
	mov dr7, rax
%endmacro
%macro MSR_WRITE 2
	mov ecx, %1
	mov rdx, %2
	mov eax, edx
	shr rdx, 32
	wrmsr
%endmacro

main:
	call check_init
	SAY "PAGES: BEGIN", NL
	CHANGE cr4, or, 0x600
	CHANGE cr0, and, ~6
	CHANGE cr0, or, 0x22
	fninit
	mov r15d, APIC
	call entries
	call contexts
	call reach
	call debugging
	call states
	call system
	SAY "PAGES: END", NL
	ret

; a private slot: PDPT entry 4 (4 GiB up) has the tables below
BASE	equ 4 << 30
%macro MAP 2					; table, what an entry is to be; RBX = where
	mov rax, %2
	mov [%1], rax
	mov rax, cr3
	mov cr3, rax
%endmacro
%macro ACCESSED 1
	mov rax, [%1]
	and eax, 0xFFF
	mov [case_rax], rax
	SAY "  ENTRY"
	mov dword [case_vector], NO_TRAP
	call case_print
%endmacro
entries:
	mov eax, directory + 7
	mov [pdpt + 4 * 8], rax
	mov eax, table + 7
	mov [directory], rax
	mov eax, scratch + 7
	mov [table], rax
	or dword [pml4], 4
	mov rbx, BASE
	mov rax, cr3
	mov cr3, rax
%macro AT 1+
	CASE %1
%endmacro
	CASE "4K", { mov rbx, BASE }, { mov [rbx], ebx }, { mov eax, [rdi] }
	ACCESSED table
	ACCESSED directory
	ACCESSED pdpt + 32
	MAP directory, 0x200000 | 0x87
	CASE "2M", { mov rbx, BASE }, { mov eax, [rbx + 0x12345] }, { xor eax, eax }
	ACCESSED directory
	CASE "2M W", { mov rbx, BASE }, { mov [rbx + 0x12345], al }
	ACCESSED directory
	MAP directory, 0x200000 | 0x2087
	CASE "2M BIT 13", { mov rbx, BASE }, { mov eax, [rbx] }
	MAP directory, 0x200000 | 0x1087
	CASE "2M PAT", { mov rbx, BASE }, { mov eax, [rbx] }, { xor eax, eax }
	MAP pdpt + 32, 0x87
	CASE "1G", { mov rbx, BASE }, { mov eax, [rbx + 0x1234567] }, { xor eax, eax }
	ACCESSED pdpt + 32
	MAP pdpt + 32, 0x2087
	CASE "1G BIT 13", { mov rbx, BASE }, { mov eax, [rbx] }
	MAP pdpt + 32, directory + 7
	MAP directory, table + 7
	MAP pml4 + 8, pdpt + 0x87
	CASE "PML4 PS", { mov rbx, 1 << 39 }, { mov eax, [rbx] }
	MAP pml4 + 8, 0
	MAP directory, table + 7 + (1 << 45)
	CASE "PDE RESERVED", { mov rbx, BASE }, { mov eax, [rbx] }
	MAP directory, table + 7 + (1 << 52)
	CASE "PDE IGNORED", { mov rbx, BASE }, { mov eax, [rbx] }, { xor eax, eax }
	MAP directory, table + 7 + (1 << 63)
	CASE "PDE NX OFF", { mov rbx, BASE }, { mov eax, [rbx] }
	MSR_WRITE 0xC0000080, 0xD00
	CASE "PDE NX DATA", { mov rbx, BASE }, { mov eax, [rbx] }, { xor eax, eax }
	mov byte [scratch], 0xC3
	CASE "PDE NX CODE", { mov rbx, BASE }, { call rbx }
	MAP directory, table + 7
	CASE "CODE", { mov rbx, BASE }, { call rbx }
	MAP table, NOWHERE + 7
	CASE "DEVICE ALIAS", { mov rbx, BASE }, { mov eax, [rbx] }
	MAP table, APIC + 7
	CASE "APIC ALIAS", { mov rbx, BASE }, { mov eax, [rbx + 0x30] }
	MAP table, VGA + 7
	CASE "VGA ALIAS", { mov rbx, BASE }, { mov dword [rbx + 0xF00], 0x07420741 }, { mov eax, [VGA + 0xF00] }
	; two pages, the second another's or none
	MAP table, scratch + 7
	MAP table + 8, 0
	CASE "CROSS READ", { mov rbx, BASE }, { mov eax, [rbx + 4094] }
	CASE "CROSS WRITE", { mov rbx, BASE }, { mov dword [rbx + 4092], 0 }, { mov dword [rbx + 4094], -1 }
	CASE "CROSS NOTHING", { mov eax, [scratch + 4092] }
	MAP table + 8, NOWHERE + 7
	CASE "CROSS DEVICE", { mov rbx, BASE }, { mov dword [rbx + 4092], 0x11223344 }, { mov eax, [rbx + 4094] }
	MAP table + 8, VGA + 7
	CASE "CROSS VGA", { mov rbx, BASE }, { mov dword [rbx + 4094], 0x07430744 }, { mov eax, [rbx + 4094] }
	MAP table + 8, scratch + 4096 + 5
	CHANGE cr0, or, 0x10000
	CASE "CROSS RO", { mov rbx, BASE }, { mov dword [rbx + 4094], -1 }
	CASE "XADD RO", { mov rbx, BASE }, { xadd [rbx + 4096], eax }
	CASE "CMPXCHG RO", { mov rbx, BASE }, { mov eax, 1 }, { mov ecx, 2 }, { lock cmpxchg [rbx + 4096], ecx }
	CASE "FXSAVE RO", { mov rbx, BASE }, { fxsave [rbx + 4096] }
	CASE "SGDT RO", { mov rbx, BASE }, { sgdt [rbx + 4096] }
	CASE "INS RO", { mov rdi, BASE + 4096 }, { mov edx, 0x80 }, { insb }
	CASE "REP INS RO", { mov rdi, BASE + 4093 }, { mov edx, 0x80 }, { mov ecx, 5 }, { rep insb }
	CASE "STACK RO", { mov rbx, rsp }, { mov rsp, BASE + 4104 }, { pop rax }, { mov rsp, rbx }, { xor eax, eax }
	MAP table + 8, VGA + 5
	CASE "VGA RO", { mov rbx, BASE }, { mov [rbx + 4096], al }
	MAP table + 8, NOWHERE + 5
	CASE "DEVICE RO", { mov rbx, BASE }, { mov [rbx + 4096], al }
	ACCESSED table + 8
	CHANGE cr0, and, ~0x10000
	CASE "DEVICE RO WP", { mov rbx, BASE }, { mov [rbx + 4096], al }
	ACCESSED table + 8
	MAP table + 8, NOWHERE + 3
	mov al, 4
	call user_pages
	MAP table + 8, NOWHERE + 3
	CASE3 "R3 SUPER", { mov rbx, BASE }, { mov eax, [rbx + 4096] }
	xor eax, eax
	call user_pages
	MSR_WRITE 0xC0000080, 0x500
	ret

; PCID, global pages, INVPCID
contexts:
	MAP table, scratch + 7
	CHANGE cr4, or, 0x80
	CASE "PCIDE", { mov rax, cr4 }, { or eax, 0x20000 }, { mov cr4, rax }, { mov rax, cr4 }, { and eax, 0x20000 }
	CASE "CR3 PCID", { mov rax, cr3 }, { or eax, 5 }, { mov cr3, rax }, { mov rax, cr3 }, { and eax, 0xFFF }
	CASE "CR3 BIT 63", { mov rax, cr3 }, { bts rax, 63 }, { mov cr3, rax }, { mov rax, cr3 }, { shr rax, 63 }
	CASE "PCIDE OFF", { mov rax, cr4 }, { and eax, ~0x20000 }, { mov cr4, rax }, { xor eax, eax }
	mov rax, cr3
	and rax, ~0xFFF
	mov cr3, rax
	CHANGE cr4, or, 0x20000
	CASE "PG OFF", { mov rax, cr0 }, { and eax, 0x7FFFFFFF }, { mov cr0, rax }
	; kept by a MOV CR3 with bit 63? may be; after INVPCID not
	CASE "INVPCID 0", { mov qword [rdi], 5 }, { mov rax, BASE }, { mov [rdi + 8], rax }, { xor eax, eax }, { invpcid rax, [rdi] }
	CASE "INVPCID 0 NC", { mov rax, 1 << 63 }, { mov [rdi + 8], rax }, { xor eax, eax }, { invpcid rax, [rdi] }
	CASE "INVPCID 3", { mov qword [rdi + 8], 0 }, { mov eax, 3 }, { invpcid rax, [rdi] }
	CASE "INVPCID RESERVED", { mov qword [rdi], 0x1000 }, { mov eax, 2 }, { invpcid rax, [rdi] }
	CASE "INVPCID HIGH", { mov qword [rdi], 1 }, { mov rax, 0x100000001 }, { invpcid rax, [rdi] }
	CASE "SWITCH", { mov rax, cr3 }, { and rax, ~0xFFF }, { mov cr3, rax }, { mov rbx, BASE }, { mov eax, [rbx] }, { xor eax, eax }
	CASE "PCIDE ODD", { mov rax, cr3 }, { or eax, 1 }, { mov cr3, rax }, { CHANGE cr4, and, ~0x20000 }, { xor eax, eax }
	mov rax, cr3
	and rax, ~0xFFF
	mov cr3, rax
	CHANGE cr4, and, ~0x20000
	CASE "PCIDE WITH PCID", { mov rax, cr3 }, { or eax, 8 }, { mov cr3, rax }, { CHANGE cr4, or, 0x20000 }
	mov rax, cr3
	and rax, ~0xFFF
	mov cr3, rax
	; a global page outlives MOV CR3, not CR4.PGE
	MAP table, scratch + 0x103
	CASE "GLOBAL", { mov rbx, BASE }, { mov eax, [rbx] }, { mov qword [table], 0 }, { CHANGE cr4, xor, 0x80 }, { mov eax, [rbx] }
	CHANGE cr4, and, ~0x80
	MAP table, scratch + 7
	ret

; instructions that the monitor has to do itself
reach:
	CASE "MOVZX", { mov ebx, NOWHERE }, { movzx eax, byte [rbx] }
	CASE "MOVSX", { mov ebx, NOWHERE }, { movsx rax, word [rbx] }
	CASE "MOVSXD", { mov ebx, NOWHERE }, { movsxd rax, dword [rbx] }
	CASE "ADD", { mov ebx, APIC }, { mov eax, 5 }, { add eax, [rbx + 0x30] }
	CASE "ADD FLAGS", { mov ebx, NOWHERE }, { mov eax, 1 }, { add eax, [rbx] }, { pushfq }, { pop rax }
	CASE "ADC FLAGS", { mov ebx, NOWHERE }, { stc }, { adc eax, [rbx] }, { pushfq }, { pop rax }
	CASE "CMP FLAGS", { mov ebx, APIC }, { cmp dword [rbx + 0x30], 0x50015 }, { pushfq }, { pop rax }
	CASE "TEST FLAGS", { mov ebx, NOWHERE }, { test byte [rbx], 0x80 }, { pushfq }, { pop rax }
	CASE "OR TPR", { mov ebx, APIC }, { or dword [rbx + 0x80], 0x10 }, { mov eax, [rbx + 0x80] }
	CASE "AND TPR", { mov ebx, APIC }, { and dword [rbx + 0x80], 0x0F }, { pushfq }, { pop rax }
	CASE "XCHG TPR", { mov ebx, APIC }, { mov eax, 0x20 }, { xchg [rbx + 0x80], eax }
	CASE "INC TPR", { mov ebx, APIC }, { inc dword [rbx + 0x80] }, { mov eax, [rbx + 0x80] }
	CASE "NOT TPR", { mov ebx, APIC }, { not dword [rbx + 0x80] }, { mov eax, [rbx + 0x80] }
	CASE "NEG TPR", { mov ebx, APIC }, { neg dword [rbx + 0x80] }, { mov eax, [rbx + 0x80] }
	CASE "BTS TPR", { mov ebx, APIC }, { bts dword [rbx + 0x80], 4 }, { mov eax, [rbx + 0x80] }
	CASE "SHL TPR", { mov ebx, APIC }, { shl dword [rbx + 0x80], 1 }, { mov eax, [rbx + 0x80] }
	mov dword [r15 + 0x80], 0
	CASE "SETCC", { mov ebx, VGA + 0xF00 }, { stc }, { setc [rbx] }, { movzx eax, byte [rbx] }
	CASE "CMOV NOT", { mov ebx, NOWHERE }, { mov eax, 7 }, { clc }, { cmovc eax, [rbx] }
	CASE "CMOV", { mov ebx, NOWHERE }, { mov eax, 7 }, { stc }, { cmovc eax, [rbx] }
	CASE "PUSH POP", { mov ebx, NOWHERE }, { push qword [rbx + 0x30] }, { pop rax }
	CASE "POP TO", { mov ebx, NOWHERE }, { push 5 }, { pop qword [rbx] }, { mov rax, [rbx] }
	CASE "LEA LODS", { mov esi, APIC + 0x30 }, { lodsd }
	CASE "MOVS", { mov esi, APIC + 0x30 }, { movsd }, { mov eax, [scratch] }
	CASE "MOVS DOWN", { std }, { mov esi, NOWHERE + 8 }, { mov ecx, 2 }, { rep movsd }, { cld }, { mov eax, edi }, { sub eax, scratch }
	CASE "SCAS", { mov edi, NOWHERE }, { mov ecx, 100 }, { xor eax, eax }, { repne scasb }, { mov eax, ecx }
	CASE "SCASE", { mov edi, NOWHERE }, { mov ecx, 100 }, { xor eax, eax }, { repe scasb }, { mov eax, ecx }
	CASE "CMPS", { mov esi, NOWHERE }, { mov ecx, 100 }, { repe cmpsb }, { mov eax, ecx }
	CASE "STOS", { mov edi, NOWHERE }, { mov ecx, 5 }, { rep stosq }, { mov eax, edi }
	CASE "INS TO", { mov edi, NOWHERE }, { mov edx, 0x80 }, { mov ecx, 3 }, { rep insb }, { mov eax, edi }
	CASE "OUTS FROM", { mov esi, NOWHERE }, { mov edx, 0x80 }, { mov ecx, 3 }, { rep outsb }, { mov eax, esi }
	CASE "INS TO VGA", { mov edi, VGA + 0xF00 }, { mov edx, 0x300 }, { mov ecx, 4 }, { rep insb }, { mov eax, [VGA + 0xF00] }
	CASE "CALL", { mov ebx, NOWHERE }, { call [rbx] }
	CASE "JMP", { mov ebx, NOWHERE }, { jmp [rbx] }
	CASE "CMPXCHG8B", { mov ebx, NOWHERE }, { mov esi, ebx }, { lock cmpxchg8b [rsi] }
	CASE "CMPXCHG16B", { mov esi, NOWHERE }, { lock cmpxchg16b [rsi] }
	CASE "XADD", { mov ebx, NOWHERE }, { mov eax, 9 }, { lock xadd [rbx], eax }
	CASE "MUL", { mov ebx, APIC }, { mov eax, 3 }, { mul dword [rbx + 0x30] }
	CASE "DIV", { mov ebx, APIC }, { mov eax, 0x500150 }, { div dword [rbx + 0x30] }
	CASE "DIV ZERO", { mov ebx, APIC }, { mov eax, 3 }, { div dword [rbx + 0x90] }
	CASE "IMUL", { mov ebx, APIC }, { imul eax, [rbx + 0x30], 2 }
	CASE "SHLD", { mov ebx, APIC }, { mov eax, -1 }, { shld dword [rbx + 0x80], eax, 4 }, { mov eax, [rbx + 0x80] }
	mov dword [r15 + 0x80], 0
	CASE "BSF", { mov ebx, APIC }, { bsf eax, [rbx + 0x30] }
	CASE "POPCNT", { mov ebx, NOWHERE }, { popcnt eax, [rbx] }
	CASE "MOVBE", { mov ebx, APIC }, { movbe eax, [rbx + 0x30] }
	CASE "LZCNT", { mov ebx, APIC }, { lzcnt eax, [rbx + 0x30] }
	CASE "TZCNT", { mov ebx, APIC }, { tzcnt eax, [rbx + 0x30] }
	CASE "MOVNTI", { mov ebx, NOWHERE }, { movnti [rbx], eax }
	CASE "MOVD", { mov ebx, APIC }, { movd xmm0, [rbx + 0x30] }, { movd eax, xmm0 }
	CASE "MOVQ", { mov ebx, NOWHERE }, { movq xmm0, [rbx] }, { movq rax, xmm0 }
	CASE "MOVDQU", { mov ebx, NOWHERE }, { movdqu xmm0, [rbx + 3] }, { movq rax, xmm0 }
	CASE "MOVDQA ODD", { mov ebx, NOWHERE }, { movdqa xmm0, [rbx + 3] }
	CASE "MOVNTDQ", { mov ebx, NOWHERE }, { movntdq [rbx], xmm0 }
	CASE "MOVSS", { mov ebx, NOWHERE }, { movss xmm0, [rbx] }, { movq rax, xmm0 }
	CASE "ENTER", { mov ebx, NOWHERE }, { prefetchnta [rbx] }, { clflush [rbx] }
	mov dword [r15 + 0x80], 0
	CASE "LMSW", { mov ebx, NOWHERE }, { smsw [rbx] }, { movzx eax, word [rbx] }
	CASE "MOV SEG", { mov ebx, NOWHERE }, { mov [rbx], ds }, { mov ds, [rbx] }
	CASE "IMM", { mov ebx, NOWHERE }, { mov dword [rbx], 5 }, { mov eax, [rbx] }
	CASE "GS", { MSR_WRITE 0xC0000101, NOWHERE }, { mov eax, [gs:8] }
	CASE "MOFFS", { mov eax, [qword APIC + 0x30] }
	CASE "A32 WRAP", { mov ebx, 0xFFFFFFFF }, { mov ecx, APIC }, { mov eax, [ebx + ecx + 0x31] }
	mov al, 4
	call user_pages
	CHANGE cr0, or, 0x40000
	mov qword [ring3_flags], 0x40002
	CASE3 "R3 AC DEVICE", { mov ebx, NOWHERE }, { mov eax, [rbx + 1] }
	CASE3 "R3 AC DEVICE W", { mov ebx, NOWHERE }, { mov [rbx + 2], eax }
	CASE3 "R3 AC OK", { mov ebx, NOWHERE }, { mov eax, [rbx + 4] }
	CASE3 "R3 AC OUTSW", { mov ebx, NOWHERE }, { movzx eax, word [rbx + 3] }
	mov qword [ring3_flags], 2
	CHANGE cr0, and, ~0x40000
	CASE3 "R3 DEVICE", { mov ebx, NOWHERE }, { mov eax, [rbx + 1] }
	CASE3 "R3 SGDT", { sgdt [rdi] }, { movzx eax, word [rdi] }
	CASE3 "R3 SMSW", { smsw eax }, { and eax, 0xFF }
	CASE3 "R3 SYSENTER", { sysenter }
	CASE3 "R3 XGETBV", { xgetbv }
	CASE3 "R3 RDTSCP", { rdtscp }, { mov eax, ecx }
	CASE3 "R3 CLFLUSH", { clflush [rdi] }
	xor eax, eax
	jmp user_pages

debugging:
	mov eax, scratch + 16
	mov dr0, rax
	mov eax, scratch + 32
	mov dr1, rax
	CHANGE cr4, or, 8
	DR7 0xDD040A				; both written, 4 bytes
	CASE "TWO", { mov [rdi + 16], eax }, { mov [rdi + 32], eax }, { nop }
	CASE "BOTH", { lea rdi, [rdi + 16] }, { mov ecx, 5 }, { mov eax, -1 }, { rep stosd }, { nop }
	CASE "STEP AND DATA", { push 0x102 }, { popfq }, { mov [rdi + 16], eax }, { nop }
	CASE "DATA DISABLED MATCH", { DR7 0xDD0402 }, { mov [rdi + 32], eax }, { mov [rdi + 16], eax }, { nop }
	DR7 0xDD040A
	CASE "XCHG", { xchg [rdi + 16], eax }, { nop }
	CASE "PUSH", { mov rbx, rsp }, { lea rsp, [rdi + 24] }, { push rax }, { mov rsp, rbx }, { nop }
	CASE "CALL", { lea rsp, [rdi + 24] }, { call .here }
.here:
	CASE "XSAVE", { fxsave [rdi] }, { nop }
	CASE "FAULT NO", { mov [rdi + 16], eax }, { ud2 }
	CASE "MOV SS DATA", { mov ecx, ss }, { mov [rdi + 64], ecx }, { mov ss, [rdi + 16] }
	DR7 0x400
	mov eax, 0x10
	mov [scratch + 16], rax
	DR7 0xF0402
	CASE "MOV SS BP", { mov ss, [rdi + 16] }, { nop }, { nop }
	CASE "MOV SS BP INT", { mov ss, [rdi + 16] }, { int 0x40 }, { nop }
	CASE "MOV SS BP UD", { mov ss, [rdi + 16] }, { ud2 }, { nop }
	CASE "MOV SS BP INT1", { mov ss, [rdi + 16] }, { db 0xF1 }, { nop }
	CASE "MOV SS BP IN", { mov ss, [rdi + 16] }, { in al, 0x80 }, { nop }
	CASE "MOV SS BP TWICE", { mov ss, [rdi + 16] }, { mov ss, [rdi + 16] }, { nop }, { nop }
	CASE "DR6 KEPT", { mov eax, 0xFFFF0FF0 | 8 }, { mov dr6, rax }, { mov eax, [rdi + 16] }, { nop }
	CASE "DR6 BS KEPT", { mov eax, 0xFFFF4FF0 }, { mov dr6, rax }, { in al, 0x80 }, { mov eax, [rdi + 16] }, { nop }
	mov eax, 0x80
	mov dr1, rax
	DR7 0x20040A
	CASE "IO 1", { in al, 0x80 }, { nop }
	CASE "IO STEP", { push 0x102 }, { popfq }, { in al, 0x80 }, { nop }
	mov eax, NOWHERE
	mov dr2, rax
	DR7 0xF000422
	CASE "DEVICE", { mov ebx, NOWHERE }, { mov [rbx], eax }, { nop }
	CASE "DEVICE STEP", { mov ebx, NOWHERE }, { push 0x102 }, { popfq }, { mov eax, [rbx] }, { nop }
	CASE "DEVICE REP", { mov edi, NOWHERE - 4 }, { mov ecx, 10 }, { rep stosb }, { nop }
	CASE "DEVICE INS", { mov edi, NOWHERE }, { mov edx, 0x80 }, { insb }, { nop }
	CASE "DEVICE MISS", { mov ebx, NOWHERE }, { mov eax, [rbx + 4] }, { mov eax, 1 }
	CASE "DEVICE MOV SS", { mov ebx, NOWHERE }, { mov ecx, ss }, { mov ss, ecx }, { mov eax, [rbx] }, { nop }
	mov eax, APIC + 0x30
	mov dr2, rax
	CASE "APIC", { mov ebx, APIC }, { mov eax, [rbx + 0x30] }, { nop }
	mov eax, .code
	mov dr3, rax
	DR7 0x480
	CASE "CODE GP", { jmp .code }
	jmp .past
.code:
	rdmsr
	nop
.past:
	CASE "RTM", { mov eax, 0xFFFE0FF0 }, { mov dr6, rax }, { mov rax, dr6 }
	CASE "DR7 RTM", { mov eax, 0xC00 }, { mov dr7, rax }, { mov rax, dr7 }
	DR7 0x400
	CASE "GE", { mov eax, 0x700 }, { mov dr7, rax }, { mov rax, dr7 }
	DR7 0x400
	CHANGE cr4, and, ~8
	ret

; extended state
states:
	CHANGE cr4, or, 0x40000
	CASE "XSAVE SIZE", { mov eax, 7 }, { xor edx, edx }, { xor ecx, ecx }, { xsetbv }, { mov eax, 13 }, { xor ecx, ecx }, { cpuid }, { mov eax, ebx }
	CASE "CPUID D 1", { mov eax, 13 }, { mov ecx, 1 }, { cpuid }
	CASE "CPUID D 1 EBX", { mov eax, 13 }, { mov ecx, 1 }, { cpuid }, { mov eax, ebx }
	CASE "CPUID D 2", { mov eax, 13 }, { mov ecx, 2 }, { cpuid }, { shl rbx, 32 }, { or rax, rbx }
	CASE "CPUID D 3", { mov eax, 13 }, { mov ecx, 3 }, { cpuid }, { or eax, ebx }
	CASE "XSAVEC", { mov eax, 7 }, { xsavec [rdi] }, { mov eax, [rdi + 520] }
	CASE "XRSTORC", { mov eax, 7 }, { xrstor [rdi] }
	CASE "XRSTOR BV", { mov qword [rdi + 512], 8 }, { mov qword [rdi + 520], 0 }, { mov eax, 7 }, { xrstor [rdi] }
	CASE "XRSTOR HDR", { mov qword [rdi + 512], 1 }, { mov qword [rdi + 528], 1 }, { mov eax, 7 }, { xrstor [rdi] }
	CASE "XSAVES", { mov eax, 7 }, { xsaves [rdi] }
	CASE "XSS BAD", { MSR_WRITE 0xDA0, 1 }
	CASE "XGETBV 1", { mov ecx, 1 }, { xgetbv }, { and eax, 1 }
	CASE "XINUSE", { fninit }, { vzeroall }, { mov ecx, 1 }, { xgetbv }, { and eax, 6 }
	CASE "XSAVEOPT INIT", { fninit }, { vzeroall }, { mov qword [rdi + 512], 7 }, { mov eax, 4 }, { xsaveopt [rdi] }, { mov eax, [rdi + 512] }
	CASE "XSETBV AVX512", { mov eax, 0xE7 }, { xor ecx, ecx }, { xsetbv }, { xgetbv }
	CASE "XSETBV PART", { mov eax, 0x27 }, { xor ecx, ecx }, { xsetbv }
	CASE "XSETBV PKRU", { mov eax, 0x207 }, { xor ecx, ecx }, { xsetbv }
	mov eax, 7
	xor ecx, ecx
	xor edx, edx
	xsetbv
	CHANGE cr0, or, 8
	CASE "XSAVE TS", { mov eax, 7 }, { xsave [rdi] }
	CASE "XSETBV TS", { mov eax, 7 }, { xsetbv }, { xgetbv }
	CASE "AVX TS", { vpxor ymm0, ymm0, ymm0 }
	CASE "MOVNTI TS", { movnti [rdi], eax }
	CASE "FXSAVE TS", { fxsave [rdi] }
	CASE "EMMS TS", { emms }
	clts
	CASE "AVX2 DEVICE", { mov ebx, NOWHERE }, { vmovdqu ymm1, [rbx] }, { vmovq rax, xmm1 }
	CASE "VPGATHER", { vpcmpeqd ymm2, ymm2, ymm2 }, { vpxor ymm1, ymm1, ymm1 }, { mov dword [rdi], 0x77 }, { vpgatherdd ymm0, [rdi + ymm1 * 4], ymm2 }, { vmovd eax, xmm0 }
	CASE "VMASKMOV", { vpxor ymm2, ymm2, ymm2 }, { mov rbx, 0x7F00000000 }, { vpmaskmovd ymm0, ymm2, [rbx] }, { vmovd eax, xmm0 }
	CASE "FMA", { vpxor xmm0, xmm0, xmm0 }, { vfmadd132ss xmm0, xmm0, xmm0 }, { vmovd eax, xmm0 }
	CASE "F16C", { vcvtph2ps xmm0, [rdi + 0] }, { xor eax, eax }
	CASE "AESKEYGEN", { pxor xmm0, xmm0 }, { aeskeygenassist xmm1, xmm0, 1 }, { movd eax, xmm1 }
	CASE "PCLMUL", { mov eax, 3 }, { movd xmm0, eax }, { pclmulqdq xmm0, xmm0, 0 }, { movd eax, xmm0 }
	CASE "SHA", { pxor xmm0, xmm0 }, { sha256msg1 xmm0, xmm0 }, { movd eax, xmm0 }
	CASE "GFNI", { pxor xmm0, xmm0 }, { gf2p8mulb xmm0, xmm0 }, { movd eax, xmm0 }
	CASE "AVX512", { vpxord zmm0, zmm0, zmm0 }
	CASE "WBNOINVD", { wbnoinvd }
	CASE "CLWB", { clwb [rdi] }
	CASE "PKU", { rdpkru }
	CASE "FSGS MOV", { mov eax, 0x10 }, { mov fs, eax }, { mov ecx, 0xC0000100 }, { rdmsr }
	CHANGE cr4, and, ~0x40000
	ret

; odd ends
system:
	CASE "TSC ADJUST", { mov ecx, 0x3B }, { rdmsr }, { mov ebx, eax }, { add eax, 0x1000 }, { wrmsr }, { rdmsr }, { sub eax, ebx }
	CASE "ARCH CAP", { mov ecx, 0x10A }, { rdmsr }
	CASE "SPEC CTRL", { mov ecx, 0x48 }, { rdmsr }
	CASE "PRED CMD", { MSR_WRITE 0x49, 1 }
	CASE "MISC ENABLE", { mov ecx, 0x1A0 }, { rdmsr }
	CASE "UCODE", { mov ecx, 0x8B }, { xor eax, eax }, { xor edx, edx }, { wrmsr }, { rdmsr }
	CASE "PERF", { mov ecx, 0xC1 }, { rdmsr }
	CASE "PERF CTRL", { mov ecx, 0x38F }, { rdmsr }
	CASE "THERM", { mov ecx, 0x19C }, { rdmsr }
	CASE "LBR", { mov ecx, 0x1C9 }, { rdmsr }
	CASE "DEBUGCTL BTF", { MSR_WRITE 0x1D9, 2 }, { mov ecx, 0x1D9 }, { rdmsr }
	CASE "AMD", { mov ecx, 0xC0010000 }, { rdmsr }
	CASE "CPUID 2", { mov eax, 2 }, { cpuid }, { and eax, 0xFF }
	CASE "CPUID 4", { mov eax, 4 }, { cpuid }, { and eax, 0x3FF }
	CASE "CPUID 4 10", { mov eax, 4 }, { mov ecx, 10 }, { cpuid }, { and eax, 0x1F }
	CASE "CPUID 7 1", { mov eax, 7 }, { mov ecx, 1 }, { cpuid }
	CASE "CPUID B", { mov eax, 11 }, { cpuid }, { mov eax, ecx }, { mov al, cl }, { movzx eax, al }
	CASE "CPUID B 5", { mov eax, 11 }, { mov ecx, 5 }, { cpuid }, { mov eax, ecx }
	CASE "CPUID 80000000", { mov eax, 0x80000000 }, { cpuid }
	CASE "CPUID 80000007", { mov eax, 0x80000007 }, { cpuid }, { mov eax, edx }
	CASE "CPUID 80000008", { mov eax, 0x80000008 }, { cpuid }
	CASE "CPUID BEYOND", { mov eax, 0x80000100 }, { cpuid }, { mov r8d, eax }, { mov eax, 0x7FFFFFFF }, { cpuid }, { sub eax, r8d }
	CASE "SYSRET NC", { MSR_WRITE 0xC0000080, 0x501 }, { mov rcx, 1 << 63 }, { o64 sysret }
	CASE "SYSRET OFF", { MSR_WRITE 0xC0000080, 0x500 }, { o64 sysret }
	CASE "SYSENTER", { MSR_WRITE 0x174, 8 }, { MSR_WRITE 0x175, 0x1234 }, { MSR_WRITE 0x176, .entered }, { mov rax, rsp }, { sysenter }
	jmp .past
.entered:
	mov rax, rsp
	mov ebx, ss
	add rax, rbx
	mov esp, ring3_top
	int 0x41
.past:
	CASE "SYSEXIT NC", { MSR_WRITE 0x174, 8 }, { mov rdx, 1 << 63 }, { o64 sysexit }
	CASE "SYSEXIT NULL", { MSR_WRITE 0x174, 0 }, { o64 sysexit }
	CASE "IRETQ NULL SS", { mov rax, rsp }, { push 0 }, { push rax }, { push 2 }, { push 8 }, { push .landed }, { iretq }
.landed:
	mov eax, ss
	mov [case_rax], rax
	mov eax, 0x10
	mov ss, eax
	SAY "NULL SS"
	mov dword [case_vector], NO_TRAP
	call case_print
	CASE "IRETQ NC", { push 0x10 }, { push rsp }, { push 2 }, { push 8 }, { mov rax, 1 << 63 }, { push rax }, { iretq }
	CASE "IRETQ VM", { mov rax, rsp }, { push 0x10 }, { push rax }, { push 0x20002 }, { push 8 }, { push .landed2 }, { iretq }
.landed2:
	pushfq
	pop rax
	mov [case_rax], rax
	SAY "VM"
	mov dword [case_vector], NO_TRAP
	call case_print
	CASE "JMP FAR 48", { mov dword [rdi], .far }, { mov word [rdi + 4], 0x48 }, { jmp far dword [rdi] }
	jmp .past2
.far:
	ud2
.past2:
	CASE "PAUSE", { pause }, { db 0xF3, 0x0F, 0x1E, 0xFA }, { db 0x0F, 0x1F, 0 }, { db 0x0F, 0x0D, 0x0F }
	CASE "15 BYTES", { db 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x90 }
	CASE "16 BYTES", { db 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x90 }
	CASE "16 BYTES IN", { db 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0x2E, 0xE4, 0x80 }
	CASE "REX IN", { mov rax, -1 }, { mov edx, 0x300 }, { db 0x48, 0xED }
	CASE "66 IN", { mov eax, 0x12345678 }, { db 0x66, 0xE5, 0x80 }, { shr eax, 16 }
	CASE "LOCK CPUID", { db 0xF0, 0x0F, 0xA2 }
	CASE "LOCK IN", { db 0xF0, 0xE4, 0x80 }
	CASE "LOCK RDMSR", { db 0xF0, 0x0F, 0x32 }
	CASE "REP CPUID", { db 0xF3, 0x0F, 0xA2 }, { xor eax, eax }
	CASE "66 RDMSR", { mov ecx, 0x1B }, { db 0x66, 0x0F, 0x32 }
	CASE "LOCK MOV DEVICE", { mov ebx, NOWHERE }, { db 0xF0, 0x8B, 0x03 }
	CASE "VMFUNC", { db 0x0F, 0x01, 0xD4 }
	CASE "VMCALL HIGH", { db 0x0F, 0x01, 0xC3 }
	CASE "INVEPT", { db 0x66, 0x0F, 0x38, 0x80, 0x07 }
	CASE "ENCLS", { db 0x0F, 0x01, 0xCF }
	CASE "XSUSLDTRK", { db 0xF2, 0x0F, 0x01, 0xE8 }
	CASE "SERIALIZE", { db 0x0F, 0x01, 0xE8 }
	CASE "PCONFIG", { db 0x0F, 0x01, 0xC5 }
	CASE "UMWAIT", { umwait ecx }
	CASE "TPAUSE", { tpause ecx }
	CASE "MOVDIRI", { db 0x0F, 0x38, 0xF9, 0x07 }
	CASE "PTWRITE", { db 0xF3, 0x0F, 0xAE, 0xE0 }
	CASE "CLZERO", { db 0x0F, 0x01, 0xFC }
	CASE "MCOMMIT", { db 0xF3, 0x0F, 0x01, 0xFA }
	CASE "STGI", { db 0x0F, 0x01, 0xDC }
	ret

section .bss
alignb 4096
directory	resb 4096
table		resb 4096
section .text

GUEST_END
