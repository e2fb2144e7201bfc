/* Tests the UEFI loader's check of the kernel's ELF file.
 * Part: unit tests, on the host.
 * UNIT: boot/efi/elf.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include "boot/boot_info.h"
#include "boot/efi/elf.h"

#define FILE_SIZE 0x4000

static struct {
	Elf64_Ehdr h;
	Elf64_Phdr p[3];
	uint8_t rest[FILE_SIZE - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
} image;
static struct elf_plan plan;

static void segment(int i, uint64_t offset, uint64_t phys, uint64_t filesz, uint64_t memsz,
		    uint32_t flags)
{
	image.p[i] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = flags, .p_offset = offset,
				   .p_vaddr = phys + KERNEL_VIRT_BASE, .p_paddr = phys,
				   .p_filesz = filesz, .p_memsz = memsz, .p_align = 4096 };
}

static void make(void)
{
	memset(&image, 0, sizeof(image));
	memcpy(image.h.e_ident, ELFMAG, 4);
	image.h.e_ident[EI_CLASS] = ELFCLASS64;
	image.h.e_ident[EI_DATA] = ELFDATA2LSB;
	image.h.e_ident[EI_VERSION] = EV_CURRENT;
	image.h.e_type = ET_EXEC;
	image.h.e_machine = EM_X86_64;
	image.h.e_version = EV_CURRENT;
	image.h.e_entry = KERNEL_VIRT_BASE + 0x200010;
	image.h.e_phoff = 64;
	image.h.e_ehsize = 64;
	image.h.e_phentsize = 56;
	image.h.e_phnum = 3;
	segment(0, 0x1000, 0x200000, 0x1000, 0x1000, PF_R | PF_X);
	segment(1, 0x2000, 0x201000, 0x1000, 0x1000, PF_R);
	segment(2, 0x3000, 0x202000, 0x10, 0x5000, PF_R | PF_W);
}

static const char *check(size_t size)
{
	void *exact = malloc(size ? size : 1);
	const char *wrong;

	assert_non_null(exact);
	memcpy(exact, &image, size);
	wrong = elf_check(exact, size, &plan);
	free(exact);
	return wrong;
}

static void test_good(void **state)
{
	(void)state;
	make();
	assert_null(check(FILE_SIZE));
	assert_int_equal(plan.entry, KERNEL_VIRT_BASE + 0x200010);
	assert_int_equal(plan.count, 3);
	assert_int_equal(plan.size, 0x7000);
	assert_int_equal(plan.segments[2].offset, 0x2000);
	assert_int_equal(plan.segments[2].file_offset, 0x3000);
	assert_int_equal(plan.segments[2].file_size, 0x10);
	assert_int_equal(plan.segments[2].size, 0x5000);
}

#define REFUSED(change) \
	do { \
		make(); \
		change; \
		assert_non_null(check(FILE_SIZE)); \
	} while (0)

static void test_headers_refused(void **state)
{
	(void)state;
	make();
	assert_string_equal(check(0), "is too short for an ELF file");
	assert_string_equal(check(63), "is too short for an ELF file");
	assert_string_equal(check(100), "is cut off in its program headers");
	assert_string_equal(check(0x3000), "is cut off: a segment reaches beyond the end of the file");
	REFUSED(image.h.e_ident[0] = 0);
	REFUSED(image.h.e_ident[EI_CLASS] = ELFCLASS32);
	REFUSED(image.h.e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSED(image.h.e_machine = EM_AARCH64);
	REFUSED(image.h.e_version = 2);
	REFUSED(image.h.e_type = ET_DYN);
	REFUSED(image.h.e_phentsize = 32);
	REFUSED(image.h.e_phnum = 0);
	REFUSED(image.h.e_phnum = 0xffff);
	REFUSED(image.h.e_phoff = UINT64_MAX - 7);
	REFUSED(image.h.e_phoff = 63);
	REFUSED(image.h.e_entry = 0x200010);
	REFUSED(image.h.e_entry = KERNEL_VIRT_BASE + 0x201000);
}

static void test_segments_refused(void **state)
{
	(void)state;
	REFUSED(image.p[0].p_filesz = 0x1001);
	REFUSED(image.p[0].p_offset = UINT64_MAX);
	REFUSED(image.p[2].p_memsz = UINT64_MAX);
	REFUSED(image.p[2].p_memsz = ELF_KERNEL_MAX - 0x1fff);
	REFUSED(image.p[0].p_vaddr += 4096);
	REFUSED(segment(0, 0x1000, 0x400000, 0x1000, 0x1000, PF_R | PF_X));
	REFUSED(segment(1, 0x2000, 0x200000, 0x1000, 0x1000, PF_R));
	REFUSED(segment(1, 0x2000, 0x201800, 0x100, 0x100, PF_R));
	REFUSED(image.p[1].p_flags = PF_R | PF_W | PF_X);
	REFUSED(image.p[0].p_flags = PF_R);	/* the entry is not in code */
	REFUSED(image.p[1].p_type = PT_DYNAMIC);
	REFUSED(image.p[1].p_type = PT_INTERP);
}

/* A damaged file is refused, or its plan keeps inside the file and inside the kernel's room. */
static void test_damaged(void **state)
{
	uint32_t seed = 3;
	int round;

	(void)state;
	for (round = 0; round < 30000; round++) {
		uint64_t last = 0;
		uint32_t i;

		make();
		for (i = 0; i < 3; i++) {
			seed = seed * 1664525u + 1013904223u;
			((uint8_t *)&image)[(seed >> 8) % 232] = (uint8_t)(seed >> 24);
		}
		if (check(FILE_SIZE))
			continue;
		assert_true(plan.size <= ELF_KERNEL_MAX);
		for (i = 0; i < plan.count; i++) {
			const struct elf_segment *s = &plan.segments[i];

			assert_true(s->file_offset <= FILE_SIZE &&
				    s->file_size <= FILE_SIZE - s->file_offset);
			assert_true(s->file_size <= s->size && s->offset >= last);
			last = s->offset + s->size;
			assert_true(last <= plan.size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_headers_refused),
		cmocka_unit_test(test_segments_refused),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
