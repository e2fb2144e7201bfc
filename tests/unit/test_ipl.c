/* Tests IPL: each kind of image into a machine, every way in which a file can be broken, and the tiny BIOS.
 * Part: unit tests, on the host.
 * UNIT: vmm/ipl/ipl.c vmm/ipl/messages.c vmm/ipl/linux.c vmm/ipl/multiboot.c vmm/ipl/boot.c vmm/ipl/flat.c
 * UNIT: vmm/ipl/bios.c vmm/ipl/bios_disk.c vmm/ipl/bios_screen.c vmm/ipl/bios_system.c vmm/machine/gmem.c
 * UNIT: vmm/machine/console.c lib/string.c lib/printf.c
 */
#include "tests/unit/ipl_fake.h"

#include "vmm/ipl/bios.h"
#include "vmm/ipl/job.h"

#define B MIB(2)

static char why[256];
static struct ipl_file *image_file, *initrd_file;
static uint8_t *image;	/* malloc'ed to the byte */
static uint64_t image_size;

/* The table of files only grows, so two entries are reused for everything. */
static int setup(void **state)
{
	(void)state;
	if (!image_file) {
		static const uint8_t dummy[1];

		ipl_add_file("image.bin", dummy, 1, 0);
		ipl_add_file("initrd.img", dummy, 1, 0);
		ipl_add_file("gone", NULL, 0, 1);
		ipl_add_file("huge", NULL, 0, 2);
		ipl_add_file("torn", NULL, 0, 3);
		image_file = (struct ipl_file *)ipl_find_file("image.bin");
		initrd_file = (struct ipl_file *)ipl_find_file("initrd.img");
	}
	fake_machine(B);
	return 0;
}

static int teardown(void **state)
{
	free(image);
	image = NULL;
	return fake_teardown(state);
}

static void use(const uint8_t *bytes, uint64_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	free(image);
	image = copy;
	image_size = size;
	image_file->data = image;
	image_file->size = size;
}

static int load_with(enum ipl_kind kind, const char *initrd, const char *parm)
{
	struct ipl_request r = { "image.bin", kind, initrd, parm };
	int result = ipl_load(&fake_vm, &r, why, sizeof(why));

	if (result == 0) {
		assert_int_equal(fake_vm.state, VM_STOPPED);
		assert_string_equal(fake_vm.system, "image.bin");
		assert_int_equal(fake_regs[VREG_TSC_OFFSET], -fake_tsc);
	} else {
		assert_int_equal(fake_vm.state, VM_NO_SYSTEM);
		assert_string_equal(fake_vm.system, "");
		assert_int_equal(strncmp(why, "V64IPL7", 7), 0);
		assert_true(why[9] == 'E' && why[10] == ' ' && strchr(why, ':') && strlen(why) > 20);
		assert_true(strstr(why, "image.bin") || (initrd && initrd[0] && strstr(why, initrd)));
		/* No conversion was left without its number. */
		assert_null(strchr(why, '%'));
	}
	return result;
}

static int load(enum ipl_kind kind)
{
	return load_with(kind, "", "");
}

static void expect_failure(enum ipl_kind kind, int error, const char *number)
{
	assert_int_equal(load(kind), error);
	if (strncmp(why + 6, number, 3) != 0)
		fail_msg("wanted V64IPL%s, got: %s", number, why);
}

static uint32_t word(uint64_t at)
{
	assert_true(at + 4 <= fake_vm.storage_size);
	return ipl_u32(fake_storage + at);
}

static uint64_t longword(uint64_t at)
{
	return word(at) | (uint64_t)word(at + 4) << 32;
}

/* ---- Linux ---- */

#define SETUP 1024u
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
	assert_int_equal(fake_storage[zero + 0x1e8], 3);
	assert_int_equal(longword(zero + 0x2d0 + 8), 0x9fc00);
	assert_int_equal(word(zero + 0x2d0 + 16), 1);
	assert_int_equal(longword(zero + 0x2d0 + 20), 0x9fc00);
	assert_int_equal(word(zero + 0x2d0 + 36), 2);
	assert_int_equal(longword(zero + 0x2d0 + 40), 0x100000);
	assert_int_equal(longword(zero + 0x2d0 + 48), fake_vm.storage_size - 0x100000);
	assert_int_equal(word(zero + 0x2d0 + 56), 1);
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
	assert_int_equal(fake_storage[zero + 0x1ef], 0);	/* the sentinel */
	assert_int_equal(longword(zero + 0x70), 0);
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
	broken(0x206, 0x205, 2, -EINVAL, "724");
	broken(0x211, 0, 1, -EINVAL, "725");
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
	static const uint64_t sizes[] = { 0, 4096, 0x10000, 0xa0000, 0x100000, 0x101000, 0x11f000 };

	(void)state;
	use(make_linux(), sizeof(linux_image));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		fake_machine(sizes[i]);
		assert_int_equal(load(IPL_LINUX), -E2BIG);
	}
	fake_machine(0x120000);
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
		0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000,
		B, B - 1, B + 1, 0xfffff000, UINT64_MAX, 1ull << 63, UINT64_MAX - 0xfff,
	};

	return rand() % 3 == 0 ? (uint64_t)rand() << 32 ^ (uint64_t)rand() : values[(size_t)rand() % ARRAY_LEN(values)];
}

/* Random fields at random places of a header: a machine or a message, never a wild access. */
static void fuzz(uint8_t *(*make)(void), uint8_t *from, uint64_t size, uint32_t first, uint32_t last,
		 enum ipl_kind kind, uint32_t rounds)
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
	memcpy(d, "\x7f" "ELF", 4);
	d[4] = class;
	d[5] = 1;
	ipl_set16(d + 16, 2);
	ipl_set16(d + 18, machine);
}

/* Two pieces: the first linked 0xc0000000 higher than loaded, the second only zeros behind some data. */
static uint8_t *make_elf32(void)
{
	static const uint32_t headers[2][8] = {
		{ 1, 0x200, 0xc0100000, 0x100000, 0x800, 0x800, 5, 0x1000 },
		{ 1, 0xa00, 0xc0102000, 0x102000, 0x100, 0x3000, 6, 0x1000 },
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
	ipl_set32(kludge + 0x4c, 0x100040);	/* header_addr */
	ipl_set32(kludge + 0x50, 0x100000);	/* load_addr */
	ipl_set32(kludge + 0x54, 0x100c00);	/* load_end_addr */
	ipl_set32(kludge + 0x58, 0x102000);	/* bss_end_addr */
	ipl_set32(kludge + 0x5c, 0x100060);	/* entry_addr */
	return kludge;
}

static void test_multiboot_elf32(void **state)
{
	uint64_t info, module;
	static const uint8_t rd[0x1234] = { 1, 2, 3 };

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
	assert_int_equal(word(info + 44), 72);
	assert_int_equal(word(word(info + 48)), 20);
	assert_int_equal(longword(word(info + 48) + 48 + 4), 0x100000);
	assert_int_equal(longword(word(info + 48) + 48 + 12), B - 0x100000);
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

static void mb_broken(uint8_t *(*make)(void), uint64_t size, uint32_t at, uint64_t value, size_t n, const char *number)
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
	assert_int_equal(load(IPL_FIND_OUT), -EINVAL);	/* an ELF file is nothing else */
	mb_broken(make_elf32, sizeof(elf32), MB_HEADER, 0, 4, "741");
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
	mb_broken(make_elf32, sizeof(elf32), 52 + 20, 0x7ff, 4, "751");	/* memory less than file */
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
	expect_failure(IPL_MULTIBOOT, -EINVAL, "744");
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

/* ---- boot sectors, flat systems, the BIOS ---- */

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
	assert_int_equal(word(0x46c), 0x1800b0 / 2);	/* noon */
	assert_int_equal(fake_ports[0x21], 0xfa);
	assert_int_equal(fake_ports[0x43], 0x36);
	/* the stubs are known for what they are only in real mode and at their places */
	fake_segments[SEG_CS] = (struct segment){ 0xf000, 0xf0000, 0xffff, 0x9b };
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

static void test_boot_and_flat_refusals(void **state)
{
	static uint8_t flat[0x8fc01] = { 0xeb, 0xfe };

	(void)state;
	for (uint64_t n = 1; n < 512; n++) {
		use(flat, n);
		expect_failure(IPL_BOOT, -EINVAL, "761");
	}
	use(flat, 512);
	expect_failure(IPL_BOOT, -EINVAL, "762");
	use(flat, 0);
	expect_failure(IPL_FIND_OUT, -EINVAL, "705");
	use(flat, sizeof(flat));
	expect_failure(IPL_FIND_OUT, -E2BIG, "763");
	use(flat, sizeof(flat) - 1);
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(fake_regs[VREG_RIP], 0);
	assert_int_equal(fake_segments[SEG_CS].base, 0x10000);
	assert_int_equal(fake_vm.av.gpr[RDX], 0);
	assert_int_equal(word(0x10000), 0xfeeb);
	fake_machine(0xff000);
	expect_failure(IPL_FLAT, -E2BIG, "710");
	fake_machine(0);
	expect_failure(IPL_FLAT, -E2BIG, "710");
}

static void test_file_table(void **state)
{
	struct ipl_request r = { "gone", IPL_FIND_OUT, NULL, NULL };
	static const struct { const char *name, *number; } cases[] = {
		{ "gone", "702" }, { "huge", "703" }, { "torn", "704" }, { "nowhere", "702" }, { "", "701" },
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
	assert_string_equal(ipl_kind_name(IPL_MULTIBOOT), "MULTIBOOT");
}

static uint16_t bios_es;

/* A guest with its registers, 2 KiB of stack at 0:8000 and the words that INT pushed. */
static void bios(uint8_t interrupt, uint64_t ax)
{
	static const enum seg all[] = { SEG_ES, SEG_DS, SEG_SS };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		fake_segments[all[i]] = (struct segment){ 0, 0, 0xffff, 0x93 };
	fake_segments[SEG_ES] = (struct segment){ bios_es, (uint64_t)bios_es << 4, 0xffff, 0x93 };
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
	fake_vm.av.gpr[RDX] = 0x0100;	/* where the cursor is already */
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
	make_disk(512 * 2000 + 100);	/* 16 heads of 63 sectors; the last sector is a part */
	fake_vm.av.gpr[RDX] = 0x0180;	/* head 1 */
	fake_vm.av.gpr[RCX] = 0x0002;	/* cylinder 0, sector 2 */
	fake_vm.av.gpr[RBX] = 0x9000;
	bios(0x13, 0x0203);
	assert_int_equal(flags() & 1, 0);
	assert_int_equal(fake_vm.av.gpr[RAX], 0x0003);
	assert_memory_equal(fake_storage + 0x9000, image + 64 * 512, 3 * 512);
	fake_vm.av.gpr[RCX] = 0x0000;	/* there is no sector 0 */
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
	fake_vm.av.gpr[RDX] = 0x0000;	/* drive 0 */
	fake_vm.av.gpr[RCX] = 0x0101;	/* cylinder 1 */
	fake_vm.av.gpr[RBX] = 0x9000;
	bios(0x13, 0x0201);
	assert_int_equal(flags() & 1, 0);
	assert_memory_equal(fake_storage + 0x9000, image + 36 * 512, 512);
	fake_vm.av.gpr[RCX] = 0x0113;	/* sector 19 of 18 */
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
		assert_int_equal(longword(0x600), total);	/* one after the other, no gap */
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
	fake_storage[0x717] = 0x80;	/* from where nothing is */
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
	static const uint8_t interrupts[] = { 0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x1a };
	static const enum seg all[] = { SEG_ES, SEG_DS, SEG_SS };

	(void)state;
	make_disk(70000);
	srand(16);
	for (uint32_t i = 0; i < 60000; i++) {
		for (uint32_t r = 0; r < GPRS; r++)
			fake_vm.av.gpr[r] = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 8 ^ (uint64_t)rand();
		if (rand() % 2)
			fake_vm.av.gpr[RDX] = (fake_vm.av.gpr[RDX] & ~0xffull) | 0x80;
		for (size_t s = 0; s < ARRAY_LEN(all); s++) {
			uint16_t selector = (uint16_t)rand();

			fake_segments[all[s]] = (struct segment){ selector, (uint64_t)selector << 4, 0xffff, 0x93 };
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
		T(test_linux_64), T(test_linux_32), T(test_linux_initrd), T(test_linux_broken_header),
		T(test_linux_every_truncation), T(test_linux_small_machines), T(test_too_much_storage),
		T(test_linux_fuzz), T(test_multiboot_elf32), T(test_multiboot_others), T(test_multiboot_broken),
		T(test_multiboot_truncation_and_fuzz), T(test_boot_sector), T(test_boot_and_flat_refusals),
		T(test_file_table), T(test_bios_screen), T(test_bios_long_string), T(test_bios_disk),
		T(test_bios_diskette), T(test_bios_system), T(test_bios_keys_clock_and_ends), T(test_bios_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
