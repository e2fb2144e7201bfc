/* The user directory: what is read, what is refused with which line and reason; and a fuzz. */
/* Part: tests; UNIT: vmm/cp/directory.c vmm/cp/directory_devices.c vmm/cp/operand.c lib/string.c lib/printf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/string.h"
#include "vmm/cp/directory.h"
#include "vmm/cp/operand.h"
#include "vmm/ipl/ipl.h"

static char said[16384];
static unsigned int said_lines;
static struct directory d;

static void take(void *context, const char *text)
{
	assert_ptr_equal(context, &d);
	assert_true(strlen(text) < 256);
	assert_true(strlen(said) + strlen(text) + 2 < sizeof(said));
	strcat(said, text);
	strcat(said, "\n");
	said_lines++;
}

static uint32_t read_bytes(const char *text, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1); /* of exactly that size: ASan sees one byte too far */
	uint32_t errors;

	memcpy(copy, text, n);
	said[0] = '\0';
	said_lines = 0;
	errors = directory_read(&d, copy, n, take, &d);
	assert_int_equal(errors, d.errors);
	free(copy);
	return errors;
}

static uint32_t read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

#define SAYS(part)   assert_non_null(strstr(said, part))
#define SILENT(part) assert_null(strstr(said, part))

static void demonstration(void **state)
{
	const struct directory_user *u;

	(void)state;
	assert_int_equal(read_text("* comment\n"
				   "USER LINUX1 PASSWORD 96M 128M G\n"
				   " CONSOLE 009 3215\n"
				   " OPTION AUTOLOG\n"
				   " IPL vmlinuz LINUX PARM console=ttyS0 quiet  panic=-1  \n"
				   " INITRD initrd\n"
				   "USER HELLO HELLO 1M 1M G\n"
				   "\tipl hello.bin\n"
				   "USER TICKER T 512K\n"
				   " IPL ticker.bin PARM x=1 LINUX\n"
				   "USER FLAT F 4M 8M\n"
				   " IPL flat.bin FLAT\n"
				   "USER OPERATOR OPERATOR 0 0 ABCDEFG\n"),
			 0);
	assert_int_equal(said_lines, 0);
	assert_int_equal(d.count, 5);
	u = directory_find(&d, "linux1");
	assert_non_null(u);
	assert_string_equal(u->password, "PASSWORD");
	assert_true(u->storage == MIB(96) && u->max_storage == MIB(128));
	assert_string_equal(u->classes, "G");
	assert_string_equal(u->ipl_file, "vmlinuz");
	assert_string_equal(u->ipl_initrd, "initrd");
	assert_string_equal(u->parm, "console=ttyS0 quiet  panic=-1");
	assert_int_equal(u->ipl_kind, IPL_LINUX);
	assert_true(u->autolog && !u->bad);
	assert_int_equal(u->console, 9);
	assert_int_equal(u->line, 2);
	u = directory_find(&d, "HELLO");
	assert_int_equal(u->ipl_kind, IPL_FIND_OUT);
	assert_false(u->autolog);
	u = directory_find(&d, "TICKER");
	assert_true(u->storage == KIB(512) && u->max_storage == KIB(512));
	assert_string_equal(u->classes, "G");
	assert_string_equal(u->parm, "x=1 LINUX");
	assert_int_equal(directory_find(&d, "FLAT")->ipl_kind, IPL_FLAT);
	u = directory_find(&d, "OPERATOR");
	assert_true(u->storage == 0 && !u->bad);
	assert_string_equal(u->classes, "ABCDEFG");
	assert_null(directory_find(&d, "LINUX"));
	assert_null(directory_find(&d, "LINUX11"));
	assert_null(directory_find(&d, ""));
}

/* The sample of VM/370's own manual is read, and says what has no effect. */
static void manual_sample(void **state)
{
	(void)state;
	assert_int_equal(read_text("DIRECTORY 230 3330 SYSRES\n"
				   "USER VMUSER 123456 512K 2M G\n"
				   " ACCOUNT 87321 BIN14\n"
				   " OPTION ECMODE CPUID 012345\n"
				   " CONSOLE 01F 3270\n"
				   " SPOOL 00C 2540 R\n"
				   " MDISK 130 2314 050 050 VDISK1 WR RWPASSWD\n"
				   " LINK CMSSYS 190 190 RR\n"
				   " DEDICATE 580 580\n"
				   " SPECIAL 400 CTCA\n"
				   "USER CMSSYS X 0\n"
				   " MDISK 190 3330 001 100 SYSRES RR\n"),
			 0);
	SAYS("V64DIR770I DIRECTORY LINE 1: DIRECTORY HAS NO EFFECT YET");
	SAYS("V64DIR770I DIRECTORY LINE 3: ACCOUNT HAS NO EFFECT YET");
	SAYS("LINE 4: ECMODE HAS");
	SAYS("LINE 4: CPUID HAS");
	SAYS("LINE 7: MDISK HAS");
	SAYS("LINE 8: LINK HAS");
	SAYS("LINE 10: SPECIAL HAS");
	assert_int_equal(said_lines, 10);
	assert_int_equal(directory_find(&d, "VMUSER")->disk_count, 0);
	assert_int_equal(directory_find(&d, "VMUSER")->special_count, 0);
	assert_int_equal(directory_find(&d, "VMUSER")->console, 0x1f);
	assert_false(directory_find(&d, "VMUSER")->bad);
}

static void devices(void **state)
{
	const struct directory_user *u;
	const struct directory_disk *disk;

	(void)state;
	assert_int_equal(read_text("USER A A 64M\n"
				   " IPL 190\n"
				   " LINK B 191\n"
				   " LINK B 192 292 RR\n"
				   " LINK B 193 293 WR\n"
				   " MDISK 190 RAM debian.img\n"
				   " SPECIAL 600 NET\n"
				   " SPECIAL 601 rng\n"
				   " SPECIAL 602 COM2\n"
				   " OPTION DEBUGEXIT TSC 2500 DEBUGCON NOVGA NOSCREEN TRIPLERESET\n"
				   "USER B B 64M\n"
				   " MDISK 191 RAM a.img RR VIRTIO\n"
				   " MDISK 192 RAM b.img VIRTIO WR\n"
				   " MDISK 193 ram c.iso CD\n"
				   " MDISK 1 RAM d.img MR ATA\n"
				   " IPL 001 UEFI\n"
				   "USER C C 64M\n"
				   " IPL 190\n"
				   "USER D D 64M\n"
				   " MDISK 190 RAM d.img\n"
				   " IPL 190 FLAT PARM x\n"
				   "USER E E 64M\n"
				   " IPL x.iso CD\n"
				   "USER F F 64M\n"
				   " IPL OVMF.fd FIRMWARE\n"
				   "USER G G 64M\n"
				   " IPL x.img disk\n"),
			 0);
	assert_string_equal(said, "");
	u = directory_find(&d, "A");
	assert_int_equal(u->disk_count, 4);
	assert_int_equal(u->ipl_address, 0x190);
	assert_false(u->ipl_uefi);
	assert_string_equal(u->ipl_file, "");
	assert_true(u->debug_exit && u->debug_console && u->no_vga && u->no_screen && u->triple_reset && !u->autolog && u->tsc_mhz == 2500);
	assert_int_equal(u->special_count, 3);
	assert_true(u->specials[0].type == SPECIAL_NET && u->specials[0].address == 0x600);
	assert_true(u->specials[2].type == SPECIAL_COM2 && u->specials[2].address == 0x602);
	disk = directory_disk_at(u, 0x190);
	assert_true(disk->bus == DISK_BUS_AUTO && !disk->read_only);
	assert_string_equal(disk->file, "debian.img");
	disk = directory_disk_at(u, 0x191);
	assert_true(disk->bus == DISK_BUS_VIRTIO && disk->read_only);
	assert_string_equal(disk->file, "a.img");
	disk = directory_disk_at(u, 0x292);
	assert_true(disk->bus == DISK_BUS_VIRTIO && disk->read_only);
	assert_string_equal(disk->file, "b.img");
	disk = directory_disk_at(u, 0x293);
	assert_true(disk->bus == DISK_BUS_CD && disk->read_only);
	assert_null(directory_disk_at(u, 0x192));
	u = directory_find(&d, "B");
	assert_true(u->ipl_address == 1 && u->ipl_uefi);
	assert_true(directory_disk_at(u, 1)->bus == DISK_BUS_ATA && !directory_disk_at(u, 1)->read_only);
	assert_false(directory_disk_at(u, 0x192)->read_only);
	u = directory_find(&d, "C");
	assert_int_equal(u->ipl_address, 0);
	assert_string_equal(u->ipl_file, "190");
	u = directory_find(&d, "D");
	assert_true(u->ipl_address == 0 && u->ipl_kind == IPL_FLAT);
	assert_int_equal(directory_find(&d, "E")->ipl_kind, IPL_CD);
	assert_int_equal(directory_find(&d, "F")->ipl_kind, IPL_FIRMWARE);
	assert_int_equal(directory_find(&d, "G")->ipl_kind, IPL_DISK);
}

struct fault_case {
	const char *text, *says;
};

static const struct fault_case cases[] = {
	{ "USER A A 1M\n FOO bar\n", "V64DIR751E DIRECTORY LINE 2: UNKNOWN STATEMENT 'FOO'" },
	{ "USER A A 1M\n IPLX bar\n", "LINE 2: UNKNOWN STATEMENT 'IPLX'" },
	{ " IPL x\nUSER A A 1M\n",
	  "V64DIR752E DIRECTORY LINE 1: IPL BEFORE THE FIRST USER STATEMENT" },
	{ "USER\n", "V64DIR753E DIRECTORY LINE 1" },
	{ "USER TOOLONGID A 1M\n", "V64DIR753E DIRECTORY LINE 1: USERID 'TOOLONGID'" },
	{ "USER A#B A 1M\n", "V64DIR753E" },
	{ "USER ALL A 1M\n", "V64DIR753E" },
	{ "USER A A\n", "V64DIR755E DIRECTORY LINE 1: STORAGE SIZE ''" },
	{ "USER A A 96\n", "V64DIR755E DIRECTORY LINE 1: STORAGE SIZE '96'" },
	{ "USER A A 96X\n", "V64DIR755E" },
	{ "USER A A -1M\n", "V64DIR755E" },
	{ "USER A A 99999999999999999999M\n", "V64DIR755E" },
	{ "USER A A 18446744073709551616K\n", "V64DIR755E" },
	{ "USER A A 2000G\n", "V64DIR755E" },
	{ "USER A A 5K\n", "V64DIR775E" },
	{ "USER A A 0 0 G\n IPL x\n", "V64DIR756E DIRECTORY LINE 1: USER A" },
	{ "USER A A 0 0 G\n OPTION AUTOLOG\n", "V64DIR756E DIRECTORY LINE 1: USER A" },
	{ "USER A A 2M 1M G\n",
	  "V64DIR757E DIRECTORY LINE 1: STORAGE 2M IS MORE THAN THE MAXIMUM 1M" },
	{ "USER A A 1M 1M\n IPL\n", "V64DIR760E DIRECTORY LINE 2: IPL NEEDS MORE OPERANDS" },
	{ "USER A A 1M 1M\n OPTION\n", "V64DIR760E DIRECTORY LINE 2: OPTION" },
	{ "USER A A 1M 1M\n SPOOL\n", "V64DIR760E DIRECTORY LINE 2: SPOOL" },
	{ "USER A A 1M 1M\n IPL ../x\n", "V64DIR761E DIRECTORY LINE 2: '../x' IS NOT A FILE NAME" },
	{ "USER A A 1M 1M\n IPL ..\n", "V64DIR761E" },
	{ "USER A A 1M\n IPL aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "V64DIR761E" },
	{ "USER A A 1M 1M\n IPL x LINUS\n", "V64DIR762E DIRECTORY LINE 2: 'LINUS'" },
	{ "USER A A 1M 1M\n IPL x LINUX FOO\n",
	  "V64DIR771E DIRECTORY LINE 2: 'FOO' IS MORE THAN IPL TAKES" },
	{ "USER A A 1M 1M GG\n", "V64DIR764E DIRECTORY LINE 1: PRIVILEGE CLASSES 'GG'" },
	{ "USER A A 1M 1M GX\n", "V64DIR764E" },
	{ "USER A A 1M 1M ABCDEFGHA\n", "V64DIR764E" },
	{ "USER A\n", "V64DIR765E DIRECTORY LINE 1" },
	{ "USER A PASSWORD9 1M\n", "V64DIR765E DIRECTORY LINE 1" },
	{ "USER A A 1M\n CONSOLE\n", "V64DIR766E DIRECTORY LINE 2" },
	{ "USER A A 1M\n CONSOLE 000 3215\n", "V64DIR766E" },
	{ "USER A A 1M\n CONSOLE 1000 3215\n", "V64DIR766E" },
	{ "USER A A 1M\n CONSOLE 009 3216\n", "V64DIR766E" },
	{ "USER A A 1M\n OPTION AUTOLOGG\n", "V64DIR767E DIRECTORY LINE 2: OPTION 'AUTOLOGG'" },
	{ "USER A A 1M\n OPTION TSC\n", "V64DIR784E DIRECTORY LINE 2: OPTION TSC IS NOT FOLLOWED BY 1 TO 9999" },
	{ "USER A A 1M\n OPTION TSC 0\n", "V64DIR784E DIRECTORY LINE 2:" },
	{ "USER A A 1M\n OPTION TSC 10000\n", "V64DIR784E DIRECTORY LINE 2:" },
	{ "USER A A 1M\n OPTION TSC 2G\n", "V64DIR784E DIRECTORY LINE 2:" },
	{ "USER A A 1M\n OPTION TSC AUTOLOG\n", "V64DIR784E DIRECTORY LINE 2:" },
	{ "USER A A 1M\n OPTION CPUID\n", "V64DIR767E DIRECTORY LINE 2: OPTION 'CPUID'" },
	{ "USER A A 1M\n IPL x\n IPL y\n", "V64DIR768E DIRECTORY LINE 3: SECOND IPL STATEMENT" },
	{ "USER A A 1M\n CONSOLE 009 3215\n CONSOLE 009 3215\n", "V64DIR768E DIRECTORY LINE 3" },
	{ "USER A A 1M\n IPL x\n INITRD y\n INITRD z\n", "V64DIR768E DIRECTORY LINE 4" },
	{ "USER A A 1M\n IPL x\x01\n", "V64DIR769E DIRECTORY LINE 2: CHARACTER X'01' IN COLUMN 7" },
	{ "USER A A 1M\n IPL x PARM \xc3\xa9\n", "V64DIR769E DIRECTORY LINE 2: CHARACTER X'C3'" },
	{ "USER A A 1M\n INITRD x\n", "V64DIR772E DIRECTORY LINE 1: USER A" },
	{ "USER A A 1M\n MDISK 1000 RAM x\n",
	  "V64DIR776E DIRECTORY LINE 2: '1000' IS NOT AN ADDRESS 001-FFF" },
	{ "USER A A 1M\n MDISK 0 RAM x\n", "V64DIR776E DIRECTORY LINE 2: '0'" },
	{ "USER A A 1M\n MDISK 0190 RAM x\n", "V64DIR776E" },
	{ "USER A A 1M\n MDISK x RAM x\n", "V64DIR776E" },
	{ "USER A A 1M\n MDISK\n", "V64DIR760E DIRECTORY LINE 2: MDISK" },
	{ "USER A A 1M\n MDISK 190 RAM\n", "V64DIR760E DIRECTORY LINE 2: MDISK" },
	{ "USER A A 1M\n MDISK 190 RAM a/b\n", "V64DIR761E DIRECTORY LINE 2: 'a/b'" },
	{ "USER A A 1M\n MDISK 190 RAM x RW\n", "V64DIR779E DIRECTORY LINE 2: 'RW'" },
	{ "USER A A 1M\n MDISK 190 RAM x RR WR\n", "V64DIR779E DIRECTORY LINE 2: 'WR'" },
	{ "USER A A 1M\n MDISK 190 RAM x CD ATA\n", "V64DIR779E DIRECTORY LINE 2: 'ATA'" },
	{ "USER A A 1M\n MDISK 190 RAM x\n MDISK 190 RAM y\n",
	  "V64DIR777E DIRECTORY LINE 3: SECOND DEVICE AT ADDRESS 190 OF THE SAME USER" },
	{ "USER A A 1M\n SPECIAL 1F NET\n CONSOLE 01F 3215\n", "V64DIR777E DIRECTORY LINE 2" },
	{ "USER A A 1M\n MDISK 1 RAM x\n MDISK 2 RAM x\n MDISK 3 RAM x CD\n MDISK 4 RAM x\n MDISK 5 RAM x\n",
	  "V64DIR778E DIRECTORY LINE 6: MORE THAN 4 ATA AND CD DRIVES OF ONE USER" },
	{ "USER A A 1M\n MDISK 1 RAM x VIRTIO\n MDISK 2 RAM x VIRTIO\n MDISK 3 RAM x VIRTIO\n"
	  " MDISK 4 RAM x VIRTIO\n MDISK 5 RAM x VIRTIO\n MDISK 6 RAM x VIRTIO\n MDISK 7 RAM x VIRTIO\n"
	  " MDISK 8 RAM x VIRTIO\n MDISK A RAM x VIRTIO\n",
	  "V64DIR778E DIRECTORY LINE 10: MORE THAN 8 DISKS OF ONE USER" },
	{ "USER A A 1M\n LINK\n", "V64DIR760E DIRECTORY LINE 2: LINK" },
	{ "USER A A 1M\n LINK GOOD\n", "V64DIR760E DIRECTORY LINE 2: LINK" },
	{ "USER A A 1M\n LINK G#OD 190\n", "V64DIR753E DIRECTORY LINE 2: USERID 'G#OD'" },
	{ "USER A A 1M\n LINK GOOD 190x\n", "V64DIR776E" },
	{ "USER A A 1M\n LINK GOOD 190 1000\n", "V64DIR776E" },
	{ "USER A A 1M\n LINK GOOD 190 191 RX\n", "V64DIR780E DIRECTORY LINE 2: 'RX'" },
	{ "USER A A 1M\n LINK GOOD 190 191 RR X\n", "V64DIR771E DIRECTORY LINE 2: 'X'" },
	{ "USER A A 1M\n LINK NOBODY 190\n", "V64DIR781E DIRECTORY LINE 2: USER NOBODY IS NOT" },
	{ "USER A A 1M\n LINK GOOD 191\n",
	  "V64DIR782E DIRECTORY LINE 2: USER GOOD HAS NO RAM MDISK 191 TO LINK" },
	{ "USER A A 1M\n LINK B 190\nUSER B B 1M\n LINK GOOD 190\n", "V64DIR782E DIRECTORY LINE 2" },
	{ "USER A A 1M\n LINK A 190\n", "V64DIR782E DIRECTORY LINE 2" },
	{ "USER A A 1M\n LINK B 190\n IPL 190\nUSER B B 1M\n MDISK 190 3330 1 2 X\n", "V64DIR782E" },
	{ "USER A A 1M\n IPL 190 BIOS\n", "V64DIR783E DIRECTORY LINE 2: USER A HAS NO DISK '190' TO IPL" },
	{ "USER A A 1M\n MDISK 190 RAM x\n IPL x UEFI\n", "V64DIR783E DIRECTORY LINE 3" },
	{ "USER A A 1M\n MDISK 190 RAM x\n IPL 190 UEFI PARM\n", "V64DIR771E DIRECTORY LINE 3" },
	{ "USER A A 1M\n MDISK 190 RAM x\n IPL 190 PARM x\n", "V64DIR771E DIRECTORY LINE 3" },
	{ "USER A A 1M\n MDISK 190 RAM x\n IPL 190\n INITRD x\n", "V64DIR772E DIRECTORY LINE 1" },
	{ "USER A A 1M\n SPECIAL 600\n SPECIAL\n", "V64DIR760E DIRECTORY LINE 3: SPECIAL" },
	{ "USER A A 1M\n SPECIAL 6000 NET\n", "V64DIR776E" },
	{ "USER A A 1M\n SPECIAL 600 NET X\n", "V64DIR771E" },
	{ "USER A A 1M\n SPECIAL 600 RNG\n SPECIAL 601 RNG\n",
	  "V64DIR768E DIRECTORY LINE 3: SECOND SPECIAL RNG STATEMENT OF THE SAME USER" },
	{ "USER A A 1M\n SPECIAL 1 NET\n SPECIAL 2 RNG\n SPECIAL 3 BALLOON\n SPECIAL 4 CONSOLE\n SPECIAL 5 COM2\n"
	  " SPECIAL 6 net\n SPECIAL 7 COM2\n",
	  "V64DIR768E DIRECTORY LINE 7: SECOND SPECIAL NET STATEMENT OF THE SAME USER" },
	{ "USER A A 1M\n IPL x\n INITRD x y\n", "V64DIR771E DIRECTORY LINE 3: 'y'" },
};

/* Each mistake is told with line and reason, spoils its own user, and leaves the next one alone. */
static void every_fault(void **state)
{
	static const char next[] = "USER GOOD GOOD 1M 1M G\n IPL x\n MDISK 190 RAM x\n";
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct directory_user *u;

		snprintf(text, sizeof(text), "%s%s", cases[i].text, next);
		assert_int_not_equal(read_text(text), 0);
		if (strstr(said, cases[i].says) == NULL)
			fail_msg("case %zu: wanted \"%s\", got \"%s\"", i, cases[i].says, said);
		u = directory_find(&d, "A");
		/* A statement before the first user belongs to nobody. */
		if (u != NULL && cases[i].text[0] != ' ')
			assert_true(u->bad);
		u = directory_find(&d, "GOOD");
		assert_non_null(u);
		assert_false(u->bad);
		assert_true(u->storage == MIB(1));
	}
}

static void duplicate_first_stands(void **state)
{
	(void)state;
	assert_int_equal(
		read_text("USER A ONE 1M 1M G\n IPL first\nUSER a TWO 2M 2M G\n IPL second\n"
			  " OPTION AUTOLOG\nUSER B B 1M\n"),
		1);
	SAYS("V64DIR754E DIRECTORY LINE 3: USER A IS DEFINED IN LINE 1 ALREADY; THE FIRST STANDS");
	assert_int_equal(d.count, 2);
	assert_string_equal(directory_find(&d, "A")->password, "ONE");
	assert_string_equal(directory_find(&d, "A")->ipl_file, "first");
	assert_false(directory_find(&d, "A")->autolog);
	assert_false(directory_find(&d, "A")->bad);
	assert_false(directory_find(&d, "B")->bad);
}

static void line_ends(void **state)
{
	(void)state;
	assert_int_equal(read_text("\xef\xbb\xbfUSER A A 1M\r\n FOO\r\n\r\n BAR"), 2);
	SAYS("LINE 2: UNKNOWN STATEMENT 'FOO'");
	SAYS("LINE 4: UNKNOWN STATEMENT 'BAR'");
	assert_int_equal(read_text("USER A A 1M\r FOO\r"), 1);
	SAYS("LINE 2: UNKNOWN STATEMENT 'FOO'");
}

static void too_long(void **state)
{
	char text[2048];
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "USER A A 1M\n IPL x PARM ");
	memset(text + n, 'p', 255);
	text[n + 255] = '\0';
	assert_int_equal(read_text(text), 0);
	assert_int_equal(strlen(directory_find(&d, "A")->parm), 255);
	strcat(text, "p");
	assert_int_equal(read_text(text), 1);
	SAYS("V64DIR763E DIRECTORY LINE 2: PARM IS LONGER THAN 255 CHARACTERS");
	memset(text + n, 'p', 1000);
	text[n + 1000] = '\0';
	assert_int_equal(read_text(text), 1);
	SAYS("V64DIR759E DIRECTORY LINE 2: LONGER THAN 512 CHARACTERS");
	/* A comment may be as long as it likes. */
	text[0] = '*';
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	strcpy(text + 1100, "\nUSER A A 1M\n");
	for (size_t i = 1; i < 1100; i++)
		text[i] = 'c';
	assert_int_equal(read_text(text), 0);
}

static void too_many_users(void **state)
{
	char text[4096] = "";
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 66; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "USER U%d P 1M\n", i);
	assert_int_equal(read_text(text), 2);
	assert_int_equal(d.count, 64);
	SAYS("V64DIR758E DIRECTORY LINE 65: MORE THAN 64 USERS; USER U64");
}

static void nothing_in_it(void **state)
{
	(void)state;
	assert_int_equal(read_text(""), 1);
	SAYS("V64DIR773E");
	assert_int_equal(read_text("* only words\n\n   \n"), 1);
	SAYS("V64DIR773E");
}

/* A file that is no text at all: bounded messages, and everything after it would still be read. */
static void binary(void **state)
{
	static char bytes[100000];
	unsigned int seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1103515245 + 12345;
		bytes[i] = (char)(seed >> 16);
	}
	memcpy(bytes + sizeof(bytes) - 13, "\nUSER B B 1M\n", 13);
	assert_true(read_bytes(bytes, sizeof(bytes)) > 100);
	assert_true(said_lines <= 41);
	SAYS("V64DIR774I");
	assert_non_null(directory_find(&d, "B"));
	assert_false(directory_find(&d, "B")->bad);
}

/*
 * Random lines made of the right words: nothing may be read or written outside, no text without
 * end.
 */
static void fuzz(void **state)
{
	static const char *const words[] = {
		"USER",
		"A",
		"B",
		"OPERATOR",
		"96M",
		"0",
		"1G",
		"G",
		"ABCDEFGH",
		"CONSOLE",
		"009",
		"3215",
		"OPTION",
		"AUTOLOG",
		"IPL",
		"x",
		"LINUX",
		"PARM",
		"INITRD",
		"*",
		"\t",
		"SPOOL",
		"MDISK",
		"RAM",
		"LINK",
		"SPECIAL",
		"190",
		"191",
		"NET",
		"RR",
		"VIRTIO",
		"CD",
		"BIOS",
		"\r",
		"\n",
		"\n",
		"\n",
		"99999999999999999999999999999999999999999999999999999999999999999999999999999999K",
		"NOLOG",
		"CPUID",
	};
	char text[700];

	(void)state;
	srand(7);
	for (int round = 0; round < 60000; round++) {
		size_t n = 0;

		while (n < sizeof(text) - 100 && rand() % 40 != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
					      words[(size_t)rand() % ARRAY_LEN(words)],
					      rand() % 8 ? " " : "");
		for (int k = rand() % 3; k > 0 && n > 0; k--)
			text[(size_t)rand() % n] = (char)rand();
		read_bytes(text, n);
		for (uint32_t i = 0; i < d.count; i++) {
			assert_in_range(strlen(d.users[i].userid), 1, 8);
			assert_true(memchr(d.users[i].parm, 0, DIRECTORY_PARM) != NULL);
			assert_ptr_equal(directory_find(&d, d.users[i].userid), &d.users[i]);
			assert_in_range(d.users[i].disk_count, 0, DIRECTORY_DISKS);
			assert_in_range(d.users[i].special_count, 0, DIRECTORY_SPECIALS);
			for (uint32_t k = 0; k < d.users[i].disk_count && !d.users[i].bad; k++)
				assert_string_not_equal(d.users[i].disks[k].file, "");
			if (!d.users[i].bad && d.users[i].ipl_address != 0)
				assert_non_null(directory_disk_at(&d.users[i], d.users[i].ipl_address));
			if (!d.users[i].bad && d.users[i].autolog)
				assert_true(d.users[i].storage > 0 &&
					    d.users[i].storage % PAGE_SIZE == 0);
		}
	}
}

static void operands(void **state)
{
	uint64_t a, b;
	const char *at = "  one\ttwo  ";
	char word[4];

	(void)state;
	assert_int_equal(operand_word(&at, word, sizeof(word)), 3);
	assert_string_equal(word, "one");
	assert_int_equal(operand_word(&at, word, sizeof(word)), 3);
	assert_int_equal(operand_word(&at, word, sizeof(word)), 0);
	assert_string_equal(word, "");
	at = "longer";
	assert_int_equal(operand_word(&at, word, sizeof(word)), 6);
	assert_string_equal(word, "lon");
	assert_true(operand_is("q", "QUERY", 1) && operand_is("QUERY", "QUERY", 1) &&
		    operand_is("FOR", "FOR", 5));
	assert_false(operand_is("QUERYX", "QUERY", 1));
	assert_false(operand_is("SHUT", "SHUTDOWN", 8));
	assert_false(operand_is("", "QUERY", 0));
	assert_true(operand_hex("ffffFFFFffffFFFF", UINT64_MAX, &a) && a == UINT64_MAX);
	assert_false(operand_hex("10000000000000000", UINT64_MAX, &a));
	assert_false(operand_hex("", UINT64_MAX, &a));
	assert_false(operand_hex("12g", UINT64_MAX, &a));
	assert_false(operand_hex("100", 0xff, &a));
	assert_true(operand_decimal("15", 15, &a) && a == 15);
	assert_false(operand_decimal("16", 15, &a));
	assert_false(operand_decimal("1f", 99, &a));
	assert_true(operand_range("100-1ff", 0x1000, &a, &b) && a == 0x100 && b == 0x1ff);
	assert_true(operand_range("100.20", 0x1000, &a, &b) && b == 0x11f);
	assert_true(operand_range("100", 0x1000, &a, &b) && a == b);
	assert_true(operand_range("100:", 0x1000, &a, &b) && b == 0xfff);
	assert_true(operand_range("0-end", 0x1000, &a, &b) && b == 0xfff);
	assert_true(operand_range("", 0, &a, &b) && b == 0);
	assert_true(operand_range("fffffffffffffff0.10", 0, &a, &b) && b == UINT64_MAX);
	assert_false(operand_range("fffffffffffffff0.11", 0, &a, &b));
	assert_false(operand_range("100.0", 0x1000, &a, &b));
	assert_false(operand_range("200-100", 0x1000, &a, &b));
	assert_false(operand_range("-100", 0x1000, &a, &b));
	assert_false(operand_range("100-200-300", 0x1000, &a, &b));
	assert_true(operand_size("0", &a) && a == 0);
	assert_true(operand_size("1024g", &a) && a == GIB(1024));
	assert_false(operand_size("1025G", &a));
	assert_false(operand_size("1KB", &a));
	assert_false(operand_size("K", &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demonstration),  cmocka_unit_test(manual_sample),
		cmocka_unit_test(devices),
		cmocka_unit_test(every_fault),	  cmocka_unit_test(duplicate_first_stands),
		cmocka_unit_test(line_ends),	  cmocka_unit_test(too_long),
		cmocka_unit_test(too_many_users), cmocka_unit_test(nothing_in_it),
		cmocka_unit_test(binary),	  cmocka_unit_test(fuzz),
		cmocka_unit_test(operands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
