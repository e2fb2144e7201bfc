/* The first C of a start by GRUB: translates what GRUB left, then calls the kernel. */
/* Part: the way in for GRUB; runs on entry.asm's tables with the first 4 GiB one to one. */
#include "boot/multiboot2/multiboot2.h"

#define COM1 0x3f8
#define COM1_SPINS 100000	/* a port that is not there never becomes ready */
#define VGA_TEXT 0xb8000ull
#define VGA_CELLS (80 * 25)
#define VGA_GREY_ON_BLACK 0x0700u

void kernel_main(struct boot_info *bi) __attribute__((noreturn));

extern char kernel_start[], kernel_end[];

static struct boot_info info;

/* GRUB's copy of the RSDP lies in storage the kernel will give away; this one stays. */
static uint8_t rsdp_copy[MULTIBOOT2_RSDP_MAX] __attribute__((aligned(16)));

static uint32_t screen_at;

static void port_out(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t port_in(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void open_outputs(void)
{
	volatile uint16_t *cell = (volatile uint16_t *)VGA_TEXT;
	uint32_t i;

	port_out(COM1 + 1, 0);		/* no interrupts */
	port_out(COM1 + 3, 0x80);	/* divisor latch: 115200 baud */
	port_out(COM1 + 0, 1);
	port_out(COM1 + 1, 0);
	port_out(COM1 + 3, 0x03);	/* 8 bits, no parity */
	for (i = 0; i < VGA_CELLS; i++)
		cell[i] = VGA_GREY_ON_BLACK | ' ';
	screen_at = 0;
}

static void say(const char *text)
{
	volatile uint16_t *cell = (volatile uint16_t *)VGA_TEXT;

	for (; *text; text++) {
		uint32_t spins = COM1_SPINS;

		while ((port_in(COM1 + 5) & 0x20) == 0 && --spins > 0)
			;
		port_out(COM1, (uint8_t)*text);
		if (*text >= ' ' && screen_at < VGA_CELLS)
			cell[screen_at++] = (uint16_t)(VGA_GREY_ON_BLACK | (uint8_t)*text);
	}
}

/* The kernel's own console and panic do not exist yet, so this is the plainest way out. */
static void __attribute__((noreturn)) give_up(const char *why)
{
	open_outputs();
	say("VM/64: cannot start: ");
	say(why);
	say(".\r\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void keep_rsdp(void)
{
	const uint8_t *from = (const uint8_t *)info.rsdp;
	size_t len, i;

	if (info.rsdp == 0)
		return;
	len = from[MULTIBOOT2_RSDP_REVISION] < 2 ? MULTIBOOT2_RSDP_OLD : MULTIBOOT2_RSDP_MAX;
	for (i = 0; i < len; i++)
		rsdp_copy[i] = from[i];
	info.rsdp = (uint64_t)rsdp_copy - KERNEL_VIRT_BASE;
}

void multiboot2_start(uint32_t magic, uint64_t info_phys)
{
	int result;

	if (magic != MULTIBOOT2_BOOT_MAGIC)
		give_up("it was not started by a multiboot2 loader such as GRUB");
	/* GRUB loads the kernel where it is linked, so linked and real address differ by a constant. */
	info.kernel_base = (uint64_t)kernel_start - KERNEL_VIRT_BASE;
	info.kernel_size = (uint64_t)(kernel_end - kernel_start);
	result = multiboot2_translate((const void *)info_phys, *(const uint32_t *)info_phys, &info);
	if (result != MULTIBOOT2_OK)
		give_up(multiboot2_result_text(result));
	keep_rsdp();
	kernel_main(&info);
}
