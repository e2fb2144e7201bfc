/* Tests guest memory: copies by physical address, and page walks over tables of every paging mode.
 * Part: unit tests, on the host.
 * UNIT: vmm/machine/gmem.c vmm/machine/walk.c
 */
#include "tests/unit/ipl_fake.h"

#define B     MIB(8)
#define PE_PG 0x80000001ull
#define WP    (1ull << 16)
#define PSE   (1ull << 4)
#define PAE   (1ull << 5)
#define SMEP  (1ull << 20)
#define SMAP  (1ull << 21)
#define LONG  0x500ull
#define NXE   0x800ull
#define AC    (1ull << 18)
#define NX    (1ull << 63)

/* Entry bits. */
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80 };

#define ROOT 0x100000ull

static struct gmem_fault fault;
static gpa_t found;

static void set(uint64_t at, uint64_t value, size_t n)
{
	memcpy(fake_storage + at, &value, n);
}

static uint64_t get(uint64_t at, size_t n)
{
	uint64_t value = 0;

	memcpy(&value, fake_storage + at, n);
	return value;
}

static void mode(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	fake_machine(B);
	fake_regs[VREG_CR0] = cr0;
	fake_regs[VREG_CR3] = ROOT;
	fake_regs[VREG_CR4] = cr4;
	fake_regs[VREG_EFER] = efer;
	fake_regs[VREG_RFLAGS] = 2;
}

static bool try(uint64_t gva, uint32_t intent)
{
	found = GPA(0xdead);
	gmem_init(); /* the fake processor's features change between tests */
	return gmem_translate(&fake_vm, GVA(gva), intent, &found, &fault);
}

static void expect(uint64_t gva, uint32_t intent, uint64_t gpa)
{
	assert_true(try(gva, intent));
	assert_int_equal(found.v, gpa);
}

static void expect_fault(uint64_t gva, uint32_t intent, uint32_t error)
{
	assert_false(try(gva, intent));
	assert_true(fault.page_fault);
	assert_false(fault.absent);
	assert_int_equal(fault.error, error);
	assert_int_equal(fault.address.v, gva);
}

static void expect_absent(uint64_t gva, uint32_t intent, uint64_t gpa)
{
	assert_false(try(gva, intent));
	assert_false(fault.page_fault);
	assert_true(fault.absent);
	assert_int_equal(fault.gpa.v, gpa);
}

static void test_physical_bounds(void **state)
{
	uint8_t bytes[16], same[16];

	(void)state;
	fake_machine(B);
	memset(bytes, 0x11, sizeof(bytes));
	assert_true(gmem_write(&fake_vm, GPA(B - 16), bytes, 16));
	assert_int_equal(fake_storage[B - 1], 0x11);
	memset(bytes, 0x22, sizeof(bytes));
	assert_false(gmem_write(&fake_vm, GPA(B - 15), bytes, 16));
	assert_int_equal(fake_storage[B - 15], 0x11); /* none of it */
	memset(bytes, 0x33, sizeof(bytes));
	memcpy(same, bytes, sizeof(same));
	assert_false(gmem_read(&fake_vm, GPA(B - 15), bytes, 16));
	assert_memory_equal(bytes, same, 16);
	assert_false(gmem_read(&fake_vm, GPA(UINT64_MAX - 3), bytes, 16));
	assert_false(gmem_fill(&fake_vm, GPA(B), 1, 1));
	assert_true(gmem_fill(&fake_vm, GPA(B), 1, 0));
	assert_null(gmem_window(&fake_vm, GPA(B - 8), 9));
	assert_null(gmem_window(&fake_vm, GPA(0), 0));
	assert_null(gmem_window(&fake_vm, GPA(0), SIZE_MAX));
	assert_ptr_equal(gmem_window(&fake_vm, GPA(B - 8), 8), fake_storage + B - 8);
}

/* Rows side by side, one read-only, one a device. */
static void test_rows(void **state)
{
	uint8_t bytes[0x2000];

	(void)state;
	fake_machine(B);
	fake_vm.rows[0].bound = 0x1000;
	fake_vm.rows[1] = (struct npt_row){GPA(0x1000), HPA(FAKE_REAL + 0x5000), 0x1000,
					   NPT_READ | NPT_EXECUTE, false};
	fake_vm.rows[2] = (struct npt_row){GPA(0x2000), HPA(0x99999000), 0x1000, NPT_ALL, true};
	fake_vm.row_count = 3;
	fake_storage[0xfff] = 1;
	fake_storage[0x5000] = 2;
	assert_true(gmem_read(&fake_vm, GPA(0), bytes, 0x2000));
	assert_int_equal(bytes[0xfff], 1);
	assert_int_equal(bytes[0x1000], 2);
	assert_false(gmem_write(&fake_vm, GPA(0xfff), bytes, 2));
	assert_int_equal(fake_storage[0xfff], 1);
	assert_false(gmem_read(&fake_vm, GPA(0x1fff), bytes, 2));
	assert_null(gmem_window(&fake_vm, GPA(0xfff), 2));
	assert_null(gmem_window(&fake_vm, GPA(0x1000), 1));
	assert_non_null(gmem_window(&fake_vm, GPA(0xfff), 1));
}

static void test_no_paging(void **state)
{
	(void)state;
	mode(0, 0, 0);
	expect(0x12345678, GMEM_READ, 0x12345678);
	expect(0x1ffffffffull, GMEM_WRITE, 0xffffffff); /* 32 bits of address */
	fake_regs[VREG_CR0] = 1;
	expect(0x1000, GMEM_FETCH | GMEM_USER, 0x1000);
}

static void test_32_bit(void **state)
{
	(void)state;
	mode(PE_PG, 0, 0);
	set(ROOT + 0x48 * 4, 0x101000 | P | W | U, 4); /* 12000000 */
	set(0x101000 + 0x45 * 4, 0x234000 | P | W | U, 4);
	set(0x101000 + 0x46 * 4, 0x235000 | P | W, 4);
	set(0x101000 + 0x47 * 4, 0x236000 | P | U, 4);
	expect(0x12045678, GMEM_READ | GMEM_USER, 0x234678);
	assert_int_equal(get(ROOT + 0x48 * 4, 4), 0x101000 | P | W | U | A);
	assert_int_equal(get(0x101000 + 0x45 * 4, 4), 0x234000 | P | W | U | A);
	expect(0x12045678, GMEM_WRITE | GMEM_USER, 0x234678);
	assert_int_equal(get(0x101000 + 0x45 * 4, 4), 0x234000 | P | W | U | A | D);
	assert_int_equal(get(ROOT + 0x48 * 4, 4),
			 0x101000 | P | W | U | A); /* D in the last one only */
	expect_fault(0x12046000, GMEM_READ | GMEM_USER, 1 | 4);
	expect_fault(0x12046000, GMEM_WRITE | GMEM_USER, 1 | 2 | 4);
	expect(0x12046000, GMEM_WRITE, 0x235000);
	expect_fault(0x12047000, GMEM_WRITE | GMEM_USER, 1 | 2 | 4);
	expect(0x12047000, GMEM_WRITE, 0x236000); /* WP = 0 */
	fake_regs[VREG_CR0] |= WP;
	expect_fault(0x12047000, GMEM_WRITE, 1 | 2);
	expect(0x12047000, GMEM_READ, 0x236000);
	expect_fault(0x12048000, GMEM_READ, 0);
	expect_fault(0x12048000, GMEM_FETCH | GMEM_USER, 4); /* no I/D bit without SMEP or NX */
	expect_fault(0x13000000, GMEM_WRITE, 2);
	/* bits that must not matter: high half of the linear address */
	expect(0x712045678ull, GMEM_READ, 0x234678);
}

static void test_32_bit_large(void **state)
{
	(void)state;
	mode(PE_PG, PSE, 0);
	set(ROOT + 4, 0x00400000 | P | W | U | PS, 4);
	expect(0x00612345, GMEM_WRITE, 0x612345);
	assert_int_equal(get(ROOT + 4, 4), 0x00400000 | P | W | U | PS | A | D);
	set(ROOT + 8, 0x00400000 | 0x12ull << 13 | P | PS, 4); /* PSE-36: 12h above 4 GiB */
	expect(0x00800001, GMEM_READ, 0x1200400001ull);
	set(ROOT + 8, 0x00400000 | 1u << 21 | P | PS, 4);
	expect_fault(0x00800001, GMEM_READ, 1 | 8);
	fake_bits = 36;
	set(ROOT + 8, 0x00400000 | 1u << 17 | P | PS, 4);
	expect_fault(0x00800001, GMEM_READ, 1 | 8);
	set(ROOT + 8, 0x00400000 | 1u << 16 | P | PS, 4);
	expect(0x00800001, GMEM_READ, 0x800400001ull);
	fake_pse36 = false;
	expect_fault(0x00800001, GMEM_READ, 1 | 8);
	/* without CR4.PSE the bit is ignored and the entry names a table */
	fake_regs[VREG_CR4] = 0;
	set(ROOT + 4, 0x101000 | P | W | U | PS, 4);
	set(0x101000, 0x777000 | P, 4);
	expect(0x00400010, GMEM_READ, 0x777010);
}

static void test_pae(void **state)
{
	(void)state;
	mode(PE_PG | WP, PAE, NXE);
	fake_regs[VREG_CR3] = ROOT + 0x20;	   /* 32-byte aligned */
	set(ROOT + 0x20 + 2 * 8, 0x101000 | P, 8); /* 80000000 */
	set(0x101000 + 3 * 8, 0x102000 | P | W | U, 8);
	set(0x102000 + 5 * 8, 0x345000 | P | W | U, 8);
	set(0x102000 + 6 * 8, 0x346000 | P | W | U | NX, 8);
	set(0x101000 + 4 * 8, 0x600000 | P | U | PS, 8);
	expect(0x80605abc, GMEM_WRITE | GMEM_USER, 0x345abc);
	assert_int_equal(get(ROOT + 0x20 + 16, 8), 0x101000 | P); /* a PDPTE has no accessed flag */
	assert_int_equal(get(0x101000 + 3 * 8, 8), 0x102000 | P | W | U | A);
	assert_int_equal(get(0x102000 + 5 * 8, 8), 0x345000 | P | W | U | A | D);
	expect(0x80606000, GMEM_READ | GMEM_USER, 0x346000);
	expect_fault(0x80606000, GMEM_FETCH | GMEM_USER, 1 | 4 | 16);
	expect_fault(0x80606000, GMEM_FETCH, 1 | 16);
	expect(0x80812345, GMEM_READ, 0x612345);
	expect_fault(0x80812345, GMEM_WRITE, 1 | 2);
	expect_fault(0xc0000000, GMEM_READ, 0);
	set(0x102000 + 5 * 8, 0x345000 | P | 1ull << 40, 8);
	expect_fault(0x80605abc, GMEM_READ, 1 | 8);
	set(0x102000 + 5 * 8, 0x345000 | P | 1ull << 52,
	    8); /* ignored by 4-level paging, not by PAE */
	expect_fault(0x80605abc, GMEM_READ, 1 | 8);
	set(0x101000 + 4 * 8, 0x600000 | P | U | PS | 1u << 13, 8);
	expect_fault(0x80812345, GMEM_READ, 1 | 8);
	fake_regs[VREG_EFER] = 0;
	expect_fault(0x80606000, GMEM_READ, 1 | 8);  /* NX is reserved without EFER.NXE */
	expect_fault(0x80606000, GMEM_FETCH, 1 | 8); /* and then no I/D bit */
}

/* ffff8000_00201000 by 4 KiB; ffff8000_00400000 by 2 MiB; ffff8000_40000000 by 1 GiB. */
static void long_tables(void)
{
	set(ROOT + 256 * 8, 0x101000 | P | W | U, 8);
	set(0x101000, 0x102000 | P | W | U, 8);
	set(0x101000 + 8, 0x40000000ull | P | W | U | PS, 8);
	set(0x102000 + 8, 0x103000 | P | W | U, 8);
	set(0x102000 + 16, 0x400000 | P | W | PS, 8);
	set(0x103000 + 8, 0x456000 | P | W | U, 8);
	set(0x103000 + 16, 0x457000 | P | W | U | NX, 8);
	set(0x103000 + 24, 0x458000 | P, 8);
}

#define HIGH 0xffff800000000000ull

static void test_4_level(void **state)
{
	(void)state;
	mode(PE_PG | WP, PAE, LONG | NXE);
	long_tables();
	expect(HIGH + 0x201abc, GMEM_WRITE | GMEM_USER, 0x456abc);
	assert_int_equal(get(ROOT + 256 * 8, 8), 0x101000 | P | W | U | A);
	assert_int_equal(get(0x101000, 8), 0x102000 | P | W | U | A);
	assert_int_equal(get(0x102000 + 8, 8), 0x103000 | P | W | U | A);
	assert_int_equal(get(0x103000 + 8, 8), 0x456000 | P | W | U | A | D);
	expect(HIGH + 0x5abcde, GMEM_READ, 0x5abcde);
	expect_fault(HIGH + 0x5abcde, GMEM_READ | GMEM_USER, 1 | 4);
	expect(HIGH + 0x7fffffff, GMEM_WRITE, 0x7fffffff);
	assert_int_equal(get(0x101000 + 8, 8), 0x40000000ull | P | W | U | PS | A | D);
	expect_fault(HIGH + 0x202000, GMEM_FETCH, 1 | 16);
	expect_fault(HIGH + 0x203000, GMEM_WRITE, 1 | 2);
	expect_fault(0x201abc, GMEM_READ, 0);
	fake_1g_pages = false;
	expect_fault(HIGH + 0x7fffffff, GMEM_READ, 1 | 8);
	set(ROOT + 256 * 8, 0x101000 | P | W | U | PS, 8);
	expect_fault(HIGH + 0x201abc, GMEM_READ, 1 | 8);
	set(ROOT + 256 * 8, 0x101000 | P | W | U | 1ull << 40, 8);
	expect_fault(HIGH + 0x201abc, GMEM_READ, 1 | 8);
	set(ROOT + 256 * 8, 0x101000 | P | W | U | 0x7ffull << 52, 8);
	expect(HIGH + 0x201abc, GMEM_READ, 0x456abc); /* 62:52 are the system's own */
	set(ROOT + 256 * 8, 0x101000 | P | W | U | NX, 8);
	expect_fault(HIGH + 0x201abc, GMEM_FETCH | GMEM_USER,
		     1 | 4 | 16); /* NX counts at any level */
	set(ROOT + 256 * 8, 0x101000 | P | U, 8);
	expect_fault(HIGH + 0x201abc, GMEM_WRITE, 1 | 2); /* W and U count at every level */
	set(0x101000 + 8, 0x40000000ull | P | PS | 1u << 13, 8);
	fake_1g_pages = true;
	expect_fault(HIGH + 0x40000000, GMEM_READ, 1 | 8);
}

static void test_not_canonical(void **state)
{
	(void)state;
	mode(PE_PG, PAE, LONG);
	assert_false(try(0x0000800000000000ull, GMEM_READ));
	assert_false(fault.page_fault);
	assert_false(fault.absent);
}

static void test_smep_smap(void **state)
{
	(void)state;
	mode(PE_PG, PAE | SMEP | SMAP, LONG);
	long_tables();
	set(0x103000 + 16, 0, 8);
	expect_fault(HIGH + 0x201000, GMEM_FETCH, 1 | 16);
	expect_fault(HIGH + 0x202000, GMEM_FETCH, 16); /* SMEP alone gives the I/D bit */
	expect(HIGH + 0x400000, GMEM_FETCH, 0x400000);
	expect(HIGH + 0x201000, GMEM_FETCH | GMEM_USER, 0x456000);
	expect_fault(HIGH + 0x201000, GMEM_READ, 1);
	expect_fault(HIGH + 0x201000, GMEM_WRITE, 1 | 2);
	fake_regs[VREG_RFLAGS] |= AC;
	expect(HIGH + 0x201000, GMEM_WRITE, 0x456000);
	expect_fault(HIGH + 0x201000, GMEM_FETCH, 1 | 16); /* AC does not help a fetch */
	fake_regs[VREG_RFLAGS] = 2;
	expect(HIGH + 0x201000, GMEM_READ | GMEM_USER, 0x456000);
}

static void test_peek_leaves_no_trace(void **state)
{
	uint8_t *before;

	(void)state;
	mode(PE_PG | WP, PAE | SMEP | SMAP, LONG | NXE);
	long_tables();
	before = malloc(B);
	assert_non_null(before);
	memcpy(before, fake_storage, B);
	expect(HIGH + 0x203000, GMEM_WRITE | GMEM_USER | GMEM_PEEK, 0x458000);
	expect(HIGH + 0x202000, GMEM_FETCH | GMEM_PEEK, 0x457000);
	expect_fault(0x1000, GMEM_PEEK, 0);
	/* Nor does a walk that ends in a fault. */
	expect_fault(HIGH + 0x203000, GMEM_WRITE | GMEM_USER, 1 | 2 | 4);
	assert_memory_equal(before, fake_storage, B);
	free(before);
}

static void test_tables_outside_storage(void **state)
{
	uint8_t byte;

	(void)state;
	mode(PE_PG, PAE, LONG);
	fake_regs[VREG_CR3] = B;
	expect_absent(0x1008, GMEM_READ, B);
	fake_regs[VREG_CR3] = ROOT;
	long_tables();
	set(0x103000 + 8, B | P | W | U, 8);
	expect(HIGH + 0x201000, GMEM_READ, B); /* the translation stands; the copy does not */
	assert_false(gmem_read_linear(&fake_vm, GVA(HIGH + 0x201000), &byte, 1, GMEM_READ, &fault));
	assert_true(fault.absent);
	assert_int_equal(fault.gpa.v, B);
	set(0x102000 + 8, (B + 0x1000) | P | W | U, 8);
	expect_absent(HIGH + 0x201000, GMEM_READ, B + 0x1008);
}

static void test_linear_copies(void **state)
{
	uint8_t out[0x2000], in[0x2000];

	(void)state;
	mode(PE_PG | WP, PAE, LONG);
	long_tables();
	set(0x103000 + 16, 0x500000 | P | W | U, 8); /* the second page lies elsewhere */
	set(0x103000 + 24, 0x458000 | P | U, 8);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + i / 256);
	assert_true(
	    gmem_write_linear(&fake_vm, GVA(HIGH + 0x201f80), out, 0x200, GMEM_USER, &fault));
	assert_memory_equal(fake_storage + 0x456f80, out, 0x80);
	assert_memory_equal(fake_storage + 0x500000, out + 0x80, 0x180);
	assert_true(gmem_read_linear(&fake_vm, GVA(HIGH + 0x201f80), in, 0x200, GMEM_USER, &fault));
	assert_memory_equal(in, out, 0x200);
	assert_true(get(0x103000 + 16, 8) & D);
	/* All or nothing: the third page may not be written, so the second is not either. */
	set(0x103000 + 16, 0x500000 | P | W | U, 8);
	assert_false(
	    gmem_write_linear(&fake_vm, GVA(HIGH + 0x202f00), out, 0x101, GMEM_USER, &fault));
	assert_int_equal(fault.error, 1 | 2 | 4);
	assert_int_equal(fault.address.v, HIGH + 0x203000);
	assert_int_equal(fake_storage[0x500f00], 0);
	assert_int_equal(get(0x103000 + 16, 8), 0x500000 | P | W | U);
	assert_true(gmem_read_linear(&fake_vm, GVA(HIGH + 0x202f00), in, 0x101, GMEM_USER, &fault));
}

/* What is written may be the table entry that the next page was found by: it was found before. */
static void test_write_over_its_own_table(void **state)
{
	uint8_t out[16];

	(void)state;
	mode(PE_PG | WP, PAE, LONG);
	long_tables();
	memset(out, 0, sizeof(out));
	/* the last bytes of a page that holds its neighbour's entry: 103000 maps itself at page 4, with entry 511 the next */
	set(0x103000 + 510 * 8, 0x103000 | P | W | U, 8);
	set(0x103000 + 511 * 8, 0x500000 | P | W | U, 8);
	memset(fake_storage + 0x500000, 0x55, 16);
	assert_true(gmem_write_linear(&fake_vm, GVA(HIGH + 0x3feff8), out, 16, 0, &fault));
	assert_int_equal(get(0x103000 + 511 * 8, 8), 0);
	assert_int_equal(get(0x500000, 8), 0);
	assert_int_equal(fake_storage[0x500008], 0x55);
	assert_false(try(HIGH + 0x3ff000, GMEM_READ));
}

static void test_implicit(void **state)
{
	(void)state;
	mode(PE_PG | WP, PAE | SMAP, LONG);
	long_tables();
	set(0x103000 + 24, 0x458000 | P | W, 8);
	/* a descriptor table is read at any CPL as the supervisor reads, and AC does not help */
	expect(HIGH + 0x203000, GMEM_WRITE | GMEM_USER | GMEM_IMPLICIT, 0x458000);
	fake_regs[VREG_RFLAGS] |= AC;
	expect(HIGH + 0x201000, GMEM_READ, 0x456000);
	expect_fault(HIGH + 0x201000, GMEM_READ | GMEM_IMPLICIT, 1);
	expect_fault(HIGH + 0x201000, GMEM_READ | GMEM_USER | GMEM_IMPLICIT, 1);
}

static void test_5_level(void **state)
{
	(void)state;
	mode(PE_PG, PAE | 1ull << 12, LONG);
	set(ROOT + 256 * 8, 0x109000 | P | W | U, 8);
	set(0x109000 + 3 * 8, 0x101000 | P | W | U, 8);
	set(0x101000, 0x102000 | P | W | U, 8);
	set(0x102000 + 8, 0x400000 | P | W | U | PS, 8);
	expect(0xff00000000000000ull | 3ull << 39 | 0x212345, GMEM_WRITE, 0x412345);
	assert_int_equal(get(ROOT + 256 * 8, 8), 0x109000 | P | W | U | A);
	assert_int_equal(get(0x102000 + 8, 8), 0x400000 | P | W | U | PS | A | D);
	assert_false(try(0xfe00000000000000ull, GMEM_READ));
	assert_false(fault.page_fault || fault.absent);
	expect_fault(0xff00000000000000ull, GMEM_READ, 0);
}

/* PAE paging goes by the registers, whatever has become of the table since. */
static void test_pdpte_registers(void **state)
{
	(void)state;
	mode(PE_PG, PAE, 0);
	set(ROOT + 8, 0x101000 | P, 8);
	set(0x101000, 0x600000 | P | W | PS, 8);
	expect(0x40000123, GMEM_READ, 0x600123);
	fake_regs[VREG_CR3] = B; /* no storage: the fake's registers are 0 then */
	expect_fault(0x40000123, GMEM_READ, 0);
}

/* The short way to storage gives what the rows give, wherever they lie. */
static void test_plain_runs(void **state)
{
	uint8_t bytes[32];

	(void)state;
	srand(1960);
	fake_machine(KIB(64));
	for (uint64_t i = 0; i < KIB(64); i++)
		fake_storage[i] = (uint8_t)rand();
	for (uint32_t step = 0; step < 20000; step++) {
		uint64_t at = (uint64_t)rand() % 0x9000;
		size_t n = (size_t)rand() % sizeof(bytes);
		void *window;
		bool read;

		if (step % 20 == 0) {
			fake_vm.rows[0].bound = 0x8000;
			fake_vm.row_count = VM_ROWS;
			for (uint32_t i = 1; i < VM_ROWS; i++)
				fake_vm.rows[i] = (struct npt_row){GPA((uint64_t)rand() % 10 * 0x1000),
								   HPA(FAKE_REAL + 0x8000 + (uint64_t)rand() % 4 * 0x1000),
								   (uint64_t)rand() % 4 * 0x1000,
								   rand() % 4 ? NPT_ALL : NPT_READ, rand() % 4 == 0};
		}
		gmem_rows_changed(&fake_vm);
		read = gmem_read(&fake_vm, GPA(at), bytes, n);
		window = gmem_window(&fake_vm, GPA(at), n);
		for (uint32_t i = 0; i < 2; i++)
			if (fake_vm.plain[i].bytes != 0)
				assert_true(fake_vm.plain[i].start + fake_vm.plain[i].bytes <= 0x8000);
		memset(fake_vm.plain, 0, sizeof(fake_vm.plain));
		assert_ptr_equal(gmem_window(&fake_vm, GPA(at), n), window);
		if (read) {
			uint8_t same[32];

			assert_true(gmem_read(&fake_vm, GPA(at), same, n));
			assert_memory_equal(same, bytes, n);
		} else {
			assert_false(gmem_read(&fake_vm, GPA(at), bytes, n));
		}
	}
}

/* A PC: the VGA window and ROMs below 1 MiB, video RAM and flash above R. */
static void test_plain_runs_of_a_pc(void **state)
{
	(void)state;
	fake_machine(B);
	fake_vm.row_count = VM_ROWS;
	fake_vm.rows[1] = (struct npt_row){GPA(0xe0000000), HPA(0x99000000), MIB(16), NPT_ALL, false};
	fake_vm.rows[2] = (struct npt_row){GPA(0xa0000), HPA(0x98000000), 0x20000, NPT_ALL, false};
	fake_vm.rows[4] = (struct npt_row){GPA(0xe0000), HPA(0x97000000), 0x20000, NPT_READ, false};
	gmem_rows_changed(&fake_vm);
	assert_int_equal(fake_vm.plain[0].start, MIB(1));
	assert_int_equal(fake_vm.plain[0].bytes, B - MIB(1));
	assert_int_equal(fake_vm.plain[1].start, 0);
	assert_int_equal(fake_vm.plain[1].bytes, 0xa0000);
	assert_ptr_equal(gmem_window(&fake_vm, GPA(0x9fff8), 8), fake_storage + 0x9fff8);
	assert_null(gmem_window(&fake_vm, GPA(0x9fff8), 9));
	assert_null(gmem_window(&fake_vm, GPA(B - 8), 9));
}

/* The way to code is kept, and given up with anything that it depends on. */
static void test_code(void **state)
{
	(void)state;
	mode(PE_PG, PAE, LONG);
	gmem_rows_changed(&fake_vm);
	set(ROOT, 0x101000 | P, 8);
	set(0x101000, 0x102000 | P, 8);
	set(0x102000, 0x103000 | P, 8);
	set(0x102008, 0x400000 | P | PS, 8);
	set(0x103000 + 8 * 5, 0x200000 | P, 8);
	for (unsigned int i = 0; i < 2; i++) {
		assert_ptr_equal(gmem_code(&fake_vm, 0x5ff0), fake_storage + 0x200ff0);
		assert_null(gmem_code(&fake_vm, 0x5ff1));
		assert_ptr_equal(gmem_code(&fake_vm, 0x205678), fake_storage + 0x405678);
		assert_null(gmem_code(&fake_vm, 0x6000));
	}
	set(0x103000 + 8 * 5, 0x201000 | P, 8);		/* a leaf, with no word to anybody */
	assert_ptr_equal(gmem_code(&fake_vm, 0x5ff0), fake_storage + 0x201ff0);
	set(0x104000 + 8 * 5, 0x202000 | P, 8);
	set(0x102000, 0x104000 | P, 8);		/* a table */
	assert_ptr_equal(gmem_code(&fake_vm, 0x5ff0), fake_storage + 0x202ff0);
	set(0x110000, 0x111000 | P, 8);
	set(0x111000, P | PS, 8);		/* 1 GiB */
	fake_regs[VREG_CR3] = 0x110000;
	assert_ptr_equal(gmem_code(&fake_vm, 0x5ff0), fake_storage + 0x5ff0);
	assert_null(gmem_code(&fake_vm, B));
	fake_regs[VREG_CR3] = B;
	assert_null(gmem_code(&fake_vm, 0x5ff0));
	fake_regs[VREG_CR3] = ROOT;
	assert_ptr_equal(gmem_code(&fake_vm, 0x5ff0), fake_storage + 0x202ff0);
	fake_vm.rows[1] = (struct npt_row){GPA(0x202000), HPA(FAKE_REAL), 0x1000, NPT_READ, false};
	fake_vm.row_count = 2;
	gmem_rows_changed(&fake_vm);		/* the code's page is no longer plain storage */
	assert_null(gmem_code(&fake_vm, 0x5ff0));
	gmem_rows_changed(&fake_vm);
}

/* Tables full of noise: whatever they say, the walk ends and touches nothing but storage (the
 * sanitizer looks). */
static void test_noise(void **state)
{
	static const struct {
		uint64_t cr4, efer;
	} modes[] = {
	    {0, 0}, {PSE, 0}, {PAE, 0}, {PAE, NXE}, {PAE | SMEP | SMAP, LONG | NXE},
	};
	uint32_t ok = 0, faults = 0, gone = 0, step;

	(void)state;
	srand(1974);
	mode(PE_PG | WP, 0, 0);
	for (uint64_t i = 0; i < B; i++)
		fake_storage[i] = (uint8_t)rand();
	for (step = 0; step < 200000; step++) {
		uint64_t gva =
		    (uint64_t)rand() << 31 ^ (uint64_t)rand() << 1 ^ (uint64_t)rand() << 60;
		uint32_t m = (uint32_t)rand() % 5;

		fake_regs[VREG_CR3] = (uint64_t)rand() % (B + 0x1000);
		fake_regs[VREG_CR4] = modes[m].cr4;
		fake_regs[VREG_EFER] = modes[m].efer;
		if (m == 4)
			gva = (uint64_t)((int64_t)(gva << 16) >> 16);
		fake_bits = 36 + (unsigned int)rand() % 17;
		if (try(gva, (uint32_t)rand() % 16))
			ok++;
		else if (fault.page_fault)
			faults++;
		else if (fault.absent)
			gone++;
		else
			fail();
	}
	assert_true(ok > 100 && faults > 1000 && gone > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_physical_bounds, fake_teardown),
	    cmocka_unit_test_teardown(test_rows, fake_teardown),
	    cmocka_unit_test_teardown(test_no_paging, fake_teardown),
	    cmocka_unit_test_teardown(test_32_bit, fake_teardown),
	    cmocka_unit_test_teardown(test_32_bit_large, fake_teardown),
	    cmocka_unit_test_teardown(test_pae, fake_teardown),
	    cmocka_unit_test_teardown(test_4_level, fake_teardown),
	    cmocka_unit_test_teardown(test_not_canonical, fake_teardown),
	    cmocka_unit_test_teardown(test_smep_smap, fake_teardown),
	    cmocka_unit_test_teardown(test_peek_leaves_no_trace, fake_teardown),
	    cmocka_unit_test_teardown(test_tables_outside_storage, fake_teardown),
	    cmocka_unit_test_teardown(test_linear_copies, fake_teardown),
	    cmocka_unit_test_teardown(test_write_over_its_own_table, fake_teardown),
	    cmocka_unit_test_teardown(test_implicit, fake_teardown),
	    cmocka_unit_test_teardown(test_5_level, fake_teardown),
	    cmocka_unit_test_teardown(test_pdpte_registers, fake_teardown),
	    cmocka_unit_test_teardown(test_plain_runs, fake_teardown),
	    cmocka_unit_test_teardown(test_plain_runs_of_a_pc, fake_teardown),
	    cmocka_unit_test_teardown(test_code, fake_teardown),
	    cmocka_unit_test_teardown(test_noise, fake_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
