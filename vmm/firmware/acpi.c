/* ACPI tables of a machine: FACS, DSDT, FADT, SSDT, MADT, HPET, MCFG, RSDT, XSDT and RSDP. */
/* Part: firmware/; pure. Field by field as "ACPI Specification 5.0", chapter "ACPI Software Programming Model". */
#include "vmm/firmware/acpi.h"

#include "lib/string.h"

#define HEADER_SIZE   36u
#define FACS_SIZE     64u
#define FADT_SIZE     244u	/* revision 3 */
#define SCI	      9u
#define GPE0	      0xafe0u
#define LOCAL_APIC    0xfee00000u
#define IO_APIC	      0xfec00000u
#define HPET_BASE     0xfed00000u
#define ECAM_BASE     0xe0000000ull
#define LEVEL_HIGH    0x000du	/* MADT: polarity active high, level triggered */
#define MOST_TABLES   8u

/* FADT flags. */
#define F_WBINVD      (1u << 0)
#define F_C1	      (1u << 2)
#define F_NO_SLEEP    (1u << 5)
#define F_NO_RTC      (1u << 6)	/* RTC wake is not in the fixed registers */
#define F_TIMER_32    (1u << 8)
#define F_RESET	      (1u << 10)
#define BOOT_LEGACY   0x1u
#define BOOT_8042     0x2u
#define BOOT_NO_VGA   0x4u

struct builder {
	struct acpi_tables *t;
	uint32_t tables[MOST_TABLES];	/* offsets of those that RSDT and XSDT list */
	uint32_t count;
};

static void set(uint8_t *to, uint64_t value, unsigned int bytes)
{
	memcpy(to, &value, bytes);
}

static void add_fixup(struct acpi_tables *t, const struct acpi_fixup *f)
{
	if (t->fixup_count < ACPI_FIXUPS)
		t->fixups[t->fixup_count++] = *f;
}

static void pointer(struct acpi_tables *t, bool in_rsdp, uint32_t offset, uint8_t size, uint32_t target)
{
	struct acpi_fixup f = { .in_rsdp = in_rsdp, .size = size, .offset = offset };

	set((in_rsdp ? t->rsdp : t->run) + offset, target, size);
	add_fixup(t, &f);
}

static void checksum(struct acpi_tables *t, bool in_rsdp, uint32_t offset, uint32_t start, uint32_t length)
{
	struct acpi_fixup f = { .checksum = true, .in_rsdp = in_rsdp, .offset = offset, .start = start, .length = length };

	add_fixup(t, &f);
}

/* The next place in the run, zeroed; every table is small and their sum is known (acpi_build's check). */
static uint32_t place(struct acpi_tables *t, uint32_t size)
{
	uint32_t at = (uint32_t)align_up(t->size, 16);

	t->size = at + size;
	return at;
}

static uint32_t table(struct builder *b, const char *signature, uint8_t revision, uint32_t size, bool listed)
{
	uint32_t at = place(b->t, size);
	uint8_t *h = b->t->run + at;

	memcpy(h, signature, 4);
	set(h + 4, size, 4);
	h[8] = revision;
	memcpy(h + 10, "VM64  VM64PC  ", 14);
	set(h + 24, 1, 4);
	memcpy(h + 28, "VM64", 4);
	set(h + 32, 1, 4);
	if (listed)
		b->tables[b->count++] = at;
	return at;
}

/* To be called when the table is complete and its pointers are noted. */
static void close_table(struct builder *b, uint32_t at, uint32_t size)
{
	checksum(b->t, false, at + 9, at, size);
}

/* Generic address structure: I/O ports unless `memory`. access: 1 byte, 2 word, 3 doubleword. */
static void address(uint8_t *to, bool memory, uint8_t bits, uint8_t access, uint64_t at)
{
	to[0] = memory ? 0 : 1;
	to[1] = bits;
	to[3] = access;
	set(to + 4, at, 8);
}

static void fadt(struct builder *b, const struct acpi_machine *m, uint32_t facs, uint32_t dsdt)
{
	uint32_t at = table(b, "FACP", 3, FADT_SIZE, true);
	uint8_t *f = b->t->run + at;

	pointer(b->t, false, at + 36, 4, facs);
	pointer(b->t, false, at + 40, 4, dsdt);
	set(f + 46, SCI, 2);
	set(f + 48, 0xb2, 4);
	f[52] = 0xf1;
	f[53] = 0xf0;
	set(f + 56, m->pm_base, 4);
	set(f + 64, m->pm_base + 4u, 4);
	set(f + 76, m->pm_base + 8u, 4);
	set(f + 80, GPE0, 4);
	f[88] = 4;		/* lengths: event, control, timer, GPE0 */
	f[89] = 2;
	f[91] = 4;
	f[92] = 4;
	set(f + 96, 0xfff, 2);	/* C2, C3: not there */
	set(f + 98, 0xfff, 2);
	f[108] = 0x32;		/* the century in CMOS memory */
	set(f + 109, BOOT_LEGACY | BOOT_8042 | (m->vga ? 0 : BOOT_NO_VGA), 2);
	set(f + 112, F_WBINVD | F_C1 | F_NO_SLEEP | F_NO_RTC | F_TIMER_32 | F_RESET, 4);
	address(f + 116, false, 8, 1, 0xcf9);
	f[128] = 0x06;
	pointer(b->t, false, at + 140, 8, dsdt);
	address(f + 148, false, 32, 2, m->pm_base);
	address(f + 172, false, 16, 2, m->pm_base + 4u);
	address(f + 208, false, 32, 3, m->pm_base + 8u);
	address(f + 220, false, 32, 1, GPE0);
	close_table(b, at, FADT_SIZE);
}

/* The names that dsdt.asl leaves to us: DefName, NamePath, DWordConst. */
static void ssdt(struct builder *b, const struct acpi_machine *m)
{
	uint64_t bars = align_up(m->storage, MIB(256));
	const struct { char name[5]; uint64_t value; } names[] = {
		{ "VMEM", bars < 0x80000000u ? 0x80000000u : bars < ECAM_BASE ? bars : ECAM_BASE - MIB(256) },
		{ "VUEF", m->uefi },
		{ "VCM2", m->com2 },
	};
	uint32_t size = HEADER_SIZE + (uint32_t)ARRAY_LEN(names) * 10, at = table(b, "SSDT", 2, size, true);
	uint8_t *s = b->t->run + at + HEADER_SIZE;

	for (size_t i = 0; i < ARRAY_LEN(names); i++, s += 10) {
		s[0] = 0x08;
		memcpy(s + 1, names[i].name, 4);
		s[5] = 0x0c;
		set(s + 6, names[i].value, 4);
	}
	close_table(b, at, size);
}

static void madt(struct builder *b)
{
	static const struct { uint8_t irq, pin; uint16_t flags; } overrides[] = {
		{ 0, 2, 0 }, { 5, 5, LEVEL_HIGH }, { 9, 9, LEVEL_HIGH }, { 10, 10, LEVEL_HIGH }, { 11, 11, LEVEL_HIGH },
	};
	uint32_t size = HEADER_SIZE + 8 + 8 + 12 + (uint32_t)ARRAY_LEN(overrides) * 10 + 6;
	uint32_t at = table(b, "APIC", 3, size, true);
	uint8_t *p = b->t->run + at + HEADER_SIZE;

	set(p, LOCAL_APIC, 4);
	p[4] = 1;		/* there are 8259s as well */
	p += 8;
	p[1] = 8;		/* local APIC 0 of processor 0, enabled */
	p[4] = 1;
	p += 8;
	p[0] = 1;		/* I/O APIC 0, from GSI 0 on */
	p[1] = 12;
	set(p + 4, IO_APIC, 4);
	p += 12;
	for (size_t i = 0; i < ARRAY_LEN(overrides); i++, p += 10) {
		p[0] = 2;
		p[1] = 10;
		p[3] = overrides[i].irq;
		p[4] = overrides[i].pin;
		set(p + 8, overrides[i].flags, 2);
	}
	p[0] = 4;		/* NMI at LINT1 of every processor */
	p[1] = 6;
	p[2] = 0xff;
	p[5] = 1;
	close_table(b, at, size);
}

static void hpet(struct builder *b)
{
	uint32_t at = table(b, "HPET", 1, 56, true);
	uint8_t *h = b->t->run + at;

	/* Low half of the capabilities register: Intel, legacy routing, 64 bits, three comparators. */
	set(h + 36, 0x8086a201u, 4);
	address(h + 40, true, 64, 0, HPET_BASE);
	close_table(b, at, 56);
}

static void mcfg(struct builder *b)
{
	uint32_t at = table(b, "MCFG", 1, 60, true);
	uint8_t *p = b->t->run + at + 44;

	set(p, ECAM_BASE, 8);
	/*
	 * Segment 0, bus 0 and no other: there are no bridges. Linux takes the last bus told here for the last to look for
	 * devices on, and to find nothing on 255 buses costs 17,000 exits.
	 */
	p[11] = 0;
	close_table(b, at, 60);
}

/* RSDT or XSDT: `width` bytes a pointer. */
static uint32_t list(struct builder *b, const char *signature, uint8_t width)
{
	uint32_t size = HEADER_SIZE + b->count * width, at = table(b, signature, 1, size, false);

	for (uint32_t i = 0; i < b->count; i++)
		pointer(b->t, false, at + HEADER_SIZE + i * width, width, b->tables[i]);
	close_table(b, at, size);
	return at;
}

void acpi_build(struct acpi_tables *t, const struct acpi_machine *m)
{
	struct builder b = { .t = t };
	uint32_t facs, dsdt, rsdt, xsdt;

	memset(t, 0, sizeof(*t));
	facs = place(t, FACS_SIZE);
	memcpy(t->run + facs, "FACS", 4);
	set(t->run + facs + 4, FACS_SIZE, 4);
	t->run[facs + 32] = 1;
	dsdt = place(t, acpi_dsdt_size);
	if (dsdt + acpi_dsdt_size > ACPI_TABLES_ROOM / 2) {	/* the unit test would have said so */
		t->size = 0;
		return;
	}
	memcpy(t->run + dsdt, acpi_dsdt, acpi_dsdt_size);	/* iasl has made its sum right */
	fadt(&b, m, facs, dsdt);
	ssdt(&b, m);
	madt(&b);
	hpet(&b);
	mcfg(&b);
	rsdt = list(&b, "RSDT", 4);
	xsdt = list(&b, "XSDT", 8);
	memcpy(t->rsdp, "RSD PTR ", 8);
	memcpy(t->rsdp + 9, "VM64  ", 6);
	t->rsdp[15] = 2;
	set(t->rsdp + 20, ACPI_RSDP_SIZE, 4);
	pointer(t, true, 16, 4, rsdt);
	pointer(t, true, 24, 8, xsdt);
	checksum(t, true, 8, 0, 20);
	checksum(t, true, 32, 0, ACPI_RSDP_SIZE);
}

void acpi_link(struct acpi_tables *t, uint32_t base)
{
	for (uint32_t i = 0; i < t->fixup_count; i++) {
		const struct acpi_fixup *f = &t->fixups[i];
		uint8_t *at = f->in_rsdp ? t->rsdp : t->run;
		uint64_t value = 0;
		uint8_t sum = 0;

		if (!f->checksum) {
			memcpy(&value, at + f->offset, f->size);
			set(at + f->offset, value + base, f->size);
			continue;
		}
		for (uint32_t k = 0; k < f->length; k++)
			sum = (uint8_t)(sum + at[f->start + k]);
		at[f->offset] = (uint8_t)(at[f->offset] - sum);
	}
}

enum { COMMAND_ALLOCATE = 1, COMMAND_POINTER = 2, COMMAND_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
#define NAME_ROOM 56u

static void name(uint8_t *to, const char *file)
{
	memcpy(to, file, strlen(file));
}

static void allocate(uint8_t *to, const char *file, uint32_t align, uint8_t zone)
{
	set(to, COMMAND_ALLOCATE, 4);
	name(to + 4, file);
	set(to + 4 + NAME_ROOM, align, 4);
	to[4 + NAME_ROOM + 4] = zone;
}

uint32_t acpi_script(const struct acpi_tables *t, uint8_t *to, uint32_t room)
{
	uint32_t size = (2 + t->fixup_count) * ACPI_COMMAND;

	if (size > room)
		return 0;
	memset(to, 0, size);
	allocate(to, ACPI_FILE_RSDP, 16, ZONE_FSEG);
	allocate(to + ACPI_COMMAND, ACPI_FILE_TABLES, ACPI_ALIGN, ZONE_HIGH);
	to += 2 * ACPI_COMMAND;
	for (uint32_t i = 0; i < t->fixup_count; i++, to += ACPI_COMMAND) {
		const struct acpi_fixup *f = &t->fixups[i];
		const char *file = f->in_rsdp ? ACPI_FILE_RSDP : ACPI_FILE_TABLES;

		name(to + 4, file);
		if (f->checksum) {
			set(to, COMMAND_CHECKSUM, 4);
			set(to + 4 + NAME_ROOM, f->offset, 4);
			set(to + 8 + NAME_ROOM, f->start, 4);
			set(to + 12 + NAME_ROOM, f->length, 4);
		} else {
			set(to, COMMAND_POINTER, 4);
			name(to + 4 + NAME_ROOM, ACPI_FILE_TABLES);
			set(to + 4 + 2 * NAME_ROOM, f->offset, 4);
			to[8 + 2 * NAME_ROOM] = f->size;
		}
	}
	return size;
}
