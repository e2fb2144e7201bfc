/* Configuration space of a virtual PCI function: header, BARs that move, capabilities. */
/* Part: devices/; what every function on the bus has in common. */
#include "vmm/devices/vpci.h"

#include "lib/string.h"

#define CACHE_LINE 0x0cu
#define LATENCY 0x0du
#define HEADER_TYPE 0x0eu
#define SUBSYSTEM 0x2cu
#define FIRST_CAPABILITY 0x40u

#define COMMAND_WRITABLE 0x0547u	/* I/O, memory, master, parity, SERR#, INTx disable */
#define STATUS_MEDIUM 0x02u		/* DEVSEL# timing, in the high byte */
#define STATUS_ERRORS 0xf9u		/* in the high byte: a written 1 clears */

#define BAR_IO 0x1u
#define BAR_WIDE 0x4u
#define BAR_PREFETCHABLE 0x8u
#define IO_BAR_ADDRESS 0xfffffffcu
#define MEMORY_BAR_ADDRESS 0xfffffff0u
#define ROM_ADDRESS 0xfffff800u

uint16_t vpci_get16(const struct vpci_function *f, unsigned int offset)
{
	return (uint16_t)(f->config[offset] | f->config[offset + 1] << 8);
}

uint32_t vpci_get32(const struct vpci_function *f, unsigned int offset)
{
	return vpci_get16(f, offset) | (uint32_t)vpci_get16(f, offset + 2) << 16;
}

static void put16(uint8_t *bytes, unsigned int offset, uint16_t value)
{
	bytes[offset] = (uint8_t)value;
	bytes[offset + 1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *bytes, unsigned int offset, uint32_t value)
{
	put16(bytes, offset, (uint16_t)value);
	put16(bytes, offset + 2, (uint16_t)(value >> 16));
}

void vpci_set16(struct vpci_function *f, unsigned int offset, uint16_t value)
{
	put16(f->config, offset, value);
}

void vpci_set32(struct vpci_function *f, unsigned int offset, uint32_t value)
{
	put32(f->config, offset, value);
}

static unsigned int bar_offset(unsigned int n)
{
	return n == VPCI_ROM_BAR ? VPCI_ROM : VPCI_BAR0 + 4 * n;
}

void vpci_function_init(struct vpci_function *f, const struct vpci_identity *id)
{
	struct vdev dev = f->dev;
	const struct vpci_ops *ops = f->pci_ops;

	memset(f, 0, sizeof(*f));
	f->dev = dev;
	f->pci_ops = ops;
	put16(f->config, 0x00, id->vendor);
	put16(f->config, 0x02, id->device);
	put32(f->config, 0x08, id->class_code << 8 | id->revision);
	f->config[VPCI_STATUS + 1] = STATUS_MEDIUM;
	f->config[HEADER_TYPE] = id->header_type;
	put16(f->config, SUBSYSTEM, id->subsystem_vendor);
	put16(f->config, SUBSYSTEM + 2, id->subsystem);
	f->config[VPCI_INTERRUPT_PIN] = id->intx_pin <= 4 ? id->intx_pin : 0;
	put16(f->writable, VPCI_COMMAND, COMMAND_WRITABLE);
	f->clears[VPCI_STATUS + 1] = STATUS_ERRORS;
	f->writable[CACHE_LINE] = 0xff;
	f->writable[LATENCY] = 0xf8;
	f->writable[VPCI_INTERRUPT_LINE] = 0xff;
	f->next_capability = FIRST_CAPABILITY;
}

void vpci_add_bar(struct vpci_function *f, unsigned int n, uint64_t size, bool io, bool wide, bool prefetchable)
{
	unsigned int offset = bar_offset(n);
	uint64_t mask = ~(size - 1);

	f->bar[n] = (struct vpci_bar){ .size = size, .io = io, .wide = wide, .prefetchable = prefetchable };
	if (n == VPCI_ROM_BAR) {
		put32(f->writable, offset, ((uint32_t)mask & ROM_ADDRESS) | VPCI_ROM_ENABLE);
		return;
	}
	if (io) {
		put32(f->config, offset, BAR_IO);
		put32(f->writable, offset, (uint32_t)mask & IO_BAR_ADDRESS);
		return;
	}
	put32(f->config, offset, (wide ? BAR_WIDE : 0) | (prefetchable ? BAR_PREFETCHABLE : 0));
	put32(f->writable, offset, (uint32_t)mask & MEMORY_BAR_ADDRESS);
	if (wide)
		put32(f->writable, offset + 4, (uint32_t)(mask >> 32));
}

uint8_t vpci_add_capability(struct vpci_function *f, uint8_t id, uint8_t size)
{
	uint8_t at = f->next_capability;

	f->config[at] = id;
	f->config[at + 1] = f->config[VPCI_LIST];
	f->config[VPCI_LIST] = at;
	f->config[VPCI_STATUS] |= VPCI_STATUS_LIST;
	f->next_capability = (uint8_t)align_up(at + (uint64_t)size, 4);
	return at;
}

bool vpci_bus_master(const struct vpci_function *f)
{
	return vpci_get16(f, VPCI_COMMAND) & VPCI_COMMAND_MASTER;
}

/* Where the guest wants BAR n decoded; false = nowhere, as far as the bus can tell. */
static bool wanted_address(const struct vpci_function *f, unsigned int n, uint64_t *at)
{
	const struct vpci_bar *bar = &f->bar[n];
	uint16_t command = vpci_get16(f, VPCI_COMMAND);
	uint32_t low = vpci_get32(f, bar_offset(n));
	uint64_t address, last;

	if (bar->size == 0 || !(command & (bar->io ? VPCI_COMMAND_IO : VPCI_COMMAND_MEMORY)))
		return false;
	if (n == VPCI_ROM_BAR && !(low & VPCI_ROM_ENABLE))
		return false;
	address = low & ~(uint64_t)(n == VPCI_ROM_BAR ? ~ROM_ADDRESS : bar->io ? 3 : 15);
	if (bar->wide)
		address |= (uint64_t)vpci_get32(f, bar_offset(n) + 4) << 32;
	/*
	 * 0 is what RST# leaves, and all ones is what sizing writes while decoding may be on: neither is meant as a
	 * place, and there they would hide the first page or the firmware.
	 */
	*at = address;
	last = address + (bar->size - 1);
	return address != 0 && last >= address && last != UINT32_MAX && last != UINT64_MAX;
}

static void bar_told(struct vpci_function *f, unsigned int n)
{
	if (f->pci_ops != NULL && f->pci_ops->bar_moved != NULL)
		f->pci_ops->bar_moved(f, n);
}

static void release_moved(struct vpci_function *f)
{
	for (unsigned int n = 0; n <= VPCI_ROM_BAR; n++) {
		struct vpci_bar *bar = &f->bar[n];
		uint64_t at;

		if (!bar->mapped || (wanted_address(f, n, &at) && at == bar->at))
			continue;
		bus_release(f->bus->bus, bar->io ? BUS_PORT : BUS_MMIO, &f->dev, VPCI_REGION_BAR + n);
		bar->mapped = false;
		bar_told(f, n);
	}
}

static void claim_wanted(struct vpci_function *f)
{
	for (unsigned int n = 0; n <= VPCI_ROM_BAR; n++) {
		struct vpci_bar *bar = &f->bar[n];
		uint64_t at;

		if (bar->mapped || !wanted_address(f, n, &at))
			continue;
		if (bus_claim(f->bus->bus, bar->io ? BUS_PORT : BUS_MMIO, at, at + (bar->size - 1), &f->dev,
			      VPCI_REGION_BAR + n, false) != 0)
			continue;	/* somebody else answers there: this one does not decode */
		bar->at = at;
		bar->mapped = true;
		bar_told(f, n);
	}
}

/* What was released may be what another BAR is waiting for, so all have a try. */
void vpci_decode(struct vpci_function *f)
{
	if (f->bus == NULL || f->bus->bus == NULL)
		return;
	release_moved(f);
	for (uint32_t i = 0; i < f->bus->count; i++)
		claim_wanted(f->bus->functions[i]);
}

uint32_t vpci_config_read(struct vpci_function *f, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	if (f->pci_ops != NULL && f->pci_ops->config_read != NULL)
		f->pci_ops->config_read(f, (uint8_t)offset, (uint8_t)size);
	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)f->config[offset + i] << i * 8;
	return value;
}

static bool touches(unsigned int offset, unsigned int size, unsigned int first, unsigned int length)
{
	return offset < first + length && first < offset + size;
}

void vpci_config_write(struct vpci_function *f, unsigned int offset, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++) {
		uint8_t *byte = &f->config[offset + i];
		uint8_t new = (uint8_t)(value >> i * 8);

		*byte = (uint8_t)((*byte & ~f->writable[offset + i]) | (new & f->writable[offset + i]));
		*byte &= (uint8_t)~(new & f->clears[offset + i]);
	}
	if (touches(offset, size, VPCI_COMMAND, 2)) {
		vpci_decode(f);
		vpci_intx_update(f);
		vpci_msi_update(f);
		vpci_msix_update(f);
	}
	if (touches(offset, size, VPCI_BAR0, 4 * VPCI_BARS) || touches(offset, size, VPCI_ROM, 4))
		vpci_decode(f);
	if (f->msi != 0 && touches(offset, size, f->msi, VPCI_MSI_SIZE)) {
		vpci_intx_update(f);
		vpci_msi_update(f);
	}
	if (f->msix.capability != 0 && touches(offset, size, f->msix.capability, VPCI_MSIX_SIZE))
		vpci_msix_update(f);
	if (f->pci_ops != NULL && f->pci_ops->config_written != NULL)
		f->pci_ops->config_written(f, (uint8_t)offset, (uint8_t)size);
}

void vpci_function_reset(struct vpci_function *f)
{
	for (unsigned int i = 0; i < VPCI_CONFIG; i++)
		f->config[i] &= (uint8_t)~(f->writable[i] | f->clears[i]);
	if (f->msi != 0)
		vpci_set32(f, f->msi + VPCI_MSI_PENDING, 0);
	f->msix.waiting = 0;
	for (unsigned int i = 0; i < f->msix.count; i++)
		f->msix.entries[i] = (struct vpci_msix_entry){ .control = 1 };
	f->intx = false;
	vpci_decode(f);
	vpci_intx_update(f);
}

void vpci_function_save(const struct vpci_function *f, struct vpci_function_state *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->config, f->config, sizeof(to->config));
	to->msix_waiting = f->msix.waiting;
	to->intx = f->intx;
}

void vpci_function_restore(struct vpci_function *f, const struct vpci_function_state *from)
{
	for (unsigned int i = 0; i < VPCI_CONFIG; i++) {
		uint8_t bits = f->writable[i] | f->clears[i];

		f->config[i] = (uint8_t)((f->config[i] & ~bits) | (from->config[i] & bits));
	}
	if (f->msi != 0)
		f->config[f->msi + VPCI_MSI_PENDING] = from->config[f->msi + VPCI_MSI_PENDING] & 1;
	for (unsigned int i = 0; i < f->msix.count; i++)
		f->msix.entries[i].control &= 1;
	f->msix.waiting = from->msix_waiting & vpci_msix_vectors(f);
	f->intx = from->intx != 0;
	vpci_decode(f);
	vpci_intx_update(f);
	vpci_msi_update(f);
	vpci_msix_update(f);
}
