; LAN: exchanges frames with other machines like itself on the virtual Ethernet, and checks every byte of each.
; Part in the monitor: a guest; its command line says who it is, how many there are, and what it does.
;
; PARM number machines asks answers way. This one is machine `number` of `machines`; it asks every other one `asks` times and
; is asked `answers` times by each. way: 0 = four questions under way to each, waits in HLT; 1 = the same, but computes while it
; waits; 2 = one question under way, HLT; 3 = one, and looks for the answer instead of letting it interrupt.
; Nothing may be lost behind the first answer of each, and all comes in the order in which it was sent.

%define GUEST_NAME "LAN"
%define GUEST_PROTECTED_FIRST
%include "lib/guest.inc"
%include "lib/pci.inc"
%include "lib/virtio.inc"

APIC		equ 0xFEE00000
APIC_EOI	equ 0xB0
APIC_SPURIOUS	equ 0xF0
APIC_TIMER	equ 0x320
APIC_INITIAL	equ 0x380
APIC_DIVIDE	equ 0x3E0
TIMER_VECTOR	equ 0x50
CARD_VECTOR	equ 0x61

MACHINES	equ 16
WINDOW		equ 4
ENTRIES		equ 128				; of each queue
BUFFER		equ 2048
HEADER		equ 12				; of virtio's before a frame
RESEND		equ 1000000			; ticks, until the first answer has come
LEAST		equ 60
MOST		equ 1514

struc FRAME
.to		resb 6
.from		resb 6
.type		resw 1
.kind		resb 1
.sender		resb 1
.receiver	resb 1
		resb 1
.number		resd 1
.length		resw 1
.text		resb 0
endstruc

ETHERTYPE	equ 0xB588			; 88B5h as it is sent: experiments
ASK		equ 1
ANSWER		equ 2

bits 32
; EBX is still the multiboot information: the numbers on the command line.
protected_main:
	test byte [ebx], 4
	jz .end
	mov esi, [ebx + 16]
	mov edi, words
.word:
	xor eax, eax
	xor edx, edx				; digits
.next:
	movzx ecx, byte [esi]
	inc esi
	sub ecx, '0'
	cmp ecx, 9
	ja .other
	imul eax, eax, 10
	add eax, ecx
	inc edx
	jmp .next
.other:
	test edx, edx
	jz .none
	mov [edi], eax
	add edi, 4
	cmp edi, words_end
	je .end
.none:
	cmp ecx, -'0'
	jne .word
.end:
	ret
bits 64

main:
	mov ax, 0xFFFF				; no line of the 8259s may interrupt
	call pic_init
	mov r14d, 0x10411AF4			; the network card
	call virtio_find
	test eax, eax
	jnz .found
	SAY "LAN: NO CARD", NL
	ret
.found:
	call start
	rdtsc
	mov [begun], eax
	mov [begun + 4], edx
	call ask_again
	cmp dword [way], 3
	je .polling
	cmp dword [way], 1
	je .computing
.waiting:
	cli
	call finished
	jz done
	sti
	hlt
	jmp .waiting

; every register has a value that only this loop changes
.computing:
	cli
	call finished
	jz done
	mov rax, 0x0123456789ABCDEF
	mov rbx, rax
	mov rcx, rax
	mov rdx, rax
	mov rsi, rax
	mov rdi, rax
	mov r8, rax
	mov r9, rax
	mov r10, rax
	mov r11, rax
	mov r12, rax
	mov r13, rax
	mov r14, rax
	mov ebp, 2000
	sti
.round:
	add rax, rbx
	xor rcx, rdx
	xor rdi, r8
	add r9, r10
	xor r11, r12
	sub rax, r14
	xor rcx, rsi
	xor rdi, r13
	sub r9, r14
	xor r11, r14
	dec ebp
	jnz .round
	cli
	cmp rax, rbx
	jne .wrong
	cmp rcx, rdx
	jne .wrong
	cmp rdi, r8
	jne .wrong
	cmp r9, r10
	jne .wrong
	cmp r11, r12
	jne .wrong
	jmp .computing
.wrong:
	mov eax, text_registers
	call bad
	jmp .computing

.polling:
	call look
	call finished
	jz done
	call ask_again
	jmp .polling

; ZF = all that is asked and all that is to be answered is done, or something is wrong
finished:
	cmp dword [wrong], 0
	jne .give_up
	xor ecx, ecx
.next:
	cmp ecx, [me]
	je .good
	mov eax, [asks]
	inc eax					; and the first, number 0
	cmp eax, 1
	je .not_asked
	cmp [answered + rcx * 4], eax
	jne .no
.not_asked:
	mov eax, [answers]
	cmp eax, 0
	je .good
	inc eax
	cmp [heard + rcx * 4], eax
	jne .no
.good:
	inc ecx
	cmp ecx, [machines]
	jb .next
.give_up:
	xor eax, eax
.no:
	ret

done:
	rdtsc
	shl rdx, 32
	or rax, rdx
	sub rax, [begun]
	mov [ticks], rax
	SAY "LAN: SENT "
	mov eax, [sent]
	call putdec
	SAY ", RECEIVED "
	mov eax, [received]
	call putdec
	SAY ", BYTES "
	mov rax, [bytes]
	call putdec
	SAY ", INTERRUPTS "
	mov eax, [interrupts]
	call putdec
	SAY ", WRONG "
	mov eax, [wrong]
	call putdec
	mov ecx, [asks]
	jecxz .quiet
	SAY ", TICKS AN ANSWER "
	mov rax, [ticks]
	xor edx, edx
	mov ecx, [asks]
	div rcx
	call putdec
.quiet:
	SAY NL
	SAY "LAN: DONE", NL
	cmp dword [wrong], 0
	je .ret
	SAY "LAN: WRONG: "
	mov esi, [reason]
	call puts
	SAY NL
.ret:
	ret

; Card, APIC, timer.
start:
	mov r15d, APIC
	mov dword [r15 + APIC_SPURIOUS], 0x1FF
	mov qword [trap_handlers + CARD_VECTOR * 8], card_interrupt
	mov qword [trap_handlers + TIMER_VECTOR * 8], timer_interrupt
	mov esi, CARD_VECTOR
	call virtio_start
	mov ecx, ENTRIES
	xor eax, eax				; receives, interrupts
	xor edx, edx
	mov esi, receive_ring
	call virtio_queue
	mov eax, 1				; sends, does not
	mov edx, 0xFFFF
	mov esi, send_ring
	call virtio_queue
	movzx eax, word [rbx + QUEUE_NOTIFY]	; of the queue selected last
	imul eax, [multiplier]
	add [notify], rax
	add [notify_offset], eax
	mov edi, [window]			; its double word; before it BAR, offset, length
	mov eax, [notify_bar]
	sub edi, 12
	call pci_write
	mov eax, [notify_offset]
	add edi, 4
	call pci_write
	mov eax, 2
	add edi, 4
	call pci_write
	; all buffers of the one ring are offered
	xor ecx, ecx
	mov edi, receive_ring
	mov edx, receive_buffers
.buffer:
	mov [rdi], rdx
	mov dword [rdi + 8], BUFFER
	mov dword [rdi + 12], DESC_WRITE
	mov [receive_ring + 0x1004 + rcx * 2], cx
	add edi, 16
	add edx, BUFFER
	inc ecx
	cmp ecx, ENTRIES
	jb .buffer
	mov word [receive_ring + 0x1002], ENTRIES
	mov word [send_ring + 0x1000], NO_INTERRUPT
	mov byte [rbx + STATUS], 0x0F
	cmp dword [way], 3
	je .ret
	mov dword [r15 + APIC_DIVIDE], 0xB
	mov dword [r15 + APIC_TIMER], 0x20000 | TIMER_VECTOR
	mov dword [r15 + APIC_INITIAL], RESEND
.ret:
	ret

timer_interrupt:
	call save
	call ask_again
	jmp end_of_interrupt

card_interrupt:
	call save
	inc dword [interrupts]
	call look
end_of_interrupt:
	mov dword [r15 + APIC_EOI], 0		; R15 = APIC from start on
	mov rbx, [saved]
	mov rbp, [saved + 8]
	mov r12, [saved + 16]
	mov r13, [saved + 24]
	mov r14, [saved + 32]
	ret

; what the library's handler does not keep; interrupts are off, so there is one at a time
save:
	mov [saved], rbx
	mov [saved + 8], rbp
	mov [saved + 16], r12
	mov [saved + 24], r13
	mov [saved + 32], r14
	ret

; Whoever has not answered the first question may not have been there yet.
ask_again:
	rdtsc
	mov ecx, eax
	sub eax, [asked_at]
	cmp eax, RESEND
	jb .ret
	mov [asked_at], ecx
	cmp dword [asks], 0
	je .ret
	xor ebp, ebp
.next:
	cmp ebp, [me]
	je .other
	cmp dword [answered + rbp * 4], 0
	jne .other
	mov r13d, ASK
	mov r12d, ebp
	xor r14d, r14d
	call send
.other:
	inc ebp
	cmp ebp, [machines]
	jb .next
.ret:
	ret

; All that has been received: EBP counts what is used.
look:
	mov ebp, [looked]
.next:
	cmp bp, [receive_ring + 0x2002]
	je .end
	mov eax, ebp
	and eax, ENTRIES - 1
	mov ebx, [receive_ring + 0x2004 + rax * 8]	; descriptor
	mov ecx, [receive_ring + 0x2008 + rax * 8]	; bytes
	push rbp
	push rbx
	imul ebx, ebx, BUFFER
	lea ebx, [rbx + receive_buffers + HEADER]
	sub ecx, HEADER
	call hear
	pop rbx
	pop rbp
	movzx eax, word [receive_ring + 0x1002]	; offered anew
	and eax, ENTRIES - 1
	mov [receive_ring + 0x1004 + rax * 2], bx
	inc word [receive_ring + 0x1002]
	inc ebp
	jmp .next
.end:
	mov [looked], ebp
	ret

%macro WRONG_IF 2
	j%-1 %%good
	mov eax, %%text
	jmp bad
[section .data]
%%text:	db %2, 0
	__?SECT?__
%%good:
%endmacro

bad:
	inc dword [wrong]
	mov [reason], eax
	ret

; The frame at RBX has ECX bytes.
hear:
	inc dword [received]
	mov eax, ecx
	add [bytes], rax
	cmp word [rbx + FRAME.type], ETHERTYPE
	WRONG_IF ne, "TYPE"
	movzx eax, byte [rbx + FRAME.receiver]
	cmp eax, [me]
	je .for_us
	ret					; flooded: the switch did not know yet
.for_us:
	movzx eax, word [rbx + FRAME.length]
	cmp eax, ecx
	WRONG_IF ne, "LENGTH"
	movzx r12d, byte [rbx + FRAME.sender]
	cmp r12d, [machines]
	WRONG_IF ae, "SENDER"
	cmp [rbx + FRAME.from + 5], r12b
	WRONG_IF ne, "ADDRESS"
	movzx r13d, byte [rbx + FRAME.kind]
	mov r14d, [rbx + FRAME.number]
	; what its sender must have written
	mov eax, r12d
	mov edx, [me]
	call seed
	call length_of
	cmp edx, ecx
	WRONG_IF ne, "LENGTH FOR THIS NUMBER"
	sub ecx, FRAME.text
	lea rdi, [rbx + FRAME.text]
.byte:
	imul eax, eax, 1664525
	add eax, 1013904223
	mov edx, eax
	shr edx, 24
	cmp [rdi], dl
	WRONG_IF ne, "TEXT"
	inc rdi
	dec ecx
	jnz .byte
	cmp r13d, ASK
	je .ask
	; an answer: the next, or the first once more
	mov eax, [answered + r12 * 4]
	test r14d, r14d
	jnz .in_order
	test eax, eax
	jz .in_order
	ret
.in_order:
	cmp r14d, eax
	WRONG_IF ne, "ORDER OF ANSWERS"
	inc dword [answered + r12 * 4]
	mov ebp, 1
	test r14d, r14d
	jnz .more
	cmp dword [way], 2
	jae .more
	mov ebp, WINDOW				; the first: now as many as may be under way
.more:
	mov r14d, [asked + r12 * 4]
	cmp r14d, [asks]
	jae .ret
	inc r14d
	mov [asked + r12 * 4], r14d
	mov r13d, ASK
	call send
	dec ebp
	jnz .more
.ret:
	ret
.ask:
	mov eax, [heard + r12 * 4]
	test r14d, r14d
	jnz .ask_in_order
	cmp eax, 1
	WRONG_IF a, "FIRST QUESTION AFTER OTHERS"
	xor eax, eax
.ask_in_order:
	cmp r14d, eax
	WRONG_IF ne, "ORDER OF QUESTIONS"
	inc eax
	mov [heard + r12 * 4], eax
	mov r13d, ANSWER
	jmp send

; EAX = the beginning of the text of kind R13D, number R14D, from EAX to EDX
seed:
	shl eax, 8
	or eax, edx
	shl eax, 8
	or eax, r13d
	imul eax, eax, 0x9E3779B1 - (1 << 32)
	add eax, r14d
	imul eax, eax, 0x85EBCA6B - (1 << 32)
	mov edx, eax
	shr edx, 15
	xor eax, edx
	ret

; EDX = the length of such a frame; changes no other
length_of:
	push rax
	push rcx
	shr eax, 4
	xor edx, edx
	mov ecx, MOST - LEAST + 1
	div ecx
	add edx, LEAST
	pop rcx
	pop rax
	ret

; Sends kind R13D, number R14D to machine R12D; keeps R12 to R14, RBX, RBP
send:
	push rbx
	push rbp
	mov ebx, [sent]
	inc dword [sent]
.room:
	mov eax, ebx
	sub ax, [send_ring + 0x2002]
	cmp ax, ENTRIES
	jae .room
	mov ebp, ebx
	and ebp, ENTRIES - 1
	imul edi, ebp, BUFFER
	add edi, send_buffers
	mov r8d, edi
	xor eax, eax
	mov [rdi], rax
	mov [rdi + 8], eax
	add edi, HEADER
	mov dword [rdi + FRAME.to], 2		; 02:00:00:00:00:number
	mov [rdi + FRAME.to + 4], ax
	mov [rdi + FRAME.to + 5], r12b
	mov dword [rdi + FRAME.from], 2
	mov [rdi + FRAME.from + 4], ax
	mov eax, [me]
	mov [rdi + FRAME.from + 5], al
	mov word [rdi + FRAME.type], ETHERTYPE
	mov [rdi + FRAME.kind], r13b
	mov [rdi + FRAME.sender], al
	mov [rdi + FRAME.receiver], r12b
	mov [rdi + FRAME.number], r14d
	mov edx, r12d
	call seed
	call length_of
	mov [rdi + FRAME.length], dx
	mov ecx, edx
	sub ecx, FRAME.text
	lea esi, [rdx + HEADER]
	add edi, FRAME.text
.byte:
	imul eax, eax, 1664525
	add eax, 1013904223
	mov edx, eax
	shr edx, 24
	mov [rdi], dl
	inc edi
	dec ecx
	jnz .byte
	mov ecx, ebp
	shl ecx, 4
	mov [send_ring + rcx], r8
	mov [send_ring + rcx + 8], esi
	mov dword [send_ring + rcx + 12], 0
	mov [send_ring + 0x1004 + rbp * 2], bp
	lea eax, [rbx + 1]
	mov [send_ring + 0x1002], ax
	; the card is told, in turns by a plain move, by an instruction that has to be worked out, and by ports
	mov rdi, [notify]
	mov eax, 1
	test bl, 2
	jnz .by_ports
	test bl, 1
	jnz .odd
	mov [rdi], ax
	jmp .told
.odd:
	stosw
	jmp .told
.by_ports:
	mov edi, [window]
	call pci_write
.told:
	pop rbp
	pop rbx
	ret

section .data
text_registers	db "REGISTERS", 0
align 4, db 0
words:
me		dd 0
machines	dd 1
asks		dd 0
answers		dd 0
way		dd 0
words_end:

section .bss
alignb 8
begun		resq 1
ticks		resq 1
bytes		resq 1
saved		resq 5
reason		resd 1
sent		resd 1
received	resd 1
interrupts	resd 1
wrong		resd 1
looked		resd 1
asked_at	resd 1
asked		resd MACHINES
answered	resd MACHINES
heard		resd MACHINES
alignb 4096
receive_ring	resb 3 * 4096
send_ring	resb 3 * 4096
receive_buffers	resb ENTRIES * BUFFER
send_buffers	resb ENTRIES * BUFFER
section .text

GUEST_END
