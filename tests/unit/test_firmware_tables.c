/* Tests ACPI and SMBIOS tables: sums, structure, both ways to the guest the same, iasl's own opinion.
 * Part: unit tests, on the host.
 * UNIT: vmm/firmware/acpi.c vmm/firmware/smbios.c vmm/firmware/mptable.c build/firmware/dsdt.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vmm/firmware/acpi.h"
#include "vmm/firmware/memory_map.h"
#include "vmm/firmware/mptable.h"
#include "vmm/firmware/smbios.h"

#define BASE FIRMWARE_ACPI

static struct acpi_tables direct, blob;
static uint8_t script[ACPI_SCRIPT_ROOM];

static uint64_t get(const uint8_t *p, unsigned int n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

static const struct acpi_machine machines[] = {
	{ MIB(64), ACPI_PM_BASE, false, false, true }, { MIB(128), 0xb000, true, true, true },
	{ GIB(3), ACPI_PM_BASE, false, true, false }, { MIB(1) + 4096, ACPI_PM_BASE, true, false, false },
	{ GIB(4), ACPI_PM_BASE, false, true, false },
};

static const uint8_t *at(uint64_t address)
{
	assert_in_range(address, BASE, BASE + direct.size - 1);
	return direct.run + (address - BASE);
}

static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt = at(get(direct.rsdp + 24, 8));

	for (uint64_t i = 36; i < get(xsdt + 4, 4); i += 8)
		if (memcmp(at(get(xsdt + i, 8)), signature, 4) == 0)
			return at(get(xsdt + i, 8));
	return NULL;
}

static void check_header(const uint8_t *t, const char *signature)
{
	uint64_t size = get(t + 4, 4);

	assert_memory_equal(t, signature, 4);
	assert_true(size >= 36 && (uint64_t)(t - direct.run) + size <= direct.size);
	assert_int_equal(sum(t, size), 0);
	assert_memory_equal(t + 10, "VM64  VM64PC  ", 14);
	assert_int_equal((t - direct.run) % 4, 0);
}

static void check_fadt(const struct acpi_machine *m)
{
	const uint8_t *f = find("FACP"), *facs = at(get(f + 36, 4)), *dsdt = at(get(f + 40, 4));

	check_header(f, "FACP");
	check_header(dsdt, "DSDT");
	assert_int_equal(get(dsdt + 4, 4), acpi_dsdt_size);
	assert_ptr_equal(at(get(f + 140, 8)), dsdt);
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal((facs - direct.run + BASE) % 64, 0);
	assert_int_equal(get(facs + 4, 4), 64);
	assert_int_equal(get(f + 46, 2), 9);
	assert_int_equal(get(f + 48, 4), 0xb2);
	assert_int_equal(get(f + 56, 4), m->pm_base);
	assert_int_equal(get(f + 64, 4), m->pm_base + 4);
	assert_int_equal(get(f + 76, 4), m->pm_base + 8);
	assert_int_equal(get(f + 152, 8), m->pm_base);
	assert_int_equal(get(f + 176, 8), m->pm_base + 4);
	assert_int_equal(get(f + 212, 8), m->pm_base + 8);
	assert_int_equal(get(f + 80, 4), 0xafe0);
	assert_int_equal(get(f + 224, 8), 0xafe0);
	assert_int_equal(get(f + 120, 8), 0xcf9);
	assert_true(get(f + 112, 4) & 1u << 10);
	assert_int_equal(f[108], 0x32);
}

static void check_madt(void)
{
	const uint8_t *m = find("APIC"), *p = m + 44, *end = m + get(m + 4, 4);
	unsigned int kinds[5] = { 0 };

	check_header(m, "APIC");
	for (; p < end; p += p[1]) {
		assert_true(p[0] < 5 && p[1] >= 6 && p + p[1] <= end);
		kinds[p[0]]++;
	}
	assert_ptr_equal(p, end);
	assert_int_equal(kinds[0], 1);
	assert_int_equal(kinds[1], 1);
	assert_int_equal(kinds[2], 5);
	assert_int_equal(kinds[4], 1);
}

static void test_acpi(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		const uint8_t *rsdt, *xsdt, *s;
		uint64_t bars;

		acpi_build(&direct, &machines[i]);
		assert_true(direct.size != 0 && direct.size < ACPI_TABLES_ROOM);
		assert_true(BASE + direct.size <= FIRMWARE_SMBIOS);
		assert_true(direct.fixup_count < ACPI_FIXUPS);
		acpi_link(&direct, BASE);
		assert_memory_equal(direct.rsdp, "RSD PTR ", 8);
		assert_int_equal(sum(direct.rsdp, 20), 0);
		assert_int_equal(sum(direct.rsdp, 36), 0);
		rsdt = at(get(direct.rsdp + 16, 4));
		xsdt = at(get(direct.rsdp + 24, 8));
		check_header(rsdt, "RSDT");
		check_header(xsdt, "XSDT");
		assert_int_equal((get(rsdt + 4, 4) - 36) / 4, (get(xsdt + 4, 4) - 36) / 8);
		for (uint64_t k = 0; k < (get(rsdt + 4, 4) - 36) / 4; k++)
			assert_int_equal(get(rsdt + 36 + 4 * k, 4), get(xsdt + 36 + 8 * k, 8));
		check_fadt(&machines[i]);
		check_madt();
		check_header(find("HPET"), "HPET");
		check_header(find("MCFG"), "MCFG");
		assert_int_equal(get(find("MCFG") + 44, 8), 0xe0000000);
		assert_int_equal(get(find("MCFG") + 52, 4), 0);	/* segment, first and last bus */
		s = find("SSDT");
		check_header(s, "SSDT");
		assert_memory_equal(s + 36, "\x08VMEM\x0c", 6);
		bars = get(s + 42, 4);
		assert_true(bars >= 0x80000000u && bars < 0xe0000000u);
		assert_true(machines[i].storage > GIB(3) || bars >= machines[i].storage);
		assert_int_equal(get(s + 52, 4), machines[i].uefi);
		assert_int_equal(get(s + 62, 4), machines[i].com2);
	}
}

/* The loader as firmware has it: two files, commands, nothing else known. */
static void run_script(uint32_t size, uint8_t *rsdp, uint8_t *tables, uint32_t base)
{
	bool have_rsdp = false, have_tables = false;

	assert_true(size % 128 == 0 && size != 0);
	for (const uint8_t *c = script; c < script + size; c += 128) {
		bool in_rsdp = strcmp((const char *)c + 4, "etc/acpi/rsdp") == 0;
		uint8_t *file = in_rsdp ? rsdp : tables;
		uint32_t room = in_rsdp ? ACPI_RSDP_SIZE : blob.size, offset;

		assert_true(in_rsdp || strcmp((const char *)c + 4, "etc/acpi/tables") == 0);
		switch (get(c, 4)) {
		case 1:
			assert_int_equal(get(c + 60, 4), in_rsdp ? 16 : 64);
			assert_int_equal(c[64], in_rsdp ? 2 : 1);
			*(in_rsdp ? &have_rsdp : &have_tables) = true;
			break;
		case 2: {
			uint64_t value;

			assert_true(have_rsdp && have_tables);
			assert_string_equal((const char *)c + 60, "etc/acpi/tables");
			offset = (uint32_t)get(c + 116, 4);
			assert_true(c[120] == 4 || c[120] == 8);
			assert_true(offset + c[120] <= room);
			value = get(file + offset, c[120]);
			assert_true(value < blob.size);
			value += base;
			memcpy(file + offset, &value, c[120]);
			break;
		}
		case 3: {
			uint32_t start = (uint32_t)get(c + 64, 4), length = (uint32_t)get(c + 68, 4);

			offset = (uint32_t)get(c + 60, 4);
			assert_true(start + length <= room && offset >= start && offset < start + length);
			assert_int_equal(file[offset], 0);
			file[offset] = (uint8_t)-sum(file + start, length);
			break;
		}
		default:
			fail_msg("command %u", (unsigned int)get(c, 4));
		}
	}
	assert_true(have_rsdp && have_tables);
}

static void test_script(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		uint32_t size, base = BASE + (uint32_t)i * 0x123440;

		acpi_build(&direct, &machines[i]);
		acpi_link(&direct, base);
		acpi_build(&blob, &machines[i]);
		assert_int_equal(acpi_script(&blob, script, 3 * 128), 0);
		size = acpi_script(&blob, script, sizeof(script));
		run_script(size, blob.rsdp, blob.run, base);
		assert_int_equal(blob.size, direct.size);
		assert_memory_equal(blob.run, direct.run, direct.size);
		assert_memory_equal(blob.rsdp, direct.rsdp, ACPI_RSDP_SIZE);
	}
}

static void disassemble(const char *folder, const char *name, const uint8_t *table)
{
	char path[256], command[640];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(table, 1, get(table + 4, 4), f), get(table + 4, 4));
	fclose(f);
	snprintf(command, sizeof(command), "iasl -p %s/%s -d %s >%s/%s.log 2>&1 && test -s %s/%s.dsl && ! grep -iE "
		 "'checksum|invalid|error' %s/%s.log", folder, name, path, folder, name, folder, name, folder, name);
	if (system(command) != 0)
		fail_msg("iasl does not like %s", name);
}

static void test_iasl(void **state)
{
	static const char *const names[] = { "FACP", "APIC", "HPET", "MCFG", "SSDT" };
	char folder[] = "/tmp/vm64-acpi-XXXXXX", command[64];

	(void)state;
	if (system("command -v iasl >/dev/null") != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	acpi_build(&direct, &machines[1]);
	acpi_link(&direct, BASE);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		disassemble(folder, names[i], find(names[i]));
	disassemble(folder, "DSDT", at(get(find("FACP") + 40, 4)));
	disassemble(folder, "FACS", at(get(find("FACP") + 36, 4)));
	disassemble(folder, "RSDT", at(get(direct.rsdp + 16, 4)));
	disassemble(folder, "XSDT", at(get(direct.rsdp + 24, 8)));
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static void test_smbios(void **state)
{
	static const uint64_t sizes[] = { MIB(1), MIB(64), GIB(3), GIB(64), GIB(4096) };
	static const uint8_t order[] = { 0, 1, 3, 4, 16, 17, 19, 32, 127 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct smbios_tables t;
		uint8_t uuid[16], other[16];
		struct smbios_machine m = { "LONGNAME", uuid, sizes[i], 0x306d4, 0x178bfbff, i & 1 };
		uint32_t n = 0, k, strings;

		smbios_uuid(uuid, "LONGNAME");
		smbios_uuid(other, "LONGNAMF");
		assert_memory_not_equal(uuid, other, 16);
		smbios_build(&t, &m);
		smbios_link(&t, FIRMWARE_SMBIOS);
		assert_true(t.size < SMBIOS_ROOM && t.size < 600);	/* SeaBIOS' limit for the F segment */
		assert_true(FIRMWARE_SMBIOS + t.size <= FIRMWARE_SMBIOS_ENTRY);
		for (k = 0; k < t.size; n++) {
			uint32_t at_end = k + t.run[k + 1];

			assert_true(n < sizeof(order));
			assert_int_equal(t.run[k], order[n]);
			for (strings = 0; t.run[at_end] != 0; strings++)
				at_end += (uint32_t)strlen((char *)t.run + at_end) + 1;
			k = at_end + (strings ? 1 : 2);
			assert_int_equal(t.run[k - 1], 0);
		}
		assert_int_equal(k, t.size);
		assert_int_equal(n, t.count);
		assert_int_equal(n, sizeof(order));
		assert_memory_equal(t.entry, "_SM_", 4);
		assert_int_equal(sum(t.entry, 31), 0);
		assert_int_equal(sum(t.entry + 16, 15), 0);
		assert_int_equal(get(t.entry + 22, 2), t.size);
		assert_int_equal(get(t.entry + 24, 4), FIRMWARE_SMBIOS);
		assert_int_equal(get(t.entry + 28, 2), n);
		assert_memory_equal(t.entry64, "_SM3_", 5);
		assert_int_equal(sum(t.entry64, 24), 0);
		assert_int_equal(get(t.entry64 + 16, 8), FIRMWARE_SMBIOS);
	}
}

static void test_memory_map(void **state)
{
	struct memory_range map[MEMORY_MAP_RANGES];

	(void)state;
	assert_int_equal(memory_map(map, MIB(64)), MEMORY_MAP_RANGES);
	for (uint32_t i = 1; i < MEMORY_MAP_RANGES; i++)
		assert_true(map[i].base >= map[i - 1].base + map[i - 1].size);
	assert_int_equal(map[3].base + map[3].size, MIB(64));
}

static uint8_t byte_sum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return sum;
}

/* Sums, and entry behind entry to the end, their types in order; each ISA line but 2 once, each PCI pin once. */
static void test_mptable(void **state)
{
	static uint8_t mp[MPTABLE_ROOM];
	uint32_t size = mptable_build(mp, FIRMWARE_MPTABLE, 0x306c3, 0xbfebfbff), entries = 0, isa = 0, pci = 0;
	const uint8_t *t = mp + 16, *p = t + 44;
	uint8_t last = 0;

	(void)state;
	assert_memory_equal(mp, "_MP_", 4);
	assert_memory_equal(t, "PCMP", 4);
	assert_int_equal(byte_sum(mp, 16), 0);
	assert_int_equal(get(mp + 4, 4), FIRMWARE_MPTABLE + 16);
	assert_int_equal(get(t + 4, 2), size - 16);
	assert_int_equal(byte_sum(t, size - 16), 0);
	assert_int_equal(get(t + 36, 4), 0xfee00000);
	while (p < mp + size) {
		assert_true(*p >= last && *p <= 4);
		last = *p;
		if (*p == 3 && p[4] == 1) {
			assert_false(isa >> p[5] & 1);
			isa |= 1u << p[5];
			assert_int_equal(p[7], p[5] == 0 ? 2 : p[5]);
		} else if (*p == 3) {
			pci++;
			assert_in_range(p[7], 9, 11);
		}
		p += *p == 0 ? 20 : 8;
		entries++;
	}
	assert_ptr_equal(p, mp + size);
	assert_int_equal(entries, get(t + 34, 2));
	assert_int_equal(isa, 0xfffb);
	assert_int_equal(pci, 31 * 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acpi), cmocka_unit_test(test_script), cmocka_unit_test(test_iasl),
		cmocka_unit_test(test_smbios), cmocka_unit_test(test_memory_map),
		cmocka_unit_test(test_mptable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
