/* Tests the tiny BIOS: what a boot sector finds, and each of its services.
 * Part: unit tests, on the host.
 * UNIT: vmm/ipl/ipl.c vmm/ipl/messages.c vmm/ipl/linux.c vmm/ipl/multiboot.c vmm/ipl/multiboot2.c vmm/ipl/image.c
 * UNIT: vmm/ipl/boot.c vmm/ipl/flat.c vmm/ipl/bios.c vmm/ipl/bios_disk.c vmm/ipl/bios_screen.c vmm/ipl/bios_system.c
 * UNIT: vmm/ipl/tables.c vmm/ipl/firmware.c vmm/ipl/disk.c vmm/firmware/acpi.c vmm/firmware/smbios.c
 * UNIT: build/firmware/dsdt.c vmm/devices/vfwcfg.c vmm/devices/vflash.c vmm/machine/disks.c vmm/machine/vdisk.c
 * UNIT: vmm/machine/gmem.c vmm/machine/walk.c vmm/machine/console.c lib/string.c lib/printf.c
 */
#include "tests/unit/ipl_load.h"

static void make_disk(uint64_t size)
{
	uint8_t *d = malloc(size);

	assert_non_null(d);
	for (uint64_t i = 0; i < size; i++)
		d[i] = (uint8_t)(i / 512 + i % 512 * 3);
	memset(d + 440, 0, 70);
	ipl_set16(d + 510, 0xaa55);
	use(d, size);
	free(d);
	assert_int_equal(load(IPL_FIND_OUT), 0);
}

static void test_boot_sector(void **state)
{
	(void)state;
	make_disk(5000);
	assert_int_equal(fake_regs[VREG_RIP], 0x7c00);
	assert_int_equal(fake_segments[SEG_CS].selector, 0);
	assert_int_equal(fake_vm.av.gpr[RDX], 0x80);
	assert_memory_equal(fake_storage + 0x7c00, image, 512);
	assert_int_equal(fake_regs[VREG_CR0] & 1, 0);
	/* vectors, data area, devices */
	assert_int_equal(word(0x10 * 4), 0xf000e100);
	assert_int_equal(memcmp(fake_storage + 0xfe100, "\x0f\x01\xc1", 3), 0);
	assert_int_equal(word(0x08 * 4), 0xf000f000);
	assert_int_equal(fake_storage[0xf0000 + (word(0x80 * 4) & 0xffff)], 0xcf);
	assert_int_equal(ipl_u16(fake_storage + 0x413), 639);
	assert_int_equal(word(0x46c), 0x1800b0 / 2); /* noon */
	assert_int_equal(fake_ports[0x21], 0xfa);
	assert_int_equal(fake_ports[0x43], 0x36);
	/* the stubs are known for what they are only in real mode and at their places */
	fake_segments[SEG_CS] = (struct segment){0xf000, 0xf0000, 0xffff, 0x9b};
	assert_true(ipl_bios_here(&fake_vm, 0xe130));
	assert_int_equal(ipl_bios_interrupt(0xe130), 0x13);
	assert_int_equal(ipl_bios_interrupt(0xe000), 0);
	assert_false(ipl_bios_here(&fake_vm, 0xe131));
	assert_false(ipl_bios_here(&fake_vm, 0xf000));
	assert_false(ipl_bios_here(&fake_vm, 0xdff0));
	assert_false(ipl_bios_here(&fake_vm, 0x1e130));
	fake_regs[VREG_CR0] = 1;
	assert_false(ipl_bios_here(&fake_vm, 0xe130));
	fake_regs[VREG_CR0] = 0;
	fake_storage[0xfdff0]++;
	assert_false(ipl_bios_here(&fake_vm, 0xe130));
}

static uint16_t bios_es;

/* A guest with its registers, 2 KiB of stack at 0:8000 and the words that INT pushed. */
static void bios(uint8_t interrupt, uint64_t ax)
{
	static const enum seg all[] = {SEG_ES, SEG_DS, SEG_SS};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		fake_segments[all[i]] = (struct segment){0, 0, 0xffff, 0x93};
	fake_segments[SEG_ES] = (struct segment){bios_es, (uint64_t)bios_es << 4, 0xffff, 0x93};
	fake_regs[VREG_RSP] = 0x8000;
	fake_regs[VREG_RFLAGS] = 2 | BIOS_CARRY | BIOS_ZERO;
	ipl_set16(fake_storage + 0x8000, 0x7c10);
	ipl_set16(fake_storage + 0x8002, 0);
	ipl_set16(fake_storage + 0x8004, 0x202);
	fake_vm.av.gpr[RAX] = ax;
	ipl_bios_call(&fake_vm, interrupt);
}

static uint16_t flags(void)
{
	return ipl_u16(fake_storage + 0x8004);
}

static bool done(void)
{
	return !(fake_regs[VREG_RFLAGS] & (BIOS_CARRY | BIOS_ZERO));
}

static uint8_t ah(void)
{
	return (uint8_t)(fake_vm.av.gpr[RAX] >> 8);
}

static void test_bios_screen(void **state)
{
	char out[CONSOLE_OUT + 1];
	int n = 0, c;

	(void)state;
	make_disk(512);
	for (const char *p = "Hi\r\n"; *p; p++) {
		bios(0x10, 0x0e00 | (uint64_t)(uint8_t)*p);
		assert_true(done());
	}
	memcpy(fake_storage + 0x600, "s t r i n g ", 12);
	fake_vm.av.gpr[RCX] = 6;
	fake_vm.av.gpr[RDX] = 0x0100; /* where the cursor is already */
	fake_vm.av.gpr[RBP] = 0x600;
	bios(0x10, 0x1302);
	assert_true(done());
	while ((c = vm_console_take(&fake_vm.console)) >= 0)
		out[n++] = (char)c;
	out[n] = '\0';
	assert_string_equal(out, "Hi\r\nstring");
	bios(0x10, 0x0300);
	assert_int_equal(fake_vm.av.gpr[RDX], 0x0106);
	bios(0x10, 0x0f00);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x5003);
	/* a full console: the guest is to come back, by HLT if its timer can wake it */
	while (vm_console_room(&fake_vm.console))
		vm_console_put(&fake_vm.console, '.');
	bios(0x10, 0x0e58);
	assert_int_equal(fake_regs[VREG_RFLAGS] & (BIOS_CARRY | BIOS_ZERO), BIOS_CARRY);
	fake_ports[0x21] = 0xff;
	fake_vm.work = 0;
	bios(0x10, 0x0e58);
	assert_int_equal(fake_regs[VREG_RFLAGS] & (BIOS_CARRY | BIOS_ZERO), BIOS_ZERO);
	assert_true(fake_vm.work & VM_WORK_STATE);
	vm_console_take(&fake_vm.console);
	bios(0x10, 0x0e58);
	assert_true(done());
	assert_int_equal(fake_vm.console.out[(fake_vm.console.out_head - 1) % CONSOLE_OUT], 'X');
}

#define LONG_STRING 20000u

static uint32_t drain(uint32_t got)
{
	int c;

	while ((c = vm_console_take(&fake_vm.console)) >= 0)
		if (c != '\r' && c != '\n')
			assert_int_equal(c, '!' + got++ % 90);
	return got;
}

/* A string longer than the console's room arrives whole and once, whatever the pace. */
static void test_bios_long_string(void **state)
{
	uint32_t got = 0, calls = 0, waits = 0;

	(void)state;
	make_disk(512);
	for (uint32_t i = 0; i < LONG_STRING; i++)
		fake_storage[0x10000 + i] = (uint8_t)('!' + i % 90);
	fake_vm.av.gpr[RCX] = LONG_STRING;
	fake_vm.av.gpr[RDX] = 0x0300;
	fake_vm.av.gpr[RBP] = 0;
	bios_es = 0x1000;
	for (;;) {
		bios(0x10, 0x1300);
		if (done())
			break;
		if (fake_regs[VREG_RFLAGS] & BIOS_CARRY)
			waits++;
		/* the stub's own rhythm does not matter: only now and then is there room again */
		if (++calls % 90 == 0)
			got = drain(got);
		assert_true(calls < 2000);
	}
	bios_es = 0;
	assert_int_equal(drain(got), LONG_STRING);
	assert_true(waits > 0);
}

static void test_bios_disk(void **state)
{
	(void)state;
	make_disk(512 * 2000 + 100);  /* 16 heads of 63 sectors; the last sector is a part */
	fake_vm.av.gpr[RDX] = 0x0180; /* head 1 */
	fake_vm.av.gpr[RCX] = 0x0002; /* cylinder 0, sector 2 */
	fake_vm.av.gpr[RBX] = 0x9000;
	bios(0x13, 0x0203);
	assert_int_equal(flags() & 1, 0);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x0003);
	assert_memory_equal(fake_storage + 0x9000, image + 64 * 512, 3 * 512);
	fake_vm.av.gpr[RCX] = 0x0000; /* there is no sector 0 */
	bios(0x13, 0x0201);
	assert_true(flags() & 1);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x0400);
	bios(0x13, 0x0100);
	assert_int_equal(ah(), 4);
	fake_vm.av.gpr[RDX] = 0x0081;
	bios(0x13, 0x0201);
	assert_int_equal(ah(), 1);
	fake_vm.av.gpr[RDX] = 0x0080;
	bios(0x13, 0x0301);
	assert_true((flags() & 1) && ah() == 3);
	bios(0x13, 0x0800);
	assert_int_equal(fake_vm.av.gpr[RDX] >> 8 & 0xff, 15);
	assert_int_equal(fake_vm.av.gpr[RCX] & 0x3f, 63);
	fake_vm.av.gpr[RDX] = 0x0080;
	bios(0x13, 0x1500);
	assert_int_equal(ah(), 3);
	assert_int_equal(fake_vm.av.gpr[RDX], 2001);
	fake_vm.av.gpr[RDX] = 0x0080;
	fake_vm.av.gpr[RBX] = 0x55aa;
	bios(0x13, 0x4100);
	assert_int_equal(fake_vm.av.gpr[RBX], 0xaa55);
	assert_int_equal(flags() & 1, 0);
	/* a packet: the last two sectors, the second of them a part */
	memset(fake_storage + 0x600, 0, 16);
	fake_storage[0x600] = 16;
	ipl_set16(fake_storage + 0x602, 5);
	ipl_set16(fake_storage + 0x606, 0x0a00);
	ipl_set64(fake_storage + 0x608, 1999);
	memset(fake_storage + 0xa000, 0xcc, 2048);
	fake_vm.av.gpr[RSI] = 0x600;
	fake_vm.av.gpr[RDX] = 0x0080;
	bios(0x13, 0x4200);
	assert_true((flags() & 1) && ah() == 4);
	assert_int_equal(ipl_u16(fake_storage + 0x602), 2);
	assert_memory_equal(fake_storage + 0xa000, image + 1999 * 512, 612);
	assert_int_equal(fake_storage[0xa000 + 612], 0);
	assert_int_equal(fake_storage[0xa000 + 1024], 0xcc);
	ipl_set64(fake_storage + 0x608, UINT64_MAX);
	ipl_set16(fake_storage + 0x602, 5);
	bios(0x13, 0x4200);
	assert_true((flags() & 1) && ah() == 4);
	fake_storage[0x600] = 8;
	bios(0x13, 0x4200);
	assert_int_equal(ah(), 1);
	assert_false(ipl_bios_call(&fake_vm, 0x17));
	bios(0x13, 0x5500);
	assert_true((flags() & 1) && ah() == 0x86);
}

static void test_bios_diskette(void **state)
{
	(void)state;
	make_disk(1474560);
	fake_vm.av.gpr[RDX] = 0x0000; /* drive 0 */
	fake_vm.av.gpr[RCX] = 0x0101; /* cylinder 1 */
	fake_vm.av.gpr[RBX] = 0x9000;
	bios(0x13, 0x0201);
	assert_int_equal(flags() & 1, 0);
	assert_memory_equal(fake_storage + 0x9000, image + 36 * 512, 512);
	fake_vm.av.gpr[RCX] = 0x0113; /* sector 19 of 18 */
	bios(0x13, 0x0201);
	assert_true(flags() & 1);
}

static void test_bios_system(void **state)
{
	uint64_t total = 0;

	(void)state;
	make_disk(512);
	bios(0x12, 0);
	assert_int_equal(fake_vm.av.gpr[RAX], 639);
	bios(0x15, 0x8800);
	assert_int_equal(fake_vm.av.gpr[RAX], 1024);
	bios(0x15, 0xe801);
	assert_int_equal(fake_vm.av.gpr[RCX], 1024);
	assert_int_equal(fake_vm.av.gpr[RDX], 0);
	fake_vm.av.gpr[RBX] = 0;
	do {
		fake_vm.av.gpr[RDX] = 0x534d4150;
		fake_vm.av.gpr[RCX] = 24;
		fake_vm.av.gpr[RDI] = 0x600;
		bios(0x15, 0xe820);
		assert_int_equal(flags() & 1, 0);
		assert_int_equal(fake_vm.av.gpr[RAX], 0x534d4150);
		assert_int_equal(longword(0x600), total); /* one after the other, no gap */
		total += longword(0x608);
	} while (fake_vm.av.gpr[RBX]);
	assert_int_equal(total, B);
	fake_vm.av.gpr[RBX] = 3;
	bios(0x15, 0xe820);
	assert_true(flags() & 1);
	bios(0x15, 0x2402);
	assert_int_equal(fake_vm.av.gpr[RAX], 1);
	bios(0x15, 0x5300);
	assert_true((flags() & 1) && ah() == 0x86);
	/* 100 ms: 54.9 of them in HLT, the end of it busy */
	fake_vm.av.gpr[RCX] = 1;
	fake_vm.av.gpr[RDX] = 100000 - 65536;
	fake_tsc = 5000000000ull;
	bios(0x15, 0x8600);
	assert_int_equal(fake_regs[VREG_RFLAGS] & (BIOS_CARRY | BIOS_ZERO), BIOS_CARRY);
	fake_tsc += 60000000;
	bios(0x15, 0x8600);
	assert_int_equal(fake_regs[VREG_RFLAGS] & (BIOS_CARRY | BIOS_ZERO), BIOS_ZERO);
	fake_tsc += 40000000;
	bios(0x15, 0x8600);
	assert_true(done());
	assert_int_equal(flags() & 1, 0);
	/* block move from 1 MiB down */
	memcpy(fake_storage + 0x100000, "moved", 6);
	memset(fake_storage + 0x700, 0, 0x30);
	fake_storage[0x714] = 0x10;
	ipl_set16(fake_storage + 0x71a, 0x5000);
	fake_vm.av.gpr[RSI] = 0x700;
	fake_vm.av.gpr[RCX] = 3;
	bios(0x15, 0x8700);
	assert_string_equal((char *)fake_storage + 0x5000, "moved");
	fake_storage[0x717] = 0x80; /* from where nothing is */
	bios(0x15, 0x8700);
	assert_true((flags() & 1) && ah() == 2);
}

static void test_bios_keys_clock_and_ends(void **state)
{
	(void)state;
	make_disk(512);
	bios(0x16, 0x0100);
	assert_true(flags() & BIOS_ZERO);
	bios(0x16, 0x0000);
	assert_false(done());
	vm_console_type(&fake_vm.console, 'a');
	vm_console_type(&fake_vm.console, '\n');
	bios(0x16, 0x0100);
	assert_int_equal(flags() & BIOS_ZERO, 0);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x1e61);
	bios(0x16, 0x0000);
	assert_true(done());
	assert_int_equal(fake_vm.av.gpr[RAX], 0x1e61);
	bios(0x16, 0x1000);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x1c0d);
	ipl_set32(fake_storage + 0x46c, 0x00123456);
	bios(0x1a, 0x0000);
	assert_int_equal(fake_vm.av.gpr[RCX], 0x12);
	assert_int_equal(fake_vm.av.gpr[RDX], 0x3456);
	bios(0x19, 0);
	assert_int_equal(fake_resets, 1);
	/* IRQ 5 or #GP: the 8259 knows */
	fake_ports[0x20] = 0;
	bios(0x0d, 0);
	assert_int_equal(fake_vm.state, VM_ENDED);
	assert_non_null(strstr(fake_vm.why, "V64IPL771E image.bin: exception 0D"));
	assert_non_null(strstr(fake_vm.why, "00007C10"));
}

/* Any function with any registers: answers, or not, but only in the machine's storage. */
static void test_bios_noise(void **state)
{
	static const uint8_t interrupts[] = {0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x1a};
	static const enum seg all[] = {SEG_ES, SEG_DS, SEG_SS};

	(void)state;
	make_disk(70000);
	srand(16);
	for (uint32_t i = 0; i < 60000; i++) {
		for (uint32_t r = 0; r < GPRS; r++)
			fake_vm.av.gpr[r] =
			    (uint64_t)rand() << 33 ^ (uint64_t)rand() << 8 ^ (uint64_t)rand();
		if (rand() % 2)
			fake_vm.av.gpr[RDX] = (fake_vm.av.gpr[RDX] & ~0xffull) | 0x80;
		for (size_t s = 0; s < ARRAY_LEN(all); s++) {
			uint16_t selector = (uint16_t)rand();

			fake_segments[all[s]] =
			    (struct segment){selector, (uint64_t)selector << 4, 0xffff, 0x93};
		}
		fake_regs[VREG_RSP] = (uint64_t)rand();
		ipl_bios_call(&fake_vm, interrupts[(size_t)rand() % ARRAY_LEN(interrupts)]);
		while (rand() % 2 && vm_console_take(&fake_vm.console) >= 0)
			;
	}
	assert_int_not_equal(fake_vm.state, VM_ENDED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_boot_sector),
	    T(test_bios_screen),
	    T(test_bios_long_string),
	    T(test_bios_disk),
	    T(test_bios_diskette),
	    T(test_bios_system),
	    T(test_bios_keys_clock_and_ends),
	    T(test_bios_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
