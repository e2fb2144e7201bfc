/* ACPI tables of a machine, built in one run with pointers relative to its start, and the two ways to make them absolute. */
/* Part: firmware/; pure: the IPL puts the result into storage or hands it to the guest's firmware. */
#ifndef VMM_FIRMWARE_ACPI_H
#define VMM_FIRMWARE_ACPI_H

#include "lib/types.h"

#define ACPI_TABLES_ROOM 0x2000u
#define ACPI_FIXUPS	 40u
#define ACPI_COMMAND	 128u	/* one command of the loader's script */
#define ACPI_SCRIPT_ROOM ((2 + ACPI_FIXUPS) * ACPI_COMMAND)
#define ACPI_RSDP_SIZE	 36u
#define ACPI_ALIGN	 64u	/* of the run: the FACS, which comes first, wants it */

/* Where the PIIX4's power management registers are after a reset: SeaBIOS puts them there too, and OVMF leaves them. */
#define ACPI_PM_BASE 0x600u

struct acpi_machine {
	uint64_t storage;	/* b, bytes */
	uint16_t pm_base;
	bool uefi;		/* OVMF gives PCI functions addresses above 4 GiB too */
	bool com2;
	bool vga;
};

/* One place to change when the run's address is known: a pointer into it, or then a checksum. */
struct acpi_fixup {
	bool checksum;
	bool in_rsdp;		/* else in the run */
	uint8_t size;		/* of the pointer */
	uint32_t offset;	/* of the pointer or of the checksum's byte */
	uint32_t start, length;	/* what the checksum covers */
};

struct acpi_tables {
	uint8_t run[ACPI_TABLES_ROOM];
	uint32_t size;
	uint8_t rsdp[ACPI_RSDP_SIZE];
	struct acpi_fixup fixups[ACPI_FIXUPS];	/* in the order in which they are to be made */
	uint32_t fixup_count;
};

void acpi_build(struct acpi_tables *t, const struct acpi_machine *m);

/* Makes the pointers absolute for a run at `base` and fills in the checksums. Once for each acpi_build(). */
void acpi_link(struct acpi_tables *t, uint32_t base);

/* Names of the files that the script speaks of. */
#define ACPI_FILE_TABLES "etc/acpi/tables"
#define ACPI_FILE_RSDP	 "etc/acpi/rsdp"
#define ACPI_FILE_SCRIPT "etc/table-loader"

/* The same as commands for firmware ("etc/table-loader"). Returns the bytes used, 0 when `room` is too small. */
uint32_t acpi_script(const struct acpi_tables *t, uint8_t *to, uint32_t room);

/* The compiled DSDT: build/firmware/dsdt.c, made from dsdt.asl. */
extern const uint8_t acpi_dsdt[];
extern const uint32_t acpi_dsdt_size;

#endif
