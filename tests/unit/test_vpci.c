/* Unit tests of the virtual PCI bus: configuration, BARs that move, INTx routing, MSI and MSI-X, the chipset. */
/* Part: tests only. UNIT: vmm/devices/vpci.c vmm/devices/vpci_config.c vmm/devices/vpci_msi.c */
/* UNIT: vmm/devices/vpci_assign.c vmm/devices/vpiix.c vmm/devices/vreset.c vmm/devices/vpic.c */
/* UNIT: vmm/machine/bus.c lib/string.c lib/printf.c */
#include "tests/unit/vdev_fake.h"

#include "lib/errno.h"
#include "vmm/devices/state.h"
#include "vmm/devices/vpci.h"
#include "vmm/devices/vpic.h"
#include "vmm/devices/vpiix.h"
#include "vmm/devices/vreset.h"

#define VECTORS 5

/* A function with one BAR of every kind, whose registers are a little memory. */
struct card {
	struct vpci_function pci;
	struct vpci_msix_entry table[VECTORS];
	unsigned int moves[7], reads, writes, accesses;
	uint32_t last_region;
	uint64_t last_addr;
};

static struct vpci pci;
static struct vpiix piix;
static struct vreset reset;
static struct vpic pic;
static struct card card[3];
static uint16_t pm_base;
static bool pm_on;
static unsigned int pm_told;

static void card_written(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	assert_true((size == 1 || size == 2 || size == 4) && offset % size == 0);
	((struct card *)f)->writes++;
}

static void card_read(struct vpci_function *f, uint8_t offset, uint8_t size)
{
	assert_true((size == 1 || size == 2 || size == 4) && offset % size == 0);
	((struct card *)f)->reads++;
}

static void card_moved(struct vpci_function *f, unsigned int n)
{
	assert_in_range(n, 0, 6);
	((struct card *)f)->moves[n]++;
}

static void card_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct card *c = (struct card *)d;
	unsigned int n = region - VPCI_REGION_BAR;

	assert_in_range(n, 0, 6);
	assert_true(c->pci.bar[n].mapped);
	assert_true(a->addr >= c->pci.bar[n].at && a->addr + a->size <= c->pci.bar[n].at + c->pci.bar[n].size);
	c->accesses++;
	c->last_region = region;
	c->last_addr = a->addr;
	if (vpci_msix_access(&c->pci, n, a))
		return;
	if (!a->write)
		a->value = 0x1122334455667788u;
}

static void card_reset(struct vdev *d)
{
	vpci_function_reset((struct vpci_function *)d);
}

static const struct vpci_ops card_pci_ops = { card_written, card_read, card_moved };
static const struct vdev_ops card_ops = { .name = "CARD", .reset = card_reset, .access = card_access };

static int add_card(struct card *c, uint8_t devfn)
{
	static const struct vpci_identity id = {
		.vendor = 0x1234, .device = 0x5678, .subsystem_vendor = 0x9abc, .subsystem = 0xdef0,
		.class_code = 0xff0102, .revision = 3, .intx_pin = 1,
	};

	memset(c, 0, sizeof(*c));
	c->pci.dev.ops = &card_ops;
	c->pci.dev.vm = &fake;
	c->pci.pci_ops = &card_pci_ops;
	vpci_function_init(&c->pci, &id);
	vpci_add_bar(&c->pci, 0, 0x1000, false, false, false);
	vpci_add_bar(&c->pci, 1, 0x20, true, false, false);
	vpci_add_bar(&c->pci, 2, 0x10, false, false, true);
	vpci_add_bar(&c->pci, 4, 0x4000, false, true, true);
	vpci_add_bar(&c->pci, VPCI_ROM_BAR, 0x800, false, false, false);
	vpci_add_msi(&c->pci);
	vpci_add_msix(&c->pci, 0, 0x100, 0x800, VECTORS, c->table);
	return vpci_attach(&pci, &c->pci, devfn);
}

static void moved(void *context, uint16_t base, bool enabled)
{
	assert_ptr_equal(context, &piix);
	pm_base = base;
	pm_on = enabled;
	pm_told++;
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	vpic_init(&pic, &fake);
	vreset_init(&reset, &fake);
	vpci_init(&pci, &fake);
	assert_int_equal(vpic_claim(&pic, &fake.bus), 0);
	assert_int_equal(vreset_claim(&reset, &fake.bus), 0);
	assert_int_equal(vpci_claim(&pci, &fake.bus), 0);
	vreset_attach_pci(&reset, &pci.dev, VPCI_REGION_ADDRESS);
	assert_int_equal(vpiix_init(&piix, &fake, &pci), 0);
	vpiix_attach_pm(&piix, moved, &piix);
	assert_int_equal(add_card(&card[0], VPCI_DEVFN(3, 0)), 0);
	assert_int_equal(add_card(&card[1], VPCI_DEVFN(4, 0)), 0);
	assert_int_equal(add_card(&card[2], VPCI_DEVFN(5, 1)), 0);
	return 0;
}

static uint32_t config_in(uint8_t devfn, unsigned int offset, unsigned int size)
{
	fake_out(0xcf8, 4, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
	return (uint32_t)fake_in(0xcfc + (offset & 3), size);
}

static void config_out(uint8_t devfn, unsigned int offset, unsigned int size, uint32_t value)
{
	fake_out(0xcf8, 4, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
	fake_out(0xcfc + (offset & 3), size, value);
}

#define CARD0 VPCI_DEVFN(3, 0)
#define CARD1 VPCI_DEVFN(4, 0)

static void mechanism_one(void **state)
{
	(void)state;
	assert_int_equal(config_in(0, 0, 4), 0x12378086);
	assert_int_equal(config_in(0, 2, 2), 0x1237);
	assert_int_equal(config_in(0, 3, 1), 0x12);
	assert_int_equal(config_in(0, 0x2c, 4), 0x11001af4);
	assert_int_equal(config_in(VPCI_DEVFN(1, 0), 0, 4), 0x70008086);
	assert_int_equal(config_in(VPCI_DEVFN(1, 0), 0x0e, 1), 0x80);
	assert_int_equal(config_in(VPCI_DEVFN(1, 3), 0, 4), 0x71138086);
	assert_int_equal(config_in(VPCI_DEVFN(1, 3), 0x3c, 2), 0x0109);
	assert_int_equal(config_in(CARD0, 8, 4), 0xff010203);
	assert_int_equal(config_in(CARD0, 0x2c, 4), 0xdef09abc);
	assert_int_equal(config_in(VPCI_DEVFN(31, 7), 0, 4), 0xffffffff);
	/* other buses, and the address not enabled */
	fake_out(0xcf8, 4, 0x80010000);
	assert_int_equal(fake_in(0xcfc, 4), 0xffffffff);
	fake_out(0xcf8, 4, 0x00000000);
	assert_int_equal(fake_in(0xcfc, 4), 0xffffffff);
	/* reserved bits; narrower accesses are not the address register's */
	fake_out(0xcf8, 4, 0xffffffff);
	assert_int_equal(fake_in(0xcf8, 4), 0x80fffffc);
	fake_out(0xcf8, 2, 0);
	fake_out(0xcf8, 1, 0);
	fake_out(0xcfa, 2, 0);
	assert_int_equal(fake_in(0xcf8, 4), 0x80fffffc);
	assert_int_equal(fake_in(0xcf8, 2), 0xffff);
	/* CF9h stays the reset register's; the address CF8h of 4 bytes never resets */
	fake_out(0xcf8, 4, 0x80000600);
	assert_int_equal(fake.resets, 0);
	assert_int_equal(inb(0xcf9), 0);
	outb(0xcf9, 2);
	assert_int_equal(inb(0xcf9), 2);
	assert_int_equal(fake_in(0xcf8, 4), 0x80000600);
	outb(0xcf9, 6);
	assert_int_equal(fake.resets, 1);
	/* unaligned */
	fake_out(0xcf8, 4, 0x80000000);
	assert_int_equal(fake_in(0xcfd, 2), 0x3780);
	assert_int_equal(fake_in(0xcfe, 4), 0xffff1237);	/* two bytes are beyond the port */
}

static void memory_mapped(void **state)
{
	(void)state;
	assert_int_equal(fake_read(VPCI_ECAM_BASE, 4), 0x12378086);
	assert_int_equal(fake_read(VPCI_ECAM_BASE + CARD0 * 0x1000u + 2, 2), 0x5678);
	assert_true(fake_read(VPCI_ECAM_BASE + CARD0 * 0x1000u, 8) ==
		    ((uint64_t)config_in(CARD0, 4, 4) << 32 | 0x56781234));
	assert_int_equal(fake_read(VPCI_ECAM_BASE + CARD0 * 0x1000u + 0x100, 4), 0);
	assert_true(fake_read(VPCI_ECAM_BASE + CARD0 * 0x1000u + 0xffc, 8) == 0);
	assert_int_equal(fake_read(VPCI_ECAM_BASE + 0x1000u * 200, 4), 0xffffffff);
	assert_int_equal(fake_read(VPCI_ECAM_BASE + 0x100000, 4), 0xffffffff);
	assert_int_equal(fake_read(VPCI_ECAM_BASE + 0xfffffffu, 1), 0xff);
	fake_write(VPCI_ECAM_BASE + CARD0 * 0x1000u + 0x3c, 1, 0x5a);
	assert_int_equal(config_in(CARD0, 0x3c, 2), 0x015a);
	fake_write(VPCI_ECAM_BASE + CARD0 * 0x1000u + 0xfe, 8, UINT64_MAX);
}

static void bars_size_and_move(void **state)
{
	struct card *c = &card[0];

	(void)state;
	config_out(CARD0, 0x10, 4, 0xffffffff);
	config_out(CARD0, 0x14, 4, 0xffffffff);
	config_out(CARD0, 0x18, 4, 0xffffffff);
	config_out(CARD0, 0x1c, 4, 0xffffffff);
	config_out(CARD0, 0x20, 4, 0xffffffff);
	config_out(CARD0, 0x24, 4, 0xffffffff);
	config_out(CARD0, 0x30, 4, 0xffffffff);
	assert_int_equal(config_in(CARD0, 0x10, 4), 0xfffff000);
	assert_int_equal(config_in(CARD0, 0x14, 4), 0xffffffe1);
	assert_int_equal(config_in(CARD0, 0x18, 4), 0xfffffff8);
	assert_int_equal(config_in(CARD0, 0x1c, 4), 0);
	assert_int_equal(config_in(CARD0, 0x20, 4), 0xffffc00c);
	assert_int_equal(config_in(CARD0, 0x24, 4), 0xffffffff);
	assert_int_equal(config_in(CARD0, 0x30, 4), 0xfffff801);
	/* all ones is no place, even when decoding is on */
	config_out(CARD0, 4, 2, 7);
	assert_false(c->pci.bar[0].mapped || c->pci.bar[1].mapped || c->pci.bar[4].mapped || c->pci.bar[6].mapped);
	config_out(CARD0, 0x10, 4, 0xf1000000);
	assert_true(c->pci.bar[0].mapped);
	assert_int_equal(c->moves[0], 1);
	assert_true(fake_read(0xf1000ffc, 4) == 0x55667788);
	assert_int_equal(c->last_region, VPCI_REGION_BAR);
	assert_int_equal(fake_read(0xf1001000, 4), 0xffffffff);
	config_out(CARD0, 0x10, 4, 0xf2000000);
	assert_int_equal(c->moves[0], 3);
	assert_int_equal(fake_read(0xf1000000, 4), 0xffffffff);
	assert_int_equal(fake_read(0xf2000000, 1), 0x88);
	config_out(CARD0, 0x14, 4, 0xc000);
	assert_int_equal(fake_in(0xc01f, 1), 0x88);
	assert_int_equal(fake_in(0xc020, 1), 0xff);
	config_out(CARD0, 0x14, 4, 0x1c000);	/* no such port */
	assert_int_equal(fake_in(0xc01f, 1), 0xff);
	/* beyond 4 GiB, one half after the other */
	config_out(CARD0, 0x20, 4, 0xf8000000);
	config_out(CARD0, 0x24, 4, 0x12);
	assert_true(fake_read(0x12f8003ffcu, 4) == 0x55667788);
	/* the ROM decodes with its own bit and the command's */
	config_out(CARD0, 0x30, 4, 0xf3000000);
	assert_int_equal(fake_read(0xf3000000, 1), 0xff);
	config_out(CARD0, 0x30, 4, 0xf3000001);
	assert_int_equal(fake_read(0xf3000000, 1), 0x88);
	config_out(CARD0, 4, 2, 1);
	assert_int_equal(fake_read(0xf3000000, 1), 0xff);
	assert_int_equal(fake_read(0xf2000000, 1), 0xff);
	config_out(CARD0, 4, 2, 2);
	assert_int_equal(fake_read(0xf2000000, 1), 0x88);
	/* after reset, nothing decodes */
	c->pci.dev.ops->reset(&c->pci.dev);
	assert_int_equal(fake_read(0xf2000000, 1), 0xff);
	assert_int_equal(config_in(CARD0, 0x20, 4), 0x0000000c);
}

static void overlaps_wait(void **state)
{
	(void)state;
	config_out(CARD0, 4, 2, 7);
	config_out(CARD1, 4, 2, 7);
	config_out(CARD0, 0x10, 4, 0xf1000000);
	config_out(CARD1, 0x20, 4, 0xf1000000);
	assert_false(card[1].pci.bar[4].mapped);
	fake_read(0xf1000000, 4);
	assert_int_equal(card[0].accesses, 1);
	assert_int_equal(card[1].accesses, 0);
	config_out(CARD0, 0x10, 4, 0xf2000000);	/* the other's turn */
	assert_true(card[1].pci.bar[4].mapped);
	fake_read(0xf1000000, 4);
	assert_int_equal(card[1].accesses, 1);
	/* the board's own places are not to be had */
	config_out(CARD0, 0x10, 4, VPCI_ECAM_BASE);
	assert_false(card[0].pci.bar[0].mapped);
	assert_int_equal(fake_read(VPCI_ECAM_BASE, 4), 0x12378086);
	config_out(CARD0, 0x14, 4, 0x20);	/* the 8259's */
	assert_false(card[0].pci.bar[1].mapped);
	config_out(CARD0, 0x14, 4, 0xce0);
	assert_false(card[0].pci.bar[1].mapped);
}

static void intx_is_routed(void **state)
{
	(void)state;
	vpci_intx(&card[0].pci, true);	/* slot 3 INTA#: PIRQC#; nothing is routed after reset */
	assert_int_equal(config_in(CARD0, 6, 1) & 8, 8);
	for (int i = 0; i < 16; i++)
		assert_false(fake.line[i]);
	config_out(VPCI_DEVFN(1, 0), 0x62, 1, 11);
	assert_true(fake.line[11]);
	config_out(VPCI_DEVFN(1, 0), 0x62, 1, 5);
	assert_true(!fake.line[11] && fake.line[5]);
	vpci_intx(&card[1].pci, true);	/* slot 4: PIRQD# */
	config_out(VPCI_DEVFN(1, 0), 0x63, 1, 5);
	vpci_intx(&card[0].pci, false);
	assert_int_equal(config_in(CARD0, 6, 1) & 8, 0);
	assert_true(fake.line[5]);	/* the other still wants it */
	config_out(CARD1, 4, 2, VPCI_COMMAND_NO_INTX);
	assert_false(fake.line[5]);
	assert_int_equal(config_in(CARD1, 6, 1) & 8, 8);
	config_out(CARD1, 4, 2, 0);
	assert_true(fake.line[5]);
	/* lines of the board cannot be had: timer, keyboard, cascade, clock, coprocessor */
	for (unsigned int line = 0; line < 16; line++) {
		config_out(VPCI_DEVFN(1, 0), 0x63, 1, line);
		assert_true(fake.line[line] == !(line <= 2 || line == 8 || line == 13));
	}
	config_out(VPCI_DEVFN(1, 0), 0x63, 1, 0x8f);
	assert_false(fake.line[15]);
	config_out(VPCI_DEVFN(1, 0), 0x60, 4, 0x0b0b0a0a);
	assert_true(fake.line[11] && !fake.line[10]);
	card[1].pci.dev.ops->reset(&card[1].pci.dev);
	assert_false(fake.line[11]);
	vpci_intx(&card[1].pci, true);
	piix.isa.pci.dev.ops->reset(&piix.isa.pci.dev);
	assert_false(fake.line[11]);
	/* slot 5, pin A of function 1: PIRQA# */
	vpci_intx(&card[2].pci, true);
	config_out(VPCI_DEVFN(1, 0), 0x60, 1, 9);
	assert_true(fake.line[9]);
}

static void msi(void **state)
{
	unsigned int at = card[0].pci.msi;

	(void)state;
	vpci_msi_raise(&card[0].pci);
	assert_int_equal(fake.msis, 0);
	config_out(CARD0, at + 4, 4, 0xfee01003);
	config_out(CARD0, at + 8, 4, 0);
	config_out(CARD0, at + 12, 2, 0x4041);
	config_out(CARD0, at + 2, 2, 1);
	assert_int_equal(config_in(CARD0, at + 2, 2), 0x0181);
	vpci_msi_raise(&card[0].pci);
	assert_int_equal(fake.msis, 0);	/* no bus mastering: it waits */
	config_out(CARD0, 4, 2, 4);
	assert_int_equal(fake.msis, 1);
	assert_true(fake.msi_address == 0xfee01000);
	assert_int_equal(fake.msi_data, 0x4041);
	config_out(CARD0, at + 16, 4, 0xffffffff);
	assert_int_equal(config_in(CARD0, at + 16, 4), 1);
	vpci_msi_raise(&card[0].pci);
	vpci_msi_raise(&card[0].pci);
	assert_int_equal(config_in(CARD0, at + 20, 4), 1);
	config_out(CARD0, at + 20, 4, 0);	/* not the guest's to write */
	assert_int_equal(config_in(CARD0, at + 20, 4), 1);
	assert_int_equal(fake.msis, 1);
	config_out(CARD0, at + 16, 4, 0);
	assert_int_equal(fake.msis, 2);
	vpci_intx(&card[0].pci, true);		/* the pin is quiet while messages are on */
	assert_false(card[0].pci.driven);
	config_out(CARD0, at + 2, 2, 0);
	assert_true(card[0].pci.driven);
	config_out(CARD0, at + 2, 2, 1);
	assert_false(card[0].pci.driven);
	vpci_intx(&card[0].pci, false);
	assert_int_equal(config_in(CARD0, at + 20, 4), 0);
}

static void msix(void **state)
{
	struct card *c = &card[1];
	unsigned int at = c->pci.msix.capability;
	uint64_t bar = 0xf4000000;

	(void)state;
	config_out(CARD1, 0x10, 4, (uint32_t)bar);
	config_out(CARD1, 4, 2, 6);
	assert_int_equal(config_in(CARD1, at, 1), 0x11);
	assert_int_equal(config_in(CARD1, at + 4, 4), 0x100);
	config_out(CARD1, at + 2, 2, 0xffff);
	assert_int_equal(config_in(CARD1, at + 2, 2), 0xc000 | (VECTORS - 1));
	assert_int_equal(fake_read(bar + 0x10c, 4), 1);
	fake_write(bar + 0x110, 8, 0xfee00000u);
	fake_write(bar + 0x118, 4, 0x33);
	fake_write(bar + 0x11c, 4, 0xfffffffe);
	assert_int_equal(fake_read(bar + 0x11c, 4), 0);
	vpci_msix_raise(&c->pci, 1);
	vpci_msix_raise(&c->pci, 2);
	vpci_msix_raise(&c->pci, VECTORS);
	vpci_msix_raise(&c->pci, 0xffff);
	assert_int_equal(fake_read(bar + 0x800, 8), 6);
	fake_write(bar + 0x800, 8, 0);
	assert_int_equal(fake_read(bar + 0x800, 4), 6);
	assert_int_equal(fake.msis, 0);
	config_out(CARD1, at + 2, 2, 0x8000);	/* vector 2 has its own mask still */
	assert_int_equal(fake.msis, 1);
	assert_int_equal(fake.msi_data, 0x33);
	assert_int_equal(fake_read(bar + 0x800, 8), 4);
	fake_write(bar + 0x120, 4, 0xfee02000u);
	fake_write(bar + 0x12c, 4, 0);
	assert_int_equal(fake.msis, 2);
	assert_true(fake.msi_address == 0xfee02000u);
	/* beyond the last vector the BAR is the device's own; an access that begins in the table ends there */
	assert_int_equal(fake_read(bar + 0x100 + 16 * VECTORS, 4), 0x55667788);
	assert_int_equal(fake_read(bar + 0x100 + 16 * VECTORS - 2, 4), 0);
	fake_write(bar + 0x100 + 16 * VECTORS - 2, 8, UINT64_MAX);
}

static void firmware_assigns(void **state)
{
	(void)state;
	vpci_assign(&pci);
	for (int i = 0; i < 3; i++) {
		struct card *c = &card[i];

		assert_true(c->pci.bar[0].mapped && c->pci.bar[1].mapped && c->pci.bar[2].mapped &&
			    c->pci.bar[4].mapped && !c->pci.bar[6].mapped);
		assert_true(c->pci.bar[4].at >= VPCI_MMIO_BASE && c->pci.bar[4].at < VPCI_MMIO_END);
		assert_true(c->pci.bar[1].at >= VPCI_IO_BASE);
		assert_true(vpci_bus_master(&c->pci));
		assert_int_not_equal(config_in(c->pci.devfn, 0x30, 4), 0);
	}
	assert_int_equal(config_in(CARD0, 0x3c, 1), 11);
	assert_int_equal(config_in(VPCI_DEVFN(5, 1), 0x3c, 1), 10);
	assert_int_equal(config_in(VPCI_DEVFN(1, 3), 0x3c, 1), 9);
	vpci_intx(&card[0].pci, true);
	assert_true(fake.line[11]);
	assert_int_equal(inb(0x4d1) & 0x0c, 0x0c);
	vpci_assign(&pci);	/* a second IPL */
	assert_true(card[0].pci.bar[4].mapped);
}

static void chipset(void **state)
{
	(void)state;
	assert_true(pm_on && pm_base == 0x600 && pm_told > 0);
	assert_int_equal(config_in(VPCI_DEVFN(1, 3), 0x40, 4), 0x601);
	config_out(VPCI_DEVFN(1, 3), 0x40, 4, 0xb000);
	assert_int_equal(pm_base, 0xb000);
	config_out(VPCI_DEVFN(1, 3), 0x80, 1, 0);
	assert_false(pm_on);
	config_out(VPCI_DEVFN(1, 3), 0x80, 1, 1);
	config_out(VPCI_DEVFN(1, 3), 0x40, 4, 0xffffffff);
	assert_int_equal(pm_base, 0xffc0);
	piix.pm.pci.dev.ops->reset(&piix.pm.pci.dev);
	assert_true(pm_on && pm_base == 0x600);
	config_out(0, 0x59, 1, 0xff);
	assert_int_equal(config_in(0, 0x59, 1), 0x33);
	config_out(0, 4, 2, 0);
	assert_int_equal(config_in(0, 4, 2), 6);	/* memory and mastering cannot be switched off, ports cannot be reached */
	assert_int_equal(add_card(&card[0], VPCI_DEVFN(4, 0)), -EBUSY);
}

static void state_goes_round(void **state)
{
	struct vpci_function_state s;
	struct vpci_msix_entry table[VECTORS];
	size_t size;
	void *bytes;

	(void)state;
	vpci_assign(&pci);
	config_out(CARD0, card[0].pci.msix.capability + 2, 2, 0x8000);
	vpci_msix_raise(&card[0].pci, 3);
	vpci_intx(&card[0].pci, true);
	vpci_function_save(&card[0].pci, &s);
	memcpy(table, card[0].table, sizeof(table));
	card[0].pci.dev.ops->reset(&card[0].pci.dev);
	assert_false(fake.line[11]);
	memcpy(card[0].table, table, sizeof(table));
	vpci_function_restore(&card[0].pci, &s);
	assert_true(fake.line[11] && card[0].pci.bar[4].mapped);
	assert_int_equal(card[0].pci.msix.waiting, 8);
	/* anything at all may come back */
	for (int i = 0; i < 20000; i++) {
		uint8_t *b = (uint8_t *)&s;

		for (int n = 0; n < 10; n++)
			b[fake_below(sizeof(s))] = (uint8_t)fake_random();
		vpci_function_restore(&card[0].pci, &s);
		assert_int_equal(config_in(CARD0, 0, 4), 0x56781234);
	}
	bytes = fake_save(&piix.isa.pci.dev, &size);
	config_out(VPCI_DEVFN(1, 0), 0x60, 4, 0x80808080);
	assert_true(piix.isa.pci.dev.ops->restore(&piix.isa.pci.dev, bytes, size));
	assert_int_equal(config_in(VPCI_DEVFN(1, 0), 0x60, 4), 0x0b0b0a0a);
	free(bytes);
	fake_check_bad_restore(&piix.isa.pci.dev);
	fake_check_bad_restore(&piix.pm.pci.dev);
	fake_check_bad_restore(&piix.host.pci.dev);
	fake_check_bad_restore(&pci.dev);
}

/* Everything that must hold whatever a guest has written. */
static void check_all(void)
{
	unsigned int pirq[4] = { 0 }, lines = 0;

	for (uint32_t i = 0; i < pci.count; i++) {
		struct vpci_function *f = pci.functions[i];

		for (unsigned int n = 0; n <= VPCI_ROM_BAR; n++)
			if (f->bar[n].mapped) {
				assert_true(f->bar[n].size != 0 && f->bar[n].at % f->bar[n].size == 0);
				assert_true(vpci_get16(f, 4) & (f->bar[n].io ? 1 : 2));
			}
		if (f->driven)
			pirq[((f->devfn >> 3) + 2 + f->config[0x3d]) & 3]++;
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pirq[i], pci.pirq[i]);
		if (pirq[i] && pci.route[i] < 16)
			lines |= 1u << pci.route[i];
	}
	for (int i = 3; i < 16; i++)
		assert_true(fake.line[i] == (lines >> i & 1));
	assert_true(fake.bus.count[BUS_MMIO] < 40);
}

static void anything_may_be_written(void **state)
{
	static const uint8_t devfns[] = { 0, 8, 11, 0x18, 0x20, 0x29, 0x18, 0x20, 0x29, 77 };
	static const uint8_t sizes[] = { 1, 2, 4, 8 };
	unsigned int mapped = 0;

	(void)state;
	for (unsigned int i = 0; i < 600000; i++) {
		uint8_t devfn = devfns[fake_below(sizeof(devfns))];
		uint64_t value = fake_random() << fake_below(40);
		struct card *c = &card[fake_below(3)];

		switch (fake_below(8)) {
		case 0:
			fake_out(0xcf8 + fake_below(8), sizes[fake_below(3)], value);
			break;
		case 1:
			fake_in(0xcf8 + fake_below(8), sizes[fake_below(3)]);
			break;
		case 2:
			fake_write(VPCI_ECAM_BASE + devfn * 0x1000u + fake_below(0x120), sizes[fake_below(4)], value);
			break;
		case 3:
			fake_read(VPCI_ECAM_BASE + devfn * 0x1000u + fake_below(0x1000), sizes[fake_below(4)]);
			break;
		case 4:
			vpci_intx(&c->pci, fake_below(2));
			vpci_msi_raise(&c->pci);
			vpci_msix_raise(&c->pci, (uint16_t)fake_below(VECTORS + 2));
			break;
		case 5:
			/* places that meet each other and the board's */
			config_out(devfn, 0x10 + 4 * (unsigned int)fake_below(6), 4,
				   (uint32_t)(fake_below(2) ? 0xf0000000 + fake_below(8) * 0x1000 : value));
			config_out(devfn, 4, 2, (uint32_t)fake_random() | (fake_below(4) ? 7 : 0));
			break;
		case 6:
			if (c->pci.bar[0].mapped && ++mapped)
				fake_write(c->pci.bar[0].at + fake_below(0x900), sizes[fake_below(4)], value);
			break;
		case 7:
			if (fake_below(200) == 0)
				c->pci.dev.ops->reset(&c->pci.dev);
			else if (fake_below(1000) == 0)
				vpci_assign(&pci);
			break;
		}
		if (i % 16 == 0)
			check_all();
		if (fake.intr_changes > 1u << 30)
			break;
	}
	assert_true(mapped > 1000 && fake.msis > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mechanism_one, setup),
		cmocka_unit_test_setup(memory_mapped, setup),
		cmocka_unit_test_setup(bars_size_and_move, setup),
		cmocka_unit_test_setup(overlaps_wait, setup),
		cmocka_unit_test_setup(intx_is_routed, setup),
		cmocka_unit_test_setup(msi, setup),
		cmocka_unit_test_setup(msix, setup),
		cmocka_unit_test_setup(firmware_assigns, setup),
		cmocka_unit_test_setup(chipset, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
