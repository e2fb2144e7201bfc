; BENCH: measures from inside a guest what the instructions cost that a monitor simulates.
; Part in the monitor: a guest; the same file runs bare, which gives the other column.

%define GUEST_NAME "BENCH"
%include "lib/guest.inc"

ITERATIONS	equ 2000
BATCHES		equ 9			; odd: the median is one of them
IOAPIC		equ 0xFEC00000

; MEASURE key, {load}, {instruction}: the loop is load, instruction, DEC, JNZ; the figure is ticks
; per turn of the loop, and the median of the batches, so that one end of a time slice in between
; does not show.
%macro MEASURE 3
	SAY "BENCH ", %1, "="
	%2
	TRY %3
	cmp dword [trap_vector], NO_TRAP
	jne %%absent
	mov edi, batches
%%batch:
	mov ebp, ITERATIONS
	rdtsc
	shl rdx, 32
	or rax, rdx
	mov [batch_start], rax
	; registers as they were before RDTSC, for instructions that take no load of their own
	mov rax, r14
	mov rdx, r15
align 16
%%turn:
	%2
	%3
	dec ebp
	jnz %%turn
	rdtsc
	shl rdx, 32
	or rax, rdx
	sub rax, [batch_start]
	mov [rdi], rax
	add edi, 8
	cmp edi, batches + BATCHES * 8
	jb %%batch
	call median
	; to the nearest whole tick
	add rax, ITERATIONS / 2
	xor edx, edx
	mov ecx, ITERATIONS
	div rcx
	call putdec
	SAY NL
	jmp %%end
%%absent:
	SAY "n/a", NL
%%end:
%endmacro

main:
	SAY "BENCH begin", NL
	mov ax, 0xFFFF				; no line of the 8259s may interrupt
	call pic_init
	MEASURE "empty_ticks", {}, {}
	MEASURE "cpuid_ticks", {xor eax, eax}, {cpuid}
	MEASURE "vmcall_ticks", {mov eax, 0xFFFF}, {vmcall}
	mov ecx, 0x1B				; IA32_APIC_BASE
	MEASURE "rdmsr_ticks", {}, {rdmsr}
	mov ecx, 0x277				; IA32_PAT, written as it is
	rdmsr
	mov r14, rax
	mov r15, rdx
	MEASURE "wrmsr_ticks", {}, {wrmsr}
	mov r14d, 0xFF				; every line stays masked
	MEASURE "out_ticks", {}, {out 0x21, al}
	MEASURE "in_ticks", {}, {in al, 0x21}
	MEASURE "out80_ticks", {}, {out 0x80, al}
	MEASURE "in40_ticks", {}, {in al, 0x40}
	mov r13d, IOAPIC			; its index register: each access is interpreted
	xor r14d, r14d
	MEASURE "mmio_ticks", {}, {mov [r13], eax}
	MEASURE "mmio_read_ticks", {}, {mov eax, [r13]}
	call timer
	call sectors
	call window
	call touch
	SAY "BENCH done", NL
.rest:
	sti
	hlt
	jmp .rest

; The local APIC's timer by TSC deadline: from the last instruction before an interrupt to the first one of its handler,
; the median of the batches; then what it costs to say that the interrupt has ended.
APIC		equ 0xFEE00000
APIC_EOI	equ 0xB0
APIC_SPURIOUS	equ 0xF0
APIC_TIMER	equ 0x320
TIMER_VECTOR	equ 0x40
TIMER_DEADLINE	equ 2 << 17
TSC_DEADLINE	equ 0x6E0
TIMER_AFTER	equ 20000			; ticks from arming to the interrupt

timer:
	mov eax, 1
	cpuid
	test ecx, 1 << 24
	jnz .there
	SAY "BENCH timer_ticks=n/a", NL
	ret
.there:
	mov r13d, APIC
	; a gate of its own: the common way to handlers would be counted too
	mov eax, timer_interrupt
	mov edi, idt + TIMER_VECTOR * 16
	mov [rdi], ax
	shr eax, 16
	mov [rdi + 6], ax
	mov dword [r13 + APIC_SPURIOUS], 0x1FF
	mov dword [r13 + APIC_TIMER], TIMER_DEADLINE | TIMER_VECTOR
	mfence
	mov edi, batches
.batch:
	rdtsc
	shl rdx, 32
	or rax, rdx
	add rax, TIMER_AFTER
	mov rdx, rax
	shr rdx, 32
	mov ecx, TSC_DEADLINE
	wrmsr
	mov dword [timer_came], 0
	sti
.wait:
	rdtsc
	mov ebx, eax
	cmp dword [timer_came], 0
	je .wait
	cli
	mov [rdi], rsi
	add edi, 8
	cmp edi, batches + BATCHES * 8
	jb .batch
	call median
	mov r8, rax
	SAY "BENCH timer_ticks="
	mov rax, r8
	call putdec
	SAY NL
	MEASURE "eoi_ticks", {}, {mov dword [r13 + APIC_EOI], 0}
	mov dword [r13 + APIC_TIMER], 1 << 16
	ret

timer_interrupt:
	rdtsc
	sub eax, ebx
	mov esi, eax
	mov dword [timer_came], 1
	mov dword [r13 + APIC_EOI], 0
	iretq

; TIME key, count, {statements}: the ticks of the statements, and how many elements these moved.
%macro TIME 3
	rdtsc
	shl rdx, 32
	or rax, rdx
	mov [batch_start], rax
	%3
	rdtsc
	shl rdx, 32
	or rax, rdx
	sub rax, [batch_start]
	mov r8, rax
	SAY "BENCH ", %1, "_count="
	mov eax, %2
	call putdec
	SAY NL, "BENCH ", %1, "_ticks="
	mov rax, r8
	call putdec
	SAY NL
%endmacro

; The first disk's first sectors through the data port by REP INSW, a sector at a time, as a BIOS reads them.
ATA		equ 0x1F0
ATA_COUNT	equ ATA + 2
ATA_DEVICE	equ ATA + 6
ATA_COMMAND	equ ATA + 7
ATA_SECTORS	equ 256
ATA_DRQ		equ 8

sectors:
	mov dx, ATA_DEVICE
	mov al, 0xE0				; by LBA, which is 0 and stays so
	out dx, al
	mov dx, ATA_COMMAND
	in al, dx
	cmp al, 0x50				; ready and nothing else
	je .there
	SAY "BENCH ins_ticks=n/a", NL
	ret
.there:
	xor eax, eax
	mov dx, ATA_COUNT			; 256
.address:
	out dx, al
	inc edx
	cmp edx, ATA_DEVICE
	jb .address
	TIME "ins", ATA_SECTORS * 256, {call read_sectors}
	ret

read_sectors:
	mov edi, storage_end
	mov ebp, ATA_SECTORS
	mov al, 0x20				; READ SECTORS
	mov dx, ATA_COMMAND
	out dx, al
.sector:
	in al, dx
	test al, ATA_DRQ
	jz .sector
	mov dx, ATA
	mov ecx, 256
	rep insw
	mov dx, ATA_COMMAND
	dec ebp
	jnz .sector
	ret

; The display's window where it is no storage: four planes of 16 colours.
WINDOW		equ 0xA0000
WINDOW_SIZE	equ 0x10000

%macro VGA 3					; index port, register, value
	mov dx, %1
	mov ax, %2 | (%3) << 8
	out dx, ax
%endmacro

window:
	VGA 0x3C4, 2, 0x0F			; all planes
	VGA 0x3C4, 4, 0x06			; each at every address
	VGA 0x3CE, 5, 0				; write mode 0
	VGA 0x3CE, 6, 0x05			; graphics, at A0000h
	VGA 0x3CE, 8, 0xFF
	call interrupted
	TIME "stos", WINDOW_SIZE / 4, {call fill_window}
	mov ecx, WINDOW_SIZE / 4
	mov edi, WINDOW
	mov eax, 0x5A5A5A5A
	repe scasd				; did it get there?
	jne .wrong
	TIME "movs", WINDOW_SIZE / 4, {call copy_to_window}
	VGA 0x3CE, 5, 1				; what is read is written, all planes at once
	TIME "scroll", WINDOW_SIZE - 80, {call scroll_window}
	VGA 0x3CE, 5, 0
	mov ecx, WINDOW_SIZE - 80
	mov esi, storage_end + 80
	mov edi, WINDOW
	repe cmpsb
	jne .wrong
	ret
.wrong:
	SAY "BENCH the display's window does not hold what was written", NL
	ret

; How late an interrupt is that becomes due in the middle of such a string.
interrupted:
	mov eax, 1
	cpuid
	test ecx, 1 << 24
	jz .end
	mov r13d, APIC
	mov dword [r13 + APIC_TIMER], TIMER_DEADLINE | TIMER_VECTOR
	mfence
	mov dword [timer_came], 0
	rdtsc
	shl rdx, 32
	or rax, rdx
	add rax, TIMER_AFTER
	mov ebx, eax
	mov rdx, rax
	shr rdx, 32
	mov ecx, TSC_DEADLINE
	wrmsr
	sti
	call fill_window
	cli
	cmp dword [timer_came], 0
	je .late
	mov r8d, esi
	SAY "BENCH string_late_ticks="
	mov eax, r8d
	call putdec
	SAY NL
.off:
	mov dword [r13 + APIC_TIMER], 1 << 16
.end:
	ret
.late:
	SAY "BENCH no interrupt came in the middle of a string", NL
	jmp .off

fill_window:
	mov edi, WINDOW
	mov ecx, WINDOW_SIZE / 4
	mov eax, 0x5A5A5A5A
	rep stosd
	ret

copy_to_window:
	mov esi, storage_end
	mov edi, WINDOW
	mov ecx, WINDOW_SIZE / 4
	rep movsd
	ret

scroll_window:
	mov esi, WINDOW + 80
	mov edi, WINDOW
	mov ecx, WINDOW_SIZE - 80
	rep movsb
	ret

; writes to every page of the storage but the ones in use, low part first, and tells pages and
; ticks for each
touch:
	rdtsc
	shl rdx, 32
	or rax, rdx
	mov [batch_start], rax
	xor ecx, ecx
	mov esi, 0x1000
	mov edi, 0xA0000
	call touch_range
	mov esi, storage_end
	mov rdi, [storage_bound]
	call touch_range
	rdtsc
	shl rdx, 32
	or rax, rdx
	sub rax, [batch_start]
	mov r8, rax
	SAY "BENCH touch_pages="
	mov eax, ecx
	call putdec
	SAY NL, "BENCH touch_ticks="
	mov rax, r8
	xor edx, edx
	div rcx
	call putdec
	SAY NL
	ret

touch_range:
	cmp rsi, rdi
	jae .end
	mov [rsi], rsi
	inc ecx
	add rsi, 4096
	jmp touch_range
.end:
	ret

; RAX = the median of the batches, which it sorts by insertion
median:
	mov esi, 1
.next:
	mov rax, [batches + rsi * 8]
	mov edx, esi
.shift:
	cmp rax, [batches + rdx * 8 - 8]
	jae .place
	mov rcx, [batches + rdx * 8 - 8]
	mov [batches + rdx * 8], rcx
	dec edx
	jnz .shift
.place:
	mov [batches + rdx * 8], rax
	inc esi
	cmp esi, BATCHES
	jb .next
	mov rax, [batches + (BATCHES / 2) * 8]
	ret

section .bss
batch_start	resq 1
timer_came	resd 2
batches		resq BATCHES
section .text

GUEST_END
