/* The tiny BIOS's screen (INT 10h): characters go to the console, positions become new lines. */
/* Part: ipl/; a console is a stream, so colours, pages and scrolling have no effect. */
#include "vmm/ipl/bios.h"

#define COLUMNS 80u
#define ROWS	25u
#define AT_ONCE 64u /* characters a call sends before the guest may take interrupts again */

static uint32_t room(const struct vm *vm)
{
	const struct vm_console *k = &vm->console;

	return CONSOLE_OUT - (k->out_head - k->out_tail);
}

/* The cursor of page 0 in the BIOS data area follows what was sent. */
static void advance(struct vm *vm, uint8_t byte)
{
	unsigned int column = (unsigned int)bios_peek(vm, BDA_CURSOR, 1);
	unsigned int row = (unsigned int)bios_peek(vm, BDA_CURSOR + 1, 1);

	if (byte == '\r')
		column = 0;
	else if (byte == '\n')
		row++;
	else if (byte == '\b')
		column -= column != 0;
	else if (byte != 0x07)
		column++;
	if (column >= COLUMNS) {
		column = 0;
		row++;
	}
	if (row >= ROWS)
		row = ROWS - 1;
	bios_poke(vm, BDA_CURSOR, (column & 0xff) | (row & 0xff) << 8, 2);
}

static void send(struct vm *vm, uint8_t byte)
{
	vm_console_put(&vm->console, byte);
	advance(vm, byte);
}

/* INT 10h AH=02h: on a stream, a move to another row can only be a new line. */
static bool move_cursor(struct bios_call *c, uint16_t position)
{
	unsigned int row = position >> 8, column = position & 0xff;

	if (row != bios_peek(c->vm, BDA_CURSOR + 1, 1)) {
		if (room(c->vm) < 2) {
			c->again = true;
			return false;
		}
		vm_console_put(&c->vm->console, '\r');
		vm_console_put(&c->vm->console, '\n');
	}
	bios_poke(c->vm, BDA_CURSOR,
		  (column < COLUMNS ? column : 0) | (row < ROWS ? row : ROWS - 1) << 8, 2);
	return true;
}

/*
 * `count` characters, one repeated or a string in storage, over as many calls as the console's room
 * asks for: how far it has come is kept in the guest's storage, where a reset clears it.
 */
static void send_many(struct bios_call *c, uint32_t count, uint64_t string, uint32_t step,
		      uint8_t same)
{
	uint32_t done = (uint32_t)bios_peek(c->vm, BIOS_PROGRESS, 4), sent = 0;

	for (; done < count && sent < AT_ONCE && room(c->vm) >= 1; done++, sent++)
		send(c->vm,
		     string ? (uint8_t)bios_peek(c->vm, string + (uint64_t)done * step, 1) : same);
	if (done < count) {
		c->again = true;
		/* Only a full console is worth a wait. */
		c->spin = room(c->vm) != 0;
		bios_poke(c->vm, BIOS_PROGRESS, done, 4);
	} else {
		bios_poke(c->vm, BIOS_PROGRESS, 0, 4);
	}
}

/* AH = 13h: CX characters at ES:BP from position DX; AL bit 1 = each followed by its colour. */
static void write_string(struct bios_call *c)
{
	bool first = bios_peek(c->vm, BIOS_PROGRESS, 4) == 0;

	if (bios_word(c, RCX) == 0 || (first && !move_cursor(c, bios_word(c, RDX))))
		return;
	send_many(c, bios_word(c, RCX), bios_address(c, SEG_ES, bios_word(c, RBP)),
		  bios_low(c, RAX) & 2 ? 2 : 1, 0);
}

/* AH = 09h, 0Ah leave the cursor where it is; what a stream cannot do is left undone: no going
 * back. */
static void write_repeated(struct bios_call *c)
{
	uint32_t count = bios_word(c, RCX);

	/* A whole screen or line of blanks is somebody clearing: on a stream that says nothing. */
	if (bios_low(c, RAX) == ' ' && count >= COLUMNS)
		return;
	send_many(c, count, 0, 0, bios_low(c, RAX));
}

void bios_screen(struct bios_call *c)
{
	switch (bios_high(c, RAX)) {
	case 0x00:
		bios_poke(c->vm, BDA_CURSOR, 0, 2);
		bios_poke(c->vm, BDA_VIDEO, bios_low(c, RAX) & 0x7f, 1);
		bios_set_low(c, RAX, 0x30);
		break;
	case 0x02:
		move_cursor(c, bios_word(c, RDX));
		break;
	case 0x03:
		bios_set_word(c, RCX, bios_peek(c->vm, 0x460, 2));
		bios_set_word(c, RDX, bios_peek(c->vm, BDA_CURSOR, 2));
		break;
	case 0x01:
		bios_poke(c->vm, 0x460, bios_word(c, RCX), 2);
		break;
	case 0x08:
		bios_set_word(c, RAX, 0x0720);
		break;
	case 0x09:
	case 0x0a:
		write_repeated(c);
		break;
	case 0x0e:
		if (room(c->vm) == 0)
			c->again = true;
		else
			send(c->vm, bios_low(c, RAX));
		break;
	case 0x0f:
		bios_set_word(c, RAX, COLUMNS << 8 | bios_peek(c->vm, BDA_VIDEO, 1));
		bios_set_high(c, RBX, 0);
		break;
	case 0x13:
		write_string(c);
		break;
	case 0x05:
	case 0x06:
	case 0x07:
	case 0x0b:
	case 0x10:
	case 0x11: /* page, scroll, colours, fonts */
		break;
	default:
		c->unknown = true;
		break;
	}
}
