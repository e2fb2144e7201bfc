; PORTS: reads and writes every port in every width, those that end a machine last.
; Part in the monitor: a hostile guest; its accesses must end at its own devices or nowhere.

%define GUEST_NAME "PORTS"
%include "lib/guest.inc"

; EACH width in bytes, {instruction}, {next instruction}: runs them with DX = every port from
; which that width does not pass FFFF
%macro EACH 2-3
	xor ebp, ebp
%%port:
	mov edx, ebp
	%2
	%3
	inc ebp
	cmp ebp, 0x10001 - %1
	jb %%port
%endmacro

; EACH_BUT list, width, {instruction}: the same, but not where an access would reach a port of the
; list
%macro EACH_BUT 3
	xor ebp, ebp
%%port:
	mov esi, %1
	mov edi, %1.end
	mov ecx, %2
	call reaches_one
	jc %%next
	mov edx, ebp
	%3
%%next:
	inc ebp
	cmp ebp, 0x10001 - %2
	jb %%port
%endmacro

; COUNT register: one more answer if it is not all ones
%macro COUNT 1
	cmp %1, -1
	setne cl
	movzx ecx, cl
	add ebx, ecx
%endmacro

main:
	SAY "PORTS: READING ALL", NL
	xor ebx, ebx
	EACH 1, {in al, dx}, {COUNT al}
	SAY "PORTS: BYTE READS ANSWERED "
	call tell
	EACH 2, {in ax, dx}, {COUNT ax}
	SAY "PORTS: WORD READS ANSWERED "
	call tell
	EACH 4, {in eax, dx}, {COUNT eax}
	SAY "PORTS: DOUBLE WORD READS ANSWERED "
	call tell

	SAY "PORTS: WRITING ZEROES TO ALL BUT ADDRESS LINE 20", NL
	xor eax, eax
	EACH_BUT a20_port, 1, {out dx, al}
	EACH_BUT a20_port, 2, {out dx, ax}
	EACH_BUT a20_port, 4, {out dx, eax}
	mov al, 2				; address line 20 stays on: this code is above 1 MiB
	out 0x92, al
	call serial_init			; its registers were among them
	SAY NL, "PORTS: WRITING ONES TO ALL BUT THE LAST FEW", NL
	mov eax, -1
	EACH_BUT last_ports, 1, {out dx, al}
	EACH_BUT last_ports, 2, {out dx, ax}
	EACH_BUT last_ports, 4, {out dx, eax}
	call serial_init
	SAY NL, "PORTS: STRINGS", NL
	call strings

	SAY "PORTS: NOW THE PORTS THAT END A MACHINE", NL
	mov esi, last_ports
.last:
	movzx edx, word [rsi]
	push rsi
	SAY "PORTS: ONES TO "
	mov eax, edx
	call puthex16
	SAY NL
	pop rsi
	mov eax, -1
	out dx, al
	out dx, ax
	out dx, eax
	add esi, 2
	cmp esi, last_ports.end
	jb .last
	SAY "PORTS: SURVIVED", NL
	mov al, 0xFE				; the keyboard controller's reset line
	out 0x64, al
	SAY "PORTS: SURVIVED THE RESET LINE", NL
	ret

; carry if an access of ECX bytes at port EBP touches one of the ports in the list from ESI to EDI
reaches_one:
	movzx edx, word [rsi]
	sub edx, ebp
	cmp edx, ecx				; below: that port is within the access
	jb .end
	add esi, 2
	cmp esi, edi
	jb reaches_one
	clc
.end:
	ret

; REP INS and OUTS: within storage, downwards, from and to where no storage is, and one longer
; than any storage. A monitor that simulates them may refuse an address, but must not go past this
; guest's own.
strings:
	mov edx, 0x80
	mov edi, buffer
	mov esi, buffer
	mov ecx, 64
	rep insb
	mov ecx, 32
	rep outsw
	SAY "PORTS: INS AND OUTS IN STORAGE DONE", NL
	mov edx, 0x80
	std
	mov edi, buffer + 60
	mov ecx, 16
	rep insd
	mov esi, buffer + 60
	mov ecx, 16
	rep outsd
	cld
	SAY "PORTS: DOWNWARDS DONE", NL
	mov edx, 0x80
	xor ecx, ecx
	mov edi, buffer
	rep insb
	SAY "PORTS: NONE AT ALL DONE", NL
	; linear addresses that are mapped to nothing: a page fault of this guest's own
	mov rdi, 1 << 40
	mov edx, 0x80
	mov ecx, 4
	TRY rep insb
	cmp dword [trap_vector], 14
	jne .wrong
	mov rsi, 1 << 40
	mov ecx, 4
	TRY rep outsb
	cmp dword [trap_vector], 14
	jne .wrong
	; addresses that are not canonical: a general protection fault
	mov rdi, 1 << 60
	mov ecx, 4
	TRY rep insb
	cmp dword [trap_vector], 13
	jne .wrong
	SAY "PORTS: STRINGS WITHOUT STORAGE GAVE #PF, #PF, #GP", NL
	ret
.wrong:
	SAY "PORTS: STRINGS WITHOUT STORAGE GAVE THE WRONG TRAP", NL
	ret

tell:
	mov eax, ebx
	call putdec
	SAY NL
	xor ebx, ebx
	ret

section .data
; keyboard controller (reset line), system port A, reset control, and the ports by which emulators
; end
last_ports	dw 0x64, 0xF4, 0x92, 0x8900, 0xCF9, 0x604, 0x605
.end:
; zero to system port A takes address line 20 away, and with it this guest: its own doing, not the
; monitor's
a20_port	dw 0x92
.end:

section .bss
buffer		resb 64
section .text

GUEST_END
