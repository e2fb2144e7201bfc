/* A byte ring: what waits for a slow device, or what a device delivered and nobody has read yet. */
/* Part: leaf of drivers/; one writer and one reader on one processor, no lock. */
#ifndef DRIVERS_RING_H
#define DRIVERS_RING_H

#include "lib/types.h"

/* head and tail run freely and are reduced by the mask only when the buffer is touched. */
struct ring {
	uint8_t *bytes;
	uint32_t size;	/* a power of two */
	uint32_t head;	/* bytes ever put in */
	uint32_t tail;	/* bytes ever taken out */
};

void ring_init(struct ring *ring, uint8_t *bytes, uint32_t size);
/* False, and nothing changed, when the ring is full. */
bool ring_put(struct ring *ring, uint8_t byte);
/* Puts in as many of N bytes as fit and returns how many. */
size_t ring_write(struct ring *ring, const char *bytes, size_t n);
/* -1 when the ring is empty. */
int ring_get(struct ring *ring);
/* The longest run of bytes that lie together at the tail; ring_drop() takes them out. */
size_t ring_peek(const struct ring *ring, const uint8_t **run);
void ring_drop(struct ring *ring, size_t n);

static inline uint32_t ring_used(const struct ring *ring)
{
	return ring->head - ring->tail;
}

static inline uint32_t ring_free(const struct ring *ring)
{
	return ring->size - ring_used(ring);
}

#endif
