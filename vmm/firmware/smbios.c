/* SMBIOS tables of a machine: structures 0, 1, 3, 4, 16, 17, 19, 32 and 127, and the two entry points. */
/* Part: firmware/; pure. Field by field as "System Management BIOS Reference Specification 3.0". */
#include "vmm/firmware/smbios.h"

#include "lib/string.h"

#define VERSION_MAJOR 2u
#define VERSION_MINOR 8u

/* Handles. */
enum { H_BIOS = 0x000, H_SYSTEM = 0x100, H_CHASSIS = 0x300, H_PROCESSOR = 0x400, H_ARRAY = 0x1000, H_DEVICE = 0x1100,
       H_MAPPED = 0x1300, H_BOOT = 0x2000, H_END = 0x7f00 };

static void set(uint8_t *to, uint64_t value, unsigned int bytes)
{
	memcpy(to, &value, bytes);
}

/*
 * Begins a structure of `length` bytes and puts its strings behind it, each given one by its number from 1 on; two zeros end
 * them. The whole of ours is far below SMBIOS_ROOM (the unit test looks), since a userid has eight letters at most.
 */
static uint8_t *structure(struct smbios_tables *t, uint8_t type, uint8_t length, uint16_t handle, const char *const *strings)
{
	uint8_t *s = t->run + t->size;
	uint32_t size = length;

	s[0] = type;
	s[1] = length;
	set(s + 2, handle, 2);
	for (; *strings != NULL; strings++) {
		size_t n = strlen(*strings) + 1;

		memcpy(s + size, *strings, n);
		size += (uint32_t)n;
	}
	size += size == length ? 2 : 1;
	t->size += size;
	t->count++;
	if (size > t->largest)
		t->largest = size;
	return s;
}

static void bios(struct smbios_tables *t, const struct smbios_machine *m)
{
	uint8_t *s = structure(t, 0, 24, H_BIOS, (const char *[]){ "VM/64", "1", "01/01/2026", NULL });

	s[4] = 1;
	s[5] = 2;
	set(s + 6, 0xe000, 2);	/* begins at this segment */
	s[8] = 3;
	s[9] = 1;		/* 128 KiB */
	set(s + 10, 1u << 7 | 1u << 15 | 1u << 16, 8);	/* PCI; boots from CD and by choice */
	s[18] = 0x01;		/* ACPI */
	s[19] = (uint8_t)(0x10 | (m->uefi ? 0x08 : 0));	/* a virtual machine; UEFI */
	set(s + 20, 0xffff0001, 4);	/* release 1.0; no embedded controller */
}

static void system(struct smbios_tables *t, const struct smbios_machine *m)
{
	uint8_t *s = structure(t, 1, 27, H_SYSTEM,
			       (const char *[]){ "VM/64", "Virtual PC", "1", m->userid, NULL });

	s[4] = 1;
	s[5] = 2;
	s[6] = 3;
	s[7] = 4;
	memcpy(s + 8, m->uuid, 16);
	s[24] = 6;		/* wake-up: power switch */
}

static void chassis(struct smbios_tables *t)
{
	uint8_t *s = structure(t, 3, 21, H_CHASSIS, (const char *[]){ "VM/64", NULL });

	s[4] = 1;
	s[5] = 1;		/* type "other" */
	s[9] = 3;		/* boot-up, power supply and thermal state safe */
	s[10] = 3;
	s[11] = 3;
	s[12] = 2;		/* security unknown */
}

static void processor(struct smbios_tables *t, const struct smbios_machine *m)
{
	uint8_t *s = structure(t, 4, 42, H_PROCESSOR, (const char *[]){ "CPU 0", "VM/64", NULL });

	s[4] = 1;
	s[5] = 3;		/* central processor */
	s[6] = 1;		/* family "other" */
	s[7] = 2;
	set(s + 8, m->cpu_signature, 4);
	set(s + 12, m->cpu_features, 4);
	s[24] = 0x41;		/* populated, enabled */
	s[25] = 1;		/* upgrade "other" */
	set(s + 26, UINT64_MAX, 6);	/* no cache handles */
	s[35] = 1;		/* cores, enabled, threads */
	s[36] = 1;
	s[37] = 1;
	set(s + 38, 0x0004, 2);	/* 64-bit capable */
	set(s + 40, 1, 2);
}

static void memory(struct smbios_tables *t, const struct smbios_machine *m)
{
	static const char *const none[] = { NULL };
	uint64_t kib = m->storage >> 10, mib = (m->storage + MIB(1) - 1) >> 20;
	uint8_t *s = structure(t, 16, 23, H_ARRAY, none);

	s[4] = 1;		/* location "other", system memory, no error correction */
	s[5] = 3;
	s[6] = 3;
	set(s + 7, kib < 0x80000000u ? kib : 0x80000000u, 4);
	set(s + 11, 0xfffe, 2);
	set(s + 13, 1, 2);
	set(s + 15, kib < 0x80000000u ? 0 : m->storage, 8);

	s = structure(t, 17, 40, H_DEVICE, (const char *[]){ "R", "VM/64", NULL });
	set(s + 4, H_ARRAY, 2);
	set(s + 6, 0xfffe, 2);
	set(s + 8, 0xffff, 2);	/* widths unknown */
	set(s + 10, 0xffff, 2);
	set(s + 12, mib < 0x7fff ? mib : 0x7fff, 2);
	s[14] = 9;		/* DIMM */
	s[16] = 1;
	s[18] = 7;		/* RAM */
	set(s + 19, 0x0002, 2);
	s[23] = 2;
	set(s + 28, mib < 0x7fff ? 0 : mib, 4);

	s = structure(t, 19, 31, H_MAPPED, none);
	set(s + 8, kib - 1, 4);
	set(s + 12, H_ARRAY, 2);
	s[14] = 1;
}

static void ending(struct smbios_tables *t)
{
	static const char *const none[] = { NULL };

	structure(t, 32, 11, H_BOOT, none);	/* status 0: no errors */
	structure(t, 127, 4, H_END, none);
}

void smbios_build(struct smbios_tables *t, const struct smbios_machine *m)
{
	memset(t, 0, sizeof(*t));
	bios(t, m);
	system(t, m);
	chassis(t);
	processor(t, m);
	memory(t, m);
	ending(t);
	smbios_link(t, 0);
}

static uint8_t sum_of(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n-- != 0)
		sum = (uint8_t)(sum + *p++);
	return sum;
}

void smbios_link(struct smbios_tables *t, uint32_t base)
{
	uint8_t *e = t->entry;

	memset(e, 0, SMBIOS_ENTRY_SIZE);
	memcpy(e, "_SM_", 4);
	e[5] = SMBIOS_ENTRY_SIZE;
	e[6] = VERSION_MAJOR;
	e[7] = VERSION_MINOR;
	set(e + 8, t->largest, 2);
	memcpy(e + 16, "_DMI_", 5);
	set(e + 22, t->size, 2);
	set(e + 24, base, 4);
	set(e + 28, t->count, 2);
	e[30] = VERSION_MAJOR << 4 | VERSION_MINOR;
	e[21] = (uint8_t)-sum_of(e + 16, 15);
	e[4] = (uint8_t)-sum_of(e, SMBIOS_ENTRY_SIZE);

	e = t->entry64;
	memset(e, 0, SMBIOS_ENTRY64_SIZE);
	memcpy(e, "_SM3_", 5);
	e[6] = SMBIOS_ENTRY64_SIZE;
	e[7] = 3;
	e[10] = 1;
	set(e + 12, t->size, 4);
	set(e + 16, base, 8);
	e[5] = (uint8_t)-sum_of(e, SMBIOS_ENTRY64_SIZE);
}

/* FNV-1a over the name, twice with different starts; version 8 (vendor's own), variant as RFC 9562 has it. */
void smbios_uuid(uint8_t uuid[16], const char *userid)
{
	uint64_t half[2] = { 0xcbf29ce484222325u, 0x84222325cbf29ce4u };

	for (; *userid != '\0'; userid++)
		for (size_t i = 0; i < 2; i++)
			half[i] = (half[i] ^ (uint8_t)*userid) * 0x100000001b3u;
	memcpy(uuid, half, 16);
	uuid[7] = (uint8_t)((uuid[7] & 0x0f) | 0x80);	/* the third field is stored little-endian */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}
