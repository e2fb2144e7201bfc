/* The disks of a machine: which files become drives, in which places, and what is told when they cannot. */
/* Part: tests; UNIT: vmm/machine/disks.c vmm/machine/vdisk.c lib/string.c lib/printf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/errno.h"
#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/machine/disks.h"
#include "vmm/machine/vdev.h"
#include "vmm/machine/vm.h"

static char said[2048];
static struct vdisk *place[VIDE_DRIVES];
static struct vm vm;
static struct vide ide;
static struct machine_disks disks;
static struct directory_user user;
static uint8_t bytes[8][0x8800];
static void *extent;

static struct ipl_file files[] = {
	{ "a.img", bytes[0], 0x8000, 0 }, { "b.img", bytes[1], 0x8001, 0 },  { "c.iso", bytes[2], 0x8800, 0 },
	{ "d.img", bytes[3], 512, 0 },	  { "empty", bytes[4], 0, 0 },	     { "gone", NULL, 0, 1 },
	{ "unread", NULL, 0, 3 },	  { "odd.iso", bytes[5], 0x87ff, 0 },
};

const struct ipl_file *ipl_find_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

void cp_say(const char *format, ...)
{
	size_t n = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + n, sizeof(said) - n, format, args);
	va_end(args);
	strcat(said, "\n");
}

void cp_note(struct vm *of, const char *format, ...)
{
	(void)of;
	fail_msg("%s", format);
}

uint64_t machine_storage_left(const struct vm *of)
{
	(void)of;
	return UINT64_MAX;
}

void *machine_storage(struct vm *of, uint64_t n)
{
	assert_ptr_equal(of, &vm);
	extent = calloc(1, n);
	return extent;
}

void vide_attach(struct vide *of, unsigned int number, struct vdisk *disk)
{
	assert_ptr_equal(of, &ide);
	assert_in_range(number, 0, VIDE_DRIVES - 1);
	place[number] = disk;
}

static void add(uint16_t address, const char *file, uint8_t bus, bool read_only)
{
	struct directory_disk *d = &user.disks[user.disk_count++];

	*d = (struct directory_disk){ .address = address, .bus = bus, .read_only = read_only };
	str_copy(d->file, file, sizeof(d->file));
}

static int setup(void **state)
{
	(void)state;
	memset(&user, 0, sizeof(user));
	memset(&vm, 0, sizeof(vm));
	str_copy(vm.userid, "LINUX1", sizeof(vm.userid));
	memcpy(bytes[2] + 0x8001, "CD001", 5);
	said[0] = '\0';
	return 0;
}

static void places(void **state)
{
	(void)state;
	add(0x190, "c.iso", DISK_BUS_AUTO, false);
	add(0x191, "a.img", DISK_BUS_AUTO, false);
	add(0x192, "d.img", DISK_BUS_VIRTIO, true);
	add(0x193, "d.img", DISK_BUS_ATA, true);
	disks_init(&disks, &vm, &user);
	disks_connect(&disks, &ide);
	assert_string_equal(said, "");
	assert_string_equal(vdisk_name(place[0]), "a.img");
	assert_string_equal(vdisk_name(place[1]), "d.img");
	assert_string_equal(vdisk_name(place[2]), "c.iso");
	assert_null(place[3]);
	assert_true(vdisk_is_cd(place[2]) && vdisk_is_read_only(place[1]) && !vdisk_is_read_only(place[0]));
	assert_int_equal(disks_find(&disks, 0x190)->drive, 2);
	assert_int_equal(disks_find(&disks, 0x192)->drive, DISKS_NO_DRIVE);
	assert_ptr_equal(disks_virtio(&disks, 0), disks_find(&disks, 0x192));
	assert_null(disks_virtio(&disks, 1));
	assert_null(disks_find(&disks, 0x194));
	assert_null(disks_find(&disks, 0));
}

static void what_cannot_be(void **state)
{
	(void)state;
	add(0x190, "empty", DISK_BUS_AUTO, false);
	add(0x191, "nowhere", DISK_BUS_AUTO, false);
	add(0x192, "gone", DISK_BUS_AUTO, false);
	add(0x193, "unread", DISK_BUS_AUTO, false);
	add(0x194, "b.img", DISK_BUS_AUTO, false);
	add(0x195, "odd.iso", DISK_BUS_CD, false);
	disks_init(&disks, &vm, &user);
	disks_connect(&disks, &ide);
	assert_string_equal(said, "V64LOG705E LINUX1 190 NOT LINKED; FILE empty IS EMPTY\n"
				  "V64LOG705E LINUX1 191 NOT LINKED; FILE nowhere IS NOT ON THE VOLUME\n"
				  "V64LOG705E LINUX1 192 NOT LINKED; FILE gone IS NOT ON THE VOLUME\n"
				  "V64LOG705E LINUX1 193 NOT LINKED; FILE unread COULD NOT BE READ\n"
				  "V64LOG706W LINUX1 194 FILE b.img IS NO MULTIPLE OF 512 BYTES; 511 ZEROS FOLLOW ITS END\n"
				  "V64LOG706W LINUX1 195 FILE odd.iso IS NO MULTIPLE OF 2048 BYTES; 1 ZEROS FOLLOW ITS END\n");
	assert_null(disks_find(&disks, 0x190));
	assert_string_equal(vdisk_name(place[0]), "b.img");
	assert_string_equal(vdisk_name(place[2]), "odd.iso");
	assert_true(place[1] == NULL && place[3] == NULL);
}

static void ipl_of_a_file(void **state)
{
	uint8_t sector[512] = { 1 }, back[512];

	(void)state;
	add(0x190, "a.img", DISK_BUS_AUTO, false);
	add(0x191, "c.iso", DISK_BUS_AUTO, false);
	add(0x192, "a.img", DISK_BUS_AUTO, false);
	add(0x193, "b.img", DISK_BUS_ATA, false);
	files[1].size = 0x8000;
	disks_init(&disks, &vm, &user);
	assert_int_equal(disks_ipl(&disks, &files[3], false), 0);
	disks_connect(&disks, &ide);
	assert_string_equal(vdisk_name(place[0]), "d.img");
	assert_string_equal(vdisk_name(place[1]), "a.img");
	assert_string_equal(vdisk_name(place[2]), "c.iso");
	assert_string_equal(vdisk_name(place[3]), "a.img");
	assert_string_equal(said, "V64LOG707W LINUX1 193 FILE b.img IS NOT CONNECTED; THE 4 PLACES FOR ATA DISKS AND CDS"
				  " ARE TAKEN\n");
	/* The same file again keeps what was written; another one begins anew. */
	assert_int_equal(vdisk_write(place[0], 0, 1, sector), VDISK_DONE);
	assert_int_equal(disks_ipl(&disks, &files[3], false), 0);
	assert_int_equal(vdisk_read(place[0], 0, 1, back), VDISK_DONE);
	assert_int_equal(back[0], 1);
	assert_int_equal(disks_ipl(&disks, &files[4], false), -EINVAL);
	assert_int_equal(disks.pool.used, 0);
	assert_int_equal(disks_ipl(&disks, &files[3], true), 0);
	said[0] = '\0';
	disks_connect(&disks, &ide);
	assert_string_equal(vdisk_name(place[2]), "d.img");
	assert_int_equal(disks_find(&disks, 0)->drive, 2);
	assert_int_equal(disks_ipl(&disks, NULL, false), 0);
	disks_connect(&disks, &ide);
	assert_string_equal(vdisk_name(place[0]), "a.img");
	assert_string_equal(vdisk_name(place[3]), "b.img");
	free(extent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(places, setup),
		cmocka_unit_test_setup(what_cannot_be, setup),
		cmocka_unit_test_setup(ipl_of_a_file, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
