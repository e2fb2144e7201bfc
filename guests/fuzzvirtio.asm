; FUZZVIRTIO: rings with loops, wild addresses and wild lengths for every virtio device, which must stay within storage.
; Part in the monitor: a hostile guest; layout as in "Virtual I/O Device (VIRTIO) Version 1.1", modern PCI transport.

%define GUEST_NAME "FUZZVIRTIO"
%include "lib/guest.inc"
%include "lib/random.inc"
%include "lib/pci.inc"
%include "lib/virtio.inc"

ROUNDS		equ 300				; for each device
CANARIES	equ 4096
CANARY		equ 0x0CA0A21E
SCRATCH		equ 0x100000			; bytes of free storage that descriptors may name

main:
	mov edi, canary
	mov ecx, CANARIES / 4
	mov eax, CANARY
	rep stosd
	xor r15d, r15d				; devices found
	xor ebp, ebp				; function
.function:
	mov edi, ebp
	shl edi, 8
	call pci_read
	cmp ax, 0x1AF4
	jne .next
	call virtio_find_parts
	cmp qword [registers], 0
	je .next
	inc r15d
	mov dword [used_count], 0
	mov dword [reset_count], 0
	SAY "FUZZVIRTIO: DEVICE "
	mov edi, ebp
	shl edi, 8
	call pci_read
	shr eax, 16
	call puthex16
	mov r14d, ROUNDS
.round:
	call round
	dec r14d
	jnz .round
	mov rbx, [registers]
	mov byte [rbx + STATUS], 0
	SAY ", USED "
	mov eax, [used_count]
	call putdec
	SAY ", NEEDED RESET "
	mov eax, [reset_count]
	call putdec
	SAY NL
	mov edi, canary
	mov ecx, CANARIES / 4
	mov eax, CANARY
	repe scasd
	jne .canary
.next:
	inc ebp
	cmp ebp, PCI_FUNCTIONS
	jb .function
	SAY "FUZZVIRTIO: DEVICES "
	mov eax, r15d
	call putdec
	SAY NL, "FUZZVIRTIO: SURVIVED", NL
	ret
.canary:
	SAY "FUZZVIRTIO: WRONG: STORAGE CHANGED THAT NO DESCRIPTOR NAMED", NL
	ret

; Starts the device as its driver would, but for what the rings hold; tells it of them; puts it back.
round:
	call random
	and eax, 1
	mov [mild], al
	mov rbx, [registers]
	mov byte [rbx + STATUS], 0
	mov ecx, 1000
.reset:
	cmp byte [rbx + STATUS], 0
	je .is_reset
	loop .reset
.is_reset:
	mov byte [rbx + STATUS], 3		; acknowledged, driver
	mov dword [rbx + FEATURE_SELECT], 0
	call random
	test al, 3
	jnz .some_features
	mov eax, -1				; whatever there is or is not
.some_features:
	and eax, 0x30FFFFFF
	mov [rbx + FEATURE], eax
	mov dword [rbx + FEATURE_SELECT], 1
	mov dword [rbx + FEATURE], 1		; version 1
	mov byte [rbx + STATUS], 0x0B
	test byte [rbx + STATUS], 8
	jnz .features
	mov dword [rbx + FEATURE_SELECT], 0	; refused, as it may: then none
	mov dword [rbx + FEATURE], 0
	mov byte [rbx + STATUS], 0x0B
.features:
	movzx ecx, word [rbx + QUEUE_COUNT]
	inc ecx					; one that does not exist as well
	cmp ecx, 4
	jbe .queues
	mov ecx, 4
.queues:
	xor r12d, r12d
.queue:
	mov [rbx + QUEUE_SELECT], r12w
	call set_up
	inc r12d
	cmp r12d, ecx
	jb .queue
	mov byte [rbx + STATUS], 0x0F
	mov r13d, 4
.notify:
	push rcx
	call random_below
	mov r12d, eax
	call random_index
	mov [rbx + QUEUE_SELECT], r12w
	movzx eax, word [rbx + QUEUE_NOTIFY]
	imul eax, [multiplier]
	and eax, 0xFFFF
	add rax, [notify]
	and rax, -2
	mov rdi, rax
	mov eax, r12d
	TRY mov [rdi], ax
	pop rcx
	dec r13d
	jnz .notify
	; A device that works on after the write shall have the time for it.
	mov ecx, 200
.wait:
	in al, 0x80
	loop .wait
	mov rdi, storage_end + 0x2000
	movzx eax, word [rdi + 2]
	add [used_count], eax
	test byte [rbx + STATUS], 0x40
	jz .no_reset
	inc dword [reset_count]
.no_reset:
	mov byte [rbx + STATUS], 0
	ret

; The rings lie in the free storage; all of what they hold is random. One time in 16 they lie anywhere themselves.
set_up:
	push rcx
	movzx eax, word [rbx + QUEUE_SIZE]
	mov r8d, eax
	call random
	test al, 7
	jnz .size
	mov ecx, eax
	shr ecx, 8
	mov [rbx + QUEUE_SIZE], cx		; no power of two, too large, none
	jmp .sized
.size:
	cmp r8d, 64
	jbe .sized
	mov word [rbx + QUEUE_SIZE], 64
.sized:
	; descriptors
	mov rdi, storage_end
	mov r9d, 128
.descriptor:
	call any_address
	mov [rdi], rax
	call random_length
	mov [rdi + 8], eax
	call random
	mov ecx, eax
	and eax, 3				; next, write
	test ecx, 0xF0000000
	jnz .direct
	or eax, 4				; indirect
.direct:
	; Every other round is such that a device does something before it meets what is wrong.
	cmp byte [mild], 0
	je .wild
	and dword [rdi], SCRATCH - 1
	mov dword [rdi + 4], 0
	add qword [rdi], storage_end + 0x3000
	and dword [rdi + 8], 0x1FFF
	or dword [rdi + 8], 1
	test ecx, 0x0C000000
	jz .wild
	and eax, 2
.wild:
	mov [rdi + 12], ax
	shr ecx, 8
	and ecx, 0x3F
	test ecx, 0x20
	jz .link
	rol ecx, 9				; beyond the table
.link:
	mov [rdi + 14], cx
	add rdi, 16
	dec r9d
	jnz .descriptor
	; what is offered
	mov rdi, storage_end + 0x1000
	mov r9d, 0x400
.offer:
	call random
	and eax, 0x003F003F
	stosd
	dec r9d
	jnz .offer
	mov rdi, storage_end + 0x1000
	mov dword [rdi], 0			; none offered yet
	; used ring
	mov rdi, storage_end + 0x2000
	mov ecx, 0x400
	xor eax, eax
	rep stosd

	mov rsi, storage_end
	lea rdi, [rbx + QUEUE_TABLE]
	call set_address
	add rsi, 0x1000
	lea rdi, [rbx + QUEUE_AVAILABLE]
	call set_address
	add rsi, 0x1000
	lea rdi, [rbx + QUEUE_USED]
	call set_address
	mov word [rbx + QUEUE_VECTOR], -1
	mov word [rbx + QUEUE_ENABLE], 1
	pop rcx
	ret

; Writes RSI, or now and then any address, into the 64-bit register at RDI.
set_address:
	call random
	test al, 15
	mov rax, rsi
	jnz .plain
	call any_address
.plain:
	mov [rdi], eax
	shr rax, 32
	mov [rdi + 4], eax
	ret

; A new index of what is offered: a step, or a leap.
random_index:
	push rcx
	call random
	mov ecx, eax
	and eax, 0x0F
	test ecx, 0x700
	jnz .step
	mov eax, ecx
	shr eax, 16
.step:
	add [storage_end + 0x1002], ax
	pop rcx
	ret

; EAX = as requests have them, none, or longer than any storage
random_length:
	push rcx
	call random
	mov ecx, eax
	shr ecx, 24
	and eax, 0xFFF
	cmp ecx, 16
	ja .end
	and ecx, 3
	mov eax, [lengths + rcx * 4]
.end:
	pop rcx
	ret

; RAX = an address: in the free storage, about its end, beyond, about 4 GiB, the last ones, a device's. Never below
; storage_end: what is written to this guest's own code it has to bear itself.
any_address:
	push rcx
	call random
	movzx ecx, al
	shr rax, 8
	cmp ecx, 160
	jb .scratch
	and ecx, 7
	jz .any_high
	cmp ecx, 1
	je .last
	cmp ecx, 2
	je .four
	cmp ecx, 3
	je .device
	and eax, 0x1FFF
	add rax, [storage_bound]
	sub rax, 0x1000
	jmp .end
.scratch:
	and eax, SCRATCH - 1
	add rax, storage_end + 0x3000
	jmp .end
.four:
	movzx eax, ax
	mov rcx, (1 << 32) - 0x8000
	add rax, rcx
	jmp .end
.device:
	and eax, 0xFF
	or eax, 0xFED00000
	jmp .end
.last:
	movzx eax, al
	or eax, 1
	neg rax
	jmp .end
.any_high:
	bts rax, 44
.end:
	pop rcx
	ret

section .data
align 4, db 0
lengths	dd 0, 0xFFFFFFFF, 0x80000000, 0x00400000
section .bss
alignb 4
used_count	resd 1
reset_count	resd 1
mild		resb 1
alignb 4096
canary		resb CANARIES
section .text

GUEST_END
