/* Small programs for the Linux guests, told apart by the name they are called by; no C library.
 * Part in the monitor: none; they look at the virtual machine from inside, as any program may. */

/*
 *	ticks			prints TICKS=<time stamp counter, decimal>
 *	cpuid LEAF [SUBLEAF]	prints the four registers and, as text, EBX ECX EDX
 *	fill MIB ROUNDS		writes a pattern over that much memory and reads it back
 *	machineoff		switches the machine off by VM/64's, QEMU's or Bochs' port
 */
#include <stddef.h>
#include <stdint.h>

enum {
	SYS_WRITE = 1,
	SYS_MMAP = 9,
	SYS_EXIT = 60,
	SYS_SYNC = 162,
	SYS_REBOOT = 169,
	SYS_IOPL = 172,
};

static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return result;
}

static size_t length(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}

static void print(const char *text)
{
	system_call(SYS_WRITE, 1, (long)text, (long)length(text), 0, 0, 0);
}

static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *append_number(char *to, uint64_t value, unsigned int base, unsigned int width)
{
	char digits[24];
	unsigned int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || n < width);
	while (n)
		*to++ = digits[--n];
	*to = '\0';
	return to;
}

/* Decimal, or hexadecimal after 0x; 0 for anything else, which suits every caller here. */
static uint64_t number(const char *text)
{
	unsigned int base = 10;
	uint64_t value = 0;

	if (text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		text += 2;
	}
	for (; *text; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (digit > 9)
			digit = (unsigned int)((*text | 0x20) - 'a') + 10;
		if (digit >= base)
			return 0;
		value = value * base + digit;
	}
	return value;
}

static uint64_t time_stamp(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static int run_ticks(void)
{
	char line[48];

	append(append_number(append(line, "TICKS="), time_stamp(), 10, 1), "\n");
	print(line);
	return 0;
}

static int run_cpuid(int argc, char **argv)
{
	uint32_t reg[4];
	char line[128], *p = line;

	if (argc < 2) {
		print("usage: cpuid LEAF [SUBLEAF]\n");
		return 2;
	}
	asm volatile("cpuid"
		     : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
		     : "a"((uint32_t)number(argv[1])),
		       "c"((uint32_t)(argc > 2 ? number(argv[2]) : 0)));
	for (int i = 0; i < 4; i++) {
		static const char *const name[] = { "eax=", " ebx=", " ecx=", " edx=" };

		p = append_number(append(p, name[i]), reg[i], 16, 8);
	}
	p = append(p, " \"");
	for (int i = 4; i < 16; i++) {
		char c = (char)(reg[i / 4] >> (i % 4 * 8));

		*p++ = c >= ' ' && c <= '~' ? c : '.';
	}
	append(p, "\"\n");
	print(line);
	return 0;
}

static int run_fill(int argc, char **argv)
{
	uint64_t words, rounds, wrong = 0;
	volatile uint64_t *memory;
	char line[96];
	long at;

	if (argc < 3 || !number(argv[1])) {
		print("usage: fill MIB ROUNDS\n");
		return 2;
	}
	words = number(argv[1]) << 17;
	rounds = number(argv[2]);
	/* PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS */
	at = system_call(SYS_MMAP, 0, (long)(words * 8), 3, 0x22, -1, 0);
	if (at < 0 && at > -4096) {
		print("FILL: NO MEMORY\n");
		return 1;
	}
	memory = (volatile uint64_t *)at;
	for (uint64_t round = 0; round < rounds; round++) {
		uint64_t seed = time_stamp() | 1;

		for (uint64_t i = 0; i < words; i++)
			memory[i] = i * seed;
		for (uint64_t i = 0; i < words; i++)
			wrong += memory[i] != i * seed;
	}
	append(append_number(append(append_number(append(line, "FILL: "), words >> 17, 10, 1),
				    " MIB, WRONG WORDS "),
			     wrong, 10, 1),
	       "\n");
	print(line);
	return wrong != 0;
}

static int run_machineoff(void)
{
	system_call(SYS_SYNC, 0, 0, 0, 0, 0, 0);
	if (system_call(SYS_IOPL, 3, 0, 0, 0, 0, 0) == 0) {
		/* SLP_EN in the PM1 control register of QEMU's and VM/64's power management. */
		asm volatile("outw %0, %1" : : "a"((uint16_t)0x2000), "Nd"((uint16_t)0x604));
		for (const char *p = "Shutdown"; *p; p++)
			asm volatile("outb %0, %1" : : "a"(*p), "Nd"((uint16_t)0x8900));
	}
	/* Neither took it: let the kernel do what it can, which is to halt the processor. */
	system_call(SYS_REBOOT, (long)0xfee1dead, 672274793, 0x4321fedc, 0, 0, 0);
	return 1;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static int run(int argc, char **argv)
{
	const char *name = argc > 0 ? argv[0] : "";

	for (const char *p = name; *p; p++)
		if (*p == '/')
			name = p + 1;
	if (same(name, "ticks"))
		return run_ticks();
	if (same(name, "cpuid"))
		return run_cpuid(argc, argv);
	if (same(name, "fill"))
		return run_fill(argc, argv);
	if (same(name, "machineoff"))
		return run_machineoff();
	print("vmtool: call it as ticks, cpuid, fill or machineoff\n");
	return 2;
}

/* Argc, then argv, are what is on the stack (System V ABI, "Process Initialization"). */
__attribute__((used, noreturn)) static void start(long *stack)
{
	system_call(SYS_EXIT, run((int)stack[0], (char **)(stack + 1)), 0, 0, 0, 0, 0);
	for (;;)
		;
}

asm(".globl _start\n"
    "_start:\n"
    "	xor %ebp, %ebp\n"
    "	mov %rsp, %rdi\n"
    "	and $-16, %rsp\n"
    "	call start\n");
