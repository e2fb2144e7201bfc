/*
 * The local APIC: priorities against a slow model, modes, IPIs, LVT, errors, saved state.
 * Part: unit test on the host.
 * UNIT: vmm/devices/vlapic.c vmm/devices/vlapic_regs.c vmm/devices/vlapic_timer.c vmm/machine/bus.c lib/printf.c
 */
#include "tests/unit/vlapic_fake.h"

#define BASE VLAPIC_DEFAULT_BASE

static int setup(void **state)
{
	(void)state;
	fake_init();
	apic_start();
	return 0;
}

static void to_x2apic(void)
{
	assert_true(apic_write_msr(VLAPIC_MSR_BASE, vlapic_base(&apic) | VLAPIC_BASE_X2APIC));
}

static void fixed(uint8_t vector)
{
	vlapic_deliver(&apic, VLAPIC_FIXED, vector, false);
}

static void power_on(void **state)
{
	(void)state;
	vlapic_init(&apic, &fake, page);
	assert_int_equal(apic_get(VLAPIC_ID), 0);
	assert_int_equal(apic_get(VLAPIC_VERSION), 0x50014);
	assert_int_equal(apic_get(VLAPIC_DFR), 0xffffffff);
	assert_int_equal(apic_get(VLAPIC_SVR), 0xff);
	assert_int_equal(apic_get(VLAPIC_LVT_TIMER), 0x10000);
	assert_int_equal(apic_get(VLAPIC_LVT_LINT1), 0x10000);
	assert_true(apic_msr(VLAPIC_MSR_BASE) == 0xfee00900);
	assert_true(vlapic_accepts_pic(&apic));
	assert_true(apic_deadline() == TIME_NEVER);
	fixed(0x40);	/* software-disabled: lost */
	assert_int_equal(vlapic_pending(&apic), -1);
	apic_set(VLAPIC_LVT_TIMER, 0x40);	/* and no mask can be taken away */
	assert_int_equal(apic_get(VLAPIC_LVT_TIMER), 0x10040);
	apic_set(VLAPIC_SVR, 0x1ff);
	assert_true(vlapic_accepts_pic(&apic));
	apic_set(VLAPIC_LVT_TIMER, 0x40);
	assert_int_equal(apic_get(VLAPIC_LVT_TIMER), 0x40);
	fixed(0x40);
	assert_int_equal(vlapic_pending(&apic), 0x40);
	apic_set(VLAPIC_SVR, 0x0ff);
	assert_int_equal(apic_get(VLAPIC_LVT_TIMER), 0x10040);
	assert_false(vlapic_accepts_pic(&apic));
	assert_int_equal(apic_take(), 0x40);	/* what was requested stays */
	apic_set(VLAPIC_ID, 0x0f000000);
	assert_int_equal(apic_get(VLAPIC_ID), 0);
}

static void parts_of_registers(void **state)
{
	(void)state;
	apic_set(VLAPIC_LVT_ERROR, 0x100fe);
	assert_int_equal(fake_read(BASE + VLAPIC_LVT_ERROR, 1), 0xfe);
	assert_int_equal(fake_read(BASE + VLAPIC_LVT_ERROR + 2, 2), 1);
	assert_int_equal(fake_read(BASE + VLAPIC_LVT_ERROR + 4, 4), 0);
	assert_int_equal(fake_read(BASE + VLAPIC_LVT_ERROR, 8), 0x100fe);
	fake_write(BASE + VLAPIC_LVT_ERROR, 1, 0x33);
	fake_write(BASE + VLAPIC_LVT_ERROR + 4, 4, 0x33);
	assert_int_equal(apic_get(VLAPIC_LVT_ERROR), 0x100fe);
	apic_set(VLAPIC_LVT_ERROR, 0x55);
	assert_int_equal(apic_get(VLAPIC_ESR), 0);
	apic_get(0x400);		/* no such register */
	assert_int_equal(vlapic_pending(&apic), 0x55);
	assert_int_equal(apic_get(VLAPIC_ESR), 0);
	apic_set(VLAPIC_ESR, 0x12345);
	assert_int_equal(apic_get(VLAPIC_ESR), 0x80);
	assert_int_equal(apic_take(), 0x55);
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0);
	apic_set(0x2f0, 1);		/* no CMCI */
	apic_set(0x2f0, 1);
	assert_int_equal(apic_take(), 0x55);
	assert_int_equal(vlapic_pending(&apic), -1);
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0x80);
	apic_set(VLAPIC_VERSION, 7);	/* read-only, but not illegal */
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0);
	assert_int_equal(apic_get(VLAPIC_VERSION), 0x50014);
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
			top = apic_acknowledge();
			assert_int_equal(top, before);
			if (before >= 0) {
				irr[before] = false;
				isr[before] = true;
			}
			break;
		case 2:
			apic_set(VLAPIC_EOI, vector);
			top = model_top(isr);
			isr[top] = false;
			assert_int_equal(fake.eois - eois, top > 0);
			if (top > 0)
				assert_int_equal(fake.eoi_vector, top);
			break;
		case 3:
			tpr = vector;
			apic_set(VLAPIC_TPR, tpr);
			assert_int_equal(vlapic_cr8(&apic), tpr >> 4);
			break;
		default:
			tpr = vector & 0xf0;
			page[VLAPIC_TPR / 4] = tpr;	/* CR8, by way of the page */
			vlapic_register_write(&apic, VLAPIC_TPR);
			break;
		}
		assert_int_equal(vlapic_pending(&apic), model_pending(tpr));
		if (model_pending(tpr) >= 0 && model_pending(tpr) != before && model_pending(tpr) > before)
			assert_true(fake.interrupt_changes > changes);
		top = model_top(isr);
		ppr = (int)(tpr >> 4) >= top >> 4 ? (int)tpr : top & 0xf0;
		assert_int_equal(apic_get(VLAPIC_PPR), ppr);
		assert_int_equal(apic.regs[VLAPIC_PPR / 4], ppr);
		assert_int_equal(apic_get(VLAPIC_IRR + vector / 32 * 16) >> vector % 32 & 1, irr[vector]);
		assert_int_equal(apic_get(VLAPIC_ISR + vector / 32 * 16) >> vector % 32 & 1, isr[vector]);
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
	assert_int_equal(apic_get(VLAPIC_TMR + 0x30), 2);
	vlapic_deliver(&apic, VLAPIC_LOWEST, 0x61, false);
	assert_int_equal(apic_get(VLAPIC_TMR + 0x30), 0);
	assert_int_equal(apic_take(), 0x61);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(apic_get(VLAPIC_ISR + 0x70), 0);
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
				assert_true(apic_write_msr(VLAPIC_MSR_BASE, where));
			if (from == 3)
				to_x2apic();
			assert_int_equal(apic_write_msr(VLAPIC_MSR_BASE, where | to << 10), legal[from][to]);
			assert_true(vlapic_base(&apic) == (where | (legal[from][to] ? to : from) << 10));
		}
	}
	setup(NULL);
	assert_false(apic_write_msr(VLAPIC_MSR_BASE, 0xfee00901));
	assert_false(apic_write_msr(VLAPIC_MSR_BASE, 0xfee00b00));
	assert_false(apic_write_msr(VLAPIC_MSR_BASE, 1ull << 39 | 0x900));
	/* the page moves */
	assert_true(apic_write_msr(VLAPIC_MSR_BASE, 0x7fd0000900));
	assert_int_equal(fake_read(BASE + VLAPIC_VERSION, 4), 0xffffffff);
	assert_int_equal(fake_read(0x7fd0000000 + VLAPIC_VERSION, 4), 0x50014);
	assert_int_equal(fake.apic_changes, 2);
	/* off: all state is lost, and the 8259s go straight through */
	apic_set(VLAPIC_SVR, 0x1ff);
	fake_write(0x7fd0000000 + VLAPIC_LVT_LINT0, 4, 0x10000);
	assert_false(vlapic_accepts_pic(&apic));
	fixed(0x99);
	assert_true(apic_write_msr(VLAPIC_MSR_BASE, 0x7fd0000100));
	assert_true(vlapic_accepts_pic(&apic));
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(fake_read(0x7fd0000000 + VLAPIC_VERSION, 4), 0xffffffff);
	vlapic_deliver(&apic, VLAPIC_NMI, 0, false);
	assert_int_equal(fake.nmis, 0);
	/* where somebody else is already it cannot be reached */
	apic.dev.ops->reset(&apic.dev);
	assert_int_equal(fake_read(BASE + VLAPIC_VERSION, 4), 0x50014);
	assert_int_equal(bus_claim(&fake.bus, BUS_MMIO, 0x1000, 0x1fff, &apic.dev, 1, false), 0);
	assert_true(apic_write_msr(VLAPIC_MSR_BASE, 0x1900));
	assert_true(apic_write_msr(VLAPIC_MSR_BASE, 0xfee00900));
	assert_int_equal(fake_read(BASE + VLAPIC_VERSION, 4), 0x50014);
	assert_true(apic_write_msr(VLAPIC_MSR_BASE, 0x900));	/* page 0 */
	apic.dev.ops->reset(&apic.dev);
}

static void x2apic_registers(void **state)
{
	uint32_t i;
	uint64_t value;

	(void)state;
	for (i = 0x800; i < 0x900; i++) {
		assert_false(vlapic_read_msr(&apic, i, &value));
		assert_false(apic_write_msr(i, 0));
	}
	apic_set(VLAPIC_LDR, 0x55000000);
	apic_set(VLAPIC_ICR_HIGH, 0xaa000000);
	to_x2apic();
	assert_int_equal(fake_read(BASE + VLAPIC_VERSION, 4), 0xffffffff);
	for (i = 0x800; i < 0x900; i++) {
		static const char readable[] = "__RR____R_R__R_RRRRRRRRRRRRRRRRRRRRRRRRRR_______R_RRRRRRRR____R_";
		static const char writable[] = "________W__W___W________________________W_______W_WWWWWWW_____WW";
		uint32_t n = i - 0x800;

		assert_int_equal(vlapic_read_msr(&apic, i, &value), n < 64 && readable[n] == 'R');
		assert_int_equal(apic_write_msr(i, 0), n < 64 && writable[n] == 'W');
		/* no register but the two with all bits can take this, and none but the ICR the next */
		assert_int_equal(apic_write_msr(i, 0xffffffff), i == 0x838);
		assert_int_equal(apic_write_msr(i, 1ull << 32), i == 0x830);
	}
	assert_int_equal(apic_msr(0x80d), 1);
	assert_int_equal(apic_msr(0x802), 0);
	setup(NULL);
	to_x2apic();
	assert_true(apic_write_msr(0x80f, 0x1ff));
	assert_true(apic_write_msr(0x830, 0x1234567800000040));	/* to nobody */
	assert_true(apic_msr(0x830) == 0x1234567800000040);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_true(apic_write_msr(0x830, 0x40));
	assert_int_equal(vlapic_pending(&apic), 0x40);
	assert_true(apic_write_msr(0x83f, 0x50));
	assert_int_equal(apic_acknowledge(), 0x50);
	assert_true(apic_write_msr(0x80b, 0));
	assert_false(apic_write_msr(0x80b, 1));
	assert_int_equal(apic_acknowledge(), 0x40);
	assert_true(apic_write_msr(0x80b, 0));
	assert_true(apic_write_msr(0x828, 0));
	assert_true(apic_write_msr(0x83f, 0x0f));
	assert_true(apic_write_msr(0x828, 0));
	assert_int_equal(apic_msr(0x828), 0x60);
	assert_true(apic_write_msr(0x808, 0x30));
	assert_int_equal(apic_msr(0x80a), 0x30);
	assert_false(vlapic_read_msr(&apic, 0x7ff, &value));
	assert_false(vlapic_read_msr(&apic, 0x900, &value));
	assert_false(vlapic_read_msr(&apic, 0x10, &value));
	assert_false(apic_write_msr(0x10, 0));
}

/* Does an IPI with that ICR arrive? */
static bool arrives(uint32_t high, uint32_t low)
{
	if (vlapic_is_x2apic(&apic)) {
		assert_true(apic_write_msr(0x830, (uint64_t)high << 32 | low | 0x40));
	} else {
		apic_set(VLAPIC_ICR_HIGH, high << 24);
		apic_set(VLAPIC_ICR, low | 0x40);
		assert_int_equal(apic_get(VLAPIC_ICR) & 0x1000, 0);
	}
	if (vlapic_pending(&apic) < 0)
		return false;
	assert_int_equal(apic_acknowledge(), 0x40);
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
		apic_set(VLAPIC_LDR, ldr << 24 | 0x123456);
		assert_int_equal(apic_get(VLAPIC_LDR), ldr << 24);
		apic_set(VLAPIC_DFR, 0xf0000000);
		assert_int_equal(apic_get(VLAPIC_DFR), 0xffffffff);
		for (d = 0; d < 256; d++)
			assert_int_equal(arrives(d, 0x800), d == 255 || (d & ldr) != 0);
		apic_set(VLAPIC_DFR, 0);
		for (d = 0; d < 256; d++) {
			bool cluster = d >> 4 == ldr >> 4 || d >> 4 == 15;

			assert_int_equal(arrives(d, 0x800), d == 255 || (cluster && (d & ldr & 15)));
			assert_int_equal(vlapic_matches(&apic, d, true), d == 255 || (cluster && (d & ldr & 15)));
		}
	}
	apic_set(VLAPIC_DFR, 0x50000000);
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
	apic_set(VLAPIC_ICR, 0x4400);
	assert_int_equal(fake.nmis, 1);
	apic_set(VLAPIC_ICR, 0x4500);
	assert_int_equal(fake.inits, 1);
	apic_set(VLAPIC_ICR, 0x8500);	/* level de-assert */
	apic_set(VLAPIC_ICR, 0x88500);
	assert_int_equal(fake.inits, 1);
	apic_set(VLAPIC_ICR, 0x4608);	/* start-up, SMI, reserved, ExtINT: nothing */
	apic_set(VLAPIC_ICR, 0x4200);
	apic_set(VLAPIC_ICR, 0x4300);
	apic_set(VLAPIC_ICR, 0x4700);
	apic_set(VLAPIC_ICR, 0xc4400);	/* all but self */
	assert_int_equal(fake.nmis, 1);
	assert_int_equal(vlapic_pending(&apic), -1);
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0);
	apic_set(VLAPIC_ICR, 0xc000f);
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0x20);
	apic_set(VLAPIC_ICR, 0x4000f);
	apic_set(VLAPIC_ESR, 0);
	assert_int_equal(apic_get(VLAPIC_ESR), 0x60);
	/* an error vector that is itself illegal must not go round in circles */
	apic_set(VLAPIC_LVT_ERROR, 3);
	apic_set(VLAPIC_ICR, 0x4000f);
	assert_int_equal(vlapic_pending(&apic), -1);
}

static void messages(void **state)
{
	(void)state;
	vlapic_msi(&apic, 0xfee00000, 0x0041);
	assert_int_equal(apic_take(), 0x41);
	vlapic_msi(&apic, 0xfeeff00c, 0x0142);
	assert_int_equal(apic_take(), 0x42);
	vlapic_msi(&apic, 0xfee00000, 0xc043);
	assert_int_equal(apic_get(VLAPIC_TMR + 0x20), 8);
	assert_int_equal(apic_take(), 0x43);
	vlapic_msi(&apic, 0xfee00000, 0x8043);	/* level, de-asserted */
	vlapic_msi(&apic, 0xfee01000, 0x0041);	/* for APIC ID 1 */
	vlapic_msi(&apic, 0xfed00000, 0x0041);
	vlapic_msi(&apic, 0x1fee00000, 0x0041);
	vlapic_msi(&apic, UINT64_MAX, 0x0041);
	assert_int_equal(vlapic_pending(&apic), -1);
	apic_set(VLAPIC_LDR, 0x08000000);
	vlapic_msi(&apic, 0xfee08004, 0x0044);
	assert_int_equal(apic_take(), 0x44);
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
	apic_set(VLAPIC_LVT_LINT0, 0x10700);
	assert_false(vlapic_accepts_pic(&apic));
	apic_set(VLAPIC_LVT_LINT0, 0x400);	/* NMI: the old watchdog */
	vlapic_lint0(&apic, true);
	vlapic_lint0(&apic, true);
	assert_int_equal(fake.nmis, 1);
	vlapic_lint0(&apic, false);
	apic_set(VLAPIC_LVT_LINT0, 0x200);	/* SMI */
	vlapic_lint0(&apic, true);
	vlapic_lint0(&apic, false);
	apic_set(VLAPIC_LVT_LINT0, 0x10040);	/* masked: an edge is lost */
	vlapic_lint0(&apic, true);
	apic_set(VLAPIC_LVT_LINT0, 0x40);
	assert_int_equal(vlapic_pending(&apic), -1);
	vlapic_lint0(&apic, false);
	vlapic_lint0(&apic, true);
	assert_int_equal(apic_take(), 0x40);
	assert_int_equal(vlapic_pending(&apic), -1);
	/* level: as long as it stands */
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	changes = fake.eoi_map_changes;
	apic_set(VLAPIC_LVT_LINT0, 0x8041);
	assert_int_equal(vlapic_eoi_vector(&apic), 0x41);	/* a processor that does EOIs by itself has to be told */
	assert_int_equal(fake.eoi_map_changes, changes + 1);
	assert_int_equal(apic_get(VLAPIC_LVT_LINT0), 0xc041);
	assert_int_equal(apic_acknowledge(), 0x41);
	assert_int_equal(vlapic_pending(&apic), -1);
	apic_set(VLAPIC_LVT_LINT0, 0x8041);
	assert_int_equal(apic_get(VLAPIC_LVT_LINT0), 0xc041);
	apic_set(VLAPIC_EOI, 0);
	assert_int_equal(apic_acknowledge(), 0x41);
	vlapic_lint0(&apic, false);
	apic_set(VLAPIC_EOI, 0);
	assert_int_equal(vlapic_pending(&apic), -1);
	assert_int_equal(apic_get(VLAPIC_LVT_LINT0), 0x8041);
	/* masked while it is served: its end is still of interest; an edge's is not */
	apic_set(VLAPIC_LVT_LINT0, 0x18041);
	assert_int_equal(vlapic_eoi_vector(&apic), 0x41);
	apic_set(VLAPIC_LVT_LINT0, 0x8700);
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	apic_set(VLAPIC_LVT_LINT0, 0x41);
	assert_int_equal(vlapic_eoi_vector(&apic), 0);
	apic_set(VLAPIC_LVT_LINT0, 0x8042);
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
	assert_int_equal(apic_get(VLAPIC_PPR), 0x70);
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
	assert_int_equal(apic_get(VLAPIC_ICR), 0x00090);
	page[VLAPIC_ICR / 4] = 0x40090;
	vlapic_register_write(&apic, VLAPIC_ICR);
	assert_int_equal(apic_acknowledge(), 0x90);
	page[VLAPIC_LVT_TIMER / 4] = 0xfffe30ff;
	vlapic_register_write(&apic, VLAPIC_LVT_TIMER);
	assert_int_equal(apic_get(VLAPIC_LVT_TIMER), 0x000ff);
	page[VLAPIC_EOI / 4] = 5;
	vlapic_register_write(&apic, VLAPIC_EOI);
	assert_int_equal(apic_get(VLAPIC_EOI), 0);
	assert_int_equal(apic.isr, 0);
	page[VLAPIC_LVT_TIMER / 4] = 0x400ff;	/* TSC deadline: the initial count cannot be written */
	vlapic_register_write(&apic, VLAPIC_LVT_TIMER);
	page[VLAPIC_TIMER_INITIAL / 4] = 99;
	vlapic_register_write(&apic, VLAPIC_TIMER_INITIAL);
	assert_int_equal(apic_get(VLAPIC_TIMER_INITIAL), 0);
	vlapic_register_write(&apic, 0x123450);
}

static void state_goes_round(void **state)
{
	char text[256];
	size_t size;
	void *bytes;

	(void)state;
	apic_set(VLAPIC_LVT_TIMER, 0x20056);
	apic_set(VLAPIC_TIMER_DIVIDE, 0x3);
	apic_set(VLAPIC_TIMER_INITIAL, 1000000);
	apic_set(VLAPIC_LDR, 0x42000000);
	apic_set(VLAPIC_TPR, 0x20);
	fixed(0x44);
	fixed(0x99);
	assert_int_equal(apic_acknowledge(), 0x99);
	fake.now += 5000000;
	bytes = fake_save(&apic.dev, &size);
	apic.dev.ops->dump(&apic.dev, text, sizeof(text));
	assert_non_null(strstr(text, "base=fee00900 svr=1ff tpr=20 irr=44 isr=99"));
	apic.dev.ops->reset(&apic.dev);
	fake.now += 123456789;
	assert_true(apic.dev.ops->restore(&apic.dev, bytes, size));
	assert_int_equal(apic_get(VLAPIC_LDR), 0x42000000);
	assert_int_equal(apic_get(VLAPIC_TPR), 0x20);
	assert_int_equal(apic_get(VLAPIC_PPR), 0x90);
	assert_int_equal(apic_get(VLAPIC_TIMER_CURRENT), 687500);
	assert_true(apic_deadline() == fake.now + 11000000);
	apic_set(VLAPIC_EOI, 0);
	assert_int_equal(apic_acknowledge(), 0x44);
	free(bytes);
	setup(NULL);
	to_x2apic();
	apic_write_msr(0x830, 0xabcdef0100000050);
	apic_set(VLAPIC_LVT_TIMER, 0);
	assert_true(apic_write_msr(0x832, 0x40057));
	assert_true(apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, fake.now + 1000));
	bytes = fake_save(&apic.dev, &size);
	apic.dev.ops->reset(&apic.dev);
	assert_true(apic.dev.ops->restore(&apic.dev, bytes, size));
	assert_true(apic_msr(0x830) == 0xabcdef0100000050);
	assert_int_equal(apic_msr(0x80d), 1);
	assert_true(apic_deadline() == fake.now + 1000);
	assert_int_equal(fake_read(BASE + VLAPIC_VERSION, 4), 0xffffffff);
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
			fake_read(addr, size);
			break;
		case 1: case 2: case 3:
			fake_write(addr, size, fake_random() >> fake_below(64));
			break;
		case 4:
			apic_write_msr(0x7f8 + (uint32_t)fake_below(0x110), fake_random() >> fake_below(64));
			vlapic_read_msr(&apic, 0x7f8 + (uint32_t)fake_below(0x110), &value);
			break;
		case 5:
			if (fake_below(50) == 0)
				apic_write_msr(VLAPIC_MSR_BASE, (fake_random() & 0x7f00001dff) >> (fake_below(2) * 12));
			if (fake_below(4) == 0)
				apic_write_msr(VLAPIC_MSR_BASE, BASE | 0x900);
			apic_write_msr(VLAPIC_MSR_TSC_DEADLINE, fake_below(2) ? fake_random() : fake.now + fake_below(100000));
			break;
		case 6:
			vlapic_deliver(&apic, (unsigned int)fake_below(9), (uint8_t)fake_random(), fake_below(2));
			vlapic_msi(&apic, 0xfee00000 | fake_below(0x1000000), (uint32_t)fake_random());
			vlapic_lint0(&apic, fake_below(2));
			break;
		default:
			fake.now += fake_below(1u << fake_below(31));
			if (apic_deadline() <= fake.now)
				apic_service();
			assert_true(apic_deadline() > fake.now);
			apic_acknowledge();
			vlapic_register_write(&apic, (uint32_t)fake_below(64) * 16);
			if (fake_below(4) == 0)
				vlapic_set_tsc(&apic, fake_random(), fake_random() >> fake_random() % 63 | 1);
			break;
		}
		vlapic_refresh(&apic);
		assert_true(vlapic_pending(&apic) == -1 || vlapic_pending(&apic) >= 16);
		if (i % 10000 == 0) {
			apic.dev.ops->reset(&apic.dev);
			apic_set(VLAPIC_SVR, 0x1ff);
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
		cmocka_unit_test_setup(state_goes_round, setup),
		cmocka_unit_test_setup(anything_may_be_written, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
