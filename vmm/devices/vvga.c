/* The virtual display: the device as machine, bus and PCI see it, and the windows that need no exit. */
/* Part: devices/; decides what of the display is plain storage of the guest's now. */
#include "vmm/devices/vvga.h"

#include "lib/errno.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/devices/state.h"
#include "vmm/devices/vvga_parts.h"

#define VVGA_KIND 0x31414756u

enum { REGION_PORTS, REGION_DISPI, REGION_APERTURE };
enum { BAR_VRAM = VVGA_VRAM_BAR, BAR_REGISTERS = 2 };

#define PORT_DISPI_INDEX 0x1ceu
#define PORT_DISPI_DATA	 0x1cfu	/* and 1D0h, for processors that want it aligned */
#define PORT_DISPI_LAST	 0x1d1u

/* QEMU's layout of the registers in memory. */
#define REGISTERS_SIZE	 0x1000u
#define REGISTERS_PORTS	 0x400u	/* 3C0h to 3DFh */
#define REGISTERS_DISPI	 0x500u

#define TEXT_WINDOW	 0x8000u
#define RIGHTS_ALL	 7u

/*
 * Text mode as everyone sets it: even bytes of the window are plane 0, odd ones plane 1, and nothing on the way changes
 * them. The one thing a mapped read does not do is to load the latches; only a guest that reads text, then switches to
 * another write mode and writes without reading again could tell.
 */
static bool plain_text(const struct vvga_state *s)
{
	const uint8_t *gc = s->gc;

	return !(s->dispi[DISPI_ENABLE] & DISPI_ENABLED) &&
	       !(s->seq[SEQ_MEMORY] & (MEMORY_SEQUENTIAL | MEMORY_CHAIN4)) && s->seq[SEQ_MAP_MASK] == 3 &&
	       (gc[GC_MODE] & (GC_MODE_WRITE | GC_MODE_COMPARE | GC_MODE_ODD_EVEN)) == GC_MODE_ODD_EVEN &&
	       (gc[GC_MISC] & (GC_MISC_CHAIN | 0x08)) == (GC_MISC_CHAIN | 0x08) && !(gc[GC_SET_RESET_ON] & 3) &&
	       gc[GC_ROTATE] == 0 && !(gc[GC_READ_MAP] & 2) && gc[GC_BIT_MASK] == 0xff;
}

/* The geometry of the row stays while only the state changes: then giving and taking rights is cheap. */
void vvga_window(struct vvga *v)
{
	const struct vvga_state *s = &v->s;
	struct vm *vm = v->pci.dev.vm;
	uint32_t text = s->gc[GC_MISC] & 0x04 ? VGA_APERTURE + 0x18000u : VGA_APERTURE + 0x10000u;

	if (vvga_linear(s)) {
		v->window = VGA_APERTURE;
		v->window_size = VGA_BANK;
		v->window_from = (uint32_t)s->dispi[DISPI_BANK] * VGA_BANK;
		v->window_rights = RIGHTS_ALL;
	} else if (plain_text(s)) {
		v->window = text;
		v->window_size = TEXT_WINDOW;
		v->window_from = 0;
		v->window_rights = RIGHTS_ALL;
	} else {
		v->window_rights = 0;
	}
	machine_map(vm, ROW_VGA_WINDOW, v->window, v->vram + v->window_from, v->window_size, v->window_rights);
}

static void dispi_access(struct vvga *v, struct io_access *a)
{
	bool index = a->addr == PORT_DISPI_INDEX;

	if (a->addr == PORT_DISPI_LAST)
		return;
	if (a->write && index)
		v->s.dispi_index = (uint16_t)a->value;
	else if (a->write)
		vvga_dispi_write(v, v->s.dispi_index, (uint16_t)a->value);
	else
		a->value = index ? v->s.dispi_index : vvga_dispi_read(v, v->s.dispi_index);
}

/* Byte by byte where some of it is not in the planes. */
static void aperture_access(struct vvga *v, struct io_access *a)
{
	uint64_t value = a->write ? a->value : 0, at = a->addr - VGA_APERTURE;
	struct io_block bytes = { .data = &value, .size = 1, .count = a->size <= 8 ? a->size : 8, .write = a->write };

	if (vvga_memory_block(v, (uint32_t)at, &bytes) == 0) {
		for (unsigned int i = 0; i < bytes.count; i++) {
			uint32_t offset = (uint32_t)at + i;

			if (offset > VGA_APERTURE_END - VGA_APERTURE)
				value |= 0xffull << 8 * i;
			else if (a->write)
				vvga_memory_write(v, offset, (uint8_t)(a->value >> 8 * i));
			else
				value |= (uint64_t)vvga_memory_read(v, offset) << 8 * i;
		}
	}
	if (!a->write)
		a->value = value;
}

/* Only while the row is not there: its rights are all there are. */
static void vram_access(struct vvga *v, struct io_access *a)
{
	uint64_t offset = a->addr - v->pci.bar[BAR_VRAM].at;
	size_t size = a->size <= 8 ? a->size : 8;

	if (offset > VVGA_VRAM - size)
		return;
	if (a->write) {
		memcpy(v->vram + offset, &a->value, size);
	} else {
		a->value = 0;
		memcpy(&a->value, v->vram + offset, size);
	}
}

static uint64_t registers_read(struct vvga *v, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (offset >= REGISTERS_DISPI && offset < REGISTERS_DISPI + 2 * DISPI_REGISTERS) {
		uint32_t index = (uint32_t)(offset - REGISTERS_DISPI) / 2;

		return vvga_dispi_read(v, index) >> 8 * (offset & 1) | (uint64_t)(size > 2 ? vvga_dispi_read(v, index + 1) : 0) << 16;
	}
	for (unsigned int i = 0; i < size; i++)
		if (offset + i - REGISTERS_PORTS < 0x20)
			value |= (uint64_t)vvga_port_read(v, (uint32_t)(offset + i - REGISTERS_PORTS) + 0x3c0) << 8 * i;
	return value;	/* no EDID and no further registers: zeroes say so */
}

static void registers_access(struct vvga *v, struct io_access *a)
{
	uint64_t offset = a->addr - v->pci.bar[BAR_REGISTERS].at;
	unsigned int size = a->size <= 8 ? a->size : 8;

	if (offset >= REGISTERS_SIZE)
		return;
	if (!a->write) {
		a->value = registers_read(v, offset, size);
		return;
	}
	if (offset >= REGISTERS_DISPI && offset < REGISTERS_DISPI + 2 * DISPI_REGISTERS) {
		if (!(offset & 1) && size >= 2)
			vvga_dispi_write(v, (uint32_t)(offset - REGISTERS_DISPI) / 2, (uint16_t)a->value);
		return;
	}
	for (unsigned int i = 0; i < size; i++)
		if (offset + i - REGISTERS_PORTS < 0x20)
			vvga_port_write(v, (uint32_t)(offset + i - REGISTERS_PORTS) + 0x3c0, (uint8_t)(a->value >> 8 * i));
}

static void vvga_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vvga *v = (struct vvga *)d;

	switch (region) {
	case REGION_PORTS:
		if (a->write)
			vvga_port_write(v, (uint32_t)a->addr, (uint8_t)a->value);
		else
			a->value = vvga_port_read(v, (uint32_t)a->addr);
		return;
	case REGION_DISPI:
		dispi_access(v, a);
		return;
	case REGION_APERTURE:
		aperture_access(v, a);
		return;
	case VPCI_REGION_BAR + BAR_VRAM:
		vram_access(v, a);
		return;
	case VPCI_REGION_BAR + BAR_REGISTERS:
		registers_access(v, a);
		return;
	default:
		return;
	}
}

static uint32_t vvga_block(struct vdev *d, uint32_t region, const struct io_block *b)
{
	return region == REGION_APERTURE ? vvga_memory_block((struct vvga *)d, (uint32_t)(b->addr - VGA_APERTURE), b) : 0;
}

static uint32_t vvga_copy(struct vdev *d, uint32_t region, uint64_t to, uint64_t from, uint8_t size, uint32_t count)
{
	if (region != REGION_APERTURE)
		return 0;
	return vvga_memory_copy((struct vvga *)d, (uint32_t)(to - VGA_APERTURE), (uint32_t)(from - VGA_APERTURE), size, count);
}

static void vvga_bar_moved(struct vpci_function *f, unsigned int n)
{
	struct vvga *v = (struct vvga *)f;
	const struct vpci_bar *bar = &f->bar[BAR_VRAM];

	/* A row without rights would still hide what lies under it: it goes when the BAR is not decoded. */
	if (n == BAR_VRAM)
		machine_map(f->dev.vm, ROW_VIDEO, bar->mapped ? bar->at : 0, v->vram, bar->mapped ? VVGA_VRAM : 0,
			    bar->mapped ? RIGHTS_ALL : 0);
}

static void reset_registers(struct vvga *v)
{
	memset(&v->s, 0, sizeof(v->s));
	vvga_ports_reset(&v->s);
	vvga_dispi_reset(&v->s);
}

/*
 * A real adapter is silent until its BIOS has run. Guests that are loaded without one expect what every BIOS leaves
 * behind, mode 3 and a clear screen; one that brings its BIOS sets all of it anew.
 */
static void vvga_reset(struct vdev *d)
{
	struct vvga *v = (struct vvga *)d;

	vpci_function_reset(&v->pci);
	reset_registers(v);
	memset(v->vram, 0, VVGA_VRAM);
	for (uint32_t i = 0; i < TEXT_WINDOW; i += 2) {
		v->vram[i] = ' ';
		v->vram[i + 1] = 0x07;
	}
	machine_map(d->vm, ROW_VGA, VGA_APERTURE, v->vram, VGA_APERTURE_END + 1 - VGA_APERTURE, 0);
	vvga_window(v);
}

static void vvga_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vvga *v = (const struct vvga *)d;
	struct vvga_screen screen;

	vvga_screen(v, &screen);
	if (screen.graphics)
		text_format(text, room, "graphics %ux%ux%u bank=%u window=%x%s", screen.width, screen.height, screen.bits,
			    v->s.dispi[DISPI_BANK], v->window, v->window_rights ? " mapped" : "");
	else
		text_format(text, room, "text %ux%u start=%u cursor=%u,%u%s window=%x%s", screen.columns, screen.rows,
			    screen.start, screen.cursor_x, screen.cursor_y, screen.blank ? " blank" : "", v->window,
			    v->window_rights ? " mapped" : "");
}

static size_t vvga_save(const struct vdev *d, void *to, size_t room)
{
	const struct vvga *v = (const struct vvga *)d;
	struct state_header header = { VVGA_KIND, (uint32_t)(sizeof(v->s) + VVGA_VRAM) };

	if (to && room >= sizeof(header) + header.size) {
		memcpy(to, &header, sizeof(header));
		memcpy((uint8_t *)to + sizeof(header), &v->s, sizeof(v->s));
		memcpy((uint8_t *)to + sizeof(header) + sizeof(v->s), v->vram, VVGA_VRAM);
	}
	return sizeof(header) + header.size;
}

static bool registers_sane(const struct vvga_state *s)
{
	return s->dac_part < 3 && s->attr_data <= 1 && s->seq_index < 8 && s->gc_index < 16 && vvga_dispi_sane(s);
}

/* The function's configuration space is the PCI bus' own to save: it tells of BARs that move. */
static bool vvga_restore(struct vdev *d, const void *from, size_t size)
{
	struct vvga *v = (struct vvga *)d;
	struct state_header header;
	struct vvga_state s;

	if (!from || size != sizeof(header) + sizeof(s) + VVGA_VRAM)
		return false;
	memcpy(&header, from, sizeof(header));
	memcpy(&s, (const uint8_t *)from + sizeof(header), sizeof(s));
	if (header.kind != VVGA_KIND || header.size != size - sizeof(header) || !registers_sane(&s))
		return false;
	v->s = s;
	memcpy(v->vram, (const uint8_t *)from + sizeof(header) + sizeof(s), VVGA_VRAM);
	vvga_window(v);
	return true;
}

static const struct vdev_ops vvga_ops = {
	.name = "VGA",
	.reset = vvga_reset,
	.access = vvga_access,
	.block = vvga_block,
	.copy = vvga_copy,
	.dump = vvga_dump,
	.save = vvga_save,
	.restore = vvga_restore,
};

static const struct vpci_ops vvga_pci_ops = {
	.bar_moved = vvga_bar_moved,
};

static const struct vpci_identity vvga_identity = {
	.vendor = 0x1234, .device = 0x1111, .subsystem_vendor = 0x1af4, .subsystem = 0x1100,
	.class_code = 0x030000, .revision = 2,
};

int vvga_init(struct vvga *v, struct vm *vm)
{
	memset(v, 0, sizeof(*v));
	v->vram = machine_storage(vm, VVGA_VRAM);
	if (v->vram == NULL)
		return -ENOMEM;
	v->pci.dev.ops = &vvga_ops;
	v->pci.dev.vm = vm;
	v->pci.pci_ops = &vvga_pci_ops;
	v->window = VGA_APERTURE + 0x18000u;
	v->window_size = TEXT_WINDOW;
	reset_registers(v);
	return 0;
}

int vvga_claim(struct vvga *v, struct bus *bus, struct vpci *pci)
{
	static const struct { uint16_t first, last; } ports[] = {
		{ 0x3b4, 0x3b5 }, { 0x3ba, 0x3ba }, { 0x3c0, 0x3cf }, { 0x3d4, 0x3d5 }, { 0x3da, 0x3da },
	};
	struct vdev *d = &v->pci.dev;
	int e = 0;

	for (size_t i = 0; i < ARRAY_LEN(ports) && e == 0; i++)
		e = bus_claim(bus, BUS_PORT, ports[i].first, ports[i].last, d, REGION_PORTS, true);
	if (e == 0)
		e = bus_claim(bus, BUS_PORT, PORT_DISPI_INDEX, PORT_DISPI_LAST, d, REGION_DISPI, false);
	if (e == 0)
		e = bus_claim(bus, BUS_MMIO, VGA_APERTURE, VGA_APERTURE_END, d, REGION_APERTURE, false);
	if (e != 0)
		return e;
	vpci_function_init(&v->pci, &vvga_identity);
	vpci_add_bar(&v->pci, BAR_VRAM, VVGA_VRAM, false, false, true);
	vpci_add_bar(&v->pci, BAR_REGISTERS, REGISTERS_SIZE, false, false, false);
	return vpci_attach(pci, &v->pci, VVGA_DEVFN);
}
