/* The virtual device: what every one of them offers to its machine, and what it may ask of it. */
/* Part: the seam between devices/ (interpreters of I/O) and machine/ (the virtual machine). */
#ifndef VMM_MACHINE_VDEV_H
#define VMM_MACHINE_VDEV_H

#include "lib/types.h"
#include "lib/timebase.h"

struct vm;
struct vdev;

/* One access to a port or to memory-mapped registers, whatever its width. */
struct io_access {
	uint64_t addr;		/* port number or guest-physical address */
	uint64_t value;		/* what is written; what a read found, zero-extended (preset to all ones) */
	uint8_t size;		/* 1, 2, 4 or 8 bytes */
	bool write;
};

/* Many accesses that a repeated string instruction makes one after the other. */
struct io_block {
	uint64_t addr;		/* of the first: a port stays, a memory address goes up from element to element */
	void *data;		/* the elements, one behind the other */
	uint32_t count;		/* elements, not 0 */
	uint8_t size;		/* of each: 1, 2, 4 or 8 bytes */
	bool write;
	bool fill;		/* with write: there is one element at data, and it is written each time */
};

struct vdev_ops {
	const char *name;	/* as QUERY VIRTUAL shows it, upper case, at most 8 characters */
	void (*reset)(struct vdev *d);	/* the state after power-on or SYSTEM RESET */
	/* region is what bus_claim() was given, so that one device may own several ranges. */
	void (*access)(struct vdev *d, uint32_t region, struct io_access *a);
	/*
	 * As many of a block's accesses, from the first on, as the device likes to do at once; each has the effects that
	 * access() would have. Returns how many: 0 = access() is to be called for the next one. It returns when its state has
	 * changed in a way that the guest could be told by an interrupt, and after some thousand instructions. May be NULL.
	 */
	uint32_t (*block)(struct vdev *d, uint32_t region, const struct io_block *b);
	/*
	 * The same for elements that are read at `from` and written at `to`, both the device's, upwards; each is written
	 * before the next is read. May be NULL.
	 */
	uint32_t (*copy)(struct vdev *d, uint32_t region, uint64_t to, uint64_t from, uint8_t size, uint32_t count);
	/* Absolute TSC tick at which service() wants to be called; TIME_NEVER = not at all. May be NULL. */
	uint64_t (*deadline)(const struct vdev *d);
	void (*service)(struct vdev *d, uint64_t now);	/* may be NULL; now = TSC ticks, absolute */
	/* One line of state in plain words for DUMP and the crash report. May be NULL. */
	void (*dump)(const struct vdev *d, char *text, size_t room);
	/* State as bytes, to save a machine and put it back. Size is constant for one device. */
	size_t (*save)(const struct vdev *d, void *to, size_t room);	/* returns the size needed */
	bool (*restore)(struct vdev *d, const void *from, size_t size);
};

/* Embedded as the first member of every device's own structure. */
struct vdev {
	const struct vdev_ops *ops;
	struct vm *vm;
};

/* What a device may ask of its machine. Implemented by machine/, faked by the unit tests. */
uint64_t machine_now(const struct vm *vm);	/* TSC ticks, absolute: the unit of deadlines */
uint64_t machine_tsc_hz(const struct vm *vm);	/* ticks a second */
/* ISA line 0-15: into the 8259s and into the I/O APIC, there line 0 at pin 2. */
void machine_irq(struct vm *vm, unsigned int line, bool asserted);
void machine_gsi(struct vm *vm, unsigned int pin, bool asserted);	/* I/O APIC pin 0-23 alone */
/* A message-signalled interrupt: what a write of `data` to `address` does (SDM, "Message Signalled Interrupts"). */
void machine_msi(struct vm *vm, uint64_t address, uint32_t data);
void machine_intr(struct vm *vm, bool asserted);	/* the 8259s' INT output to the processor */
/* The local APIC's deadline is this now: apart from the others', since it moves with nearly every timer interrupt. */
void machine_apic_deadline(struct vm *vm, uint64_t deadline);
/* A vector has been requested in the page of an APIC whose interrupts the processor delivers by itself. */
void machine_vector_requested(struct vm *vm, uint8_t vector);
void machine_interrupt_changed(struct vm *vm);	/* the local APIC has another interrupt to deliver, or LINT0 changed */
void machine_apic_changed(struct vm *vm);	/* IA32_APIC_BASE changed: moved, x2APIC mode, on or off */
/* Another machine has given this one something: if it waits for that, it shall not wait for the other's slice to end. */
void machine_attend(struct vm *vm);
void machine_nmi(struct vm *vm);	/* by an IPI, LINT0, the I/O APIC or an MSI */
void machine_init(struct vm *vm);	/* an INIT message has reached the processor */
void machine_eoi(struct vm *vm, uint8_t vector);	/* the local APIC's EOI, for the I/O APIC */
void machine_eoi_map_changed(struct vm *vm);	/* vioapic_eoi_map() or vlapic_eoi_vector() is another now */
/* The HPET takes the 8254's line 0 and the clock's line 8: theirs lead nowhere while it is on. */
void machine_legacy_replacement(struct vm *vm, bool on);
void machine_irq_legacy(struct vm *vm, unsigned int line, bool asserted);	/* the HPET's own line 0 or 8 */
void machine_reset_request(struct vm *vm, const char *by);	/* the guest asked for a reset */
void machine_power_off(struct vm *vm, const char *by);	/* the guest switched itself off */
void machine_exit_code(struct vm *vm, uint32_t code);	/* the guest ended itself, with a code for whoever tests it */
bool machine_console_room(const struct vm *vm, unsigned int unit);	/* may the UART send now? */
void machine_console_put(struct vm *vm, unsigned int unit, uint8_t byte);
int machine_console_get(struct vm *vm, unsigned int unit);	/* next typed byte, -1 = none */
bool machine_console_pending(const struct vm *vm, unsigned int unit);	/* is there one? */
void machine_deadline_changed(struct vm *vm);	/* a deadline() would answer something else now */
uint64_t machine_wall_seconds(const struct vm *vm);	/* seconds since 1970-01-01 00:00 UTC */
uint64_t machine_random(const struct vm *vm);	/* 64 random bits */
uint64_t machine_storage_size(const struct vm *vm);	/* b, bytes: CMOS tells it */
/* Direct memory access: all or nothing; false = some byte is not the machine's storage (or not writable). */
bool machine_dma_read(struct vm *vm, uint64_t gpa, void *to, size_t n);
bool machine_dma_write(struct vm *vm, uint64_t gpa, const void *from, size_t n);
/* The storage itself where [gpa, gpa + n) is one writable run, else NULL. Valid until the device returns. */
void *machine_dma_window(struct vm *vm, uint64_t gpa, size_t n);
/* Zeroed storage of CP's for a device, page aligned (2 MiB aligned from that size up), until logoff; NULL = none. */
void *machine_storage(struct vm *vm, uint64_t bytes);
uint64_t machine_storage_left(const struct vm *vm);	/* bytes of that there still are, for all machines */
/* Rows of the relocation table that devices may set; where two cover an address the later one counts. */
enum machine_row { ROW_VIDEO, ROW_VGA, ROW_VGA_WINDOW, ROW_FLASH, ROW_ROM, ROW_APIC, ROW_A20, MACHINE_ROWS };
/*
 * Lets the guest reach `storage` (of machine_storage()) at `gpa` without an exit, page multiples both. rights: 1 read,
 * 2 write, 4 execute; what is not granted traps and goes to the bus. rights 0 = everything traps. A row that a
 * device sets again moves or changes. Cheap when only the rights change.
 */
void machine_map(struct vm *vm, enum machine_row row, uint64_t gpa, void *storage, uint64_t bytes, uint32_t rights);

/*
 * The gate of address line 20, one for port 92h and the 8042, whoever wrote last. Off, the second megabyte's storage is the
 * first's, for the processor and for devices.
 */
void machine_set_a20(struct vm *vm, bool on);
bool machine_a20(const struct vm *vm);

#endif
