/* The local APIC's timer: worked out from the TSC when somebody asks, nothing counts in the background. */
/* Part: devices/; the other half of vlapic.c. */
#include "vmm/devices/vlapic.h"

#define VECTOR 0xffu

/* However short a guest makes the period, the machine spends its time on little else than 20000 looks a second. */
#define LOOKS_A_SECOND 20000u
#define COUNT_FAR (1ull << 43)	/* no count lasts that many TSC ticks: 32 bits, divided by 128 * 8 at most */

static bool is_periodic(const struct vlapic_timer *t)
{
	return (t->lvt & VLAPIC_TIMER_MODE) == VLAPIC_TIMER_PERIODIC;
}

static bool is_tsc(const struct vlapic_timer *t)
{
	return (t->lvt & VLAPIC_TIMER_MODE) == VLAPIC_TIMER_TSC;
}

static uint64_t period(const struct vlapic_timer *t)
{
	return (uint64_t)t->initial << t->shift;
}

static void update_deadline(struct vlapic *l)
{
	struct vlapic_timer *t = &l->timer;
	uint64_t next = t->lvt & VLAPIC_LVT_MASKED ? TIME_NEVER : t->expiry;

	if (is_periodic(t) && next < t->not_before)
		next = t->not_before;
	if (next != t->deadline) {
		t->deadline = next;
		machine_apic_deadline(l->dev.vm, l->timer.deadline);
	}
}

/* What fell due up to now: one interrupt, however many periods have passed. Masked, it is lost. */
static void expire(struct vlapic *l, uint64_t now)
{
	struct vlapic_timer *t = &l->timer;

	if (now < t->expiry)
		return;
	if (is_periodic(t) && t->initial != 0)
		t->expiry += ((now - t->expiry) / period(t) + 1) * period(t);
	else
		t->expiry = TIME_NEVER;
	if (is_tsc(t))
		t->tsc_deadline = 0;
	t->not_before = now + t->spacing;
	if (!(t->lvt & VLAPIC_LVT_MASKED))
		vlapic_deliver(l, VLAPIC_FIXED, (uint8_t)(t->lvt & VECTOR), false);
}

void vlapic_timer_service(struct vlapic *l, uint64_t now)
{
	expire(l, now);
	update_deadline(l);
}

uint32_t vlapic_timer_count(const struct vlapic *l, uint64_t now)
{
	const struct vlapic_timer *t = &l->timer;
	uint64_t left;

	if (t->expiry == TIME_NEVER || is_tsc(t))
		return 0;
	if (now < t->expiry)
		left = t->expiry - now;
	else if (is_periodic(t) && t->initial != 0)
		left = period(t) - (now - t->expiry) % period(t);
	else
		return 0;
	/* Another processor's TSC may be a little behind: never more than was loaded. */
	left = (left + (1ull << t->shift) - 1) >> t->shift;
	return left < t->initial ? (uint32_t)left : t->initial;
}

void vlapic_timer_lvt_written(struct vlapic *l)
{
	struct vlapic_timer *t = &l->timer;
	uint32_t lvt = l->regs[VLAPIC_LVT_TIMER / 4];

	expire(l, machine_now(l->dev.vm));
	/* The count goes on when one-shot becomes periodic or back. SDM, "TSC-Deadline Mode": that change disarms. */
	if ((lvt ^ t->lvt) & VLAPIC_TIMER_TSC) {
		t->expiry = TIME_NEVER;
		t->tsc_deadline = 0;
		t->initial = 0;
		l->regs[VLAPIC_TIMER_INITIAL / 4] = 0;
	}
	t->lvt = lvt;
	update_deadline(l);
}

void vlapic_timer_initial_written(struct vlapic *l)
{
	struct vlapic_timer *t = &l->timer;
	uint64_t now = machine_now(l->dev.vm);

	if (is_tsc(t)) {	/* such writes are ignored */
		l->regs[VLAPIC_TIMER_INITIAL / 4] = t->initial;
		return;
	}
	expire(l, now);
	t->initial = l->regs[VLAPIC_TIMER_INITIAL / 4];
	t->expiry = t->initial != 0 ? now + period(t) : TIME_NEVER;
	update_deadline(l);
}

static uint8_t divide_shift(const struct vlapic *l)
{
	uint32_t divide = l->regs[VLAPIC_TIMER_DIVIDE / 4];

	/* 000 = 2, 001 = 4, ... 110 = 128, 111 = 1. */
	return (uint8_t)(l->timer.crystal_shift + (((divide & 3) | (divide >> 1 & 4)) + 1) % 8);
}

void vlapic_timer_divide_written(struct vlapic *l)
{
	struct vlapic_timer *t = &l->timer;
	uint64_t now = machine_now(l->dev.vm);
	uint32_t count;

	expire(l, now);
	count = vlapic_timer_count(l, now);
	t->shift = divide_shift(l);
	if (t->expiry != TIME_NEVER && !is_tsc(t))
		t->expiry = now + ((uint64_t)count << t->shift);
	update_deadline(l);
}

/* Sets the expiry from tsc_deadline; what is past already expires now. */
static void arm_tsc(struct vlapic *l, uint64_t now)
{
	struct vlapic_timer *t = &l->timer;
	uint64_t scaled = tsc_scaled(now, t->tsc_multiplier), guest = scaled + t->tsc_offset;

	if (t->tsc_deadline == 0)
		t->expiry = TIME_NEVER;
	else if (t->tsc_deadline <= guest)
		t->expiry = now;
	else if (t->tsc_deadline - guest >= TIME_NEVER - scaled)
		t->expiry = TIME_NEVER;	/* some centuries away */
	else
		t->expiry = tsc_unscaled(scaled + (t->tsc_deadline - guest), t->tsc_multiplier);
	expire(l, now);
	update_deadline(l);
}

uint64_t vlapic_timer_read_tsc_deadline(struct vlapic *l)
{
	if (!is_tsc(&l->timer))
		return 0;
	/* What is due has expired, whether service() has been called yet or not. */
	vlapic_timer_service(l, machine_now(l->dev.vm));
	return l->timer.tsc_deadline;
}

void vlapic_timer_write_tsc_deadline(struct vlapic *l, uint64_t value)
{
	uint64_t now = machine_now(l->dev.vm);

	if (!is_tsc(&l->timer))
		return;
	expire(l, now);
	l->timer.tsc_deadline = value;
	arm_tsc(l, now);
}

void vlapic_set_tsc(struct vlapic *l, uint64_t offset, uint64_t multiplier)
{
	uint64_t now = machine_now(l->dev.vm);

	if (is_tsc(&l->timer))
		expire(l, now);
	l->timer.tsc_offset = offset;
	l->timer.tsc_multiplier = multiplier;
	if (is_tsc(&l->timer))
		arm_tsc(l, now);
}

uint64_t vlapic_timer_left(const struct vlapic *l, uint64_t now)
{
	uint64_t expiry = l->timer.expiry;

	return expiry == TIME_NEVER ? TIME_NEVER : expiry > now ? expiry - now : 0;
}

void vlapic_timer_resume(struct vlapic *l, uint64_t left, uint64_t tsc_deadline)
{
	struct vlapic_timer *t = &l->timer;
	uint64_t now = machine_now(l->dev.vm);

	t->lvt = l->regs[VLAPIC_LVT_TIMER / 4];
	t->initial = l->regs[VLAPIC_TIMER_INITIAL / 4];
	t->shift = divide_shift(l);
	t->not_before = 0;
	t->expiry = TIME_NEVER;
	t->tsc_deadline = is_tsc(t) ? tsc_deadline : 0;
	if (is_tsc(t)) {
		arm_tsc(l, now);
		return;
	}
	if (left < COUNT_FAR && t->initial != 0)
		t->expiry = now + (left < period(t) ? left : period(t));
	update_deadline(l);
}

void vlapic_timer_reset(struct vlapic *l)
{
	struct vlapic_timer *t = &l->timer;

	t->expiry = TIME_NEVER;
	t->not_before = 0;
	t->tsc_deadline = 0;
	t->lvt = l->regs[VLAPIC_LVT_TIMER / 4];
	t->initial = 0;
	t->shift = divide_shift(l);
	update_deadline(l);
}

void vlapic_timer_init(struct vlapic *l)
{
	uint64_t hz = machine_tsc_hz(l->dev.vm);

	l->timer.deadline = TIME_NEVER;
	l->timer.tsc_multiplier = TSC_SAME_RATE;
	/* As CPUID 15h has it: interpreter/cpuid_policy.c. */
	l->timer.crystal_shift = hz > UINT32_MAX ? 3 : 0;
	l->timer.spacing = hz / LOOKS_A_SECOND;
}
