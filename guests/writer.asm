; WRITER: fills all of its storage, checks it, moves itself to the other end, does it again.
; Part in the monitor: a hostile guest; nothing it can write may belong to anybody else.
;
; Nothing but this code, its strings and its stack stays in storage, so there are no page tables
; and no interrupts: flat protected mode, and code that runs wherever it has been copied to. EBP
; is where that is.

%define GUEST_NAME "WRITER"
%include "lib/multiboot.inc"

ROUNDS		equ 8
LOW_END		equ 0xA0000		; what lies from here to 1 MiB is not storage on a PC
HIGH_BEGIN	equ 0x100000
SIZE		equ 8192		; of the moving part, its stack at the end

%define AT(label) (ebp + (label - moving))

main32:
	mov ebx, [storage_bound]
	SAY32 "WRITER: B = "
	mov eax, ebx
	call p32_puthex
	SAY32 NL
	; the first copy goes to the top, since this image will be overwritten
	mov esi, moving
	lea edi, [ebx - SIZE]
	mov ebp, edi
	mov ecx, SIZE / 4
	rep movsd
	mov edx, ROUNDS
	lea esp, [ebp + SIZE]
	mov eax, ebp
	add eax, round - moving
	jmp eax

; What moves. EBX = b, EBP = where this is, EDX = rounds left, [AT(pattern)] what the storage is
; filled with.
align 16
moving:
round:
	mov dword [AT(wrong)], 0
	call fill
	call check
	lea esi, [AT(text_filled)]
	call moving_puts
	mov eax, ebp
	call moving_puthex
	lea esi, [AT(text_pattern)]
	call moving_puts
	mov eax, [AT(pattern)]
	call moving_puthex
	lea esi, [AT(text_wrong)]
	call moving_puts
	mov eax, [AT(wrong)]
	call moving_putdec
	lea esi, [AT(text_newline)]
	call moving_puts
	mov eax, [AT(wrong)]
	add [AT(wrong_all)], eax
	; a new pattern: rotated, and inverted as well, so that every bit has been both
	rol dword [AT(pattern)], 3
	not dword [AT(pattern)]
	dec edx
	jz .end

	; from the top to the very bottom, from there to the top again
	xor edi, edi
	test ebp, ebp
	jnz .move
	lea edi, [ebx - SIZE]
.move:
	mov esi, ebp
	mov ebp, edi
	mov ecx, SIZE / 4
	rep movsd
	lea esp, [ebp + SIZE]
	lea eax, [AT(round)]
	jmp eax
.end:
	lea esi, [AT(text_all)]
	call moving_puts
	mov eax, [AT(wrong_all)]
	call moving_putdec
	lea esi, [AT(text_survived)]
	call moving_puts
	mov dx, COM1 + 5
.printing:
	in al, dx
	test al, 0x40			; the transmitter may still be sending the last characters
	jz .printing
	mov dx, 0x604
	mov ax, 0x2000
	out dx, ax
	lea esi, [AT(text_off)]
	mov dx, 0x8900
.off:
	lodsb
	out dx, al
	test al, al
	jnz .off
	cli
	hlt

; The words of storage that are not this code: EDI to ECX, three runs. %1 is called for each.
%macro ALL_RUNS 1
	xor edi, edi
	test ebp, ebp
	jnz %%low
	mov edi, SIZE
%%low:
	mov ecx, LOW_END
	call %1
	mov edi, HIGH_BEGIN
	mov ecx, ebx
	test ebp, ebp
	jz %%high
	mov ecx, ebp
%%high:
	call %1
%endmacro

fill:
	ALL_RUNS fill_run
	ret

fill_run:
	sub ecx, edi
	shr ecx, 2
	mov eax, [AT(pattern)]
	rep stosd
	ret

check:
	ALL_RUNS check_run
	ret

check_run:
	sub ecx, edi
	shr ecx, 2
	mov eax, [AT(pattern)]
.more:
	jecxz .end
	repe scasd
	je .end
	inc dword [AT(wrong)]
	jmp .more
.end:
	ret

SERIAL_FUNCTIONS moving_, e

align 4
pattern		dd 0x5A3C6996
wrong		dd 0
wrong_all	dd 0
text_filled	db "WRITER: CODE AT ", 0
text_pattern	db ", FILLED THE REST WITH ", 0
text_wrong	db ", WRONG WORDS ", 0
text_newline	db NL, 0
text_all	db "WRITER: WRONG WORDS IN ALL ", 0
text_survived	db NL, "WRITER: SURVIVED", NL, 0
text_off	db "Shutdown", 0
moving_end:
%if moving_end - moving > SIZE - 1024
%error "the moving part has outgrown its place"
%endif

GUEST_END
