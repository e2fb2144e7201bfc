/* A device's state as bytes: a small header that says whose they are, then the state itself. */
/* Part: devices/; shared by the save and restore routines of every virtual device. */
#ifndef VMM_DEVICES_STATE_H
#define VMM_DEVICES_STATE_H

#include "lib/string.h"
#include "lib/types.h"

struct state_header {
	uint32_t kind;	/* one number per device and per layout of its state */
	uint32_t size;	/* of the state behind the header */
};

/* Returns the size needed; writes only when there is room for all of it. */
static inline size_t state_save(uint32_t kind, const void *state, size_t size, void *to,
				size_t room)
{
	struct state_header header = { kind, (uint32_t)size };

	if (to && room >= sizeof(header) + size) {
		memcpy(to, &header, sizeof(header));
		memcpy((uint8_t *)to + sizeof(header), state, size);
	}
	return sizeof(header) + size;
}

/*
 * Copies the state out of saved bytes. False, and nothing copied, when they are of another device
 * or layout. The bytes may come from anywhere: the caller still judges every field before it uses
 * one.
 */
static inline bool state_load(uint32_t kind, void *state, size_t size, const void *from,
			      size_t length)
{
	struct state_header header;

	if (!from || length != sizeof(header) + size)
		return false;
	memcpy(&header, from, sizeof(header));
	if (header.kind != kind || header.size != size)
		return false;
	memcpy(state, (const uint8_t *)from + sizeof(header), size);
	return true;
}

#endif
