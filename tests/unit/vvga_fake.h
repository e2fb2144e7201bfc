/* A PCI bus for the unit tests of the display: it notes the function and moves its BARs. */
/* Part: tests only; implements the few routines of vmm/devices/vpci.h that vvga.c calls. */
#ifndef TESTS_UNIT_VVGA_FAKE_H
#define TESTS_UNIT_VVGA_FAKE_H

#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vvga.h"

#define SEQ 0x3c4
#define GC 0x3ce
#define CRTC 0x3d4

static struct vvga vga;
static const struct vpci_identity *fake_pci_identity;
static unsigned int fake_pci_resets, fake_pci_attached;

void vpci_function_init(struct vpci_function *f, const struct vpci_identity *id)
{
	(void)f;
	fake_pci_identity = id;
}

void vpci_add_bar(struct vpci_function *f, unsigned int n, uint64_t size, bool io, bool wide, bool prefetchable)
{
	assert_in_range(n, 0, VPCI_BARS - 1);
	f->bar[n] = (struct vpci_bar){ .size = size, .io = io, .wide = wide, .prefetchable = prefetchable };
}

int vpci_attach(struct vpci *bus, struct vpci_function *f, uint8_t devfn)
{
	(void)bus;
	f->devfn = devfn;
	fake_pci_attached++;
	return 0;
}

void vpci_function_reset(struct vpci_function *f)
{
	(void)f;
	fake_pci_resets++;
}

static inline void fake_move_bar(unsigned int n, bool mapped, uint64_t at)
{
	struct vpci_function *f = &vga.pci;

	bus_release(&fake.bus, BUS_MMIO, &f->dev, VPCI_REGION_BAR + n);
	f->bar[n].mapped = mapped;
	f->bar[n].at = at;
	if (mapped)
		assert_int_equal(bus_claim(&fake.bus, BUS_MMIO, at, at + f->bar[n].size - 1, &f->dev, VPCI_REGION_BAR + n,
					   false), 0);
	f->pci_ops->bar_moved(f, n);
}

static inline void fake_vga_setup(void)
{
	static uint8_t *vram;

	fake_init();
	if (vram == NULL) {
		assert_int_equal(vvga_init(&vga, &fake), 0);
		vram = vga.vram;
	}
	memset(&fake.bus, 0, sizeof(fake.bus));
	assert_int_equal(vvga_claim(&vga, &fake.bus, NULL), 0);
	vga.pci.dev.ops->reset(&vga.pci.dev);
}

static inline void fake_indexed(uint16_t port, unsigned int index, unsigned int value)
{
	outb(port, index);
	outb(port + 1, value);
}

/* As a VGA BIOS sets it: the registers that matter here, and all of the CRTC's. */
static inline void fake_mode(unsigned int misc, unsigned int sr4, unsigned int gr5, const uint8_t crtc[25])
{
	outb(0x3c2, misc);
	fake_indexed(SEQ, 2, 0x0f);
	fake_indexed(SEQ, 4, sr4);
	fake_indexed(GC, 5, gr5);
	fake_indexed(GC, 6, 0x05);
	fake_indexed(CRTC, 0x11, 0);
	for (unsigned int i = 0; i < 25; i++)
		fake_indexed(CRTC, i, crtc[i]);
}

static inline void fake_mode_13h(void)
{
	static const uint8_t crtc[25] = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c,
					  0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff };

	fake_mode(0x63, 0x0e, 0x40, crtc);
}

static inline void fake_mode_12h(void)
{
	static const uint8_t crtc[25] = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea,
					  0x8c, 0xdf, 0x28, 0, 0xe7, 0x04, 0xe3, 0xff };

	fake_mode(0xe3, 0x06, 0x00, crtc);
}

static inline void fake_font_access(bool on)
{
	if (on) {
		fake_indexed(SEQ, 2, 4);
		fake_indexed(SEQ, 4, 7);
		fake_indexed(GC, 4, 2);
		fake_indexed(GC, 5, 0);
		fake_indexed(GC, 6, 4);
		return;
	}
	fake_indexed(SEQ, 2, 3);
	fake_indexed(SEQ, 4, 3);
	fake_indexed(GC, 4, 0);
	fake_indexed(GC, 5, 0x10);
	fake_indexed(GC, 6, 0x0e);
}

static inline void fake_dispi(unsigned int index, unsigned int value)
{
	fake_out(0x1ce, 2, index);
	fake_out(0x1cf, 2, value);
}

/*
 * A guest's access to storage: through the rows where they grant it, else over the bus, as the processor and the monitor
 * do it together.
 */
static inline uint64_t fake_memory(uint64_t gpa, unsigned int size, bool write, uint64_t value)
{
	struct io_access a = { .addr = gpa, .size = (uint8_t)size, .write = write, .value = value };

	for (int row = MACHINE_ROWS - 1; row >= 0; row--) {
		if (gpa < fake.row[row].gpa || gpa + size > fake.row[row].gpa + fake.row[row].bytes)
			continue;
		if (fake.row[row].rights == 0)
			break;
		if (write)
			memcpy((uint8_t *)fake.row[row].storage + (gpa - fake.row[row].gpa), &value, size);
		else
			memcpy(&value, (uint8_t *)fake.row[row].storage + (gpa - fake.row[row].gpa), size);
		return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
	}
	bus_access(&fake.bus, BUS_MMIO, &a);
	return a.value;
}

static inline uint8_t peek(uint32_t gpa)
{
	return (uint8_t)fake_memory(gpa, 1, false, 0);
}

static inline void poke(uint32_t gpa, unsigned int value)
{
	fake_memory(gpa, 1, true, value);
}

#endif
