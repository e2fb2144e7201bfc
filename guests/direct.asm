; DIRECT: every instruction of the vector maps with its operand in storage and in a device's memory; both must do the same.
; Part in the monitor: a guest; the interpreter has the processor execute them, with the operand moved (execute_direct.c).
;
; The device is the display's window with one plane, which is bytes like any others, but each access traps. Which instructions
; there are the processor says itself: those that are #UD are left out. What is compared: general and vector registers, flags,
; MXCSR, traps, and what stands in memory afterwards.

%define GUEST_NAME "DIRECT"
%include "lib/guest.inc"

WINDOW		equ 0xA0000
OPERAND		equ 64				; bytes at the operand
STATE		equ 1024			; bytes for FXSAVE or XSAVE of x87, SSE, AVX
REGISTERS	equ 16 * 8

%macro VGA 3					; port, index, value
	mov dx, %1
	mov ax, (%3) << 8 | (%2)
	out dx, ax
%endmacro

; ALLOW map, first, last
%macro ALLOW 3
	db %1, %2, %3
%endmacro

main:
	call display
	call state_init
	mov dword [form], 0
.form:
	cmp dword [avx], 0
	jne .known
	cmp dword [form], 8
	jae .end
.known:
	mov esi, allowed
.run:
	movzx ecx, byte [rsi + 1]
.opcode:
	mov [opcode], cl
	mov al, [rsi]
	mov [map], al
	push rsi
	push rcx
	call all_registers
	pop rcx
	pop rsi
	inc ecx
	movzx eax, byte [rsi + 2]
	cmp ecx, eax
	jbe .opcode
	add esi, 3
	cmp esi, allowed_end
	jb .run
	inc dword [form]
	cmp dword [form], 24
	jb .form
.end:
	SAY "DIRECT: "
	mov eax, [instructions]
	call putdec
	SAY " INSTRUCTIONS, "
	mov eax, [compared]
	call putdec
	SAY " COMPARED, "
	mov eax, [wrong]
	call putdec
	SAY " WRONG", NL
	ret

; One plane of 64 KiB at the window: no chain, no odd and even, write and read mode 0.
display:
	VGA 0x3C4, 2, 1
	VGA 0x3C4, 4, 6
	VGA 0x3CE, 0, 0
	VGA 0x3CE, 1, 0
	VGA 0x3CE, 3, 0
	VGA 0x3CE, 4, 0
	VGA 0x3CE, 5, 0
	VGA 0x3CE, 6, 5
	VGA 0x3CE, 8, 0xFF
	ret

state_init:
	mov rax, cr4
	or eax, 0x600				; OSFXSR, OSXMMEXCPT
	mov cr4, rax
	mov rax, cr0
	and eax, ~0x0C				; EM, TS
	or eax, 0x22				; NE, MP
	mov cr0, rax
	mov eax, 1
	cpuid
	bt ecx, 28
	jnc .no_avx
	mov dword [avx], 1
	mov rax, cr4
	or eax, 1 << 18				; OSXSAVE
	mov cr4, rax
	xor ecx, ecx
	mov eax, 7
	xor edx, edx
	xsetbv
.no_avx:
	; registers' contents: some numbers, some that are none
	mov edi, before + 32
	mov ecx, (STATE - 32) / 8
	mov rax, 0x3FF8000040490FDB
	mov rdx, 0x9E3779B97F4A7C15
.fill:
	stosq
	imul rax, rdx
	inc rax
	loop .fill
	mov edi, before + 512			; XSAVE's header
	mov ecx, 8
	xor eax, eax
	rep stosq
	mov byte [before + 512], 7
	ret

; ModR/M's reg is a part of some opcodes.
all_registers:
	mov byte [reg], 2
	mov al, [opcode]
	cmp byte [map], 1
	jne .no_group_15
	cmp al, 0xAE
	jne .all
	call one
	mov byte [reg], 3
	jmp one
.no_group_15:
	cmp byte [map], 2
	jne .all
	cmp al, 0xF3
	jne .all
	mov byte [reg], 1
	call one
	mov byte [reg], 2
	call one
	mov byte [reg], 3
.all:
	jmp one

; Forms: 0 to 7 by mandatory prefix and W; 8 to 23 with VEX, besides its length. W goes with registers beyond the eighth.
; C3 is RET, and where there is an immediate it is that, with a RET behind.
compose:
	mov edi, code
	mov ecx, [form]
	mov edx, ecx
	and edx, 3
	cmp ecx, 8
	jae .vex
	mov al, [rdx + mandatory]
	test al, al
	jz .no_prefix
	stosb
.no_prefix:
	test ecx, 4
	jz .no_rex
	mov al, 0x4C
	stosb
.no_rex:
	mov al, 0x0F
	stosb
	mov al, [map]
	cmp al, 1
	je .rest
	cmp al, 2
	mov al, 0x38
	je .third
	mov al, 0x3A
.third:
	stosb
	jmp .rest
.vex:
	mov al, 0xC4
	stosb
	mov al, [map]
	or al, 0xE0
	mov ah, ~3 & 15				; VVVV: 3 or 13, inverted
	test ecx, 4
	jz .low
	and al, 0x7F
	mov ah, ~13 & 15 | 0x10
.low:
	stosb
	mov al, ah
	shl al, 3
	or al, dl
	sub ecx, 8
	test ecx, 8
	jz .short
	or al, 4
.short:
	stosb
.rest:
	mov al, [opcode]
	stosb
	mov al, [reg]
	shl al, 3
	or al, 7				; [RDI]
	stosb
	mov eax, 0xC3C3
	stosw
	ret

; The instruction with each pattern, in both places.
one:
	call compose
	mov dword [pattern], 0
.next:
	mov ebx, storage
	mov r15d, in_storage
	call run
	cmp dword [in_storage], 6
	je .end
	mov ebx, WINDOW + 0x40
	mov r15d, in_window
	call run
	inc dword [compared]
	mov esi, in_storage
	mov edi, in_window
	mov ecx, result_end - in_window
	repe cmpsb
	je .same
	call complain
.same:
	inc dword [pattern]
	cmp dword [pattern], PATTERNS
	jb .next
	inc dword [instructions]
.end:
	ret

complain:
	inc dword [wrong]
	sub edi, in_window + 1
	push rdi
	SAY "DIRECT:"
	mov ebx, code
.byte:
	SAY " "
	mov al, [rbx]
	call puthex8
	inc ebx
	cmp word [rbx], 0xC3C3
	jne .byte
	SAY " PATTERN "
	mov eax, [pattern]
	call putdec
	SAY " DIFFERS AT "
	pop rax
	call putdec
	SAY NL
	ret

; With the operand at RBX, the results to R15.
run:
	mov [place], rbx
	mov [result], r15
	imul esi, [pattern], PATTERN_SIZE
	add esi, patterns
	mov edi, ebx
	mov eax, [rsi]
	mov [before + 24], eax			; MXCSR
	mov eax, [rsi + 4]
	mov [before], eax			; FCW, FSW
	add esi, 8
	mov ecx, OPERAND / 8
	rep movsq
	call state_load
	mov [saved_stack], rsp
	mov rax, 0x1122334455667788
	mov ecx, 0x89ABCDEF
	mov rdx, 0xFEDCBA9876543210
	mov rsi, 0x0F1E2D3C4B5A6978
	mov rbp, 0x5555AAAA33339999
	mov r8, -1
	mov r9d, 9
	mov r10, 0xA0A0A0A0B1B1B1B1
	mov r11, 0x7777777777777777
	mov r12d, 12
	mov r13, 0x00000D0D0D0D0000
	mov r14d, 14
	mov rdi, [place]
	mov rbx, 0x00000B0B0B0B0000
	mov r15, 15
	push qword 0x8D7
	popf
	TRY call code
	mov rsp, [saved_stack]
	pushf
	push rax
	mov rax, [result]
	pop qword [rax + 16]
	pop qword [rax + 8]
	sub rdi, [place]
	mov [rax + 24], rcx
	mov [rax + 32], rdx
	mov [rax + 40], rbx
	mov [rax + 48], rbp
	mov [rax + 56], rsi
	mov [rax + 64], rdi
	mov [rax + 72], r8
	mov [rax + 80], r9
	mov [rax + 88], r10
	mov [rax + 96], r11
	mov [rax + 104], r12
	mov [rax + 112], r13
	mov [rax + 120], r14
	mov [rax + 128], r15
	mov ecx, [trap_vector]
	mov [rax], ecx
	mov ecx, [trap_error]
	mov [rax + 4], ecx
	lea rbx, [rax + 192]
	call state_save
	cld
	; the last x87 instruction's addresses
	lea rdi, [rbx + 6]
	mov ecx, 18
	xor eax, eax
	rep stosb
	; whether the tags change before an error that traps is the processor's affair
	cmp dword [trap_vector], 19
	jne .no_error
	mov [rbx + 4], ax
.no_error:
	lea rdi, [rbx + STATE]
	mov rsi, [place]
	mov ecx, OPERAND / 8
	rep movsq
	ret

state_load:
	mov eax, 7
	xor edx, edx
	cmp dword [avx], 0
	je .short
	xrstor64 [before]
	ret
.short:
	fxrstor64 [before]
	ret

state_save:
	mov eax, 7
	xor edx, edx
	cmp dword [avx], 0
	je .short
	xsave64 [rbx]
	ret
.short:
	fxsave64 [rbx]
	ret

section .data
mandatory	db 0, 0x66, 0xF3, 0xF2
; Those with an operand in memory that need no more than it: no masks, no indices, no tables of addresses, no addresses in registers.
allowed:
	ALLOW 1, 0x10, 0x17
	ALLOW 1, 0x28, 0x2F
	ALLOW 1, 0x51, 0x70
	ALLOW 1, 0x74, 0x76
	ALLOW 1, 0x7C, 0x7F
	ALLOW 1, 0xAE, 0xAE
	ALLOW 1, 0xC2, 0xC4
	ALLOW 1, 0xC6, 0xC6
	ALLOW 1, 0xD0, 0xF6
	ALLOW 1, 0xF8, 0xFE
	ALLOW 2, 0x00, 0x2B
	ALLOW 2, 0x30, 0x5A
	ALLOW 2, 0x78, 0x79
	ALLOW 2, 0x96, 0xDF
	ALLOW 2, 0xF0, 0xF7
	ALLOW 3, 0x00, 0xFF
allowed_end:

; MXCSR, x87's control and status, the operand.
PATTERNS	equ 5
align 8
patterns:
	dd 0x1F80, 0x037F
	dd 1.5, -2.25, 1.0e30, 3.0e-5, 0x7FFFFFFF, 0x80000000, 77, -5
	dq 1.0, -123456.789, 0x0123456789ABCDEF, 0xFEDCBA9876543210
PATTERN_SIZE	equ $ - patterns
	; denormals, infinities, numbers that are none
	dd 0x1F80, 0x037F
	dd 0x00000001, 0x7F800000, 0x7FA00000, 0xFFC00000, 0x7F7FFFFF, 0xFF800000, 0x80000000, 0x00800000
	dq 0x7FF0000000000001, 0x0000000000000001, 0x7FEFFFFFFFFFFFFF, 0xFFF8000000000000
	; the same with errors that trap
	dd 0x0000, 0x037F
	dd 0x00000001, 0x7F800000, 0x7FA00000, 0xFFC00000, 0x7F7FFFFF, 0xFF800000, 0x80000000, 0x00800000
	dq 0x7FF0000000000001, 0x0000000000000001, 0x7FEFFFFFFFFFFFFF, 0xFFF8000000000000
	; only what is not exact, or too small, traps; to zero, and denormals are zeroes
	dd 0xE7C0, 0x037F
	dd 1.5, -2.25, 1.0e30, 3.0e-38, 0x00000001, 0x80000000, 77, -5
	dq 1.0, -123456.789, 0x0123456789ABCDEF, 0xFEDCBA9876543210
	; an x87 error waits: MMX must not be executed
	dd 0x9FC0, 0x8081037E
	dd 1.5, -2.25, 1.0e30, 3.0e-5, 0x7FFFFFFF, 0x80000000, 77, -5
	dq 1.0, -123456.789, 0x0123456789ABCDEF, 0xFEDCBA9876543210
patterns_end:
%if patterns_end - patterns != PATTERNS * PATTERN_SIZE
%error "a pattern has another size"
%endif

section .bss
form		resd 1
avx		resd 1
pattern		resd 1
instructions	resd 1
compared	resd 1
wrong		resd 1
map		resb 1
opcode		resb 1
reg		resb 1
alignb 8
place		resq 1
result		resq 1
saved_stack	resq 1
code		resb 32
alignb 64
before		resb STATE
; trap's vector and error code, flags, general registers; state; memory
in_storage	resb 192 + STATE + OPERAND
alignb 64
in_window	resb 192 + STATE + OPERAND
result_end:
alignb 64
storage		resb OPERAND
	GUEST_END
