; TRIPLE: faults with no interrupt table to take the fault, so the processor shuts down.
; Part in the monitor: a hostile guest; CP must stop this one and no other.

%define GUEST_NAME "TRIPLE"
%include "lib/multiboot.inc"

main32:
	SAY32 "TRIPLE: NO IDT, THEN AN UNDEFINED INSTRUCTION: TRIPLE FAULT", NL
	lidt [empty_idt]
	ud2
	SAY32 "TRIPLE: SURVIVED, WRONG", NL
	jmp p32_power_off

section .data
empty_idt	dw 0
		dd 0

GUEST_END
