/* The bus: who answers at which port and at which guest-physical address. */
/* Part: machine/; the interpreter's I/O routines end here. */
#ifndef VMM_MACHINE_BUS_H
#define VMM_MACHINE_BUS_H

#include "vmm/machine/vdev.h"

enum bus_space { BUS_PORT, BUS_MMIO };

#define BUS_CLAIMS 128	/* per space; a byte of low[] tells them apart */
#define BUS_LOW_PORTS 0x1000u

struct bus_claim {
	uint64_t first, last;	/* inclusive */
	struct vdev *dev;
	uint32_t region;
	bool bytes;	/* an 8-bit device: wider accesses reach it byte by byte, as on ISA */
};

struct bus {
	struct bus_claim claims[2][BUS_CLAIMS];	/* sorted by first */
	uint32_t count[2];
	/* Number + 1 of the claim of each low port, 0 = none: nearly every access is to one of these. */
	uint8_t low[BUS_LOW_PORTS];
	uint64_t unclaimed_reads, unclaimed_writes;	/* of ports */
	uint16_t last_unclaimed_port;
};

/* 0, -EBUSY on an overlap with an earlier claim, -ENOSPC when the table is full, -EINVAL when last < first. */
int bus_claim(struct bus *bus, enum bus_space space, uint64_t first, uint64_t last, struct vdev *dev,
	      uint32_t region, bool bytes);

/* Gives up every claim of this device for this region (a BAR that moves). No claim is no error. */
void bus_release(struct bus *bus, enum bus_space space, const struct vdev *dev, uint32_t region);

/*
 * Carries one access out. Parts nobody claims read as all ones, writes there are dropped; those of ports are counted.
 * An access may straddle claims. Returns false when no byte of it was claimed.
 */
bool bus_access(struct bus *bus, enum bus_space space, struct io_access *a);
/* The same for a port, quickly for those below BUS_LOW_PORTS. value must be cut to size (ones for a read). */
bool bus_access_port(struct bus *bus, struct io_access *a);

/*
 * Carries out accesses of a repeated string, at least the first if any, as far as its device takes them at once. Returns
 * how many are done; 0 = that device does them one by one: bus_access().
 */
uint32_t bus_block(struct bus *bus, enum bus_space space, const struct io_block *b);
/* The same for elements that are read from a device's memory and written to the same device's. */
uint32_t bus_copy(struct bus *bus, uint64_t to, uint64_t from, uint8_t size, uint32_t count);

#endif
