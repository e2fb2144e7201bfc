; WALK: at random through the chips of a PC's board: 8259, 8254, clock, 8237, UART, 8042, whose answers do not depend on time.
; Part in the monitor: a guest; what it prints on the machine itself it must print as a guest.

%define GUEST_NAME "WALK"
%include "equiv/walk32.inc"

main32:
	call values_init
	SAY32 "WALK: BEGIN", NL
	mov dword [APIC + 0xF0], 0x1FF
	mov dword [APIC + 0x350], 0x700
	mov dword [irq_limit], 6
	OUTB 0x3F6, 2				; the drives' lines are down
	OUTB 0x376, 2
	INB 0x1F7
	INB 0x177
	call pic
	call walk_show
	call pit
	call walk_show
	call clock
	call walk_show
	call dma
	call walk_show
	call ports
	call walk_show
	call uart
	call walk_show
	call ps2
	call walk_show
	SAY32 "WALK: END", NL
	jmp p32_power_off

; 8259: lines 0 (8254), 4 (UART) and 8 (clock) go up and down as asked
pic:
	mov byte [irq_eoi], 0
	OUTB 0x3FC, 0x0B
	OUTB 0x3F9, 0
	OUTB 0x70, 0x0A
	OUTB 0x71, 0x23
	OUTB 0x70, 0x0B
	OUTB 0x71, 0x82
	OUTB 0x70, 0x0C
	INB 0x71
	OUTB 0x43, 0x30
	PIC_INIT 1
	OUTB 0x4D0, 0
	OUTB 0x4D1, 0
	WALK "PIC", 800, pic_rows, pic_rows_end
	call lines_down
	PIC_INIT 1
	OUTB 0x20, 0x4A
	OUTB 0xA0, 0x4A
	mov dword [levels], 1
	WALK "LEVEL", 600, pic_rows, level_rows_end
	OUTB 0x4D0, 0
	OUTB 0x4D1, 0x0C
	call lines_down
	PIC_INIT 1
	ret
; A request whose edge's line drops before it is taken stays (vpic.c has why), not so in Bochs: so a line goes up once until all is taken.
line0_up:
	bts dword [lines_up], 0
	jc .end
	mov edx, 0x40
	mov al, 2
	call walk_out8
	mov al, 0
	call walk_out8
	call pause_ticks
	jmp open
.end:
	ret
line4_up:
	mov edx, 0x3F9
	mov al, 2
	call walk_out8
	jmp open
line8_up:
	bts dword [lines_up], 8
	jc .end
	mov al, 0x40				; periodic, 8192 Hz
	call clock_b
	mov ecx, 30000
	loop $
	in al, 0x61
	jmp open
.end:
	ret
clock_b:
	mov ah, al
	mov edx, 0x70
	mov al, 0x0B
	call walk_out8
	inc edx
	mov al, ah
	or al, 2
	jmp walk_out8
lines_down:
	mov dword [lines_up], 0
	mov edx, 0x43
	mov al, 0x30
	call walk_out8
	mov edx, 0x3F9
	mov al, 0
	call walk_out8
	mov al, 0
	call clock_b
	OUTB 0x70, 0x0C
	INB 0x71
	ret
; ends whatever is in service, takes all that is pending, and has the lines down
take_all:
	mov edx, 0x21
	mov al, 0
	call walk_out8
	mov edx, 0xA1
	call walk_out8
	call open
	mov edi, 2
.again:
	mov ebx, 0x60
.level:
	mov edx, 0xA0
	mov al, bl
	call walk_out8
	mov edx, 0x20
	call walk_out8
	call open
	inc ebx
	cmp ebx, 0x68
	jb .level
	dec edi
	jnz .again
	call lines_down
	mov edx, 0x20				; now, since Bochs does not look again at what is pending
	call walk_random
	and al, 7
	or al, 0xC0
	call walk_out8
	call open
	cmp dword [levels], 0
	je .same
	call pic_start.chips			; a level's request that has gone stays with Bochs
	mov edx, 0x4D0
	call walk_random
	call walk_out8
	inc edx
	call walk_random
	call walk_out8
	call walk_in8
	call walk_answer8
.same:
	ret
lines_up	dd 0
levels		dd 0
; initialisation words: vectors that there are gates for, automatic end or not; Bochs keeps special mask mode and the register read
pic_start:
	mov al, 0xFF
	out 0x21, al
	call lines_down
.chips:
	mov edx, 0xA0
	mov bl, 2
	call .chip
	mov edx, 0x20
	mov bl, 4
.chip:
	mov al, 0x11
	call walk_out8
	inc edx
	call walk_random
	and al, 0x1F
	or al, 0x20
	call walk_out8
	mov al, bl
	call walk_out8
	call walk_random
	and al, 2
	cmp dword [levels], 0			; a level would come for ever
	je .automatic
	mov al, 0
.automatic:
	or al, 1
	call walk_out8
	dec edx
	mov al, 0x4A
	jmp walk_out8
; What is pending comes, without an end of interrupt: at once, since Bochs settles at the first request which it will be.
pic_out:
	call out8
open:
	mov dword [irq_count], 0
	mov dword [irq_order], 0
	OPEN
	mov eax, [irq_order]
	jmp walk_answer32
pic_rows:
	ROW pic_out, 0x21, 0xFF
	ROW pic_out, 0x21, 0xEE
	ROW pic_out, 0x21, 0, 0
	ROW pic_out, 0xA1, 0xFF
	ROW pic_out, 0xA1, 0xFE
	ROW pic_out, 0x20, 0x80			; not A0h: Bochs then moves the priorities by one, whatever ended
	ROW pic_out, 0x20, 0x07, 0xE0
	ROW pic_out, 0x20, 0x07, 0x60
	ROW pic_out, 0x20, 0, 0x40
	ROW pic_out, 0x20, 0, 0x20
	ROW pic_out, 0x20, 0, 0x20
	ROW pic_out, 0x20, 0, 0x20
	ROW pic_out, 0xA0, 0x80
	ROW pic_out, 0xA0, 0x87, 0x60
	ROW pic_out, 0xA0, 0, 0x20
	ROW pic_out, 0xA0, 0, 0x20
	ROW pic_out, 0x20, 0x43, 8		; not special mask mode: Bochs' lets all through but what is in service
	ROW pic_out, 0xA0, 0x43, 8
	ROW pic_out, 0x20, 3, 0x08
	ROW pic_out, 0xA0, 3, 0x08
	ROW in8, 0x20, 0xFF
	ROW in8, 0x20, 0xFF
	ROW in8, 0x20, 0xFF
	ROW in8, 0x21, 0xFF
	ROW in8, 0xA0, 0xFF
	ROW in8, 0xA0, 0xFF
	ROW in8, 0xA1, 0xFF
	ROW pic_start
	ROW line0_up
	ROW line0_up
	ROW line0_up
	ROW line8_up
	ROW line8_up
	ROW line8_up
	ROW line4_up
	ROW line4_up
	ROW take_all
	ROW take_all
pic_rows_end:
	ROW take_all
	ROW take_all
	ROW take_all
	ROW in8, 0x4D0, 0xFF
	ROW in8, 0x4D1, 0xFF
level_rows_end:

; 8254: counter 2 stands while its gate is low; counter 0 is never triggered in modes 1 and 5
pit:
	OUTB 0x61, 0
	OUTB 0x43, 0xB0
	OUTB 0x42, 0x34
	OUTB 0x42, 0x12
	call pause_ticks
	WALK "PIT COUNT", 1000, pit_rows, pit_rows_end
	WALK "PIT STATUS", 300, pit_status_rows, pit_status_rows_end
	ret
pit_out:
	call out8
	jmp pause_ticks
; modes 0 and 4: in the others Bochs' counters move with the gate low, and mode 3 does not load then
pit_rows:
	ROW pit_out, 0x43, 0x09, 0xB0
	ROW pit_out, 0x43, 0x09, 0xB0
	ROW pit_out, 0x43, 0x09, 0x90
	ROW pit_out, 0x43, 0x09, 0xA0
	ROW pit_out, 0x43, 0x0F, 0x80
	ROW pit_out, 0x43, 0x0F, 0x80
	ROW pit_back, 0x43, 0x01, 0xC8
	ROW pit_back, 0x43, 0x01, 0xE8
	ROW pit_out, 0x42, 0x77
	ROW pit_out, 0x42, 0x77
	ROW pit_out, 0x42, 0x77
	ROW pit_out, 0x42, 0x77
	ROW pit_out, 0x42, 0x77
	ROW pit_read
	ROW pit_read
	ROW pit_read
	ROW pit_read
	ROW in8, 0x61, 0x23
pit_rows_end:
; no latching between two halves: what comes then no data sheet says
pit_read:
	mov edx, 0x42
	call walk_in8
	call walk_answer8
	call walk_in8
	jmp walk_answer8
pit_back:
	call pit_out
	mov edx, 0x42
	call walk_in8
	jmp walk_answer8
; whether the count has been taken, and the output
pit_status:
	mov edx, 0x43
	mov al, 0xE8
	call walk_out8
	dec edx
	call walk_in8
	jmp walk_answer8
pit_status_rows:
	ROW pit_out, 0x43, 0x35, 0x80		; not modes 3, 6 and 7, as which Bochs has 2 and 3 no more
	ROW pit_out, 0x43, 0x3B, 0x80
	ROW pit_out, 0x42, 0x77
	ROW pit_out, 0x42, 0x77
	ROW pit_status
	ROW pit_status
pit_status_rows_end:

; the clock while it is being set, and its storage
clock:
	OUTB 0x70, 0x0B
	OUTB 0x71, 0x82
	mov ebx, clock_date
	mov ecx, 10
.next:
	mov al, 10
	sub al, cl
	out 0x70, al
	mov al, [ebx]
	out 0x71, al
	inc ebx
	loop .next
	mov ecx, 114
.fill:
	mov al, 128
	sub al, cl
	out 0x70, al
	out 0x71, al
	loop .fill
	OUTB 0x70, 0x0C
	INB 0x71
	WALK "CLOCK", 1000, clock_rows, clock_rows_end
	OUTB 0x70, 0x0A
	OUTB 0x71, 0x26
	OUTB 0x70, 0x0F
	OUTB 0x71, 0
	OUTB 0x70, 0x0B
	OUTB 0x71, 0x82
	mov ebx, clock_date
	mov ecx, 10
.set:
	mov al, 10
	sub al, cl
	out 0x70, al
	mov al, [ebx]
	out 0x71, al
	inc ebx
	loop .set
	OUTB 0x70, 0x0B
	OUTB 0x71, 2
	ret
clock_date	db 0x30, 0, 0x45, 0, 0x12, 0, 2, 0x14, 9, 0x23
clock_rows:
	ROW index_out8, 0x70, 0xFF, 0, 10, 0
	ROW index_out8, 0x70, 0xFF, 0, 10, 0
	ROW index_in8, 0x70, 0xFF, 0, 10, 0
	ROW index_in8, 0x70, 0xFF, 0, 10, 0
	ROW index_out8, 0x70, 0x0F, 0x20, 1, 10
	ROW index_in8, 0x70, 0x7F, 0, 1, 10
	ROW index_out8, 0x70, 0x23, 0x82, 1, 11		; set with SET already there, Bochs takes update interrupts away; and no square wave
	ROW index_in8, 0x70, 0xFF, 0, 1, 11
	ROW index_out8, 0x70, 0xFF, 0, 2, 12
	ROW index_in8, 0x70, 0xBF, 0, 2, 12		; periods are told without their interrupt too, not by Bochs
	ROW index_out8, 0x70, 0xFF, 0, 114, 14
	ROW index_out8, 0x70, 0xFF, 0, 114, 14
	ROW index_in8, 0x70, 0xFF, 0, 114, 14
	ROW index_in8, 0x70, 0xFF, 0, 114, 14
	ROW index_out8, 0x72, 0xFF, 0, 8, 14
	ROW index_in8, 0x72, 0xFF, 0, 8, 14
	ROW index_out8, 0x72, 0xFF, 0, 8, 0x90
	ROW index_in8, 0x72, 0xFF, 0, 8, 0x90
	ROW in8, 0x71, 0x3F
clock_rows_end:

; the 8237s: what moves nothing
dma:
	OUTB 0x0D, 0
	OUTB 0xDA, 0
	mov edx, 0
.next:
	mov al, 0
	out dx, al
	out dx, al
	inc edx
	cmp edx, 8
	jb .next
	mov edx, 0xC0
.second:
	mov al, 0
	out dx, al
	out dx, al
	add edx, 2
	cmp edx, 0xD0
	jb .second
	mov edx, 0x80
.page:
	mov al, 0
	out dx, al
	inc edx
	cmp edx, 0x90
	jb .page
	WALK "DMA", 1200, dma_rows, dma_rows_end
	OUTB 0x0D, 0
	OUTB 0xDA, 0
	OUTB 0xD6, 0xC0
	OUTB 0xD4, 0
	ret
; both halves: Bochs forgets the upper one when the lower one is written
dma_pair:
	call walk_value
	push eax
	push edx
	mov edx, 0x0C
	cmp dword [esi + 4], 0
	je .clear
	mov edx, 0xD8
.clear:
	call walk_out8
	pop edx
	pop eax
	call walk_out8
	mov al, ah
	jmp walk_out8
dma_rows:
	ROW dma_pair, 0, 0xFFFF, 0, 8, 1
	ROW in8, 0, 0xFF, 0, 8, 1
	ROW in8, 0, 0xFF, 0, 8, 1
	ROW in8, 0, 0xFF, 0, 8, 1
	ROW dma_pair, 0xC0, 0xFFFF, 0, 8, 2
	ROW in8, 0xC0, 0xFF, 0, 8, 2
	ROW in8, 0xC0, 0xFF, 0, 8, 2
	ROW in8, 0xC0, 0xFF, 0, 8, 2
	ROW out8, 0x80, 0xFF, 0, 16, 1
	ROW in8, 0x80, 0xFF, 0, 16, 1
	ROW out8, 0x0A, 7
	ROW out8, 0xD4, 7
	ROW out8, 0x0C, 0
	ROW out8, 0xD8, 0
	ROW out8, 0x0F, 15
	ROW out8, 0xDE, 15
	ROW in8, 0x0F, 0x0F
	ROW in8, 0xDE, 0x0F
	ROW in8, 0x08, 0x0F
	ROW in8, 0xD0, 0x0F
	ROW in8, 0x0D, 0xFF
	ROW in8, 0xDA, 0xFF
	ROW out8, 0x0B, 0x3F, 0x40
	ROW out8, 0x0E, 0
	ROW out8, 0x0D, 0
	ROW out8, 0xDC, 0
	ROW out8, 0xDA, 0
dma_rows_end:

ports:
	OUTB 0x92, 2
	OUTB 0x61, 0
	OUTB 0x43, 0xB0				; counter 2's output is low until it has been loaded
	WALK "PORTS", 300, ports_rows, ports_rows_end
	OUTB 0x92, 2
	OUTB 0x61, 0
	ret
ports_rows:
	ROW out8, 0x92, 0, 2			; the others are kept, as QEMU does
	ROW in8, 0x92, 0xFF
	ROW out8, 0x61, 3
	ROW in8, 0x61, 0xEF
	ROW out8, 0xB3, 0xFF
	ROW in8, 0xB3, 0xFF
	ROW in8, 0x300, 0xFF
	ROW in16, 0x300, 0xFFFF
	ROW in32, 0x300, 0xFFFFFFFF
	ROW out32, 0x300, 0xFFFFFFFF
	ROW out8, 0xED, 0xFF
	ROW in8, 0xED, 0xFF
ports_rows_end:

; the UART, whose end is its beginning
uart:
	mov edx, 0x3FD				; until all has been sent
.busy:
	in al, dx
	test al, 0x40
	jz .busy
	OUTB 0x3F9, 0
	OUTB 0x3FB, 0x83
	OUTB 0x3F8, 1
	OUTB 0x3F9, 0
	OUTB 0x3FB, 3
	OUTB 0x3FC, 0x10
	OUTB 0x3FA, 7
	OUTB 0x3FF, 0
	call uart_time
	INB 0x3F8
	INB 0x3FD
	INB 0x3FE
	OUTB 0x3F9, 1
	WALK "UART", 1500, uart_rows, uart_rows_end
	OUTB 0x3FB, 3
	OUTB 0x3F9, 0
	OUTB 0x3FC, 0x0B
	OUTB 0x3FA, 7
	ret
uart_time:
	mov ecx, 20000
	loop $
	in al, 0x61
	mov ecx, 20000
	loop $
	in al, 0x61
	ret
uart_send:
	mov edx, 0x3FB
	mov al, 3
	call walk_out8
	mov edx, 0x3F8
	call walk_random
	call walk_out8
	jmp uart_time
uart_divisor:
	mov edx, 0x3FB
	mov al, 0x83
	call walk_out8
	call walk_random
	mov ebx, eax
	and ebx, 1
	mov edx, 0x3F8
	call walk_in8
	call walk_answer8
	lea edx, [ebx + 0x3F8]
	mov al, 5
	call walk_out8
	call walk_in8
	call walk_answer8
	mov edx, 0x3F8
	mov al, 1
	call walk_out8
	inc edx
	mov al, 0
	call walk_out8
	mov edx, 0x3FB
	mov al, 3
	call walk_out8
	jmp uart_time
; a byte, if there is one: what else is read then no data sheet says
uart_take:
	mov edx, 0x3FB
	mov al, 3
	call walk_out8
	mov edx, 0x3FD
	call walk_in8
	push eax
	call walk_answer8
	pop eax
	test al, 1
	jz .end
	mov edx, 0x3F8
	call walk_in8
	call walk_answer8
	jmp uart_time				; four characters' time, and the rest is told again
.end:
	ret
; only while the FIFO is empty: Bochs looks at the level when a byte comes, and forgets to tell when bytes are thrown away
uart_fifo:
	mov edx, 0x3FB
	mov al, 3
	call walk_out8
	mov edx, 0x3F8
	mov ecx, 20
.next:
	call walk_in8
	loop .next
	jmp out8
uart_rows:
	ROW uart_send
	ROW uart_send
	ROW uart_send
	ROW uart_divisor
	ROW out8, 0x3F9, 0x0C, 1		; not the transmitter's, which Bochs takes as told when another is read
	ROW uart_fifo, 0x3FA, 0xC5, 2
	ROW uart_fifo, 0x3FA, 0xC4, 3
	ROW out8, 0x3FB, 0x3F			; no break: it acts on the line alone, which in a loop nobody sees
	ROW out8, 0x3FC, 0x0F, 0x10
	ROW out8, 0x3FC, 0x0F, 0x10
	ROW out8, 0x3FF, 0xFF
	ROW uart_take
	ROW uart_take
	ROW uart_take
	ROW in8, 0x3F9, 0xFF
	ROW in8, 0x3FA, 0xFF
	ROW in8, 0x3FA, 0xFF
	ROW in8, 0x3FB, 0xFF
	ROW in8, 0x3FC, 0xFF
	ROW in8, 0x3FD, 0xFF
	ROW in8, 0x3FD, 0xFF
	ROW in8, 0x3FE, 0xFF
	ROW in8, 0x3FE, 0xFF
	ROW in8, 0x3FF, 0xFF
uart_rows_end:

%include "equiv/walk_ps2.inc"

GUEST_END
