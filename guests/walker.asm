; WALKER: points its page tables at addresses where it has no storage, then uses them.
; Part in the monitor: a hostile guest; the processor's own table walk runs into the bound.

%define GUEST_NAME "WALKER"
%include "lib/guest.inc"

main:
	; a page directory beyond the bound, for the linear addresses from 6 GiB up
	mov rax, [storage_bound]
	add rax, 0x1000
	or eax, 3
	mov [pdpt + 6 * 8], rax
	SAY "WALKER: A PAGE DIRECTORY BEYOND B, THEN A READ THROUGH IT", NL
	mov rdi, 6 << 30
	TRY mov eax, [rdi]
	call tell

	; a page table of all ones would be full of reserved bits: a page fault is an answer, so
	; is being stopped
	SAY "WALKER: A CR3 BEYOND B, THEN THE NEXT INSTRUCTION", NL
	mov rax, [storage_bound]
	add rax, 0x2000
	mov cr3, rax
	nop
	mov eax, pml4
	mov cr3, rax
	SAY "WALKER: SURVIVED", NL
	ret

tell:
	SAY "WALKER: TRAP "
	mov eax, [trap_vector]
	cmp eax, NO_TRAP
	je .none
	call puthex8
	SAY " ERROR "
	mov eax, [trap_error]
	call puthex32
	SAY NL
	ret
.none:
	SAY "NONE", NL
	ret

GUEST_END
