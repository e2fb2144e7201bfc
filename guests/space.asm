; SPACE: reads and writes all of its physical address space, up to the last address there is.
; Part in the monitor: a hostile guest; every step beyond the bound is a memory trap.

%define GUEST_NAME "SPACE"
%include "lib/guest.inc"
%include "lib/window.inc"

LOW_STEP	equ 2 << 20		; below 4 GiB: 2 MiB
HIGH_STEP	equ 64 << 20		; up to 64 GiB: 64 MiB
HIGH_END	equ 1 << 36

main:
	call physical_bits
	mov [address_bits], al
	SAY "SPACE: "
	call putdec
	SAY " ADDRESS BITS, B = "
	mov rax, [storage_bound]
	call puthex
	SAY NL

	SAY "SPACE: UP TO 4 GIB", NL
	mov rbx, [storage_bound]
	add rbx, LOW_STEP - 1
	and rbx, -LOW_STEP
.low:
	call touch
	add rbx, LOW_STEP
	mov rax, 1 << 32
	cmp rbx, rax
	jb .low

	SAY "SPACE: UP TO 64 GIB", NL
	mov r12, HIGH_END
.high:
	call touch
	add rbx, HIGH_STEP
	cmp rbx, r12
	jb .high

	SAY "SPACE: POWERS OF TWO UP TO THE LAST ADDRESS", NL
	mov cl, 36
.power:
	mov ebx, 1
	shl rbx, cl
	mov rax, rbx
	cmp cl, [address_bits]
	jae .last
	call touch
	add rbx, 0x1000
	call touch
	inc cl
	jmp .power
.last:
	mov rbx, rax
	sub rbx, 8
	call touch
	sub rbx, 0x1000
	call touch

	; one bit more than the processor has: reserved in a page table, so a page fault with
	; error code bit 3
	mov cl, [address_bits]
	cmp cl, 52
	jae .sum
	mov eax, 1
	shl rax, cl
	call window_map
	TRY mov edx, [rax]
	SAY "SPACE: PAST THE LAST ADDRESS: "
	cmp dword [trap_vector], 14
	jne .no_fault
	test byte [trap_error], 8
	jz .no_fault
	SAY "#PF, RESERVED BIT", NL
	jmp .sum
.no_fault:
	SAY "WRONG, NO #PF FOR A RESERVED BIT", NL
.sum:
	SAY "SPACE: TOUCHED "
	mov eax, [touched]
	call putdec
	SAY ", ABSENT "
	mov eax, [absent]
	call putdec
	SAY ", ANSWERED "
	mov eax, [touched]
	sub eax, [absent]
	call putdec
	SAY ", TRAPPED "
	mov eax, [trapped]
	call putdec
	SAY NL, "SPACE: SURVIVED", NL
	ret

; reads, writes and reads the word at the physical address RBX; absent is: ones both times
touch:
	push rcx
	inc dword [touched]
	mov rax, rbx
	call window_map
	mov rdi, rax
	mov eax, 0
	TRY mov eax, [rdi]
	cmp dword [trap_vector], NO_TRAP
	jne .trapped
	mov r8d, eax
	mov ecx, 0x5A3C6996
	TRY mov [rdi], ecx
	mov eax, 0
	TRY mov eax, [rdi]
	cmp dword [trap_vector], NO_TRAP
	jne .trapped
	and eax, r8d
	cmp eax, -1
	jne .answer
	inc dword [absent]
	jmp .end
.answer:				; a device
	SAY "SPACE: ANSWER AT "
	mov rax, rbx
	call puthex
	SAY NL
	jmp .end
.trapped:
	inc dword [trapped]
.end:
	pop rcx
	ret

section .bss
touched		resd 1
absent		resd 1
trapped		resd 1
address_bits	resd 1
section .text

GUEST_END
