/* Bochs' VBE interface: linear modes by a handful of 16-bit registers. */
/* Part: devices/; a part of vvga.c; reached by ports 1CEh-1D0h and by the function's registers in memory. */
#include "lib/string.h"
#include "vmm/devices/vvga_parts.h"

#define ID_FIRST 0xb0c0u
#define ID_LAST	 0xb0c5u
#define X_MOST	 1280u
#define Y_MOST	 1024u
#define BPP_MOST 32u

static unsigned int bits_stored(unsigned int bpp)
{
	return bpp == 15 ? 16 : bpp;
}

static bool bpp_known(unsigned int bpp)
{
	return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

static uint16_t at_most(uint32_t value, uint32_t most)
{
	return (uint16_t)(value < most ? value : most);
}

/*
 * Makes one picture of the registers that fits the video RAM. Until the mode is enabled they are only remembered, so
 * that a guest may write them in any order.
 */
static void fit(uint16_t *r)
{
	uint32_t bits, line;

	if (!bpp_known(r[DISPI_BPP]))
		r[DISPI_BPP] = 8;
	bits = bits_stored(r[DISPI_BPP]);
	r[DISPI_XRES] = at_most(r[DISPI_XRES] & ~7u, X_MOST);
	if (r[DISPI_XRES] == 0)
		r[DISPI_XRES] = 8;
	r[DISPI_YRES] = at_most(r[DISPI_YRES], Y_MOST);
	if (r[DISPI_YRES] == 0)
		r[DISPI_YRES] = 1;
	r[DISPI_VIRT_WIDTH] &= (uint16_t)~7u;
	if (r[DISPI_VIRT_WIDTH] < r[DISPI_XRES])
		r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
	line = r[DISPI_VIRT_WIDTH] * bits / 8;
	if (line * r[DISPI_YRES] > VVGA_VRAM) {
		r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
		line = r[DISPI_VIRT_WIDTH] * bits / 8;
	}
	r[DISPI_YRES] = at_most(r[DISPI_YRES], (uint32_t)VVGA_VRAM / line);
	r[DISPI_VIRT_HEIGHT] = at_most((uint32_t)VVGA_VRAM / line, 0xffff);
	r[DISPI_X_OFFSET] = at_most(r[DISPI_X_OFFSET], (uint32_t)r[DISPI_VIRT_WIDTH] - r[DISPI_XRES]);
	r[DISPI_Y_OFFSET] = at_most(r[DISPI_Y_OFFSET], (uint32_t)r[DISPI_VIRT_HEIGHT] - r[DISPI_YRES]);
}

static void enable(struct vvga *v, uint16_t value)
{
	uint16_t *r = v->s.dispi;
	bool was_on = r[DISPI_ENABLE] & DISPI_ENABLED;

	r[DISPI_ENABLE] = value & (DISPI_ENABLED | DISPI_GETCAPS | DISPI_8BIT_DAC | DISPI_LFB | DISPI_NOCLEAR);
	if (!(value & DISPI_ENABLED) || was_on) {
		r[DISPI_BANK] = value & DISPI_ENABLED ? r[DISPI_BANK] : 0;
		return;
	}
	r[DISPI_VIRT_WIDTH] = 0;
	r[DISPI_X_OFFSET] = 0;
	r[DISPI_Y_OFFSET] = 0;
	r[DISPI_BANK] = 0;
	fit(r);
	if (value & DISPI_NOCLEAR)
		return;
	/* Planes are woven through the whole RAM; a linear picture is one run. */
	memset(v->vram, 0, r[DISPI_BPP] == 4 ? VVGA_VRAM :
	       (uint64_t)r[DISPI_YRES] * (r[DISPI_VIRT_WIDTH] * bits_stored(r[DISPI_BPP]) / 8));
}

uint16_t vvga_dispi_read(const struct vvga *v, uint32_t index)
{
	const uint16_t *r = v->s.dispi;

	if (index == DISPI_MEMORY_64K)
		return VVGA_VRAM / 0x10000;
	if (r[DISPI_ENABLE] & DISPI_GETCAPS) {
		switch (index) {
		case DISPI_XRES:
			return X_MOST;
		case DISPI_YRES:
			return Y_MOST;
		case DISPI_BPP:
			return BPP_MOST;
		default:
			break;
		}
	}
	return index < DISPI_REGISTERS ? r[index] : 0;
}

void vvga_dispi_write(struct vvga *v, uint32_t index, uint16_t value)
{
	uint16_t *r = v->s.dispi;

	switch (index) {
	case DISPI_ID:
		if (value >= ID_FIRST && value <= ID_LAST)
			r[DISPI_ID] = value;
		return;
	case DISPI_XRES:
	case DISPI_YRES:
	case DISPI_BPP:
	case DISPI_VIRT_WIDTH:
	case DISPI_X_OFFSET:
	case DISPI_Y_OFFSET:
		/* No depth at all is what the first display interface, which had only one, left there. */
		r[index] = index == DISPI_BPP && value == 0 ? 8 : value;
		if (r[DISPI_ENABLE] & DISPI_ENABLED)
			fit(r);
		break;
	case DISPI_BANK:
		r[DISPI_BANK] = value % (uint16_t)(VVGA_VRAM / VGA_BANK);
		break;
	case DISPI_ENABLE:
		enable(v, value);
		break;
	default:
		return;
	}
	vvga_window(v);
}

/* Red over green over blue, as Bochs and QEMU have them; without a palette to set. */
static void describe(const struct vvga *v, struct vvga_mode *m)
{
	const uint16_t *r = v->s.dispi;
	uint8_t each = r[DISPI_BPP] >= 24 ? 8 : 5, green = r[DISPI_BPP] == 16 ? 6 : each;

	memset(m, 0, sizeof(*m));
	m->at = v->pci.bar[VVGA_VRAM_BAR].at;
	m->width = r[DISPI_XRES];
	m->height = r[DISPI_YRES];
	m->bits = r[DISPI_BPP];
	m->pitch = r[DISPI_VIRT_WIDTH] * bits_stored(m->bits) / 8;
	m->blue.bits = m->red.bits = each;
	m->green.bits = green;
	m->green.at = each;
	m->red.at = (uint8_t)(each + green);
}

bool vvga_set_mode(struct vvga *v, uint32_t width, uint32_t height, uint32_t bits, struct vvga_mode *mode)
{
	uint16_t wanted[DISPI_REGISTERS];

	if (width > X_MOST || height > Y_MOST || bits < 15 || !bpp_known(bits) || !v->pci.bar[VVGA_VRAM_BAR].mapped)
		return false;
	memcpy(wanted, v->s.dispi, sizeof(wanted));
	wanted[DISPI_XRES] = (uint16_t)width;
	wanted[DISPI_YRES] = (uint16_t)height;
	wanted[DISPI_BPP] = (uint16_t)bits;
	wanted[DISPI_VIRT_WIDTH] = 0;
	fit(wanted);
	if (wanted[DISPI_XRES] != width || wanted[DISPI_YRES] != height)
		return false;
	vvga_dispi_write(v, DISPI_ENABLE, 0);
	vvga_dispi_write(v, DISPI_XRES, (uint16_t)width);
	vvga_dispi_write(v, DISPI_YRES, (uint16_t)height);
	vvga_dispi_write(v, DISPI_BPP, (uint16_t)bits);
	vvga_dispi_write(v, DISPI_ENABLE, DISPI_ENABLED | DISPI_LFB);
	describe(v, mode);
	return true;
}

void vvga_dispi_reset(struct vvga_state *s)
{
	memset(s->dispi, 0, sizeof(s->dispi));
	s->dispi[DISPI_ID] = ID_LAST;
	s->dispi_index = 0;
}

bool vvga_dispi_sane(const struct vvga_state *s)
{
	uint16_t fitted[DISPI_REGISTERS];

	if (s->dispi[DISPI_ID] < ID_FIRST || s->dispi[DISPI_ID] > ID_LAST ||
	    s->dispi[DISPI_BANK] >= VVGA_VRAM / VGA_BANK)
		return false;
	if (!(s->dispi[DISPI_ENABLE] & DISPI_ENABLED))
		return true;
	memcpy(fitted, s->dispi, sizeof(fitted));
	fit(fitted);
	return memcmp(fitted, s->dispi, sizeof(fitted)) == 0;
}
