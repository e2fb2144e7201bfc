/* Tests the translation of GRUB's multiboot2 information, good and damaged.
 * Part: unit tests, on the host.
 * UNIT: boot/multiboot2/multiboot2.c boot/memmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/multiboot2/multiboot2.h"

#define ROOM 8192

static uint8_t text[ROOM];
static size_t used;
static struct boot_info bi;

static void begin(void)
{
	memset(text, 0, sizeof(text));
	used = 8;
}

static void add_tag(uint32_t type, const void *body, size_t len)
{
	uint32_t head[2] = { type, (uint32_t)(8 + len) };

	memcpy(text + used, head, 8);
	memcpy(text + used + 8, body, len);
	used += (8 + len + 7) & ~(size_t)7;
}

static void add_end(void)
{
	uint32_t total;

	add_tag(0, "", 0);
	total = (uint32_t)used;
	memcpy(text, &total, 4);
}

static void add_memory(void)
{
	static const struct {
		uint32_t entry_size, version;
		struct {
			uint64_t base, size;
			uint32_t type, zero;
		} e[4];
	} body = { 24, 0, { { 0x100000, 0x1fee0000, 1, 0 }, { 0, 0x9fc00, 1, 0 },
			    { 0x1ffe0000, 0x10000, 3, 0 }, { 0x9fc00, 0x400, 2, 0 } } };

	add_tag(6, &body, sizeof(body));
}

static void add_module(uint32_t start, uint32_t end, const char *name)
{
	uint8_t body[200];

	memcpy(body, &start, 4);
	memcpy(body + 4, &end, 4);
	strcpy((char *)body + 8, name);
	add_tag(3, body, 8 + strlen(name) + 1);
}

static void make_rsdp(uint8_t *p, uint8_t revision)
{
	uint8_t sum = 0;
	int i;

	memset(p, 0, 36);
	memcpy(p, "RSD PTR ", 8);
	p[15] = revision;
	for (i = 0; i < 20; i++)
		sum = (uint8_t)(sum + p[i]);
	p[8] = (uint8_t)-sum;
	sum = 0;
	for (i = 0; i < 36; i++)
		sum = (uint8_t)(sum + p[i]);
	p[32] = (uint8_t)-sum;
}

/* From an exact copy, so that ASan sees a read of one byte too many. */
static uint8_t *exact;

static int translate(size_t len)
{
	free(exact);
	exact = malloc(len ? len : 1);
	assert_non_null(exact);
	memcpy(exact, text, len);
	memset(&bi, 0xa5, sizeof(bi));
	bi.kernel_base = 0x200000;
	bi.kernel_size = 0x80000;
	return multiboot2_translate(exact, len, &bi);
}

static uint32_t kind_at(uint64_t address)
{
	uint32_t i;

	for (i = 0; i < bi.range_count; i++) {
		if (address - bi.ranges[i].base < bi.ranges[i].size &&
		    address >= bi.ranges[i].base)
			return bi.ranges[i].kind;
	}
	return 0;
}

static void test_whole(void **state)
{
	uint8_t rsdp[36];
	struct {
		uint64_t base;
		uint32_t pitch, width, height;
		uint8_t bpp, type;
		uint16_t reserved;
		uint8_t colours[6];
	} __attribute__((packed)) fb = { 0xfd000000, 4096, 1024, 768, 32, 1, 0,
					 { 16, 8, 8, 8, 0, 8 } };

	(void)state;
	begin();
	add_tag(1, "console=LINUX1 autoquit", 24);
	add_tag(2, "GRUB", 5);
	add_module(0x300000, 0x300123, "directory");
	add_module(0x301000, 0x400000, "vmlinuz more words");
	add_memory();
	add_tag(8, &fb, sizeof(fb));
	make_rsdp(rsdp, 0);
	add_tag(14, rsdp, 20);
	make_rsdp(rsdp, 2);
	add_tag(15, rsdp, 36);
	add_tag(4711, "future", 6);
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_OK);
	assert_int_equal(bi.magic, BOOT_INFO_MAGIC);
	assert_int_equal(bi.size, sizeof(bi));
	assert_int_equal(bi.source, BOOT_FROM_GRUB_BIOS);
	assert_string_equal(bi.command_line, "console=LINUX1 autoquit");
	assert_int_equal(bi.module_count, 2);
	assert_string_equal(bi.modules[0].name, "directory");
	assert_int_equal(bi.modules[0].size, 0x123);
	assert_string_equal(bi.modules[1].name, "vmlinuz");
	assert_int_equal(bi.modules[1].base, 0x301000);
	assert_int_equal(bi.fb.kind, BOOT_FB_RGB);
	assert_int_equal(bi.fb.width, 1024);
	assert_int_equal(bi.fb.red_shift, 16);
	assert_int_equal(bi.fb.blue_shift, 0);
	assert_memory_equal((void *)(uintptr_t)bi.rsdp, rsdp, 36);
	assert_int_equal(bi.efi_system_table, 0);
	assert_int_equal(kind_at(0x1000), BOOT_MEM_FREE);
	assert_int_equal(kind_at(0x9f800), BOOT_MEM_RESERVED);
	assert_int_equal(kind_at(0x1fffff), BOOT_MEM_FREE);
	assert_int_equal(kind_at(0x200000), BOOT_MEM_KERNEL);
	assert_int_equal(kind_at(0x27ffff), BOOT_MEM_KERNEL);
	assert_int_equal(kind_at(0x280000), BOOT_MEM_FREE);
	assert_int_equal(kind_at(0x300fff), BOOT_MEM_MODULE);
	assert_int_equal(kind_at(0x3fffff), BOOT_MEM_MODULE);
	assert_int_equal(kind_at(0x400000), BOOT_MEM_FREE);
	assert_int_equal(kind_at(0x1ffe0000), BOOT_MEM_ACPI);
	assert_int_equal(kind_at((uint64_t)(uintptr_t)exact), BOOT_MEM_LOADER);
}

static void test_uefi(void **state)
{
	uint64_t table = 0x1f5ec018;

	(void)state;
	begin();
	add_memory();
	add_tag(12, &table, 8);
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_OK);
	assert_int_equal(bi.source, BOOT_FROM_GRUB_UEFI);
	assert_int_equal(bi.efi_system_table, table);
	assert_int_equal(bi.rsdp, 0);
	assert_int_equal(bi.fb.kind, BOOT_FB_NONE);
	assert_string_equal(bi.command_line, "");
}

static void test_damaged_rsdp_is_passed_over(void **state)
{
	uint8_t rsdp[36];

	(void)state;
	begin();
	add_memory();
	make_rsdp(rsdp, 0);
	rsdp[9] ^= 1;
	add_tag(14, rsdp, 20);
	make_rsdp(rsdp, 2);
	add_tag(15, rsdp, 30);
	add_tag(14, rsdp, 20);	/* revision 2 in 20 bytes */
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_OK);
	assert_int_equal(bi.rsdp, 0);
}

static void test_long_texts(void **state)
{
	char line[600];
	char name[100];

	(void)state;
	memset(line, 'x', sizeof(line));
	memset(name, 'n', sizeof(name));
	name[99] = '\0';
	begin();
	add_tag(1, line, sizeof(line));	/* not even a closing zero */
	add_module(0x300000, 0x300001, name);
	add_memory();
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_OK);
	assert_int_equal(strlen(bi.command_line), BOOT_COMMAND_LINE - 1);
	assert_int_equal(strlen(bi.modules[0].name), BOOT_NAME_LEN - 1);
}

static void test_too_many_modules(void **state)
{
	uint32_t i;

	(void)state;
	begin();
	add_memory();
	for (i = 0; i < BOOT_MAX_MODULES + 2; i++)
		add_module(0x1000000 + i * 0x2000, 0x1001000 + i * 0x2000, "m");
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_OK);
	assert_int_equal(bi.module_count, BOOT_MAX_MODULES);
	assert_int_equal(kind_at(0x1000000 + (BOOT_MAX_MODULES + 1) * 0x2000), BOOT_MEM_LOADER);
}

static void test_faults(void **state)
{
	uint32_t huge = 0x7ffffff8;

	(void)state;
	begin();
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_NO_MEMORY_MAP);
	assert_int_equal(translate(4), MULTIBOOT2_BAD_SIZE);
	memcpy(text, &huge, 4);
	assert_int_equal(translate(used), MULTIBOOT2_BAD_SIZE);
	assert_int_equal(multiboot2_translate(text + 4, 16, &bi), MULTIBOOT2_BAD_ADDRESS);

	begin();
	add_module(0x2000, 0x1000, "backwards");
	add_memory();
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_BAD_TAG);

	begin();
	add_tag(12, "half", 4);
	add_memory();
	add_end();
	assert_int_equal(translate(used), MULTIBOOT2_BAD_TAG);

	begin();
	add_memory();
	add_end();
	used -= 8;	/* cut off the closing tag */
	memcpy(text, &used, 4);
	assert_int_equal(translate(used), MULTIBOOT2_NO_END);

	begin();
	add_memory();
	add_end();
	memset(text + 12, 0, 4);	/* the first tag's size */
	assert_int_equal(translate(used), MULTIBOOT2_BAD_TAG);
}

/* Whatever GRUB's information has been damaged to: no read outside it, no range out of order. */
static void test_damaged(void **state)
{
	uint8_t good[ROOM];
	uint32_t seed = 7;
	size_t len;
	int round;

	(void)state;
	test_whole(state);
	len = used;
	memcpy(good, text, len);
	for (round = 0; round < 30000; round++) {
		int hits;

		memcpy(text, good, len);
		seed = seed * 1664525u + 1013904223u;
		for (hits = 1 + (seed >> 30); hits > 0; hits--) {
			seed = seed * 1664525u + 1013904223u;
			text[8 + (seed >> 8) % (len - 8)] = (uint8_t)(seed >> 24);
		}
		if (translate(len) == MULTIBOOT2_OK) {
			uint64_t last = 0;
			uint32_t i;

			assert_true(bi.range_count <= BOOT_MAX_RANGES);
			assert_true(bi.module_count <= BOOT_MAX_MODULES);
			for (i = 0; i < bi.range_count; i++) {
				assert_true(bi.ranges[i].base >= last);
				last = bi.ranges[i].base + bi.ranges[i].size;
			}
			for (i = 0; i < bi.module_count; i++)
				assert_true(strnlen(bi.modules[i].name, BOOT_NAME_LEN) <
					    BOOT_NAME_LEN);
		}
	}
}

static int drop_copy(void **state)
{
	(void)state;
	free(exact);
	exact = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_uefi),
		cmocka_unit_test(test_damaged_rsdp_is_passed_over),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_too_many_modules),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, drop_copy);
}
