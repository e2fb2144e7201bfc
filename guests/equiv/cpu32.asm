; CPU32: 32-bit protected mode, virtual-8086 mode and real mode: exceptions, rings, gates, single steps, paging.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "CPU32"
%include "equiv/check32.inc"

NOWHERE		equ 0xD0000000

; further descriptors, behind the library's
SEL_CODE16	equ 0x58
SEL_DATA16	equ 0x60
SEL_ABSENT	equ 0x68
SEL_DOWN	equ 0x70			; expand-down, 32 bits, limit FFFh
SEL_CALL3	equ 0x78			; a call gate that ring 3 may use
SEL_TIGHT	equ 0x80			; code with limit FFh, byte granular

main32:
	call protected_init
	mov esi, gdt32
	mov edi, gdt_own
	mov ecx, 0x58 / 4
	rep movsd
	mov esi, gdt_more
	mov ecx, (gdt_more_end - gdt_more) / 4
	rep movsd
	mov eax, gate_target
	mov [gdt_own + SEL_CALL3], ax
	shr eax, 16
	mov [gdt_own + SEL_CALL3 + 6], ax
	mov word [gdt_own + SEL_CALL3 + 2], SEL_CODE0
	mov word [gdt_own + SEL_CALL3 + 4], 0xEC01	; ring 3, one parameter
	lgdt [gdt_own_pointer]
	mov eax, SEL_LDT
	lldt ax
	call check_init
	mov eax, cr0
	and eax, 0x9FFFFFFF & ~6
	or eax, 0x22
	mov cr0, eax
	SAY32 "CPU32: BEGIN", NL
	call protected
	call ring3
	call stepping
	call real
	call paging
	SAY32 "CPU32: END", NL
	jmp p32_power_off

protected:
	CASE "DIV", { div ecx }
	CASE "INTO", { mov al, 0x7F }, { inc al }, { into }
	CASE "INTO NOT", { into }
	CASE "BOUND", { mov dword [edi], 5 }, { mov dword [edi + 4], 9 }, { mov eax, 4 }, { bound eax, [edi] }
	CASE "BOUND OK", { mov eax, 7 }, { bound eax, [edi] }
	CASE "AAM 0", { db 0xD4, 0 }
	CASE "UD2", { ud2 }
	CASE "ARPL", { mov eax, 8 }, { mov ecx, 3 }, { arpl ax, cx }
	CASE "SALC", { stc }, { db 0xD6 }, { movzx eax, al }
	CASE "DS NULL", { xor eax, eax }, { mov fs, eax }, { mov eax, [fs:0] }
	CASE "SS NULL", { xor eax, eax }, { mov ss, eax }
	CASE "LIMIT", { mov eax, SEL_SMALL }, { mov fs, eax }, { mov al, [fs:0x123] }, { xor eax, eax }, { mov eax, [fs:0x121] }
	CASE "LIMIT OUTSB", { mov eax, SEL_SMALL }, { mov fs, eax }, { mov esi, 0x124 }, { mov edx, 0x80 }, { fs outsb }
	CASE "NOT WRITABLE", { mov eax, SEL_SMALL }, { mov fs, eax }, { mov [fs:0], al }
	CASE "INS NOT WRITABLE", { mov eax, SEL_SMALL }, { mov es, eax }, { xor edi, edi }, { mov edx, 0x80 }, { insb }
	CASE "NOT READABLE", { mov eax, SEL_EXECUTE }, { mov fs, eax }
	CASE "CODE WRITE", { mov [cs:case_rax], eax }
	CASE "ABSENT", { mov eax, SEL_ABSENT }, { mov fs, eax }
	CASE "ABSENT SS", { mov eax, SEL_ABSENT }, { mov ss, eax }
	CASE "ABSENT CS", { jmp SEL_ABSENT:0 }
	CASE "BEYOND GDT", { mov eax, 0x1000 }, { mov fs, eax }
	CASE "BEYOND LDT", { mov eax, 0x0C }, { mov fs, eax }
	CASE "IN LDT", { mov eax, SEL_IN_LDT }, { mov fs, eax }, { mov eax, fs }
	CASE "DOWN IN", { mov eax, SEL_DOWN }, { mov fs, eax }, { mov eax, [fs:0x1000] }, { xor eax, eax }
	CASE "DOWN OUT", { mov eax, SEL_DOWN }, { mov fs, eax }, { mov eax, [fs:0xFFF] }
	CASE "DOWN OUTSB", { mov eax, SEL_DOWN }, { mov fs, eax }, { mov esi, 0xFFF }, { mov edx, 0x80 }, { fs outsb }
	CASE "JMP DATA", { jmp SEL_DATA0:0 }
	CASE "JMP LIMIT", { jmp SEL_TIGHT:0x100 }
	CASE "JMP CONFORMING", { jmp SEL_CONFORMING:.conforming }
.conforming:
	mov [case_rax], eax
	jmp SEL_CODE0:.back
.back:
	CASE "CALL GATE 0", { push 5 }, { call SEL_CALL3:0 }
	CASE "CALL TSS BUSY", { call SEL_TSS:0 }
	CASE "LTR NULL", { xor eax, eax }, { ltr ax }
	CASE "LTR BUSY", { mov eax, SEL_TSS }, { ltr ax }
	CASE "LLDT BAD", { mov eax, SEL_TSS }, { lldt ax }
	CASE "LAR", { mov ecx, SEL_SMALL }, { lar eax, ecx }
	CASE "LAR GATE", { mov ecx, SEL_CALL3 }, { lar eax, ecx }
	CASE "LSL", { mov ecx, SEL_SMALL }, { lsl eax, ecx }
	CASE "VERR", { mov ecx, SEL_EXECUTE }, { verr cx }, { setz al }
	CASE "SS CONFORMING", { mov eax, SEL_CONFORMING }, { mov ss, eax }
	CASE "INT 81 LIMIT", { lidt [short_idt] }, { int 0x81 }
	lidt [idt32_pointer]
	CASE "GP IN MOV CR", { mov eax, 0x80000000 }, { mov cr0, eax }
	CASE "CR4", { mov eax, cr4 }
	CASE "CR4 BAD", { mov eax, cr4 }, { bts eax, 31 }, { mov cr4, eax }
	CASE "CR2", { mov eax, 0x12345678 }, { mov cr2, eax }, { mov eax, cr2 }
	CASE "CR0 ET", { mov eax, cr0 }, { and eax, ~0x10 }, { mov cr0, eax }, { mov eax, cr0 }
	CASE "SYSENTER", { mov ecx, 0x174 }, { xor edx, edx }, { xor eax, eax }, { wrmsr }, { sysenter }
	CASE "SYSEXIT", { sysexit }
	CASE "SYSCALL", { syscall }
	CASE "IRET NT", { push 0x4002 }, { popf }, { iret }
	CASE "POPF", { push 0x3F7ED7 & ~0x4100 }, { popf }, { pushf }, { pop eax }
	CASE "LODS PF FLAGS", { std }, { lodsb }, { mov eax, esi }, { sub eax, scratch }, { cld }
	CASE "REP OUTSB DF", { std }, { mov ecx, 3 }, { mov edx, 0x80 }, { rep outsb }, { mov eax, esi }, { sub eax, scratch }
	CASE "A16 OUTSB", { mov esi, 0x12340000 }, { mov edx, 0x80 }, { mov ecx, 0x50002 }, { a16 rep outsb }, { mov eax, esi }, { xor eax, ecx }
	CASE "A16 INSB", { mov edi, 0x56787000 }, { mov edx, 0x80 }, { mov ecx, 0x50002 }, { a16 rep insb }, { mov eax, edi }, { xor eax, ecx }
	CASE "MMIO PUSH", { push dword [NOWHERE] }, { pop eax }
	CASE "MMIO CMPXCHG", { mov ebx, 1 }, { lock cmpxchg [NOWHERE], ebx }
	CASE "MMIO BT", { mov ecx, 100 }, { bt [NOWHERE], ecx }, { setc al }
	CASE "MMIO REP", { mov esi, NOWHERE }, { mov ecx, 5 }, { rep movsb }, { mov eax, [scratch] }
	CASE "FPU ENV", { fninit }, { fnstenv [edi] }, { mov eax, [edi + 8] }
	CASE "FPU IP", { fninit }, { fld1 }, { fnstenv [edi] }, { mov eax, [edi + 12] }, { sub eax, [case_begin] }
	CASE "FPU IP AFTER IN", { fninit }, { fld1 }, { in al, 0x80 }, { fnstenv [edi] }, { mov eax, [edi + 12] }, { sub eax, [case_begin] }
	ret

conforming3:
	mov eax, cs
	int 0x80

gate_target:
	mov eax, [esp + 8]
	retf 4

ring3:
	CASE3 "R3 CALL GATE", { push 7 }, { call SEL_CALL3:0 }
	CASE3 "R3 CALL CODE0", { call SEL_CODE0:0 }
	CASE3 "R3 CONFORMING", { jmp SEL_CONFORMING:conforming3 }
	CASE3 "R3 INT3", { int3 }
	CASE3 "R3 INTO", { mov al, 0x7F }, { inc al }, { into }
	CASE3 "R3 INT 3", { db 0xCD, 3 }
	CASE3 "R3 SS", { mov eax, SEL_DATA0 }, { mov ss, eax }
	CASE3 "R3 DS", { mov eax, SEL_DATA0 }, { mov fs, eax }
	CASE3 "R3 IN", { in al, 0x80 }
	; the permission map: port 80h is allowed, 81h is not
	mov word [tss32_own_map], 0
	mov word [tss32 + 102], 104
	mov byte [gdt_own + SEL_TSS], 104 + 32
	mov byte [gdt_own + SEL_TSS + 5], 0x89
	mov eax, tss_map
	mov edi, eax
	mov esi, tss32
	mov ecx, 26
	rep movsd
	mov eax, 0xFFFFFFFF
	mov ecx, 9
	rep stosd
	mov byte [tss_map + 104 + 16], 0xFE
	mov eax, tss_map
	mov [gdt_own + SEL_TSS + 2], ax
	shr eax, 16
	mov [gdt_own + SEL_TSS + 4], al
	mov eax, SEL_TSS
	ltr ax
	CASE3 "R3 MAP IN", { in al, 0x80 }, { xor eax, eax }
	CASE3 "R3 MAP IN 81", { in al, 0x81 }
	CASE3 "R3 MAP WORD", { in ax, 0x80 }
	CASE3 "R3 MAP OUTSB", { mov edx, 0x80 }, { mov ecx, 2 }, { rep outsb }
	CASE3 "R3 MAP BEYOND", { mov edx, 0x3F8 }, { in al, dx }
	mov eax, cr4
	or eax, 2			; PVI
	mov cr4, eax
	CASE3 "R3 PVI CLI", { cli }, { pushf }, { pop eax }
	CASE3 "R3 PVI STI", { sti }, { pushf }, { pop eax }
	mov dword [ring3_flags], 0x100002	; VIP
	CASE3 "R3 PVI STI VIP", { sti }
	push dword 2
	push cs
	push dword .no_vip
	iret
.no_vip:
	mov dword [ring3_flags], 2
	mov eax, cr4
	and eax, ~2
	mov cr4, eax
	ret

stepping:
	STEP "STEP NOP", { nop }
	STEP "STEP IN", { in al, 0x80 }, { nop }, { xor eax, eax }
	STEP "STEP CPUID", { cpuid }, { xor eax, eax }
	STEP "STEP CR", { mov eax, cr0 }, { mov cr0, eax }, { xor eax, eax }
	STEP "STEP MOV SS", { mov eax, ss }, { mov ss, eax }, { in al, 0x80 }, { nop }, { xor eax, eax }
	STEP "STEP POP SS", { push ss }, { pop ss }, { cpuid }, { nop }, { xor eax, eax }
	STEP "STEP LSS", { mov [edi], esp }, { mov word [edi + 4], ss }, { lss esp, [edi] }, { nop }
	STEP "STEP REP", { mov ecx, 2 }, { mov edx, 0x80 }, { rep outsb }, { nop }
	STEP "STEP MMIO", { mov eax, [NOWHERE] }, { nop }, { xor eax, eax }
	STEP "STEP CALL GATE", { push 1 }, { call SEL_CALL3:0 }, { nop }
	STEP "STEP JMP FAR", { jmp SEL_CODE0:.far }
.far:
	mov dword [step_mode], 0
	ret

%include "equiv/cpu32_real.inc"

; 32-bit paging with 4 MiB pages, then PAE
paging:
	mov edi, tables
	mov eax, 0x83
	mov ecx, 1024
.large:
	mov [edi], eax
	add edi, 4
	add eax, 0x400000
	loop .large
	mov eax, cr4
	or eax, 0x10
	mov cr4, eax
	mov eax, tables
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	SAY32 "32-BIT PAGING", NL
	call paging_cases
	mov eax, cr0
	and eax, 0x7FFFFFFF
	mov cr0, eax
	; without PSE bit 7 means nothing: a table, then
	mov edi, tables
	mov ecx, 1024 + 1024
	xor eax, eax
	rep stosd
	mov edi, tables + 0x1000
	mov eax, 0x83
	mov ecx, 2048
.pae:
	mov [edi], eax
	mov dword [edi + 4], 0
	add edi, 8
	add eax, 0x200000
	loop .pae
	mov eax, tables + 0x1001
	mov edi, tables
	mov ecx, 4
.pdpte:
	mov [edi], eax
	mov dword [edi + 4], 0
	add edi, 8
	add eax, 0x1000
	loop .pdpte
	mov eax, cr4
	or eax, 0x20
	mov cr4, eax
	mov eax, tables
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80000000
	mov cr0, eax
	SAY32 "PAE PAGING", NL
	call paging_cases
	CASE "PDPTE RESERVED", { or dword [tables + 24], 2 }, { mov eax, cr3 }, { mov cr3, eax }
	and dword [tables + 24], ~2
	CASE "PDPTE CR4", { or dword [tables + 24], 0x20 }, { mov eax, cr4 }, { xor eax, 0x80 }, { mov cr4, eax }
	and dword [tables + 24], ~0x20
	CASE "PDPTE CR0", { or dword [tables + 24], 0x20 }, { mov eax, cr0 }, { xor eax, 0x40000000 }, { mov cr0, eax }
	and dword [tables + 24], ~0x20
	CASE "PDPTE KEPT", { and dword [tables + 24], ~1 }, { mov eax, [NOWHERE] }
	CASE "PDPTE GONE", { mov eax, cr3 }, { mov cr3, eax }, { mov eax, [NOWHERE] }
	mov eax, cr0
	and eax, 0x7FFFFFFF
	mov cr0, eax
	mov eax, cr4
	and eax, ~0x30
	mov cr4, eax
	ret

paging_cases:
	CASE "PAGED", { mov eax, [scratch] }, { xor eax, eax }
	CASE "PAGED MMIO", { mov eax, [NOWHERE] }
	CASE "PAGED IN", { in al, 0x80 }, { xor eax, eax }
	CASE "PAGED OUTSB", { mov edx, 0x80 }, { outsb }
	CASE3 "R3 PAGED", { nop }
	; the page of C0000000h goes
	mov eax, cr4
	test eax, 0x20
	jnz .pae
	mov dword [tables + 0xC00], 0
	jmp .gone
.pae:
	mov dword [tables + 0x4000], 0
.gone:
	mov eax, cr3
	mov cr3, eax
	CASE "ABSENT R", { mov eax, [0xC0000010] }
	CASE "ABSENT W", { mov [0xC0000014], eax }
	CASE "ABSENT X", { mov eax, 0xC0000000 }, { jmp eax }
	CASE "ABSENT OUTSB", { mov esi, 0xC0000020 }, { mov edx, 0x80 }, { outsb }
	CASE "ABSENT INSB", { mov edi, 0xC0000024 }, { mov edx, 0x80 }, { insb }
	CASE "ABSENT REP INSB", { mov edi, 0xC0000000 - 2 }, { mov edx, 0x80 }, { mov ecx, 5 }, { rep insb }
	CASE "CROSSING", { mov eax, [0xC0000000 - 2] }
	CASE "INVLPG", { invlpg [0xC0000000] }
	ret

section .data
align 8, db 0
gdt_more:
	dq 0x00009A000000FFFF
	dq 0x000092000000FFFF
	dq 0x0000120000000000
	dq 0x0040960000000FFF
	dq 0
	dq 0x00409A00000000FF
gdt_more_end:
gdt_own_pointer:
	dw gdt_own_end - gdt_own - 1
	dd gdt_own
short_idt:
	dw 0x81 * 8 - 1
	dd idt32

section .bss
alignb 16
gdt_own		resb 0x58
		resb gdt_more_end - gdt_more
gdt_own_end:
tss32_own_map	resd 1
tss_map		resb 104 + 64
alignb 4096
tables		resb 5 * 4096
section .text

GUEST_END
