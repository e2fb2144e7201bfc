; FUZZMMIO: reads and writes anything in every memory-mapped device, with many kinds of instructions.
; Part in the monitor: a hostile guest; it aims at the devices and at the interpreter that serves them.

%define GUEST_NAME "FUZZMMIO"
%include "lib/guest.inc"
%include "lib/random.inc"
%include "lib/pci.inc"

ACCESSES	equ 6000			; for each page or BAR
APIC		equ 0xFEE00000
IOAPIC		equ 0xFEC00000

main:
	; Whatever these devices may deliver is taken and counted; interrupts stay off, but there are NMIs.
	mov edi, trap_handlers + 2 * 8
	mov qword [rdi], taken
	mov edi, trap_handlers + 32 * 8
	mov ecx, 256 - 32
	mov eax, taken
	rep stosq
	mov ax, 0xFFFF
	call pic_init

	mov rax, cr4
	or eax, 1 << 9				; SSE, for the ways that use it
	mov cr4, rax

	mov ebp, pages
.page:
	mov r12d, [rbp]
	mov r13d, [rbp + 4]
	call fuzz
	add ebp, 8
	cmp ebp, pages_end
	jb .page
	; Through configuration space BARs have moved: nothing of them may lie over COM1.
	xor eax, eax
	call pci_command_all
	SAY "FUZZMMIO: APIC, I/O APIC, HPET, CONFIGURATION SPACE, DISPLAY, FLASH DONE", NL

	call bars
	SAY "FUZZMMIO: BARS DONE", NL
	mov ax, 0xFFFF
	call pic_init
	SAY "FUZZMMIO: EVENTS TAKEN "
	mov rax, [events]
	call putdec
	SAY ", TRAPS "
	mov rax, [traps]
	call putdec
	SAY NL, "FUZZMMIO: SURVIVED", NL
	; Last, as this guest may not come back from it: the interrupt command register with every delivery mode.
	mov r12d, APIC
	mov dword [r12 + 0xF0], 0x1FF
	mov ecx, 256
.command:
	call random
	or eax, 1 << 18				; to itself
	mov dword [r12 + 0x310], 0
	mov [r12 + 0x300], eax
	dec ecx
	jnz .command
	SAY "FUZZMMIO: SURVIVED THE COMMAND REGISTER AS WELL", NL
	ret

taken:
	inc qword [events]
	ret

; ACCESSES times one of the ways below, somewhere in the R13D bytes from R12D
fuzz:
	mov r14d, ACCESSES
.next:
	mov ecx, r13d
	call random_below
	mov r15d, eax
	call random
	test al, 3				; most registers are double words or more apart
	jz .place
	and r15d, -4
.place:
	mov ecx, way_count
	call random_below
	call careful
	mov ebx, eax
	call random_value
	mov rdx, rax
	lea edi, [r12 + r15]
	mov esi, edi
	mov dword [trap_vector], NO_TRAP
	mov qword [trap_fixup], .done
	mov [way_stack], rsp
	call [ways + rbx * 8]
.done:
	mov rsp, [way_stack]
	mov qword [trap_fixup], 0
	cld
	cmp dword [trap_vector], NO_TRAP
	je .no_trap
	inc qword [traps]
.no_trap:
	dec r14d
	jnz .next
	ret

; EAX = the way: only read where a write could bring INIT, SMI or a start-up message over this guest.
careful:
	cmp r12d, APIC
	je .apic
	cmp r12d, IOAPIC
	je .ioapic
	ret
.apic:
	cmp r15d, 0x2F0 - 64			; the ways that go on reach a little further
	jb .good
	cmp r15d, 0x380
	jb .read
.good:
	ret
.ioapic:
	cmp r15d, 0x20
	jae .good
	test r15d, 0x10
	jz .good
.read:
	and eax, 1
	ret

; The ways: EDI = ESI = the address, RDX = a value; they may end by a trap.
way_read32:	mov eax, [rdi]
		ret
way_read8:	movzx eax, byte [rdi]
		ret
way_read16:	movsx eax, word [rdi]
		ret
way_read64:	mov rax, [rdi]
		ret
way_write32:	mov [rdi], edx
		ret
way_write8:	mov [rdi], dl
		ret
way_write16:	mov [rdi], dx
		ret
way_write64:	mov [rdi], rdx
		ret
way_immediate:	mov dword [rdi], 0x5A5AA5A5
		ret
way_test:	test dword [rdi], 0x1000
		ret
way_or:		or dword [rdi], 0x40
		ret
way_xchg:	xchg [rdi], edx
		ret
way_add:	lock add [rdi], edx
		ret
way_compare:	mov eax, edx
		lock cmpxchg [rdi], edx
		ret
way_bit:	bts dword [rdi], 9
		ret
way_out:	mov esi, buffer
		mov ecx, 8
		rep movsd
		ret
way_in:		mov edi, buffer
		mov ecx, 8
		rep movsb
		ret
way_fill:	mov eax, edx
		mov ecx, 16
		rep stosw
		ret
way_back:	std
		mov eax, edx
		mov ecx, 4
		rep stosd
		cld
		ret
way_scan:	mov ecx, 16
		repne scasb
		ret
way_push:	push qword [rdi]
		pop rax
		ret
way_store:	movd xmm0, edx
		movups [rdi], xmm0
		ret
way_load:	movups xmm0, [rdi]
		ret
way_not:	not word [rdi]
		ret

; Every storage BAR of every function, with bus mastering off: what a device is told there must stay there.
bars:
	mov eax, 2
	call pci_command_all
	xor ebx, ebx
.function:
	mov r10d, 0x10
.bar:
	mov edi, ebx
	shl edi, 8
	call pci_read
	cmp eax, -1
	je .next
	or edi, r10d
	call pci_read
	test al, 1
	jnz .next_bar
	mov r12d, eax
	and r12d, -16
	cmp r12, [storage_bound]		; moved over storage: that would only fuzz this guest itself
	jb .next_bar
	; how large it is: ones written, zeros come back below its size
	mov r11d, eax
	mov eax, -1
	call pci_write
	call pci_read
	mov r13d, eax
	mov eax, r11d
	call pci_write
	and r13d, -16
	neg r13d
	cmp r13d, 0x10000			; a frame buffer's beginning is enough
	jbe .size
	mov r13d, 0x10000
.size:
	cmp r13d, 16
	jb .next_bar
	push rbx
	push r10
	call fuzz
	pop r10
	pop rbx
.next_bar:
	add r10d, 4
	cmp r10d, 0x24
	jbe .bar
.next:
	inc ebx
	cmp ebx, PCI_FUNCTIONS
	jb .function
	ret

section .data
align 8, db 0
; each: where, how many bytes
pages	dd IOAPIC, 0x1000, APIC, 0x1000, 0xFED00000, 0x400, 0xE0000000, 0x10000, 0xE0000000, 0x1000000
	dd 0x000A0000, 0x20000, 0xFFC00000, 0x400000, 0xB0000000, 0x10000
pages_end:
align 8, db 0
; the first two only read: careful picks them
ways	dq way_read32, way_read8, way_read16, way_read64, way_write32, way_write8, way_write16, way_write64
	dq way_immediate, way_test, way_or, way_xchg, way_add, way_compare, way_bit, way_out, way_in, way_fill
	dq way_back, way_scan, way_push, way_store, way_load, way_not
way_count equ ($ - ways) / 8
section .bss
alignb 8
events		resq 1
traps		resq 1
way_stack	resq 1
buffer		resb 64
section .text

GUEST_END
