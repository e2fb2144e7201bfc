/* SMBIOS tables of a machine: who made it and what is in it, for operating systems that ask. */
/* Part: firmware/; pure: the IPL puts the result into storage or hands it to the guest's firmware. */
#ifndef VMM_FIRMWARE_SMBIOS_H
#define VMM_FIRMWARE_SMBIOS_H

#include "lib/types.h"

#define SMBIOS_ROOM 0x400u
#define SMBIOS_ENTRY_SIZE   31u	/* the "_SM_" entry point of version 2 */
#define SMBIOS_ENTRY64_SIZE 24u	/* the "_SM3_" one of version 3 */

struct smbios_machine {
	const char *userid;	/* the serial number */
	const uint8_t *uuid;	/* 16 bytes, in SMBIOS' order */
	uint64_t storage;	/* b, bytes */
	uint32_t cpu_signature, cpu_features;	/* CPUID 1: EAX, EDX */
	bool uefi;
};

struct smbios_tables {
	uint8_t run[SMBIOS_ROOM];
	uint32_t size, count, largest;	/* bytes, structures, bytes of the largest structure */
	uint8_t entry[SMBIOS_ENTRY_SIZE], entry64[SMBIOS_ENTRY64_SIZE];
};

void smbios_build(struct smbios_tables *t, const struct smbios_machine *m);
/* Fills both entry points for structures at `base`, sums and all. */
void smbios_link(struct smbios_tables *t, uint32_t base);

/* A UUID that is the same for a user whenever it logs on: from its name alone. */
void smbios_uuid(uint8_t uuid[16], const char *userid);

#endif
