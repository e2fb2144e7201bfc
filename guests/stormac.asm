; STORMAC: makes the delivery of #AC cause #AC again, for ever (CVE-2015-5307's pattern).
; Part in the monitor: a hostile guest; if #AC did not exit, no timer could take the processor back.

%define GUEST_NAME "STORMAC"
%include "lib/protected.inc"

main32:
	call protected_init
	SAY32 "STORMAC: RING 3, STACK OUT OF LINE, #AC HANDLER IN RING 3: ENDLESS DELIVERY", NL
	; the handler runs in ring 3, so its frame goes on the stack that is out of line, and
	; alignment counts there
	GATE 17, SEL_CODE3, GATE_RING0, handler
	mov eax, cr0
	or eax, 1 << 18			; AM
	mov cr0, eax
	mov eax, 2 | 3 << 12		; IOPL 3: ring 3 may print
	mov edi, ring3
	call ring3_run
	SAY32 "STORMAC: SURVIVED", NL
	jmp p32_power_off

ring3:
	sub esp, 66
	pushf
	or dword [esp], 1 << 18		; AC
	popf
	mov eax, [esp]			; out of line: #AC
	; here only where no alignment is checked
	and esp, -4
	push dword 2 | 3 << 12
	popf
	SAY32 "STORMAC: NO ALIGNMENT CHECK", NL
	int 0x80

; only reached when the frame could be stored; this is not what a processor does
handler:
	and esp, -4
	push dword 2 | 3 << 12
	popf
	SAY32 "STORMAC: THE HANDLER WAS REACHED", NL
	int 0x80

GUEST_END
