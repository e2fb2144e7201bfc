/* Tests the scanner that finds the files a user directory names.
 * Part: unit tests, on the host.
 * UNIT: lib/dirscan.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/dirscan.h"

static struct dirscan found;

/* The copy ends exactly where the text does, so that ASan sees one byte too many. */
static void scan(const char *text, size_t length)
{
	char *exact = malloc(length ? length : 1);

	assert_non_null(exact);
	memcpy(exact, text, length);
	memset(&found, 0xa5, sizeof(found));
	dirscan_files(exact, length, &found);
	free(exact);
}

static void found_names(const char *expected)
{
	char names[DIRSCAN_MAX_FILES * (DIRSCAN_NAME_LEN + 1) + 1] = "";

	for (uint32_t i = 0; i < found.count; i++) {
		strcat(names, i ? " " : "");
		strcat(names, found.names[i]);
	}
	assert_string_equal(names, expected);
}

static void test_names_in_order_once(void **state)
{
	static const char text[] = "USER LINUX1 PASSWORD 96M 128M G\n"
				   " CONSOLE 009 3215\n"
				   "   ipl vmlinuz LINUX PARM INITRD=x IPL y\r\n"
				   "\tInitRD\tinitrd.img  \r\n"
				   "USER HELLO P 1M 1M G\n"
				   "IPL hello.bin BOOT\n"
				   "IPL vmlinuz\n"
				   "IPL Vmlinuz";
	(void)state;
	scan(text, sizeof(text) - 1);
	found_names("vmlinuz initrd.img hello.bin Vmlinuz");
	assert_int_equal(found.bad_names, 0);
	assert_int_equal(found.left_out, 0);
}

static void test_what_is_no_statement(void **state)
{
	static const char text[] = "* IPL a\n*IPL b\nIPLX c\nIP d\nUSER IPL e\nINITRDS f\n\n \t \n";

	(void)state;
	scan(text, sizeof(text) - 1);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.bad_names, 0);
	scan("", 0);
	assert_int_equal(found.count, 0);
}

static void test_disks(void **state)
{
	static const char text[] = "USER A A 64M\n MDISK 190 RAM debian.img WR VIRTIO\n mdisk 191 ram c.iso\n"
				   " MDISK 192 3330 001 010 VOL\n MDISK 193\n MDISK\n LINK B 190\n IPL 190 UEFI\n"
				   " MDISK 194 RAM debian.img\n MDISK 195 RAM\n MDISK 196 RAM ../x\n IPL ovmf-code.fd FIRMWARE";

	(void)state;
	scan(text, sizeof(text) - 1);
	found_names("debian.img c.iso 190 ovmf-code.fd");
	assert_int_equal(found.bad_names, 2);
	assert_true(dirscan_has(&found, "c.iso") && dirscan_has(&found, "ovmf-code.fd"));
	assert_false(dirscan_has(&found, "c.is") || dirscan_has(&found, "c.iso2") || dirscan_has(&found, ""));
	assert_true(dirscan_is_address("190") && dirscan_is_address("9") && dirscan_is_address("fFa"));
	assert_false(dirscan_is_address("") || dirscan_is_address("0190") || dirscan_is_address("19g"));
}

static void test_bad_names(void **state)
{
	char text[256];

	(void)state;
	scan("IPL", 3);
	assert_int_equal(found.bad_names, 1);
	strcpy(text, "IPL a/b\nIPL ..\nIPL .\nIPL a\\b\nIPL \xe4\nINITRD   \nIPL ..a\n");
	scan(text, strlen(text));
	assert_int_equal(found.bad_names, 6);
	found_names("..a");
}

static void test_longest_name(void **state)
{
	char text[64];
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), "IPL %047d", 7);
	scan(text, (size_t)n);
	assert_int_equal(found.count, 1);
	assert_int_equal(strlen(found.names[0]), 47);
	n = snprintf(text, sizeof(text), "IPL %048d", 7);
	scan(text, (size_t)n);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.bad_names, 1);
}

static void test_prefix_is_another_name(void **state)
{
	static const char text[] = "IPL abc\nIPL ab\nIPL abcd\nIPL abc";

	(void)state;
	scan(text, sizeof(text) - 1);
	found_names("abc ab abcd");
}

static void test_too_many(void **state)
{
	char text[4096];
	size_t n = 0;
	int i;

	(void)state;
	for (i = 0; i < DIRSCAN_MAX_FILES + 5; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "IPL f%d\n", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "IPL f0\n");
	scan(text, n);
	assert_int_equal(found.count, DIRSCAN_MAX_FILES);
	assert_int_equal(found.left_out, 5);
}

static void test_byte_order_mark_and_zeros(void **state)
{
	static const char text[] = "\xef\xbb\xbfIPL a\n\0IPL\0b\0\nINITRD c\0";

	(void)state;
	scan(text, sizeof(text) - 1);
	found_names("a b c");
}

static void test_any_bytes(void **state)
{
	static const char parts[] = "IPLINTRDipl *\n\r\t\0./a9\xff";
	char text[300];
	uint32_t seed = 12345;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		size_t n, i;
		uint32_t k;

		seed = seed * 1664525u + 1013904223u;
		n = (seed >> 8) % sizeof(text);
		for (i = 0; i < n; i++) {
			seed = seed * 1664525u + 1013904223u;
			text[i] = parts[(seed >> 16) % (sizeof(parts) - 1)];
		}
		scan(text, n);
		assert_true(found.count <= DIRSCAN_MAX_FILES);
		for (k = 0; k < found.count; k++) {
			size_t len = strnlen(found.names[k], DIRSCAN_NAME_LEN);

			assert_in_range(len, 1, DIRSCAN_NAME_LEN - 1);
			assert_null(strpbrk(found.names[k], "/\\ \t*"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_in_order_once),
		cmocka_unit_test(test_what_is_no_statement),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_prefix_is_another_name),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_byte_order_mark_and_zeros),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
