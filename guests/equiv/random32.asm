; RANDOM32: random instructions outside long mode: real mode, protected mode in every ring and width, virtual-8086 mode, with all pagings.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.
;
; The sister of RANDOM64, which tells the same of each try: it ends with its first trap, one in single steps with its last, one that goes
; round for ever with an NMI, told as LOOPS. Descriptors have limits here, so the program mostly survives what it executes. Where a try's
; stack cannot take a trap, a double fault does, through a task gate; told is then what the processor put in the old task's TSS.

%define GUEST_NAME "RANDOM32"
%define CODE_BY_TEMPLATES
CODE		equ 0x10800			; over a page's edge, and where real mode gets
%include "lib/multiboot.inc"
%include "lib/random.inc"
%include "lib/code.inc"
%include "lib/tss.inc"

%ifndef SEED
%define SEED 34
%endif
%ifndef TRIES
%define TRIES 360
%endif
TRIES_OF_CODE	equ 20
STEPS		equ 4				; of one try
WATCH		equ 1193182 / 20		; a try has that many ticks of the 8254: 50 ms
IOAPIC		equ 0xFEC00000
CR0_PLAIN	equ 0x00010031			; WP NE ET PE
CR4_PLAIN	equ 0x60C			; OSXMMEXCPT OSFXSR DE, and TSD: time is no instruction's business

REAL_SEGMENT	equ 0xFFFC
VECTORS		equ 0x40
REAL_VECTORS	equ 0x40

; Real mode reaches this program's first 64 KiB in a segment whose last bits are those of a selector of ring 0.
%define R(x) (0x40 + (x) - image_begin)

; The state of a try: real mode stores it and takes it from here, too.
s_eax	dd 0
s_ecx	dd 0
s_edx	dd 0
s_ebx	dd 0
s_ebp	dd 0
s_esi	dd 0
s_edi	dd 0
s_ds	dd 0
s_es	dd 0
s_fs	dd 0
s_gs	dd 0
s_cr0	dd 0
s_cr4	dd 0
s_dr6	dd 0
s_ldtr	dd 0
s_tr	dd 0
s_end:						; so far the sum of registers
s_esp	dd 0
s_ss	dd 0
s_eip	dd 0
s_cs	dd 0
s_efl	dd 0
s_error	dd 0
s_vector dd 0
s_real	dd 0
gdt_pointer:
	dw gdt_clean_end - gdt_clean - 1
	dd gdt
idt_pointer:
	dw VECTORS * 8 - 1
	dd IDT_AT

bits 16
STUB	equ 16
align STUB
real_stubs:
%assign number 0
%rep REAL_VECTORS
	mov byte [cs:R(s_vector)], number
	jmp near real_trapped
	align STUB, int3
	%assign number number + 1
%endrep
real_trapped:
	mov [cs:R(s_eax)], eax
	mov [cs:R(s_ecx)], ecx
	mov [cs:R(s_edx)], edx
	mov [cs:R(s_ebx)], ebx
	mov [cs:R(s_ebp)], ebp
	mov [cs:R(s_esi)], esi
	mov [cs:R(s_edi)], edi
	mov [cs:R(s_ds)], ds
	mov [cs:R(s_es)], es
	mov [cs:R(s_fs)], fs
	mov [cs:R(s_gs)], gs
	mov [cs:R(s_ss)], ss
	pop word [cs:R(s_eip)]
	pop word [cs:R(s_cs)]
	pop word [cs:R(s_efl)]
	mov [cs:R(s_esp)], esp
	mov eax, cr0
	mov [cs:R(s_cr0)], eax
	mov eax, CR0_PLAIN
	o32 lgdt [cs:R(gdt_pointer)]
	o32 lidt [cs:R(idt_pointer)]
	mov cr0, eax
	jmp dword FLAT_CODE:told_real
; From protected mode, in a segment with the same offsets.
to_real:
	mov ax, REAL_DATA
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ss, ax
	mov eax, [R(s_cr0)]
	mov cr0, eax
	jmp REAL_SEGMENT:R(in_real)
in_real:
	lss esp, [cs:R(s_esp)]
	push dword [cs:R(s_efl)]
	push dword [cs:R(s_cs)]
	push dword [cs:R(s_eip)]
	mov es, [cs:R(s_es)]
	mov fs, [cs:R(s_fs)]
	mov gs, [cs:R(s_gs)]
	mov eax, [cs:R(s_eax)]
	mov ecx, [cs:R(s_ecx)]
	mov edx, [cs:R(s_edx)]
	mov ebx, [cs:R(s_ebx)]
	mov ebp, [cs:R(s_ebp)]
	mov esi, [cs:R(s_esi)]
	mov edi, [cs:R(s_edi)]
	mov ds, [cs:R(s_ds)]
	iretd
bits 32

main32:
	xor dword [random_state], SEED
	SAY32 "RANDOM32: BEGIN", NL
	; Below 1 MiB must be storage alone, and nothing in it.
	mov eax, 0x80000058
	mov ecx, 0x33333000
	call pci_write
	mov eax, 0x8000005C
	mov ecx, 0x33333333
	call pci_write
	mov edi, 0xC0000
	mov ecx, 0x40000 / 4
	xor eax, eax
	rep stosd
	call clean_storage
	; The 8254 can only send an NMI, through the I/O APIC.
	mov al, 0xFF
	out 0x21, al
	out 0xA1, al
	mov edi, IOAPIC
	mov dword [edi], 0x11 + 2 * 2
	mov dword [edi + 0x10], 0
	mov dword [edi], 0x10 + 2 * 2
	mov dword [edi + 0x10], 0x400
	call tables_init
	call tables_anew
	mov dword [tries_left], TRIES
	jmp FLAT_CODE:next_try

; EAX = the register's address, ECX = value
pci_write:
	mov dx, 0xCF8
	out dx, eax
	mov dx, 0xCFC
	mov eax, ecx
	out dx, eax
	ret

clean_storage:
	xor eax, eax
	xor edi, edi
	mov ecx, 0xC0000 / 4
	rep stosd
	mov edi, BIG
	mov ecx, BIG_SIZE / 4
	rep stosd
	ret

; The task of NMIs: the watch over a try, if nobody has called it off.
nmi_task:
	cmp byte [watched], 0
	jne loops
	iret
	jmp nmi_task
loops:
	mov esp, HANDLER_STACK
	push dword 2
	popf
	xor eax, eax
	mov dr7, eax				; what is made anew may be watched
	call watch_off
	call put_try
	SAY32 " LOOPS", NL
	mov dword [tries_of_code], 0
	mov byte [loops_told], 1
	jmp next_try

watch_off:
	mov byte [watched], 0
	mov al, 0x30				; mode 0: without a count its output stays low
	out 0x43, al
	ret

watch_on:
	mov al, WATCH & 0xFF
	out 0x40, al
	mov al, WATCH >> 8
	out 0x40, al
	mov byte [watched], 1
	ret

align STUB
stubs:
%assign number 0
%rep VECTORS
	push dword number
	jmp near trapped
	align STUB, int3
	%assign number number + 1
%endrep

%include "equiv/random32_told.inc"

next_try:
	cli
	cld
	mov eax, CR0_PLAIN
	mov cr0, eax
	mov eax, CR4_PLAIN
	mov cr4, eax
	xor eax, eax
	mov dr7, eax
	mov dr0, eax
	mov dr1, eax
	mov dr2, eax
	mov dr3, eax
	mov eax, FLAT_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	mov esp, HANDLER_STACK
	push dword 2
	popf
	dec dword [tries_left]
	js .end
	cmp byte [loops_told], 0
	je .clean
	mov byte [loops_told], 0
	call clean_storage
.clean:
	call tables_anew
	mov esi, msrs
.msr:
	mov ecx, [esi]
	mov eax, [esi + 4]
	xor edx, edx
	wrmsr
	add esi, 8
	cmp esi, msrs_end
	jb .msr
	fninit
	ldmxcsr [mxcsr]
	fxrstor [clean]
	mov dword [steps_left], STEPS
	dec dword [tries_of_code]
	jns .same_code
	mov dword [tries_of_code], TRIES_OF_CODE
	mov ecx, 6
	call random_below
	lea eax, [kinds + eax * 8]
	mov [kind], eax
	movzx ecx, word [eax]
	mov [templates_count], ecx
	mov ecx, [eax + 4]
	mov [templates_first], ecx
	call write_code
.same_code:
	; the way: CS, SS, and what kind of mode it is
	mov esi, [kind]
	movzx ecx, byte [esi + 3]
	call random_below
	add al, [esi + 2]
	mov [way], al
	movzx eax, byte [way]
	lea edi, [ways + eax * 8]
	mov ax, [edi]
	mov [s_cs], eax
	mov ax, [edi + 2]
	mov [s_ss], eax
	mov eax, [edi + 4]
	mov [s_real], eax
	mov ecx, CODE_SIZE - 256
	call random_below
	mov [s_eip], eax
	call random
	and eax, 0xFFF8
	or ah, 0x80
	mov [s_esp], eax
	call random
	mov ebx, eax
	rol ebx, 11
	call random
	and eax, 0x254DD5			; what there is in EFLAGS but for TF, IF, IOPL, VM, VIF, VIP
	test ebx, 7
	jz .no_step
	or eax, 0x100
.no_step:
	test ebx, 0x18
	jz .may_nest
	and eax, ~NT
.may_nest:
	or eax, 2
	test ebx, 0x4020
	jnz .no_iopl
	or eax, 0x3000
.no_iopl:
	mov ecx, CR4_PLAIN
	test ebx, 0xC0
	jnz .no_extensions
	or ecx, 3				; VME, PVI
.no_extensions:
	mov [s_cr4], ecx
	xor ecx, ecx
	test ebx, 0x1800
	jnz .plain
	mov ecx, ebx				; MP EM TS, AM and not WP
	and ecx, 0xE
	bt ebx, 0
	jnc .plain
	or ecx, 0x50000
.plain:
	xor ecx, CR0_PLAIN
	mov [s_cr0], ecx
	mov esi, data_selectors
	cmp byte [s_real], 0
	je .segments
	mov esi, data_real
	cmp byte [s_real], 1
	je .real
	or eax, VM86
	test ebx, 0x300
	jnz .segments
	or eax, 0x80000				; VIF
	test ebx, 0x400
	jz .segments
	or eax, 0x100000			; VIP
	jmp .segments
.real:
	dec dword [s_cr0]
.segments:
	mov [s_efl], eax
	mov eax, [kind]
	cmp dword [eax + 4], device_templates
	jne .no_device
	add esi, 16
.no_device:
	mov edi, s_ds
	mov ecx, 4
.segment:
	call random
	shr eax, 3
	and eax, 7
	movzx eax, word [esi + eax * 2]
	stosd
	loop .segment
	; paging
	mov byte [paging], 0
	cmp byte [s_real], 1
	je .registers
	call random
	shr eax, 5
	and eax, 3
	cmp eax, 3
	jne .paging
	dec eax
.paging:
	mov [paging], al
	test al, al
	jz .registers
	shl eax, 6
	or [way], al
	or dword [s_cr0], 0x80000000
	mov eax, DIRECTORY32
	or dword [s_cr4], 0x90			; PGE, PSE
	cmp byte [paging], 1
	je .root
	mov eax, DIRECTORY_PAE
	or dword [s_cr4], 0x20
.root:
	mov cr3, eax
	call tasks_root
.registers:
	mov ebp, s_eax
.register:
	call pick
	mov [ebp], eax
	add ebp, 4
	cmp ebp, s_ds
	jb .register
	mov eax, [kind]
	cmp dword [eax + 4], device_templates
	jne .any_count
	and dword [s_ecx], 0x3F			; elements at a device take their time
.any_count:
	mov eax, TASK
	ltr ax
	mov eax, LOCAL
	lldt ax

; The try begins or goes on with the state that is kept here.
go_on:
	mov esp, HANDLER_STACK
	call watch_on
	mov eax, 0xFFFF0FF0
	mov dr6, eax
	mov eax, [s_cr4]
	mov cr4, eax
	cmp byte [s_real], 1
	je .real
	mov eax, [s_cr0]
	mov cr0, eax
	test dword [s_efl], VM86
	jnz .v86
	test byte [s_cs], 3
	jnz .outer
	lss esp, [s_esp]
	push dword [s_efl]
	push dword [s_cs]
	push dword [s_eip]
	jmp .data
.real:
	lidt [ivt_pointer]
	jmp REAL_CODE:R(to_real)
.v86:
	push dword [s_gs]
	push dword [s_fs]
	push dword [s_ds]
	push dword [s_es]
.outer:
	push dword [s_ss]
	push dword [s_esp]
	push dword [s_efl]
	push dword [s_cs]
	push dword [s_eip]
	test dword [s_efl], VM86
	jnz .registers
.data:
	mov es, [s_es]
	mov fs, [s_fs]
	mov gs, [s_gs]
.registers:
	mov eax, [s_eax]
	mov ecx, [s_ecx]
	mov edx, [s_edx]
	mov ebx, [s_ebx]
	mov ebp, [s_ebp]
	mov esi, [s_esi]
	mov edi, [s_edi]
	test dword [s_efl], VM86
	jnz .there
	mov ds, [s_ds]
.there:
	iret
next_try.end:
	SAY32 "RANDOM32: END", NL
	jmp p32_power_off

; EAX = a value for a register: an offset in something, an edge, a small number, or anything
pick:
	push edx
	call random
	mov edx, eax
	and edx, 15
	shl edx, 3
	add edx, picks
	cmp byte [s_real], 0
	je .table
	add edx, picks_real - picks
.table:
	call random
	rol eax, 7
	and eax, [edx + 4]
	or eax, [edx]
	pop edx
	ret

%include "equiv/random32_tables.inc"

GUEST_END
