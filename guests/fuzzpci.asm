; FUZZPCI: writes anything anywhere into the configuration space of every PCI function, and moves their BARs about.
; Part in the monitor: a hostile guest; CP and the neighbours must not notice.

%define GUEST_NAME "FUZZPCI"
%include "lib/guest.inc"
%include "lib/random.inc"
%include "lib/pci.inc"

ROUNDS		equ 16
ACCESSES	equ 2000
MOVES		equ 1500
COM1_LINE	equ 0x3F8

main:
	call tell_functions
	mov r15d, ROUNDS
.round:
	mov r14d, ACCESSES
.access:
	call any_access
	dec r14d
	jnz .access
	; Quiet, so that nothing of theirs lies over the serial port when this guest says something.
	xor eax, eax
	call pci_command_all
	dec r15d
	jnz .round
	SAY "FUZZPCI: ANY WIDTH, ANY REGISTER DONE", NL

	mov r14d, MOVES
.move:
	call move_bar
	dec r14d
	jnz .move
	xor eax, eax
	call pci_command_all
	SAY "FUZZPCI: BARS HAVE BEEN EVERYWHERE", NL

	; The address register itself in every width but the byte that is the reset port.
	mov r14d, ACCESSES
.address:
	mov edx, PCI_ADDRESS
	call random_value
	out dx, eax
	in eax, dx
	in ax, dx
	add edx, 3
	in al, dx
	call random
	out dx, al
	dec edx
	out dx, ax
	mov edx, PCI_DATA
	call random
	and eax, 3
	add edx, eax
	in al, dx
	mov edx, PCI_DATA + 2			; beyond the data register's end
	in eax, dx
	dec r14d
	jnz .address
	xor eax, eax
	call pci_command_all
	SAY "FUZZPCI: THE ADDRESS REGISTER DONE", NL
	call tell_functions
	SAY "FUZZPCI: SURVIVED", NL
	ret

tell_functions:
	xor eax, eax
	call pci_command_all
	SAY "FUZZPCI: FUNCTIONS "
	mov eax, ecx
	call putdec
	SAY NL
	ret

; One read and one write of a random width at a random place: mostly of bus 0, where there is something.
any_access:
	call random
	mov edi, eax
	shr eax, 24
	cmp eax, 230
	ja .any_bus
	and edi, 0xFFFF
.any_bus:
	and edi, 0xFFFFFF
	mov eax, edi
	and eax, 0xFFFFFC
	or eax, 1 << 31
	mov edx, PCI_ADDRESS
	out dx, eax
	mov edx, PCI_DATA
	mov ecx, 3
	call random_below
	mov ecx, eax
	mov eax, edi
	and eax, 3
	cmp ecx, 1
	ja .double
	je .word
	add edx, eax
	in al, dx
	call random_value
	out dx, al
	ret
.word:
	and eax, 2
	add edx, eax
	in ax, dx
	call random_value
	out dx, ax
	ret
.double:
	in eax, dx
	call random_value
	out dx, eax
	ret

; Gives one BAR of one function a place and switches it on, reads there if it is storage, then switches it off.
move_bar:
	mov ecx, PCI_FUNCTIONS
	call random_below
	mov edi, eax
	shl edi, 8
	call pci_read
	cmp eax, -1
	je .end
	mov ecx, 7
	call random_below
	cmp eax, 6				; the seventh is the expansion ROM's
	jne .plain
	mov eax, 8
.plain:
	lea r12d, [rdi + rax * 4 + 0x10]
	mov r13d, edi
	mov edi, r12d
	call pci_read
	mov r11d, eax
	call place
	mov r10d, eax
	call pci_write
	mov edi, r13d
	or edi, PCI_COMMAND
	mov eax, 3				; ports and storage, no bus master
	call pci_write
	test r11b, 1
	jnz .ports
	mov eax, r10d
	and eax, -16
	mov rsi, rax
	TRY mov eax, [rsi]
.ports:
	xor eax, eax
	call pci_write
.end:
	ret

; EAX = an address: over this guest's storage, over the APICs and other devices, over nothing; for ports not COM1
place:
	mov ecx, place_count
	call random_below
	mov eax, [places + rax * 4]
	mov ecx, eax
	call random
	and eax, 0xFFFF0
	test r11b, 1
	jnz .port
	cmp ecx, 0
	je .storage
	add eax, ecx
	ret
.storage:
	shl eax, 4
	ret
.port:
	and eax, 0xFFFC
	cmp eax, COM1_LINE & ~0x1FF		; a BAR may have many ports: keep its distance
	jb .good
	cmp eax, 0x400
	jb .port_again
.good:
	or eax, 1
	ret
.port_again:
	add eax, 0x400
	jmp .good

section .data
align 4, db 0
places	dd 0, 0x000A0000, 0x000F0000, 0xE0000000, 0xF0000000, 0xFEBF0000, 0xFEC00000, 0xFED00000, 0xFEE00000
	dd 0xFFFF0000
place_count equ ($ - places) / 4
section .text

GUEST_END
