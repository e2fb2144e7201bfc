/* The tiny BIOS's storage map, A20, waits, block moves (INT 15h), keys (16h) and clock (1Ah). */
/* Part: ipl/; keys come from the machine's console. */
#include "vmm/ipl/bios.h"

#include "arch/api/cpu.h"
#include "vmm/ipl/job.h"
#include "vmm/machine/gmem.h"

#define SMAP		  0x534d4150u
#define SMAP_ENTRY	  20u
#define TICK_MICROSECONDS 54925u

/* AX = E820h: the same map that Linux and multiboot systems are given. */
static void storage_map(struct bios_call *c)
{
	uint64_t b = machine_storage_size(c->vm);
	const uint64_t map[3][3] = {
	    {0, IPL_LOW_END, 1},
	    {IPL_LOW_END, IPL_HIGH_START - IPL_LOW_END, 2},
	    {IPL_HIGH_START, b - IPL_HIGH_START, 1},
	};
	uint32_t n = (uint32_t)c->gpr[RBX], count = b > IPL_HIGH_START ? 3 : 2;
	uint8_t entry[SMAP_ENTRY];

	if ((uint32_t)c->gpr[RDX] != SMAP || (uint32_t)c->gpr[RCX] < SMAP_ENTRY || n >= count) {
		c->unknown = true;
		return;
	}
	ipl_set64(entry, map[n][0]);
	ipl_set64(entry + 8, map[n][1]);
	ipl_set32(entry + 16, map[n][2]);
	gmem_write(c->vm, GPA(bios_address(c, SEG_ES, bios_word(c, RDI))), entry, sizeof(entry));
	bios_set_long(c, RAX, SMAP);
	bios_set_long(c, RBX, n + 1 < count ? n + 1 : 0);
	bios_set_long(c, RCX, SMAP_ENTRY);
	bios_carry(c, false);
}

static uint64_t kib_above_1m(struct bios_call *c)
{
	uint64_t b = machine_storage_size(c->vm);

	return b > IPL_HIGH_START ? (b - IPL_HIGH_START) >> 10 : 0;
}

/* AX = E801h: KiB from 1 to 16 MiB, and 64 KiB blocks above. */
static void two_sizes(struct bios_call *c)
{
	uint64_t kib = kib_above_1m(c), low = kib < 0x3c00 ? kib : 0x3c00, high = (kib - low) >> 6;

	bios_set_word(c, RAX, low);
	bios_set_word(c, RCX, low);
	bios_set_word(c, RBX, high);
	bios_set_word(c, RDX, high);
	bios_carry(c, false);
}

/* AX = 2400h to 2403h. Address line 20 is always on, as on every machine whose gate is never
 * closed. */
static void a20(struct bios_call *c)
{
	uint8_t function = bios_low(c, RAX);

	if (function == 0x00 || function > 0x03) {
		c->unknown = true;
		return;
	}
	bios_set_high(c, RAX, 0);
	if (function == 0x02)
		bios_set_low(c, RAX, 1);
	if (function == 0x03)
		bios_set_word(c, RBX, 0x0002); /* by port 92h */
	bios_carry(c, false);
}

/* AH = 86h: CX:DX microseconds from the first call on. */
static void wait(struct bios_call *c)
{
	uint64_t now = cpu_tsc(), hz = cpu_tsc_hz();
	uint64_t until = bios_peek(c->vm, BIOS_WAIT_UNTIL, 8);
	uint64_t microseconds = (uint64_t)bios_word(c, RCX) << 16 | bios_word(c, RDX);

	if (until == 0) {
		until = now + muldiv64(microseconds, hz, 1000000);
		bios_poke(c->vm, BIOS_WAIT_UNTIL, until, 8);
	}
	if (now < until) {
		c->again = true;
		/* The next tick must not come after the end. */
		c->spin = until - now < muldiv64(TICK_MICROSECONDS, hz, 1000000);
		return;
	}
	bios_poke(c->vm, BIOS_WAIT_UNTIL, 0, 8);
	bios_carry(c, false);
}

/* AH = 87h: CX words from descriptor 2 to descriptor 3 of the table at ES:SI. */
static void block_move(struct bios_call *c)
{
	uint64_t table = bios_address(c, SEG_ES, bios_word(c, RSI));
	uint64_t source = bios_peek(c->vm, table + 0x12, 3) | bios_peek(c->vm, table + 0x17, 1)
								  << 24;
	uint64_t target = bios_peek(c->vm, table + 0x1a, 3) | bios_peek(c->vm, table + 0x1f, 1)
								  << 24;
	size_t bytes = (size_t)bios_word(c, RCX) * 2;
	const void *from = gmem_window(c->vm, GPA(source), bytes);
	bool moved = bytes == 0 || (from && gmem_write(c->vm, GPA(target), from, bytes));

	bios_set_high(c, RAX, moved ? 0 : 2);
	bios_carry(c, !moved);
}

void bios_system(struct bios_call *c)
{
	switch (bios_high(c, RAX)) {
	case 0x24:
		a20(c);
		break;
	case 0x86:
		wait(c);
		break;
	case 0x87:
		block_move(c);
		break;
	case 0x88:
		bios_set_word(c, RAX, kib_above_1m(c) < 0xffff ? kib_above_1m(c) : 0xffff);
		bios_carry(c, false);
		break;
	case 0xe8:
		if (bios_low(c, RAX) == 0x20)
			storage_map(c);
		else if (bios_low(c, RAX) == 0x01)
			two_sizes(c);
		else
			c->unknown = true;
		break;
	default:
		c->unknown = true;
		break;
	}
}

/* ASCII with the scan code of the key of a PC's keyboard that gives it; 0 where none of the usual
 * does. */
static uint16_t key_of(uint8_t byte)
{
	static const char rows[] = "1234567890-=\b\tqwertyuiop[]\r\001asdfghjkl;'`\001\\zxcvbnm,./";
	static const char shifted[] =
	    "!@#$%^&*()_+\b\tQWERTYUIOP{}\r\001ASDFGHJKL:\"~\001|ZXCVBNM<>?";
	uint32_t i;

	/* A terminal's Enter and Delete are the PC's Enter and Backspace. */
	if (byte == '\n')
		byte = '\r';
	if (byte == 0x7f)
		byte = '\b';
	if (byte == ' ')
		return 0x3920;
	if (byte == 0x1b)
		return 0x011b;
	for (i = 0; byte > 1 && rows[i] != '\0'; i++)
		if ((uint8_t)rows[i] == byte || (uint8_t)shifted[i] == byte)
			return (uint16_t)((i + 2) << 8 | byte);
	return byte;
}

void bios_keyboard(struct bios_call *c)
{
	struct vm_console *k = &c->vm->console;

	switch (bios_high(c, RAX)) {
	case 0x00:
	case 0x10:
		if (vm_console_pending(k))
			bios_set_word(c, RAX, key_of((uint8_t)vm_console_get(k)));
		else
			c->again = true;
		break;
	case 0x01:
	case 0x11:
		/* Looks only: the byte stays in the ring. */
		if (vm_console_pending(k)) {
			bios_set_word(c, RAX, key_of(k->in[k->in_tail % CONSOLE_IN]));
			c->flags_clear |= BIOS_ZERO;
		} else {
			c->flags_set |= BIOS_ZERO;
		}
		break;
	case 0x02:
	case 0x12:
		bios_set_word(c, RAX, 0); /* no shift key is down */
		break;
	case 0x03:
		break; /* the rate at which keys repeat */
	default:
		c->unknown = true;
		break;
	}
}

/* A register of the real-time clock, BCD as the BIOS gives it. */
static uint8_t clock_register(struct bios_call *c, uint8_t number)
{
	uint8_t value, binary;

	bios_out(c->vm, 0x70, 0x0b);
	binary = bios_in(c->vm, 0x71) & 0x04;
	bios_out(c->vm, 0x70, number);
	value = bios_in(c->vm, 0x71);
	return binary ? (uint8_t)((value / 10 % 10) << 4 | value % 10) : value;
}

void bios_clock(struct bios_call *c)
{
	switch (bios_high(c, RAX)) {
	case 0x00:
		bios_set_word(c, RDX, bios_peek(c->vm, BDA_TICKS, 2));
		bios_set_word(c, RCX, bios_peek(c->vm, BDA_TICKS + 2, 2));
		bios_set_low(c, RAX, (uint8_t)bios_peek(c->vm, BDA_MIDNIGHT, 1));
		bios_poke(c->vm, BDA_MIDNIGHT, 0, 1);
		break;
	case 0x01:
		bios_poke(c->vm, BDA_TICKS, (uint64_t)bios_word(c, RCX) << 16 | bios_word(c, RDX),
			  4);
		bios_poke(c->vm, BDA_MIDNIGHT, 0, 1);
		break;
	case 0x02:
		bios_set_word(c, RCX, (uint64_t)clock_register(c, 4) << 8 | clock_register(c, 2));
		bios_set_word(c, RDX, (uint64_t)clock_register(c, 0) << 8);
		bios_carry(c, false);
		break;
	case 0x04:
		bios_set_word(c, RCX,
			      (uint64_t)clock_register(c, 0x32) << 8 | clock_register(c, 9));
		bios_set_word(c, RDX, (uint64_t)clock_register(c, 8) << 8 | clock_register(c, 7));
		bios_carry(c, false);
		break;
	default:
		c->unknown = true;
		break;
	}
}
