/* The virtual PCI bus: functions with configuration space, BARs, INTx, MSI and MSI-X. */
/* Part: devices/; every PCI device of a machine is a vpci_function and is reached over this. */
#ifndef VMM_DEVICES_VPCI_H
#define VMM_DEVICES_VPCI_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VPCI_FUNCTIONS 32u	/* on bus 0, the only one */
#define VPCI_BARS 6u
#define VPCI_ROM_BAR 6u
#define VPCI_CONFIG 256u
#define VPCI_DEVFN(device, function) ((uint8_t)((device) << 3 | (function)))

/* Where things are in the guest's address space. The guest's firmware may move BARs, not these. */
#define VPCI_ECAM_BASE 0xe0000000u	/* bus 0 to 255, 1 MiB each; MCFG tells of bus 0, the only one there is */
#define VPCI_ECAM_SIZE 0x10000000u
#define VPCI_MMIO_BASE 0xf0000000u	/* BARs when no firmware of the guest's assigns them */
#define VPCI_MMIO_END 0xfec00000u	/* exclusive */
#define VPCI_IO_BASE 0xc000u

/* The region number that a function's access() gets for BAR n: VPCI_REGION_BAR + n. Lower ones are the device's own. */
#define VPCI_REGION_BAR 0x100u

#define VPCI_PIRQS 4u
#define VPCI_MSI_SIZE 24u
#define VPCI_MSI_PENDING 20u	/* in the capability */
#define VPCI_MSIX_SIZE 12u
#define VPCI_MSIX_VECTORS 64u	/* at most */

/* Configuration space, by offset ("PCI Local Bus Specification 3.0", chapter 6). */
#define VPCI_COMMAND 0x04u
#define VPCI_COMMAND_IO 0x0001u
#define VPCI_COMMAND_MEMORY 0x0002u
#define VPCI_COMMAND_MASTER 0x0004u
#define VPCI_COMMAND_NO_INTX 0x0400u
#define VPCI_STATUS 0x06u
#define VPCI_STATUS_INTX 0x08u
#define VPCI_STATUS_LIST 0x10u
#define VPCI_STATUS_BACK_TO_BACK 0x80u
#define VPCI_BAR0 0x10u
#define VPCI_ROM 0x30u
#define VPCI_ROM_ENABLE 0x01u
#define VPCI_LIST 0x34u
#define VPCI_INTERRUPT_LINE 0x3cu
#define VPCI_INTERRUPT_PIN 0x3du

struct vpci;
struct vpci_function;

struct vpci_identity {
	uint16_t vendor, device;
	uint16_t subsystem_vendor, subsystem;
	uint32_t class_code;	/* 24 bits: class, subclass, programming interface */
	uint8_t revision;
	uint8_t header_type;	/* bit 7 = multifunction */
	uint8_t intx_pin;	/* 1 = INTA#, 0 = none */
};

struct vpci_bar {
	uint64_t size;		/* power of two; 0 = this BAR is not there (or is the upper half of a 64-bit one) */
	bool io, wide, prefetchable;
	bool mapped;		/* decoded now at `at` */
	uint64_t at;
};

struct vpci_ops {
	/* A byte range of configuration space has been written; the common part is done already. May be NULL. */
	void (*config_written)(struct vpci_function *f, uint8_t offset, uint8_t size);
	/* Before a read of configuration space, for registers that live elsewhere. May be NULL. */
	void (*config_read)(struct vpci_function *f, uint8_t offset, uint8_t size);
	/* BAR n is now decoded at bar[n].at, or no longer (mapped = false). The bus claims are done. May be NULL. */
	void (*bar_moved)(struct vpci_function *f, unsigned int n);
};

struct vpci_msix {
	uint8_t capability;	/* offset in configuration space, 0 = none */
	uint8_t bar;
	uint16_t count;
	uint32_t table, pending;	/* offsets in the BAR */
	struct vpci_msix_entry { uint64_t address; uint32_t data, control; } *entries;	/* `count` of the device's own */
	uint64_t waiting;	/* pending bits: vectors 0-63 */
};

/* Embedded as the first member of each PCI device. Its vdev's access() is called with BAR regions. */
struct vpci_function {
	struct vdev dev;
	const struct vpci_ops *pci_ops;	/* may be NULL */
	struct vpci *bus;
	uint8_t devfn;
	uint8_t config[VPCI_CONFIG];
	uint8_t writable[VPCI_CONFIG];	/* bits the guest may change */
	uint8_t clears[VPCI_CONFIG];	/* bits that a written 1 clears */
	uint8_t next_capability;	/* where the next one goes */
	uint8_t msi;			/* capability's offset, 0 = none */
	bool intx;			/* the line as the device drives it, before INTx disable */
	bool driven;			/* the line as the bus counts it */
	struct vpci_bar bar[VPCI_BARS + 1];	/* [VPCI_ROM_BAR] is the expansion ROM's */
	struct vpci_msix msix;
};

/* What a function's own save() puts among its state. The MSI-X table is the device's and saved by it. */
struct vpci_function_state {
	uint8_t config[VPCI_CONFIG];
	uint64_t msix_waiting;
	uint8_t intx;
	uint8_t reserved[7];
};

/* The bus itself: configuration mechanism 1, ECAM, and the four PIRQ lines that INTx pins end at. */
struct vpci {
	struct vdev dev;
	struct bus *bus;		/* NULL until vpci_claim(): nothing decodes before */
	uint32_t count;
	struct vpci_function *functions[VPCI_FUNCTIONS];	/* in the order of attachment */
	uint8_t at[256];		/* devfn: index in functions[] + 1, 0 = nobody */
	uint8_t route[VPCI_PIRQS];	/* ISA line of each PIRQ, VPCI_NO_LINE = none */
	uint16_t pirq[VPCI_PIRQS];	/* how many functions assert it */
	uint16_t lines;			/* ISA lines as last told to the machine */
	struct vpci_state {
		uint32_t address;	/* port CF8h */
	} s;
};

#define VPCI_NO_LINE 0xffu
#define VPCI_REGION_ADDRESS 0u	/* the bus's own regions: port CF8h, ... */
#define VPCI_REGION_DATA 1u	/* ... ports CFCh-CFFh, ... */
#define VPCI_REGION_ECAM 2u	/* ... memory-mapped configuration */

void vpci_init(struct vpci *pci, struct vm *vm);
/*
 * Claims CFCh-CFFh and ECAM. CF8h-CFBh is shared with the reset register at CF9h, so it is not claimed here: whoever
 * owns it passes what is not the byte CF9h on, as region VPCI_REGION_ADDRESS (vreset_attach_pci()).
 */
int vpci_claim(struct vpci *pci, struct bus *bus);
/* The interrupt router's answer for a PIRQ (0 = A#): an ISA line or VPCI_NO_LINE. */
void vpci_set_route(struct vpci *pci, unsigned int pirq, uint8_t line);
/*
 * What firmware does, for guests that are loaded without any: places the BARs, enables the functions, routes
 * PIRQA#/B# to line 10 and C#/D# to 11 (both level-triggered at ports 4D0h/4D1h) and tells them in the line registers.
 */
void vpci_assign(struct vpci *pci);

struct vpci_function *vpci_find(struct vpci *pci, uint8_t devfn);
/* One access to configuration space as the guest makes it: size 1, 2 or 4; offset + size <= VPCI_CONFIG, aligned. */
uint32_t vpci_config_read(struct vpci_function *f, unsigned int offset, unsigned int size);
void vpci_config_write(struct vpci_function *f, unsigned int offset, unsigned int size, uint32_t value);
/* The device's own view of its registers, without rights or effects. */
uint16_t vpci_get16(const struct vpci_function *f, unsigned int offset);
uint32_t vpci_get32(const struct vpci_function *f, unsigned int offset);
void vpci_set16(struct vpci_function *f, unsigned int offset, uint16_t value);
void vpci_set32(struct vpci_function *f, unsigned int offset, uint32_t value);

/* Fills configuration space's header. The vdev part (ops, vm) must be set. No BARs yet. */
void vpci_function_init(struct vpci_function *f, const struct vpci_identity *id);
/* size: a power of two, at least 4 (ports) or 16 (memory). A wide (64-bit) BAR takes n + 1 too. */
void vpci_add_bar(struct vpci_function *f, unsigned int n, uint64_t size, bool io, bool wide, bool prefetchable);
/* Appends a capability of `size` bytes with ID and link filled in; returns its offset. */
uint8_t vpci_add_capability(struct vpci_function *f, uint8_t id, uint8_t size);
void vpci_add_msi(struct vpci_function *f);	/* one vector, 64-bit address, maskable */
void vpci_add_msix(struct vpci_function *f, unsigned int bar, uint32_t table, uint32_t pending, uint16_t count,
		   struct vpci_msix_entry *entries);
/* Puts the function on the bus. -EBUSY: devfn is taken; -ENOSPC. */
int vpci_attach(struct vpci *bus, struct vpci_function *f, uint8_t devfn);

/* Drives INTx; the PIIX3's routing registers choose the ISA line. */
void vpci_intx(struct vpci_function *f, bool asserted);
void vpci_msi_raise(struct vpci_function *f);	/* nothing where MSI is off */
bool vpci_msix_enabled(const struct vpci_function *f);
void vpci_msix_raise(struct vpci_function *f, uint16_t vector);	/* kept pending while masked */
/* An access to the BAR that holds the table: true = it was the table's or the pending bits', and is done. */
bool vpci_msix_access(struct vpci_function *f, unsigned int bar, struct io_access *a);
bool vpci_bus_master(const struct vpci_function *f);	/* may it touch storage? (command register, bit 2) */

/*
 * The common part of a device's reset: every bit the guest may change is 0 again, so command, BARs, MSI and MSI-X are
 * as after RST#. Registers of the device's own with other values are set by it afterwards.
 */
void vpci_function_reset(struct vpci_function *f);
/*
 * The common part of a device's save and restore. Restoring takes over only bits that a guest could have set; the
 * device puts its MSI-X table back before. BARs and lines follow.
 */
void vpci_function_save(const struct vpci_function *f, struct vpci_function_state *to);
void vpci_function_restore(struct vpci_function *f, const struct vpci_function_state *from);

/* Between the files of the bus: the BARs, the line, and messages again after registers have changed. */
void vpci_decode(struct vpci_function *f);
void vpci_intx_update(struct vpci_function *f);
bool vpci_msi_enabled(const struct vpci_function *f);
void vpci_msi_update(struct vpci_function *f);
void vpci_msix_update(struct vpci_function *f);
uint64_t vpci_msix_vectors(const struct vpci_function *f);	/* a bit for each there is */

#endif
