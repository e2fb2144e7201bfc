/* Memory-type range registers as a guest expects to read and write them. */
/* Part: machine/; remembered and checked only: what is cached is decided by the real machine's MTRRs through EPT. */
#ifndef VMM_MACHINE_MTRR_H
#define VMM_MACHINE_MTRR_H

#include "lib/types.h"

#define MTRR_VARIABLE 8u
#define MTRR_FIXED 11u

struct mtrr {
	uint64_t def_type;
	uint64_t fixed[MTRR_FIXED];
	uint64_t base[MTRR_VARIABLE], mask[MTRR_VARIABLE];
};

/* All off, as after power-on. */
void mtrr_reset(struct mtrr *m);
/* As a PC's firmware leaves them: storage WB, the video window and everything from 3 GiB to 4 GiB UC. */
void mtrr_firmware(struct mtrr *m, unsigned int physical_bits);
bool mtrr_is(uint32_t msr);	/* is this one of their MSRs (MTRRCAP, def type, fixed, variable)? */
/* mtrr_is(msr) must hold. False = #GP: a read-only one, a reserved bit, a type that does not exist. */
uint64_t mtrr_get(const struct mtrr *m, uint32_t msr);
bool mtrr_set(struct mtrr *m, uint32_t msr, uint64_t value, unsigned int physical_bits);

#endif
