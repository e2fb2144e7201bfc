/* Tests IPL: each kind of image into a machine, and every way in which a file can be broken.
 * Part: unit tests, on the host.
 * UNIT: vmm/ipl/ipl.c vmm/ipl/messages.c vmm/ipl/linux.c vmm/ipl/multiboot.c vmm/ipl/multiboot2.c vmm/ipl/image.c
 * UNIT: vmm/ipl/boot.c vmm/ipl/flat.c 
 * UNIT: vmm/ipl/tables.c vmm/ipl/firmware.c vmm/ipl/disk.c vmm/firmware/acpi.c vmm/firmware/smbios.c vmm/firmware/mptable.c
 * UNIT: build/firmware/dsdt.c vmm/devices/vfwcfg.c vmm/devices/vflash.c vmm/machine/disks.c vmm/machine/vdisk.c
 * UNIT: vmm/machine/gmem.c vmm/machine/walk.c vmm/machine/console.c lib/string.c lib/printf.c
 */
#include "tests/unit/ipl_load.h"

static void expect_failure(enum ipl_kind kind, int error, const char *number)
{
	assert_int_equal(load(kind), error);
	if (strncmp(why + 6, number, 3) != 0)
		fail_msg("wanted V64IPL%s, got: %s", number, why);
}

/* ---- Linux ---- */

#define SETUP  1024u
#define KERNEL 2048u

static uint8_t linux_image[SETUP + KERNEL];

static uint8_t *make_linux(void)
{
	uint8_t *d = linux_image;

	memset(d, 0, sizeof(linux_image));
	d[0x1f1] = 1;
	ipl_set32(d + 0x1f4, KERNEL / 16);
	ipl_set16(d + 0x1fe, 0xaa55);
	d[0x201] = 0x6a;
	memcpy(d + 0x202, "HdrS", 4);
	ipl_set16(d + 0x206, 0x20f);
	d[0x211] = 0x03;
	ipl_set32(d + 0x214, 0x100000);
	ipl_set32(d + 0x22c, 0x7fffffff);
	ipl_set32(d + 0x230, 0x1000);
	d[0x234] = 1;
	ipl_set16(d + 0x236, 1);
	ipl_set32(d + 0x238, 255);
	ipl_set32(d + 0x248, 16);
	ipl_set32(d + 0x24c, KERNEL - 32);
	ipl_set64(d + 0x258, 0x100000);
	ipl_set32(d + 0x260, 0x20000);
	for (uint32_t i = 0; i < KERNEL; i++)
		d[SETUP + i] = (uint8_t)(i * 13 + i / 256);
	return d;
}

static void expect_e820(uint64_t zero)
{
	assert_int_equal(fake_storage[zero + 0x1e8], 5);
	assert_int_equal(longword(zero + 0x2d0 + 8), 0x9fc00);
	assert_int_equal(word(zero + 0x2d0 + 16), 1);
	assert_int_equal(longword(zero + 0x2d0 + 20), 0x9fc00);
	assert_int_equal(word(zero + 0x2d0 + 36), 2);
	assert_int_equal(longword(zero + 0x2d0 + 40), 0xe0000);
	assert_int_equal(word(zero + 0x2d0 + 56), 2);
	assert_int_equal(longword(zero + 0x2d0 + 60), 0x100000);
	assert_int_equal(longword(zero + 0x2d0 + 68), fake_vm.storage_size - 0x100000);
	assert_int_equal(word(zero + 0x2d0 + 76), 1);
	assert_int_equal(longword(zero + 0x2d0 + 80), 0xe0000000);
}

static void test_linux_64(void **state)
{
	uint64_t zero = 0x10000;
	gpa_t at;
	struct gmem_fault fault;

	(void)state;
	use(make_linux(), sizeof(linux_image));
	assert_int_equal(load_with(IPL_FIND_OUT, NULL, "console=ttyS0 quiet"), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0x100200);
	assert_int_equal(fake_vm.av.gpr[RSI], zero);
	assert_int_equal(fake_regs[VREG_RFLAGS], 2);
	assert_int_equal(fake_regs[VREG_CR0], 0x80000011);
	assert_int_equal(fake_regs[VREG_CR4], 0x20);
	assert_int_equal(fake_regs[VREG_EFER], 0x500);
	assert_int_equal(fake_segments[SEG_CS].selector, 0x10);
	assert_int_equal(fake_segments[SEG_CS].access, 0xa09b);
	assert_int_equal(fake_segments[SEG_DS].selector, 0x18);
	assert_int_equal(fake_segments[SEG_SS].access, 0xc093);
	assert_memory_equal(fake_storage + 0x100000, linux_image + SETUP, KERNEL);
	assert_string_equal((char *)fake_storage + word(zero + 0x228), "console=ttyS0 quiet");
	assert_int_equal(fake_storage[zero + 0x210], 0xff);
	assert_int_equal(fake_storage[zero + 0x211] & 0x83, 0x81);
	assert_int_equal(fake_storage[zero + 0x1ef], 0); /* the sentinel */
	assert_int_equal(longword(zero + 0x70), 0xe0000);
	assert_memory_equal(fake_storage + 0xe0000, "RSD PTR ", 8);
	assert_memory_equal(fake_storage + 0xf0000, "_SM_", 4);
	assert_memory_equal(fake_storage + 0xf0020, "_SM3_", 5);
	assert_int_equal(ipl_u16(fake_storage + 0x400), 0x3f8);
	assert_int_equal(ipl_u16(fake_storage + 0x40e), 0x9fc0);
	assert_int_equal(word(4 * 0x15), 0xf000f000);
	assert_int_equal(word(4 * 0x08), 0xf000f010);
	assert_int_equal(word(4 * 0x77), 0xf000f010);
	assert_int_equal(word(4 * 0x12), 0xf000f030);
	assert_int_equal(word(0xff000), 0x80e58955);
	assert_int_equal(fake_storage[zero + 0x0f], 0); /* no screen */
	assert_int_equal(word(zero + 0x218), 0);
	expect_e820(zero);
	/* The tables map one to one: asked with our own walk. */
	for (uint64_t a = 0x1234; a < GIB(4); a += 0x1fff001) {
		assert_true(gmem_translate(&fake_vm, GVA(a), GMEM_WRITE, &at, &fault));
		assert_int_equal(at.v, a);
	}
	assert_int_equal(longword(fake_regs[VREG_GDTR_BASE] + 0x10), 0x00af9b000000ffffull);
	assert_int_equal(longword(fake_regs[VREG_GDTR_BASE] + 0x18), 0x00cf93000000ffffull);
}

static void test_linux_32(void **state)
{
	(void)state;
	make_linux();
	ipl_set16(linux_image + 0x236, 0);
	use(linux_image, sizeof(linux_image));
	assert_int_equal(load(IPL_LINUX), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0x100000);
	assert_int_equal(fake_regs[VREG_CR0], 0x11);
	assert_int_equal(fake_regs[VREG_EFER], 0);
	assert_int_equal(fake_segments[SEG_CS].access, 0xc09b);
	assert_int_equal(longword(fake_regs[VREG_GDTR_BASE] + 0x10), 0x00cf9b000000ffffull);
	/* protocol 2.06 knows neither a preferred address nor init_size */
	ipl_set16(image + 0x206, 0x206);
	ipl_set64(image + 0x258, 0xffffffffffff0000ull);
	assert_int_equal(load(IPL_LINUX), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0x100000);
}

static void test_linux_initrd(void **state)
{
	uint8_t *rd = malloc(B);
	uint64_t at, size = 0x12345;

	(void)state;
	assert_non_null(rd);
	for (uint64_t i = 0; i < B; i++)
		rd[i] = (uint8_t)(i * 5 + i / 255);
	initrd_file->data = rd;
	initrd_file->size = size;
	use(make_linux(), sizeof(linux_image));
	assert_int_equal(load_with(IPL_LINUX, "initrd.img", ""), 0);
	at = word(0x10218);
	assert_int_equal(word(0x1021c), size);
	assert_int_equal(at, align_down(B - size, PAGE_SIZE));
	assert_memory_equal(fake_storage + at, rd, size);
	/* initrd_addr_max is kept */
	ipl_set32(image + 0x22c, 0x17ffff);
	assert_int_equal(load_with(IPL_LINUX, "initrd.img", ""), 0);
	assert_int_equal(word(0x10218), align_down(0x180000 - size, PAGE_SIZE));
	/* the kernel's own room is kept: above it, else below it, else a message */
	ipl_set32(image + 0x22c, 0x7fffffff);
	ipl_set64(image + 0x258, 0x180000);
	initrd_file->size = 0x70000;
	assert_int_equal(load_with(IPL_LINUX, "initrd.img", ""), 0);
	assert_int_equal(word(0x10218), 0x110000);
	initrd_file->size = 0x60000;
	assert_int_equal(load_with(IPL_LINUX, "initrd.img", ""), 0);
	assert_int_equal(word(0x10218), 0x1a0000);
	initrd_file->size = 0x80001;
	assert_int_equal(load_with(IPL_LINUX, "initrd.img", ""), -E2BIG);
	assert_int_equal(strncmp(why, "V64IPL708E initrd.img: ", 23), 0);
	initrd_file->size = B;
	assert_int_equal(load_with(IPL_LINUX, "initrd.img", ""), -E2BIG);
	assert_int_equal(load_with(IPL_LINUX, "gone", ""), -ENOENT);
	assert_int_equal(load_with(IPL_LINUX, "no-such", ""), -ENOENT);
	assert_int_equal(load_with(IPL_LINUX, "huge", ""), -ENOENT);
	/* a boot sector has no use for one */
	make_linux();
	memset(image, 0, 0x1f0);
	memset(image + 0x202, 0, 4);
	assert_int_equal(load_with(IPL_FIND_OUT, "initrd.img", ""), -EINVAL);
	free(rd);
}

static void broken(uint32_t at, uint64_t value, size_t n, int error, const char *number)
{
	make_linux();
	memcpy(linux_image + at, &value, n);
	use(linux_image, sizeof(linux_image));
	expect_failure(IPL_LINUX, error, number);
}

static void test_linux_broken_header(void **state)
{
	char parm[400];

	(void)state;
	broken(0x1fe, 0, 2, -EINVAL, "722");
	broken(0x202, 0, 1, -EINVAL, "723");
	broken(0x206, 0x201, 2, -EINVAL, "724");
	broken(0x211, 0, 1, -EINVAL, "725");
	broken(0x214, 0, 4, -EINVAL, "734");
	broken(0x1f1, 6, 1, -EINVAL, "726");
	broken(0x1f1, 0xff, 1, -EINVAL, "726");
	broken(0x1f1, 5, 1, -EINVAL, "727");
	broken(0x1f4, UINT32_MAX, 4, -EINVAL, "727");
	broken(0x1f4, 0, 4, -EINVAL, "727");
	broken(0x248, UINT32_MAX, 4, -EINVAL, "728");
	broken(0x24c, UINT32_MAX, 4, -EINVAL, "728");
	broken(0x201, 0x10, 1, -EINVAL, "729");
	broken(0x230, 0x3000, 4, -EINVAL, "730");
	broken(0x230, 0, 4, -EINVAL, "730");
	broken(0x260, UINT32_MAX, 4, -E2BIG, "731");
	broken(0x258, UINT64_MAX, 8, -E2BIG, "731");
	broken(0x258, 0xfffffffffff00000ull, 8, -E2BIG, "731");
	broken(0x258, B - 0x1f000, 8, -E2BIG, "731");
	memset(parm, 'x', sizeof(parm));
	parm[256] = '\0';
	use(make_linux(), sizeof(linux_image));
	assert_int_equal(load_with(IPL_LINUX, "", parm), -EINVAL);
	assert_non_null(strstr(why, "256 characters, this system takes 255"));
	parm[255] = '\0';
	assert_int_equal(load_with(IPL_LINUX, "", parm), 0);
	/* A damaged magic in what is plainly an EFI-stub kernel is not taken for a boot sector. */
	make_linux();
	linux_image[0] = 'M';
	linux_image[1] = 'Z';
	linux_image[0x203] = '?';
	use(linux_image, sizeof(linux_image));
	expect_failure(IPL_FIND_OUT, -EINVAL, "723");
}

static void test_linux_every_truncation(void **state)
{
	(void)state;
	make_linux();
	/* syssize counts paragraphs: up to 15 bytes may be missing at the end */
	for (uint64_t n = 0; n + 16 <= sizeof(linux_image); n++) {
		use(linux_image, n);
		assert_int_not_equal(load(IPL_LINUX), 0);
		if (n != 0)
			assert_true(strstr(why, "not a Linux kernel") || strstr(why, "truncated"));
	}
	use(linux_image, sizeof(linux_image) - 15);
	assert_int_equal(load(IPL_LINUX), 0);
}

static void test_linux_small_machines(void **state)
{
	static const uint64_t sizes[] = {0, 4096, 0x10000, 0xa0000, 0x100000, 0x101000, 0x11f000};

	(void)state;
	use(make_linux(), sizeof(linux_image));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		machine(sizes[i]);
		assert_int_equal(load(IPL_LINUX), -E2BIG);
	}
	machine(0x120000);
	assert_int_equal(load(IPL_LINUX), 0);
}

static void test_too_much_storage(void **state)
{
	(void)state;
	use(make_linux(), sizeof(linux_image));
	fake_vm.storage_size = GIB(3) + PAGE_SIZE;
	expect_failure(IPL_LINUX, -E2BIG, "709");
	fake_vm.storage_size = GIB(3);
	assert_int_equal(load(IPL_LINUX), 0);
}

static uint64_t extreme(void)
{
	static const uint64_t values[] = {
	    0,
	    1,
	    0x7f,
	    0x80,
	    0xff,
	    0x7fff,
	    0x8000,
	    0xffff,
	    0x7fffffff,
	    0x80000000,
	    0xffffffff,
	    0x100000,
	    B,
	    B - 1,
	    B + 1,
	    0xfffff000,
	    UINT64_MAX,
	    1ull << 63,
	    UINT64_MAX - 0xfff,
	};

	return rand() % 3 == 0 ? (uint64_t)rand() << 32 ^ (uint64_t)rand()
			       : values[(size_t)rand() % ARRAY_LEN(values)];
}

/* Random fields at random places of a header: a machine or a message, never a wild access. */
static void fuzz(uint8_t *(*make)(void), uint8_t *from, uint64_t size, uint32_t first,
		 uint32_t last, enum ipl_kind kind, uint32_t rounds)
{
	uint32_t loaded = 0, refused = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t changes = 1 + (uint32_t)rand() % 3;

		make();
		while (changes--) {
			uint64_t value = extreme();
			uint32_t at = first + (uint32_t)rand() % (last - first);
			size_t n = 1u << rand() % 4;

			if (rand() % 2)
				at &= ~3u;
			if (at + n <= size)
				memcpy(from + at, &value, n);
		}
		use(from, rand() % 4 ? size : (uint64_t)rand() % size);
		if (load_with(kind, rand() % 2 ? "initrd.img" : "", "a b c") == 0)
			loaded++;
		else
			refused++;
	}
	assert_true(loaded > rounds / 50 && refused > rounds / 50);
}

static void test_linux_fuzz(void **state)
{
	static const uint8_t rd[5000];

	(void)state;
	srand(2);
	initrd_file->data = rd;
	initrd_file->size = sizeof(rd);
	fuzz(make_linux, linux_image, sizeof(linux_image), 0x1f0, 0x268, IPL_LINUX, 3000);
	fuzz(make_linux, linux_image, sizeof(linux_image), 0, 0x268, IPL_FIND_OUT, 500);
}

/* ---- Multiboot ---- */

#define MB_HEADER 0x200u
static uint8_t elf32[0x1000], elf64[0x1000], kludge[0x1000];

static void mb_header(uint8_t *h, uint32_t flags)
{
	ipl_set32(h, 0x1badb002);
	ipl_set32(h + 4, flags);
	ipl_set32(h + 8, 0u - 0x1badb002u - flags);
}

static void elf_start(uint8_t *d, uint8_t class, uint16_t machine)
{
	memcpy(d,
	       "\x7f"
	       "ELF",
	       4);
	d[4] = class;
	d[5] = 1;
	ipl_set16(d + 16, 2);
	ipl_set16(d + 18, machine);
}

/* Two pieces: the first linked 0xc0000000 higher than loaded, the second only zeros behind some
 * data. */
static uint8_t *make_elf32(void)
{
	static const uint32_t headers[2][8] = {
	    {1, 0x200, 0xc0100000, 0x100000, 0x800, 0x800, 5, 0x1000},
	    {1, 0xa00, 0xc0102000, 0x102000, 0x100, 0x3000, 6, 0x1000},
	};

	memset(elf32, 0, sizeof(elf32));
	for (uint32_t i = 0x200; i < sizeof(elf32); i++)
		elf32[i] = (uint8_t)(i * 7 + i / 256);
	elf_start(elf32, 1, 3);
	ipl_set32(elf32 + 24, 0xc0100040);
	ipl_set32(elf32 + 28, 52);
	ipl_set16(elf32 + 42, 32);
	ipl_set16(elf32 + 44, 2);
	memcpy(elf32 + 52, headers, sizeof(headers));
	mb_header(elf32 + MB_HEADER, 3);
	return elf32;
}

static uint8_t *make_elf64(void)
{
	memset(elf64, 0, sizeof(elf64));
	elf_start(elf64, 2, 62);
	ipl_set64(elf64 + 24, 0x100010);
	ipl_set64(elf64 + 32, 64);
	ipl_set16(elf64 + 54, 56);
	ipl_set16(elf64 + 56, 1);
	ipl_set32(elf64 + 64, 1);
	ipl_set64(elf64 + 64 + 8, 0x200);
	ipl_set64(elf64 + 64 + 16, 0x100000);
	ipl_set64(elf64 + 64 + 24, 0x100000);
	ipl_set64(elf64 + 64 + 32, 0x400);
	ipl_set64(elf64 + 64 + 40, 0x1400);
	mb_header(elf64 + MB_HEADER, 0);
	return elf64;
}

static uint8_t *make_kludge(void)
{
	memset(kludge, 0x90, sizeof(kludge));
	mb_header(kludge + 0x40, 0x10002);
	ipl_set32(kludge + 0x4c, 0x100040); /* header_addr */
	ipl_set32(kludge + 0x50, 0x100000); /* load_addr */
	ipl_set32(kludge + 0x54, 0x100c00); /* load_end_addr */
	ipl_set32(kludge + 0x58, 0x102000); /* bss_end_addr */
	ipl_set32(kludge + 0x5c, 0x100060); /* entry_addr */
	return kludge;
}

static void test_multiboot_elf32(void **state)
{
	uint64_t info, module;
	static const uint8_t rd[0x1234] = {1, 2, 3};

	(void)state;
	initrd_file->data = rd;
	initrd_file->size = sizeof(rd);
	use(make_elf32(), sizeof(elf32));
	assert_int_equal(load_with(IPL_FIND_OUT, "initrd.img", "one two"), 0);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x2badb002);
	assert_int_equal(fake_regs[VREG_RIP], 0x100040);
	assert_int_equal(fake_regs[VREG_CR0], 0x11);
	assert_int_equal(fake_segments[SEG_CS].access, 0xc09b);
	assert_memory_equal(fake_storage + 0x100000, elf32 + 0x200, 0x800);
	assert_memory_equal(fake_storage + 0x102000, elf32 + 0xa00, 0x100);
	assert_int_equal(word(0x102100), 0);
	info = fake_vm.av.gpr[RBX];
	assert_true(info < 0x9fc00 && (word(info) & 0x24d) == 0x24d);
	assert_int_equal(word(info + 4), 639);
	assert_int_equal(word(info + 8), (B - 0x100000) / 1024);
	assert_string_equal((char *)fake_storage + word(info + 16), "image.bin one two");
	assert_string_equal((char *)fake_storage + word(info + 64), "VM/64");
	assert_int_equal(word(info + 20), 1);
	module = word(word(info + 24));
	assert_int_equal(word(word(info + 24) + 4), module + sizeof(rd));
	assert_int_equal(module % PAGE_SIZE, 0);
	assert_memory_equal(fake_storage + module, rd, sizeof(rd));
	assert_string_equal((char *)fake_storage + word(word(info + 24) + 8), "initrd.img");
	assert_int_equal(word(info + 44), 120);
	assert_int_equal(word(word(info + 48)), 20);
	assert_int_equal(longword(word(info + 48) + 72 + 4), 0x100000);
	assert_int_equal(longword(word(info + 48) + 72 + 12), B - 0x100000);
}

static void test_multiboot_others(void **state)
{
	(void)state;
	use(make_elf64(), sizeof(elf64));
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0x100010);
	assert_int_equal(word(0x100000), 0x1badb002);
	use(make_kludge(), sizeof(kludge));
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0x100060);
	assert_memory_equal(fake_storage + 0x100000, kludge, 0xc00);
	assert_int_equal(word(0x100c00), 0);
	/* load_end 0 = the whole file, bss_end 0 = none */
	ipl_set64(image + 0x54, 0);
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_memory_equal(fake_storage + 0x100000, image, sizeof(kludge));
	/* Loaded over where the information would go: it goes elsewhere. */
	make_kludge();
	ipl_set32(kludge + 0x4c, 0x9e040);
	ipl_set32(kludge + 0x50, 0x9e000);
	ipl_set32(kludge + 0x54, 0);
	ipl_set32(kludge + 0x58, 0);
	ipl_set32(kludge + 0x5c, 0x9e060);
	use(kludge, sizeof(kludge));
	assert_int_equal(load(IPL_MULTIBOOT), 0);
	assert_int_equal(fake_vm.av.gpr[RBX], 0x9d000);
}

/* Loads an image that asks for such a screen; returns where the information about the one it got begins. */
static uint32_t mb_screen(uint32_t kind, uint32_t width, uint32_t height, uint32_t bits)
{
	make_elf32();
	mb_header(elf32 + MB_HEADER, 4);
	ipl_set32(elf32 + MB_HEADER + 32, kind);
	ipl_set32(elf32 + MB_HEADER + 36, width);
	ipl_set32(elf32 + MB_HEADER + 40, height);
	ipl_set32(elf32 + MB_HEADER + 44, bits);
	use(elf32, sizeof(elf32));
	fake_make_display();
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(word((uint32_t)fake_vm.av.gpr[RBX]) & 0x1000, 0x1000);
	return (uint32_t)fake_vm.av.gpr[RBX] + 88;
}

/* The same mode as a VESA BIOS tells it. */
static void expect_vbe(uint32_t info)
{
	static const uint8_t sizes[] = { 5, 11, 7, 6, 3, 1 };
	uint32_t control = word(info + 72), mode = word(info + 76);

	assert_int_equal(word(info) & 0x1800, 0x1800);
	assert_int_equal(ipl_u16(fake_storage + info + 80), 0xffff);
	assert_true(control > info && mode == control + 512 && control < 0x100000);
	assert_memory_equal(fake_storage + control, "VESA\0\3", 6);
	assert_int_equal(ipl_u16(fake_storage + ipl_u16(fake_storage + control + 16) * 16 +
				 ipl_u16(fake_storage + control + 14)), 0xffff);
	assert_int_equal(ipl_u16(fake_storage + control + 18), 64);
	assert_int_equal(ipl_u16(fake_storage + mode) & 0x91, 0x91);
	assert_int_equal(ipl_u16(fake_storage + mode + 16), 1920);
	assert_int_equal(word(mode + 18), 480 << 16 | 640);
	assert_int_equal(fake_storage[mode + 25], 24);
	assert_int_equal(fake_storage[mode + 27], 6);
	assert_memory_equal(fake_storage + mode + 31, sizes, sizeof(sizes));
	assert_int_equal(word(mode + 40), 0xf1000000);
	assert_int_equal(ipl_u16(fake_storage + mode + 50), 1920);
	assert_memory_equal(fake_storage + mode + 54, sizes, sizeof(sizes));
}

static void test_multiboot_screen(void **state)
{
	static const uint8_t colours[] = { 11, 5, 6, 7, 1, 3 };
	uint32_t at;

	(void)state;
	at = mb_screen(0, 640, 480, 24);
	assert_int_equal(longword(at), 0xf1000000);
	assert_int_equal(word(at + 8), 640 * 3);
	assert_int_equal(word(at + 12), 640);
	assert_int_equal(word(at + 16), 480);
	assert_int_equal(fake_storage[at + 20], 24);
	assert_int_equal(fake_storage[at + 21], 1);
	assert_memory_equal(fake_storage + at + 22, colours, sizeof(colours));
	expect_vbe(at - 88);
	/* the size is more than the depth, a picture is more than its size */
	at = mb_screen(0, 640, 480, 8);
	assert_int_equal(word(at + 12), 640);
	assert_int_equal(fake_storage[at + 20], 32);
	at = mb_screen(0, 5000, UINT32_MAX, 16);
	assert_int_equal(word(at + 12), 1024);
	assert_int_equal(fake_picture.height, 768);
	at = mb_screen(0, 0, 0, 0);
	assert_int_equal(word(at + 12), 1024);
	/* text, and no wish at all */
	at = mb_screen(1, 80, 25, 0);
	assert_int_equal(longword(at), 0xb8000);
	assert_int_equal(fake_storage[at + 21], 2);
	assert_int_equal(fake_picture.bits, 0);
	assert_int_equal(word(at - 88) & 0x800, 0);
	use(make_elf32(), sizeof(elf32));
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(longword((uint32_t)fake_vm.av.gpr[RBX] + 88), 0xb8000);
	assert_int_equal(fake_picture.bits, 0);
}

static void mb_broken(uint8_t *(*make)(void), uint64_t size, uint32_t at, uint64_t value, size_t n,
		      const char *number)
{
	uint8_t *d = make();

	memcpy(d + at, &value, n);
	use(d, size);
	assert_int_not_equal(load(IPL_MULTIBOOT), 0);
	if (strncmp(why + 6, number, 3) != 0)
		fail_msg("wanted V64IPL%s, got: %s", number, why);
}

static void test_multiboot_broken(void **state)
{
	(void)state;
	mb_broken(make_elf32, sizeof(elf32), MB_HEADER + 8, 0, 4, "742");
	assert_int_equal(load(IPL_FIND_OUT), -EINVAL); /* an ELF file is nothing else */
	mb_broken(make_elf32, sizeof(elf32), MB_HEADER, 0, 4, "741");
	memset(image + 4, 0, 60); /* no program, for no machine */
	expect_failure(IPL_FIND_OUT, -EINVAL, "750");
	mb_broken(make_elf32, sizeof(elf32), 0, 0, 4, "749");
	mb_broken(make_elf32, sizeof(elf32), 18, 40, 2, "750");
	mb_broken(make_elf32, sizeof(elf32), 4, 7, 1, "750");
	mb_broken(make_elf32, sizeof(elf32), 28, UINT32_MAX, 4, "751");
	mb_broken(make_elf32, sizeof(elf32), 42, 1, 2, "751");
	mb_broken(make_elf32, sizeof(elf32), 44, 0xffff, 2, "751");
	mb_broken(make_elf32, sizeof(elf32), 44, 0, 2, "752");
	mb_broken(make_elf32, sizeof(elf32), 52 + 4, UINT32_MAX, 4, "747");
	mb_broken(make_elf32, sizeof(elf32), 52 + 12, UINT32_MAX, 4, "748");
	mb_broken(make_elf32, sizeof(elf32), 52 + 12, B - 0x7ff, 4, "748");
	mb_broken(make_elf32, sizeof(elf32), 52 + 20, 0x7ff, 4, "751"); /* memory less than file */
	mb_broken(make_elf32, sizeof(elf32), 52 + 52, UINT32_MAX, 4, "748");
	mb_broken(make_elf32, sizeof(elf32), 24, 0x50000000, 4, "753");
	mb_broken(make_elf64, sizeof(elf64), 64 + 40, UINT64_MAX, 8, "748");
	mb_broken(make_elf64, sizeof(elf64), 64 + 24, UINT64_MAX - 0x100, 8, "748");
	mb_broken(make_elf64, sizeof(elf64), 64 + 8, UINT64_MAX - 0x100, 8, "747");
	mb_broken(make_elf64, sizeof(elf64), 32, UINT64_MAX - 0x10, 8, "751");
	mb_broken(make_kludge, sizeof(kludge), 0x4c, 0x0fffff, 4, "746");
	mb_broken(make_kludge, sizeof(kludge), 0x4c, 0x100041, 4, "746");
	mb_broken(make_kludge, sizeof(kludge), 0x54, 0x0fffff, 4, "746");
	mb_broken(make_kludge, sizeof(kludge), 0x58, 0x100bff, 4, "746");
	mb_broken(make_kludge, sizeof(kludge), 0x58, 0xffffffff, 4, "748");
	mb_broken(make_kludge, sizeof(kludge), 0x54, 0x101001, 4, "747");
	mb_broken(make_kludge, sizeof(kludge), 0x5c, 0x100c00, 4, "753");
	make_elf32();
	mb_header(elf32 + MB_HEADER, 4);
	use(elf32, sizeof(elf32));
	expect_failure(IPL_MULTIBOOT, -EINVAL, "744"); /* a screen, and there is no display */
	mb_header(image + MB_HEADER, 0x80);
	expect_failure(IPL_MULTIBOOT, -EINVAL, "743");
}

static void test_multiboot_truncation_and_fuzz(void **state)
{
	(void)state;
	make_elf32();
	for (uint64_t n = 0; n < 0xb00; n++) {
		use(elf32, n);
		assert_int_not_equal(load(IPL_MULTIBOOT), 0);
	}
	make_kludge();
	for (uint64_t n = 0; n < 0xc00; n++) {
		use(kludge, n);
		assert_int_not_equal(load(IPL_MULTIBOOT), 0);
	}
	srand(3);
	fuzz(make_elf32, elf32, sizeof(elf32), 0, 120, IPL_MULTIBOOT, 1500);
	fuzz(make_elf64, elf64, sizeof(elf64), 0, 120, IPL_MULTIBOOT, 1500);
	fuzz(make_kludge, kludge, sizeof(kludge), 0x4c, 0x60, IPL_MULTIBOOT, 1500);
}

/* ---- boot sectors, flat systems, the file table ---- */

static void test_boot_and_flat_refusals(void **state)
{
	static uint8_t flat[0x8fc01] = {0xeb, 0xfe};

	(void)state;
	for (uint64_t n = 1; n < 512; n++) {
		use(flat, n);
		expect_failure(IPL_BOOT, -EINVAL, "761");
	}
	use(flat, 512);
	expect_failure(IPL_BOOT, -ENOENT, "781");	/* no SeaBIOS here: test_ipl_firmware.c has one */
	use(flat, 0);
	expect_failure(IPL_FIND_OUT, -EINVAL, "705");
	use(flat, sizeof(flat));
	expect_failure(IPL_FIND_OUT, -E2BIG, "763");
	use((const uint8_t *)"\x1f\x8b\x08 and so on and so on", 24);
	expect_failure(IPL_FIND_OUT, -EINVAL, "714");
	use(flat, sizeof(flat) - 1);
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0);
	assert_int_equal(fake_segments[SEG_CS].base, 0x10000);
	assert_int_equal(fake_vm.av.gpr[RDX], 0);
	assert_int_equal(word(0x10000), 0xfeeb);
	machine(0xff000);
	expect_failure(IPL_FLAT, -E2BIG, "710");
	machine(0);
	expect_failure(IPL_FLAT, -E2BIG, "710");
}

static void test_file_table(void **state)
{
	struct ipl_request r = {.file = "gone"};
	static const struct {
		const char *name, *number;
	} cases[] = {
	    {"gone", "702"}, {"huge", "703"}, {"torn", "704"}, {"nowhere", "702"}, {"", "701"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		r.file = cases[i].name;
		assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -ENOENT);
		assert_int_equal(strncmp(why + 6, cases[i].number, 3), 0);
		assert_non_null(strstr(why, cases[i].name));
	}
	r.file = NULL;
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -ENOENT);
	assert_int_equal(ipl_load(&fake_vm, &r, why, 5), -ENOENT);
	assert_string_equal(why, "V64I");
	assert_ptr_equal(ipl_find_file("IMAGE.BIN"), image_file);
	assert_string_equal(ipl_file_at(1)->name, "initrd.img");
	assert_null(ipl_file_at(64));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_linux_64),
	    T(test_linux_32),
	    T(test_linux_initrd),
	    T(test_linux_broken_header),
	    T(test_linux_every_truncation),
	    T(test_linux_small_machines),
	    T(test_too_much_storage),
	    T(test_linux_fuzz),
	    T(test_multiboot_elf32),
	    T(test_multiboot_others),
	    T(test_multiboot_screen),
	    T(test_multiboot_broken),
	    T(test_multiboot_truncation_and_fuzz),
	    T(test_boot_and_flat_refusals),
	    T(test_file_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
