; BOUNDS: uses its storage to the last byte, touches what lies beyond, and at last goes there.
; Part in the monitor: a guest; it shows the bound b of R = (l, b) and the memory trap.
;
; The answer expected is a PC's own for an address where no storage is: reads give ones, writes go
; nowhere. Only MOV is used there, as any program that looks for storage does.

%define GUEST_NAME "BOUNDS"
%define GUEST_PROTECTED_FIRST
%include "lib/guest.inc"
%include "lib/window.inc"

PATTERN		equ 0x5A3C6996
NOWHERE32	equ 0xD0000000		; storage here needs more than 3.25 GiB; below what a PC has for its devices

bits 32
protected_main:
	call learn_bound
	SAY32 "BOUNDS: PROTECTED MODE, STORAGE B = "
	mov eax, ebx
	call p32_puthex
	SAY32 NL

	call fill
	call verify
	SAY32 "BOUNDS: WROTE AND READ "
	mov eax, ebx
	sub eax, storage_end
	call p32_puthex
	SAY32 " BYTES UP TO "
	lea eax, [ebx - 1]
	call p32_puthex
	call tell_verdict

	; the last page, the last word, the last byte
	lea edi, [ebx - 4096]
	call own_word
	lea edi, [ebx - 4]
	call own_word
	lea edi, [ebx - 1]
	mov byte [edi], 0xA5
	movzx eax, byte [edi]
	cmp al, 0xA5
	call own_result

	; at the bound and beyond it: words, a word out of line, half a word, a byte
	mov edi, ebx
	call beyond_read
	lea edi, [ebx + 1]
	call beyond_read
	lea edi, [ebx + 4096]
	call beyond_read
	mov edi, NOWHERE32
	call beyond_read
	SAY32 "BOUNDS: BYTE AT "
	lea edi, [ebx + 3]
	mov eax, edi
	call p32_puthex
	mov dl, [edi]
	SAY32 " GAVE "
	mov al, dl
	call p32_puthex8
	movsx eax, dl
	call beyond_result
	call straddle

	; writes
	mov edi, ebx
	call beyond_write
	mov edi, NOWHERE32
	call beyond_write
	lea edi, [ebx + 2]
	mov byte [edi], 0x55
	lea edi, [ebx]
	call beyond_read
	ret

; EBX = b. Firmware may keep the top of the storage for itself and leave it out of its map; the
; size in the clock's storage then tells the true bound, and is believed if it is a little above
; the map's.
learn_bound:
	mov ebx, [storage_bound]
	mov al, 0x35			; storage above 16 MiB in units of 64 KiB
	call cmos
	mov ah, al
	mov al, 0x34
	call cmos
	movzx ecx, ax
	shl ecx, 16
	jz .small
	add ecx, 16 << 20
	jmp .compare
.small:
	mov al, 0x31			; storage above 1 MiB in KiB
	call cmos
	mov ah, al
	mov al, 0x30
	call cmos
	movzx ecx, ax
	shl ecx, 10
	add ecx, 1 << 20
.compare:
	mov eax, ecx
	sub eax, ebx
	cmp eax, 1 << 20
	ja .known
	mov ebx, ecx
.known:
	mov [storage_bound], ebx
	ret

cmos:
	out 0x70, al
	in al, 0x71
	ret

; every word from the end of this guest's own up to b holds a value made of its address
fill:
	mov edi, storage_end
.word:
	mov eax, edi
	xor eax, PATTERN
	mov [edi], eax
	add edi, 4
	cmp edi, ebx
	jb .word
	ret

; EDX = how many words below the last page do not
verify:
	mov edi, storage_end
	lea ecx, [ebx - 4096]
	xor edx, edx
.word:
	mov eax, edi
	xor eax, PATTERN
	cmp [edi], eax
	je .next
	inc edx
.next:
	add edi, 4
	cmp edi, ecx
	jb .word
	ret

tell_verdict:
	test edx, edx
	jnz .wrong
	SAY32 ": ALL RIGHT", NL
	ret
.wrong:
	SAY32 ": WRONG WORDS "
	mov eax, edx
	call p32_putdec
	SAY32 NL
	inc dword [wrong]
	ret

; writes and reads the word at EDI, which is storage
own_word:
	mov dword [edi], PATTERN
	mov eax, [edi]
	cmp eax, PATTERN
own_result:				; flags: equal if right
	pushf
	SAY32 "BOUNDS: STORAGE AT "
	mov eax, edi
	call p32_puthex
	popf
	jne .wrong
	SAY32 ": HOLDS WHAT WAS WRITTEN", NL
	ret
.wrong:
	SAY32 ": WRONG, DOES NOT HOLD WHAT WAS WRITTEN", NL
	inc dword [wrong]
	ret

beyond_read:
	mov edx, [edi]
	SAY32 "BOUNDS: READ AT "
	mov eax, edi
	call p32_puthex
	SAY32 " GAVE "
	mov eax, edx
	call p32_puthex
beyond_result:				; EAX: all ones if right
	inc dword [beyond]
	cmp eax, -1
	jne .wrong
	SAY32 ": MEMORY TRAP, NO STORAGE THERE", NL
	ret
.wrong:
	SAY32 ": WRONG, SOMETHING ANSWERS", NL
	inc dword [wrong]
	ret

beyond_write:
	mov dword [edi], PATTERN
	mov edx, [edi]
	inc dword [beyond]
	SAY32 "BOUNDS: WRITE AT "
	mov eax, edi
	call p32_puthex
	SAY32 " THEN READ GAVE "
	mov eax, edx
	call p32_puthex
	cmp eax, -1
	jne .wrong
	SAY32 ": MEMORY TRAP, THE WRITE WAS DROPPED", NL
	ret
.wrong:
	SAY32 ": WRONG, SOMETHING KEEPS IT", NL
	inc dword [wrong]
	ret

; one access half inside, half outside: the inside half is storage, the outside half is not
straddle:
	lea edi, [ebx - 2]
	mov word [edi], 0x1234
	mov edx, [edi]
	mov dword [edi], 0xBEEFCAFE
	movzx ecx, word [edi]
	add dword [beyond], 2
	SAY32 "BOUNDS: ACROSS B AT "
	mov eax, edi
	call p32_puthex
	SAY32 " READ "
	mov eax, edx
	call p32_puthex
	SAY32 ", WRITE KEPT "
	mov eax, ecx
	call p32_puthex16
	cmp edx, 0xFFFF1234
	jne .wrong
	cmp ecx, 0xCAFE
	jne .wrong
	SAY32 ": HALF STORAGE, HALF MEMORY TRAP", NL
	ret
.wrong:
	SAY32 ": WRONG", NL
	inc dword [wrong]
	ret

bits 64
main:
	; addresses that only paging can reach: 4 GiB, 4 GiB + b, the last word below 64 GiB, the
	; last of all
	SAY "BOUNDS: LONG MODE", NL
	mov r12, 1 << 32
	call far_read
	add r12, [storage_bound]
	call far_read
	mov r12, (1 << 36) - 8
	call far_read
	call physical_bits
	mov ecx, eax
	mov r12d, 1
	shl r12, cl
	sub r12, 8
	call far_read

	SAY "BOUNDS: STORAGE BELOW B AFTER ALL THAT"
	mov edi, storage_end
	mov rcx, [storage_bound]
	sub rcx, 4096
	xor edx, edx
.word:
	mov eax, edi
	xor eax, PATTERN
	cmp [rdi], eax
	je .next
	inc edx
.next:
	add edi, 4
	cmp rdi, rcx
	jb .word
	test edx, edx
	jz .intact
	SAY ": WRONG WORDS "
	mov eax, edx
	call putdec
	inc dword [wrong]
	jmp .count
.intact:
	SAY ": AS IT WAS"
.count:
	SAY NL, "BOUNDS: "
	mov eax, [beyond]
	call putdec
	SAY " ACCESSES AT B OR BEYOND, "
	mov eax, [wrong]
	call putdec
	SAY " WRONG", NL

	; data can be absent, an instruction cannot: nothing could be executed in its place
	SAY "BOUNDS: JUMPING TO "
	mov rax, [storage_bound]
	call puthex32
	SAY ", WHERE CP HAS TO STOP ME", NL
	mov rax, [storage_bound]
	jmp rax

; reads and writes the 8 bytes at the physical address R12
far_read:
	mov rax, r12
	call window_map
	mov rdi, rax
	mov rdx, [rdi]
	mov [rdi], r12
	mov rcx, [rdi]
	add dword [beyond], 2
	SAY "BOUNDS: READ AT "
	mov rax, r12
	call puthex
	SAY " GAVE "
	mov rax, rdx
	call puthex
	and rdx, rcx
	cmp rdx, -1
	jne .wrong
	SAY ": MEMORY TRAP, NO STORAGE THERE", NL
	ret
.wrong:
	SAY ": WRONG, SOMETHING ANSWERS", NL
	inc dword [wrong]
	ret

section .bss
beyond		resd 1
wrong		resd 1
section .text

GUEST_END
