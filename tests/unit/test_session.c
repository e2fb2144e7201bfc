/* CP's terminal: guests' output, sessions at their consoles, ends, and a long fuzz of everything. */
/* Part: tests; UNIT: vmm/cp/clock.c vmm/cp/command.c vmm/cp/control.c vmm/cp/cp.c vmm/cp/directory.c vmm/cp/directory_devices.c vmm/cp/display.c vmm/cp/dump.c vmm/cp/guest_console.c vmm/cp/guest_output.c vmm/cp/indicate.c vmm/cp/logmsg.c vmm/cp/logon.c vmm/cp/operand.c vmm/cp/query.c vmm/cp/query_system.c vmm/cp/query_virtual.c vmm/cp/session.c vmm/cp/set.c vmm/cp/shutdown.c vmm/cp/store.c vmm/cp/talk.c vmm/cp/typewriter.c vmm/cp/users.c vmm/machine/console.c lib/string.c lib/printf.c */
#include "tests/unit/fake_cp.h"

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
	/*
	 * A guest that only waits for its turn has not fallen silent; one that waits for a key
	 * has.
	 */
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
	/* While a line is being typed the others wait; after a while they do not, and it is drawn again. */
	fake_forget_shown();
	fake_guest_says("LINUX1", "\n");
	fake_type("que");
	fake_run(0);
	assert_string_equal(fake_shown, "que");
	fake_guest_says("LINUX2", "busy\r\n");
	fake_run(0);
	assert_string_equal(fake_shown, "que");
	assert_in_range(cp_service() - fake_now, 9 * FAKE_HZ, 10 * FAKE_HZ);
	fake_run(11000);
	assert_string_equal(fake_shown, "que\r   \rLINUX2: busy\r\nque");
	fake_type("ry userid\r");
	fake_run(0);
	SHOWN("query userid\r\nOPERATOR AT VM64\r\n");
}

/*
 * When the real console takes little, guests wait in turn and nothing of theirs is lost or mixed.
 */
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
			assert_true(sscanf(at, "LINUX1: line %d of this guest\r\n", &number) == 1 &&
				    number == (int)ones++);
		else
			assert_true(sscanf(at, "LINUX2: line %d of this guest\r\n", &number) == 1 &&
				    number == (int)twos++);
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
	/*
	 * Keys before the attention key reach the guest, and the attention key gets past a full
	 * console.
	 */
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

static void ends(void **state)
{
	(void)state;
	fake_forget_shown();
	fake_guest_says("LINUX2", "bye");
	fake_end_guest("LINUX2", "DMKDSP450W CP ENTERED; DISABLED WAIT PSW '0008 1'");
	fake_run(0);
	assert_string_equal(
		fake_shown,
		"LINUX2: bye\r\nLINUX2: DMKDSP450W CP ENTERED; DISABLED WAIT PSW '0008 1'\r\n");
	assert_true(vm_find("LINUX2")->ended_told);
	fake_run(1000);
	assert_int_equal(strlen(fake_shown), 72);
	ANSWERS("BEGIN LINUX2", "V64CFM721E LINUX2 HAS NO SYSTEM TO RUN (ENDED)");
	fake_answer("IPL LINUX2");
	assert_int_equal(vm_find("LINUX2")->state, VM_RUNNABLE);
	fake_answer("LOGON LINUX2");
	fake_forget_shown();
	fake_guest_says("LINUX2", "last");
	fake_end_guest("LINUX2", "V64DSP460I LINUX2 POWERED OFF");
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
	assert_string_equal(
		fake_shown,
		"V64MSR301I LINUX1 RDMSR 00000000\r\nV64MSR301I LINUX2 RDMSR 00000000\r\n"
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
	assert_true(strcmp(fake_shown + fake_shown_length - 44,
			   "N\r\nDMKCPI961W SYSTEM SHUTDOWN COMPLETE\r\n") == 0 ||
		    strstr(fake_shown, "\r\nDMKCPI961W SYSTEM SHUTDOWN COMPLETE\r\n") != NULL);
	assert_int_equal(fake_in_driver, 0);
	fake_start("");
	fake_may_exit = true;
	if (setjmp(fake_exit) == 0) {
		fake_type("SHUTDOWN REIPL\r");
		fake_run(0);
		fail_msg("CP did not end");
	}
	assert_int_equal(fake_exit_code, 2);
	fake_start("");
	ANSWERS("SHUTDOWN NOW", "V64CFC703E OPERAND 'NOW' IS NOT KNOWN TO SHUTDOWN");
}

static void console_parm(void **state)
{
	(void)state;
	fake_start("autoquit console=LINUX1");
	SHOWN("DMKCPI966I");
	fake_forget_shown();
	fake_guest_says("LINUX1", "hello\r\n");
	fake_guest_says("LINUX2", "unseen\r\n");
	fake_type("k");
	fake_run(0);
	assert_string_equal(fake_shown, "hello\r\n");
	assert_int_equal(vm_console_get(&vm_find("LINUX1")->console), 'k');
	fake_end_guest("LINUX2", "V64DSP460I LINUX2 POWERED OFF");
	fake_run(0);
	fake_may_exit = true;
	if (setjmp(fake_exit) == 0) {
		fake_guest_says("LINUX1", "end\r\n");
		fake_end_guest("LINUX1", "V64DSP460I LINUX1 POWERED OFF");
		fake_run(100);
		fail_msg("autoquit did not quit");
	}
	SHOWN("hello\r\nend\r\n");
	SHOWN("V64DSP460I LINUX1 POWERED OFF\r\n");
	SHOWN("LINUX2 POWERED OFF");
	SHOWN("V64CPI783I");
	SHOWN("DMKCPI961W SYSTEM SHUTDOWN COMPLETE");
	/* The user of console= is logged on for it. */
	fake_start("console=HELLO");
	SHOWN("AUTO LOGON *** HELLO");
	fake_forget_shown();
	fake_guest_says("HELLO", "x");
	fake_run(0);
	assert_string_equal(fake_shown, "x");
	fake_start("console=NOBODY");
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

/* Anything typed, with guests coming, going, ending, resetting and writing anything meanwhile. */
static void fuzz(void **state)
{
	static const char *const words[] = {
		"QUERY",
		"NAMES",
		"VIRTUAL",
		"ALLOC",
		"RELOC",
		"TRACE",
		"TIME",
		"STORAGE",
		"FILES",
		"SET",
		"RUN",
		"ON",
		"OFF",
		"MSG",
		"EMSG",
		"DISPLAY",
		"D",
		"STORE",
		"ST",
		"DUMP",
		"L0",
		"T0.40",
		"K",
		"K0-FFFFFFFFFFFFFFFF",
		"V10",
		"G",
		"G1-3",
		"X",
		"X2",
		"PSW",
		"SEG",
		"ROUTES",
		"FFFFFFFFFFFFFFFF",
		"12345678",
		"1",
		"0",
		"ZZ",
		"-",
		".",
		":",
		"LINUX1",
		"LINUX2",
		"HELLO",
		"NOSYS",
		"BROKEN",
		"OPERATOR",
		"HELPER",
		"ALL",
		"*",
		"LOGON",
		"LOGOFF",
		"DISCONN",
		"FORCE",
		"AUTOLOG",
		"IPL",
		"vmlinuz",
		"BOOT",
		"PARM",
		"INITRD",
		"BEGIN",
		"STOP",
		"SYSTEM",
		"RESET",
		"CLEAR",
		"RESTART",
		"EXTERNAL",
		"INDICATE",
		"SEND",
		"\\x41",
		"\\",
		"\\c",
		"WNG",
		"FOR",
		"CMD",
		"SLEEP",
		"ECHO",
		"END",
		"HELP",
		"CP",
		"#CP",
		"#",
		"\"#",
		"SECRET",
		"PASS1",
		"H",
		"\x1d",
		"\r",
		"\r",
		"\r",
		"\x15",
		"\x03",
		"\b",
		"LOGMSG",
		"SHUTDOWNX",
		"999999999999999999999",
		"SEC",
		"MIN",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	/* Half of the lines begin as one of these, so that the routines are reached and not only their doors. */
	static const char *const whole[] = {
		"STORE LINUX1 L100 12345678 9A",
		"STORE LINUX1 S100 0102",
		"STORE LINUX1 G3 1 2 3",
		"STORE LINUX1 X0 11",
		"STORE LINUX1 PSW 246 8000",
		"STOP LINUX1",
		"BEGIN LINUX1 1000",
		"IPL LINUX1 other.bin BOOT INITRD x PARM a b",
		"IPL LINUX1 vmlinuz",
		"SYSTEM LINUX1 RESET",
		"SYSTEM LINUX1 CLEAR",
		"SYSTEM LINUX1 RESTART",
		"FOR LINUX2 CMD SET RUN ON",
		"FOR LINUX2 CMD D PSW G X K0-FFFF",
		"DISPLAY LINUX1 T0.100 V10-20 X2 G1-3 SEG PSW",
		"DISPLAY LINUX1 K0-FFFFFFFFFFFFFFFF",
		"DUMP LINUX1",
		"QUERY VIRTUAL LINUX1",
		"QUERY VIRTUAL LINUX1 DASD",
		"QUERY VIRTUAL LINUX1 190",
		"QUERY DASD LINUX1",
		"SIGNAL SHUTDOWN LINUX1",
		"IPL LINUX1 190 UEFI",
		"QUERY RELOC LINUX1",
		"QUERY TRACE LINUX1 9",
		"QUERY TRACE 256",
		"QUERY STORAGE LINUX1",
		"QUERY ALLOC",
		"QUERY FILES",
		"QUERY ROUTES",
		"QUERY TIME LINUX1",
		"QUERY SET LINUX1",
		"QUERY LINUX1",
		"INDICATE LINUX1",
		"INDICATE LOAD",
		"INDICATE USER LINUX1",
		"EXTERNAL LINUX1",
		"MSG ALL hello",
		"WNG LINUX1 hello",
		"SEND LINUX1 x\\x41\\n\\c",
		"SET EMSG CODE",
		"SET EMSG ON",
		"SET LOGMSG text",
		"LOGON LINUX1 PASS1",
		"LOGON HELLO",
		"AUTOLOG HELLO",
		"FORCE HELLO",
		"FORCE LINUX2",
		"AUTOLOG LINUX2",
		"SLEEP 1 SEC",
		"HELP SET",
	};
	static const char *const users[] = { "LINUX1", "LINUX2", "HELLO", "NOSYS" };
	static int round;

	(void)state;
	srand(64);
	/* Random letters do spell SHUTDOWN at times. */
	if (setjmp(fake_exit) != 0)
		fake_start("");
	fake_may_exit = true;
	for (; round < 200000; round++) {
		char line[512];
		size_t n = 0, pieces = (size_t)rand() % 6;
		struct vm *vm = vm_find(users[(size_t)rand() % ARRAY_LEN(users)]);

		if (rand() % 2) {
			n = (size_t)snprintf(line, sizeof(line), "%s ",
					     whole[(size_t)rand() % ARRAY_LEN(whole)]);
			pieces = (size_t)rand() % 2;
		}
		for (size_t i = 0; i < pieces; i++)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s",
					      words[(size_t)rand() % ARRAY_LEN(words)],
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
				fake_end_guest(vm->userid, "V64DSP460I ENDED");
			if (rand() % 10 == 0)
				vm->state = vm->state == VM_RUNNABLE ? VM_WAITING : vm->state;
			while (rand() % 2 && vm_console_get(&vm->console) >= 0)
				;
		}
		fake_ipl_fault = rand() % 10 == 0 ? "V64IPL702E no such file" : NULL;
		for (int k = rand() % 4; k >= 0; k--)
			cp_service();
		fake_now += (uint64_t)rand() % FAKE_HZ;
		/*
		 * Back to the operator now and then, else most of it would go to a guest's
		 * keyboard.
		 */
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
		cmocka_unit_test_setup(guest_lines, fake_setup),
		cmocka_unit_test_setup(back_pressure, fake_setup),
		cmocka_unit_test_setup(sessions, fake_setup),
		cmocka_unit_test_setup(force_connected, fake_setup),
		cmocka_unit_test_setup(ends, fake_setup),
		cmocka_unit_test_setup(notes, fake_setup),
		cmocka_unit_test_setup(overflow, fake_setup),
		cmocka_unit_test_setup(shuts_down, fake_setup),
		cmocka_unit_test_setup(console_parm, fake_setup),
		cmocka_unit_test_setup(unseen_output, fake_setup),
		cmocka_unit_test_setup(idle, fake_setup),
		cmocka_unit_test_setup(fuzz, fake_setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	fake_reset();
	return failed;
}
