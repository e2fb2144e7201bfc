/* The virtual disk: against a flat model, copies of several disks of one file, odd sizes, storage running out. */
/* Part: tests; UNIT: vmm/machine/vdisk.c lib/string.c */
#include "vdev_fake.h"

#include "lib/errno.h"
#include "vmm/machine/vdisk.h"

static unsigned int notes;

void cp_note(struct vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cp_note(struct vm *vm, const char *format, ...)
{
	assert_ptr_equal(vm, &fake);
	assert_memory_equal(format, "V64DSK480W ", 11);
	notes++;
}

static struct vdisk_pool pool;

/* A file of exactly `size` bytes that nobody may change. */
static uint8_t *make_file(size_t size, uint8_t first)
{
	uint8_t *file = malloc(size);

	for (size_t i = 0; i < size; i++)
		file[i] = (uint8_t)(first + i / 512 * 7 + i);
	return file;
}

static int setup(void **state)
{
	(void)state;
	fake_init();
	vdisk_pool_init(&pool, &fake, "LINUX1");
	notes = 0;
	return 0;
}

static void reads_the_file(void **state)
{
	uint8_t *file = make_file(100 * 512, 1), *to = malloc(100 * 512);
	struct vdisk disk;
	uint32_t padding = 9;

	(void)state;
	assert_int_equal(vdisk_init(&disk, &pool, "a.img", file, 100 * 512, VDISK_FIND_OUT, false, &padding), 0);
	assert_int_equal(padding, 0);
	assert_int_equal(vdisk_sectors(&disk), 100);
	assert_false(vdisk_is_cd(&disk) || vdisk_is_read_only(&disk));
	assert_string_equal(vdisk_name(&disk), "a.img");
	assert_int_equal(vdisk_read(&disk, 0, 100, to), VDISK_DONE);
	assert_memory_equal(to, file, 100 * 512);
	assert_int_equal(vdisk_read(&disk, 99, 1, to), VDISK_DONE);
	assert_memory_equal(to, file + 99 * 512, 512);
	assert_int_equal(vdisk_read(&disk, 100, 0, to), VDISK_DONE);
	assert_int_equal(vdisk_read(&disk, 101, 0, to), VDISK_OUTSIDE);
	assert_int_equal(vdisk_read(&disk, 99, 2, to), VDISK_OUTSIDE);
	assert_int_equal(vdisk_read(&disk, UINT64_MAX, 1, to), VDISK_OUTSIDE);
	assert_int_equal(vdisk_read(&disk, UINT64_MAX - 5, UINT32_MAX, to), VDISK_OUTSIDE);
	assert_int_equal(vdisk_write(&disk, UINT64_MAX / 512 + 1, 1, to), VDISK_OUTSIDE);
	assert_int_equal(pool.extents, 0);
	free(file);
	free(to);
}

/* Two disks of one file, random reads and writes, against two flat copies. */
static void as_a_flat_model(void **state)
{
	const size_t size = 5 * 1024 * 1024 + 3 * 512 + 100, whole = size - 100 + 512;
	uint8_t *file = make_file(size, 5), *pristine = make_file(size, 5), *buffer = malloc(whole);
	uint8_t *model[2] = { calloc(1, whole), calloc(1, whole) };
	struct vdisk disk[2];
	uint32_t padding;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vdisk_init(&disk[i], &pool, "x", file, size, VDISK_IS_DISK, false, &padding), 0);
		assert_int_equal(padding, 412);
		memcpy(model[i], file, size);
	}
	assert_int_equal(vdisk_sectors(&disk[0]) * 512, whole);
	for (int round = 0; round < 6000; round++) {
		unsigned int which = (unsigned int)fake_below(2);
		uint64_t most = fake_below(50) == 0 ? whole / 512 : 40;
		uint64_t sector = fake_below(whole / 512), count = fake_below(most + 1);

		if (count > whole / 512 - sector)
			count = whole / 512 - sector;
		if (fake_below(2)) {
			uint64_t seed = fake_random();

			for (size_t i = 0; i < count * 512; i += 8)
				memcpy(buffer + i, &(uint64_t){ seed + i }, 8);
			assert_int_equal(vdisk_write(&disk[which], sector, (uint32_t)count, buffer), VDISK_DONE);
			memcpy(model[which] + sector * 512, buffer, count * 512);
		} else {
			assert_int_equal(vdisk_read(&disk[which], sector, (uint32_t)count, buffer), VDISK_DONE);
			assert_memory_equal(buffer, model[which] + sector * 512, count * 512);
		}
		if (round == 3000) {
			vdisk_discard(&disk[1]);
			memset(model[1], 0, whole);
			memcpy(model[1], file, size);
			assert_int_equal(disk[1].changed_blocks, 0);
		}
	}
	assert_memory_equal(file, pristine, size);
	vdisk_discard(&disk[0]);
	vdisk_discard(&disk[1]);
	assert_int_equal(pool.used, 0);
	assert_in_range(pool.extents, 4, 8);
	free(file);
	free(pristine);
	free(buffer);
	free(model[0]);
	free(model[1]);
}

static void sorts_of_disks(void **state)
{
	uint8_t *file = make_file(0x8800 + 1, 0);
	struct vdisk disk;
	uint32_t padding;

	(void)state;
	memcpy(file + 0x8001, "CD001", 5);
	assert_true(vdisk_looks_like_cd(file, 0x8800));
	assert_false(vdisk_looks_like_cd(file, 0x87ff));
	assert_int_equal(vdisk_init(&disk, &pool, "cd", file, 0x8801, VDISK_FIND_OUT, false, &padding), 0);
	assert_true(vdisk_is_cd(&disk) && vdisk_is_read_only(&disk));
	assert_int_equal(padding, 2047);
	assert_int_equal(vdisk_sectors(&disk), 18 * 4);
	assert_int_equal(vdisk_write(&disk, 0, 1, file), VDISK_READ_ONLY);
	assert_int_equal(vdisk_init(&disk, &pool, "hybrid", file, 0x8801, VDISK_IS_DISK, true, &padding), 0);
	assert_true(!vdisk_is_cd(&disk) && vdisk_is_read_only(&disk));
	assert_int_equal(padding, 511);
	assert_int_equal(vdisk_write(&disk, 0, 1, file), VDISK_READ_ONLY);
	assert_int_equal(vdisk_write(&disk, 1000, 1, file), VDISK_OUTSIDE);
	assert_int_equal(vdisk_init(&disk, &pool, "none", file, 0, VDISK_FIND_OUT, false, NULL), -EINVAL);
	assert_int_equal(vdisk_init(&disk, &pool, "huge", file, 1ull << 40, VDISK_IS_DISK, false, NULL), -E2BIG);
	free(file);
}

/* When CP has no storage left, writes fail, what was written stays, and reads go on. */
static void storage_runs_out(void **state)
{
	uint8_t *file = make_file(4 * 1024 * 1024, 3), buffer[4096], back[4096];
	struct vdisk disk;
	uint64_t block, most = 4 * 1024 * 1024 / 4096;

	(void)state;
	assert_int_equal(vdisk_init(&disk, &pool, "x", file, 4 * 1024 * 1024, VDISK_IS_DISK, false, NULL), 0);
	fake.own_limit = KIB(256) + KIB(64);
	memset(buffer, 0xa5, sizeof(buffer));
	for (block = 0; block < most; block++)
		if (vdisk_write(&disk, block * 8, 8, buffer) != VDISK_DONE)
			break;
	/* 80 blocks, and the tree's three. */
	assert_int_equal(block, 77);
	assert_true(notes > 0);
	assert_int_equal(vdisk_write(&disk, block * 8 + 3, 1, buffer), VDISK_NO_STORAGE);
	assert_int_equal(vdisk_write(&disk, 3, 1, buffer), VDISK_DONE);
	for (block = 0; block < most; block++) {
		assert_int_equal(vdisk_read(&disk, block * 8, 8, back), VDISK_DONE);
		assert_memory_equal(back, block < 77 ? buffer : file + block * 4096, 4096);
	}
	vdisk_discard(&disk);
	assert_int_equal(vdisk_write(&disk, 800, 8, buffer), VDISK_DONE);
	free(file);
}

/* A guest that writes all over its disks leaves the others as much as it has got. */
static void others_have_their_share(void **state)
{
	static uint8_t buffer[4096];
	uint64_t size = 16 * 1024 * 1024, block;
	uint8_t *file = make_file(size, 3);
	struct vdisk disk;

	(void)state;
	assert_int_equal(vdisk_init(&disk, &pool, "x", file, size, VDISK_IS_DISK, false, NULL), 0);
	fake.shared = MIB(16);
	for (block = 0; block < size / 4096; block++)
		if (vdisk_write(&disk, block * 8, 8, buffer) != VDISK_DONE)
			break;
	assert_in_range(block * 4096, MIB(7), MIB(8));
	assert_in_range(fake.shared - fake.own_used, MIB(8), MIB(8) + KIB(64));
	assert_int_equal(pool.bytes, fake.own_used);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_the_file, setup),
		cmocka_unit_test_setup(as_a_flat_model, setup),
		cmocka_unit_test_setup(sorts_of_disks, setup),
		cmocka_unit_test_setup(storage_runs_out, setup),
		cmocka_unit_test_setup(others_have_their_share, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
