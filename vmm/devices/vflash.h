/* The virtual flash: one writable bank of NOR flash with Intel's command set, which ends where the IPL says. */
/* Part: devices/; OVMF keeps its variables there. */
#ifndef VMM_DEVICES_VFLASH_H
#define VMM_DEVICES_VFLASH_H

#include "vmm/machine/bus.h"
#include "vmm/machine/vdev.h"

#define VFLASH_SECTOR 4096u	/* what one erase clears */
#define VFLASH_BUFFER 64u	/* bytes of one buffered program: CFI tells it */
#define VFLASH_MOST   MIB(16)

struct vflash {
	struct vdev dev;
	struct bus *bus;
	uint8_t *storage;	/* the contents: CP's storage, kept until logoff */
	uint64_t room;		/* of it */
	uint64_t base, size;	/* where the guest has it; size 0 = the machine has no flash */
	struct vflash_state {
		uint64_t first;		/* program, erase, buffered program: offset of the first cycle */
		uint8_t mode;		/* enum in vflash.c: what reads give and what a write means */
		uint8_t status;
		uint8_t expected;	/* buffered program: bytes still to come */
		uint8_t count;		/* ... and bytes in all */
		uint8_t reserved[4];
		uint8_t buffer[VFLASH_BUFFER];
		uint8_t filled[VFLASH_BUFFER];	/* which of them have been written */
	} s;
};

void vflash_init(struct vflash *f, struct vm *vm, struct bus *bus);

/*
 * Puts a bank of `size` bytes at `base` with these contents (page multiples both). The same bank again keeps what the
 * guest has written there: `fresh` = the contents are loaded all the same. 0, -EINVAL, -ENOMEM, or bus_claim()'s error.
 */
int vflash_insert(struct vflash *f, uint64_t base, const void *contents, uint64_t size, bool fresh);
/* The machine has no flash: nothing is mapped or claimed. The contents are kept for the next insert. */
void vflash_remove(struct vflash *f);

#endif
