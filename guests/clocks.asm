; CLOCKS: runs all the clocks of a PC for some seconds and says how far each is from the power management timer.
; Part in the monitor: a guest; virtual clocks have to agree, also when this guest gets only a part of the processor.
;
; Command line: the seconds, 60 if there is none. Every clock is only read: an edge of the RTC or a sample during which the
; processor was away is thrown away, so that what is measured are the clocks and not when this guest was running.

%define GUEST_NAME "CLOCKS"
%define GUEST_PROTECTED_FIRST
%include "lib/guest.inc"
%include "lib/acpi.inc"
%include "lib/parameter.inc"

PM_HZ		equ 3579545
PIT_HZ		equ 1193182
FEMTO		equ 1000000000000000
MILLION		equ 1000000
APIC		equ 0xFEE00000

struc SAMPLE
.pm	resq 1
.tsc	resq 1
.apic	resq 1
.pit	resq 1
.hpet	resq 1
endstruc

bits 32
protected_main:
	mov dword [seconds], 60
	call parameter_number
	test eax, eax
	jz .end
	mov [seconds], eax
.end:
	ret
bits 64

main:
	call find_clocks
	call start_clocks
	SAY "CLOCKS: MEASURING FOR "
	mov eax, [seconds]
	call putdec
	SAY " SECONDS", NL
	call least_bracket

	; The rates of TSC and APIC timer nobody tells: their first second is what the rest is compared with.
	mov edi, first
	call edge
	mov edi, second
	call edge
	mov eax, [rtc_now]
	mov [rtc_begin], eax
	mov edi, last
.more:
	call edge
	mov rax, [last + SAMPLE.pm]
	sub rax, [second + SAMPLE.pm]
	xor edx, edx
	mov ecx, PM_HZ
	div rcx
	cmp eax, [seconds]
	jb .more

	SAY "CLOCKS: PM TIMER "
	mov rax, [last + SAMPLE.pm]
	sub rax, [second + SAMPLE.pm]
	mov r12, rax				; what all others are held against
	call putdec
	SAY " TICKS", NL

	mov eax, [rtc_now]
	sub eax, [rtc_begin]
	jns .same_hour
	add eax, 3600
.same_hour:
	mov ecx, 1
	SAY "CLOCKS: RTC "
	call deviation
	mov rax, [last + SAMPLE.tsc]
	sub rax, [second + SAMPLE.tsc]
	mov rcx, [second + SAMPLE.tsc]
	sub rcx, [first + SAMPLE.tsc]
	SAY "CLOCKS: TSC "
	call deviation_of_rate
	mov rax, [last + SAMPLE.tsc]
	sub rax, [second + SAMPLE.tsc]
	mov ecx, PM_HZ
	mul rcx
	div r12
	xor edx, edx
	mov ecx, 1000
	div rcx
	SAY "CLOCKS: TSC OF "
	call putdec
	SAY " KHZ", NL
	mov rax, [last + SAMPLE.apic]
	sub rax, [second + SAMPLE.apic]
	mov rcx, [second + SAMPLE.apic]
	sub rcx, [first + SAMPLE.apic]
	SAY "CLOCKS: APIC TIMER "
	call deviation_of_rate
	call pit_elapsed
	mov ecx, PIT_HZ
	SAY "CLOCKS: PIT "
	call deviation
	cmp qword [hpet], 0
	je .no_hpet
	mov rax, [last + SAMPLE.hpet]
	sub rax, [second + SAMPLE.hpet]
	mov rcx, [hpet_hz]
	SAY "CLOCKS: HPET "
	call deviation
	jmp .end
.no_hpet:
	SAY "CLOCKS: NO HPET", NL
.end:
	SAY "CLOCKS: ALL WITHIN "
	mov rax, [highest]
	sub rax, [lowest]
	call putdec
	SAY " PPM", NL
	ret

; Prints how far RAX ticks of a clock of RCX ticks a second are from R12 ticks of the PM timer, in millionths.
deviation:
	mov r8, rcx
	imul r8, r12				; fits for minutes of a few GHz
	mov ecx, PM_HZ
.ratio:
	mul rcx
	call divide_rate
	jmp tell_deviation

; The same for a clock that had RCX ticks while the PM timer went from `first` to `second`.
deviation_of_rate:
	mov r8, rcx
	mov rcx, [second + SAMPLE.pm]
	sub rcx, [first + SAMPLE.pm]
	; RAX / R12 against R8 / RCX; the products have more than 64 bits, so both sides lose the same low bits
	mul rcx
	shrd rax, rdx, 8
	mov r9, rax
	mov rax, r8
	mul r12
	shrd rax, rdx, 8
	mov r8, rax
	mov rax, r9
	xor edx, edx
	call divide_rate
	jmp tell_deviation

; RAX = RDX:RAX * MILLION / R8, where RDX is 0
divide_rate:
	mov ecx, MILLION
	mul rcx
	cmp rdx, r8
	jae .never
	div r8
	ret
.never:
	xor eax, eax				; no clock at all: a million below
	ret

tell_deviation:
	sub rax, MILLION
	cmp rax, [highest]
	jle .not_highest
	mov [highest], rax
.not_highest:
	cmp rax, [lowest]
	jge .not_lowest
	mov [lowest], rax
.not_lowest:
	test rax, rax
	jns .positive
	neg rax
	push rax
	mov al, '-'
	call putc
	pop rax
.positive:
	call putdec
	SAY " PPM", NL
	ret

; RAX = the PIT's ticks from `second` to `last`. Its counter has 16 bits and the time between may be minutes: how often it
; went round the PM timer says, to the nearest.
pit_elapsed:
	mov rax, [second + SAMPLE.pit]		; counts down
	sub rax, [last + SAMPLE.pit]
	movzx ecx, ax
	mov rax, r12				; PIT_HZ is a third of PM_HZ but for 1 in a million: exactly so here
	mov edx, PIT_HZ
	mul rdx
	mov r8d, PM_HZ
	div r8
	sub rax, rcx
	add rax, 0x8000
	and rax, -0x10000
	add rax, rcx
	ret

find_clocks:
	mov edx, "FACP"
	call acpi_find
	mov dword [pm_port], 0x608
	test rax, rax
	jz .no_tables
	mov ecx, [rax + 76]
	mov [pm_port], ecx
	bt dword [rax + 112], 8			; the timer has 32 bits
	sbb ecx, ecx
	or ecx, 0xFFFFFF
	mov [pm_mask], ecx
	jmp .hpet
.no_tables:
	SAY "CLOCKS: NO ACPI TABLES, PM TIMER TAKEN TO BE AT 0608", NL
	mov dword [pm_mask], 0xFFFFFF
.hpet:
	mov edx, "HPET"
	call acpi_find
	test rax, rax
	jz .end
	mov rax, [rax + 44]
	mov [hpet], rax
	mov ecx, [rax + 4]			; femtoseconds a tick
	test ecx, ecx
	jz .no_period
	mov rdi, rax
	mov rax, FEMTO
	xor edx, edx
	div rcx
	mov [hpet_hz], rax
	mov eax, [rdi + 0x10]
	or eax, 1
	mov [rdi + 0x10], eax
	ret
.no_period:
	mov qword [hpet], 0
.end:
	ret

start_clocks:
	mov ax, 0xFFFF				; nothing may interrupt
	call pic_init
	mov al, 0x34				; counter 0, both bytes, mode 2, from 65536
	out 0x43, al
	xor eax, eax
	out 0x40, al
	out 0x40, al
	mov edi, APIC
	mov dword [rdi + 0xF0], 0x1FF
	mov dword [rdi + 0x320], 0x10000 | 0x40	; one shot, masked
	mov dword [rdi + 0x3E0], 0x0A		; divided by 128
	mov dword [rdi + 0x380], -1
	; The extensions of counters that go round begin here.
	mov edx, [pm_port]
	in eax, dx
	mov [pm_last], eax
	ret

; One look at all clocks, always in this order, into [RDI]; RAX = how long it took. Counters that go round are extended: a
; look comes at least every few milliseconds of this guest's own time.
sample:
	call tsc
	mov [rdi + SAMPLE.tsc], rax
	mov edx, [pm_port]
	in eax, dx
	mov ecx, eax
	sub eax, [pm_last]
	and eax, [pm_mask]
	mov [pm_last], ecx
	add rax, [pm_total]
	mov [pm_total], rax
	mov [rdi + SAMPLE.pm], rax
	mov al, 0				; counter 0: latch
	out 0x43, al
	in al, 0x40
	movzx ecx, al
	in al, 0x40
	movzx eax, al
	shl eax, 8
	or eax, ecx
	mov [rdi + SAMPLE.pit], rax
	mov esi, APIC
	mov eax, [rsi + 0x390]
	not eax					; counts down from all ones
	mov [rdi + SAMPLE.apic], rax
	mov rsi, [hpet]
	test rsi, rsi
	jz .no_hpet
	mov eax, [rsi + 0xF0]
	mov ecx, eax
	sub eax, [hpet_last]
	mov [hpet_last], ecx
	add rax, [hpet_total]
	mov [hpet_total], rax
	mov [rdi + SAMPLE.hpet], rax
.no_hpet:
	call tsc
	sub rax, [rdi + SAMPLE.tsc]
	ret

tsc:
	rdtsc
	shl rdx, 32
	or rax, rdx
	ret

; The least that a sample, and one look for an edge of the RTC, take: twice that means the processor was away.
least_bracket:
	mov qword [bracket], -1
	mov ebx, 64
.next:
	mov edi, first
	call sample
	cmp rax, [bracket]
	jae .no
	mov [bracket], rax
.no:
	dec ebx
	jnz .next
	shl qword [bracket], 1
	ret

; Waits for the RTC to begin a second while this guest is running, then takes a sample at once into [RDI].
edge:
	call tsc
	mov r10, rax				; before the last look
	call rtc_second
	mov [rtc_second_last], eax
.look:
	call sample				; keeps the counters' extensions up to date, and is the sample if this is the edge
	mov r11, rax
	call tsc
	mov r13, rax
	call rtc_second
	cmp eax, [rtc_second_last]
	jne .changed
	mov r10, r13
	jmp .look
.changed:
	mov [rtc_second_last], eax
	; The second began between the look before and this one: good if neither that took long nor the sample.
	call tsc
	sub rax, r10
	mov r10, r13
	mov rcx, [bracket]
	cmp r11, rcx
	ja .look
	shl rcx, 1
	cmp rax, rcx
	ja .look
	call rtc_minute
	ret

; EAX = the RTC's seconds; while it is being counted on, the ones before
rtc_second:
	mov al, 0
	out 0x70, al
	in al, 0x71
	movzx eax, al
	ret

; [rtc_now] = minutes and seconds as seconds, right after an edge, when nothing changes
rtc_minute:
	mov al, 0
	call rtc_field
	mov ecx, eax
	mov al, 2
	call rtc_field
	imul eax, eax, 60
	add eax, ecx
	mov [rtc_now], eax
	ret

; EAX = field AL as a number, whether in BCD or (status B, bit 2) in binary; keeps RCX
rtc_field:
	out 0x70, al
	in al, 0x71
	movzx edx, al
	mov al, 11
	out 0x70, al
	in al, 0x71
	test al, 4
	mov eax, edx
	jnz .binary
	shr edx, 4
	imul edx, edx, 10
	and eax, 15
	add eax, edx
.binary:
	ret

section .bss
alignb 8
first		resb SAMPLE_size
second		resb SAMPLE_size
last		resb SAMPLE_size
hpet		resq 1
hpet_hz		resq 1
hpet_total	resq 1
pm_total	resq 1
bracket		resq 1
highest		resq 1
lowest		resq 1
hpet_last	resd 1
pm_last		resd 1
pm_port		resd 1
pm_mask		resd 1
seconds		resd 1
rtc_second_last	resd 1
rtc_begin	resd 1
rtc_now		resd 1
section .text

GUEST_END
