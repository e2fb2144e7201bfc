/* What a machine's firmware has to tell: what the PC consists of, and the tables made of it. */
/* Part: firmware/; one in each machine (machine/pc.h); pc_init() says what there is, the IPL makes the tables. */
#ifndef VMM_FIRMWARE_PLATFORM_H
#define VMM_FIRMWARE_PLATFORM_H

#include "vmm/firmware/acpi.h"
#include "vmm/firmware/smbios.h"

#define PLATFORM_E820 20u	/* bytes of one range in the file etc/e820 */
#define PLATFORM_PATH 64u	/* where firmware finds the disk to boot */

struct platform {
	/* Set when the machine is made, and never changed. */
	bool vga, com2;
	/* Made anew at each IPL. They stay where they are: fw_cfg points to them. */
	struct acpi_tables acpi;
	struct smbios_tables smbios;
	uint8_t script[ACPI_SCRIPT_ROOM];
	uint8_t e820[2 * PLATFORM_E820];
	uint8_t uuid[16];
	char boot_path[PLATFORM_PATH];
	/* Firmware's own storage, kept until logoff. */
	void *rom;
	uint64_t rom_room;
	uint64_t rom_base, rom_size;	/* mapped there now; 0 = not */
	char flash_file[48];		/* what the flash was filled from */
};

#endif
