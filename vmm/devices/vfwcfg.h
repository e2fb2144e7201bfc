/* The virtual firmware configuration device: QEMU's fw_cfg at ports 510h, 511h and 514h (DMA). */
/* Part: devices/; how SeaBIOS, OVMF and Linux learn what the machine is; the IPL fills it. */
#ifndef VMM_DEVICES_VFWCFG_H
#define VMM_DEVICES_VFWCFG_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VFWCFG_ITEMS 48u	/* keys of all kinds together */
#define VFWCFG_FILES 32u
#define VFWCFG_NAME 56u		/* of a file, with the closing zero: the directory's own format */
#define VFWCFG_ENTRY 64u	/* one file in the directory */
#define VFWCFG_NUMBERS 128u	/* bytes for items that are numbers */

/* Keys of items that are not files ("Firmware Configuration Keys" of QEMU's fw_cfg documentation). */
enum vfwcfg_key {
	VFWCFG_SIGNATURE = 0x00, VFWCFG_ID = 0x01, VFWCFG_UUID = 0x02, VFWCFG_RAM_SIZE = 0x03,
	VFWCFG_NOGRAPHIC = 0x04, VFWCFG_CPUS = 0x05, VFWCFG_BOOT_MENU = 0x0e, VFWCFG_MAX_CPUS = 0x0f,
	VFWCFG_DIRECTORY = 0x19, VFWCFG_FIRST_FILE = 0x20, VFWCFG_IRQ0_OVERRIDE = 0x8002,
};

struct vfwcfg_item {
	const uint8_t *data;	/* not copied: lives as long as the machine, or until the next vfwcfg_clear() */
	uint32_t size;
	uint16_t key;
	bool writable;		/* by DMA; then `data` is CP's to change */
};

struct vfwcfg {
	struct vdev dev;
	struct vfwcfg_item items[VFWCFG_ITEMS];
	uint32_t count, files, numbers_used;
	uint8_t numbers[VFWCFG_NUMBERS];
	uint8_t directory[4 + VFWCFG_FILES * VFWCFG_ENTRY];
	uint64_t errors;	/* DMA operations that were refused */
	struct vfwcfg_state {
		uint32_t offset;	/* next byte of the selected item */
		uint32_t address_high;	/* upper half of the DMA address, kept until the lower one starts it */
		uint16_t key;
		uint16_t unused;
	} s;
};

void vfwcfg_init(struct vfwcfg *f, struct vm *vm);
int vfwcfg_claim(struct vfwcfg *f, struct bus *bus);

/* Takes every item out but signature, ID and the (then empty) directory. */
void vfwcfg_clear(struct vfwcfg *f);
/* Each: 0, -ENOSPC (no room), -EEXIST (that key or name is there), -EINVAL (a name that is empty or too long). */
int vfwcfg_add(struct vfwcfg *f, uint16_t key, const void *data, uint32_t size);
int vfwcfg_add_number(struct vfwcfg *f, uint16_t key, uint64_t value, unsigned int bytes);
int vfwcfg_add_file(struct vfwcfg *f, const char *name, const void *data, uint32_t size);
/* A file that the guest may write by DMA. */
int vfwcfg_add_writable(struct vfwcfg *f, const char *name, void *data, uint32_t size);
/* A file that is one number, little-endian. */
int vfwcfg_add_number_file(struct vfwcfg *f, const char *name, uint64_t value, unsigned int bytes);

#endif
