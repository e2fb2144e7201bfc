/*
 * The local APIC: priorities against a slow model, modes, IPIs, LVT, errors, the three timers, saved state.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vlapic.c vmm/devices/vlapic_regs.c vmm/devices/vlapic_timer.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vlapic.h"

#define MODES (VLAPIC_BASE_ENABLE | VLAPIC_BASE_X2APIC)
#define BASE VLAPIC_DEFAULT_BASE

static struct vlapic apic;
static uint32_t page[1024] __attribute__((aligned(4096)));

static uint64_t mem_read(uint64_t addr, unsigned int size)
{
	struct io_access a = { .addr = addr, .size = (uint8_t)size };

	bus_access(&fake.bus, BUS_MMIO, &a);
	return a.value;
}

static void mem_write(uint64_t addr, unsigned int size, uint64_t value)
{
	struct io_access a = { .addr = addr, .value = value, .size = (uint8_t)size, .write = true };

	bus_access(&fake.bus, BUS_MMIO, &a);
}

static uint32_t get(uint32_t offset)
{
	return (uint32_t)mem_read(BASE + offset, 4);
}

static void set(uint32_t offset, uint32_t value)
{
	mem_write(BASE + offset, 4, value);
}

static uint64_t msr(uint32_t number)
{
	uint64_t value = 0;

	assert_true(vlapic_read_msr(&apic, number, &value));
	return value;
}

static bool write_msr(uint32_t number, uint64_t value)
{
	return vlapic_write_msr(&apic, number, value);
}

static void off(void)
{
	vlapic_init(&apic, &fake, page);
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	off();
	assert_int_equal(vlapic_claim(&apic, &fake.bus), 0);
	set(VLAPIC_SVR, 0x1ff);
	return 0;
}

static void to_x2apic(void)
{
	assert_true(vlapic_set_base(&apic, vlapic_base(&apic) | VLAPIC_BASE_X2APIC));
}

static uint64_t deadline(void)
{
	return apic.dev.ops->deadline(&apic.dev);
}

static void service(void)
{
	apic.dev.ops->service(&apic.dev, fake.now);
}

static void fixed(uint8_t vector)
{
	vlapic_deliver(&apic, VLAPIC_FIXED, vector, false);
}

static int take(void)
{
	int vector = vlapic_acknowledge(&apic);

	set(VLAPIC_EOI, 0);
	return vector;
}

static void power_on(void **state)
{
	(void)state;
	off();
	assert_int_equal(get(VLAPIC_ID), 0);
	assert_int_equal(get(VLAPIC_VERSION), 0x50014);
	assert_int_equal(get(VLAPIC_DFR), 0xffffffff);
	assert_int_equal(get(VLAPIC_SVR), 0xff);
	assert_int_equal(get(VLAPIC_LVT_TIMER), 0x10000);
	assert_int_equal(get(VLAPIC_LVT_LINT1), 0x10000);
	assert_true(msr(VLAPIC_MSR_BASE) == 0xfee00900);
	assert_true(vlapic_accepts_pic(&apic));
	assert_true(deadline() == TIME_NEVER);
	fixed(0x40);	/* software-disabled: lost */
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_LVT_TIMER, 0x40);	/* and no mask can be taken away */
	assert_int_equal(get(VLAPIC_LVT_TIMER), 0x10040);
	set(VLAPIC_SVR, 0x1ff);
	assert_true(vlapic_accepts_pic(&apic));
	set(VLAPIC_LVT_TIMER, 0x40);
	assert_int_equal(get(VLAPIC_LVT_TIMER), 0x40);
	fixed(0x40);
	assert_int_equal(vlapic_pending(&apic), 0x40);
	set(VLAPIC_SVR, 0x0ff);
	assert_int_equal(get(VLAPIC_LVT_TIMER), 0x10040);
	assert_false(vlapic_accepts_pic(&apic));
	assert_int_equal(take(), 0x40);	/* what was requested stays */
	set(VLAPIC_ID, 0x0f000000);
	assert_int_equal(get(VLAPIC_ID), 0);
}

static void parts_of_registers(void **state)
{
	(void)state;
	set(VLAPIC_LVT_ERROR, 0x100fe);
	assert_int_equal(mem_read(BASE + VLAPIC_LVT_ERROR, 1), 0xfe);
	assert_int_equal(mem_read(BASE + VLAPIC_LVT_ERROR + 2, 2), 1);
	assert_int_equal(mem_read(BASE + VLAPIC_LVT_ERROR + 4, 4), 0);
	assert_int_equal(mem_read(BASE + VLAPIC_LVT_ERROR, 8), 0x100fe);
	mem_write(BASE + VLAPIC_LVT_ERROR, 1, 0x33);
	mem_write(BASE + VLAPIC_LVT_ERROR + 4, 4, 0x33);
	assert_int_equal(get(VLAPIC_LVT_ERROR), 0x100fe);
	set(VLAPIC_LVT_ERROR, 0x55);
	assert_int_equal(get(VLAPIC_ESR), 0);
	get(0x400);		/* no such register */
	assert_int_equal(vlapic_pending(&apic), 0x55);
	assert_int_equal(get(VLAPIC_ESR), 0);
	set(VLAPIC_ESR, 0x12345);
	assert_int_equal(get(VLAPIC_ESR), 0x80);
	assert_int_equal(take(), 0x55);
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0);
	set(0x2f0, 1);		/* no CMCI */
	set(0x2f0, 1);
	assert_int_equal(take(), 0x55);
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0x80);
	set(VLAPIC_VERSION, 7);	/* read-only, but not illegal */
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0);
	assert_int_equal(get(VLAPIC_VERSION), 0x50014);
}

/* IRR and ISR as arrays, looked through from the top each time. */
static bool irr[256], isr[256];

static int model_top(const bool *v)
{
	int i;

	for (i = 255; i > 0 && !v[i]; i--)
		;
	return i;
}

static int model_pending(unsigned int tpr)
{
	int top = model_top(irr), serving = model_top(isr);
	int limit = (int)(tpr >> 4) > serving >> 4 ? (int)(tpr >> 4) : serving >> 4;

	return top >> 4 > limit ? top : -1;
}

/* The machine asks for the threshold when it is told of a change, and else keeps it: it must never be an old one. */
static void priorities_agree_with_a_slow_model(void **state)
{
	unsigned int i, tpr = 0, threshold = 0;

	(void)state;
	memset(irr, 0, sizeof(irr));
	memset(isr, 0, sizeof(isr));
	for (i = 0; i < 400000; i++) {
		unsigned int vector = (unsigned int)fake_below(256), eois = fake.eois;
		unsigned int changes = fake.interrupt_changes;
		int before = model_pending(tpr), top, ppr;

		switch (fake_below(5)) {
		case 0:
			fixed((uint8_t)vector);
			irr[vector] |= vector >= 16;
			break;
		case 1:
			top = vlapic_acknowledge(&apic);
			assert_int_equal(top, before < 0 ? 0xff : before);
			if (before >= 0) {
				irr[before] = false;
				isr[before] = true;
			}
			break;
		case 2:
			set(VLAPIC_EOI, vector);
			top = model_top(isr);
			isr[top] = false;
			assert_int_equal(fake.eois - eois, top > 0);
			if (top > 0)
				assert_int_equal(fake.eoi_vector, top);
			break;
		case 3:
			tpr = vector;
			set(VLAPIC_TPR, tpr);
			assert_int_equal(vlapic_cr8(&apic), tpr >> 4);
			break;
		default:
			tpr = vector & 0xf0;
			vlapic_set_cr8(&apic, tpr >> 4);
			break;
		}
		assert_int_equal(vlapic_pending(&apic), model_pending(tpr));
		if (model_pending(tpr) >= 0 && model_pending(tpr) != before && model_pending(tpr) > before)
			assert_true(fake.interrupt_changes > changes);
		top = model_top(isr);
		ppr = (int)(tpr >> 4) >= top >> 4 ? (int)tpr : top & 0xf0;
		assert_int_equal(get(VLAPIC_PPR), ppr);
		assert_int_equal(apic.regs[VLAPIC_PPR / 4], ppr);
		assert_int_equal(get(VLAPIC_IRR + vector / 32 * 16) >> vector % 32 & 1, irr[vector]);
		assert_int_equal(get(VLAPIC_ISR + vector / 32 * 16) >> vector % 32 & 1, isr[vector]);
		top = model_top(irr);
		assert_int_equal(vlapic_cr8_threshold(&apic),
				 top >> 4 > model_top(isr) >> 4 && (int)(tpr >> 4) >= top >> 4 ? top >> 4 : 0);
		if (fake.interrupt_changes > changes)
			threshold = vlapic_cr8_threshold(&apic);
		assert_int_equal(threshold, vlapic_cr8_threshold(&apic));
	}
}

static void trigger_mode_is_shown(void **state)
{
	(void)state;
	vlapic_deliver(&apic, VLAPIC_FIXED, 0x61, true);
	assert_int_equal(get(VLAPIC_TMR + 0x30), 2);
	vlapic_deliver(&apic, VLAPIC_LOWEST, 0x61, false);
	assert_int_equal(get(VLAPIC_TMR + 0x30), 0);
	assert_int_equal(take(), 0x61);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(vlapic_acknowledge(&apic), 0xff);	/* the spurious vector */
	set(VLAPIC_SVR, 0x1ee);
	assert_int_equal(vlapic_acknowledge(&apic), 0xee);
	assert_int_equal(get(VLAPIC_ISR + 0x70), 0);
}

static void base_register(void **state)
{
	static const bool legal[4][4] = {	/* from, to: bit 0 = x2APIC, bit 1 = enable */
		{ true, false, true, false }, { false, false, false, false }, { true, false, true, true },
		{ true, false, false, true },
	};
	unsigned int from, to;

	(void)state;
	for (from = 0; from < 4; from++) {
		if (from == 1)
			continue;
		for (to = 0; to < 4; to++) {
			uint64_t where = BASE | VLAPIC_BASE_BSP;

			setup(NULL);
			if (from == 0)
				assert_true(vlapic_set_base(&apic, where));
			if (from == 3)
				to_x2apic();
			assert_int_equal(write_msr(VLAPIC_MSR_BASE, where | to << 10), legal[from][to]);
			assert_true(vlapic_base(&apic) == (where | (legal[from][to] ? to : from) << 10));
		}
	}
	setup(NULL);
	assert_false(write_msr(VLAPIC_MSR_BASE, 0xfee00901));
	assert_false(write_msr(VLAPIC_MSR_BASE, 0xfee00b00));
	assert_false(write_msr(VLAPIC_MSR_BASE, 1ull << 39 | 0x900));
	/* the page moves */
	assert_true(write_msr(VLAPIC_MSR_BASE, 0x7fd0000900));
	assert_int_equal(mem_read(BASE + VLAPIC_VERSION, 4), 0xffffffff);
	assert_int_equal(mem_read(0x7fd0000000 + VLAPIC_VERSION, 4), 0x50014);
	assert_int_equal(fake.apic_changes, 2);
	/* off: all state is lost, and the 8259s go straight through */
	set(VLAPIC_SVR, 0x1ff);
	mem_write(0x7fd0000000 + VLAPIC_LVT_LINT0, 4, 0x10000);
	assert_false(vlapic_accepts_pic(&apic));
	fixed(0x99);
	assert_true(write_msr(VLAPIC_MSR_BASE, 0x7fd0000100));
	assert_true(vlapic_accepts_pic(&apic));
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(mem_read(0x7fd0000000 + VLAPIC_VERSION, 4), 0xffffffff);
	vlapic_deliver(&apic, VLAPIC_NMI, 0, false);
	assert_int_equal(fake.nmis, 0);
	/* where somebody else is already it cannot be reached */
	apic.dev.ops->reset(&apic.dev);
	assert_int_equal(mem_read(BASE + VLAPIC_VERSION, 4), 0x50014);
	assert_int_equal(bus_claim(&fake.bus, BUS_MMIO, 0x1000, 0x1fff, &apic.dev, 1, false), 0);
	assert_true(write_msr(VLAPIC_MSR_BASE, 0x1900));
	assert_true(write_msr(VLAPIC_MSR_BASE, 0xfee00900));
	assert_int_equal(mem_read(BASE + VLAPIC_VERSION, 4), 0x50014);
	assert_true(write_msr(VLAPIC_MSR_BASE, 0x900));	/* page 0 */
	apic.dev.ops->reset(&apic.dev);
}

static void x2apic_registers(void **state)
{
	uint32_t i;
	uint64_t value;

	(void)state;
	for (i = 0x800; i < 0x900; i++) {
		assert_false(vlapic_read_msr(&apic, i, &value));
		assert_false(write_msr(i, 0));
	}
	set(VLAPIC_LDR, 0x55000000);
	set(VLAPIC_ICR_HIGH, 0xaa000000);
	to_x2apic();
	assert_int_equal(mem_read(BASE + VLAPIC_VERSION, 4), 0xffffffff);
	for (i = 0x800; i < 0x900; i++) {
		static const char readable[] = "__RR____R_R__R_RRRRRRRRRRRRRRRRRRRRRRRRRR_______R_RRRRRRRR____R_";
		static const char writable[] = "________W__W___W________________________W_______W_WWWWWWW_____WW";
		uint32_t n = i - 0x800;

		assert_int_equal(vlapic_read_msr(&apic, i, &value), n < 64 && readable[n] == 'R');
		assert_int_equal(write_msr(i, 0), n < 64 && writable[n] == 'W');
		/* no register but the two with all bits can take this, and none but the ICR the next */
		assert_int_equal(write_msr(i, 0xffffffff), i == 0x838);
		assert_int_equal(write_msr(i, 1ull << 32), i == 0x830);
	}
	assert_int_equal(msr(0x80d), 1);
	assert_int_equal(msr(0x802), 0);
	setup(NULL);
	to_x2apic();
	assert_true(write_msr(0x80f, 0x1ff));
	assert_true(write_msr(0x830, 0x1234567800000040));	/* to nobody */
	assert_true(msr(0x830) == 0x1234567800000040);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_true(write_msr(0x830, 0x40));
	assert_int_equal(vlapic_pending(&apic), 0x40);
	assert_true(write_msr(0x83f, 0x50));
	assert_int_equal(vlapic_acknowledge(&apic), 0x50);
	assert_true(write_msr(0x80b, 0));
	assert_false(write_msr(0x80b, 1));
	assert_int_equal(vlapic_acknowledge(&apic), 0x40);
	assert_true(write_msr(0x80b, 0));
	assert_true(write_msr(0x828, 0));
	assert_true(write_msr(0x83f, 0x0f));
	assert_true(write_msr(0x828, 0));
	assert_int_equal(msr(0x828), 0x60);
	assert_true(write_msr(0x808, 0x30));
	assert_int_equal(msr(0x80a), 0x30);
	assert_false(vlapic_read_msr(&apic, 0x7ff, &value));
	assert_false(vlapic_read_msr(&apic, 0x900, &value));
	assert_false(vlapic_read_msr(&apic, 0x10, &value));
	assert_false(write_msr(0x10, 0));
}

/* Does an IPI with that ICR arrive? */
static bool arrives(uint32_t high, uint32_t low)
{
	if (vlapic_is_x2apic(&apic)) {
		assert_true(write_msr(0x830, (uint64_t)high << 32 | low | 0x40));
	} else {
		set(VLAPIC_ICR_HIGH, high << 24);
		set(VLAPIC_ICR, low | 0x40);
		assert_int_equal(get(VLAPIC_ICR) & 0x1000, 0);
	}
	if (vlapic_pending(&apic) < 0)
		return false;
	assert_int_equal(vlapic_acknowledge(&apic), 0x40);
	vlapic_register_write(&apic, VLAPIC_EOI);
	return true;
}

static void destinations(void **state)
{
	unsigned int d, ldr;

	(void)state;
	for (d = 0; d < 256; d++)
		assert_int_equal(arrives(d, 0), d == 0 || d == 255);
	for (d = 0; d < 4; d++)
		assert_int_equal(arrives(7, d << 18), d == 1 || d == 2);
	assert_true(arrives(0, 0x100));		/* lowest priority */
	assert_true(arrives(0, 0x1000));	/* delivery status is not the guest's */
	for (ldr = 0; ldr < 256; ldr += 5) {
		set(VLAPIC_LDR, ldr << 24 | 0x123456);
		assert_int_equal(get(VLAPIC_LDR), ldr << 24);
		set(VLAPIC_DFR, 0xf0000000);
		assert_int_equal(get(VLAPIC_DFR), 0xffffffff);
		for (d = 0; d < 256; d++)
			assert_int_equal(arrives(d, 0x800), d == 255 || (d & ldr) != 0);
		set(VLAPIC_DFR, 0);
		for (d = 0; d < 256; d++) {
			bool cluster = d >> 4 == ldr >> 4 || d >> 4 == 15;

			assert_int_equal(arrives(d, 0x800), d == 255 || (cluster && (d & ldr & 15)));
			assert_int_equal(vlapic_matches(&apic, d, true), d == 255 || (cluster && (d & ldr & 15)));
		}
	}
	set(VLAPIC_DFR, 0x50000000);
	assert_false(arrives(0xfe, 0x800));
	to_x2apic();
	assert_true(arrives(0xffffffff, 0));
	assert_true(arrives(0xffffffff, 0x800));
	assert_false(arrives(0xff, 0));
	assert_false(arrives(1, 0));
	assert_true(arrives(0xffff, 0x800));
	assert_false(arrives(0x10001, 0x800));
	assert_false(arrives(0xfffe, 0x800));
	assert_true(vlapic_matches(&apic, 255, false));
	assert_true(vlapic_matches(&apic, 1, true));
	assert_false(vlapic_matches(&apic, 2, true));
}

static void other_kinds_of_ipi(void **state)
{
	(void)state;
	set(VLAPIC_ICR, 0x4400);
	assert_int_equal(fake.nmis, 1);
	set(VLAPIC_ICR, 0x4500);
	assert_int_equal(fake.inits, 1);
	set(VLAPIC_ICR, 0x8500);	/* level de-assert */
	set(VLAPIC_ICR, 0x88500);
	assert_int_equal(fake.inits, 1);
	set(VLAPIC_ICR, 0x4608);	/* start-up, SMI, reserved, ExtINT: nothing */
	set(VLAPIC_ICR, 0x4200);
	set(VLAPIC_ICR, 0x4300);
	set(VLAPIC_ICR, 0x4700);
	set(VLAPIC_ICR, 0xc4400);	/* all but self */
	assert_int_equal(fake.nmis, 1);
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0);
	set(VLAPIC_ICR, 0xc000f);
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0x20);
	set(VLAPIC_ICR, 0x4000f);
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0x60);
	/* an error vector that is itself illegal must not go round in circles */
	set(VLAPIC_LVT_ERROR, 3);
	set(VLAPIC_ICR, 0x4000f);
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_TPR, 0x50);
	vlapic_reset_by_init(&apic);
	assert_int_equal(get(VLAPIC_SVR), 0xff);
	assert_int_equal(get(VLAPIC_TPR), 0);
}

static void messages(void **state)
{
	(void)state;
	vlapic_msi(&apic, 0xfee00000, 0x0041);
	assert_int_equal(take(), 0x41);
	vlapic_msi(&apic, 0xfeeff00c, 0x0142);
	assert_int_equal(take(), 0x42);
	vlapic_msi(&apic, 0xfee00000, 0xc043);
	assert_int_equal(get(VLAPIC_TMR + 0x20), 8);
	assert_int_equal(take(), 0x43);
	vlapic_msi(&apic, 0xfee00000, 0x8043);	/* level, de-asserted */
	vlapic_msi(&apic, 0xfee01000, 0x0041);	/* for APIC ID 1 */
	vlapic_msi(&apic, 0xfed00000, 0x0041);
	vlapic_msi(&apic, 0x1fee00000, 0x0041);
	vlapic_msi(&apic, UINT64_MAX, 0x0041);
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_LDR, 0x08000000);
	vlapic_msi(&apic, 0xfee08004, 0x0044);
	assert_int_equal(take(), 0x44);
	vlapic_msi(&apic, 0xfee00000, 0x0400);
	assert_int_equal(fake.nmis, 1);
}

static void lint0(void **state)
{
	unsigned int changes;

	(void)state;
	assert_true(vlapic_accepts_pic(&apic));
	vlapic_lint0(&apic, true);
	assert_int_equal(vlapic_pending(&apic), -1);	/* as it stands: not by way of IRR */
	vlapic_lint0(&apic, false);
	set(VLAPIC_LVT_LINT0, 0x10700);
	assert_false(vlapic_accepts_pic(&apic));
	set(VLAPIC_LVT_LINT0, 0x400);	/* NMI: the old watchdog */
	vlapic_lint0(&apic, true);
	vlapic_lint0(&apic, true);
	assert_int_equal(fake.nmis, 1);
	vlapic_lint0(&apic, false);
	set(VLAPIC_LVT_LINT0, 0x200);	/* SMI */
	vlapic_lint0(&apic, true);
	vlapic_lint0(&apic, false);
	set(VLAPIC_LVT_LINT0, 0x10040);	/* masked: an edge is lost */
	vlapic_lint0(&apic, true);
	set(VLAPIC_LVT_LINT0, 0x40);
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_lint0(&apic, false);
	vlapic_lint0(&apic, true);
	assert_int_equal(take(), 0x40);
	assert_int_equal(vlapic_pending(&apic), -1);
	/* level: as long as it stands */
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	changes = fake.eoi_map_changes;
	set(VLAPIC_LVT_LINT0, 0x8041);
	assert_int_equal(vlapic_eoi_vector(&apic), 0x41);	/* a processor that does EOIs by itself has to be told */
	assert_int_equal(fake.eoi_map_changes, changes + 1);
	assert_int_equal(get(VLAPIC_LVT_LINT0), 0xc041);
	assert_int_equal(vlapic_acknowledge(&apic), 0x41);
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_LVT_LINT0, 0x8041);
	assert_int_equal(get(VLAPIC_LVT_LINT0), 0xc041);
	set(VLAPIC_EOI, 0);
	assert_int_equal(vlapic_acknowledge(&apic), 0x41);
	vlapic_lint0(&apic, false);
	set(VLAPIC_EOI, 0);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(get(VLAPIC_LVT_LINT0), 0x8041);
	/* masked while it is served: its end is still of interest; an edge's is not */
	set(VLAPIC_LVT_LINT0, 0x18041);
	assert_int_equal(vlapic_eoi_vector(&apic), 0x41);
	set(VLAPIC_LVT_LINT0, 0x8700);
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	set(VLAPIC_LVT_LINT0, 0x41);
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	set(VLAPIC_LVT_LINT0, 0x8042);
	assert_int_equal(vlapic_eoi_vector(&apic), 0x42);
	changes = fake.eoi_map_changes;
	apic.dev.ops->reset(&apic.dev);
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	assert_int_equal(fake.eoi_map_changes, changes + 1);
}

/* A page that a processor with VT-x writes by itself. */
static void the_processor_may_do_it(void **state)
{
	(void)state;
	apic.hardware_delivery = true;
	fixed(0x70);
	vlapic_refresh(&apic);
	assert_int_equal(apic.irr, 0x70);
	page[(VLAPIC_IRR + 0x30) / 4] = 0;	/* delivered: IRR -> ISR */
	page[(VLAPIC_ISR + 0x30) / 4] = 1u << 16;
	fake.interrupt_changes = 0;
	fixed(0x60);
	assert_int_equal(fake.interrupt_changes, 1);
	vlapic_refresh(&apic);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(get(VLAPIC_PPR), 0x70);
	page[(VLAPIC_ISR + 0x30) / 4] = 0;
	vlapic_eoi_virtualized(&apic, 0x70);
	assert_int_equal(fake.eois, 1);
	vlapic_refresh(&apic);
	assert_int_equal(vlapic_pending(&apic), 0x60);
	/* APIC-write exits: the value is in the page before we hear of it */
	apic.hardware_delivery = false;
	page[VLAPIC_TPR / 4] = 0x80;
	vlapic_register_write(&apic, VLAPIC_TPR);
	assert_int_equal(vlapic_pending(&apic), -1);
	page[VLAPIC_ICR_HIGH / 4] = 0x00ffffff;
	vlapic_register_write(&apic, VLAPIC_ICR_HIGH);
	page[VLAPIC_ICR / 4] = 0xfff00090;
	vlapic_register_write(&apic, VLAPIC_ICR);
	assert_int_equal(get(VLAPIC_ICR), 0x00090);
	page[VLAPIC_ICR / 4] = 0x40090;
	vlapic_register_write(&apic, VLAPIC_ICR);
	assert_int_equal(vlapic_acknowledge(&apic), 0x90);
	page[VLAPIC_LVT_TIMER / 4] = 0xfffe30ff;
	vlapic_register_write(&apic, VLAPIC_LVT_TIMER);
	assert_int_equal(get(VLAPIC_LVT_TIMER), 0x000ff);
	page[VLAPIC_EOI / 4] = 5;
	vlapic_register_write(&apic, VLAPIC_EOI);
	assert_int_equal(get(VLAPIC_EOI), 0);
	assert_int_equal(apic.isr, 0);
	page[VLAPIC_LVT_TIMER / 4] = 0x400ff;	/* TSC deadline: the initial count cannot be written */
	vlapic_register_write(&apic, VLAPIC_LVT_TIMER);
	page[VLAPIC_TIMER_INITIAL / 4] = 99;
	vlapic_register_write(&apic, VLAPIC_TIMER_INITIAL);
	assert_int_equal(get(VLAPIC_TIMER_INITIAL), 0);
	vlapic_register_write(&apic, 0x123450);
}

static const unsigned int divisors[] = { 0xb, 0x0, 0x1, 0x2, 0x3, 0x8, 0x9, 0xa };

static void one_shot(void **state)
{
	unsigned int i;

	(void)state;
	set(VLAPIC_LVT_TIMER, 0x51);
	for (i = 0; i < 8; i++) {
		uint64_t start = fake.now;

		set(VLAPIC_TIMER_DIVIDE, divisors[i]);
		set(VLAPIC_TIMER_INITIAL, 1000);
		assert_int_equal(get(VLAPIC_TIMER_CURRENT), 1000);
		assert_true(deadline() == start + (1000ull << i));
		fake.now = start + (700ull << i);
		assert_int_equal(get(VLAPIC_TIMER_CURRENT), 300);
		fake.now = start + (1000ull << i) - 1;
		assert_int_equal(get(VLAPIC_TIMER_CURRENT), 1);
		service();
		assert_int_equal(vlapic_pending(&apic), -1);
		fake.now++;
		assert_int_equal(get(VLAPIC_TIMER_CURRENT), 0);
		service();
		assert_int_equal(take(), 0x51);
		assert_true(deadline() == TIME_NEVER);
	}
	/* a new division keeps the count */
	set(VLAPIC_TIMER_DIVIDE, 0xb);
	set(VLAPIC_TIMER_INITIAL, 1000);
	fake.now += 400;
	set(VLAPIC_TIMER_DIVIDE, 0x0);
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), 600);
	assert_true(deadline() == fake.now + 1200);
	/* masked: lost; and 0 stops it */
	set(VLAPIC_LVT_TIMER, 0x10051);
	assert_true(deadline() == TIME_NEVER);
	fake.now += 1300;
	set(VLAPIC_LVT_TIMER, 0x51);
	assert_int_equal(vlapic_pending(&apic), -1);
	set(VLAPIC_TIMER_INITIAL, 1000);
	set(VLAPIC_TIMER_INITIAL, 0);
	assert_true(deadline() == TIME_NEVER);
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), 0);
	set(VLAPIC_TIMER_INITIAL, UINT32_MAX);
	set(VLAPIC_TIMER_DIVIDE, 0xa);
	set(VLAPIC_TIMER_INITIAL, UINT32_MAX);
	assert_true(deadline() == fake.now + ((uint64_t)UINT32_MAX << 7));
	/* what was due when a register is written has happened before */
	set(VLAPIC_TIMER_INITIAL, 1);
	fake.now += 1000;
	set(VLAPIC_TIMER_INITIAL, 5);
	assert_int_equal(take(), 0x51);
	/* an illegal vector is an error */
	set(VLAPIC_ESR, 0);
	set(VLAPIC_LVT_TIMER, 0x05);
	fake.now += 1000;
	service();
	set(VLAPIC_ESR, 0);
	assert_int_equal(get(VLAPIC_ESR), 0x40);
}

static void periodic(void **state)
{
	uint64_t start, n, length = 1234567;

	(void)state;
	set(VLAPIC_TIMER_DIVIDE, 0xb);
	set(VLAPIC_LVT_TIMER, 0x20052);
	start = fake.now;
	set(VLAPIC_TIMER_INITIAL, (uint32_t)length);
	for (n = 1; n < 10000; n++) {
		assert_true(deadline() == start + n * length);
		fake.now = deadline() + fake_below(length / 2);	/* late, but without drift */
		assert_int_equal(get(VLAPIC_TIMER_CURRENT), length - (fake.now - start) % length);
		service();
		assert_int_equal(take(), 0x52);
		assert_int_equal(vlapic_pending(&apic), -1);
	}
	/* away for long: one interrupt, and the grid is the same */
	fake.now += 1000 * length + 77;
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), length - (fake.now - start) % length);
	service();
	assert_int_equal(take(), 0x52);
	service();
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal((deadline() - start) % length, 0);
	assert_in_range(deadline(), fake.now + 1, fake.now + length);
	/* the shortest period there is */
	set(VLAPIC_TIMER_INITIAL, 1);
	fake.now += 10;
	service();
	assert_int_equal(take(), 0x52);
	assert_true(deadline() >= fake.now + fake.hz / 20001);
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), 1);
	/* one-shot and back: the count goes on */
	set(VLAPIC_TIMER_INITIAL, 100000);
	start = fake.now;
	set(VLAPIC_LVT_TIMER, 0x53);
	set(VLAPIC_LVT_TIMER, 0x20053);
	fake.now += 250000;
	service();
	assert_int_equal(take(), 0x53);
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), 50000);
}

static void tsc_deadline(void **state)
{
	uint64_t guest = 5000;	/* the guest's TSC now */

	(void)state;
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 77));	/* another mode: ignored */
	assert_true(msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	set(VLAPIC_LVT_TIMER, 0x40054);
	vlapic_set_tsc_offset(&apic, guest - fake.now);
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 9000));
	assert_true(msr(VLAPIC_MSR_TSC_DEADLINE) == 9000);
	assert_true(deadline() == fake.now + 4000);
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), 0);
	fake.now += 3999;
	service();
	assert_int_equal(vlapic_pending(&apic), -1);
	fake.now++;
	assert_true(msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	assert_int_equal(take(), 0x54);
	assert_true(deadline() == TIME_NEVER);
	service();
	assert_int_equal(vlapic_pending(&apic), -1);
	/* the past fires at once */
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 9000));
	assert_int_equal(take(), 0x54);
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 1));
	assert_int_equal(take(), 0x54);
	/* the guest's TSC moves: so does the moment */
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 20000));
	assert_true(deadline() == fake.now + 11000);
	vlapic_set_tsc_offset(&apic, 15000 - fake.now);
	assert_true(deadline() == fake.now + 5000);
	vlapic_set_tsc_offset(&apic, 1000 - fake.now);
	assert_true(deadline() == fake.now + 19000);
	vlapic_set_tsc_offset(&apic, 20000 - fake.now);
	assert_int_equal(take(), 0x54);
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, UINT64_MAX));
	assert_true(deadline() == TIME_NEVER || deadline() > 1ull << 63);
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 0));
	assert_true(deadline() == TIME_NEVER);
	/* a change of mode disarms, both ways */
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 50000));
	set(VLAPIC_LVT_TIMER, 0x20054);
	assert_true(deadline() == TIME_NEVER);
	set(VLAPIC_TIMER_INITIAL, 12345);
	set(VLAPIC_LVT_TIMER, 0x40054);
	assert_true(deadline() == TIME_NEVER);
	assert_true(msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	/* masked it expires all the same, in silence */
	set(VLAPIC_LVT_TIMER, 0x50054);
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, 50000));
	assert_true(deadline() == TIME_NEVER);
	fake.now += 60000;
	assert_true(msr(VLAPIC_MSR_TSC_DEADLINE) == 0);
	set(VLAPIC_LVT_TIMER, 0x40054);
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void a_fast_tsc_is_divided_by_eight(void **state)
{
	(void)state;
	fake.hz = 5200000000u;
	off();
	vlapic_claim(&apic, &fake.bus);
	set(VLAPIC_SVR, 0x1ff);
	set(VLAPIC_LVT_TIMER, 0x55);
	set(VLAPIC_TIMER_DIVIDE, 0xb);
	set(VLAPIC_TIMER_INITIAL, 1000);
	assert_true(deadline() == fake.now + 8000);
}

static void state_goes_round(void **state)
{
	char text[256];
	size_t size;
	void *bytes;

	(void)state;
	set(VLAPIC_LVT_TIMER, 0x20056);
	set(VLAPIC_TIMER_DIVIDE, 0x3);
	set(VLAPIC_TIMER_INITIAL, 1000000);
	set(VLAPIC_LDR, 0x42000000);
	set(VLAPIC_TPR, 0x20);
	fixed(0x44);
	fixed(0x99);
	assert_int_equal(vlapic_acknowledge(&apic), 0x99);
	fake.now += 5000000;
	bytes = fake_save(&apic.dev, &size);
	apic.dev.ops->dump(&apic.dev, text, sizeof(text));
	assert_non_null(strstr(text, "base=fee00900 svr=1ff tpr=20 irr=44 isr=99"));
	apic.dev.ops->reset(&apic.dev);
	fake.now += 123456789;
	assert_true(apic.dev.ops->restore(&apic.dev, bytes, size));
	assert_int_equal(get(VLAPIC_LDR), 0x42000000);
	assert_int_equal(get(VLAPIC_TPR), 0x20);
	assert_int_equal(get(VLAPIC_PPR), 0x90);
	assert_int_equal(get(VLAPIC_TIMER_CURRENT), 687500);
	assert_true(deadline() == fake.now + 11000000);
	set(VLAPIC_EOI, 0);
	assert_int_equal(vlapic_acknowledge(&apic), 0x44);
	free(bytes);
	setup(NULL);
	to_x2apic();
	write_msr(0x830, 0xabcdef0100000050);
	set(VLAPIC_LVT_TIMER, 0);
	assert_true(write_msr(0x832, 0x40057));
	assert_true(write_msr(VLAPIC_MSR_TSC_DEADLINE, fake.now + 1000));
	bytes = fake_save(&apic.dev, &size);
	apic.dev.ops->reset(&apic.dev);
	assert_true(apic.dev.ops->restore(&apic.dev, bytes, size));
	assert_true(msr(0x830) == 0xabcdef0100000050);
	assert_int_equal(msr(0x80d), 1);
	assert_true(deadline() == fake.now + 1000);
	assert_int_equal(mem_read(BASE + VLAPIC_VERSION, 4), 0xffffffff);
	free(bytes);
	fake_check_bad_restore(&apic.dev);
	setup(NULL);
	fake_check_bad_restore(&apic.dev);
}

static void anything_may_be_written(void **state)
{
	unsigned int i;
	uint64_t value;

	(void)state;
	for (i = 0; i < 1500000; i++) {
		static const uint8_t sizes[] = { 1, 2, 4, 4, 4, 4, 8 };
		uint64_t addr = BASE + fake_below(64) * 16 + (fake_below(8) ? 0 : fake_below(0x1000));
		unsigned int size = sizes[fake_below(sizeof(sizes))];

		switch (fake_below(8)) {
		case 0:
			mem_read(addr, size);
			break;
		case 1: case 2: case 3:
			mem_write(addr, size, fake_random() >> fake_below(64));
			break;
		case 4:
			write_msr(0x7f8 + (uint32_t)fake_below(0x110), fake_random() >> fake_below(64));
			vlapic_read_msr(&apic, 0x7f8 + (uint32_t)fake_below(0x110), &value);
			break;
		case 5:
			if (fake_below(50) == 0)
				vlapic_set_base(&apic, (fake_random() & 0x7f00001dff) >> (fake_below(2) * 12));
			if (fake_below(4) == 0)
				vlapic_set_base(&apic, BASE | 0x900);
			write_msr(VLAPIC_MSR_TSC_DEADLINE, fake_below(2) ? fake_random() : fake.now + fake_below(100000));
			break;
		case 6:
			vlapic_deliver(&apic, (unsigned int)fake_below(9), (uint8_t)fake_random(), fake_below(2));
			vlapic_msi(&apic, 0xfee00000 | fake_below(0x1000000), (uint32_t)fake_random());
			vlapic_lint0(&apic, fake_below(2));
			break;
		default:
			fake.now += fake_below(1u << fake_below(31));
			if (deadline() <= fake.now)
				service();
			assert_true(deadline() > fake.now);
			vlapic_acknowledge(&apic);
			vlapic_register_write(&apic, (uint32_t)fake_below(64) * 16);
			if (fake_below(4) == 0)
				vlapic_set_tsc_offset(&apic, fake_random());
			break;
		}
		vlapic_refresh(&apic);
		assert_true(vlapic_pending(&apic) == -1 || vlapic_pending(&apic) >= 16);
		if (i % 10000 == 0) {
			apic.dev.ops->reset(&apic.dev);
			set(VLAPIC_SVR, 0x1ff);
		}
	}
	assert_true(fake.nmis > 1000 && fake.eois > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, setup),
		cmocka_unit_test_setup(parts_of_registers, setup),
		cmocka_unit_test_setup(priorities_agree_with_a_slow_model, setup),
		cmocka_unit_test_setup(trigger_mode_is_shown, setup),
		cmocka_unit_test_setup(base_register, setup),
		cmocka_unit_test_setup(x2apic_registers, setup),
		cmocka_unit_test_setup(destinations, setup),
		cmocka_unit_test_setup(other_kinds_of_ipi, setup),
		cmocka_unit_test_setup(messages, setup),
		cmocka_unit_test_setup(lint0, setup),
		cmocka_unit_test_setup(the_processor_may_do_it, setup),
		cmocka_unit_test_setup(one_shot, setup),
		cmocka_unit_test_setup(periodic, setup),
		cmocka_unit_test_setup(tsc_deadline, setup),
		cmocka_unit_test_setup(a_fast_tsc_is_divided_by_eight, setup),
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
