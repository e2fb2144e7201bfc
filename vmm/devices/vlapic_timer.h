/* The local APIC's timer: one-shot, periodic and TSC-deadline. */
/* Part: devices/; belongs to vlapic.c and is called by nobody else. */
#ifndef VMM_DEVICES_VLAPIC_TIMER_H
#define VMM_DEVICES_VLAPIC_TIMER_H

#include "lib/timebase.h"
#include "lib/types.h"

struct vlapic;

/*
 * The clock that is divided and counted is the crystal that CPUID 15h tells: the host's TSC, or an eighth of it
 * where its rate would not fit that leaf. With dividers that are powers of two a count is TSC ticks shifted, exactly.
 */
struct vlapic_timer {
	uint64_t expiry;	/* TSC at which the count reaches 0, TIME_NEVER = it stands */
	uint64_t not_before;	/* TSC: a periodic timer is not looked at earlier, however short its period */
	uint64_t spacing;	/* least TSC ticks between two such looks */
	uint64_t deadline;	/* what deadline() answers */
	uint64_t tsc_deadline;	/* IA32_TSC_DEADLINE, in the guest's TSC */
	uint64_t tsc_offset, tsc_multiplier;	/* guest's TSC = tsc_scaled(host's, multiplier) + offset */
	uint32_t lvt, initial;	/* as they are in force: the page may hold what the guest has just written */
	uint8_t crystal_shift;	/* log2 of TSC ticks to one of the crystal */
	uint8_t shift;		/* log2 of TSC ticks to one count */
};

#define VLAPIC_LVT_MASKED 0x10000u
#define VLAPIC_TIMER_MODE 0x60000u
#define VLAPIC_TIMER_PERIODIC 0x20000u
#define VLAPIC_TIMER_TSC 0x40000u

void vlapic_timer_init(struct vlapic *l);
void vlapic_timer_reset(struct vlapic *l);
/* The current-count register. */
uint32_t vlapic_timer_count(const struct vlapic *l, uint64_t now);
/* The register in the page has been written, with allowed bits only. */
void vlapic_timer_lvt_written(struct vlapic *l);
void vlapic_timer_initial_written(struct vlapic *l);
void vlapic_timer_divide_written(struct vlapic *l);
void vlapic_timer_service(struct vlapic *l, uint64_t now);
uint64_t vlapic_timer_read_tsc_deadline(struct vlapic *l);
void vlapic_timer_write_tsc_deadline(struct vlapic *l, uint64_t value);
/* TSC ticks until it expires, for saved state; and back, after the registers are in the page again. */
uint64_t vlapic_timer_left(const struct vlapic *l, uint64_t now);
void vlapic_timer_resume(struct vlapic *l, uint64_t left, uint64_t tsc_deadline);

#endif
