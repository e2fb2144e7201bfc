; TASKS: task switches by hardware: CALL, JMP, IRET, task gates, both formats, and their faults.
; Part in the monitor: a guest; VT-x leaves every one of these to the monitor, which must do what
; this same file sees on the machine itself.

%define GUEST_NAME "TASKS"
%include "lib/protected.inc"
%include "lib/rows.inc"
%include "lib/tss.inc"

; behind the library's own descriptors, which are copied to the front of gdt_own
SEL_MAIN	equ SEL_TSS
SEL_A		equ 0x58		; a 32-bit TSS
SEL_GATE_A	equ 0x60		; a task gate to it
SEL_16		equ 0x68		; a 16-bit TSS
SEL_CODE16	equ 0x70		; its code, based at code16
SEL_SHORT	equ 0x78		; a TSS with a limit too low
SEL_ABSENT	equ 0x80		; one that is not present

VIEW		equ 0x40000000		; a page that each task's own tables map elsewhere
LOW		equ 0x8000		; where virtual-8086 code goes

; BASE selector, address: into a descriptor of gdt_own, which must be in order otherwise
%macro BASE 2
	mov eax, %2
	mov [gdt_own + %1 + 2], ax
	shr eax, 16
	mov [gdt_own + %1 + 4], al
	mov [gdt_own + %1 + 7], ah
%endmacro
main32:
	call protected_init
	mov esi, gdt32
	mov edi, gdt_own
	mov ecx, SEL_A / 4
	rep movsd
	mov esi, gdt_more
	mov ecx, (gdt_more_end - gdt_more) / 4
	rep movsd
	lgdt [gdt_own_pointer]
	mov eax, SEL_LDT
	lldt ax

	ROW "01", "CALL TSS          ", row_call
	ROW "02", "CALL GATE         ", row_call_gate
	ROW "03", "JMP TSS           ", row_jmp
	ROW "04", "INT N             ", row_int
	ROW "05", "INT N FROM RING 3 ", row_ring3
	ROW "06", "#GP TO A TASK     ", row_gp
	ROW "07", "#DF TO A TASK     ", row_df
	ROW "08", "16-BIT TSS        ", row_16
	ROW "09", "T FLAG            ", row_trap
	ROW "10", "REFUSED           ", row_refused
	ROW "11", "FAULT IN NEW TASK ", row_inside
	ROW "12", "VIRTUAL 8086      ", row_v86
	ROW "13", "CR3               ", row_cr3
	jmp rows_end

; TS, descriptors and TSSs as they are before a row. A's TSS begins at EDX with EFLAGS 2.
fresh:
	clts
	push eax
	push ecx
	push esi
	push edi
	mov esi, gdt_more
	mov edi, gdt_own + SEL_A
	mov ecx, (gdt_more_end - gdt_more) / 4
	rep movsd
	BASE SEL_A, tss_a
	BASE SEL_16, tss_16
	BASE SEL_CODE16, code16
	BASE SEL_SHORT, tss_a
	BASE SEL_ABSENT, tss_a
	mov edi, tss_a
	xor eax, eax
	mov ecx, 26
	rep stosd
	mov dword [tss_a + ESP0], stack_a0_top
	mov dword [tss_a + SS0], SEL_DATA0
	mov dword [tss_a + TSS_EFL], 2
	mov dword [tss_a + TSS_ESP], stack_a_top
	mov dword [tss_a + TSS_CS], SEL_CODE0
	mov dword [tss_a + TSS_SS], SEL_DATA0
	mov dword [tss_a + TSS_DS], SEL_DATA0
	mov dword [tss_a + TSS_ES], SEL_DATA0
	mov dword [tss_a + TSS_LDT], SEL_LDT
	mov word [tss_a + 102], 104
	mov word [tss32 + 102], 104
	mov dword [marks], 0
	pop edi
	pop esi
	pop ecx
	pop eax
	ret

; FRESH code: the same, and A begins there
%macro FRESH 1
	call fresh
	mov dword [tss_a + TSS_EIP], %1
%endmacro

; registers that a task must find again when it goes on
%macro FILL 0
	mov eax, 0x11112222
	mov ebx, 0x33334444
	mov ecx, 0x55556666
	mov edx, 0x77778888
	mov esi, 0x9999AAAA
	mov edi, 0xBBBBCCCC
	mov ebp, 0xDDDDEEEE
%endmacro
%macro FILLED 0
	MUST_BE eax, 0x11112222
	MUST_BE ebx, 0x33334444
	MUST_BE ecx, 0x55556666
	MUST_BE edx, 0x77778888
	MUST_BE esi, 0x9999AAAA
	MUST_BE edi, 0xBBBBCCCC
	MUST_BE ebp, 0xDDDDEEEE
%endmacro

; what holds while A runs nested in main; ZF set if all of it does
nested_ok:
	pushf
	pop eax
	test eax, NT
	jz .no
	mov eax, cr0
	test al, 8			; TS
	jz .no
	cmp word [tss_a + LINK], SEL_MAIN
	jne .no
	test byte [gdt_own + SEL_MAIN + 5], BUSY
	jz .no
	test byte [gdt_own + SEL_A + 5], BUSY
	jz .no
	str ax
	cmp ax, SEL_A
	ret
.no:
	or al, 1
	ret

; Task A of most rows: marks that all is as it must be, and returns; when it is entered again it
; goes on behind its IRET.
task_a:
	call nested_ok
	jnz .wrong
	inc dword [marks]
.wrong:
	mov eax, 0xAAAAAAAA
	xor ebx, ebx
	xor ebp, ebp
	iret
	call nested_ok
	jnz .wrong
	add dword [marks], 0x100
	jmp .wrong

; after A has returned: carry set if something is left behind
returned_ok:
	test byte [gdt_own + SEL_A + 5], BUSY
	jnz .no
	test byte [gdt_own + SEL_MAIN + 5], BUSY
	jz .no
	str cx
	cmp cx, SEL_MAIN
	jne .no
	test dword [tss_a + TSS_EFL], NT	; its IRET has cleared it in what was saved
	jnz .no
	clc
	ret
.no:
	stc
	ret

row_call:
	FRESH task_a
	FILL
	call SEL_A:0
	STEP 1
	FILLED
	STEP 2
	MUST_BE dword [marks], 1
	STEP 3
	call returned_ok
	MUST nc
	pushf
	pop eax
	STEP 4
	test eax, NT
	MUST z
	STEP 5
	call SEL_A:0			; again: behind its IRET
	MUST_BE dword [marks], 0x101
	PASS

row_call_gate:
	FRESH task_a
	FILL
	call SEL_GATE_A:0
	STEP 1
	FILLED
	STEP 2
	MUST_BE dword [marks], 1
	STEP 3
	call returned_ok
	MUST nc
	PASS

row_jmp:
	FRESH .other
	mov word [tss32 + LINK], 0x5A5A
	FILL
	jmp SEL_A:0
	STEP 1
	FILLED
	STEP 2
	MUST_BE dword [marks], 1
	STEP 3
	MUST_BE word [tss32 + LINK], 0x5A5A
	test byte [gdt_own + SEL_A + 5], BUSY
	MUST z
	test byte [gdt_own + SEL_MAIN + 5], BUSY
	MUST nz
	STEP 4
	jmp SEL_GATE_A:0		; by the gate, and A goes on behind its own JMP
	STEP 5
	MUST_BE dword [marks], 2
	PASS
.other:
	pushf
	pop eax
	test eax, NT
	jnz .back
	cmp word [tss_a + LINK], 0
	jne .back
	test byte [gdt_own + SEL_MAIN + 5], BUSY
	jnz .back
	inc dword [marks]
.back:
	jmp SEL_MAIN:0
	jmp .other

row_int:
	FRESH task_a
	TASK_GATE 0x40, SEL_A, 0x8500
	FILL
	int 0x40
	STEP 1
	FILLED
	STEP 2
	MUST_BE dword [marks], 1
	STEP 3
	int 0x40
	MUST_BE dword [marks], 0x101
	call returned_ok
	MUST nc
	PASS

row_ring3:
	FRESH task_a
	TASK_GATE 0x41, SEL_A, 0xE500
	RING3 .ring3
	STEP 1
	MUST_BE dword [marks], 1
	STEP 2
	MUST_BE word [tss32 + TSS_CS], SEL_CODE3
	MUST_BE dword [tss32 + TSS_EIP], .after
	call returned_ok
	MUST nc
	PASS
.ring3:
	int 0x41
.after:
	int 0x80

; #GP with the error code of a selector behind the table's end
row_gp:
	call fresh
	KEEP_GATE 13
	mov dword [tss_a + TSS_EIP], .handler
	mov dword [resume_at], .after
	TASK_GATE 13, SEL_A, 0x8500
	mov eax, 0x7FF8
.faults:
	mov gs, ax
.after:
	RESTORE_GATE 13
	STEP 1
	MUST_BE dword [marks], 1
	STEP 2
	MUST_BE dword [error], 0x7FF8
	STEP 3
	MUST_BE dword [fault_at], .faults
	STEP 4
	MUST_BE dword [handler_esp], stack_a_top - 4
	STEP 5
	call returned_ok
	MUST nc
	PASS
.handler:
	mov [handler_esp], esp
	pop dword [error]
	call nested_ok
	jnz .wrong
	inc dword [marks]
.wrong:
	mov eax, [tss32 + TSS_EIP]
	mov [fault_at], eax
	mov eax, [resume_at]
	mov [tss32 + TSS_EIP], eax
	iret

; #GP whose gate is not present makes #NP, and the two make #DF
row_df:
	FRESH row_gp.handler
	mov dword [resume_at], .after
	TASK_GATE 8, SEL_A, 0x8500
	and word [idt32 + 13 * 8 + 4], 0x7FFF
	mov dword [error], -1
	mov eax, 0x7FF8
.faults:
	mov gs, ax
.after:
	or word [idt32 + 13 * 8 + 4], 0x8000
	STEP 1
	MUST_BE dword [marks], 1
	STEP 2
	MUST_BE dword [error], 0
	STEP 3
	MUST_BE dword [handler_esp], stack_a_top - 4
	call returned_ok
	MUST nc
	PASS

row_16:
	call fresh
	mov edi, tss_16
	xor eax, eax
	mov ecx, 11
	rep stosd
	mov word [tss_16 + 14], 0		; IP
	mov word [tss_16 + 16], 2		; FLAGS
	mov word [tss_16 + 18], 0x1234		; AX
	mov word [tss_16 + 26], 0x7F00		; SP, below 64 KiB
	mov word [tss_16 + 34], SEL_DATA0	; ES, CS, SS, DS
	mov word [tss_16 + 36], SEL_CODE16
	mov word [tss_16 + 38], SEL_DATA0
	mov word [tss_16 + 40], SEL_DATA0
	mov word [tss_16 + 42], SEL_LDT
	mov eax, SEL_DATA0
	mov fs, ax
	FILL
	call SEL_16:0
	STEP 1
	FILLED
	STEP 2
	MUST_BE dword [marks], 1
	STEP 3
	mov ax, fs				; a 32-bit TSS keeps it
	MUST_BE ax, SEL_DATA0
	STEP 4
	MUST_BE word [tss_16 + LINK], SEL_MAIN
	MUST_BE word [tss_16 + 18], 0x4321		; what it had in AX at its IRET
	STEP 5
	test byte [gdt_own + SEL_16 + 5], BUSY
	MUST z
	call SEL_16:0
	MUST_BE dword [marks], 3
	PASS

; The trap comes before A's first instruction, on A's stack.
row_trap:
	FRESH task_a
	mov word [tss_a + TSS_T], 1
	GATE 1, SEL_CODE0, GATE_RING0, .debug
	xor eax, eax
	mov dr6, eax
	mov [error], eax
	call SEL_A:0
	STEP 1
	test dword [error], 0x8000		; BT
	MUST nz
	STEP 2
	MUST_BE dword [fault_at], task_a
	STEP 3
	MUST_BE dword [handler_esp], stack_a_top - 12
	STEP 4
	MUST_BE dword [marks], 1
	PASS
.debug:
	mov [handler_esp], esp
	push eax
	mov eax, dr6
	mov [error], eax
	mov eax, [esp + 4]
	mov [fault_at], eax
	xor eax, eax
	mov dr6, eax
	pop eax
	iret

%macro EXPECT 2			; vector, error code of the last trap
	MUST_BE dword [trap_vector], %1
	MUST_BE dword [trap_error], %2
%endmacro

row_refused:
	FRESH task_a
	STEP 1
	TRY32 call SEL_MAIN:0		; busy
	EXPECT 13, SEL_MAIN
	STEP 2
	TRY32 jmp SEL_MAIN:0
	EXPECT 13, SEL_MAIN
	STEP 3
	TRY32 call SEL_SHORT:0
	EXPECT 10, SEL_SHORT
	STEP 4
	TRY32 jmp SEL_ABSENT:0
	EXPECT 11, SEL_ABSENT
	STEP 5
	mov word [tss32 + LINK], SEL_A	; IRET to a task that is not busy
	pushf
	or dword [esp], NT
	popf
	TRY32 iret
	pushf
	and dword [esp], ~NT
	popf
	EXPECT 10, SEL_A
	STEP 6
	TASK_GATE 0x42, SEL_MAIN, 0x8500
	TRY32 int 0x42
	EXPECT 13, SEL_MAIN
	STEP 7
	MUST_BE dword [marks], 0
	str ax
	MUST_BE ax, SEL_MAIN
	call SEL_A:0			; and after all that
	MUST_BE dword [marks], 1
	PASS

; A data segment that is not there is found when A has begun: its handler runs in A.
row_inside:
	FRESH task_a
	mov dword [tss_a + TSS_ES], 0x7FF0
	mov dword [error], -1
	KEEP_GATE 10
	GATE 10, SEL_CODE0, GATE_RING0, .handler
	FILL
	jmp SEL_A:0
	RESTORE_GATE 10
	STEP 1
	MUST_BE dword [error], 0x7FF0
	STEP 2
	MUST_BE dword [fault_at], task_a
	STEP 3
	MUST_BE word [handler_tr], SEL_A
	STEP 4
	MUST_BE dword [marks], 0
	PASS
.handler:
	mov eax, SEL_DATA0
	mov ds, ax
	mov es, ax
	pop dword [error]
	pop dword [fault_at]
	str [handler_tr]
	jmp SEL_MAIN:0

row_v86:
	call fresh
	mov word [LOW], 0xF4F4			; HLT: #GP in virtual-8086 mode
	mov dword [tss_a + TSS_EIP], 0x10
	mov dword [tss_a + TSS_EFL], 2 | VM86
	mov dword [tss_a + TSS_CS], (LOW - 0x10) >> 4
	mov dword [tss_a + TSS_SS], 0x700
	mov dword [tss_a + TSS_DS], 0x1234
	mov dword [tss_a + TSS_ES], 0xFFFF
	mov dword [tss_a + TSS_FS], 0x0003
	mov dword [tss_a + TSS_ESP], 0xFFE
	KEEP_GATE 13
	GATE 13, SEL_CODE0, GATE_RING0, .handler
	FILL
	jmp SEL_A:0
	STEP 1
	FILLED
	RESTORE_GATE 13
	STEP 2
	MUST_BE dword [error], 0
	MUST_BE dword [fault_at], 0x10
	STEP 3
	test dword [v86_flags], VM86
	MUST nz
	STEP 4
	MUST_BE dword [v86_ds], 0x1234
	MUST_BE dword [handler_esp], stack_a0_top - 40
	PASS
.handler:
	mov eax, SEL_DATA0
	mov ds, ax
	mov es, ax
	mov [handler_esp], esp
	pop dword [error]
	pop dword [fault_at]
	mov eax, [esp + 4]
	mov [v86_flags], eax
	mov eax, [esp + 20]
	mov [v86_ds], eax
	jmp SEL_MAIN:0

; Pages of 4 MiB one to one, and VIEW in two ways.
row_cr3:
	call fresh
	mov edi, directory_main
	call make_directory
	mov eax, view_main
	call make_view
	mov edi, directory_a
	call make_directory
	mov eax, view_a
	call make_view
	mov dword [view_main + 8], 0x11111111
	mov dword [view_a + 8], 0x22222222
	mov dword [tss_a + TSS_CR3], directory_a
	mov dword [tss_a + TSS_EIP], .other
	mov dword [tss32 + TSS_CR3], directory_main
	mov eax, cr4
	or eax, 0x10				; PSE
	mov cr4, eax
	mov eax, directory_main
	mov cr3, eax
	mov eax, cr0
	or eax, 1 << 31
	mov cr0, eax
	mov ebx, [VIEW + 8]
	call SEL_A:0
	mov ecx, [VIEW + 8]
	mov edx, cr3
	mov eax, cr0
	and eax, ~(1 << 31)
	mov cr0, eax
	STEP 1
	MUST_BE ebx, 0x11111111
	MUST_BE ecx, ebx
	STEP 2
	MUST_BE dword [marks], 0x22222222
	MUST_BE edx, directory_main
	PASS
.other:
	mov eax, [VIEW + 8]
	mov [marks], eax
	iret

; the directory at EDI; make_view gives it a table behind it that maps VIEW to EAX
make_directory:
	push edi
	mov eax, 0x83
	mov ecx, 1024
.page:
	stosd
	add eax, 0x400000
	loop .page
	pop edi
	ret
make_view:
	or eax, 3
	mov [edi + 4096], eax
	lea eax, [edi + 4096 + 3]
	mov [edi + VIEW / 0x100000], eax
	ret

bits 16
align 16
code16:
	inc dword [dword marks]
	cmp ax, 0x1234
	je .as_given
	mov dword [dword marks], 0x100
.as_given:
	mov ax, 0x4321
	iret
	add dword [dword marks], 2
	iret
bits 32

section .data
align 8, db 0
; from SEL_A on
gdt_more:
	dq 0x0000890000000067
	dq 0x0000850000580000		; task gate: SEL_A
	dq 0x000081000000002B
	dq 0x00009A000000FFFF
	dq 0x0000890000000066
	dq 0x0000090000000067
gdt_more_end:
gdt_own_pointer:
	dw SEL_ABSENT + 7
	dd gdt_own

section .bss
alignb 16
gdt_own		resq 32
tss_a		resb 104
tss_16		resb 44
alignb 4
marks		resd 1
error		resd 1
fault_at	resd 1
resume_at	resd 1
handler_esp	resd 1
handler_tr	resd 1
v86_flags	resd 1
v86_ds		resd 1
alignb 16
		resb 1024
stack_a_top:
		resb 1024
stack_a0_top:
		resb 16
alignb 4096
directory_main	resb 8192
directory_a	resb 8192
view_main	resb 4096
view_a		resb 4096

GUEST_END
