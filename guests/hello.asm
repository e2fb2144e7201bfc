; HELLO: a boot sector that stays in real mode, says what it sees, and answers typed lines.
; Part in the monitor: a guest; its only means are COM1, the 8259 and HLT, as on the PC of 1981.

%include "lib/bios.inc"

COM1		equ 0x3F8
PIC_VECTORS	equ 0x20		; of the first 8259, out of the exceptions' way
LINE_BUFFER	equ 0x0600		; free storage above the BIOS data area
LINE_LENGTH	equ 72

	BOOT_SECTOR

	; UART: 115200 baud, 8N1, FIFOs on and empty, lines DTR RTS OUT2 (OUT2 lets the interrupt
	; through)
	mov si, uart_settings
	mov cx, (uart_settings.end - uart_settings) / 2
	mov dh, COM1 >> 8
.uart:
	lodsw
	mov dl, al
	mov al, ah
	out dx, al
	loop .uart

	mov si, text_hello
	call puts
	push cs
	pop ax
	call hex16
	mov al, ':'
	call putc
	call .ip
.ip:	pop ax				; the true one, not what the assembler believes
	call hex16
	mov si, text_cr0
	call puts
	smsw eax
	push ax
	shr eax, 16
	call hex16
	pop ax
	call hex16
	mov si, text_under
	call puts

	; CPUID leaf 1 ECX bit 31 is never set by a real processor
	mov eax, 1
	cpuid
	mov si, text_bare
	test ecx, ecx
	jns .named
	mov eax, 0x40000000
	cpuid
	mov si, LINE_BUFFER
	mov [si], ebx
	mov [si + 4], ecx
	mov [si + 8], edx
	mov byte [si + 12], 0
.named:
	call puts
	mov si, text_type
	call puts

	; both 8259s anew; only line 4, COM1, may interrupt
	mov word [(PIC_VECTORS + 4) * 4], receive
	mov word [(PIC_VECTORS + 4) * 4 + 2], 0
	mov si, pic_settings
	mov cx, (pic_settings.end - pic_settings) / 2
	mov dh, 0
.pic:
	lodsw
	mov dl, al
	mov al, ah
	out dx, al
	loop .pic

	mov di, LINE_BUFFER
	mov dx, COM1 + 1
	mov al, 1			; interrupt when a character has been received
	out dx, al
	sti
.wait:
	hlt
	jmp .wait

; IRQ 4: takes every character that is there. DI is the end of the line so far, and nobody else's.
receive:
	push ax
	push dx
	push si
.more:
	mov dx, COM1 + 5
	in al, dx
	test al, 1			; line status: data ready
	jz .done
	mov dx, COM1
	in al, dx
	cmp al, 13
	je .line
	cmp di, LINE_BUFFER + LINE_LENGTH
	jae .more
	mov [di], al
	inc di
	call putc
	jmp .more
.line:
	mov byte [di], 0
	mov si, text_heard
	call puts
	mov si, LINE_BUFFER
	mov di, si
	call puts
	mov si, text_newline
	call puts
	jmp .more
.done:
	mov al, 0x20			; end of interrupt
	out 0x20, al
	pop si
	pop dx
	pop ax
	iret

; prints AX as four hexadecimal digits
hex16:
	mov cx, 4
.digit:
	rol ax, 4
	push ax
	and al, 15
	cmp al, 10
	sbb al, 0x69			; the classic: 0-9 and 10-15 to ASCII without a table
	das
	call putc
	pop ax
	loop .digit
	ret

; prints the string at DS:SI up to its zero
puts:
	lodsb
	test al, al
	jz putc.end
	call putc
	jmp puts

; prints AL once the transmitter is free
putc:
	push dx
	push ax
	mov dx, COM1 + 5
.busy:
	in al, dx
	test al, 0x20			; line status: transmitter holding register empty
	jz .busy
	pop ax
	mov dx, COM1
	out dx, al
	pop dx
.end:
	ret

; pairs of port (low byte) and value
uart_settings:
	db 0xF9, 0x00,  0xFB, 0x80,  0xF8, 0x01,  0xF9, 0x00,  0xFB, 0x03,  0xFA, 0x07,  0xFC, 0x0B
.end:
pic_settings:
	db 0x20, 0x11,  0x21, PIC_VECTORS,  0x21, 0x04,  0x21, 0x01,  0x21, 0xEF
	db 0xA0, 0x11,  0xA1, PIC_VECTORS + 8,  0xA1, 0x02,  0xA1, 0x01,  0xA1, 0xFF
.end:

text_hello	db "HELLO: REAL MODE AT ", 0
text_cr0	db ", CR0 ", 0
text_under	db 13, 10, "HELLO: UNDER ", 0
text_bare	db "NO HYPERVISOR", 0
text_type	db 13, 10, "HELLO: TYPE A LINE", 13, 10, 0
text_heard	db 13, 10, "HELLO HEARD: ", 0
text_newline	db 13, 10, 0

	BOOT_SECTOR_END
