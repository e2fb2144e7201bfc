; WAIT: halts with interrupts off, from which nothing can wake it: VM/370's disabled wait.
; Part in the monitor: a hostile guest; CP must notice, say so, and give its time to the others.

%define GUEST_NAME "WAIT"
%include "lib/multiboot.inc"

main32:
	SAY32 "WAIT: CLI, THEN HLT: DISABLED WAIT", NL
	cli
	hlt
	SAY32 "WAIT: SURVIVED, WRONG", NL
	jmp p32_power_off

GUEST_END
