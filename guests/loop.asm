; LOOP: loops with interrupts off and never gives the processor back.
; Part in the monitor: a hostile guest; only the monitor's own timer can take the processor from it.

%define GUEST_NAME "LOOP"
%include "lib/multiboot.inc"

main32:
	SAY32 "LOOP: CLI, THEN A JUMP TO ITSELF FOR EVER", NL
	cli
.here:
	jmp .here

GUEST_END
