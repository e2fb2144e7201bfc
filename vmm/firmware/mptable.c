/* The MultiProcessor table of a machine: processor, buses and interrupt lines, for kernels older than ACPI. */
/* Part: firmware/; pure. Entry by entry as "MultiProcessor Specification 1.4", chapter 4. */
#include "vmm/firmware/mptable.h"

#include "lib/string.h"

#define POINTER	 16u
#define HEADER	 44u
#define VERSION	 4u	/* 1.4 */

#define LOCAL_APIC 0xfee00000u
#define IO_APIC	   0xfec00000u
#define APIC_ID	   0u
#define IO_APIC_ID 0u	/* as the I/O APIC's own register has it after a reset, and the ACPI table */

enum { ENTRY_PROCESSOR, ENTRY_BUS, ENTRY_IO_APIC, ENTRY_IO_LINE, ENTRY_LOCAL_LINE };
enum { BUS_PCI, BUS_ISA };
enum { TYPE_INT, TYPE_NMI, TYPE_SMI, TYPE_EXTINT };

#define CONFORMING 0x0u		/* to the bus */
#define LEVEL_HIGH 0xdu		/* as the ACPI tables tell of these lines */
#define SCI_LINE   9u
#define PCI_SLOTS  32u
#define ANY_APIC   0xffu

struct table {
	uint8_t *to;
	uint32_t size;
	uint16_t entries;
};

static void set(uint8_t *to, uint32_t value, unsigned int bytes)
{
	memcpy(to, &value, bytes);
}

static void add(struct table *t, const void *entry, uint32_t size)
{
	memcpy(t->to + t->size, entry, size);
	t->size += size;
	t->entries++;
}

static void line(struct table *t, uint8_t kind, uint8_t type, uint8_t flags, uint8_t bus, uint8_t from, uint8_t apic,
		 uint8_t pin)
{
	const uint8_t entry[8] = { kind, type, flags, 0, bus, from, apic, pin };

	add(t, entry, sizeof(entry));
}

static void isa_lines(struct table *t)
{
	for (uint8_t irq = 0; irq < 16; irq++) {
		bool pci = irq == 5 || irq == SCI_LINE || irq == 10 || irq == 11;

		if (irq != 2)	/* the second 8259's; its pin has the timer */
			line(t, ENTRY_IO_LINE, TYPE_INT, pci ? LEVEL_HIGH : CONFORMING, BUS_ISA, irq, IO_APIC_ID,
			     irq == 0 ? 2 : irq);
	}
}

/* Pins are turned by one from slot to slot; PIRQA# and B# are line 10, C# and D# line 11, and slot 1's first the SCI. */
static void pci_lines(struct table *t)
{
	for (uint8_t slot = 1; slot < PCI_SLOTS; slot++)
		for (uint8_t pin = 0; pin < 4; pin++) {
			bool sci = slot == 1 && pin == 0;

			line(t, ENTRY_IO_LINE, TYPE_INT, LEVEL_HIGH, BUS_PCI, (uint8_t)(slot << 2 | pin), IO_APIC_ID,
			     sci ? SCI_LINE : ((slot + pin + 3) & 3) < 2 ? 10 : 11);
		}
}

static uint8_t sum_to_zero(const uint8_t *from, uint32_t n)
{
	uint8_t sum = 0;

	while (n-- != 0)
		sum = (uint8_t)(sum + *from++);
	return (uint8_t)-sum;
}

static void header(struct table *t)
{
	memcpy(t->to, "PCMP", 4);
	set(t->to + 4, t->size, 2);
	t->to[6] = VERSION;
	memcpy(t->to + 8, "VM/64   VIRTUAL PC  ", 20);
	set(t->to + 34, t->entries, 2);
	set(t->to + 36, LOCAL_APIC, 4);
	t->to[7] = sum_to_zero(t->to, t->size);
}

uint32_t mptable_build(uint8_t to[MPTABLE_ROOM], uint32_t base, uint32_t cpu_signature, uint32_t cpu_features)
{
	struct table t = { .to = to + POINTER, .size = HEADER };
	uint8_t processor[20] = { ENTRY_PROCESSOR, APIC_ID, 0x14, 3 };	/* on, and the one that boots */
	uint8_t io_apic[8] = { ENTRY_IO_APIC, IO_APIC_ID, 0x20, 1 };

	memset(to, 0, MPTABLE_ROOM);
	set(processor + 4, cpu_signature, 4);
	set(processor + 8, cpu_features, 4);
	set(io_apic + 4, IO_APIC, 4);
	add(&t, processor, sizeof(processor));
	add(&t, (const uint8_t[]){ ENTRY_BUS, BUS_PCI, 'P', 'C', 'I', ' ', ' ', ' ' }, 8);
	add(&t, (const uint8_t[]){ ENTRY_BUS, BUS_ISA, 'I', 'S', 'A', ' ', ' ', ' ' }, 8);
	add(&t, io_apic, sizeof(io_apic));
	isa_lines(&t);
	pci_lines(&t);
	line(&t, ENTRY_LOCAL_LINE, TYPE_EXTINT, CONFORMING, BUS_ISA, 0, ANY_APIC, 0);
	line(&t, ENTRY_LOCAL_LINE, TYPE_NMI, CONFORMING, BUS_ISA, 0, ANY_APIC, 1);
	header(&t);
	memcpy(to, "_MP_", 4);
	set(to + 4, base + POINTER, 4);
	to[8] = 1;		/* paragraphs */
	to[9] = VERSION;
	to[10] = sum_to_zero(to, POINTER);
	return POINTER + t.size;
}
