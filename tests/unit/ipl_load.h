/* Loading files into the pretended machine of ipl_fake.h, for the tests of IPL. */
/* Part: unit tests, on the host; included by one test file each. */
#ifndef TESTS_UNIT_IPL_LOAD_H
#define TESTS_UNIT_IPL_LOAD_H

#include "tests/unit/ipl_fake.h"

#include "vmm/ipl/bios.h"
#include "vmm/ipl/job.h"

#define B MIB(2)

static char why[256];
static struct ipl_file *image_file, *initrd_file;
static uint8_t *image; /* malloc'ed to the byte */
static uint64_t image_size;

static void make_devices(void)
{
	str_copy(fake_vm.userid, "TESTER", sizeof(fake_vm.userid));
	vfwcfg_init(&fake_devices.fwcfg, &fake_vm);
	vflash_init(&fake_devices.flash, &fake_vm, &fake_vm.bus);
	disks_init(&fake_devices.disks, &fake_vm, &fake_user);
}

/* The table of files only grows, so two entries are reused for everything. */
static int setup(void **state)
{
	(void)state;
	fake_make_devices = make_devices;
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
	struct ipl_request r = {.file = "image.bin", .kind = kind, .initrd = initrd, .parm = parm};
	int result = ipl_load(&fake_vm, &r, why, sizeof(why));

	if (result == 0) {
		assert_int_equal(fake_vm.state, VM_STOPPED);
		assert_string_equal(fake_vm.system, "image.bin");
		assert_int_equal(fake_regs[VREG_TSC_OFFSET], -fake_tsc);
	} else {
		assert_int_equal(fake_vm.state, VM_NO_SYSTEM);
		assert_string_equal(fake_vm.system, "");
		assert_int_equal(strncmp(why, "V64IPL7", 7), 0);
		assert_true(why[9] == 'E' && why[10] == ' ' && strchr(why, ':') &&
			    strlen(why) > 20);
		assert_true(strstr(why, "image.bin") ||
			    (initrd && initrd[0] && strstr(why, initrd)));
		/* No conversion was left without its number. */
		assert_null(strchr(why, '%'));
	}
	return result;
}

static int load(enum ipl_kind kind)
{
	return load_with(kind, "", "");
}

static inline uint32_t word(uint64_t at)
{
	assert_true(at + 4 <= fake_vm.storage_size);
	return ipl_u32(fake_storage + at);
}

static inline uint64_t longword(uint64_t at)
{
	return word(at) | (uint64_t)word(at + 4) << 32;
}

#endif
