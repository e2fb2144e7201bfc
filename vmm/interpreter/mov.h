/* A small decoder: the moves with which programs touch memory that may not be there. */
/* Part: interpreter/; used by the allocator's memory trap. Pure decoding, tested on the host. */
#ifndef VMM_INTERPRETER_MOV_H
#define VMM_INTERPRETER_MOV_H

#include "arch/api/vcpu.h"

enum mov_kind { MOV_LOAD, MOV_STORE, MOV_STORE_IMMEDIATE, MOV_STRING_STORE };

struct mov {
	enum mov_kind kind;
	uint8_t length;		/* of the whole instruction */
	uint8_t width;		/* of the memory operand: 1, 2, 4, 8 bytes */
	uint8_t to_width;	/* of the register a load goes to */
	bool sign;		/* MOVSX */
	uint8_t gpr;		/* enum gpr */
	bool high_byte;		/* AH CH DH BH: gpr is RAX RCX RDX RBX */
	uint64_t immediate;
	/* effective address = (base + index * scale + displacement), cut to address_width bytes */
	int8_t base, index;	/* enum gpr, -1 = none */
	bool rip_relative;
	uint8_t scale;
	int64_t displacement;
	uint8_t address_width;	/* 2, 4, 8 bytes */
	uint8_t seg;		/* enum seg */
	bool rep;
};

/* code_bits 16, 32 or 64. False = not one of these instructions, or bytes run out. */
bool mov_decode(const uint8_t *code, size_t room, unsigned int code_bits, struct mov *m);

#endif
