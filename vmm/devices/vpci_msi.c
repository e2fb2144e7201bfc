/* Message-signalled interrupts of a virtual PCI function: the MSI and MSI-X capabilities. */
/* Part: devices/; ends in machine_msi() or in a pending bit. */
#include "vmm/devices/vpci.h"

#include "lib/string.h"

#define CAPABILITY_MSI 0x05u
#define CAPABILITY_MSIX 0x11u

#define CONTROL 2u			/* message control, in both capabilities */
#define MSI_ENABLE 0x0001u
#define MSI_MULTIPLE 0x0070u		/* vectors allowed: kept, though there is only one */
#define MSI_WIDE 0x0080u
#define MSI_MASKABLE 0x0100u
#define MSI_ADDRESS 4u
#define MSI_DATA 12u
#define MSI_MASK 16u
#define MSIX_MASK_ALL 0x4000u
#define MSIX_ENABLE 0x8000u
#define MSIX_TABLE 4u
#define MSIX_PENDING 8u
#define MSIX_ENTRY 16u			/* bytes */
#define MSIX_ENTRY_CONTROL 12u
#define MSIX_MASKED 1u

_Static_assert(sizeof(struct vpci_msix_entry) == MSIX_ENTRY, "the table is read and written as bytes");

void vpci_add_msi(struct vpci_function *f)
{
	uint8_t at = vpci_add_capability(f, CAPABILITY_MSI, VPCI_MSI_SIZE);

	f->msi = at;
	vpci_set16(f, at + CONTROL, MSI_WIDE | MSI_MASKABLE);
	f->writable[at + CONTROL] = MSI_ENABLE | MSI_MULTIPLE;
	f->writable[at + MSI_ADDRESS] = 0xfc;
	memset(&f->writable[at + MSI_ADDRESS + 1], 0xff, 7);
	memset(&f->writable[at + MSI_DATA], 0xff, 2);
	f->writable[at + MSI_MASK] = 0x01;
}

void vpci_add_msix(struct vpci_function *f, unsigned int bar, uint32_t table, uint32_t pending, uint16_t count,
		   struct vpci_msix_entry *entries)
{
	uint8_t at = vpci_add_capability(f, CAPABILITY_MSIX, VPCI_MSIX_SIZE);

	if (count > VPCI_MSIX_VECTORS)
		count = VPCI_MSIX_VECTORS;
	f->msix = (struct vpci_msix){ .capability = at, .bar = (uint8_t)bar, .count = count, .table = table,
				      .pending = pending, .entries = entries };
	for (unsigned int i = 0; i < count; i++)
		entries[i] = (struct vpci_msix_entry){ .control = MSIX_MASKED };
	vpci_set16(f, at + CONTROL, (uint16_t)(count - 1));
	f->writable[at + CONTROL + 1] = (MSIX_MASK_ALL | MSIX_ENABLE) >> 8;
	vpci_set32(f, at + MSIX_TABLE, table | bar);
	vpci_set32(f, at + MSIX_PENDING, pending | bar);
}

uint64_t vpci_msix_vectors(const struct vpci_function *f)
{
	return f->msix.count == 0 ? 0 : UINT64_MAX >> (64 - f->msix.count);
}

bool vpci_msi_enabled(const struct vpci_function *f)
{
	return f->msi != 0 && (f->config[f->msi + CONTROL] & MSI_ENABLE);
}

/* Sends what is pending and may go. A message is a write of the function's, so it needs bus mastering. */
void vpci_msi_update(struct vpci_function *f)
{
	uint8_t at = f->msi;

	if (!vpci_msi_enabled(f) || !vpci_bus_master(f) || !(f->config[at + VPCI_MSI_PENDING] & 1) ||
	    (f->config[at + MSI_MASK] & 1))
		return;
	f->config[at + VPCI_MSI_PENDING] = 0;
	machine_msi(f->dev.vm,
		    vpci_get32(f, at + MSI_ADDRESS) | (uint64_t)vpci_get32(f, at + MSI_ADDRESS + 4) << 32,
		    vpci_get16(f, at + MSI_DATA));
}

void vpci_msi_raise(struct vpci_function *f)
{
	if (!vpci_msi_enabled(f))
		return;
	f->config[f->msi + VPCI_MSI_PENDING] = 1;
	vpci_msi_update(f);
}

bool vpci_msix_enabled(const struct vpci_function *f)
{
	return f->msix.capability != 0 && (vpci_get16(f, f->msix.capability + CONTROL) & MSIX_ENABLE);
}

void vpci_msix_update(struct vpci_function *f)
{
	uint64_t waiting = f->msix.waiting;

	if (waiting == 0 || !vpci_msix_enabled(f) || !vpci_bus_master(f) ||
	    (vpci_get16(f, f->msix.capability + CONTROL) & MSIX_MASK_ALL))
		return;
	while (waiting != 0) {
		unsigned int vector = (unsigned int)__builtin_ctzll(waiting);
		const struct vpci_msix_entry *e = &f->msix.entries[vector];

		waiting &= waiting - 1;
		if (e->control & MSIX_MASKED)
			continue;
		f->msix.waiting &= ~(1ull << vector);
		machine_msi(f->dev.vm, e->address & ~3ull, e->data);
	}
}

void vpci_msix_raise(struct vpci_function *f, uint16_t vector)
{
	if (vector >= f->msix.count || !vpci_msix_enabled(f))
		return;
	f->msix.waiting |= 1ull << vector;
	vpci_msix_update(f);
}

/* Bytes [at, at + size) of `bytes`, as far as they exist; others read 0. */
static uint64_t bytes_read(const uint8_t *bytes, uint64_t length, uint64_t at, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size && at + i < length; i++)
		value |= (uint64_t)bytes[at + i] << i * 8;
	return value;
}

static void table_write(struct vpci_function *f, uint64_t at, const struct io_access *a)
{
	uint8_t *bytes = (uint8_t *)f->msix.entries;

	for (unsigned int i = 0; i < a->size && at + i < f->msix.count * MSIX_ENTRY; i++) {
		unsigned int inside = (unsigned int)(at + i) % MSIX_ENTRY;
		uint8_t value = (uint8_t)(a->value >> i * 8);

		if (inside == MSIX_ENTRY_CONTROL)
			value &= MSIX_MASKED;
		else if (inside > MSIX_ENTRY_CONTROL)
			value = 0;
		bytes[at + i] = value;
	}
	vpci_msix_update(f);
}

bool vpci_msix_access(struct vpci_function *f, unsigned int bar, struct io_access *a)
{
	uint64_t offset = a->addr - f->bar[bar < VPCI_BARS ? bar : 0].at;
	uint64_t table = offset - f->msix.table, pending = offset - f->msix.pending;

	if (f->msix.capability == 0 || bar != f->msix.bar || a->size - 1u > 7)
		return false;
	if (table < f->msix.count * MSIX_ENTRY) {
		if (a->write)
			table_write(f, table, a);
		else
			a->value = bytes_read((const uint8_t *)f->msix.entries, f->msix.count * MSIX_ENTRY, table,
					      a->size);
		return true;
	}
	if (pending < sizeof(f->msix.waiting)) {
		if (!a->write)
			a->value = bytes_read((const uint8_t *)&f->msix.waiting, sizeof(f->msix.waiting), pending,
					      a->size);
		return true;
	}
	return false;
}
