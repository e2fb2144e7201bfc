/* Tests the IPL of disks, CDs and flash images: what is mapped, what fw_cfg and CMOS tell, every refusal.
 * Part: unit tests, on the host.
 * UNIT: vmm/ipl/ipl.c vmm/ipl/messages.c vmm/ipl/linux.c vmm/ipl/multiboot.c vmm/ipl/multiboot2.c vmm/ipl/image.c
 * UNIT: vmm/ipl/boot.c vmm/ipl/flat.c
 * UNIT: vmm/ipl/tables.c vmm/ipl/firmware.c vmm/ipl/disk.c vmm/firmware/acpi.c vmm/firmware/smbios.c vmm/firmware/mptable.c
 * UNIT: build/firmware/dsdt.c vmm/devices/vfwcfg.c vmm/devices/vflash.c vmm/machine/disks.c vmm/machine/vdisk.c
 * UNIT: vmm/machine/gmem.c vmm/machine/walk.c vmm/machine/console.c lib/string.c lib/printf.c
 */
#define _GNU_SOURCE
#include "tests/unit/ipl_load.h"

#include "vmm/ipl/firmware.h"

#define CD_SIZE (32 * 2048u)

static struct ipl_file *bios_file, *vga_file, *code_file, *vars_file;
static uint8_t bios[0x40000], vga[0x8000], code[0x30000], vars[0x10000], disk[10 * 512 + 100], cd[CD_SIZE];
static char why_again[256];

static void give(struct ipl_file *f, const uint8_t *data, uint64_t size)
{
	f->data = size ? data : NULL;
	f->size = size;
	f->status = size ? 0 : 1;
}

static void make_cd(void)
{
	uint8_t *catalog = cd + 20 * 2048;

	memset(cd, 0, sizeof(cd));
	memcpy(cd + 16 * 2048, "\1CD001\1", 7);
	memcpy(cd + 17 * 2048, "\0CD001\1EL TORITO SPECIFICATION", 30);
	ipl_set32(cd + 17 * 2048 + 0x47, 20);
	catalog[0] = 1;
	ipl_set16(catalog + 30, 0xaa55);
	ipl_set16(catalog + 28, 0u - 1u - 0xaa55u);
	catalog[32] = 0x88;
}

static int firmware_setup(void **state)
{
	static const uint8_t dummy[1];
	static const char *const names[] = { FIRMWARE_BIOS, FIRMWARE_VGABIOS, FIRMWARE_OVMF_CODE, FIRMWARE_OVMF_VARS };
	struct ipl_file **files[] = { &bios_file, &vga_file, &code_file, &vars_file };

	setup(state);
	machine(MIB(4));
	fake_devices.platform.vga = true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (ipl_find_file(names[i]) == NULL)
			ipl_add_file(names[i], dummy, 1, 0);
		*files[i] = (struct ipl_file *)ipl_find_file(names[i]);
	}
	for (size_t i = 0; i < sizeof(bios); i++)
		bios[i] = (uint8_t)(i * 11 + i / 256);
	memset(code, 0xc0, sizeof(code));
	memset(vars, 0xff, sizeof(vars));
	memset(disk, 0, sizeof(disk));
	ipl_set16(disk + 510, 0xaa55);
	make_cd();
	give(bios_file, bios, sizeof(bios));
	give(vga_file, vga, sizeof(vga));
	give(code_file, code, sizeof(code));
	give(vars_file, vars, sizeof(vars));
	return 0;
}

/* The items of fw_cfg, as firmware would find them. */
static const struct vfwcfg_item *item(uint16_t key)
{
	const struct vfwcfg *f = &fake_devices.fwcfg;

	for (uint32_t i = 0; i < f->count; i++)
		if (f->items[i].key == key)
			return &f->items[i];
	return NULL;
}

static const struct vfwcfg_item *file(const char *name)
{
	const struct vfwcfg *f = &fake_devices.fwcfg;

	for (uint32_t i = 0; i < f->files; i++)
		if (strcmp((const char *)f->directory + 4 + i * 64 + 8, name) == 0)
			return item((uint16_t)(VFWCFG_FIRST_FILE + i));
	return NULL;
}

static uint64_t number(const struct vfwcfg_item *i)
{
	uint64_t v = 0;

	assert_non_null(i);
	assert_true(i->size <= 8);
	memcpy(&v, i->data, i->size);
	return v;
}

static void expect(int error, const char *number_text, enum ipl_kind kind)
{
	assert_int_equal(load(kind), error);
	if (strncmp(why + 6, number_text, 3) != 0)
		fail_msg("wanted V64IPL%s, got: %s", number_text, why);
}

static void test_disk(void **state)
{
	const struct vfwcfg_item *e820;

	(void)state;
	use(disk, sizeof(disk));
	assert_int_equal(load(IPL_DISK), 0);
	/* the processor is as RESET leaves it: nobody has touched it */
	assert_int_equal(fake_regs[VREG_RIP], 0);
	assert_int_equal(fake_row[ROW_ROM].gpa, 0xfffc0000);
	assert_int_equal(fake_row[ROW_ROM].bytes, sizeof(bios));
	assert_int_equal(fake_row[ROW_ROM].rights, 5);
	assert_memory_equal(fake_row[ROW_ROM].storage, bios, sizeof(bios));
	assert_memory_equal(fake_storage + 0xe0000, bios + 0x20000, 0x20000);
	assert_ptr_equal(fake_devices.ide.drive[0].disk, &fake_devices.disks.all[0].disk);
	assert_string_equal((const char *)file("bootorder")->data, "/pci@i0cf8/ide@1,1/drive@0/disk@0");
	assert_int_equal(file("bootorder")->size, 34);
	assert_int_equal(fake_cmos[0x3d], 0x32);
	assert_int_equal(fake_cmos[0x38], 0);
	assert_int_equal(fake_cmos[0x5f], 0);
	assert_int_equal(number(item(VFWCFG_RAM_SIZE)), MIB(4));
	assert_int_equal(number(item(VFWCFG_CPUS)), 1);
	assert_int_equal(number(item(VFWCFG_MAX_CPUS)), 1);
	assert_int_equal(number(item(VFWCFG_NOGRAPHIC)), 0);
	assert_int_equal(number(file("etc/show-boot-menu")), 0);
	assert_int_equal(number(file("etc/boot-fail-wait")), 0xffffffff);
	assert_int_equal(item(VFWCFG_UUID)->size, 16);
	assert_ptr_equal(file("pci1234,1111.rom")->data, vga);
	assert_int_equal(file("etc/acpi/rsdp")->size, 36);
	assert_true(file("etc/acpi/tables")->size > 1000);
	assert_int_equal(file("etc/table-loader")->size % 128, 0);
	assert_int_equal(file("etc/smbios/smbios-anchor")->size, 31);
	assert_int_equal(ipl_u16(file("etc/smbios/smbios-anchor")->data + 22), file("etc/smbios/smbios-tables")->size);
	assert_int_equal(file("etc/system-states")->size, 6);
	e820 = file("etc/e820");
	assert_int_equal(e820->size, 40);
	assert_int_equal(ipl_u64(e820->data + 8), MIB(4));
	/* again, as when the guest resets itself: the shadow is as new, storage beside it is kept */
	fake_storage[0xf1234] ^= 0xff;
	fake_storage[0x200000] = 0x77;
	assert_int_equal(ipl_again(&fake_vm, why_again, sizeof(why_again)), 0);
	assert_memory_equal(fake_storage + 0xe0000, bios + 0x20000, 0x20000);
	assert_int_equal(fake_storage[0x200000], 0x77);
	/* without a screen there is no VGA BIOS */
	fake_devices.platform.vga = false;
	assert_int_equal(load(IPL_DISK), 0);
	assert_null(file("pci1234,1111.rom"));
	assert_int_equal(number(item(VFWCFG_NOGRAPHIC)), 1);
}

static void test_then_without(void **state)
{
	(void)state;
	use(disk, sizeof(disk));
	assert_int_equal(load(IPL_DISK), 0);
	assert_int_equal(load(IPL_FLAT), 0);
	assert_int_equal(fake_row[ROW_ROM].rights, 0);
	assert_int_equal(fake_row[ROW_ROM].bytes, 0);	/* else it would hide what lies there next */
	assert_null(fake_devices.ide.drive[0].disk);
	assert_null(file("bootorder"));
	assert_int_equal(number(item(VFWCFG_RAM_SIZE)), MIB(4));
	assert_memory_equal(fake_storage + 0xe0000, "RSD PTR ", 8);
}

static void test_boot_kind(void **state)
{
	(void)state;
	use(disk, sizeof(disk));
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(fake_row[ROW_ROM].rights, 5);
	disk[510] = 0;
	use(disk, sizeof(disk));
	expect(-EINVAL, "787", IPL_BOOT);
	use(disk, 100);
	expect(-EINVAL, "761", IPL_BOOT);
	disk[510] = 0x55;
	use(disk, sizeof(disk));
	give(bios_file, NULL, 0);
	expect(-ENOENT, "781", IPL_BOOT);
	give(bios_file, bios, sizeof(bios));
	machine(MIB(1));
	expect(-E2BIG, "710", IPL_BOOT);
}

static void test_cd(void **state)
{
	uint8_t *catalog = cd + 20 * 2048;

	(void)state;
	use(cd, sizeof(cd));
	assert_int_equal(load(IPL_CD), 0);
	assert_string_equal((const char *)file("bootorder")->data, "/pci@i0cf8/ide@1,1/drive@1/disk@0");
	assert_int_equal(fake_cmos[0x3d], 0x23);
	assert_true(vdisk_is_cd(fake_devices.ide.drive[2].disk));
	expect(-EINVAL, "787", IPL_DISK);
	catalog[32] = 0;
	use(cd, sizeof(cd));
	expect(-EINVAL, "795", IPL_CD);
	catalog[32] = 0x88;
	catalog[28]++;
	use(cd, sizeof(cd));
	expect(-EINVAL, "795", IPL_CD);
	ipl_set32(cd + 17 * 2048 + 0x47, UINT32_MAX);
	use(cd, sizeof(cd));
	expect(-EINVAL, "795", IPL_CD);
	cd[17 * 2048 + 7] = 'e';
	use(cd, sizeof(cd));
	expect(-EINVAL, "794", IPL_CD);
	assert_non_null(strstr(why, "no El Torito boot record"));
	for (uint32_t n = 1; n <= 17 * 2048; n += 997) {
		use(cd, n);
		assert_int_equal(load(IPL_CD), -EINVAL);
	}
	use(disk, sizeof(disk));
	expect(-EINVAL, "793", IPL_CD);
	assert_non_null(strstr(fake_note, "IS NO MULTIPLE OF 2048"));
}

/* A CD of random bytes where the descriptors are: a message or a start, nothing else. */
static void test_cd_fuzz(void **state)
{
	(void)state;
	srand(5);
	for (int i = 0; i < 3000; i++) {
		make_cd();
		for (int k = rand() % 4; k >= 0; k--)
			cd[(16 + rand() % 5) * 2048 + rand() % 80] = (uint8_t)rand();
		use(cd, rand() % 3 ? sizeof(cd) : (uint64_t)rand() % sizeof(cd) + 1);
		load(rand() % 2 ? IPL_CD : IPL_DISK);
	}
}

static void test_address(void **state)
{
	struct ipl_request r = { .file = "", .address = 0x191 };

	(void)state;
	use(disk, sizeof(disk));
	fake_user.disk_count = 2;
	fake_user.disks[0] = (struct directory_disk){ .address = 0x190, .bus = DISK_BUS_ATA, .file = "image.bin" };
	fake_user.disks[1] = (struct directory_disk){ .address = 0x191, .bus = DISK_BUS_VIRTIO, .file = "image.bin" };
	disks_init(&fake_devices.disks, &fake_vm, &fake_user);
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), 0);
	assert_string_equal(fake_vm.system, "DISK 191");
	assert_string_equal((const char *)file("bootorder")->data, "/pci@i0cf8/scsi@8/disk@0,0");
	assert_non_null(fake_devices.ide.drive[0].disk);
	r.address = 0x190;
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), 0);
	assert_string_equal((const char *)file("bootorder")->data, "/pci@i0cf8/ide@1,1/drive@0/disk@0");
	assert_int_equal(ipl_again(&fake_vm, why, sizeof(why)), 0);
	assert_string_equal(fake_vm.system, "DISK 190");
	r.address = 0x192;
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "V64IPL786E DISK 192: the machine has no disk 192");
	give(bios_file, NULL, 0);
	r.address = 0x190;
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "there is no seabios.bin on the boot volume"));
	r.uefi = true;
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), 0);
	assert_int_equal(fake_row[ROW_FLASH].rights, 5);
}

static void test_uefi(void **state)
{
	struct ipl_request r = { .file = "image.bin", .kind = IPL_CD, .uefi = true };
	struct vflash *flash = &fake_devices.flash;
	const uint8_t *fadt;

	(void)state;
	use(cd, sizeof(cd));
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), 0);
	assert_int_equal(fake_row[ROW_ROM].gpa, GIB(4) - sizeof(code));
	assert_int_equal(fake_row[ROW_ROM].bytes, sizeof(code));
	assert_int_equal(fake_row[ROW_FLASH].gpa, GIB(4) - sizeof(code) - sizeof(vars));
	assert_int_equal(flash->size, sizeof(vars));
	assert_int_equal(file("etc/e820")->size, 20);
	/* OVMF leaves the power management registers where they are after a reset: the FADT says so */
	fadt = memmem(file("etc/acpi/tables")->data, file("etc/acpi/tables")->size, "FACP", 4);
	assert_non_null(fadt);
	assert_int_equal(ipl_u32(fadt + 56), 0x600);
	assert_int_equal(fake_storage[0xf0000], 0);
	/* what the guest writes stays, over resets and the next IPL, until other variables are asked for */
	flash->storage[17] = 0x12;
	assert_int_equal(ipl_again(&fake_vm, why, sizeof(why)), 0);
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), 0);
	assert_int_equal(flash->storage[17], 0x12);
	use(disk, sizeof(disk));
	assert_int_equal(load(IPL_DISK), 0);
	assert_int_equal(flash->size, 0);
	assert_int_equal(fake_row[ROW_FLASH].rights, 0);
	assert_int_equal(fake_row[ROW_FLASH].bytes, 0);
	give(vars_file, NULL, 0);
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -ENOENT);
	assert_int_equal(strncmp(why, "V64IPL782E", 10), 0);
	give(vars_file, vars, sizeof(vars) - 1);
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -EINVAL);
	assert_int_equal(strncmp(why, "V64IPL783E ovmf-vars.fd: ", 25), 0);
	give(vars_file, vars, sizeof(vars));
	give(code_file, code, 4096);
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -EINVAL);
	give(code_file, code, sizeof(code));
	fake_no_storage = true;
	fake_devices.platform.rom_room = flash->room = 0;
	assert_int_equal(ipl_load(&fake_vm, &r, why, sizeof(why)), -E2BIG);
	assert_int_equal(strncmp(why, "V64IPL784E", 10), 0);
}

static void test_flash_image(void **state)
{
	static uint8_t fd[0x40000];

	(void)state;
	memset(fd, 0x5a, sizeof(fd));
	use(fd, sizeof(fd));
	assert_int_equal(load(IPL_FIRMWARE), 0);
	assert_int_equal(fake_row[ROW_FLASH].gpa, GIB(4) - sizeof(fd));
	assert_int_equal(fake_row[ROW_FLASH].rights, 5);
	assert_int_equal(fake_storage[0xfffff], 0x5a);
	assert_int_equal(file("etc/e820")->size, 40);
	memcpy(fd + 0x28, "_FVH", 4);
	use(fd, sizeof(fd));
	assert_int_equal(load(IPL_FIRMWARE), 0);
	assert_int_equal(file("etc/e820")->size, 20);
	use(fd, 0x10001);
	expect(-EINVAL, "783", IPL_FIRMWARE);
	use(fd, 0xf000);
	expect(-EINVAL, "783", IPL_FIRMWARE);
}

/* Firmware that is no UEFI is known by where a reset begins. */
static void test_rom_is_known(void **state)
{
	static const struct { uint8_t end[8]; bool rom; } ends[] = {
		{ { 0xea, 0x5b, 0xe0, 0x00, 0xf0 }, true },			/* SeaBIOS */
		{ { 0xe9, 0x0d, 0xfe }, true },					/* GRUB */
		{ { 0xfa, 0xfc, 0xe9, 0x0b, 0xf8, 0xff, 0xff }, true },	/* U-Boot */
		{ { 0xe9, 0x0d, 0x01 }, false }, { { 0xea, 0, 0x7c, 0, 0 }, false }, { { 0 }, false }, { { 0xfa, 0xf4 }, false },
	};
	static uint8_t rom[0x40000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		memset(rom, 0, sizeof(rom));
		memcpy(rom + sizeof(rom) - 16, ends[i].end, sizeof(ends[i].end));
		assert_int_equal(boot_looks_like_flash(rom, sizeof(rom)), ends[i].rom);
		assert_false(boot_looks_like_flash(rom, sizeof(rom) - 1));
		assert_false(boot_looks_like_flash(rom + sizeof(rom) - 0xf000, 0xf000));
		memcpy(rom, "\x7f" "ELF", 4);
		assert_false(boot_looks_like_flash(rom, sizeof(rom)));
		memset(rom, 0, 4);
		ipl_set16(rom + 510, 0xaa55);
		assert_false(boot_looks_like_flash(rom, sizeof(rom)));
	}
	memset(rom, 0x90, sizeof(rom));	/* nothing but preparation */
	assert_false(boot_looks_like_flash(rom, sizeof(rom)));
	/* it goes before multiboot, whose header such a file may have too */
	memset(rom, 0, sizeof(rom));
	ipl_set32(rom, 0x1badb002);
	ipl_set32(rom + 8, 0u - 0x1badb002u);
	memcpy(rom + sizeof(rom) - 16, ends[2].end, sizeof(ends[2].end));
	use(rom, sizeof(rom));
	assert_int_equal(load(IPL_FIND_OUT), 0);
	assert_int_equal(fake_row[ROW_FLASH].gpa, GIB(4) - sizeof(rom));
}

#define F(name) cmocka_unit_test_setup_teardown(name, firmware_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		F(test_disk), F(test_then_without), F(test_boot_kind), F(test_cd), F(test_cd_fuzz), F(test_address),
		F(test_uefi), F(test_flash_image), F(test_rom_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
