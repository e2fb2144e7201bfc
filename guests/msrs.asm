; MSRS: reads and writes every model-specific register in the ranges where processors have any.
; Part in the monitor: a hostile guest; what CP does not offer is #GP, the rest is its own.

%define GUEST_NAME "MSRS"
%include "lib/guest.inc"

main:
	mov esi, ranges
.range:
	mov ebp, [rsi]
	mov r12d, [rsi + 4]
	push rsi
	SAY "MSRS: "
	mov eax, ebp
	call puthex32
	SAY " TO "
	mov eax, r12d
	call puthex32
	SAY NL
	call range
	pop rsi
	add esi, 8
	cmp esi, ranges.end
	jb .range

	SAY "MSRS: READS ANSWERED "
	mov eax, [reads]
	call putdec
	SAY ", REFUSED "
	mov eax, [reads_refused]
	call putdec
	SAY ", WRITES TAKEN "
	mov eax, [writes]
	call putdec
	SAY ", REFUSED "
	mov eax, [writes_refused]
	call putdec
	SAY NL
	cmp dword [other_traps], 0
	je .good
	SAY "MSRS: OTHER TRAPS, WRONG "
	mov eax, [other_traps]
	call putdec
	SAY NL
.good:
	SAY "MSRS: SURVIVED", NL
	ret

; every register from EBP to R12D: read; write what was read, 0, ones, 1, high bit, a pattern; put
; it back
range:
	mov ecx, ebp
	TRY rdmsr
	mov r13d, eax
	mov r14d, edx
	cmp dword [trap_vector], NO_TRAP
	jne .unread
	inc dword [reads]
	mov ebx, values
	call write_old
.value:
	mov eax, [rbx]
	mov edx, [rbx + 4]
	call write
	add ebx, 8
	cmp ebx, values.end
	jb .value
	call write_old
	jmp .next
.unread:
	inc dword [reads_refused]
	call check
	xor eax, eax			; some can only be written
	xor edx, edx
	call write
	mov eax, -1
	mov edx, -1
	call write
.next:
	cmp ebp, r12d
	je .end
	inc ebp
	jmp range
.end:
	ret

write_old:
	mov eax, r13d
	mov edx, r14d
write:
	mov ecx, ebp
	TRY wrmsr
	cmp dword [trap_vector], NO_TRAP
	jne .refused
	inc dword [writes]
	ret
.refused:
	inc dword [writes_refused]
check:
	cmp dword [trap_vector], 13
	je .end
	inc dword [other_traps]
.end:
	ret

section .data
align 8, db 0
ranges		dd 0, 0x1FFF, 0x40000000, 0x400000FF, 0xC0000000, 0xC0001FFF, 0xC0010000, 0xC0011FFF
.end:
values		dq 0, -1, 1, 1 << 63, 0x5555555555555555, 0x0006060606060606
.end:

section .bss
reads		resd 1
reads_refused	resd 1
writes		resd 1
writes_refused	resd 1
other_traps	resd 1
section .text

GUEST_END
