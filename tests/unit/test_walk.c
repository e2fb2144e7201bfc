/* Tests the page walk against a second one, which goes by the SDM's tables bit by bit: random tables in every mode.
 * Part: unit tests, on the host.
 * UNIT: vmm/machine/walk.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/machine/walk.h"

#define BYTES 0x10000u

enum mode { OFF, BITS_32, PAE, LEVELS_4, LEVELS_5, MODES };

static uint8_t memory[BYTES];
static uint64_t pdptes[4];

static unsigned int sets;

static bool op_read(void *context, uint64_t at, unsigned int size, uint64_t *entry)
{
	assert_ptr_equal(context, memory);
	assert_true(size == 4 || size == 8);
	assert_int_equal(at % size, 0);
	if (at >= BYTES)
		return false;
	*entry = 0;
	memcpy(entry, memory + at, size);
	return true;
}

static void op_set_bits(void *context, uint64_t at, uint32_t bits)
{
	uint32_t word;

	assert_ptr_equal(context, memory);
	assert_true(at + 4 <= BYTES);
	memcpy(&word, memory + at, 4);
	sets++;
	word |= bits;
	memcpy(memory + at, &word, 4);
}

static const struct walk_ops ops = { op_read, op_set_bits };

/* The judge. */

struct verdict {
	enum walk_outcome outcome;
	uint64_t gpa;
	uint32_t error;
	unsigned int visited;
	uint64_t at[5];		/* entries with an accessed flag */
};

static bool bit(uint64_t value, unsigned int n)
{
	return value >> n & 1;
}

static uint64_t bits(uint64_t value, unsigned int high, unsigned int low)
{
	uint64_t result = 0;

	for (unsigned int i = low; i <= high; i++)
		result |= (uint64_t)bit(value, i) << (i - low);
	return result;
}

static enum mode mode_of(const struct walk_state *s)
{
	if (!bit(s->cr0, 31) || !bit(s->cr0, 0))
		return OFF;
	if (!bit(s->cr4, 5))
		return BITS_32;
	if (!bit(s->efer, 10))
		return PAE;
	return bit(s->cr4, 12) ? LEVELS_5 : LEVELS_4;
}

/* Does the entry map a page? Level 1 is the page table. */
static bool maps_page(const struct walk_state *s, enum mode mode, unsigned int level, uint64_t entry)
{
	if (level == 1)
		return true;
	if (mode == BITS_32)
		return level == 2 && bit(entry, 7) && bit(s->cr4, 4);
	if (level == 2)
		return bit(entry, 7);
	return level == 3 && mode != PAE && bit(entry, 7);
}

/* Is bit n of a present entry reserved? One line for each line of the SDM's tables of formats. */
static bool reserved(const struct walk_state *s, enum mode mode, unsigned int level, uint64_t entry, unsigned int n)
{
	unsigned int m = s->physical_bits;
	bool page = maps_page(s, mode, level, entry), large = page && level > 1;

	if (mode == BITS_32) {
		if (!large)
			return false;
		if (!s->pse36)
			return n >= 13 && n <= 21;
		/* M-20:13 are bits M-1:32 of the address, where M is 40 if the processor has more */
		return n <= 21 && n > (m > 40 ? 40 : m) - 20 && n >= 13;
	}
	if (n >= m && n <= 51)
		return true;
	if (mode == PAE) {
		if (n >= 52 && n <= 62)
			return true;
		if (level == 3)
			return n == 1 || n == 2 || (n >= 5 && n <= 8) || n == 63;
		if (n == 63)
			return !bit(s->efer, 11);
		return large && n >= 13 && n <= 20;
	}
	if (n == 63)
		return !bit(s->efer, 11);
	switch (level) {
	case 5:
	case 4:
		return n == 7;
	case 3:
		if (large && !s->pages_1g)
			return n == 7;
		return large && n >= 13 && n <= 29;
	case 2:
		return large && n >= 13 && n <= 20;
	default:
		return false;
	}
}

struct rights {
	bool supervisor_address, writable, execute_disable;
	unsigned int key;
};

/* SDM, "Determination of Access Rights", sentence by sentence. */
static bool may(const struct walk_state *s, enum mode mode, const struct rights *r, uint32_t intent)
{
	bool write = intent & WALK_WRITE, fetch = intent & WALK_FETCH;
	bool supervisor = (intent & WALK_IMPLICIT) || !(intent & WALK_USER);
	bool xd = mode != BITS_32 && bit(s->efer, 11) && r->execute_disable;

	if (supervisor && fetch) {
		if (r->supervisor_address)
			return !xd;
		return !bit(s->cr4, 20) && !xd;
	}
	if (supervisor && r->supervisor_address)
		return !write || !bit(s->cr0, 16) || r->writable;
	if (supervisor) {
		bool smap_lets = !bit(s->cr4, 21) || (bit(s->rflags, 18) && !(intent & WALK_IMPLICIT));

		return smap_lets && (!write || !bit(s->cr0, 16) || r->writable);
	}
	if (r->supervisor_address)
		return false;
	if (fetch)
		return !xd;
	return !write || r->writable;
}

static bool key_stops(const struct walk_state *s, enum mode mode, const struct rights *r, uint32_t intent)
{
	bool ad = bit(s->pkru, 2 * r->key), wd = bit(s->pkru, 2 * r->key + 1);
	bool supervisor = (intent & WALK_IMPLICIT) || !(intent & WALK_USER);

	if (mode < LEVELS_4 || !bit(s->cr4, 22) || r->supervisor_address || (intent & WALK_FETCH))
		return false;
	if (ad)
		return true;
	return wd && (intent & WALK_WRITE) && (!supervisor || bit(s->cr0, 16));
}

static void judge_fault(struct verdict *v, const struct walk_state *s, uint32_t intent, bool present, bool rsvd, bool key)
{
	bool id = bit(s->cr4, 20) || (bit(s->cr4, 5) && bit(s->efer, 11));

	v->outcome = WALK_FAULT;
	v->error = (uint32_t)present | (intent & WALK_WRITE ? 2 : 0) |
		   ((intent & WALK_USER) && !(intent & WALK_IMPLICIT) ? 4 : 0) | (uint32_t)rsvd << 3 |
		   ((intent & WALK_FETCH) && id ? 16 : 0) | (uint32_t)key << 5;
}

static uint64_t page_address(const struct walk_state *s, enum mode mode, unsigned int level, uint64_t entry, uint64_t linear)
{
	if (mode == BITS_32) {
		if (level == 1)
			return bits(entry, 31, 12) << 12 | bits(linear, 11, 0);
		return bits(entry, 31, 22) << 22 | bits(linear, 21, 0) |
		       (s->pse36 ? bits(entry, 20, 13) << 32 : 0);
	}
	if (level == 1)
		return bits(entry, 51, 12) << 12 | bits(linear, 11, 0);
	if (level == 2)
		return bits(entry, 51, 21) << 21 | bits(linear, 20, 0);
	return bits(entry, 51, 30) << 30 | bits(linear, 29, 0);
}

/* One level and those below it. */
static void judge_level(struct verdict *v, const struct walk_state *s, enum mode mode, unsigned int level, uint64_t table,
			uint64_t linear, uint32_t intent, struct rights r)
{
	unsigned int size = mode == BITS_32 ? 4 : 8, width = mode == BITS_32 ? 10 : 9, low = 12 + (level - 1) * width;
	bool pdpte = mode == PAE && level == 3;
	uint64_t entry = 0, at = table + size * (pdpte ? bits(linear, 31, 30) : bits(linear, low + width - 1, low));

	if (pdpte && s->pdptes != NULL) {
		entry = s->pdptes[bits(linear, 31, 30)];
	} else if (at >= BYTES) {
		v->outcome = WALK_ABSENT;
		v->gpa = at;
		return;
	} else {
		memcpy(&entry, memory + at, size);
	}
	if (!bit(entry, 0)) {
		judge_fault(v, s, intent, false, false, false);
		return;
	}
	for (unsigned int n = 1; n < 8 * size; n++)
		if (bit(entry, n) && reserved(s, mode, level, entry, n)) {
			judge_fault(v, s, intent, true, true, false);
			return;
		}
	if (!pdpte) {
		v->at[v->visited++] = at;
		r.writable &= bit(entry, 1);
		r.supervisor_address |= !bit(entry, 2);
		r.execute_disable |= size == 8 && bit(entry, 63);
	}
	if (!maps_page(s, mode, level, entry)) {
		judge_level(v, s, mode, level - 1, bits(entry, mode == BITS_32 ? 31 : 51, 12) << 12, linear, intent, r);
		return;
	}
	r.key = (unsigned int)bits(entry, 62, 59);
	if (!(intent & WALK_PEEK)) {
		bool stopped = key_stops(s, mode, &r, intent);

		if (stopped || !may(s, mode, &r, intent)) {
			judge_fault(v, s, intent, true, false, stopped);
			return;
		}
	}
	v->outcome = WALK_FOUND;
	v->gpa = page_address(s, mode, level, entry, linear);
}

static void judge(struct verdict *v, const struct walk_state *s, uint64_t linear, uint32_t intent)
{
	static const unsigned int levels[MODES] = { 0, 2, 3, 4, 5 };
	enum mode mode = mode_of(s);
	struct rights all = { .writable = true };
	unsigned int top = mode == LEVELS_5 ? 56 : 47;

	memset(v, 0, sizeof(*v));
	if (!bit(s->efer, 10))
		linear = bits(linear, 31, 0);
	if (mode == OFF) {
		v->outcome = WALK_FOUND;
		v->gpa = linear;
		return;
	}
	for (unsigned int n = top; mode >= LEVELS_4 && n < 64; n++)
		if (bit(linear, n) != bit(linear, top)) {
			v->outcome = WALK_NOT_CANONICAL;
			return;
		}
	judge_level(v, s, mode, levels[mode], mode == PAE ? bits(s->cr3, 31, 5) << 5
		    : mode == BITS_32 ? bits(s->cr3, 31, 12) << 12 : bits(s->cr3, 51, 12) << 12, linear, intent, all);
}

/* Where all are equal, what each of the two says is compared, and what the marks do to memory. */

static uint64_t seed = 0x123456789abcdef1ull;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static bool one_in(unsigned int n)
{
	return (any() >> 33) % n == 0;
}

/* An entry that mostly leads on: present, allowing, and to a page of the little memory. */
static uint64_t some_entry(void)
{
	uint64_t e = (any() >> 20 & 15) << 12 | (any() & 0xe78) | (one_in(3) ? 1 : 0x61);

	e |= one_in(4) ? 0 : 2;
	e |= one_in(4) ? 0 : 4;
	e |= one_in(8) ? 1ull << 63 : 0;
	e |= one_in(3) ? (any() >> 30 & 15) << 59 : 0;
	e |= one_in(4) ? 0x80 : 0;
	if (e & 0x80)
		e &= one_in(2) ? ~0x1ff000ull : ~0x0ull;
	if (one_in(12))
		e |= 1ull << (any() >> 33) % 64;
	if (one_in(16))
		e &= ~1ull;
	return e;
}

static void some_tables(bool wide)
{
	bool kind = one_in(3);	/* as systems make them: the short way is for these */

	for (unsigned int i = 0; i < BYTES; i += wide ? 8 : 4) {
		uint64_t e = some_entry();

		if (kind && !one_in(10))
			e = (e & (one_in(10) ? ~0ull : 0x780000000000f000)) | (one_in(3) ? 0x63 : 0x67) | (one_in(8) ? 0x80 : 0);
		if (!wide && (e & 0x80))
			e |= one_in(2) ? (any() >> 40 & 0xff) << 13 : 0;
		memcpy(memory + i, &e, wide ? 8 : 4);
	}
	for (unsigned int i = 0; i < 4; i++)
		pdptes[i] = some_entry() & (one_in(8) ? ~0ull : 0xfffff001ull);
	/* PDPTEs in memory are mostly good ones too */
	for (unsigned int i = 0; i < 128 && wide; i++) {
		uint64_t e;

		memcpy(&e, memory + 8 * i, 8);
		e &= one_in(8) ? ~0ull : 0xffffff19ull;
		memcpy(memory + 8 * i, &e, 8);
	}
}

static void some_state(struct walk_state *s, enum mode mode)
{
	*s = (struct walk_state){ .cr0 = 1ull << 31 | 1, .physical_bits = 32 + (unsigned int)(any() >> 33) % 21 };
	s->cr0 |= any() & 1ull << 16;
	s->cr4 = any() & (1ull << 4 | 1ull << 20 | 1ull << 21 | 1ull << 22);
	s->efer = one_in(3) ? 0 : 1ull << 11;
	s->rflags = any() & 1ull << 18;
	s->pkru = (uint32_t)(any() & any() >> 32);
	s->pages_1g = !one_in(4);
	s->pse36 = !one_in(4);
	s->cr3 = (any() >> 30 & 15) << 12 | (any() & 0x1f) | (one_in(50) ? 1ull << (16 + any() % 40) : 0);
	if (one_in(2)) {	/* the walk may read these by itself */
		bool all = one_in(2);

		s->run_start = all ? 0 : (any() >> 40 & 7) << 12;
		s->run_bytes = all ? BYTES : (any() >> 40 & 7) << 12;
		s->run = memory + s->run_start;
	}
	if (mode == OFF)
		s->cr0 &= one_in(2) ? ~1ull : ~(1ull << 31);
	if (mode == PAE)
		s->cr3 = (any() & 0x3e0) | (any() & 0x1f);
	if (mode == PAE && one_in(2))
		s->pdptes = pdptes;
	s->cr4 |= mode >= PAE ? 1ull << 5 : 0;
	s->efer |= mode >= LEVELS_4 ? 1ull << 10 : 0;
	s->cr4 |= mode == LEVELS_5 || (mode < LEVELS_4 && one_in(4)) ? 1ull << 12 : 0;
}

static uint64_t some_linear(enum mode mode)
{
	unsigned int drop = mode == LEVELS_5 ? 7 : 16;

	if (one_in(40))
		return any();
	return (uint64_t)((int64_t)(any() << drop) >> drop);
}

static unsigned int quick, counts[MODES][4], errors[64];

static void compare(const struct walk_state *s, enum mode mode, uint64_t linear, uint32_t intent)
{
	struct verdict v;
	struct walk w;
	enum walk_outcome outcome;
	uint32_t words[5];
	bool changed = false;

	sets = 0;
	judge(&v, s, linear, intent);
	memset(&w, 0xaa, sizeof(w));
	outcome = walk_look(s, &ops, memory, linear, intent, &w);
	if (outcome != v.outcome || ((outcome == WALK_FOUND || outcome == WALK_ABSENT) && w.gpa != v.gpa) ||
	    (outcome == WALK_FAULT && w.error != v.error))
		fail_msg("mode %d linear %lx intent %x: outcome %d judge %d, gpa %lx judge %lx, error %x judge %x", mode,
			 linear, intent, outcome, v.outcome, w.gpa, v.gpa, w.error, v.error);
	counts[mode][outcome]++;
	if (outcome == WALK_FAULT)
		errors[w.error & 63]++;
	if (outcome != WALK_FOUND || (intent & WALK_PEEK))
		return;
	assert_true(w.used == v.visited || (w.used == 0 && w.have == (WALK_ACCESSED | WALK_DIRTY)));
	quick += w.used == 0 && mode != OFF;
	for (unsigned int i = 0; i < v.visited; i++)
		memcpy(&words[i], memory + v.at[i], 4);
	walk_mark(&ops, memory, &w, intent);
	for (unsigned int i = 0; i < v.visited; i++) {	/* an entry may be met more than once on one way */
		uint32_t now, expected = words[i] | 0x20;
		bool leaf = false;

		for (unsigned int k = 0; k < v.visited; k++)
			leaf |= v.at[k] == v.at[i] && k + 1 == v.visited;
		expected |= leaf && (intent & WALK_WRITE) ? 0x40 : 0;
		memcpy(&now, memory + v.at[i], 4);
		assert_int_equal(now, expected);
		changed |= words[i] != expected;
	}
	assert_int_equal(changed, sets != 0);	/* nothing is written where nothing is to be set */
}

static void test_against_the_judge(void **state)
{
	struct walk_state s;

	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		enum mode mode = (enum mode)(round % MODES);

		some_tables(mode != BITS_32);
		for (unsigned int i = 0; i < 3000; i++) {
			uint32_t intent = (uint32_t)(any() >> 40) & 31;

			if (i % 20 == 0)
				some_state(&s, mode);

			compare(&s, mode, some_linear(mode), intent & WALK_FETCH ? intent & ~(uint32_t)WALK_WRITE : intent);
		}
	}
	for (enum mode mode = BITS_32; mode < MODES; mode++) {
		assert_true(counts[mode][WALK_FOUND] > 60000);
		assert_true(counts[mode][WALK_FAULT] > 60000);
		assert_true(counts[mode][WALK_ABSENT] > 1000);
	}
	assert_true(counts[LEVELS_4][WALK_NOT_CANONICAL] > 1000 && counts[LEVELS_5][WALK_NOT_CANONICAL] > 1000);
	assert_true(quick > 10000);
	/* Each error code that there can be has come, and no other. */
	for (unsigned int e = 0; e < 64; e++) {
		/* RSVD and PK are of a present page, and never both; a fetch is no write, and keys leave it alone */
		bool possible = ((e & 1) || !(e & (8 | 32))) && !((e & 8) && (e & 32)) && !((e & 16) && (e & (2 | 32)));

		if (possible != (errors[e] != 0))
			fail_msg("error code %x came %u times", e, errors[e]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_the_judge) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
