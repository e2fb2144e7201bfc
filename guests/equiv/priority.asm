; PRIORITY: task priority against pending interrupts: CR8 and the APIC's TPR, vectors of all classes, nested handlers.
; Part in the monitor: a guest; prints the same on the machine itself, with whatever the processor has of a virtual APIC.

%define GUEST_NAME "PRIORITY"
%include "lib/guest.inc"
%include "lib/random.inc"

APIC		equ 0xFEE00000
APIC_TPR	equ 0x080
APIC_PPR	equ 0x0A0
APIC_EOI	equ 0x0B0
APIC_SPURIOUS	equ 0x0F0
APIC_ISR	equ 0x100
APIC_IRR	equ 0x200
APIC_ICR	equ 0x300
APIC_ICR_HIGH	equ 0x310
APIC_TIMER	equ 0x320
APIC_LINT0	equ 0x350
APIC_INITIAL	equ 0x380
APIC_DIVIDE	equ 0x3E0

; what handlers do
NEST		equ 1				; let others in before the EOI
RAISE		equ 2				; raise CR8 to 15 at first, then lower it to what it was, then nest
EOI_FIRST	equ 4				; EOI before all that
BY_TPR		equ 8				; RAISE by the APIC's register instead of CR8

SPURIOUS	equ 0xFF
LOG_ROOM	equ 1024
STEPS		equ 3000			; of the random walk
STEPS_A_LINE	equ 100

; SEND vector: the processor interrupts itself
%macro SEND 1
	mov dword [r15 + APIC_ICR], 0x40000 | (%1)
	nop
%endmacro

%macro CR8 1
	mov eax, %1
	mov cr8, rax
	nop
%endmacro

%macro OPEN 0
	sti
	nop
	nop
	cli
%endmacro

; LINE name: what has been taken since the last line, with the priority that each handler found; then the APIC's state
%macro LINE 1
	mov ebx, [r15 + APIC_PPR]		; first of all: nothing else may have brought it up to date
	SAY %1
	call print_line
%endmacro

main:
	SAY "PRIORITY: BEGIN", NL
	mov ax, 0xFFFF
	call pic_init
	mov r15d, APIC
	mov dword [r15 + APIC_SPURIOUS], 0x100 | SPURIOUS
	mov dword [r15 + APIC_LINT0], 0x10000
	mov dword [r15 + APIC_ICR_HIGH], 0
	mov ecx, 256 - 32
	mov edi, trap_handlers + 32 * 8
	mov eax, taken
	rep stosq
	mov qword [trap_handlers + SPURIOUS * 8], not_one
	call thresholds
	call classes
	call steps_down
	call handlers
	call waiting
	call walk
	SAY "PRIORITY: END", NL
	ret

send_all:
	SEND 0x31
	SEND 0xEC
	SEND 0x42
	SEND 0x86
	SEND 0x53
	SEND 0xFD
	SEND 0x64
	SEND 0xB9
	SEND 0x75
	SEND 0x97
	SEND 0xA8
	SEND 0xDB
	SEND 0xCA
	ret

; All classes pending, each threshold once by CR8 and once by the APIC's register.
thresholds:
	xor ebp, ebp
.next:
	mov cr8, rbp
	call send_all
	OPEN
	LINE "CR8 HOLDS"
	CR8 0
	LINE "CR8 IS 0"
	OPEN
	LINE "OPEN"
	mov eax, ebp
	shl eax, 4
	or eax, ebp				; the lower half changes the priority that is shown and nothing else
	mov [r15 + APIC_TPR], eax
	call send_all
	OPEN
	LINE "TPR HOLDS"
	sti
	mov dword [r15 + APIC_TPR], 0
	nop
	cli
	LINE "TPR IS 0"
	inc ebp
	cmp ebp, 16
	jb .next
	ret

; Several of one class: the highest first, the next behind its end.
classes:
	SEND 0x51
	SEND 0x5E
	SEND 0x55
	OPEN
	LINE "ONE CLASS"
	CR8 5
	SEND 0x51
	SEND 0x5F
	SEND 0x60
	OPEN
	LINE "CLASS AT THE THRESHOLD"
	mov dword [r15 + APIC_TPR], 0x4F
	OPEN
	LINE "CLASS ABOVE IT"
	CR8 0
	ret

; CR8 comes down by one with interrupts on: each lets its class in, at once. Then the same by the APIC's register.
steps_down:
	CR8 15
	call send_all
	sti
	mov ebp, 15
.by_cr8:
	dec ebp
	mov cr8, rbp
	nop
	cli
	LINE "CR8 DOWN"
	sti
	test ebp, ebp
	jnz .by_cr8
	cli
	mov dword [r15 + APIC_TPR], 0xF0
	call send_all
	sti
	mov ebp, 15
.by_tpr:
	dec ebp
	mov eax, ebp
	shl eax, 4
	mov [r15 + APIC_TPR], eax
	nop
	cli
	LINE "TPR DOWN"
	sti
	test ebp, ebp
	jnz .by_tpr
	cli
	ret

; Handlers that let others in, or change the priority themselves.
handlers:
	xor ebp, ebp
.next:
	mov [behave], ebp
	CR8 2
	SEND 0x38
	SEND 0x57
	OPEN
	LINE "HANDLERS, LOW FIRST"
	sti
	SEND 0x47
	SEND 0x28
	SEND 0x67
	cli
	call send_all
	OPEN
	LINE "HANDLERS, ALL"
	mov dword [r15 + APIC_TPR], 0
	OPEN
	LINE "HANDLERS, THE REST"
	inc ebp
	cmp ebp, 16
	jb .next
	mov dword [behave], 0
	; what a handler sends: lower, as high, higher
	mov dword [sends], 0x40
	SEND 0x58
	OPEN
	LINE "SENDS LOWER"
	mov dword [sends], 0x59
	SEND 0x58
	OPEN
	LINE "SENDS OF ITS CLASS"
	mov dword [sends], 0x71
	mov dword [behave], NEST
	SEND 0x58
	OPEN
	LINE "SENDS HIGHER"
	mov dword [sends], 0x58
	SEND 0x58
	OPEN
	LINE "SENDS ITSELF"
	mov dword [behave], 0
	ret

; HLT with something pending that the priority holds back: the timer's interrupt ends it. The 8259s' knows no priority.
waiting:
	CR8 6
	SEND 0x45
	mov dword [r15 + APIC_DIVIDE], 0xB
	mov dword [r15 + APIC_TIMER], 0x71
	mov dword [r15 + APIC_INITIAL], 20000
	sti
	hlt
	cli
	LINE "TIMER AFTER HLT"
	CR8 0
	OPEN
	LINE "BEHIND IT"
	CR8 8
	mov dword [r15 + APIC_INITIAL], 1000
	mov ecx, 200000
.timer:
	test dword [r15 + APIC_IRR + (0x71 >> 5) * 16], 1 << (0x71 & 31)
	jnz .came
	loop .timer
.came:
	OPEN
	LINE "TIMER HELD"
	sti
	CR8 7
	cli
	LINE "TIMER STILL HELD"
	sti
	CR8 6
	cli
	LINE "TIMER COMES"
	mov dword [r15 + APIC_TIMER], 0x10000
	CR8 15
	mov dword [r15 + APIC_LINT0], 0x700	; ExtINT
	mov qword [trap_handlers + PIC_VECTORS * 8], taken_from_pic
	SEND 0xFE
	mov al, 0x30				; one shot
	out 0x43, al
	mov al, 0
	out 0x40, al
	mov al, 8
	out 0x40, al
	mov al, 0xFE
	out 0x21, al
	sti
	hlt
	cli
	LINE "8254 AT CR8 15"
	mov al, 0xFF
	out 0x21, al
	mov dword [r15 + APIC_LINT0], 0x10000
	CR8 0
	OPEN
	LINE "AND THE REST"
	ret

; Anything in any order; the lines say whether all was as it is elsewhere.
walk:
	mov ebp, STEPS
.step:
	call random
	mov ecx, eax
	shr ecx, 8
	and eax, 15
	cmp eax, 6
	jb .send
	cmp eax, 9
	jb .cr8
	cmp eax, 11
	jb .tpr
	cmp eax, 12
	je .handlers
	cmp eax, 13
	je .look
	sti
	nop
	nop
	test eax, 1
	jz .next
	cli
	jmp .next
.send:
	movzx ecx, cl
	cmp ecx, 32
	jb .next
	cmp ecx, SPURIOUS
	je .next
	or ecx, 0x40000
	mov [r15 + APIC_ICR], ecx
	jmp .next
.cr8:
	and ecx, 15
	mov cr8, rcx
	jmp .next
.tpr:
	movzx ecx, cl
	mov [r15 + APIC_TPR], ecx
	jmp .next
.handlers:
	and ecx, NEST | RAISE | BY_TPR
	mov [behave], ecx
	jmp .next
.look:
	mov eax, [r15 + APIC_PPR]
	call note
	mov rax, cr8
	call note
.next:
	nop
	dec ebp
	mov eax, ebp
	xor edx, edx
	mov ecx, STEPS_A_LINE
	div ecx
	test edx, edx
	jnz .step
	cli
	LINE "WALK"
	test ebp, ebp
	jnz .step
	mov dword [behave], 0
	CR8 0
	OPEN
	LINE "WALK'S END"
	ret

; AL into the log. Changes EDI only.
note:
	mov edi, [log_at]
	cmp edi, LOG_ROOM
	jae .full
	mov [log + rdi], al
	inc dword [log_at]
.full:
	ret

; Every handler; RSP + 80 is the vector.
taken:
	mov eax, [rsp + 80]
	call note
	mov eax, [r15 + APIC_PPR]
	call note
	mov ecx, [sends]
	jecxz .sends_nothing
	mov dword [sends], 0
	or ecx, 0x40000
	mov [r15 + APIC_ICR], ecx
.sends_nothing:
	mov r8d, [behave]
	test r8d, EOI_FIRST
	jz .raise
	mov dword [r15 + APIC_EOI], 0
.raise:
	test r8d, RAISE
	jz .nest
	mov r9, cr8
	mov eax, 15
	test r8d, BY_TPR
	jnz .raise_by_tpr
	mov cr8, rax
	jmp .raised
.raise_by_tpr:
	mov dword [r15 + APIC_TPR], 0xF0
.raised:
	OPEN
	mov eax, [r15 + APIC_PPR]
	call note
	mov cr8, r9
	mov eax, [r15 + APIC_PPR]
	call note
.nest:
	test r8d, NEST
	jz .end
	OPEN
	mov al, 0xE0				; comes back
	call note
.end:
	test r8d, EOI_FIRST
	jnz .ret
	mov dword [r15 + APIC_EOI], 0
.ret:
	ret

; The priority went up while an interrupt was on its way: a machine may say so or not. There is nothing to end.
not_one:
	ret

taken_from_pic:
	mov eax, [rsp + 80]
	call note
	mov al, 0x20
	out 0x20, al
	ret

; EBX = the priority as it was read first
print_line:
	mov al, ' '
	call putc
	mov eax, ebp
	call puthex16
	SAY " LOG "
	xor ecx, ecx
	cmp dword [log_at], 26			; longer ones would not fit into a line
	ja .hash
.byte:
	cmp ecx, [log_at]
	jae .logged
	mov al, [log + rcx]
	call puthex8
	inc ecx
	jmp .byte
.hash:
	mov eax, [log_at]
	call puthex16
	mov eax, 2166136261 & 0xFFFFFFFF
.mix:
	xor al, [log + rcx]
	imul eax, eax, 16777619
	inc ecx
	cmp ecx, [log_at]
	jb .mix
	mov [hash], eax
	mov al, ':'
	call putc
	mov eax, [hash]
	call puthex32
.logged:
	mov dword [log_at], 0
	SAY " PPR "
	mov eax, ebx
	call puthex8
	SAY " TPR "
	mov eax, [r15 + APIC_TPR]
	call puthex8
	SAY " CR8 "
	mov rax, cr8
	call puthex8
	SAY " IRR"
	mov ecx, APIC_IRR + 0x10
	call print_words
	SAY " ISR"
	mov ecx, APIC_ISR + 0x10
	call print_words
	SAY NL
	ret

; the seven words from ECX on, 0 where they are
print_words:
	mov edx, 7
.next:
	mov al, ' '
	call putc
	mov eax, [r15 + rcx]
	test eax, eax
	jz .zero
	call puthex32
	jmp .done
.zero:
	mov al, '0'
	call putc
.done:
	add ecx, 16
	dec edx
	jnz .next
	ret

section .bss
behave		resd 1
sends		resd 1
log_at		resd 1
hash		resd 1
log		resb LOG_ROOM
section .text

GUEST_END
