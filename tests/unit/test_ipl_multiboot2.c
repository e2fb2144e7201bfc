/* Tests multiboot 2: header tags, where images go, the information they get, broken headers of all kinds.
 * Part: unit tests, on the host.
 * UNIT: vmm/ipl/ipl.c vmm/ipl/messages.c vmm/ipl/linux.c vmm/ipl/multiboot.c vmm/ipl/multiboot2.c vmm/ipl/image.c
 * UNIT: vmm/ipl/boot.c vmm/ipl/flat.c
 * UNIT: vmm/ipl/tables.c vmm/ipl/firmware.c vmm/ipl/disk.c vmm/firmware/acpi.c vmm/firmware/smbios.c vmm/firmware/mptable.c
 * UNIT: build/firmware/dsdt.c vmm/devices/vfwcfg.c vmm/devices/vflash.c vmm/machine/disks.c vmm/machine/vdisk.c
 * UNIT: vmm/machine/gmem.c vmm/machine/walk.c vmm/machine/console.c lib/string.c lib/printf.c
 */
#include "tests/unit/ipl_load.h"

#define HEADER 0x200u
#define SIZE   0x2000u

static uint8_t img[SIZE];
static uint32_t tag_at; /* where the next header tag goes */

static void begin(void)
{
	ipl_set32(img + HEADER, 0xe85250d6);
	ipl_set32(img + HEADER + 4, 0);
	tag_at = HEADER + 16;
}

static uint32_t tag(uint16_t type, uint16_t flags, uint32_t size, const uint32_t *words)
{
	uint32_t at = tag_at;

	ipl_set16(img + at, type);
	ipl_set16(img + at + 2, flags);
	ipl_set32(img + at + 4, size);
	for (uint32_t i = 8; i + 4 <= size && words; i += 4)
		ipl_set32(img + at + i, *words++);
	tag_at = (at + size + 7) & ~7u;
	return at;
}

static void finish(void)
{
	uint32_t length;

	tag(0, 0, 8, NULL);
	length = tag_at - HEADER;
	ipl_set32(img + HEADER + 8, length);
	ipl_set32(img + HEADER + 12, 0u - 0xe85250d6u - ipl_u32(img + HEADER + 4) - length);
}

/* A class 1 file: one piece at 1 MiB, its sections: none, .text, symbols without an address. */
static void elf32(void)
{
	static const uint32_t program[8] = { 1, 0x200, 0x100000, 0x100000, 0x1000, 0x1800, 7, 0x1000 };
	static const uint32_t sections[3][10] = {
		{ 0 }, { 1, 1, 6, 0x100000, 0x200, 0x1000, 0, 0, 16, 0 }, { 7, 2, 0, 0, 0x1800, 0x123, 0, 0, 4, 16 },
	};

	memset(img, 0, sizeof(img));
	for (uint32_t i = 0x400; i < SIZE; i++)
		img[i] = (uint8_t)(i * 7 + i / 256);
	memcpy(img, "\x7f" "ELF\1\1", 6);
	ipl_set16(img + 16, 2);
	ipl_set16(img + 18, 3);
	ipl_set32(img + 24, 0x100020);
	ipl_set32(img + 28, 52);
	ipl_set32(img + 32, 0x1c00);
	ipl_set16(img + 42, 32);
	ipl_set16(img + 44, 1);
	ipl_set16(img + 46, 40);
	ipl_set16(img + 48, 3);
	ipl_set16(img + 50, 2);
	memcpy(img + 52, program, sizeof(program));
	memcpy(img + 0x1c00, sections, sizeof(sections));
	begin();
}

static void elf64(void)
{
	memset(img, 0, sizeof(img));
	memcpy(img, "\x7f" "ELF\2\1", 6);
	ipl_set16(img + 18, 62);
	ipl_set64(img + 24, 0xffffffff80100040u);
	ipl_set64(img + 32, 64);
	ipl_set16(img + 54, 56);
	ipl_set16(img + 56, 1);
	ipl_set32(img + 64, 1);
	ipl_set64(img + 64 + 8, 0x200);
	ipl_set64(img + 64 + 16, 0xffffffff80100000u);
	ipl_set64(img + 64 + 24, 0x100000);
	ipl_set64(img + 64 + 32, 0x400);
	ipl_set64(img + 64 + 40, 0x2400);
	begin();
}

/* The information's tag of a kind; 0 = there is none. Checks the whole list on the way. */
static uint32_t info_tag(uint32_t type)
{
	uint32_t info = (uint32_t)fake_vm.av.gpr[RBX], end = info + word(info), at = info + 8, found = 0;

	assert_int_equal(info % 8, 0);
	assert_int_equal(word(info + 4), 0);
	for (;;) {
		assert_true(at + 8 <= end && word(at + 4) >= 8 && at + word(at + 4) <= end);
		if (word(at) == type && !found)
			found = at;
		if (word(at) == 0)
			break;
		at = (at + word(at + 4) + 7) & ~7u;
	}
	assert_int_equal(at + 8, end);
	return found;
}

static void load_good(const char *initrd, const char *parm)
{
	use(img, SIZE);
	if (load_with(IPL_FIND_OUT, initrd, parm) != 0)
		fail_msg("%s", why);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x36d76289);
	assert_int_equal(fake_regs[VREG_CR0], 0x11);
	assert_int_equal(fake_segments[SEG_CS].access, 0xc09b);
}

static void test_elf32(void **state)
{
	static const uint8_t rd[0x1234] = { 1, 2, 3 };
	static const uint32_t request[] = { 1, 2, 3, 4, 6, 9, 14, 15 };
	uint32_t at, section;

	(void)state;
	initrd_file->data = rd;
	initrd_file->size = sizeof(rd);
	elf32();
	tag(1, 0, 8 + sizeof(request), request);
	tag(6, 0, 8, NULL);
	finish();
	load_good("initrd.img", "one two");
	assert_int_equal(fake_regs[VREG_RIP], 0x100020);
	assert_memory_equal(fake_storage + 0x100000, img + 0x200, 0x1000);
	assert_int_equal(word(0x101000), 0);
	assert_true(fake_vm.av.gpr[RBX] < 0x9fc00);
	assert_string_equal((char *)fake_storage + info_tag(1) + 8, "image.bin one two");
	assert_string_equal((char *)fake_storage + info_tag(2) + 8, "VM/64");
	at = info_tag(3);
	assert_string_equal((char *)fake_storage + at + 16, "initrd.img");
	assert_int_equal(word(at + 12), word(at + 8) + sizeof(rd));
	assert_int_equal(word(at + 8) % 4096, 0);
	assert_memory_equal(fake_storage + word(at + 8), rd, sizeof(rd));
	at = info_tag(4);
	assert_int_equal(word(at + 8), 639);
	assert_int_equal(word(at + 12), (B - 0x100000) / 1024);
	at = info_tag(6);
	assert_int_equal(word(at + 4), 16 + 5 * 24);
	assert_int_equal(word(at + 8), 24);
	assert_int_equal(longword(at + 16 + 3 * 24), 0x100000);
	assert_int_equal(longword(at + 16 + 3 * 24 + 8), B - 0x100000);
	at = info_tag(9);
	assert_int_equal(word(at + 8), 3);
	assert_int_equal(word(at + 12), 40);
	assert_int_equal(word(at + 16), 2);
	assert_int_equal(word(at + 20 + 40 + 12), 0x100000);
	section = word(at + 20 + 80 + 12);
	assert_true(section >= 0x101800 && section + 0x123 <= B);
	assert_memory_equal(fake_storage + section, img + 0x1800, 0x123);
	assert_memory_equal(fake_storage + info_tag(14) + 8, "RSD PTR ", 8);
	assert_int_equal(word(info_tag(14) + 4), 28);
	assert_int_equal(word(info_tag(15) + 4), 44);
	assert_memory_equal(fake_storage + info_tag(15) + 8, fake_storage + 0xe0000, 36);
	assert_int_equal(info_tag(8), 0);
	assert_int_equal(info_tag(21), 0);
}

static void test_elf64_and_screen(void **state)
{
	static const uint32_t text[] = { 80, 25, 0 }, graphics[] = { 1024, 768, 32 }, request[] = { 8 };
	static const uint32_t console[] = { 3 }, no_wish[] = { 0, 0, 0 };
	static const uint8_t colours[] = { 11, 5, 6, 7, 1, 3 };
	uint32_t at;

	(void)state;
	fake_make_display();
	elf64();
	tag(4, 0, 12, console);
	tag(5, 0, 20, text);
	tag(1, 0, 12, request);
	finish();
	load_good("", "");
	assert_int_equal(fake_regs[VREG_RIP], 0x100040);
	at = info_tag(8);
	assert_int_equal(word(at + 4), 32);
	assert_int_equal(info_tag(7), 0);
	assert_int_equal(longword(at + 8), 0xb8000);
	assert_int_equal(word(at + 16), 160);
	assert_int_equal(fake_storage[at + 29], 2);
	assert_int_equal(fake_picture.bits, 0);
	/* a picture, whether it must be or only may */
	for (uint16_t optional = 0; optional < 2; optional++) {
		elf64();
		tag(4, 0, 12, console);
		tag(5, optional, 20, graphics);
		finish();
		load_good("", "");
		at = info_tag(8);
		assert_int_equal(word(at + 4), 38);
		assert_int_equal(longword(at + 8), 0xf1000000);
		assert_int_equal(word(at + 16), 1024 * 4);
		assert_int_equal(word(at + 20), 1024);
		assert_int_equal(word(at + 24), 768);
		assert_int_equal(fake_storage[at + 28], 32);
		assert_int_equal(fake_storage[at + 29], 1);
		assert_memory_equal(fake_storage + at + 32, colours, sizeof(colours));
		at = info_tag(7);
		assert_int_equal(word(at + 4), 784);
		assert_memory_equal(fake_storage + at + 16, "VESA", 4);
		assert_int_equal(word(at + 16 + 512 + 40), 0xf1000000);
	}
	elf64();
	tag(5, 0, 20, no_wish);
	finish();
	load_good("", "");
	assert_int_equal(word(info_tag(8) + 20), 1024);
	/* without a display: only where it may be left out, or text will do */
	fake_devices.options.vga = NULL;
	fake_devices.platform.vga = false;
	elf64();
	tag(5, 1, 20, graphics);
	finish();
	load_good("", "");
	assert_int_equal(info_tag(8), 0);
	elf64();
	tag(5, 0, 20, graphics);
	finish();
	use(img, SIZE);
	assert_int_equal(load(IPL_MULTIBOOT), -EINVAL);
	assert_int_equal(strncmp(why, "V64IPL744E", 10), 0);
}

static void test_addresses(void **state)
{
	static const uint32_t addresses[] = { 0x100200, 0x100100, 0x100900, 0x103000 }, entry[] = { 0x100400 };
	static const uint32_t whole[] = { 0x110200, UINT32_MAX, 0, 0 }, there[] = { 0x110010 };

	(void)state;
	memset(img, 0x90, sizeof(img));
	begin();
	tag(2, 0, 24, addresses);
	tag(3, 0, 12, entry);
	finish();
	load_good("", "");
	assert_int_equal(fake_regs[VREG_RIP], 0x100400);
	assert_memory_equal(fake_storage + 0x100100, img + 0x100, 0x800);
	assert_int_equal(word(0x100900), 0);
	assert_int_equal(info_tag(9), 0);
	begin();
	tag(2, 0, 24, whole);
	tag(3, 0, 12, there);
	finish();
	load_good("", "");
	assert_memory_equal(fake_storage + 0x110000, img, SIZE);
}

static void test_movable(void **state)
{
	static const uint32_t lowest[] = { 0x120000, 0x1fffff, 0x4000, 1 }, highest[] = { 0, 0x17ffff, 0x1000, 2 };
	static const uint32_t none[] = { 0, UINT32_MAX, 0x1000, 0 }, request[] = { 21 };
	static const uint32_t small[] = { 0x1ff000, 0x1fffff, 0x1000, 1 }, odd[] = { 0, UINT32_MAX, 0x3000, 1 };

	(void)state;
	elf32();
	tag(10, 0, 24, lowest);
	tag(1, 0, 12, request);
	finish();
	load_good("", "");
	assert_int_equal(fake_regs[VREG_RIP], 0x120020);
	assert_memory_equal(fake_storage + 0x120000, img + 0x200, 0x1000);
	assert_int_equal(word(info_tag(21) + 8), 0x120000);
	elf32();
	tag(10, 0, 24, highest);
	finish();
	load_good("", "");
	assert_int_equal(word(info_tag(21) + 8), 0x17e000);
	assert_int_equal(fake_regs[VREG_RIP], 0x17e020);
	/* linked where there is no storage: it is moved */
	elf32();
	ipl_set32(img + 24, 0x80000020);
	ipl_set32(img + 52 + 8, 0x80000000);
	ipl_set32(img + 52 + 12, 0x80000000);
	tag(10, 0, 24, none);
	finish();
	load_good("", "");
	assert_int_equal(fake_regs[VREG_RIP], 0x100020);
	elf32();
	tag(10, 0, 24, none);
	finish();
	load_good("", "");
	assert_int_equal(word(info_tag(21) + 8), 0x100000);
	elf32();
	tag(10, 0, 24, small);
	finish();
	use(img, SIZE);
	assert_int_equal(load(IPL_MULTIBOOT), -E2BIG);
	elf32();
	tag(10, 0, 24, odd);
	finish();
	use(img, SIZE);
	assert_int_equal(load(IPL_MULTIBOOT), -EINVAL);
	assert_int_equal(strncmp(why, "V64IPL756E", 10), 0);
}

static void refused(const char *number)
{
	use(img, SIZE);
	assert_int_not_equal(load(IPL_FIND_OUT), 0);
	if (strncmp(why + 6, number, 3) != 0)
		fail_msg("wanted V64IPL%s, got: %s", number, why);
}

static void test_refusals(void **state)
{
	static const uint32_t boot_device[] = { 5 }, screen[] = { 8 }, console[] = { 1 };
	static const uint32_t addresses[] = { 0x100200, 0x100000, 0, 0 };

	(void)state;
	elf32();
	finish();
	img[HEADER + 12]++;
	refused("742");
	assert_non_null(strstr(why, "wrong checksum"));
	elf32();
	ipl_set32(img + HEADER + 4, 4);
	finish();
	refused("758");
	elf32();
	tag(99, 0, 16, NULL);
	finish();
	refused("755");
	elf32();
	tag(99, 1, 16, NULL);
	tag(7, 0, 8, NULL);
	finish();
	load_good("", "");
	elf32();
	tag(3, 0, 8, NULL);
	finish();
	refused("756");
	elf32();
	ipl_set32(img + tag(6, 0, 8, NULL) + 4, 0);
	finish();
	refused("756");
	elf32();
	ipl_set32(img + tag(6, 0, 8, NULL) + 4, 0x7fffffff);
	finish();
	refused("756");
	elf32();
	tag(1, 0, 12, boot_device);
	finish();
	refused("757");
	elf32();
	tag(1, 1, 12, boot_device);
	finish();
	load_good("", "");
	elf32();
	tag(1, 0, 12, screen);
	finish();
	refused("757");
	elf32();
	tag(4, 0, 12, console);
	finish();
	refused("744");
	elf32();
	tag(2, 0, 24, addresses);
	finish();
	refused("759");
	elf32();
	finish();
	ipl_set32(img + HEADER + 8, 0xffff0000);
	ipl_set32(img + HEADER + 12, 0u - 0xe85250d6u - 0xffff0000u);
	refused("745");
	/* no end tag: the header's length stops it */
	elf32();
	finish();
	ipl_set32(img + HEADER + 8, 16);
	ipl_set32(img + HEADER + 12, 0u - 0xe85250d6u - 16u);
	refused("756");
}

static uint32_t extreme(void)
{
	static const uint32_t values[] = { 0, 1, 7, 8, 16, 0xff, 0xffff, 0x7fffffff, 0x80000000, UINT32_MAX, 0x100000, B, B - 1 };

	return rand() % 3 == 0 ? (uint32_t)rand() : values[(size_t)rand() % ARRAY_LEN(values)];
}

/* Any field of header, program headers and section headers: a machine or a message. */
static void test_fuzz(void **state)
{
	static const uint32_t addresses[] = { 0x100200, 0x100100, 0x100900, 0x103000 }, entry[] = { 0x100400 };
	static const uint32_t movable[] = { 0x100000, 0x1fffff, 0x1000, 1 }, request[] = { 1, 4, 9 };
	uint32_t good = 0, bad = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 6000; i++) {
		if (i % 3)
			elf32();
		else
			elf64();
		if (rand() % 4 == 0) {
			tag(2, 0, 24, addresses);
			tag(3, 0, 12, entry);
		}
		if (rand() % 2)
			tag(10, 0, 24, movable);
		tag(1, 1, 20, request);
		finish();
		for (int k = rand() % 3; k >= 0; k--) {
			uint32_t at = rand() % 3 == 0 ? 24 + (uint32_t)rand() % 100 : rand() % 2 ? HEADER + 16 + (uint32_t)rand() % 96 :
					0x1c00 + (uint32_t)rand() % 120;

			ipl_set32(img + (at & ~3u), extreme());
		}
		if (rand() % 3 == 0)
			ipl_set16(img + 48, rand());
		use(img, rand() % 5 ? SIZE : (uint64_t)rand() % SIZE);
		if (load_with(IPL_MULTIBOOT, rand() % 2 ? "initrd.img" : "", "a b") == 0) {
			good++;
			info_tag(0);
		} else {
			bad++;
		}
	}
	assert_true(good > 500 && bad > 500);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_elf32), T(test_elf64_and_screen), T(test_addresses), T(test_movable), T(test_refusals), T(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
