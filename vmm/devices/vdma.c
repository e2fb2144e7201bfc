/* The virtual DMA controllers: two 8237s in cascade with their page registers, and no device that asks them. */
/* Part: devices/; programs find the registers where every PC has them; nothing ever moves. */
#include "vmm/devices/vdma.h"

#include "lib/printf.h"
#include "vmm/devices/state.h"

#define VDMA_KIND 0x31414d44u

/* The second controller is wired one address line up, so that its registers are two ports apart. */
enum { REGION_FIRST, REGION_SECOND, REGION_PAGES };

#define FIRST_PORT  0x00u
#define SECOND_PORT 0xc0u
#define PAGE_PORT   0x80u

/* Registers behind the eight of the channels. Intel 8237A data sheet, "Register Description". */
enum { REG_STATUS = 8, REG_REQUEST, REG_SINGLE_MASK, REG_MODE, REG_CLEAR_FLIP_FLOP, REG_MASTER_CLEAR, REG_CLEAR_MASK,
       REG_ALL_MASKS };

#define ALL_CHANNELS 0x0fu
#define SET_BIT 0x04u	/* in the single-mask and request registers */

static void chip_clear(struct vdma_chip *c)
{
	c->command = 0;
	c->request = 0;
	c->high = 0;
	c->mask = ALL_CHANNELS;
}

static uint16_t with_byte(uint16_t word, bool high, uint8_t byte)
{
	return (uint16_t)(high ? (word & 0xff) | byte << 8 : (word & 0xff00) | byte);
}

/* Addresses at even, counts at odd registers: a byte at a time, and the flip-flop says which. */
static void channel_access(struct vdma_chip *c, unsigned int reg, struct io_access *a)
{
	unsigned int channel = reg / 2;
	uint16_t *now = reg % 2 ? &c->count[channel] : &c->address[channel];
	uint16_t *base = reg % 2 ? &c->base_count[channel] : &c->base_address[channel];
	bool high = c->high != 0;

	c->high ^= 1;
	if (!a->write) {
		a->value = (high ? *now >> 8 : *now) & 0xff;
		return;
	}
	*base = with_byte(*base, high, (uint8_t)a->value);
	*now = with_byte(*now, high, (uint8_t)a->value);
}

static uint8_t chip_read(const struct vdma_chip *c, unsigned int reg)
{
	switch (reg) {
	case REG_STATUS:	/* requests above; no channel has ever come to its end */
		return (uint8_t)(c->request << 4);
	case REG_ALL_MASKS:	/* what the PIIX3 adds to the 8237 */
		return 0xf0 | c->mask;
	default:		/* the temporary register, and those that are only written */
		return 0;
	}
}

static uint8_t one_bit(uint8_t bits, uint8_t value)
{
	uint8_t bit = (uint8_t)(1u << (value & 3));

	return (uint8_t)(value & SET_BIT ? bits | bit : bits & ~bit);
}

static void chip_write(struct vdma_chip *c, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case REG_STATUS:
		c->command = value;
		break;
	case REG_REQUEST:
		c->request = one_bit(c->request, value);
		break;
	case REG_SINGLE_MASK:
		c->mask = one_bit(c->mask, value);
		break;
	case REG_MODE:
		c->mode[value & 3] = value & 0xfc;
		break;
	case REG_CLEAR_FLIP_FLOP:
		c->high = 0;
		break;
	case REG_MASTER_CLEAR:
		chip_clear(c);
		break;
	case REG_CLEAR_MASK:
		c->mask = 0;
		break;
	case REG_ALL_MASKS:
		c->mask = value & ALL_CHANNELS;
		break;
	}
}

static void chip_access(struct vdma_chip *c, unsigned int reg, struct io_access *a)
{
	if (reg < REG_STATUS)
		channel_access(c, reg, a);
	else if (a->write)
		chip_write(c, reg, (uint8_t)a->value);
	else
		a->value = chip_read(c, reg);
}

static void vdma_access(struct vdev *d, uint32_t region, struct io_access *a)
{
	struct vdma *dma = (struct vdma *)d;
	uint8_t *page;

	switch (region) {
	case REGION_FIRST:
		chip_access(&dma->s.chip[0], (unsigned int)(a->addr - FIRST_PORT) & 15, a);
		return;
	case REGION_SECOND:
		chip_access(&dma->s.chip[1], (unsigned int)(a->addr - SECOND_PORT) / 2 & 15, a);
		return;
	case REGION_PAGES:
		page = &dma->s.page[(a->addr - PAGE_PORT) % VDMA_PAGES];
		if (a->write)
			*page = (uint8_t)a->value;
		else
			a->value = *page;
		return;
	}
}

static void vdma_reset(struct vdev *d)
{
	struct vdma *dma = (struct vdma *)d;

	memset(&dma->s, 0, sizeof(dma->s));
	chip_clear(&dma->s.chip[0]);
	chip_clear(&dma->s.chip[1]);
}

static void vdma_dump(const struct vdev *d, char *text, size_t room)
{
	const struct vdma_state *s = &((const struct vdma *)d)->s;

	text_format(text, room, "masks=%x,%x requests=%x,%x", s->chip[0].mask, s->chip[1].mask, s->chip[0].request,
		    s->chip[1].request);
}

static size_t vdma_save(const struct vdev *d, void *to, size_t room)
{
	return state_save(VDMA_KIND, &((const struct vdma *)d)->s, sizeof(struct vdma_state), to, room);
}

static bool vdma_restore(struct vdev *d, const void *from, size_t size)
{
	struct vdma *dma = (struct vdma *)d;
	struct vdma_state s;

	if (!state_load(VDMA_KIND, &s, sizeof(s), from, size))
		return false;
	for (unsigned int i = 0; i < ARRAY_LEN(s.chip); i++) {
		const struct vdma_chip *c = &s.chip[i];

		if (c->high > 1 || c->mask > ALL_CHANNELS || c->request > ALL_CHANNELS)
			return false;
		for (unsigned int n = 0; n < VDMA_CHANNELS; n++)
			if (c->mode[n] & 3)
				return false;
	}
	dma->s = s;
	return true;
}

static const struct vdev_ops vdma_ops = {
	.name = "DMA",
	.reset = vdma_reset,
	.access = vdma_access,
	.dump = vdma_dump,
	.save = vdma_save,
	.restore = vdma_restore,
};

void vdma_init(struct vdma *dma, struct vm *vm)
{
	memset(dma, 0, sizeof(*dma));
	dma->dev.ops = &vdma_ops;
	dma->dev.vm = vm;
	vdma_reset(&dma->dev);
}

/* Port 80h is the POST port, which has a shorter way. */
int vdma_claim(struct vdma *dma, struct bus *bus)
{
	int error = bus_claim(bus, BUS_PORT, FIRST_PORT, FIRST_PORT + 15, &dma->dev, REGION_FIRST, true);

	error = error ? error : bus_claim(bus, BUS_PORT, PAGE_PORT + 1, PAGE_PORT + 15, &dma->dev, REGION_PAGES, true);
	return error ? error : bus_claim(bus, BUS_PORT, SECOND_PORT, SECOND_PORT + 31, &dma->dev, REGION_SECOND, true);
}
