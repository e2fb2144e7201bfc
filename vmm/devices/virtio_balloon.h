/* The virtio balloon: how much of its storage a guest is asked to do without, and does. */
/* Part: devices/; a machine's storage is one run that is mapped whole, so the balloon counts and takes nothing away. */
#ifndef VMM_DEVICES_VIRTIO_BALLOON_H
#define VMM_DEVICES_VIRTIO_BALLOON_H

#include "vmm/devices/virtio_pci.h"

#define VIRTIO_BALLOON_CONFIG 8u

/* What a guest tells of itself ("Memory Statistics Tags"), in bytes or as counts; those it does not tell are 0. */
enum virtio_balloon_tag {
	BALLOON_SWAP_IN, BALLOON_SWAP_OUT, BALLOON_MAJOR_FAULTS, BALLOON_MINOR_FAULTS, BALLOON_FREE, BALLOON_TOTAL,
	BALLOON_AVAILABLE, BALLOON_CACHES, BALLOON_HUGE_ALLOCATED, BALLOON_HUGE_FAILED, BALLOON_TAGS,
};

struct virtio_balloon {
	struct virtio_pci t;	/* first */
	uint8_t config[VIRTIO_BALLOON_CONFIG];
	struct virtio_balloon_state {
		uint64_t pages;		/* in the balloon now, as told by the queues */
		uint64_t stats[BALLOON_TAGS];
		uint32_t told;		/* bit for each tag that the guest tells */
		uint32_t target, actual;	/* as in the configuration, when saved */
		uint8_t asked;		/* the guest's buffer for statistics is here: it can be asked for new ones */
		uint8_t reserved[3];
	} s;
};

/* 0 or vpci_attach()'s error. */
int virtio_balloon_init(struct virtio_balloon *b, struct vm *vm, struct vpci *bus, uint8_t devfn);
/* How many pages of 4 KiB the guest shall give up; it does so when and as far as it can. */
void virtio_balloon_set(struct virtio_balloon *b, uint64_t pages);
uint64_t virtio_balloon_pages(const struct virtio_balloon *b);
/* Asks for new statistics, which come later into s.stats. False = the guest tells none (yet). */
bool virtio_balloon_ask(struct virtio_balloon *b);

#endif
