/* CP from the operator's keyboard: start, commands, sessions, guests' output, and a long fuzz of all of it. */
/* Part: tests; UNIT: vmm/cp/clock.c vmm/cp/command.c vmm/cp/control.c vmm/cp/cp.c vmm/cp/directory.c vmm/cp/display.c vmm/cp/dump.c vmm/cp/guest_console.c vmm/cp/guest_output.c vmm/cp/indicate.c vmm/cp/logmsg.c vmm/cp/logon.c vmm/cp/operand.c vmm/cp/query.c vmm/cp/query_system.c vmm/cp/session.c vmm/cp/set.c vmm/cp/shutdown.c vmm/cp/store.c vmm/cp/talk.c vmm/cp/typewriter.c vmm/cp/users.c vmm/machine/console.c lib/string.c lib/printf.c */
#include "tests/unit/fake_cp.h"

#include "vmm/cp/clock.h"
#include "vmm/cp/command.h"
#include "vmm/cp/typewriter.h"

static const char directory[] =
	"USER LINUX1 PASS1 96M 128M G\n CONSOLE 009 3215\n OPTION AUTOLOG\n"
	" IPL vmlinuz LINUX PARM console=ttyS0 quiet\n INITRD initrd\n"
	"USER LINUX2 PASS2 96M 128M G\n OPTION AUTOLOG\n IPL vmlinuz\n"
	"USER HELLO HELLO 1M 1M G\n IPL hello.bin\n"
	"USER BROKEN B 1M 1M G\n FOO\n OPTION AUTOLOG\n"
	"USER LOCKED NOLOG 1M\n"
	"USER NOSYS X 1M\n"
	"USER HELPER H 0 0 BEG\n"
	"USER OPERATOR SECRET 0 0 ABCDEFG\n";

static void start(const char *parm)
{
	typewriter_set_emsg(EMSG_ON);
	fake_reset();
	cp_start(directory, sizeof(directory) - 1, parm);
	fake_run(0);
}

static int setup(void **state)
{
	(void)state;
	start("");
	return 0;
}

static void starts(void **state)
{
	static const char *const order[] = {
		"VM/64 Version 0 Release 1\r\n", "V64DIR751E DIRECTORY LINE 12: UNKNOWN STATEMENT 'FOO'",
		"DMKUDR476I System Directory loaded from volume VM64\r\n", "V64CPI784I DIRECTORY: 8 USERS, 1 ERRORS",
		"DMKCPI957I Storage size = 524288 K, Nucleus = ", "LOGON AT 21:48:25 GMT SUNDAY 08/09/26\r\n",
		"AUTO LOGON *** LINUX1 USERS = 002\r\n", "AUTO LOGON *** LINUX2 USERS = 003\r\n",
		"V64LOG714E BROKEN CANNOT LOG ON; ITS DIRECTORY ENTRY HAS ERRORS (LINE 11)",
		"DMKCPI966I Initialization complete\r\n",
	};
	const char *at = fake_shown;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		at = strstr(at, order[i]);
		if (at == NULL)
			fail_msg("\"%s\" is missing or out of order in \"%s\"", order[i], fake_shown);
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
	cp_start(directory, sizeof(directory) - 1, "foo=bar display=text");
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
	ANSWERS("query time", "TIME IS 21:48:25 GMT SUNDAY 08/09/26\r\nCONNECT= 00:00:00 VIRTCPU= 000:00.00 TOTCPU= ");
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

	snprintf(plain, sizeof(plain), "\001 %s \001 %.*s \001 %s \001 %s%s%s \001 %s \001", row->name, row->least, row->name,
		 row->classes[0] != '\0' ? row->classes : "any", row->operands[0] != '\0' ? "`" : "", row->operands,
		 row->operands[0] != '\0' ? "`" : "", row->help);
	for (const char *p = plain; *p != '\0' && n + 2 < room; p++) {
		if (*p == '|')
			to[n++] = '\\';
		to[n++] = *p == '\001' ? '|' : *p;
	}
	to[n] = '\0';
}

/* Every row can be reached by its full name and by its shortest abbreviation, and is in the documentation. */
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
				assert_ptr_not_equal(command_find(first, count, word, "ABCDEFGH"), row);
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

/* A guest that resets itself is IPLed again, but not as fast as it likes. */
static void resets(void **state)
{
	struct vm *vm = vm_find("LINUX1");
	unsigned int before = fake_ipls;

	(void)state;
	vm_kick(vm, VM_WORK_RESET);
	fake_run(0);
	assert_int_equal(fake_ipls, before + 1);
	assert_false(vm->work & VM_WORK_RESET);
	SHOWN("V64CFM725I LINUX1 WAS RESET BY ITSELF AND IPLED AGAIN");
	vm_kick(vm, VM_WORK_RESET);
	fake_run(1);
	assert_int_equal(fake_ipls, before + 1);
	fake_run(2000);
	assert_int_equal(fake_ipls, before + 2);
	assert_string_equal(fake_ipl_parm, "console=ttyS0 quiet");
}

static void looks_and_changes(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	fake_answer("STORE LINUX1 L100 48454C4C 4F");
	SHOWN("STORE COMPLETE");
	assert_memory_equal(fake_bytes[vm->number] + 0x100, "HELL\0\0\0O", 8);
	ANSWERS("DISPLAY LINUX1 100", "\r\n00000100 48454C4C 0000004F 00000000 00000000\r\n");
	ANSWERS("D LINUX1 T104.8", "\r\n00000100 48454C4C 0000004F 00000000 00000000 *HELL...O........*\r\n");
	ANSWERS("STORE LINUX1 S104 0102030405", "STORE COMPLETE");
	ANSWERS("D LINUX1 L100-110", "00000100 48454C4C 01020304 05000000 00000000\r\n00000110 00000000");
	ANSWERS("D LINUX1 V100", "00000100 48454C4C");
	ANSWERS("D LINUX1 FFF0:20000", "V64CDB742E HEXLOC 00010000 IS NOT STORAGE OF LINUX1");
	ANSWERS("D LINUX1 0-FFFF", "V64CDB743I SHOWN UP TO 000007FF; AT MOST 800 BYTES");
	ANSWERS("D LINUX1 FFFFFFFFFFFFFFFF", "V64CDB742E HEXLOC FFFFFFFFFFFFFFFF");
	ANSWERS("D LINUX1 K", "00000000 TO 00000FFF KEY = R--, PAGES OF 4K\r\n00001000 TO 0000FFFF KEY = RWX, PAGES OF 4K\r\n");
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
	ANSWERS("STORE LINUX1 PSW 246 8000", "STORE COMPLETE");
	ANSWERS("DISPLAY LINUX1 PSW", "PSW = CS 0008 RIP 0000000000008000 RFLAGS 00000246 CPL 0 16-BIT");
	ANSWERS("STORE LINUX1 L100 123456789", "V64CDS745E DATA '123456789'");
	ANSWERS("STORE LINUX1 S100 123", "V64CDS745E DATA '123'");
	ANSWERS("STORE LINUX1 LFFFE 12345678", "V64CDB742E");
	assert_int_equal(fake_bytes[vm->number][0xfffe], 0);
	ANSWERS("STORE LINUX1 L100", "DMKCFC026E");
	fake_guest_says("LINUX1", "last words\r\n");
	ANSWERS("DUMP LINUX1", "OUT   last words");
	SHOWN("DUMP OF LINUX1: CP READ, SYSTEM vmlinuz");
	SHOWN("CODE  0000000000008000: ");
	ANSWERS("DISPLAY ROUTES", "NAME               INTERPRETER does something");
}

static void questions(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	ANSWERS("QUERY VIRTUAL LINUX1", "STORAGE = 64K\r\nCPU  00  RUNNING, SYSTEM vmlinuz\r\nCONS 009 DISCONNECTED\r\n");
	ANSWERS("QUERY ALLOC", "000000200000 TO 0000002FFFFF       1024K LINUX1\r\n");
	SHOWN("STORAGE 524288K, FREE 262144K, LARGEST 204800K, CP 2048K");
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
		fake_traces[i] = (struct trace_entry){ .tsc = i, .vm = i % 2, .kind = EXIT_CPUID, .rip = i };
	fake_trace_count = TRACE_ENTRIES;
	fake_answer("QUERY TRACE LINUX2 1");
	SHOWN("LINUX2   KIND10");
	SHOWN("RIP 00000000000000FF");
	NOT_SHOWN("RIP 00000000000000FD");
	ANSWERS("QUERY TRACE 257", "DMKCFC026E");
	vm->account.exits[EXIT_CPUID] = 30;
	vm->account.exits[EXIT_IO] = 10;
	vm->account.exit_count = 40;
	vm->account.guest_ticks = 2 * FAKE_HZ;
	vm->account.total_ticks = 2 * FAKE_HZ + 4000;
	fake_now += 4 * FAKE_HZ;
	ANSWERS("INDICATE", "CPU-");
	SHOWN("       40   50000000      100 KIND10 75%, KIND22 25%\r\n");
	SHOWN("000:02.00");
	ANSWERS("INDICATE LINUX1", "EXITS=40 GUEST/EXIT=50000000 CP/EXIT=100");
	SHOWN("KIND10             INTERPRETER           30  75.0%");
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
		fake_answer("SEND LINUX1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	SHOWN("V64MSG792E ONLY ");
	ANSWERS("MSG LINUX1 hello there", "\r\nLINUX1: 21:48:25 MSG FROM OPERATOR: hello there\r\n");
	ANSWERS("MSG OPERATOR hi", "\r\n21:48:25 MSG FROM OPERATOR: hi\r\n");
	ANSWERS("MSG HELLO hi", "DMKCQG045E HELLO NOT LOGGED ON");
	ANSWERS("WNG ALL going down", "LINUX2: 21:48:25 WNG FROM OPERATOR: going down\r\n21:48:25 WNG FROM OPERATOR: going down\r\n");
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

static void guest_lines(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	fake_forget_shown();
	fake_guest_says("LINUX1", "one\r\ntwo");
	fake_guest_says("LINUX2", "other\r\n");
	fake_run(0);
	assert_int_equal(strlen(fake_shown), strlen("LINUX1: one\r\nLINUX2: other\r\n"));
	SHOWN("LINUX1: one\r\n");
	SHOWN("LINUX2: other\r\n");
	/* A guest that only waits for its turn has not fallen silent; one that waits for a key has. */
	fake_run(1000);
	NOT_SHOWN("two");
	vm->state = VM_WAITING;
	fake_run(1000);
	SHOWN("LINUX1: two\r\n");
	fake_forget_shown();
	fake_guest_says("LINUX1", " and three\r\n\r\n");
	fake_run(0);
	assert_string_equal(fake_shown, "LINUX1+  and three\r\nLINUX1: \r\n");
	/* A prompt, its echo, the answer. */
	fake_forget_shown();
	fake_guest_says("LINUX1", "\033[6n~ # ");
	fake_run(1000);
	assert_string_equal(fake_shown, "LINUX1: ~ # \r\n");
	fake_forget_shown();
	fake_guest_says("LINUX1", "\r\nLinux");
	fake_run(1000);
	assert_string_equal(fake_shown, "LINUX1: Linux\r\n");
	/* What is being typed stands below, whole, after every line. */
	fake_forget_shown();
	fake_guest_says("LINUX1", "\n");
	fake_type("que");
	fake_run(0);
	assert_string_equal(fake_shown, "que");
	fake_guest_says("LINUX2", "busy\r\n");
	fake_run(0);
	assert_string_equal(fake_shown, "que\r   \rLINUX2: busy\r\nque");
	fake_type("ry userid\r");
	fake_run(0);
	SHOWN("query userid\r\nOPERATOR AT VM64\r\n");
}

/* When the real console takes little, guests wait in turn and nothing of theirs is lost or mixed. */
static void back_pressure(void **state)
{
	char line[40];
	size_t ones = 0, twos = 0;

	(void)state;
	fake_slow = true;
	fake_run(0);
	fake_forget_shown();
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "line %d of this guest\r\n", i);
		fake_guest_says("LINUX1", line);
		fake_guest_says("LINUX2", line);
	}
	for (int i = 0; i < 20; i++)
		fake_run(0);
	for (char *at = fake_shown; (at = strstr(at, "LINUX")) != NULL; at++) {
		int number;

		if (at[5] == '1')
			assert_true(sscanf(at, "LINUX1: line %d of this guest\r\n", &number) == 1 && number == (int)ones++);
		else
			assert_true(sscanf(at, "LINUX2: line %d of this guest\r\n", &number) == 1 && number == (int)twos++);
		assert_true(ones <= twos + 1 && twos <= ones + 1);
	}
	assert_true(ones == 100 && twos == 100);
}

static void sessions(void **state)
{
	struct vm *vm = vm_find("LINUX1");
	int byte, n = 0;
	char got[32];

	(void)state;
	fake_guest_says("LINUX1", "boot\r\n~ # ");
	fake_run(1000);
	ANSWERS("LOGON LINUX1", "RECONNECTED AT 21:48:25 GMT SUNDAY 08/09/26\r\n");
	SHOWN("\r\nboot\r\n~ # ");
	fake_forget_shown();
	fake_type("ls\r\x03");
	fake_guest_says("LINUX1", "raw \033[1mbytes");
	fake_guest_says("LINUX2", "not now\r\n");
	fake_run(300);
	assert_string_equal(fake_shown, "raw \033[1mbytes");
	while ((byte = vm_console_get(&vm->console)) >= 0)
		got[n++] = (char)byte;
	assert_int_equal(n, 4);
	assert_memory_equal(got, "ls\r\x03", 4);
	assert_string_equal(fake_status, "RUNNING");
	/* The attention key: the machine stops, its user is class G. */
	fake_forget_shown();
	fake_type("\x1d");
	fake_run(300);
	SHOWN("\r\nV64CFM724I LINUX1 WAITS");
	SHOWN("\r\nCP\r\n");
	SHOWN("LINUX2: not now");
	assert_int_equal(vm->state, VM_STOPPED);
	assert_string_equal(fake_status, "CP READ");
	ANSWERS("Q USERID", "LINUX1 AT VM64");
	ANSWERS("FORCE LINUX2", "DMKCFC001E ?CP: FORCE");
	ANSWERS("STOP LINUX2", "DMKCFC026E");
	ANSWERS("DISPLAY PSW", "PSW = CS");
	ANSWERS("QUERY VIRTUAL", "CONS 009 ON CONS 009");
	ANSWERS("SHUTDOWN", "?CP: SHUTDOWN");
	fake_answer("BEGIN");
	assert_int_equal(vm->state, VM_RUNNABLE);
	fake_forget_shown();
	fake_guest_says("LINUX1", "again");
	fake_run(0);
	assert_string_equal(fake_shown, "again");
	fake_type("\x1d");
	fake_run(0);
	NOT_SHOWN("V64CFM724I");
	ANSWERS("SET RUN ON", "");
	/* Keys before the attention key reach the guest, and the attention key gets past a full console. */
	fake_answer("B");
	fake_type("xy\x1d");
	fake_run(0);
	assert_int_equal(vm_console_get(&vm->console), 'x');
	assert_int_equal(vm_console_get(&vm->console), 'y');
	assert_int_equal(vm->state, VM_RUNNABLE);
	fake_answer("B");
	for (int i = 0; i < 3000; i++)
		fake_type("z");
	fake_type("\x1d");
	ANSWERS("Q USERID", "LINUX1 AT VM64");
	NOT_SHOWN("zz");
	while (vm_console_get(&vm->console) >= 0)
		;
	ANSWERS("SET RUN OFF", "");
	fake_answer("B");
	fake_type("\x1d");
	fake_run(0);
	ANSWERS("DISCONN", "DISCONNECT AT 21:48:25");
	SHOWN("CONS 009 RECONNECTED AS OPERATOR");
	assert_int_equal(vm->state, VM_RUNNABLE);
	ANSWERS("Q N", "OPERATOR - 009");
	/* LOGON of one that is not there yet logs it on and IPLs it. */
	fake_answer("LOGON HELLO");
	SHOWN("LOGON AT 21:48:25");
	assert_string_equal(fake_ipl_file, "hello.bin");
	fake_type("\x1d");
	fake_run(0);
	ANSWERS("LOGOFF", "CONNECT= 00:00:0");
	SHOWN("LOGOFF AT 21:48:25");
	SHOWN("CONS 009 LOGOFF AS HELLO USERS = 003");
	assert_null(vm_find("HELLO"));
	ANSWERS("LOGON NOSYS", "LOGON AT 21:48:25 GMT SUNDAY 08/09/26\r\nCP\r\n");
	ANSWERS("BEGIN", "V64CFM721E NOSYS");
	ANSWERS("IPL", "V64IPL791E NOSYS");
	ANSWERS("LOGON LINUX1", "ENTER PASSWORD:");
	fake_answer("wrong");
	assert_string_equal(fake_shown, "\r\nV64LOG711E PASSWORD INCORRECT\r\n");
	ANSWERS("LOGON LINUX1 pass1", "RECONNECTED AT");
	fake_type("\x1d");
	fake_run(0);
	/* FORCE from elsewhere takes the terminal away from it. */
	ANSWERS("DISC", "CONS 009 RECONNECTED AS OPERATOR");
	ANSWERS("DISC", "VM/64 Online");
	ANSWERS("Q T", "V64CFC702E NOT LOGGED ON");
	ANSWERS("LOGON OPERATOR", "ENTER PASSWORD:");
	ANSWERS("secret", "RECONNECTED AT");
	NOT_SHOWN("secret");
	ANSWERS("LOGOFF", "VM/64 Online");
	ANSWERS("L HELPER h", "LOGON AT");
	ANSWERS("Q N", "HELPER   - 009, LINUX1   - DSC");
	ANSWERS("STOP LINUX1", "");
	assert_int_equal(vm->state, VM_STOPPED);
	ANSWERS("FORCE LINUX1", "?CP: FORCE");
	ANSWERS("LOG", "VM/64 Online");
	ANSWERS("L OPERATOR SECRET", "LOGON AT");
	ANSWERS("LOGON BROKEN", "V64LOG714E");
	ANSWERS("LOGON LOCKED", "V64LOG715E");
	ANSWERS("LOGON OPERATOR", "V64LOG713E");
}

static void force_connected(void **state)
{
	(void)state;
	fake_answer("LOGON LINUX1");
	fake_type("\x1d");
	fake_run(0);
	fake_answer("FOR LINUX1 CMD STOP");
	ANSWERS("LOGON OPERATOR SECRET", "RECONNECTED");
	ANSWERS("FORCE LINUX1", "USER DSC LOGOFF AS LINUX1 USERS = 002 FORCED");
	ANSWERS("Q N", "OPERATOR - 009, LINUX2   - DSC\r\n");
}

static void end_guest(const char *userid, const char *why)
{
	struct vm *vm = vm_find(userid);

	vm->state = VM_ENDED;
	vm->ended_told = false;
	str_copy(vm->why, why, sizeof(vm->why));
}

static void ends(void **state)
{
	(void)state;
	fake_forget_shown();
	fake_guest_says("LINUX2", "bye");
	end_guest("LINUX2", "DMKDSP450W CP ENTERED; DISABLED WAIT PSW '0008 1'");
	fake_run(0);
	assert_string_equal(fake_shown, "LINUX2: bye\r\nLINUX2: DMKDSP450W CP ENTERED; DISABLED WAIT PSW '0008 1'\r\n");
	assert_true(vm_find("LINUX2")->ended_told);
	fake_run(1000);
	assert_int_equal(strlen(fake_shown), 72);
	ANSWERS("BEGIN LINUX2", "V64CFM721E LINUX2 HAS NO SYSTEM TO RUN (ENDED)");
	fake_answer("IPL LINUX2");
	assert_int_equal(vm_find("LINUX2")->state, VM_RUNNABLE);
	fake_answer("LOGON LINUX2");
	fake_forget_shown();
	fake_guest_says("LINUX2", "last");
	end_guest("LINUX2", "V64DSP460I LINUX2 POWERED OFF");
	fake_run(0);
	SHOWN("last\r\nV64DSP460I LINUX2 POWERED OFF\r\nCONS 009 RECONNECTED AS OPERATOR\r\n");
	ANSWERS("LOGON LINUX2", "V64DSP460I LINUX2 POWERED OFF\r\nCP\r\n");
}

static void notes(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	fake_forget_shown();
	for (int i = 0; i < 1000; i++) {
		cp_note(vm, "V64MSR301I %s RDMSR %08X", vm->userid, i);
		cp_note(vm_find("LINUX2"), "V64MSR301I LINUX2 RDMSR %08X", i);
		cp_note(vm, "V64MSR302I %s WRMSR %08X", vm->userid, i);
		cp_note(NULL, "V64XXX999I general");
	}
	fake_run(0);
	assert_string_equal(fake_shown, "V64MSR301I LINUX1 RDMSR 00000000\r\nV64MSR301I LINUX2 RDMSR 00000000\r\n"
					"V64MSR302I LINUX1 WRMSR 00000000\r\nV64XXX999I general\r\n");
}

static void overflow(void **state)
{
	(void)state;
	fake_forget_shown();
	fake_room = 0;
	for (int i = 0; i < 5000; i++)
		cp_say("line %d of very many lines that nobody reads", i);
	cp_service();
	fake_room = 32768;
	for (int i = 0; i < 20; i++)
		fake_run(0);
	SHOWN("line 0 of");
	SHOWN("line 1000 of");
	NOT_SHOWN("line 4999 of");
	SHOWN("LINES FOR THIS CONSOLE WERE LOST");
}

static void shuts_down(void **state)
{
	struct vm *vm = vm_find("LINUX1");

	(void)state;
	fake_forget_shown();
	fake_slow = true;
	fake_may_exit = true;
	if (setjmp(fake_exit) == 0) {
		fake_type("SHUTDOWN\r");
		fake_run(0);
		fail_msg("CP did not end");
	}
	assert_int_equal(fake_exit_code, 0);
	assert_int_equal(vm->state, VM_STOPPED);
	assert_true(strcmp(fake_shown + fake_shown_length - 44, "N\r\nDMKCPI961W SYSTEM SHUTDOWN COMPLETE\r\n") == 0 ||
		    strstr(fake_shown, "\r\nDMKCPI961W SYSTEM SHUTDOWN COMPLETE\r\n") != NULL);
	assert_int_equal(fake_in_driver, 0);
	start("");
	fake_may_exit = true;
	if (setjmp(fake_exit) == 0) {
		fake_type("SHUTDOWN REIPL\r");
		fake_run(0);
		fail_msg("CP did not end");
	}
	assert_int_equal(fake_exit_code, 2);
	start("");
	ANSWERS("SHUTDOWN NOW", "V64CFC703E OPERAND 'NOW' IS NOT KNOWN TO SHUTDOWN");
}

static void console_parm(void **state)
{
	(void)state;
	start("autoquit console=LINUX1");
	SHOWN("DMKCPI966I");
	fake_forget_shown();
	fake_guest_says("LINUX1", "hello\r\n");
	fake_guest_says("LINUX2", "unseen\r\n");
	fake_type("k");
	fake_run(0);
	assert_string_equal(fake_shown, "hello\r\n");
	assert_int_equal(vm_console_get(&vm_find("LINUX1")->console), 'k');
	end_guest("LINUX2", "V64DSP460I LINUX2 POWERED OFF");
	fake_run(0);
	fake_may_exit = true;
	if (setjmp(fake_exit) == 0) {
		fake_guest_says("LINUX1", "end\r\n");
		end_guest("LINUX1", "V64DSP460I LINUX1 POWERED OFF");
		fake_run(100);
		fail_msg("autoquit did not quit");
	}
	SHOWN("hello\r\nend\r\n");
	SHOWN("V64DSP460I LINUX1 POWERED OFF\r\n");
	SHOWN("LINUX2 POWERED OFF");
	SHOWN("V64CPI783I");
	SHOWN("DMKCPI961W SYSTEM SHUTDOWN COMPLETE");
	/* The user of console= is logged on for it. */
	start("console=HELLO");
	SHOWN("AUTO LOGON *** HELLO");
	fake_forget_shown();
	fake_guest_says("HELLO", "x");
	fake_run(0);
	assert_string_equal(fake_shown, "x");
	start("console=NOBODY");
	SHOWN("V64LOG712E NOBODY NOT IN CP DIRECTORY");
}

/* A guest nobody looks at must not wait for room for ever, and what was thrown away is said. */
static void unseen_output(void **state)
{
	(void)state;
	fake_answer("LOGON LINUX1");
	for (int i = 0; i < 1000; i++) {
		fake_guest_says("LINUX2", "twenty characters..\n");
		cp_service();
		assert_true(vm_console_room(&vm_find("LINUX2")->console));
	}
	fake_type("\x1d");
	fake_run(0);
	SHOWN("LINUX2: V64CPI786I 1");
	SHOWN("BYTES OF OUTPUT NOT SHOWN");
}

/* The wish to be called again: never when there is nothing to do. */
static void idle(void **state)
{
	(void)state;
	fake_run(1000);
	assert_true(cp_service() == TIME_NEVER);
	vm_find("LINUX1")->state = VM_WAITING;
	fake_guest_says("LINUX1", "partial");
	fake_run(0);
	assert_in_range(cp_service() - fake_now, FAKE_HZ / 8, FAKE_HZ / 4);
	fake_run(1000);
	assert_true(cp_service() == TIME_NEVER);
	fake_slow = true;
	cp_say("text");
	assert_true(cp_service() <= fake_now + FAKE_HZ / 1000);
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

/* Anything typed, with guests coming, going, ending, resetting and writing anything meanwhile. */
static void fuzz(void **state)
{
	static const char *const words[] = {
		"QUERY", "NAMES", "VIRTUAL", "ALLOC", "RELOC", "TRACE", "TIME", "STORAGE", "FILES", "SET", "RUN", "ON", "OFF",
		"MSG", "EMSG", "DISPLAY", "D", "STORE", "ST", "DUMP", "L0", "T0.40", "K", "K0-FFFFFFFFFFFFFFFF", "V10", "G",
		"G1-3", "X", "X2", "PSW", "SEG", "ROUTES", "FFFFFFFFFFFFFFFF", "12345678", "1", "0", "ZZ", "-", ".", ":",
		"LINUX1", "LINUX2", "HELLO", "NOSYS", "BROKEN", "OPERATOR", "HELPER", "ALL", "*", "LOGON", "LOGOFF",
		"DISCONN", "FORCE", "AUTOLOG", "IPL", "vmlinuz", "BOOT", "PARM", "INITRD", "BEGIN", "STOP", "SYSTEM",
		"RESET", "CLEAR", "RESTART", "EXTERNAL", "INDICATE", "SEND", "\\x41", "\\", "\\c", "WNG", "FOR", "CMD",
		"SLEEP", "ECHO", "END", "HELP", "CP", "#CP", "#", "\"#", "SECRET", "PASS1", "H", "\x1d", "\r", "\r", "\r",
		"\x15", "\x03", "\b", "LOGMSG", "SHUTDOWNX", "999999999999999999999", "SEC", "MIN",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const users[] = { "LINUX1", "LINUX2", "HELLO", "NOSYS" };
	static int round;

	(void)state;
	srand(64);
	/* Random letters do spell SHUTDOWN at times. */
	if (setjmp(fake_exit) != 0)
		start("");
	fake_may_exit = true;
	for (; round < 200000; round++) {
		char line[512];
		size_t n = 0, pieces = (size_t)rand() % 6;
		struct vm *vm = vm_find(users[(size_t)rand() % ARRAY_LEN(users)]);

		for (size_t i = 0; i < pieces; i++)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", words[(size_t)rand() % ARRAY_LEN(words)],
					      rand() % 5 ? " " : "");
		for (int k = rand() % 12 == 0 ? 5 : 0; k > 0 && n > 0; k--)
			line[(size_t)rand() % n] = (char)(1 + rand() % 255);
		line[n] = '\0';
		fake_type(line);
		fake_type(rand() % 8 ? "\r" : "\x1d");
		fake_slow = rand() % 3 == 0;
		if (vm != NULL) {
			for (int k = rand() % 40; k > 0; k--)
				vm_console_put(&vm->console, (uint8_t)rand());
			if (rand() % 50 == 0)
				end_guest(vm->userid, "V64DSP460I ENDED");
			if (rand() % 50 == 0)
				vm_kick(vm, VM_WORK_RESET);
			if (rand() % 10 == 0)
				vm->state = vm->state == VM_RUNNABLE ? VM_WAITING : vm->state;
			while (rand() % 2 && vm_console_get(&vm->console) >= 0)
				;
		}
		fake_ipl_fault = rand() % 10 == 0 ? "V64IPL702E no such file" : NULL;
		for (int k = rand() % 4; k >= 0; k--)
			cp_service();
		fake_now += (uint64_t)rand() % FAKE_HZ;
		/* Back to the operator now and then, else most of it would go to a guest's keyboard. */
		if (rand() % 20 == 0) {
			fake_run(0);
			fake_type("\x1d\x1d\x1d\rEND\rDISC\rLOGON OPERATOR SECRET\r\x1d");
			fake_now += 1000 * 3600 * FAKE_HZ;
			fake_run(0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(starts, setup), cmocka_unit_test(starts_badly),
		cmocka_unit_test_setup(parses, setup), cmocka_unit_test_setup(table, setup), cmocka_unit_test(messages),
		cmocka_unit_test_setup(names, setup), cmocka_unit_test_setup(runs_machines, setup),
		cmocka_unit_test_setup(resets, setup), cmocka_unit_test_setup(looks_and_changes, setup),
		cmocka_unit_test_setup(questions, setup), cmocka_unit_test_setup(talks, setup),
		cmocka_unit_test_setup(guest_lines, setup), cmocka_unit_test_setup(back_pressure, setup),
		cmocka_unit_test_setup(sessions, setup), cmocka_unit_test_setup(force_connected, setup),
		cmocka_unit_test_setup(ends, setup), cmocka_unit_test_setup(notes, setup),
		cmocka_unit_test_setup(overflow, setup), cmocka_unit_test_setup(shuts_down, setup),
		cmocka_unit_test_setup(console_parm, setup), cmocka_unit_test_setup(unseen_output, setup),
		cmocka_unit_test_setup(idle, setup), cmocka_unit_test(clocks), cmocka_unit_test_setup(fuzz, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_reset();
	return failed;
}
