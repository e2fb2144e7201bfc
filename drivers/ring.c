/* A byte ring with free-running indices. */
/* Part: leaf of drivers/. */
#include "drivers/ring.h"
#include "lib/string.h"

void ring_init(struct ring *ring, uint8_t *bytes, uint32_t size)
{
	ring->bytes = bytes;
	ring->size = size;
	ring->head = 0;
	ring->tail = 0;
}

bool ring_put(struct ring *ring, uint8_t byte)
{
	if (ring_used(ring) == ring->size)
		return false;
	ring->bytes[ring->head & (ring->size - 1)] = byte;
	ring->head++;
	return true;
}

size_t ring_write(struct ring *ring, const char *bytes, size_t n)
{
	uint32_t at = ring->head & (ring->size - 1);
	size_t room = ring_free(ring), to_end = ring->size - at;
	size_t first;

	if (n > room)
		n = room;
	first = n < to_end ? n : to_end;
	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, bytes + first, n - first);
	ring->head += (uint32_t)n;
	return n;
}

int ring_get(struct ring *ring)
{
	uint8_t byte;

	if (ring_used(ring) == 0)
		return -1;
	byte = ring->bytes[ring->tail & (ring->size - 1)];
	ring->tail++;
	return byte;
}

size_t ring_peek(const struct ring *ring, const uint8_t **run)
{
	uint32_t at = ring->tail & (ring->size - 1);
	uint32_t used = ring_used(ring);
	uint32_t to_end = ring->size - at;

	*run = ring->bytes + at;
	return used < to_end ? used : to_end;
}

void ring_drop(struct ring *ring, size_t n)
{
	uint32_t used = ring_used(ring);

	ring->tail += n < used ? (uint32_t)n : used;
}
