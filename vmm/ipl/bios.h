/* The tiny BIOS: what a boot sector expects to find, with CP behind every interrupt. */
/* Part: ipl/; the VMCALL routine calls ipl_bios_call(); the rest is private to ipl/. */
#ifndef VMM_IPL_BIOS_H
#define VMM_IPL_BIOS_H

#include "vmm/machine/vm.h"

/*
 * Interrupt stubs in the guest's storage begin with VMCALL. In the VMCALL routine, before anything
 * else: if (ipl_bios_here(vm, exit->rip)) { ipl_bios_call(vm, ipl_bios_interrupt(exit->rip));
 * return V_NEXT; } RIP moves on in every case; a service that cannot be done yet says so in the
 * guest's flags and the stub itself waits (STI, HLT) or asks again.
 */
bool ipl_bios_here(struct vm *vm, uint64_t rip);
uint8_t ipl_bios_interrupt(uint64_t rip);
/* false: the BIOS has no such function; the guest is told so by carry and AH = 86h. */
bool ipl_bios_call(struct vm *vm, uint8_t interrupt);

/* Puts the BIOS into storage and sets the devices up as a BIOS does. false = storage ends below 1
 * MiB. */
bool ipl_bios_post(struct vm *vm);

/* One service being done. */
struct bios_call {
	struct vm *vm;
	uint64_t *gpr;
	bool unknown; /* there is no such function */
	bool again;   /* not done yet: the stub comes back later */
	bool spin;    /* ... at once, since waiting for a tick would take too long */
	uint16_t flags_set, flags_clear; /* in the caller's flags */
};

#define BIOS_CARRY 0x0001u
#define BIOS_ZERO  0x0040u

/* Addresses in the guest's storage: the BIOS data area and CP's own words in the BIOS's segment. */
#define BDA_COM1	0x400u
#define BDA_EBDA	0x40eu
#define BDA_EQUIPMENT	0x410u
#define BDA_MEMORY	0x413u
#define BDA_KEYS	0x41au
#define BDA_VIDEO	0x449u
#define BDA_CURSOR	0x450u
#define BDA_TICKS	0x46cu
#define BDA_MIDNIGHT	0x470u
#define BDA_DISK_STATUS 0x474u
#define BDA_DISKS	0x475u
#define BIOS_WAIT_UNTIL 0xfdf00u /* INT 15h AH=86h: TSC tick, 0 = not waiting */
#define BIOS_PROGRESS	0xfdf08u /* INT 10h: characters of this call already out */

static inline uint8_t bios_low(const struct bios_call *c, enum gpr r)
{
	return (uint8_t)c->gpr[r];
}

static inline uint8_t bios_high(const struct bios_call *c, enum gpr r)
{
	return (uint8_t)(c->gpr[r] >> 8);
}

static inline uint16_t bios_word(const struct bios_call *c, enum gpr r)
{
	return (uint16_t)c->gpr[r];
}

static inline void bios_set_word(struct bios_call *c, enum gpr r, uint64_t v)
{
	c->gpr[r] = (c->gpr[r] & ~0xffffull) | (v & 0xffff);
}

static inline void bios_set_long(struct bios_call *c, enum gpr r, uint64_t v)
{
	c->gpr[r] = v & 0xffffffff;
}

static inline void bios_set_low(struct bios_call *c, enum gpr r, uint8_t v)
{
	c->gpr[r] = (c->gpr[r] & ~0xffull) | v;
}

static inline void bios_set_high(struct bios_call *c, enum gpr r, uint8_t v)
{
	c->gpr[r] = (c->gpr[r] & ~0xff00ull) | (uint64_t)v << 8;
}

static inline void bios_carry(struct bios_call *c, bool on)
{
	c->flags_set = (uint16_t)((c->flags_set & ~BIOS_CARRY) | (on ? BIOS_CARRY : 0));
	c->flags_clear = (uint16_t)((c->flags_clear & ~BIOS_CARRY) | (on ? 0 : BIOS_CARRY));
}

/* Address of segment:offset as the processor forms it now. */
uint64_t bios_address(struct bios_call *c, enum seg seg, uint16_t offset);
/* Guest storage; outside it reads give 0 and writes are dropped, as on a bus. */
uint64_t bios_peek(struct vm *vm, uint64_t address, size_t n);
void bios_poke(struct vm *vm, uint64_t address, uint64_t value, size_t n);
uint8_t bios_in(struct vm *vm, uint16_t port);
void bios_out(struct vm *vm, uint16_t port, uint8_t value);

void bios_screen(struct bios_call *c);	 /* INT 10h */
void bios_disk(struct bios_call *c);	 /* INT 13h */
void bios_system(struct bios_call *c);	 /* INT 15h */
void bios_keyboard(struct bios_call *c); /* INT 16h */
void bios_clock(struct bios_call *c);	 /* INT 1Ah */

#endif
