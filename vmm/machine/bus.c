/* The bus: finds who answers at a port or guest-physical address and carries the access there. */
/* Part: machine/; every access of a guest to a virtual device passes here: the exit path. */
#include "vmm/machine/bus.h"

#include "lib/errno.h"
#include "lib/string.h"

#define PORT_LAST 0xffffu

/*
 * The claim with the greatest first that is not above addr, or NULL. The halving has no branch that
 * depends on what is found, so it costs the same few instructions for every port.
 */
static const struct bus_claim *claim_below(const struct bus *bus, enum bus_space space,
					   uint64_t addr)
{
	const struct bus_claim *c = bus->claims[space];
	uint32_t left = bus->count[space];

	while (left > 1) {
		uint32_t half = left / 2;

		c = c[half].first <= addr ? c + half : c;
		left -= half;
	}
	return left && c->first <= addr ? c : NULL;
}

static const struct bus_claim *claim_at(const struct bus *bus, enum bus_space space, uint64_t addr)
{
	const struct bus_claim *c = claim_below(bus, space, addr);

	return c && addr <= c->last ? c : NULL;
}

/* size is 1 to 8. */
static uint64_t size_mask(unsigned int size)
{
	return UINT64_MAX >> (64 - size * 8);
}

/* Claims may have moved up to make room, so the whole table is written again. */
static void map_low_ports(struct bus *bus)
{
	memset(bus->low, 0, sizeof(bus->low));
	for (uint32_t i = 0; i < bus->count[BUS_PORT]; i++) {
		const struct bus_claim *c = &bus->claims[BUS_PORT][i];

		for (uint64_t port = c->first; port <= c->last && port < BUS_LOW_PORTS; port++)
			bus->low[port] = (uint8_t)(i + 1);
	}
}

int bus_claim(struct bus *bus, enum bus_space space, uint64_t first, uint64_t last,
	      struct vdev *dev, uint32_t region, bool bytes)
{
	struct bus_claim *claims = bus->claims[space];
	const struct bus_claim *below;
	uint32_t i;

	if (last < first || !dev || (space == BUS_PORT && last > PORT_LAST))
		return -EINVAL;
	below = claim_below(bus, space, last);
	if (below && below->last >= first)
		return -EBUSY;
	if (bus->count[space] == BUS_CLAIMS)
		return -ENOSPC;

	for (i = bus->count[space]; i > 0 && claims[i - 1].first > first; i--)
		claims[i] = claims[i - 1];
	claims[i] = (struct bus_claim){ .first = first, .last = last, .dev = dev,
					.region = region, .bytes = bytes };
	bus->count[space]++;
	if (space == BUS_PORT)
		map_low_ports(bus);
	return 0;
}

void bus_release(struct bus *bus, enum bus_space space, const struct vdev *dev, uint32_t region)
{
	struct bus_claim *claims = bus->claims[space];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < bus->count[space]; i++)
		if (claims[i].dev != dev || claims[i].region != region)
			claims[kept++] = claims[i];
	if (kept == bus->count[space])
		return;
	bus->count[space] = kept;
	if (space == BUS_PORT)
		map_low_ports(bus);
}

static void count_unclaimed(struct bus *bus, enum bus_space space, const struct io_access *a,
			    uint64_t addr)
{
	if (space != BUS_PORT)
		return;	/* the account counts memory traps */
	if (a->write)
		bus->unclaimed_writes++;
	else
		bus->unclaimed_reads++;
	bus->last_unclaimed_port = (uint16_t)addr;
}

/* The largest naturally aligned piece at addr that lies in the claim and in what is left. */
static unsigned int piece_size(const struct bus_claim *c, uint64_t addr, unsigned int left)
{
	unsigned int size = 1;

	if (c->bytes)
		return 1;
	while (size * 2 <= left && !(addr & (size * 2 - 1)) && c->last - addr >= size * 2 - 1)
		size *= 2;
	return size;
}

/*
 * An access that is wider than its device, or that touches more or less than one claim. Kept out of
 * line so that the usual access does not pay for its registers.
 */
__attribute__((noinline))
static bool access_in_pieces(struct bus *bus, enum bus_space space, struct io_access *a)
{
	uint64_t value = a->write ? a->value : UINT64_MAX;
	bool claimed = false, counted = false;
	unsigned int done, size;

	/* Sizes are the decoder's, not the guest's; this only keeps the shifts defined. */
	if (a->size - 1u > 7)
		return false;
	for (done = 0; done < a->size; done += size) {
		uint64_t addr = a->addr + done;
		const struct bus_claim *c = addr < a->addr ? NULL : claim_at(bus, space, addr);
		unsigned int shift = done * 8;
		struct io_access piece;

		size = 1;
		if (!c) {
			if (!counted)
				count_unclaimed(bus, space, a, addr);
			counted = true;
			continue;
		}
		size = piece_size(c, addr, a->size - done);
		piece.addr = addr;
		piece.size = (uint8_t)size;
		piece.write = a->write;
		piece.value = a->write ? (value >> shift) & size_mask(size) : size_mask(size);
		c->dev->ops->access(c->dev, c->region, &piece);
		if (!a->write)
			value ^= ((value >> shift ^ piece.value) & size_mask(size)) << shift;
		claimed = true;
	}
	if (!a->write)
		a->value = value & size_mask(a->size);
	return claimed;
}

/* Does the access reach this device as it is? Asked only for those wider than a byte. */
static bool reaches_whole(const struct bus_claim *c, const struct io_access *a)
{
	return !c->bytes && a->size - 1u <= 7 && c->last - a->addr >= a->size - 1u;
}

/* Kept apart so that bytes do not pay for it: PCI's two ports are what it is for. */
__attribute__((noinline))
static bool access_wide_port(struct bus *bus, struct io_access *a)
{
	uint8_t number = a->addr < BUS_LOW_PORTS ? bus->low[a->addr] : 0;

	if (number != 0) {
		const struct bus_claim *c = &bus->claims[BUS_PORT][number - 1];

		if (reaches_whole(c, a)) {
			c->dev->ops->access(c->dev, c->region, a);
			return true;
		}
	}
	return bus_access(bus, BUS_PORT, a);
}

inline bool bus_access_port(struct bus *bus, struct io_access *a)
{
	if (__builtin_expect(a->addr < BUS_LOW_PORTS && a->size == 1, 1)) {
		uint8_t number = bus->low[a->addr];

		if (__builtin_expect(number != 0, 1)) {
			const struct bus_claim *c = &bus->claims[BUS_PORT][number - 1];

			c->dev->ops->access(c->dev, c->region, a);
			return true;
		}
	}
	return access_wide_port(bus, a);
}

bool bus_access(struct bus *bus, enum bus_space space, struct io_access *a)
{
	const struct bus_claim *c = claim_below(bus, space, a->addr);
	uint64_t mask = 0xff;

	if (!c || a->addr > c->last)
		return access_in_pieces(bus, space, a);
	if (a->size != 1) {
		if (!reaches_whole(c, a))
			return access_in_pieces(bus, space, a);
		mask = size_mask(a->size);
	}
	if (a->write) {
		a->value &= mask;
		c->dev->ops->access(c->dev, c->region, a);
		return true;
	}
	a->value = mask;
	c->dev->ops->access(c->dev, c->region, a);
	a->value &= mask;
	return true;
}

/* Elements of a run upwards from `at` that lie in the claim. */
static uint32_t elements_in(const struct bus_claim *c, uint64_t at, uint8_t size, uint32_t count)
{
	uint64_t room = (c->last - at + 1) / size;

	return room < count ? (uint32_t)room : count;
}

uint32_t bus_block(struct bus *bus, enum bus_space space, const struct io_block *b)
{
	const struct bus_claim *c = claim_at(bus, space, b->addr);
	struct io_block part = *b;
	uint32_t inside;

	if (!c || c->dev->ops->block == NULL || (c->bytes && b->size != 1))
		return 0;
	inside = elements_in(c, b->addr, b->size, b->count);
	if (inside == 0)
		return 0;
	if (space == BUS_MMIO)
		part.count = inside;
	return c->dev->ops->block(c->dev, c->region, &part);
}

uint32_t bus_copy(struct bus *bus, uint64_t to, uint64_t from, uint8_t size, uint32_t count)
{
	const struct bus_claim *c = claim_at(bus, BUS_MMIO, to);

	if (!c || c->dev->ops->copy == NULL || (c->bytes && size != 1) || claim_at(bus, BUS_MMIO, from) != c)
		return 0;
	count = elements_in(c, from, size, elements_in(c, to, size, count));
	return count != 0 ? c->dev->ops->copy(c->dev, c->region, to, from, size, count) : 0;
}
