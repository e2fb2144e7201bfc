; WALKBUS: at random through PCI configuration space, ACPI's registers, the local APIC in both its forms, the I/O APIC and the HPET.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "WALKBUS"
%include "equiv/walk32.inc"

main32:
	call values_init
	SAY32 "WALKBUS: BEGIN", NL
	mov dword [irq_limit], 40
	mov byte [irq_eoi], 0
	call pci
	call walk_show
	call acpi
	call walk_show
	call apic
	call walk_show
	call ioapic
	call walk_show
	call hpet
	call walk_show
	call x2apic
	call walk_show
	SAY32 "WALKBUS: END", NL
	jmp p32_power_off

; a place is bus, device, function and register; "how many" are registers
pci:
	mov esi, pci_start
.next:
	mov eax, [esi]
	test eax, eax
	jz .walk
	mov edx, 0xCF8
	out dx, eax
	mov edx, 0xCFC
	mov eax, [esi + 4]
	out dx, eax
	add esi, 8
	jmp .next
.walk:
	WALK "PCI", 1000, pci_rows, pci_rows_end
	ret
pci_start:
	dd 0x8000003C, 0
	dd 0x8000093C, 0
	dd 0x80000940, 0
	dd 0x80000860, 0x80808080
	dd 0
; CF8h, then a part of CFCh: of 1, 2 or 4 bytes at a place that fits
pci_place:
	mov ecx, [esi + 16]
	call walk_below
	add eax, [esi + 4]
	push eax
	and eax, ~3
	mov edx, 0xCF8
	call walk_out32
	pop edx
	and edx, 3
	add edx, 0xCFC
	ret
pci_value:
	call walk_random
	and eax, [esi + 8]
	or eax, [esi + 12]
	ret
pci_in8:
	call pci_place
	call walk_in8
	and al, [esi + 8]
	jmp walk_answer8
pci_in16:
	call pci_place
	and edx, ~1
	call walk_in16
	jmp walk_answer16
pci_in32:
	call pci_place
	and edx, ~3
	call walk_in32
	jmp walk_answer32
pci_out8:
	call pci_place
	call pci_value
	jmp walk_out8
pci_out16:
	call pci_place
	and edx, ~1
	call pci_value
	jmp walk_out16
pci_out32:
	call pci_place
	and edx, ~3
	call pci_value
	jmp walk_out32
HOST	equ 0x80000000
ISA	equ 0x80000800
IDE	equ 0x80000900
PM	equ 0x80000B00
pci_rows:
	ROW pci_in32, HOST, 0, 0, 4
	ROW pci_in16, HOST, 0, 0, 4
	ROW pci_in8, HOST, 0xFF, 0, 4
	ROW pci_in8, HOST + 9, 0xFF, 0, 3
	ROW pci_in8, HOST + 0x10, 0xFF, 0, 0x1C
	ROW pci_in32, ISA, 0, 0, 4
	ROW pci_in32, ISA + 8, 0, 0, 4
	ROW pci_in32, ISA + 0x10, 0, 0, 0x1C
	ROW pci_in16, ISA + 8, 0, 0, 4
	ROW pci_in16, ISA + 0x10, 0, 0, 0x1C
	ROW pci_in8, ISA + 8, 0xFF, 0, 4
	ROW pci_in8, ISA + 0x10, 0xFF, 0, 0x1C
	ROW pci_in32, IDE, 0, 0, 4
	ROW pci_in16, IDE + 8, 0, 0, 4
	ROW pci_in16, IDE + 0x10, 0, 0, 0x10
	ROW pci_in32, IDE + 0x24, 0, 0, 8
	ROW pci_in8, IDE + 0x30, 0xFF, 0, 0x0C
	ROW pci_in32, PM, 0, 0, 4
	ROW pci_in32, PM + 8, 0, 0, 4
	ROW pci_in32, PM + 0x10, 0, 0, 0x1C
	ROW pci_in8, PM + 8, 0xFF, 0, 4
	ROW pci_in8, PM + 0x10, 0xFF, 0, 0x1C
	ROW pci_in32, 0x8000F800, 0, 0, 256
	ROW pci_in16, 0x80010000, 0, 0, 256
	ROW pci_in8, 0x80000C00, 0xFF, 0, 256
	ROW pci_in32, 0x00000000, 0, 0, 256
	ROW pci_out32, HOST, -1, 0, 4
	ROW pci_out32, ISA, -1, 0, 4
	ROW pci_out32, HOST + 8, -1, 0, 4
	ROW pci_out8, ISA + 8, -1, 0, 4
	ROW pci_out16, IDE + 8, -1, 0, 4
	ROW pci_out8, HOST + 0x3C, 0xFF, 0, 1
	ROW pci_in8, HOST + 0x3C, 0xFF, 0, 1
	ROW pci_out8, IDE + 0x3C, 0xFF, 0, 1
	ROW pci_in8, IDE + 0x3C, 0xFF, 0, 1
	ROW pci_out8, IDE + 0x0D, 0xF8, 0, 1
	ROW pci_in8, IDE + 0x0D, 0xFF, 0, 1
	ROW pci_out16, IDE + 0x40, 0x7FFF, 0, 4
	ROW pci_out8, IDE + 0x40, 0x7F, 0, 4
	ROW pci_in32, IDE + 0x40, 0, 0, 4
	ROW pci_in8, IDE + 0x40, 0xFF, 0, 4
	ROW pci_out8, ISA + 0x60, 1, 0x0A, 4		; Bochs panics about lines that drives have
	ROW pci_out8, ISA + 0x60, 0, 0x80, 4
	ROW pci_out32, ISA + 0x60, 0x01010101, 0x0A0A0A0A, 4
	ROW pci_in32, ISA + 0x60, 0, 0, 4
	ROW pci_in16, ISA + 0x60, 0, 0, 4
	ROW pci_in8, ISA + 0x60, 0xFF, 0, 4
	ROW pci_out32, 0x8000F800, -1, 0, 256
	ROW in32, 0xCF8, -1
	ROW out32, 0xCF8, 0x80FFFFFC
	ROW out8, 0xCFA, 0xFF
	ROW in8, 0xCFA, 0xFF
	ROW in16, 0xCF8, 0xFFFF
pci_rows_end:

acpi:
	mov edx, 0xCF8
	mov eax, 0x80000B40
	out dx, eax
	mov edx, 0xCFC
	in eax, dx
	and eax, 0xFFC0
	mov ebx, acpi_rows
.row:
	add [ebx + 4], eax
	add ebx, ROW_SIZE
	cmp ebx, acpi_rows_end
	jb .row
	mov edx, eax
	mov ebx, eax
	mov ax, 0xFFFF
	out dx, ax
	lea edx, [ebx + 2]
	xor eax, eax
	out dx, ax
	lea edx, [ebx + 4]
	mov ax, 1
	out dx, ax
	WALK "ACPI", 300, acpi_rows, acpi_rows_end
	lea edx, [ebx + 2]
	xor eax, eax
	out dx, ax
	ret
; words: Bochs has no bytes there
acpi_rows:
	ROW out16, 0, 0xFFFF
	ROW in16, 0, 0xFFFE
	ROW out16, 2, 0x0520
	ROW in16, 2, 0x0521
	ROW out16, 4, 0x1C02, 1
	ROW in16, 4, 0xFFFF
acpi_rows_end:

; the local APIC: interrupts only to itself, its vectors those that there are gates for
apic:
	; spurious ones are not counted: whether a request that goes away becomes one is the processor's choice
%assign vector 0xF0
%rep 16
	GATE vector, SEL_CODE0, GATE_RING0, spurious
	%assign vector vector + 1
%endrep
	mov dword [APIC + 0xF0], 0x1FF
	mov ebx, apic_start
.next:
	mov edx, [ebx]
	mov eax, [ebx + 4]
	mov [edx], eax
	add ebx, 8
	cmp ebx, apic_start_end
	jb .next
	WALK "APIC", 1500, apic_rows, apic_rows_end
	mov dword [APIC + 0x80], 0
	mov dword [APIC + 0xF0], 0x1FF
apic_drain:
	mov ecx, 64
.next:
	OPEN
	mov dword [APIC + 0xB0], 0
	loop .next
	ret
apic_start:
	dd APIC + 0x80, 0, APIC + 0xD0, 0, APIC + 0xE0, -1, APIC + 0x320, 0x10000, APIC + 0x330, 0x10000, APIC + 0x340, 0x10000
	dd APIC + 0x350, 0x10000, APIC + 0x360, 0x10000, APIC + 0x370, 0x10000, APIC + 0x380, 0, APIC + 0x3E0, 0, APIC + 0x310, 0
	dd APIC + 0x300, 0xC0020, APIC + 0x280, 0, APIC + 0x280, 0
apic_start_end:
spurious:
	iret
apic_open:
	mov dword [irq_count], 0
	mov dword [irq_order], 0
	OPEN
	mov al, [irq_count]
	call walk_answer8
	mov eax, [irq_order]
	jmp walk_answer32
apic_rows:
	ROW write32, APIC + 0x80, 0xFF
	ROW write32, APIC + 0x80, 0x3F
	ROW write32, APIC + 0x80, 0
	ROW read32, APIC + 0x80, -1
	ROW read32, APIC + 0xA0, -1
	ROW read32, APIC + 0xA0, -1
	ROW write32, APIC + 0xD0, -1
	ROW read32, APIC + 0xD0, -1
	ROW write32, APIC + 0xE0, -1
	ROW read32, APIC + 0xE0, -1
	ROW write32, APIC + 0x320, 0x100FF, 0x10000
	ROW write32, APIC + 0x320, 0x200FF, 0x10000
	ROW write32, APIC + 0x330, 0x007FF, 0x10000, 2, 16
	ROW write32, APIC + 0x350, 0x1A0FF, 0x10000, 2, 16
	ROW write32, APIC + 0x370, 0xFF, 0x10000
	ROW read32, APIC + 0x320, -1, 0, 6, 16
	ROW read32, APIC + 0x320, -1, 0, 6, 16
	ROW read32, APIC + 0x320, -1, 0, 6, 16
	ROW write32, APIC + 0x3E0, -1
	ROW read32, APIC + 0x3E0, -1
	ROW read32, APIC + 0x380, -1
	ROW read32, APIC + 0x390, -1
	ROW write32, APIC + 0x310, -1
	ROW read32, APIC + 0x310, -1
	ROW write32, APIC + 0x300, 0x1F, 0x40020
	ROW write32, APIC + 0x300, 0x1F, 0x80020
	ROW write32, APIC + 0x300, 0x1F, 0x80120
	ROW write32, APIC + 0x300, 0x48FF, 0xC0010
	ROW read32, APIC + 0x300, -1
	ROW read32, APIC + 0x300, -1
	ROW read32, APIC + 0x210, -1
	ROW read32, APIC + 0x110, -1
	ROW read32, APIC + 0x100, -1, 0, 24, 16
	ROW write32, APIC + 0x100, -1, 0, 24, 16
	ROW write32, APIC + 0xB0, -1
	ROW write32, APIC + 0xB0, -1
	ROW write32, APIC + 0x280, -1
	ROW read32, APIC + 0x280, -1
	ROW write32, APIC + 0xF0, 0x0F, 0x1F0
	ROW read32, APIC + 0xF0, -1
	ROW read32, APIC + 0x20, -1
	ROW apic_open
	ROW apic_open
apic_rows_end:

ioapic:
	mov ecx, 0x10
.next:
	mov dword [IOAPIC], ecx
	mov eax, ecx
	and eax, 1
	dec eax
	and eax, 0x10000
	mov [IOAPIC + 16], eax
	inc ecx
	cmp ecx, 0x40
	jb .next
	WALK "IOAPIC", 600, ioapic_rows, ioapic_rows_end
	ret
ioapic_place:
	mov ecx, [esi + 16]
	call walk_below
	imul eax, [esi + 20]
	add eax, [esi + 4]
	mov edx, IOAPIC
	call walk_write32
	add edx, 16
	ret
ioapic_out:
	call ioapic_place
	call pci_value
	jmp walk_write32
ioapic_in:
	call ioapic_place
	call walk_read32
	and eax, [esi + 8]
	jmp walk_answer32
ioapic_in8:
	call ioapic_place
	call walk_read8
	jmp walk_answer8
ioapic_rows:
	ROW ioapic_out, 0x10, 0x0AFFF, 0x10000, 24, 2
	ROW ioapic_out, 0x10, 0x0AFFF, 0x10000, 24, 2
	ROW ioapic_in, 0x10, -1, 0, 24, 2
	ROW ioapic_in, 0x10, -1, 0, 24, 2
	ROW ioapic_in8, 0x10, -1, 0, 24, 2
	ROW ioapic_out, 0x11, 0xFF000000, 0, 24, 2
	ROW ioapic_in, 0x11, -1, 0, 24, 2
	ROW ioapic_out, 0, 0x0F000000, 0, 1, 0
	ROW ioapic_in, 0, -1, 0, 1, 0
	ROW ioapic_in, 1, 0xFFFFFF00, 0, 1, 0
	ROW ioapic_out, 1, -1, 0, 1, 0
	ROW read32, IOAPIC, 0xFF
ioapic_rows_end:

hpet:
	mov ebx, HPET
	mov dword [ebx + 0x10], 0
	mov dword [ebx + 0x14], 0
	mov dword [ebx + 0x20], -1
	mov dword [ebx + 0xF0], 0
	mov dword [ebx + 0xF4], 0
	mov ecx, 3
	lea edi, [ebx + 0x100]
.timer:
	mov dword [edi], 0
	mov dword [edi + 8], 0
	mov dword [edi + 12], 0
	mov dword [edi + 8], 0
	mov dword [edi + 12], 0
	add edi, 32
	loop .timer
	WALK "HPET", 800, hpet_rows, hpet_rows_end
	mov dword [HPET + 0x10], 0
	mov dword [HPET + 0x100], 0
	mov dword [HPET + 0x120], 0
	mov dword [HPET + 0x140], 0
	ret
hpet_rows:
	ROW write32, HPET, -1, 0, 2, 4
	ROW read32, HPET, -1, 0, 2, 4
	ROW write32, HPET + 0x10, 0xFFFFFFFC
	ROW read32, HPET + 0x10, -1, 0, 2, 4
	ROW write32, HPET + 0x20, -1, 0, 2, 4
	ROW read32, HPET + 0x20, -1, 0, 2, 4
	ROW write32, HPET + 0xF0, -1, 0, 2, 4
	ROW read32, HPET + 0xF0, -1, 0, 2, 4
	ROW write32, HPET + 0x100, 0x106, 0, 3, 32
	ROW write32, HPET + 0x100, 0x106, 0x48, 3, 32	; what to set it for in the other mode is not said
	ROW read32, HPET + 0x100, ~0x40, 0, 3, 32	; nor which half written makes that bit go
	ROW read32, HPET + 0x100, ~0x40, 0, 3, 32	; nor which half written makes that bit go
	ROW write32, HPET + 0x104, -1, 0, 3, 32
	ROW write32, HPET + 0x108, -1, 0, 3, 32
	ROW write32, HPET + 0x108, -1, 0, 3, 32
	ROW read32, HPET + 0x108, -1, 0, 3, 32
	ROW read32, HPET + 0x10C, -1, 0, 3, 32
	ROW read32, HPET + 0x110, -1, 0, 3, 32	; Bochs lets the message routes be written that it does not offer
	ROW read32, HPET + 0x160, -1, 0, 16, 4
hpet_rows_end:

; x2APIC: MSRs, with whether they fault
x2apic:
	mov ecx, 0x1B
	rdmsr
	or eax, 0xC00
	wrmsr
	mov ebx, x2apic_start
.next:
	mov ecx, [ebx]
	mov eax, [ebx + 4]
	xor edx, edx
	wrmsr
	add ebx, 8
	cmp ebx, x2apic_start_end
	jb .next
	WALK "X2APIC", 1000, x2apic_rows, x2apic_rows_end
	ret
x2apic_start:
	dd 0x808, 0, 0x832, 0x10000, 0x833, 0x10000, 0x834, 0x10000, 0x835, 0x10000, 0x836, 0x10000, 0x837, 0x10000, 0x838, 0, 0x83E, 0
	dd 0x830, 0x40020, 0x828, 0, 0x828, 0
x2apic_start_end:
msr_out:
	call walk_value
	mov ecx, edx
	mov edx, 0
	push eax
	mov eax, ecx
%ifdef TRACE
	push ecx
	push edx
	mov edx, eax
	mov eax, [esp + 8]
	call walk_traced
	pop edx
	pop ecx
%endif
	pop eax
	TRY32 wrmsr
	mov al, [trap_vector]
	jmp walk_answer8
%ifdef TRACE
walk_traced:
	WALK_ACCESS 'm', 8, { nop }
%endif
msr_in:
	call walk_value
	mov ecx, edx
	xor eax, eax
%ifdef TRACE
	push eax
	mov eax, ecx
	push ecx
	mov edx, ecx
	call walk_traced
	pop ecx
	pop eax
%endif
	TRY32 rdmsr
	push eax
	mov al, [trap_vector]
	call walk_answer8
	pop eax
	and eax, [esi + 8]
	jmp walk_answer32
; the command register is not read: Bochs does not keep it in this form
x2apic_rows:
	ROW msr_out, 0x808, 0xFF
	ROW msr_out, 0x808, 0x2F
	ROW msr_out, 0x808, 0
	ROW msr_in, 0x808, -1
	ROW msr_in, 0x80A, -1
	ROW msr_in, 0x802, -1, 0, 11, 1	; not 80Dh, where Bochs has the other form's value
	ROW msr_in, 0x810, -1, 0, 24, 1
	ROW msr_out, 0x80F, 0x0F, 0x1F0
	ROW msr_out, 0x80B, 0
	ROW msr_out, 0x80B, 0
	ROW msr_out, 0x828, 0
	ROW msr_in, 0x828, -1
	ROW msr_out, 0x83F, 0x1F, 0x20
	ROW msr_out, 0x83F, 0x1F, 0x20
	ROW msr_out, 0x830, 0x1F, 0x40020
	ROW msr_out, 0x832, 0x100FF, 0x10000
	ROW msr_out, 0x833, 0x007FF, 0x10000, 2, 1
	ROW msr_out, 0x835, 0x1A0FF, 0x10000, 2, 1
	ROW msr_out, 0x837, 0xFF, 0x10000
	ROW msr_in, 0x832, -1, 0, 6, 1
	ROW msr_in, 0x832, -1, 0, 6, 1
	ROW msr_out, 0x83E, 0x0B
	ROW msr_in, 0x838, -1, 0, 8, 1
	ROW msr_in, 0x840, -1, 0, 192, 1
	ROW msr_out, 0x840, -1, 0, 192, 1
	ROW msr_out, 0x810, -1, 0, 24, 1
	ROW msr_out, 0x802, 0, 0, 2, 1
	ROW apic_open
	ROW apic_open
x2apic_rows_end:

GUEST_END
