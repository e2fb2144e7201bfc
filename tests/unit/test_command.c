/* CP's commands from the operator's keyboard: the start, the tables and documents, every command. */
/* Part: tests; UNIT: vmm/cp/clock.c vmm/cp/command.c vmm/cp/control.c vmm/cp/cp.c vmm/cp/directory.c vmm/cp/directory_devices.c vmm/cp/display.c vmm/cp/dump.c vmm/cp/guest_console.c vmm/cp/guest_output.c vmm/cp/indicate.c vmm/cp/logmsg.c vmm/cp/logon.c vmm/cp/operand.c vmm/cp/query.c vmm/cp/query_system.c vmm/cp/query_virtual.c vmm/cp/session.c vmm/cp/set.c vmm/cp/shutdown.c vmm/cp/store.c vmm/cp/talk.c vmm/cp/typewriter.c vmm/cp/users.c vmm/machine/console.c lib/string.c lib/printf.c */
#include "tests/unit/fake_cp.h"

#include "vmm/cp/clock.h"
#include "vmm/cp/command.h"

static void starts(void **state)
{
	static const char *const order[] = {
		"VM/64 Version 0 Release 1\r\n",
		"V64DIR751E DIRECTORY LINE 12: UNKNOWN STATEMENT 'FOO'",
		"DMKUDR476I System Directory loaded from volume VM64\r\n",
		"V64CPI784I DIRECTORY: 9 USERS, 1 ERRORS",
		"DMKCPI957I Storage size = 524288 K, Nucleus = ",
		"LOGON AT 21:48:25 GMT SUNDAY 08/09/26\r\n",
		"AUTO LOGON *** LINUX1 USERS = 002\r\n",
		"AUTO LOGON *** LINUX2 USERS = 003\r\n",
		"V64LOG714E BROKEN CANNOT LOG ON; ITS DIRECTORY ENTRY HAS ERRORS (LINE 11)",
		"DMKCPI966I Initialization complete\r\n",
	};
	const char *at = fake_shown;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		at = strstr(at, order[i]);
		if (at == NULL)
			fail_msg("\"%s\" is missing or out of order in \"%s\"", order[i],
				 fake_shown);
	}
	assert_int_equal(fake_ipls, 2);
	assert_int_equal(vm_find("LINUX1")->state, VM_RUNNABLE);
	assert_string_equal(fake_status, "CP READ");
}

static void starts_badly(void **state)
{
	(void)state;
	fake_reset();
	cp_start(NULL, 0, NULL);
	fake_run(0);
	SHOWN("V64CPI781E NO DIRECTORY");
	SHOWN("DMKCPI966I");
	ANSWERS("QUERY NAMES", "OPERATOR - 009\r\n");
	fake_reset();
	fake_ipl_fault = "V64IPL702E vmlinuz: there is no such file";
	cp_start(fake_directory, sizeof(fake_directory) - 1, "foo=bar display=text");
	fake_run(0);
	SHOWN("AUTO LOGON *** LINUX1 USERS = 002\r\nV64IPL702E vmlinuz: there is no such file\r\n");
	SHOWN("V64CPI785E PARM WORD 'foo=bar'");
	NOT_SHOWN("'display");
	assert_int_equal(vm_find("LINUX1")->state, VM_NO_SYSTEM);
	ANSWERS("BEGIN LINUX1", "V64CFM721E LINUX1 HAS NO SYSTEM TO RUN (NO SYSTEM); IPL FIRST");
}

static void parses(void **state)
{
	(void)state;
	ANSWERS("query time", "TIME IS 21:48:25 GMT SUNDAY 08/09/26\r\nCONNECT= 00:00:00 VIRTCPU= "
			      "000:00.00 TOTCPU= ");
	ANSWERS("q t", "TIME IS ");
	ANSWERS("CP CP q t", "TIME IS ");
	ANSWERS("#cp q t", "TIME IS ");
	ANSWERS("QUERY NAMES#q userid", "LINUX2   - DSC\r\nOPERATOR AT VM64\r\n");
	ANSWERS("#CP Q USERID#CP QUERY USERS", "OPERATOR AT VM64\r\n003 USERS, 000 DIALED\r\n");
	ANSWERS("FROB x", "DMKCFC001E ?CP: FROB\r\n");
	ANSWERS("qu\x08\x08\x7fq tx\x08", "TIME IS ");
	ANSWERS("nonsense\x15q t", "TIME IS ");
	ANSWERS("nonsense\x03q t", "TIME IS ");
	NOT_SHOWN("?CP");
	fake_answer("* a comment # q time");
	SHOWN("TIME IS ");
	fake_answer("*FOO");
	assert_string_equal(fake_shown, "*FOO\r\n");
	fake_answer("");
	assert_string_equal(fake_shown, "\r\n");
	ANSWERS("QUERY", "DMKCFC026E OPERAND MISSING OR INVALID");
	ANSWERS("QUERY XYZZY", "V64CFC703E OPERAND 'XYZZY' IS NOT KNOWN TO QUERY");
	ANSWERS("SHUT", "DMKCFC001E ?CP: SHUT");
	ANSWERS("MSG * a \"# b", "21:48:25 MSG FROM OPERATOR: a # b");
}

/* A table row as docs/commands.md has it; a bar inside a cell is escaped there. */
static void table_row(char *to, size_t room, const struct command *row)
{
	char plain[300];
	size_t n = 0;

	snprintf(plain, sizeof(plain), "\001 %s \001 %.*s \001 %s \001 %s%s%s \001 %s \001",
		 row->name, row->least, row->name, row->classes[0] != '\0' ? row->classes : "any",
		 row->operands[0] != '\0' ? "`" : "", row->operands,
		 row->operands[0] != '\0' ? "`" : "", row->help);
	for (const char *p = plain; *p != '\0' && n + 2 < room; p++) {
		if (*p == '|')
			to[n++] = '\\';
		to[n++] = *p == '\001' ? '|' : *p;
	}
	to[n] = '\0';
}

/*
 * Every row can be reached by its full name and by its shortest abbreviation, and is in the
 * documentation.
 */
static void table(void **state)
{
	static char text[65536];
	FILE *f = fopen("docs/commands.md", "r");
	const struct command *row;
	char line[300], word[16];
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	for (unsigned int which = 0; which < 4; which++) {
		for (uint32_t i = 0; (row = command_at(which, i)) != NULL; i++) {
			const struct command *first = command_at(which, 0);
			size_t count = 0;

			while (command_at(which, (uint32_t)count) != NULL)
				count++;
			assert_ptr_equal(command_find(first, count, row->name, "ABCDEFGH"), row);
			str_copy(word, row->name, (size_t)row->least + 1);
			if (command_find(first, count, word, "ABCDEFGH") != row)
				fail_msg("%s means something else than %s", word, row->name);
			if (row->least > 1 && which == 0) {
				word[row->least - 1] = '\0';
				assert_ptr_not_equal(command_find(first, count, word, "ABCDEFGH"),
						     row);
			}
			table_row(line, sizeof(line), row);
			if (strstr(text, line) == NULL)
				fail_msg("docs/commands.md lacks: %s", line);
		}
	}
}

/* Every number CP can say is explained. */
static void messages(void **state)
{
	static char text[131072], header[65536];
	FILE *f = fopen("docs/messages.md", "r"), *h = fopen("vmm/cp/messages.h", "r");
	unsigned int count = 0;

	(void)state;
	assert_non_null(f);
	assert_non_null(h);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	header[fread(header, 1, sizeof(header) - 1, h)] = '\0';
	fclose(f);
	fclose(h);
	for (char *at = strchr(header, '"'); at != NULL; at = strchr(at, '"')) {
		char row[24];

		if (strncmp(at, "\"DMK", 4) == 0 || strncmp(at, "\"V64", 4) == 0) {
			snprintf(row, sizeof(row), "| %.10s |", at + 1);
			if (strstr(text, row) == NULL)
				fail_msg("docs/messages.md lacks %s", row);
			count++;
		}
		at = strchr(at + 1, '"') + 1;
	}
	assert_true(count > 60);
}

static void names(void **state)
{
	(void)state;
	fake_answer("QUERY NAMES");
	SHOWN("\r\nOPERATOR - 009, LINUX1   - DSC, LINUX2   - DSC\r\n");
	ANSWERS("AUTOLOG HELLO", "AUTO LOGON *** HELLO USERS = 004");
	fake_answer("Q N");
	SHOWN("\r\nOPERATOR - 009, LINUX1   - DSC, LINUX2   - DSC, HELLO    - DSC\r\n");
	ANSWERS("AUTOLOG NOSYS", "AUTO LOGON *** NOSYS USERS = 005");
	fake_answer("Q N");
	SHOWN("HELLO    - DSC,\r\nNOSYS    - DSC\r\n");
	ANSWERS("QUERY LINUX1", "LINUX1   - DSC\r\n");
	ANSWERS("QUERY BROKEN", "DMKCQG045E BROKEN NOT LOGGED ON");
	ANSWERS("AUTOLOG HELLO", "V64LOG713E HELLO ALREADY LOGGED ON");
	ANSWERS("AUTOLOG LOCKED", "V64LOG715E");
	ANSWERS("AUTOLOG HELPER", "V64LOG717E");
	ANSWERS("AUTOLOG NOBODY", "V64LOG712E NOBODY NOT IN CP DIRECTORY");
	ANSWERS("FORCE HELLO", "CONNECT= 00:00:00 VIRTCPU= 000:00.00 TOTCPU= 000:00.00\r\n"
			       "USER DSC LOGOFF AS HELLO USERS = 004 FORCED\r\n");
	assert_null(vm_find("HELLO"));
	ANSWERS("FORCE HELLO", "DMKCQG045E HELLO NOT LOGGED ON");
	ANSWERS("FORCE OPERATOR", "V64LOG718E");
	ANSWERS("FORCE", "DMKLOG020E");
}

static void runs_machines(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	fake_answer("STOP LINUX1");
	assert_int_equal(vm->state, VM_STOPPED);
	ANSWERS("STOP LINUX1", "V64CFM723I LINUX1 IS NOT RUNNING (CP READ)");
	fake_answer("BEGIN LINUX1 100000");
	assert_int_equal(vm->state, VM_RUNNABLE);
	assert_true(fake_regs[vm->number][VREG_RIP] == 0x100000);
	ANSWERS("BEGIN LINUX1", "V64CFM722I LINUX1 IS RUNNING ALREADY");
	ANSWERS("BEGIN LINUX1 xyz", "V64CDB741E HEXLOC xyz");
	ANSWERS("STOP", "V64CFC701E OPERATOR HAS NO VIRTUAL MACHINE");
	ANSWERS("STOP HELLO", "DMKCQG045E HELLO NOT LOGGED ON");
	fake_answer("IPL LINUX1");
	assert_string_equal(fake_ipl_file, "vmlinuz");
	assert_string_equal(fake_ipl_initrd, "initrd");
	assert_string_equal(fake_ipl_parm, "console=ttyS0 quiet");
	assert_int_equal(fake_ipl.kind, IPL_LINUX);
	fake_answer("IPL LINUX1 other.bin BOOT PARM a  b");
	assert_string_equal(fake_ipl_file, "other.bin");
	assert_string_equal(fake_ipl_initrd, "");
	assert_string_equal(fake_ipl_parm, "a  b");
	assert_int_equal(fake_ipl.kind, IPL_BOOT);
	assert_int_equal(vm->state, VM_RUNNABLE);
	fake_answer("SYSTEM LINUX1 RESTART");
	assert_string_equal(fake_ipl_file, "other.bin");
	assert_string_equal(fake_ipl_parm, "a  b");
	assert_int_equal(fake_ipl.kind, IPL_BOOT);
	ANSWERS("IPL LINUX1 a/b", "V64IPL792E 'a/b' IS NOT A FILE NAME");
	ANSWERS("IPL LINUX1 other FOO", "V64CFC703E OPERAND 'FOO' IS NOT KNOWN TO IPL");
	ANSWERS("SYSTEM LINUX1 CLEAR", "STORAGE CLEARED - SYSTEM RESET");
	assert_int_equal(vm->state, VM_NO_SYSTEM);
	ANSWERS("BEGIN LINUX1", "V64CFM721E");
	ANSWERS("FOR LINUX2 CMD STOP", "");
	assert_int_equal(vm_find("LINUX2")->state, VM_STOPPED);
	ANSWERS("FOR LINUX2 CMD LOGOFF", "V64CFC703E OPERAND 'LOGOFF' IS NOT KNOWN TO FOR");
	ANSWERS("FOR LINUX2 CMD FOR LINUX1 CMD STOP", "V64CFC704E");
	ANSWERS("EXTERNAL LINUX2", "");
	assert_true(vm_find("LINUX2")->pending.nmi);
}

/* IPL of a disk: by the directory, at LOGON and AUTOLOG, and by the operator's command. */
static void ipls_disks(void **state)
{
	(void)state;
	ANSWERS("AUTOLOG DISKS", "AUTO LOGON *** DISKS USERS = 004");
	assert_int_equal(fake_ipl.address, 0x190);
	assert_false(fake_ipl.uefi);
	assert_int_equal(vm_find("DISKS")->state, VM_RUNNABLE);
	fake_answer("IPL DISKS 191 UEFI");
	assert_int_equal(fake_ipl.address, 0x191);
	assert_true(fake_ipl.uefi);
	fake_answer("IPL DISKS 192 bios");
	assert_int_equal(fake_ipl.address, 0x192);
	assert_false(fake_ipl.uefi);
	fake_answer("IPL DISKS 193");
	assert_int_equal(fake_ipl.address, 0x193);
	fake_answer("IPL DISKS");
	assert_int_equal(fake_ipl.address, 0x190);
	fake_ipls = 0;
	ANSWERS("IPL DISKS 200 UEFI", "V64IPL790E DISKS HAS NO DISK 200 TO IPL");
	ANSWERS("IPL DISKS 190 UEFI X", "V64CFC703E OPERAND 'UEFI' IS NOT KNOWN TO IPL");
	assert_int_equal(fake_ipls, 0);
	/* what is no disk of the user's, or has a kind behind it, is a file */
	fake_answer("IPL DISKS 200");
	assert_int_equal(fake_ipl.address, 0);
	assert_string_equal(fake_ipl_file, "200");
	fake_answer("IPL DISKS 190 FLAT");
	assert_int_equal(fake_ipl.address, 0);
	assert_int_equal(fake_ipl.kind, IPL_FLAT);
	fake_answer("IPL DISKS x.iso CD");
	assert_int_equal(fake_ipl.kind, IPL_CD);
	fake_answer("IPL DISKS x.img DISK");
	assert_int_equal(fake_ipl.kind, IPL_DISK);
	fake_answer("IPL DISKS ovmf.fd FIRMWARE");
	assert_int_equal(fake_ipl.kind, IPL_FIRMWARE);
	fake_answer("FORCE DISKS");
	fake_ipl.address = 0;
	fake_answer("LOGON DISKS");
	assert_int_equal(fake_ipl.address, 0x190);
}

static void power_button(void **state)
{
	struct vm *vm = vm_find("LINUX1");
	struct vacpi *acpi = &vm->devices->acpi;

	(void)state;
	ANSWERS("SIGNAL SHUTDOWN LINUX1", "V64CFM727W LINUX1 HAS NOT ASKED TO HEAR OF ITS POWER BUTTON");
	assert_true(acpi->s.status != 0);
	acpi->s.status = 0;
	acpi->s.enable = 0x100;
	ANSWERS("SIG SHUT linux1", "");
	NOT_SHOWN("V64");
	assert_true(acpi->s.status != 0);
	acpi->s.status = 0;
	ANSWERS("FOR LINUX1 CMD SIGNAL SHUTDOWN", "");
	NOT_SHOWN("V64");
	assert_true(acpi->s.status != 0);
	acpi->s.status = 0;
	ANSWERS("SIGNAL", "DMKCFC026E");
	ANSWERS("SIGNAL SHUTDOWN LINUX1 NOW", "DMKCFC026E");
	ANSWERS("SIGNAL LINUX1", "V64CFC703E OPERAND 'LINUX1' IS NOT KNOWN TO SIGNAL");
	ANSWERS("SIGNAL SHUTDOWN", "V64CFC701E");
	ANSWERS("SIGNAL SHUTDOWN HELLO", "DMKCQG045E");
	fake_end_guest("LINUX1", "V64DSP460I LINUX1 POWERED OFF");
	ANSWERS("SIGNAL SHUTDOWN LINUX1", "V64CFM721E");
	assert_int_equal(acpi->s.status, 0);
}

static const struct vdev_ops fake_named_device = { .name = "8259" };
static const struct vdev_ops fake_named_flash = { .name = "FLASH" };
static const struct vdev_ops fake_named_function = { .name = "IDE" };

/* A machine as machine/ would have made it of DISKS' directory entry. */
static void make_devices(struct vm *vm, struct pc_options *o)
{
	static struct vdev pic = { .ops = &fake_named_device }, flash = { .ops = &fake_named_flash };
	struct vm_devices *d = vm->devices;
	struct machine_disk *m = d->disks.all;
	struct bus_claim *ports = vm->bus.claims[BUS_PORT], *storage = vm->bus.claims[BUS_MMIO];

	for (uint32_t i = 0; i < vm->user->disk_count; i++)
		m[1 + i] = (struct machine_disk){ .address = vm->user->disks[i].address, .there = i != 3, .drive = -1 };
	m[0] = (struct machine_disk){ .there = true, .drive = 0, .disk = { .name = "boot.img", .sectors = 2880 } };
	m[1].drive = 1;
	m[1].disk = (struct vdisk){ .name = "root.img", .sectors = 2048, .read_only = true };
	m[2].drive = 2;
	m[2].disk = (struct vdisk){ .name = "cd.iso", .sectors = 400, .read_only = true, .cd = true };
	m[3].virtio = true;
	m[3].disk = (struct vdisk){ .name = "data.img", .sectors = 8192, .changed_blocks = 3 };
	m[5].disk = (struct vdisk){ .name = "a-name-of-the-longest-that-there-is-on-a-volume", .sectors = UINT64_MAX / 512 };
	d->options = *o;
	o->net->t.pci.devfn = VPCI_DEVFN(3, 0);
	memcpy(o->net->config, "\x52\x54\0\0\0\x2a", 6);
	o->net->port.sent = 7;
	o->balloon->t.pci.devfn = VPCI_DEVFN(4, 0);
	o->balloon->s.pages = 256;
	o->rng->t.pci.devfn = VPCI_DEVFN(5, 0);
	o->console->t.pci.devfn = VPCI_DEVFN(6, 0);
	d->ide.function.dev.ops = &fake_named_function;
	d->ide.function.devfn = VPCI_DEVFN(1, 1);
	d->pci.functions[d->pci.count++] = &d->ide.function;
	d->all[d->count++] = &pic;
	d->all[d->count++] = &d->ide.function.dev;
	d->all[d->count++] = &flash;
	ports[0] = (struct bus_claim){ .first = 0x20, .last = 0x21, .dev = &pic };
	ports[1] = (struct bus_claim){ .first = 0x80, .last = 0x80, .dev = &pic };
	for (uint32_t i = 0; i < 9; i++)
		ports[2 + i] = (struct bus_claim){ 0xc000 + 16 * i, 0xc00f + 16 * i, &d->ide.function.dev, 0, false };
	storage[0] = (struct bus_claim){ .first = 0xfec00000, .last = 0xfec00fff, .dev = &pic };
	vm->bus.count[BUS_PORT] = 11;
	vm->bus.count[BUS_MMIO] = 1;
}

static void shows_devices(void **state)
{
	struct virtio_net net = { 0 };
	struct virtio_balloon balloon = { 0 };
	struct virtio_rng rng = { 0 };
	struct virtio_console console = { 0 };
	struct pc_options o = { .net = &net, .balloon = &balloon, .rng = &rng, .console = &console };

	(void)state;
	fake_answer("AUTOLOG DISKS");
	make_devices(vm_find("DISKS"), &o);
	fake_answer("QUERY VIRTUAL DISKS");
	SHOWN("STORAGE = 64K\r\n"
	      "CPU  00  RUNNING, SYSTEM NONE\r\n"
	      "CONS 009 DISCONNECTED\r\n"
	      "DASD IPL RAM  boot.img         R/W      1440K ATA 0:0\r\n"
	      "DASD 190 RAM  root.img         R/O      1024K ATA 0:1\r\n"
	      "DASD 191 RAM  cd.iso           R/O       200K CD 1:0\r\n"
	      "DASD 192 RAM  data.img         R/W      4096K VIRTIO 00:08.0, 12K CHANGED\r\n"
	      "DASD 193 NOT LINKED; FILE gone.img\r\n"
	      "DASD 194 RAM  a-name-of-the-longest-that-there-is-on-a-volume R/W 18014398509481984K NOT CONNECTED\r\n"
	      "NIC  600 VIRTIO 00:03.0 MAC 52:54:00:00:00:2A, 7 SENT, 0 RECEIVED, 0 LOST\r\n"
	      "BALL 601 VIRTIO 00:04.0 HOLDS 1024K\r\n"
	      "CONS 602 COM2\r\n"
	      "RNG  603 VIRTIO 00:05.0\r\n"
	      "CONS 604 VIRTIO 00:06.0\r\n"
	      "DEV  8259     020-021 080 FEC00000-FEC00FFF\r\n"
	      "DEV  IDE      PCI 00:01.1 C000-C00F C010-C01F C020-C02F C030-C03F C040-C04F\r\n"
	      "              C050-C05F C060-C06F C070-C07F C080-C08F\r\n"
	      "DEV  FLASH    NOT MAPPED\r\n");
	fake_answer("QUERY VIRTUAL DISKS 191");
	assert_string_equal(fake_shown, "QUERY VIRTUAL DISKS 191\r\n"
					"DASD 191 RAM  cd.iso           R/O       200K CD 1:0\r\n");
	ANSWERS("Q V DISKS 009", "\r\nCONS 009 DISCONNECTED\r\n");
	ANSWERS("Q V DISKS 602", "\r\nCONS 602 COM2\r\n");
	ANSWERS("Q V DISKS 195", "DMKCQG040E DEV 195 DOES NOT EXIST");
	ANSWERS("Q V DISKS 000", "DMKCFC026E");
	ANSWERS("Q V DISKS 1900", "DMKCFC026E");
	ANSWERS("Q V DISKS DASD 190", "DMKCFC026E");
	fake_answer("Q V DISKS DASD");
	SHOWN("\r\nDASD IPL RAM  boot.img");
	NOT_SHOWN("STORAGE");
	NOT_SHOWN("CONS");
	NOT_SHOWN("DEV ");
	fake_answer("QUERY DASD DISKS");
	SHOWN("\r\nDASD IPL RAM  boot.img");
	NOT_SHOWN("NIC");
	ANSWERS("QUERY DASD DISKS 190", "DMKCFC026E");
	ANSWERS("QUERY DASD", "V64CFC701E");
	ANSWERS("Q V DISKS STOR", "\r\nSTORAGE = 64K\r\n");
	ANSWERS("Q V DISKS CPU", "\r\nCPU  00  RUNNING");
	NOT_SHOWN("TSC ");
	ANSWERS("Q V DISKS SPEC", "\r\nNIC  600");
	ANSWERS("Q V DISKS DEV", "\r\nDEV  8259");
	NOT_SHOWN("DASD");
	fake_end_guest("DISKS", "V64DSP460I DISKS POWERED OFF");
	ANSWERS("Q V DISKS ALL", "\r\nV64DSP460I DISKS POWERED OFF");
	fake_answer("QUERY VIRTUAL LINUX1 DASD");
	assert_string_equal(fake_shown, "QUERY VIRTUAL LINUX1 DASD\r\n");
}

static void looks_and_changes(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	fake_answer("STORE LINUX1 L100 48454C4C 4F");
	SHOWN("STORE COMPLETE");
	assert_memory_equal(fake_bytes[vm->number] + 0x100, "HELL\0\0\0O", 8);
	ANSWERS("DISPLAY LINUX1 100", "\r\n00000100 48454C4C 0000004F 00000000 00000000\r\n");
	ANSWERS("D LINUX1 T104.8",
		"\r\n00000100 48454C4C 0000004F 00000000 00000000 *HELL...O........*\r\n");
	ANSWERS("STORE LINUX1 S104 0102030405", "STORE COMPLETE");
	ANSWERS("D LINUX1 L100-110",
		"00000100 48454C4C 01020304 05000000 00000000\r\n00000110 00000000");
	ANSWERS("D LINUX1 V100", "00000100 48454C4C");
	ANSWERS("D LINUX1 FFF0:20000", "V64CDB742E HEXLOC 00010000 IS NOT STORAGE OF LINUX1");
	ANSWERS("D LINUX1 0-FFFF", "V64CDB743I SHOWN UP TO 000007FF; AT MOST 800 BYTES");
	ANSWERS("D LINUX1 FFFFFFFFFFFFFFFF", "V64CDB742E HEXLOC FFFFFFFFFFFFFFFF");
	ANSWERS("D LINUX1 K", "00000000 TO 00000FFF KEY = R--, PAGES OF 4K\r\n00001000 TO 0000FFFF "
			      "KEY = RWX, PAGES OF 4K\r\n");
	ANSWERS("D LINUX1 K10000-FFFFFFFFFFFFFFFF", "KEY = ---");
	ANSWERS("D LINUX1 ZZ", "V64CDB741E HEXLOC ZZ");
	ANSWERS("D LINUX1", "V64CDB741E");
	ANSWERS("D G", "V64CFC701E OPERATOR HAS NO VIRTUAL MACHINE");
	ANSWERS("STORE LINUX1 G0 1", "V64CDS746E LINUX1 IS RUNNING; STOP IT");
	fake_answer("STOP LINUX1");
	ANSWERS("STORE LINUX1 G3 DEADBEEF 1234", "STORE COMPLETE");
	assert_true(vm->av.gpr[RBX] == 0xdeadbeef && fake_regs[vm->number][VREG_RSP] == 0x1234);
	ANSWERS("DISPLAY LINUX1 G", "RBX = 00000000DEADBEEF\r\nRSP = 0000000000001234");
	ANSWERS("DISPLAY LINUX1 G3-4", "\r\nRBX = 00000000DEADBEEF  RSP = 0000000000001234\r\n");
	ANSWERS("DISPLAY LINUX1 G16", "V64CDB744E REGISTER 'G16'");
	ANSWERS("STORE LINUX1 G16 1", "V64CDB744E");
	ANSWERS("STORE LINUX1 G15 1 2", "V64CDS745E DATA '2'");
	ANSWERS("STORE LINUX1 X0 11", "STORE COMPLETE");
	assert_true(fake_regs[vm->number][VREG_CR0] == 0x11);
	ANSWERS("STORE LINUX1 X0 100000000", "V64CDS747E CR0 = 0000000100000000");
	ANSWERS("STORE LINUX1 X6 1", "V64CDS747E XCR0");
	/* what is loaded into the real processor may not make it fault */
	ANSWERS("STORE LINUX1 X6 0", "V64CDS747E XCR0");
	ANSWERS("STORE LINUX1 X14 8000000000000000", "V64CDS747E LSTAR");
	ANSWERS("STORE LINUX1 X15 0001000000000000", "V64CDS747E KGSBASE");
	ANSWERS("STORE LINUX1 X14 FFFFFFFF80000000", "STORE COMPLETE");
	ANSWERS("STORE LINUX1 PSW 246 8000", "STORE COMPLETE");
	ANSWERS("DISPLAY LINUX1 PSW",
		"PSW = CS 0008 RIP 0000000000008000 RFLAGS 00000246 CPL 0 16-BIT");
	ANSWERS("STORE LINUX1 L100 123456789", "V64CDS745E DATA '123456789'");
	ANSWERS("STORE LINUX1 S100 123", "V64CDS745E DATA '123'");
	ANSWERS("STORE LINUX1 LFFFE 12345678", "V64CDB742E");
	assert_int_equal(fake_bytes[vm->number][0xfffe], 0);
	ANSWERS("STORE LINUX1 L100", "DMKCFC026E");
	fake_guest_says("LINUX1", "last words\r\n");
	ANSWERS("DUMP LINUX1", "OUT   last words");
	SHOWN("DUMP OF LINUX1: CP READ, SYSTEM vmlinuz");
	SHOWN("CODE  0000000000008000: ");
	ANSWERS("DISPLAY ROUTES", "NAME                     INTERPRETER does something");
}

static void questions(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	ANSWERS("QUERY VIRTUAL LINUX1",
		"STORAGE = 64K\r\nCPU  00  RUNNING, SYSTEM vmlinuz\r\nCONS 009 DISCONNECTED\r\n");
	ANSWERS("QUERY ALLOC", "000000200000 TO 0000002FFFFF       1024K LINUX1\r\n");
	SHOWN("STORAGE 524288K, FREE 262144K, LARGEST 204800K, CP ");
	ANSWERS("QUERY RELOC LINUX1", "RELOC LINUX1 R = (L, B) = (000000000000, 000000010000)");
	ANSWERS("QUERY STORAGE", "STORAGE = 524288K");
	ANSWERS("QUERY STORAGE LINUX1", "STORAGE = 64K");
	ANSWERS("QUERY FILES", "initrd                           MISSING");
	ANSWERS("QUERY CPLEVEL", "VM/64 Version 0 Release 1");
	ANSWERS("QUERY PRIV", "PRIVILEGE CLASSES ABCDEFG");
	ANSWERS("QUERY SET", "MSG ON, WNG ON, EMSG ON, RUN OFF");
	ANSWERS("QUERY LOGMSG", "THERE IS NO LOGMSG DATA");
	ANSWERS("SET LOGMSG down at noon", "");
	ANSWERS("QUERY LOGMSG", "* down at noon");
	fake_answer("SET LOGMSG");
	ANSWERS("SET EMSG CODE", "");
	ANSWERS("STOP", "\r\nV64CFC701E\r\n");
	ANSWERS("SET EMSG TEXT", "");
	ANSWERS("STOP", "\r\nOPERATOR HAS NO VIRTUAL MACHINE");
	ANSWERS("SET EMSG OFF", "");
	fake_answer("STOP");
	assert_string_equal(fake_shown, "STOP\r\n");
	ANSWERS("SET EMSG ON", "");
	for (uint32_t i = 0; i < TRACE_ENTRIES; i++)
		fake_traces[i] = (struct trace_entry){
			.tsc = i, .vm = i % 2, .exit = { .kind = EXIT_CPUID, .rip = i }
		};
	fake_trace_count = TRACE_ENTRIES;
	fake_answer("QUERY TRACE LINUX2 1");
	SHOWN("LINUX2   KIND10");
	SHOWN("RIP 00000000000000FF");
	NOT_SHOWN("RIP 00000000000000FD");
	ANSWERS("QUERY TRACE 257", "DMKCFC026E");
	vm->account.exits[EXIT_CPUID] = 30;
	vm->account.exits[EXIT_IO] = 10;
	vm->account.guest_ticks = 2 * FAKE_HZ;
	vm->account.total_ticks = 2 * FAKE_HZ + 4000;
	fake_now += 4 * FAKE_HZ;
	ANSWERS("INDICATE", "CPU-");
	SHOWN("       40   50000000      100 KIND10 75%, KIND22 25%\r\n");
	SHOWN("000:02.00");
	ANSWERS("INDICATE LINUX1", "EXITS=40 GUEST/EXIT=50000000 CP/EXIT=100");
	SHOWN("KIND10                   INTERPRETER           30  75.0%");
	ANSWERS("IND USER LINUX1", "EXITS=40");
	ANSWERS("HELP", "QUERY what                       answers questions");
	ANSWERS("HELP FORCE", "FORCE userid");
	ANSWERS("HELP QUERY", "RELOC [userid]");
	ANSWERS("HELP XYZ", "V64CFC703E");
}

static void talks(void **state)
{
	struct vm *vm = vm_find("LINUX1");
	char got[64];
	int byte, n = 0;

	(void)state;
	fake_answer("SEND LINUX1  uname -a\\x09\\\\ \\e");
	while ((byte = vm_console_get(&vm->console)) >= 0)
		got[n++] = (char)byte;
	got[n] = '\0';
	assert_string_equal(got, " uname -a\t\\ \033\r");
	fake_answer("SEND LINUX1 y\\c");
	assert_int_equal(vm_console_get(&vm->console), 'y');
	assert_int_equal(vm_console_get(&vm->console), -1);
	ANSWERS("SEND LINUX1 \\q", "V64MSG793E ESCAPE '\\q'");
	ANSWERS("SEND LINUX1 \\x4", "V64MSG793E");
	ANSWERS("SEND HELLO x", "DMKCQG045E");
	ANSWERS("SEND", "DMKLOG020E");
	for (int i = 0; i < 3; i++)
		fake_answer("SEND LINUX1 "
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	SHOWN("V64MSG792E ONLY ");
	ANSWERS("MSG LINUX1 hello there",
		"\r\nLINUX1: 21:48:25 MSG FROM OPERATOR: hello there\r\n");
	ANSWERS("MSG OPERATOR hi", "\r\n21:48:25 MSG FROM OPERATOR: hi\r\n");
	ANSWERS("MSG HELLO hi", "DMKCQG045E HELLO NOT LOGGED ON");
	ANSWERS("WNG ALL going down", "LINUX2: 21:48:25 WNG FROM OPERATOR: going down\r\n21:48:25 "
				      "WNG FROM OPERATOR: going down\r\n");
	fake_answer("SET MSG LINUX1 OFF");
	ANSWERS("SET LINUX1 MSG OFF", "V64CFC703E");
	ANSWERS("FOR LINUX1 CMD SET MSG OFF", "");
	ANSWERS("MSG LINUX1 hello", "V64MSG791E LINUX1 NOT RECEIVING");
	ANSWERS("WNG LINUX1 hello", "WNG FROM OPERATOR: hello");
	ANSWERS("ECHO", "TYPE END");
	ANSWERS("q t", "q t\r\nq t\r\n");
	fake_answer("END");
	ANSWERS("q t", "TIME IS");
	fake_answer("SLEEP 5 SEC");
	fake_answer("q t");
	NOT_SHOWN("TIME IS");
	fake_run(6000);
	SHOWN("TIME IS");
}

static void clocks(void **state)
{
	char text[CLOCK_ROOM];

	(void)state;
	clock_stamp(text, sizeof(text), 0);
	assert_string_equal(text, "00:00:00 GMT THURSDAY 01/01/70");
	clock_stamp(text, sizeof(text), 951782399);
	assert_string_equal(text, "23:59:59 GMT MONDAY 02/28/00");
	clock_stamp(text, sizeof(text), 951782400);
	assert_string_equal(text, "00:00:00 GMT TUESDAY 02/29/00");
	clock_stamp(text, sizeof(text), 4107542400);
	assert_string_equal(text, "00:00:00 GMT MONDAY 03/01/00");
	clock_stamp(text, sizeof(text), UINT64_MAX);
	clock_span(text, sizeof(text), 100 * 3600 + 61);
	assert_string_equal(text, "100:01:01");
	clock_processor(text, sizeof(text), 61 * FAKE_HZ + FAKE_HZ / 2, FAKE_HZ);
	assert_string_equal(text, "001:01.50");
	clock_processor(text, sizeof(text), UINT64_MAX, UINT64_MAX);
	assert_string_equal(text, "000:01.00");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(starts, fake_setup),
		cmocka_unit_test(starts_badly),
		cmocka_unit_test_setup(parses, fake_setup),
		cmocka_unit_test_setup(table, fake_setup),
		cmocka_unit_test(messages),
		cmocka_unit_test_setup(names, fake_setup),
		cmocka_unit_test_setup(runs_machines, fake_setup),
		cmocka_unit_test_setup(ipls_disks, fake_setup),
		cmocka_unit_test_setup(power_button, fake_setup),
		cmocka_unit_test_setup(shows_devices, fake_setup),
		cmocka_unit_test_setup(looks_and_changes, fake_setup),
		cmocka_unit_test_setup(questions, fake_setup),
		cmocka_unit_test_setup(talks, fake_setup),
		cmocka_unit_test(clocks),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_reset();
	return failed;
}
