; DISKBENCH: what requests to a virtio disk cost: traps for each small one, as CP counts them, and the speed of large ones.
; Part in the monitor: a guest; layout as in "Virtual I/O Device (VIRTIO) Version 1.1", modern PCI transport with MSI-X.

%define GUEST_NAME "DISKBENCH"
%include "lib/guest.inc"
%include "lib/pci.inc"
%include "lib/virtio.inc"

REQUESTS	equ 1000			; small ones, for each way of waiting
SMALL		equ 4096
LARGE		equ 0x40000
SECTOR		equ 512

ENTRIES		equ 16				; of the queue

APIC		equ 0xFEE00000
APIC_EOI	equ 0xB0
APIC_SPURIOUS	equ 0xF0
VECTOR		equ 0x50

main:
	SAY "BENCH begin", NL
	mov ax, 0xFFFF				; no line of the 8259s may interrupt
	call pic_init
	mov r14d, 0x10421AF4			; the block device
	call virtio_find
	test eax, eax
	jz .none
	call start
	call small_requests
	call large_requests
	SAY "BENCH done", NL
	ret
.none:
	SAY "BENCH no virtio disk with MSI-X", NL
	ret

; Device, one queue, and one MSI-X vector to the local APIC.
start:
	mov eax, disk_interrupt
	mov edi, idt + VECTOR * 16
	mov [rdi], ax
	shr eax, 16
	mov [rdi + 6], ax
	mov r15d, APIC
	mov dword [r15 + APIC_SPURIOUS], 0x1FF

	mov esi, VECTOR
	call virtio_start
	xor eax, eax
	mov ecx, ENTRIES
	xor edx, edx
	mov esi, descriptors
	call virtio_queue
	movzx eax, word [rbx + QUEUE_NOTIFY]
	imul eax, [multiplier]
	add [notify], rax
	mov byte [rbx + STATUS], 0x0F
	mov rdi, [device]
	mov eax, [rdi]				; capacity
	mov [sectors], eax

	; one request: header, data, status
	mov edi, descriptors
	mov qword [rdi], header
	mov dword [rdi + 8], 16
	mov dword [rdi + 12], DESC_NEXT | 1 << 16
	mov qword [rdi + 16], storage_end
	mov dword [rdi + 24], SMALL
	mov dword [rdi + 28], DESC_NEXT | DESC_WRITE | 2 << 16
	mov qword [rdi + 32], result
	mov dword [rdi + 40], 1
	mov dword [rdi + 44], DESC_WRITE
	ret

disk_interrupt:
	inc dword [interrupts]
	mov dword [r15 + APIC_EOI], 0		; R15 = APIC from start on
	iretq

; Offers the request again and tells the device, with interrupts off as a driver that holds a lock; R14W = the used index that says that it is done.
%macro OFFER 0
	mov byte [result], 0xFF
	inc r14w
	cli
	mov [available + 2], r14w		; entry after entry of the ring names descriptor 0
	mov word [r12], 0
%endmacro

; The next SMALL bytes of the disk, from the beginning again behind its end.
%macro ADVANCE 0
	mov eax, [header + 8]
	add eax, SMALL / SECTOR
	lea edx, [rax + SMALL / SECTOR]
	cmp edx, [sectors]
	jbe %%inside
	xor eax, eax
%%inside:
	mov [header + 8], eax
%endmacro

%macro FINISHED 0
	cmp byte [result], 0
	jne wrong
%endmacro

; COUNT key, {statements}: REQUESTS of them; traps and ticks of all.
%macro COUNT 2
	call traps
	mov [traps_before], rsi
	mov dword [interrupts], 0
	call now
	mov [ticks_before], rax
	mov ebp, REQUESTS
%%request:
	OFFER
	%2
	FINISHED
	ADVANCE
	dec ebp
	jnz %%request
	call now
	sub rax, [ticks_before]
	mov [ticks], rax
	call traps
	dec rsi					; this question
	sub rsi, [traps_before]
	mov [traps_taken], rsi
	SAY "BENCH ", %1, "_traps="
	mov rax, [traps_taken]
	call putdec
	SAY NL, "BENCH ", %1, "_interrupts="
	mov eax, [interrupts]
	call putdec
	SAY NL, "BENCH ", %1, "_ticks="
	mov rax, [ticks]
	xor edx, edx
	mov ecx, REQUESTS
	div rcx
	call putdec
	SAY NL
%endmacro

small_requests:
	mov r12, [notify]
	xor r14d, r14d
	SAY "BENCH blk_requests="
	mov eax, REQUESTS
	call putdec
	SAY NL
	; as an operating system does it: what has come by the time it is looked for needs no HLT
	COUNT "blk", {call wait_as_needed}
	; HLT for each request, whatever has come meanwhile
	COUNT "blk_hlt", {call wait_always}
	; as before, by MSI in the place of MSI-X
	call use_msi
	COUNT "blk_msi", {call wait_always}
	mov word [available], NO_INTERRUPT
	COUNT "blk_poll", {call poll}
	ret

use_msi:
	mov edi, [msix]
	call pci_read
	and eax, 0x7FFFFFFF
	call pci_write
	mov edi, [msi]
	add edi, 4
	mov eax, APIC
	call pci_write
	add edi, 4
	xor eax, eax
	call pci_write
	add edi, 4
	mov eax, VECTOR
	call pci_write
	mov edi, [msi]
	call pci_read
	or eax, 1 << 16
	jmp pci_write

wait_as_needed:
	cli
.look:
	cmp [used + 2], r14w
	je .done
	sti
	hlt
	cli
	jmp .look
.done:
	sti
	nop
	ret

; The interrupt is let in only by the STI before the HLT: interrupts are off when the device is told.
wait_always:
	sti
	hlt
	cli
	cmp [used + 2], r14w
	jne wait_always
	ret

poll:
	cmp [used + 2], r14w
	jne poll
	ret

; The whole disk in large requests without interrupts; then as much from storage to storage.
large_requests:
	mov dword [descriptors + 24], LARGE
	mov dword [header + 8], 0
	xor r13d, r13d				; bytes
	call now
	mov [ticks_before], rax
.request:
	mov eax, [header + 8]
	add eax, LARGE / SECTOR
	cmp eax, [sectors]
	ja .read
	OFFER
	call poll
	FINISHED
	add dword [header + 8], LARGE / SECTOR
	add r13d, LARGE
	jmp .request
.read:
	call now
	sub rax, [ticks_before]
	mov [ticks], rax
	call now
	mov [ticks_before], rax
	xor ebp, ebp
.copy:
	mov esi, storage_end
	mov edi, storage_end + LARGE
	mov ecx, LARGE / 8
	rep movsq
	add ebp, LARGE
	cmp ebp, r13d
	jb .copy
	call now
	sub rax, [ticks_before]
	mov [copy_ticks], rax
	SAY "BENCH blk_read_bytes="
	mov eax, r13d
	call putdec
	SAY NL, "BENCH blk_read_ticks="
	mov rax, [ticks]
	call putdec
	SAY NL, "BENCH blk_copy_ticks="
	mov rax, [copy_ticks]
	call putdec
	SAY NL
	ret

wrong:
	SAY "BENCH a request failed", NL
	cli
	hlt
	jmp power_off

; RAX = the time stamp counter; keeps RDX
now:
	push rdx
	rdtsc
	shl rdx, 32
	or rax, rdx
	pop rdx
	ret

; RSI = traps of this machine so far, this one included: DIAGNOSE C
traps:
	push rax
	push rbx
	push rcx
	push rdx
	mov eax, 0x0C
	vmcall
	pop rdx
	pop rcx
	pop rbx
	pop rax
	ret

section .bss
alignb 8
traps_before	resq 1
traps_taken	resq 1
ticks_before	resq 1
ticks		resq 1
copy_ticks	resq 1
sectors		resd 1
interrupts	resd 1
header		resq 2
result		resb 1
; as virtio_queue has them
alignb 4096
descriptors	resb 16 * ENTRIES
alignb 4096
available	resb 8 + 2 * ENTRIES
alignb 4096
used		resb 8 + 8 * ENTRIES
section .text

GUEST_END
