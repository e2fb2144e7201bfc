; FUZZFWCFG: asks QEMU's firmware configuration device for everything, also by DMA at and beyond the end of storage.
; Part in the monitor: a hostile guest; what the device moves must stay within this guest's storage.

%define GUEST_NAME "FUZZFWCFG"
%include "lib/guest.inc"
%include "lib/random.inc"

SELECTOR	equ 0x510
DATA		equ 0x511
DMA_HIGH	equ 0x514
DMA_LOW		equ 0x518
SELECTORS	equ 100
TRANSFERS	equ 1000
CANARIES	equ 4096

main:
	mov edi, canary
	mov ecx, CANARIES / 4
	mov eax, 0x0CA0A21E
	rep stosd
	xor ecx, ecx
	mov edx, SELECTOR
	mov ax, cx
	out dx, ax
	mov ecx, 4
	xor ebx, ebx
	mov edx, DATA
.signature:
	in al, dx
	shl ebx, 8
	mov bl, al
	loop .signature
	cmp ebx, "UMEQ"				; "QEMU", the first byte last
	je .there
	SAY "FUZZFWCFG: NO SUCH DEVICE", NL
.there:
	call by_port
	SAY "FUZZFWCFG: BY PORT DONE", NL
	mov r14d, TRANSFERS
.transfer:
	call by_dma
	dec r14d
	jnz .transfer
	SAY "FUZZFWCFG: BY DMA DONE: GOOD "
	mov eax, [good]
	call putdec
	SAY ", WITH ERROR "
	mov eax, [bad]
	call putdec
	SAY ", UNANSWERED "
	mov eax, [unanswered]
	call putdec
	SAY NL
	; As long as a length can be, from the free storage on: must fail or end, and must not take for ever.
	mov rdi, storage_end + 64
	mov dword [rdi], 0x0A000000		; select item 0 and read it
	mov dword [rdi + 4], -1
	mov rax, storage_end + 4096
	bswap rax
	mov [rdi + 8], rax
	mov r12, rdi
	call by_dma.start
	SAY "FUZZFWCFG: FOUR GIB AT ONCE DONE", NL
	mov edi, canary
	mov ecx, CANARIES / 4
	mov eax, 0x0CA0A21E
	repe scasd
	jne .canary
	SAY "FUZZFWCFG: SURVIVED", NL
	ret
.canary:
	SAY "FUZZFWCFG: WRONG: STORAGE CHANGED THAT NO TRANSFER NAMED", NL
	ret

; Selectors, known and unknown, each read past its end, in every width; writes too.
by_port:
	mov r14d, SELECTORS
.next:
	call any_selector
	mov edx, SELECTOR
	out dx, ax
	call random
	movzx ecx, ax
	and ecx, 0x7FF
	mov edx, DATA
.read:
	in al, dx
	loop .read
	in ax, dx
	in eax, dx
	call random_value
	out dx, al
	out dx, ax
	out dx, eax
	mov edx, SELECTOR
	in ax, dx
	inc edx
	mov edi, scratch
	and edi, -16
	mov ecx, 64
	rep insb
	mov esi, edi
	mov ecx, 16
	rep outsb
	mov edx, DMA_HIGH
	in eax, dx
	mov edx, DMA_LOW
	in eax, dx
	dec r14d
	jnz .next
	ret

; AX = a selector: mostly one that may be there
any_selector:
	call random
	mov ecx, eax
	shr ecx, 16
	test cl, 7
	jz .end
	and eax, 0x3F
.end:
	ret

; One transfer: a descriptor somewhere, sometimes where no storage is; three big-endian fields.
by_dma:
	call random
	mov rdi, storage_end + 64
	test al, 15
	jnz .place
	call any_address
	mov rcx, rax
	shr rcx, 20
	cmp rcx, 0xFFF				; a BIOS is there: its code as descriptor would aim at this guest
	je .place
	mov rdi, rax
.place:
	mov r12, rdi
	; Only what is wholly in storage can be filled in.
	mov rcx, [storage_bound]
	sub rcx, 16
	cmp rdi, rcx
	ja .start
	mov rcx, storage_end
	cmp rdi, rcx
	jb .start
	call any_selector
	shl eax, 16
	mov ecx, eax
	call random
	and eax, 0x1F				; error, read, skip, select, write
	or ecx, eax
	bswap ecx
	mov [rdi], ecx
	call any_address
	bswap rax
	mov [rdi + 8], rax
	call any_length
	bswap eax
	mov [rdi + 4], eax
.start:
	mov rax, r12
	shr rax, 32
	bswap eax
	mov edx, DMA_HIGH
	out dx, eax
	mov eax, r12d
	bswap eax
	mov edx, DMA_LOW
	out dx, eax
	cmp r12, storage_end + 64
	jne .end
	mov eax, [r12]
	bswap eax
	test eax, 1
	jnz .error
	test eax, eax
	jnz .unanswered
	inc dword [good]
	ret
.error:
	inc dword [bad]
	ret
.unanswered:
	inc dword [unanswered]
.end:
	ret

; EAX = none, short, up to 64 KiB
any_length:
	call random
	mov ecx, eax
	shr eax, 16
	test cl, 3
	jz .end
	and eax, 0xFF
.end:
	ret

; RAX = an address: in the free storage above this guest, about its end, beyond it, about 4 GiB, about the last one.
; Never below: what is written to this guest's own code it has to bear itself.
any_address:
	call random
	movzx ecx, al
	shr rax, 8
	and ecx, 7
	jz .any_high
	cmp ecx, 1
	je .last
	cmp ecx, 2
	je .four
	cmp ecx, 4
	jbe .end_of_storage
	and eax, 0xFFFF
	add rax, storage_end + 4096
	ret
.end_of_storage:
	and eax, 0x1FF
	add rax, [storage_bound]
	sub rax, 0x100
	ret
.four:
	movzx eax, ax
	mov rcx, (1 << 32) - 0x8000
	add rax, rcx
	ret
.last:
	movzx eax, al
	or eax, 1
	neg rax
	ret
.any_high:
	bts rax, 40
	ret

section .bss
alignb 16
good		resd 1
bad		resd 1
unanswered	resd 1
alignb 4096
canary		resb CANARIES
scratch		resb 256
section .text

GUEST_END
