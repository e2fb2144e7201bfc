/* Numbers as bytes, most significant first: what SCSI, fw_cfg and networks speak. */
/* Part: leaf. */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include "lib/types.h"

static inline uint16_t get_be16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t get_be32(const uint8_t *from)
{
	return (uint32_t)get_be16(from) << 16 | get_be16(from + 2);
}

static inline void put_be16(uint8_t *to, uint32_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *to, uint32_t v)
{
	put_be16(to, v >> 16);
	put_be16(to + 2, v);
}

#endif
