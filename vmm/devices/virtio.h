/* virtio 1.x devices without their transport: status, features, split virtqueues. */
/* Part: devices/; what every virtio device shares, whatever it is and however it is reached. */
#ifndef VMM_DEVICES_VIRTIO_H
#define VMM_DEVICES_VIRTIO_H

#include "vmm/machine/vdev.h"

#define VIRTIO_QUEUES 3u		/* of one device, at most */
#define VIRTIO_QUEUE_SIZE 256u		/* at most; a power of two */
#define VIRTIO_SEGMENTS VIRTIO_QUEUE_SIZE	/* of one chain, at most */
#define VIRTIO_NO_VECTOR 0xffffu

/* Features of the queues and of the standard itself ("Reserved Feature Bits"). */
#define VIRTIO_F_INDIRECT (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

/* Device status ("Device Status Field"). */
#define VIRTIO_DRIVER_OK 0x04u
#define VIRTIO_FEATURES_OK 0x08u
#define VIRTIO_NEEDS_RESET 0x40u

struct virtio;

struct virtio_ops {
	void (*reset)(struct virtio *v);	/* the driver wrote status 0, or RST#. May be NULL */
	/* There may be something in queue q; also called again by service() while virtio_again() says so. */
	void (*notify)(struct virtio *v, unsigned int q);
	/* The guest wrote into the device's own configuration (v->config); all of it is stored already. May be NULL. */
	void (*config_written)(struct virtio *v, unsigned int offset, unsigned int size);
	void (*interrupt)(struct virtio *v, uint16_t vector, bool config);	/* the transport's */
	bool (*reach)(const struct virtio *v);	/* the transport's: may the device touch storage now? */
};

struct virtqueue {
	uint64_t descriptors, available, used;
	uint16_t size;
	uint16_t vector;
	uint16_t next;		/* the available entry to look at next, free running */
	uint16_t used_index;	/* as published */
	uint16_t told;		/* used_index when the driver was last told, or need not be */
	uint8_t ready;
	uint8_t reserved[5];
};

struct virtio_segment { uint8_t *at; uint32_t length; };

/* One buffer of the guest's, taken apart: first what the device may read, then what it may write. */
struct virtio_chain {
	uint16_t head;
	uint16_t readable, segments;	/* counts in seg[] */
	uint64_t out_bytes, in_bytes;
	struct virtio_segment seg[VIRTIO_SEGMENTS];
};

struct virtio {
	struct vm *vm;
	const struct virtio_ops *ops;
	uint64_t offered;
	uint32_t queues;
	uint16_t size[VIRTIO_QUEUES];	/* each queue's largest */
	uint8_t *config;		/* the device's own configuration ... */
	const uint8_t *config_writable;	/* ... and which bits of it the guest may change; NULL = none */
	uint32_t config_bytes;
	uint64_t resume_at;		/* TSC at which service() goes on with s.again, TIME_NEVER = nothing */
	/* Only between virtio_begin() and virtio_end(). */
	struct virtqueue *queue;
	uint8_t *descriptors, *available, *used;
	uint16_t waiting;		/* available entries that were there at virtio_begin() */
	int64_t budget;
	struct virtio_chain chain;
	struct virtio_state {
		uint64_t accepted;	/* features the driver took */
		uint32_t device_select, driver_select;
		uint16_t config_vector, queue_select;
		uint8_t status, generation, isr;
		uint8_t again;		/* bit q: more is to be done for queue q without a notification */
		struct virtqueue queue[VIRTIO_QUEUES];
	} s;
};

/* Everything but s must be set. */
void virtio_reset(struct virtio *v);
bool virtio_live(const struct virtio *v);	/* driver ready, device not broken */
static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
	return (v->s.accepted & feature) == feature;
}
/* The driver has done what it must not: nothing more is done until it resets the device. */
void virtio_break(struct virtio *v);

/* What the transport's registers do. */
void virtio_set_status(struct virtio *v, uint8_t status);
void virtio_enable_queue(struct virtio *v, unsigned int q);
void virtio_notify(struct virtio *v, unsigned int q);
void virtio_config_changed(struct virtio *v);	/* the device has changed its configuration: the driver is told */

/*
 * A device's work on a queue: begin, then next/used as often as there are chains, then end. One queue of a device at
 * a time. begin: false = the queue is not to be touched. next: the chain at the front, NULL = none (or the work for
 * this time is done and service() goes on); it stays at the front until used. end: tells the driver, if it wants.
 */
bool virtio_begin(struct virtio *v, unsigned int q);
struct virtio_chain *virtio_next(struct virtio *v);
void virtio_used(struct virtio *v, uint32_t written);
void virtio_end(struct virtio *v);
/* end for a queue whose notifications the device has no use for (receive buffers). */
void virtio_end_quietly(struct virtio *v);
/* Work has been done: false = enough for this time. Moving a byte costs 1. */
bool virtio_spend(struct virtio *v, uint64_t cost);
/* The chain at the front is not finished: service() calls notify again in `delay` ticks (0 = soon). */
void virtio_again(struct virtio *v, unsigned int q, uint64_t delay);
void virtio_service(struct virtio *v, uint64_t now);

/* Copies n bytes from the readable or to the writable part, from `offset` on. Returns how many there were. */
size_t virtio_read(const struct virtio_chain *c, uint64_t offset, void *to, size_t n);
size_t virtio_write(const struct virtio_chain *c, uint64_t offset, const void *from, size_t n);
/* The longest piece of one segment at `offset` of the readable or writable part; NULL = beyond the end. */
uint8_t *virtio_piece(const struct virtio_chain *c, bool writable, uint64_t offset, uint32_t *length);

/* May this be put back? Every field is judged that later code relies on. */
bool virtio_state_good(const struct virtio *v, const struct virtio_state *s);
void virtio_restored(struct virtio *v);	/* after v->s was put back */

#endif
