; KEEPER: fills its storage once and checks all of it again once a second.
; Part in the monitor: a guest; it shows that nobody else writes into storage that is its own.

%define GUEST_NAME "KEEPER"
%include "lib/guest.inc"

RATE		equ 20				; timer interrupts a second
PIT_COUNT	equ (1193182 + RATE / 2) / RATE

main:
	mov r12, [storage_bound]
	mov r13d, storage_end
	mov r14, 0x9E3779B97F4A7C15	; odd: each product is another one
	mov rdi, r13
.fill:
	mov rax, rdi
	imul rax, r14
	mov [rdi], rax
	add rdi, 8
	cmp rdi, r12
	jb .fill
	SAY "KEEPER: FILLED "
	mov rax, r12
	sub rax, r13
	call putdec
	SAY " BYTES", NL

	mov qword [trap_handlers + PIC_VECTORS * 8], timer
	mov ax, 0xFFFE				; only line 0, the timer
	call pic_init
	PIT_START PIT_COUNT
	xor ebx, ebx
.wait:
	cli
	mov rax, [interrupts]
	cmp rax, RATE
	jae .second
	sti
	hlt
	jmp .wait
.second:
	mov qword [interrupts], 0
	sti
	inc ebx
	call check
	jmp .wait

check:
	xor ecx, ecx
	mov rdi, r13
.word:
	mov rax, rdi
	imul rax, r14
	cmp [rdi], rax
	je .next
	inc ecx
.next:
	add rdi, 8
	cmp rdi, r12
	jb .word
	SAY "KEEPER: CHECK "
	mov eax, ebx
	call putdec
	SAY ", WRONG WORDS "
	mov eax, ecx
	call putdec
	SAY NL
	ret

timer:
	inc qword [interrupts]
	mov al, 0x20				; end of interrupt
	out 0x20, al
	ret

section .bss
interrupts	resq 1
section .text

GUEST_END
