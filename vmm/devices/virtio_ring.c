/* The split virtqueue: chains of descriptors taken from the guest's storage and given back. */
/* Part: devices/; every value here is the guest's and may be anything; "Split Virtqueues" of the standard. */
#include "vmm/devices/virtio.h"

#include "lib/string.h"

#define DESCRIPTOR_BYTES 16u
#define USED_BYTES 8u

#define DESC_NEXT 0x1u
#define DESC_WRITE 0x2u
#define DESC_INDIRECT 0x4u

#define AVAIL_NO_INTERRUPT 0x1u
#define USED_NO_NOTIFY 0x1u

/*
 * What is done for one notification ends here, however long the queue is; the rest is service()'s after the guest
 * had a moment. In bytes moved; a chain and a segment cost what as many bytes would.
 */
#define BUDGET (4u << 20)
#define CHAIN_COST 1024u
#define SEGMENT_COST 256u

struct descriptor {
	uint64_t at;
	uint32_t length;
	uint16_t flags, next;
};

_Static_assert(sizeof(struct descriptor) == DESCRIPTOR_BYTES, "the standard's layout");

static uint16_t get16(const uint8_t *p)
{
	return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

/* Released: what was written before is seen by whoever sees this. */
static void put16(uint8_t *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)p, value, __ATOMIC_RELEASE);
}

/* The two words behind the rings that VIRTIO_F_EVENT_IDX adds. */
static uint8_t *used_event(const struct virtio *v)
{
	return v->available + 4 + 2u * v->queue->size;
}

static uint8_t *available_event(const struct virtio *v)
{
	return v->used + 4 + (size_t)USED_BYTES * v->queue->size;
}

bool virtio_begin(struct virtio *v, unsigned int q)
{
	struct virtqueue *vq = &v->s.queue[q < VIRTIO_QUEUES ? q : 0];
	uint16_t waiting;

	v->queue = NULL;
	if (q >= v->queues || !vq->ready || !virtio_live(v) || !v->ops->reach(v))
		return false;
	/* With the event words, whether or not they were agreed on: a ring at the very end of storage is nobody's. */
	v->descriptors = machine_dma_window(v->vm, vq->descriptors, (size_t)DESCRIPTOR_BYTES * vq->size);
	v->available = machine_dma_window(v->vm, vq->available, 6 + 2u * vq->size);
	v->used = machine_dma_window(v->vm, vq->used, 6 + (size_t)USED_BYTES * vq->size);
	if (v->descriptors == NULL || v->available == NULL || v->used == NULL) {
		virtio_break(v);
		return false;
	}
	waiting = (uint16_t)(get16(v->available + 2) - vq->next);
	if (waiting > vq->size) {
		virtio_break(v);
		return false;
	}
	v->queue = vq;
	v->waiting = waiting;
	v->budget = BUDGET;
	return true;
}

/* Adds one piece of the guest's storage. False = it is not all the guest's, or in the wrong order. */
static bool add_segment(struct virtio *v, const struct descriptor *d)
{
	struct virtio_chain *c = &v->chain;
	bool writable = d->flags & DESC_WRITE;
	void *at;

	if (!writable && c->segments != c->readable)
		return false;	/* what is to be read stands first */
	if (d->length == 0)
		return true;
	at = machine_dma_window(v->vm, d->at, d->length);
	if (at == NULL || c->segments == VIRTIO_SEGMENTS)
		return false;
	c->seg[c->segments++] = (struct virtio_segment){ at, d->length };
	if (writable) {
		c->in_bytes += d->length;
	} else {
		c->readable++;
		c->out_bytes += d->length;
	}
	return true;
}

/* One table from entry `index` on; `count` entries bound the walk, so that a loop ends as an error. */
static bool walk(struct virtio *v, const uint8_t *table, unsigned int count, unsigned int index, bool nested)
{
	struct descriptor d;

	for (unsigned int steps = 0; steps < count; steps++) {
		if (index >= count)
			return false;
		memcpy(&d, table + (size_t)DESCRIPTOR_BYTES * index, sizeof(d));
		v->budget -= SEGMENT_COST;
		if (d.flags & DESC_INDIRECT) {
			const uint8_t *inner;
			unsigned int entries = d.length / DESCRIPTOR_BYTES;

			if (nested || (d.flags & DESC_NEXT) || !virtio_has(v, VIRTIO_F_INDIRECT) || entries == 0 ||
			    d.length % DESCRIPTOR_BYTES != 0 || entries > VIRTIO_SEGMENTS)
				return false;
			inner = machine_dma_window(v->vm, d.at, d.length);
			return inner != NULL && walk(v, inner, entries, 0, true);
		}
		if (!add_segment(v, &d))
			return false;
		if (!(d.flags & DESC_NEXT))
			return true;
		index = d.next;
	}
	return false;
}

struct virtio_chain *virtio_next(struct virtio *v)
{
	struct virtqueue *vq = v->queue;
	struct virtio_chain *c = &v->chain;
	unsigned int slot;

	if (vq == NULL || v->waiting == 0 || (v->s.status & VIRTIO_NEEDS_RESET))
		return NULL;
	if (v->budget <= 0) {
		virtio_again(v, (unsigned int)(vq - v->s.queue), 0);
		return NULL;
	}
	v->budget -= CHAIN_COST;
	slot = vq->next & (vq->size - 1u);
	c->head = get16(v->available + 4 + 2 * slot);
	c->readable = c->segments = 0;
	c->out_bytes = c->in_bytes = 0;
	if (!walk(v, v->descriptors, vq->size, c->head, false)) {
		virtio_break(v);
		return NULL;
	}
	return c;
}

void virtio_used(struct virtio *v, uint32_t written)
{
	struct virtqueue *vq = v->queue;
	uint32_t element[2] = { v->chain.head, written };

	if (vq == NULL || v->waiting == 0)
		return;
	memcpy(v->used + 4 + (size_t)USED_BYTES * (vq->used_index & (vq->size - 1u)), element, sizeof(element));
	vq->used_index++;
	vq->next++;
	v->waiting--;
	put16(v->used + 2, vq->used_index);
}

/* "Used Buffer Notification Suppression": has the index passed the one that the driver waits for? */
static bool wants_interrupt(const struct virtio *v)
{
	const struct virtqueue *vq = v->queue;
	uint16_t event;

	if (vq->used_index == vq->told)
		return false;
	if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
		return !(get16(v->available) & AVAIL_NO_INTERRUPT);
	event = get16(used_event(v));
	return (uint16_t)(vq->used_index - event - 1) < (uint16_t)(vq->used_index - vq->told);
}

static void finish(struct virtio *v)
{
	struct virtqueue *vq = v->queue;
	bool interrupt = wants_interrupt(v);

	vq->told = vq->used_index;
	v->queue = NULL;
	if (interrupt && virtio_live(v))
		v->ops->interrupt(v, vq->vector, false);
}

/*
 * The guest's only processor is here, in this exit or this service: nothing can become available between the last look
 * and the words written here, so none is missed.
 */
void virtio_end(struct virtio *v)
{
	struct virtqueue *vq = v->queue;

	if (vq == NULL)
		return;
	if (virtio_has(v, VIRTIO_F_EVENT_IDX)) {
		/* While service() is to go on anyhow, no notification is wanted. */
		if (!(v->s.again >> (vq - v->s.queue) & 1))
			put16(available_event(v), (uint16_t)(vq->next + v->waiting));
	} else if (get16(v->used) != 0) {
		put16(v->used, 0);
	}
	finish(v);
}

void virtio_end_quietly(struct virtio *v)
{
	struct virtqueue *vq = v->queue;

	if (vq == NULL)
		return;
	if (virtio_has(v, VIRTIO_F_EVENT_IDX))
		put16(available_event(v), (uint16_t)(vq->next - 1));
	else if (get16(v->used) != USED_NO_NOTIFY)
		put16(v->used, USED_NO_NOTIFY);
	finish(v);
}

bool virtio_spend(struct virtio *v, uint64_t cost)
{
	v->budget -= cost < BUDGET ? (int64_t)cost : BUDGET;
	return v->budget > 0;
}

uint8_t *virtio_piece(const struct virtio_chain *c, bool writable, uint64_t offset, uint32_t *length)
{
	unsigned int i = writable ? c->readable : 0, end = writable ? c->segments : c->readable;

	for (; i < end; i++) {
		if (offset < c->seg[i].length) {
			*length = c->seg[i].length - (uint32_t)offset;
			return c->seg[i].at + offset;
		}
		offset -= c->seg[i].length;
	}
	*length = 0;
	return NULL;
}

static size_t copy(const struct virtio_chain *c, bool writable, uint64_t offset, uint8_t *ours, size_t n)
{
	size_t done = 0;

	while (done < n) {
		uint32_t length;
		uint8_t *p = virtio_piece(c, writable, offset + done, &length);

		if (p == NULL)
			break;
		if (length > n - done)
			length = (uint32_t)(n - done);
		/* moved, since a guest may let its descriptors lie over each other */
		if (writable)
			memmove(p, ours + done, length);
		else
			memmove(ours + done, p, length);
		done += length;
	}
	return done;
}

size_t virtio_read(const struct virtio_chain *c, uint64_t offset, void *to, size_t n)
{
	return copy(c, false, offset, to, n);
}

size_t virtio_write(const struct virtio_chain *c, uint64_t offset, const void *from, size_t n)
{
	return copy(c, true, offset, (uint8_t *)(uintptr_t)from, n);
}
