; TICKER: a long-mode guest that counts its timer's interrupts and tells the time once a second.
; Part in the monitor: a guest; it shows whether virtual time keeps up while others run.

%define GUEST_NAME "TICKER"
%include "lib/guest.inc"

RATE		equ 100				; interrupts a second
PIT_COUNT	equ (1193182 + RATE / 2) / RATE

main:
	SAY "TICKER: LONG MODE, 8254 AT 100 HZ", NL
	mov qword [trap_handlers + PIC_VECTORS * 8], timer
	mov ax, 0xFFFE				; only line 0, the timer
	call pic_init
	PIT_START PIT_COUNT

	call rtc_seconds
	mov [rtc_last], eax
	rdtsc
	shl rdx, 32
	or rax, rdx
	mov [tsc_last], rax
	xor ebx, ebx				; seconds told
.wait:
	; Look and sleep without a gap: after STI one more instruction runs before an interrupt is
	; taken.
	cli
	mov rax, [interrupts]
	xor edx, edx
	mov ecx, RATE
	div rcx
	cmp rax, rbx
	ja .second
	sti
	hlt
	jmp .wait
.second:
	sti
	inc rbx
	call tell
	jmp .wait

; TICKER n SECONDS, m INTERRUPTS, RTC +r, DRIFT d, TSC t
tell:
	SAY "TICKER "
	mov rax, rbx
	call putdec
	SAY " SECONDS, "
	mov rax, [interrupts]
	call putdec
	SAY " INTERRUPTS, RTC "
	; the clock's own seconds since the start, across the hour as well
	call rtc_seconds
	mov ecx, eax
	sub eax, [rtc_last]
	jns .same_hour
	add eax, 3600
.same_hour:
	mov [rtc_last], ecx
	add [rtc_elapsed], rax
	mov rax, [rtc_elapsed]
	call putdec
	SAY ", DRIFT "
	mov rdx, rbx
	sub rdx, rax
	mov rax, rdx
	jns .positive
	mov al, '-'
	call putc
	mov rax, rdx
	neg rax
.positive:
	call putdec
	SAY ", TSC +"
	rdtsc
	shl rdx, 32
	or rax, rdx
	mov rcx, rax
	sub rax, [tsc_last]
	mov [tsc_last], rcx
	call putdec
	SAY NL
	ret

timer:
	inc qword [interrupts]
	mov al, 0x20				; end of interrupt
	out 0x20, al
	ret

; EAX = the clock's minutes and seconds as seconds. Read until two readings agree: it counts on in
; between.
rtc_seconds:
	call rtc_read
	mov r8d, eax
	call rtc_read
	cmp eax, r8d
	jne rtc_seconds
	ret

rtc_read:
	mov al, 10			; status A: bit 7, update in progress
	out 0x70, al
	in al, 0x71
	test al, 0x80
	jnz rtc_read
	mov al, 2
	call rtc_field
	imul edi, eax, 60
	mov al, 0
	call rtc_field
	add eax, edi
	ret

; EAX = field AL of the clock as a number, whether it counts in BCD or (status B, bit 2) in binary
rtc_field:
	out 0x70, al
	in al, 0x71
	movzx ecx, al
	mov al, 11
	out 0x70, al
	in al, 0x71
	test al, 4
	jnz .binary
	mov eax, ecx
	shr ecx, 4
	imul ecx, ecx, 10
	and eax, 15
	add eax, ecx
	ret
.binary:
	mov eax, ecx
	ret

section .bss
interrupts	resq 1
tsc_last	resq 1
rtc_elapsed	resq 1
rtc_last	resd 1
section .text

GUEST_END
