/* A machine with an IDE controller for the unit tests of its drives: a driver's usual steps in short words. */
/* Part: tests only. */
#ifndef TESTS_UNIT_VIDE_FAKE_H
#define TESTS_UNIT_VIDE_FAKE_H

#include "tests/unit/vdev_fake.h"

#include "vmm/devices/vide.h"
#include "vmm/devices/vpci.h"

#define DISK_BYTES (3u * 1024 * 1024)
#define CD_BYTES   (2u * 1024 * 1024 + 2048)
#define STORAGE	   (1u << 20)
#define BM	   0xc000u

static struct vide ide;
static struct vpci pci;
static struct vdisk_pool pool;
static struct vdisk disk, disk2, cd;
static uint8_t *disk_file, *cd_file;
static unsigned int notes;

void cp_note(struct vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cp_note(struct vm *vm, const char *format, ...)
{
	assert_ptr_equal(vm, &fake);
	assert_non_null(format);
	notes++;
}

static inline uint8_t file_byte(uint64_t i, uint8_t seed)
{
	return (uint8_t)(seed + i * 3 + (i >> 9) * 13 + (i >> 17));
}

/* Primary master and slave are disks (of one file), the secondary master is a CD, its slave is absent. */
static inline int vide_setup(void **state)
{
	(void)state;
	fake_init();
	notes = 0;
	fake.storage = STORAGE;
	fake.memory = calloc(1, STORAGE);
	disk_file = malloc(DISK_BYTES);
	cd_file = malloc(CD_BYTES);
	for (uint64_t i = 0; i < DISK_BYTES; i++)
		disk_file[i] = file_byte(i, 1);
	for (uint64_t i = 0; i < CD_BYTES; i++)
		cd_file[i] = file_byte(i, 2);
	memcpy(cd_file + 0x8001, "CD001", 5);
	vdisk_pool_init(&pool, &fake, "TEST");
	assert_int_equal(vdisk_init(&disk, &pool, "disk.img", disk_file, DISK_BYTES, VDISK_FIND_OUT, false, NULL), 0);
	assert_int_equal(vdisk_init(&disk2, &pool, "disk.img", disk_file, DISK_BYTES, VDISK_FIND_OUT, true, NULL), 0);
	assert_int_equal(vdisk_init(&cd, &pool, "cd.iso", cd_file, CD_BYTES, VDISK_FIND_OUT, false, NULL), 0);
	vpci_init(&pci, &fake);
	assert_int_equal(vpci_claim(&pci, &fake.bus), 0);
	vide_init(&ide, &fake);
	vide_attach(&ide, 0, &disk);
	vide_attach(&ide, 1, &disk2);
	vide_attach(&ide, 2, &cd);
	assert_int_equal(vide_claim(&ide, &fake.bus, &pci), 0);
	vpci_config_write(&ide.function, 0x20, 4, BM);
	vpci_config_write(&ide.function, 0x04, 2, 5);
	return 0;
}

static inline int vide_teardown(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < DISK_BYTES; i++)
		if (disk_file[i] != file_byte(i, 1))
			fail_msg("byte %u of the disk's file has changed", (unsigned int)i);
	free(disk_file);
	free(cd_file);
	free(fake.memory);
	return 0;
}

static inline uint16_t base_of(unsigned int channel)
{
	return channel == 0 ? 0x1f0 : 0x170;
}

/* LBA28 or, with a count or lba that asks for it, both halves of LBA48. */
static inline void ata_registers(unsigned int channel, unsigned int unit, uint64_t lba, unsigned int count, bool ext)
{
	uint16_t b = base_of(channel);

	outb((uint16_t)(b + 6), 0x40u | unit << 4 | (ext ? 0 : (unsigned int)(lba >> 24) & 15));
	if (ext) {
		outb((uint16_t)(b + 2), count >> 8);
		outb((uint16_t)(b + 3), (uint8_t)(lba >> 24));
		outb((uint16_t)(b + 4), (uint8_t)(lba >> 32));
		outb((uint16_t)(b + 5), (uint8_t)(lba >> 40));
	}
	outb((uint16_t)(b + 2), count & 0xff);
	outb((uint16_t)(b + 3), (uint8_t)lba);
	outb((uint16_t)(b + 4), (uint8_t)(lba >> 8));
	outb((uint16_t)(b + 5), (uint8_t)(lba >> 16));
}

static inline void ata_go(unsigned int channel, unsigned int unit, uint64_t lba, unsigned int count, bool ext,
			  uint8_t command)
{
	ata_registers(channel, unit, lba, count, ext);
	outb((uint16_t)(base_of(channel) + 7), command);
}

static inline uint8_t ata_status(unsigned int channel)
{
	return inb((uint16_t)(base_of(channel) + 7));
}

static inline void data_in(unsigned int channel, void *to, size_t bytes, unsigned int width)
{
	for (size_t i = 0; i < bytes; i += width) {
		uint64_t value = fake_in(base_of(channel), width);

		memcpy((uint8_t *)to + i, &value, width < bytes - i ? width : bytes - i);
	}
}

static inline void data_out(unsigned int channel, const void *from, size_t bytes, unsigned int width)
{
	for (size_t i = 0; i < bytes; i += width) {
		uint64_t value = 0;

		memcpy(&value, (const uint8_t *)from + i, width < bytes - i ? width : bytes - i);
		fake_out(base_of(channel), width, value);
	}
}

static inline void put_prd(uint32_t table, unsigned int i, uint32_t at, uint32_t bytes, bool last)
{
	uint32_t entry[2] = { at, (bytes & 0xffff) | (last ? 0x80000000u : 0) };

	memcpy(fake.memory + table + 8 * i, entry, 8);
}

static inline void dma_start(unsigned int channel, uint32_t table, bool to_storage)
{
	fake_out(BM + 8 * channel + 4, 4, table);
	outb((uint16_t)(BM + 8 * channel + 2), 6);
	outb((uint16_t)(BM + 8 * channel), to_storage ? 8 : 0);
	outb((uint16_t)(BM + 8 * channel), to_storage ? 9 : 1);
}

static inline uint8_t dma_status(unsigned int channel)
{
	return inb((uint16_t)(BM + 8 * channel + 2));
}

static inline void dma_stop(unsigned int channel)
{
	outb((uint16_t)(BM + 8 * channel), 0);
	outb((uint16_t)(BM + 8 * channel + 2), 6);
}

#endif
