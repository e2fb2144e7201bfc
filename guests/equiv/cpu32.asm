; CPU32: 32-bit protected mode, virtual-8086 mode and real mode: exceptions, rings, gates, single steps, paging.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "CPU32"
%include "equiv/check32.inc"

NOWHERE		equ 0xD0000000
LOW		equ 0x8000			; 16-bit snippets run here
TRAMPOLINE	equ 0x7000
SNIPPET_CS	equ LOW >> 4
SNIPPET_DS	equ 0x0900
%define AT(x) (TRAMPOLINE + (x) - trampoline)	; where the trampoline's labels are below 1 MiB

; further descriptors, behind the library's
SEL_CODE16	equ 0x58
SEL_DATA16	equ 0x60
SEL_ABSENT	equ 0x68
SEL_DOWN	equ 0x70			; expand-down, 32 bits, limit FFFh
SEL_CALL3	equ 0x78			; a call gate that ring 3 may use
SEL_TIGHT	equ 0x80			; code with limit FFh, byte granular

; the same snippet in real mode, and in virtual-8086 mode with IOPL 0 and 3
%macro CASE16 1-*
	jmp %%run
bits 16
%%begin:
%rep %0 - 1
	%rotate 1
	%1
%endrep
	%rotate 1
	int 0x80
%%end:
bits 32
%%run:
	SAY32 "16 ", %1
	mov esi, %%begin
	mov ecx, %%end - %%begin
	call run16
%endmacro

main32:
	call check_init
	mov eax, gate_target
	mov [gdt_own + SEL_CALL3], ax
	shr eax, 16
	mov [gdt_own + SEL_CALL3 + 6], ax
	mov word [gdt_own + SEL_CALL3 + 2], SEL_CODE0
	mov word [gdt_own + SEL_CALL3 + 4], 0xEC01	; ring 3, one parameter
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

; ESI, ECX: the snippet
run16:
	mov edi, LOW
	rep movsb
	; real mode
	mov esi, trampoline
	mov edi, TRAMPOLINE
	mov ecx, trampoline_end - trampoline
	rep movsb
	mov dword [real_esp], esp
	mov dword [SNIPPET_DS << 4], 0
	jmp SEL_CODE16:AT(to_real)
real_back:
	mov eax, SEL_DATA0
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov fs, eax
	mov gs, eax
	mov esp, [real_esp]
	lidt [idt32_pointer]
	SAY32 " V="
	mov al, [AT(real_vector)]
	call p32_puthex8
	SAY32 " IP="
	mov eax, [AT(real_ip)]
	call p32_puthex16
	SAY32 " F="
	mov eax, [AT(real_flags)]
	call p32_puthex16
	SAY32 " A="
	mov eax, [AT(real_ax)]
	call p32_puthex16
	; virtual-8086 mode twice
	mov dword [v86_flags], 0x20002
	call run_v86
	mov dword [v86_flags], 0x23002
	call run_v86
	SAY32 NL
	ret

run_v86:
	mov dword [case_fixup], .after
	mov dword [case_begin], 0
	call case_prepare
	mov dword [SNIPPET_DS << 4], 0
	push SNIPPET_DS
	push SNIPPET_DS
	push SNIPPET_DS
	push SNIPPET_DS
	push 0
	push 0x6FF0
	push dword [v86_flags]
	push SNIPPET_CS
	push 0
	xor esi, esi
	xor edi, edi
	iret
.after:
	call case_end
	SAY32 " / V="
	mov al, [case_vector]
	call p32_puthex8
	SAY32 " E="
	mov eax, [case_error]
	call p32_puthex16
	SAY32 " IP="
	mov eax, [case_offset]
	call p32_puthex16
	SAY32 " F="
	mov eax, [case_flags]
	call p32_puthex32
	SAY32 " A="
	mov eax, [case_rax]
	call p32_puthex16
	mov dword [case_fixup], 0
	ret

bits 16
trampoline:
to_real:
	mov ax, SEL_DATA16
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov fs, ax
	mov gs, ax
	lidt [AT(real_idt)]
	mov eax, cr0
	and al, 0xFE
	mov cr0, eax
	jmp 0:AT(in_real)
in_real:
	xor ax, ax
	mov ds, ax
	mov ss, ax
	mov sp, 0x6FF0
	; vectors 0-1Fh and 80h
	xor di, di
	mov es, ax
	mov cx, 0x81
	mov ax, AT(real_stubs)
.vector:
	stosw
	mov word [di], 0
	add di, 2
	add ax, 6
	loop .vector
	push word 2
	push word SNIPPET_CS
	push word 0
	mov ax, SNIPPET_DS
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	xor eax, eax
	xor ebx, ebx
	xor ecx, ecx
	xor edx, edx
	xor esi, esi
	xor edi, edi
	iret
real_stubs:
%assign n 0
%rep 0x81
	push strict word n
	jmp near real_common
%assign n n + 1
%endrep
real_common:
	mov [cs:AT(real_ax)], eax
	pop ax
	mov [cs:AT(real_vector)], ax
	pop ax
	mov [cs:AT(real_ip)], ax
	pop ax
	pop ax
	mov [cs:AT(real_flags)], ax
	cli
	cld
	o32 lgdt [cs:AT(real_gdt)]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword SEL_CODE0:real_back
real_idt:
	dw 0x3FF
	dd 0
real_gdt:
	dw GDT_MORE + gdt_more_end - gdt_more - 1
	dd gdt_own
real_vector	dd 0
real_ip		dd 0
real_flags	dd 0
real_ax		dd 0
trampoline_end:
bits 32

real:
	CASE16 "NOP", { nop }
	CASE16 "DIV", { div cx }
	CASE16 "DIV IMM", { db 0xD4, 0 }
	CASE16 "INT3", { int3 }
	CASE16 "INT1", { db 0xF1 }
	CASE16 "INTO", { mov al, 0x7F }, { inc al }, { into }
	CASE16 "INT 20", { int 0x20 }
	CASE16 "UD2", { ud2 }
	CASE16 "LOCK", { db 0xF0, 0x90 }
	CASE16 "SLDT", { sldt ax }
	CASE16 "LAR", { lar ax, cx }
	CASE16 "ARPL", { arpl ax, cx }
	CASE16 "SMSW", { smsw ax }, { and ax, 1 }
	CASE16 "WORD AT FFFF", { mov bx, 0xFFFF }, { mov ax, [bx] }
	CASE16 "WORD AT FFFE", { mov bx, 0xFFFE }, { mov ax, [bx] }, { xor ax, ax }
	CASE16 "DWORD AT FFFE", { mov bx, 0xFFFE }, { mov eax, [bx] }
	CASE16 "A32", { mov ebx, 0x10000 }, { mov al, [ebx] }
	CASE16 "STACK FFFF", { mov bp, 0xFFFF }, { mov ax, [bp] }
	CASE16 "PUSH SP", { push sp }, { pop ax }, { sub ax, sp }
	CASE16 "PUSHF", { pushf }, { pop ax }
	CASE16 "PUSHFD", { pushfd }, { pop eax }
	CASE16 "POPF", { push word 0x7ED7 }, { popf }, { pushf }, { pop ax }
	CASE16 "CLI", { cli }, { pushf }, { pop ax }
	CASE16 "STI", { sti }, { nop }, { pushf }, { pop ax }, { cli }
	CASE16 "IRET", { push word 0x3202 }, { push cs }, { push word 11 }, { iret }, { times 16 nop }, { pushf }, { pop ax }
	CASE16 "JMP", { jmp short $ + 3 }, { hlt }
	CASE16 "IN", { in al, 0x80 }, { xor ax, ax }
	CASE16 "IN 81", { in al, 0x81 }, { xor ax, ax }
	CASE16 "OUTSB", { mov dx, 0x80 }, { mov cx, 2 }, { rep outsb }, { mov ax, si }
	CASE16 "OUTSW FFFF", { mov dx, 0x80 }, { mov si, 0xFFFF }, { outsw }
	CASE16 "OUTSB WRAP", { mov dx, 0x80 }, { mov si, 0xFFFF }, { mov cx, 2 }, { rep outsb }, { mov ax, si }
	CASE16 "INSW FFFF", { mov dx, 0x80 }, { mov di, 0xFFFF }, { insw }
	CASE16 "INSB", { mov dx, 0x80 }, { insb }, { mov ax, di }
	CASE16 "CPUID", { cpuid }, { xor ax, ax }
	CASE16 "RDTSC", { rdtsc }, { xor ax, ax }
	CASE16 "RDMSR", { mov ecx, 0x1B }, { rdmsr }, { shr eax, 16 }
	CASE16 "RDMSR BAD", { mov ecx, 0x5555 }, { rdmsr }
	CASE16 "MOV CR0", { mov eax, cr0 }, { and ax, 1 }
	CASE16 "MOV CR0 PG", { mov eax, 0x80000000 }, { mov cr0, eax }
	CASE16 "MOV CR3", { mov eax, cr3 }, { xor ax, ax }
	CASE16 "CLTS", { clts }
	CASE16 "LMSW", { lmsw ax }
	CASE16 "LGDT", { lgdt [si] }
	CASE16 "WBINVD", { wbinvd }
	CASE16 "MOV DR", { mov eax, dr7 }
	CASE16 "VMCALL-LIKE", { db 0x0F, 0x01, 0xC2 }
	CASE16 "SYSENTER", { sysenter }
	CASE16 "MMIO", { mov ax, 0xFFFF }, { mov fs, ax }, { mov ax, [fs:0x10] }, { xor ax, ax }
	CASE16 "VGA", { mov ax, 0xB800 }, { mov fs, ax }, { mov word [fs:0xF00], 0x743 }, { mov ax, [fs:0xF00] }
	CASE16 "STEP", { push word 0x102 }, { popf }, { nop }
	CASE16 "STEP IN", { push word 0x102 }, { popf }, { in al, 0x80 }, { nop }
	CASE16 "STEP CPUID", { mov al, 1 }, { push word 0x102 }, { popf }, { cpuid }, { nop }
	CASE16 "STEP OUTSB", { mov dx, 0x80 }, { mov cx, 3 }, { push word 0x102 }, { popf }, { rep outsb }, { nop }
	CASE16 "STEP SS", { mov bx, ss }, { mov dx, 0x80 }, { push word 0x102 }, { popf }, { mov ss, bx }, { in al, dx }, { nop }
	CASE16 "STEP RDMSR", { mov ecx, 0x1B }, { push word 0x102 }, { popf }, { rdmsr }, { nop }
	CASE16 "STEP CR0", { mov eax, cr0 }, { push word 0x102 }, { popf }, { mov cr0, eax }, { nop }
	CASE16 "STEP INT", { push word 0x102 }, { popf }, { int 0x21 }, { nop }
	CASE16 "FPU", { fninit }, { fld1 }, { fnstsw ax }, { fninit }
	CASE16 "BOUND", { mov word [0], 5 }, { mov word [2], 6 }, { mov ax, 9 }, { bound ax, [0] }
	CASE16 "ENTER", { enter 4, 1 }, { mov ax, bp }, { sub ax, sp }, { leave }
	; the same with virtual-8086 extensions
	mov eax, cr4
	or eax, 1
	mov cr4, eax
	CASE16 "VME CLI", { cli }, { pushf }, { pop ax }
	CASE16 "VME STI", { sti }, { nop }, { pushf }, { pop ax }, { cli }
	CASE16 "VME INT", { int 0x20 }
	CASE16 "VME POPF", { push word 0x202 }, { popf }, { pushf }, { pop ax }
	mov eax, cr4
	and eax, ~1
	mov cr4, eax
	ret

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
short_idt:
	dw 0x81 * 8 - 1
	dd idt32

section .bss
alignb 16
v86_flags	resd 1
real_esp	resd 1
tss32_own_map	resd 1
tss_map		resb 104 + 64
alignb 4096
tables		resb 5 * 4096
section .text

GUEST_END
