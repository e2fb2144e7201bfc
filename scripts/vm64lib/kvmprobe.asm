; A boot sector that tries VT-x: executes VMXON and tells the emulator's exit port how that went.
; Part in the monitor: none; scripts/vm64 asks it whether QEMU/KVM really offers nested VT-x.

BITS 16
ORG 0x7C00

EXIT_PORT	equ 0xF4
LOG_PORT	equ 0xE9

GOOD		equ 0x10
NO_VMX		equ 0x11
LOCKED_OFF	equ 0x12
NO_EPT_UG	equ 0x13
NO_VMXON	equ 0x14

FEATURE_CONTROL	equ 0x3A
VMX_BASIC	equ 0x480
VMX_PROC	equ 0x482
VMX_PROC2	equ 0x48B

PAGE_DIRECTORY	equ 0x9000
VMXON_REGION	equ 0xA000

start:
	cli
	xor ax, ax
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov sp, 0x7C00
	cld

	mov eax, 1
	cpuid
	mov bl, NO_VMX
	bt ecx, 5
	jnc answer

	; "Enabling and Entering VMX Operation": outside SMX, FEATURE_CONTROL must have bits 0 and 2 set.
	mov ecx, FEATURE_CONTROL
	rdmsr
	mov bl, LOCKED_OFF
	test al, 1
	jz .unlocked
	test al, 4
	jz answer
	jmp .enabled
.unlocked:
	or al, 5
	wrmsr
.enabled:
	mov bl, NO_EPT_UG
	mov ecx, VMX_PROC
	rdmsr
	bt edx, 31			; may secondary controls be activated?
	jnc answer
	mov ecx, VMX_PROC2
	rdmsr
	and edx, 0x82			; enable EPT, unrestricted guest
	cmp edx, 0x82
	jne answer

	; VMXON wants paging: one 4 MiB page, one to one.
	mov di, PAGE_DIRECTORY
	xor eax, eax
	mov cx, 0x2000 / 4
	rep stosd			; clears the VMXON region as well
	mov dword [PAGE_DIRECTORY], 0x83
	mov ecx, VMX_BASIC
	rdmsr
	mov [VMXON_REGION], eax		; revision; bit 31 is 0 in the MSR

	lgdt [gdt_pointer]
	mov eax, cr4
	or eax, (1 << 4) | (1 << 13)	; PSE, VMXE
	mov cr4, eax
	mov eax, PAGE_DIRECTORY
	mov cr3, eax
	mov eax, cr0
	or eax, (1 << 31) | (1 << 5) | 1	; PG, NE, PE
	mov cr0, eax
	jmp 0x08:protected

BITS 32
protected:
	mov ax, 0x10
	mov ds, ax
	mov ss, ax
	mov esp, 0x7C00
	mov bl, NO_VMXON
	vmxon [region_pointer]
	jc answer32
	jz answer32
	mov bl, GOOD
	vmxoff
answer32:
	movzx eax, bl
	out LOG_PORT, al
	out EXIT_PORT, eax
.stay:	hlt
	jmp .stay

BITS 16
answer:
	movzx eax, bl
	out LOG_PORT, al
	out EXIT_PORT, eax
.stay:	hlt
	jmp .stay

ALIGN 8
gdt:	dq 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF
gdt_pointer:
	dw $ - gdt - 1
	dd gdt
ALIGN 8
region_pointer:
	dq VMXON_REGION

	times 510 - ($ - $$) db 0
	dw 0xAA55
	; A whole diskette track, so that the BIOS accepts the medium.
	times 1474560 - ($ - $$) db 0
