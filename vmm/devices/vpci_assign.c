/* Firmware's part of PCI, for guests that are loaded without any: places, routes and enables. */
/* Part: devices/; does with configuration cycles what SeaBIOS would have done before Linux starts. */
#include "vmm/devices/vpci.h"

#define PIRQ_ROUTE 0x60u	/* of the PIIX3's ISA bridge, one byte a PIRQ */
#define ISA_BRIDGE VPCI_DEVFN(1, 0)
#define LEVEL_PORT 0x4d1u	/* edge/level control of lines 8-15 */
#define LINE_AB 10u
#define LINE_CD 11u
#define IO_END 0x10000u
#define SMALLEST 4u

static unsigned int bar_register(unsigned int n)
{
	return n == VPCI_ROM_BAR ? VPCI_ROM : VPCI_BAR0 + 4 * n;
}

/* The next aligned place for size bytes below end; 0 = there is none. */
static uint64_t take(uint64_t *next, uint64_t size, uint64_t end)
{
	uint64_t at = align_up(*next, size);

	if (at >= end || size > end - at)
		return 0;
	*next = at + size;
	return at;
}

static void place(struct vpci_function *f, unsigned int n, uint64_t *io, uint64_t *memory)
{
	const struct vpci_bar *bar = &f->bar[n];
	uint64_t at = bar->io ? take(io, bar->size, IO_END) : take(memory, align_up(bar->size, PAGE_SIZE),
								   VPCI_MMIO_END);

	vpci_config_write(f, bar_register(n), 4, (uint32_t)at);
	if (bar->wide)
		vpci_config_write(f, bar_register(n) + 4, 4, (uint32_t)(at >> 32));
}

/* Largest first, so that alignment wastes nothing. Sizes are the devices', each a power of two. */
static void place_all(struct vpci *pci)
{
	uint64_t io = VPCI_IO_BASE, memory = VPCI_MMIO_BASE;

	for (uint64_t size = GIB(1); size >= SMALLEST; size >>= 1)
		for (uint32_t i = 0; i < pci->count; i++)
			for (unsigned int n = 0; n <= VPCI_ROM_BAR; n++)
				if (pci->functions[i]->bar[n].size == size)
					place(pci->functions[i], n, &io, &memory);
}

static void route(struct vpci *pci)
{
	struct io_access level = { .addr = LEVEL_PORT, .size = 1 };
	struct vpci_function *bridge = vpci_find(pci, ISA_BRIDGE);

	if (bridge != NULL)
		vpci_config_write(bridge, PIRQ_ROUTE, 4, LINE_AB | LINE_AB << 8 | LINE_CD << 16 | LINE_CD << 24);
	if (pci->bus == NULL)
		return;
	/* Shared lines are level-triggered. Nobody at the port reads as ones: leave it alone then. */
	if (!bus_access(pci->bus, BUS_PORT, &level))
		return;
	level.write = true;
	level.value |= 1u << (LINE_AB - 8) | 1u << (LINE_CD - 8);
	bus_access(pci->bus, BUS_PORT, &level);
}

void vpci_assign(struct vpci *pci)
{
	uint32_t i;

	/* All off before any moves, so that none is for a moment where another is going. */
	for (i = 0; i < pci->count; i++)
		vpci_config_write(pci->functions[i], VPCI_COMMAND, 2, 0);
	place_all(pci);
	route(pci);
	for (i = 0; i < pci->count; i++) {
		struct vpci_function *f = pci->functions[i];
		uint8_t pin = f->config[VPCI_INTERRUPT_PIN];

		if (pin != 0)
			vpci_config_write(f, VPCI_INTERRUPT_LINE, 1,
					  ((f->devfn >> 3) + pin + 2u) & 2 ? LINE_CD : LINE_AB);
		vpci_config_write(f, VPCI_COMMAND, 2, VPCI_COMMAND_IO | VPCI_COMMAND_MEMORY | VPCI_COMMAND_MASTER);
	}
}
