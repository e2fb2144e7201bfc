/* The processor's identity, time, waiting, and the ways out: panic, reboot, power-off. */
/* Part: arch/x86; implements most of arch/api/cpu.h. */
#include "arch/x86/processor.h"
#include "arch/x86/apic.h"
#include "arch/x86/percpu.h"
#include "arch/x86/regs.h"
#include "drivers/console.h"
#include "drivers/pit.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/timebase.h"

static uint64_t tsc_hz;
static uint64_t wall_at_start, tsc_at_start;
static processor_panic_hook panic_hook;

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

bool cpu_rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint32_t low = 0, high = 0, ok = 0;
	struct percpu *p = percpu();

	__asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
			 "movq %%rax, %3\n\t"
			 "rdmsr\n\t"
			 "movl $1, %2\n"
			 "1:\n\t"
			 : "=&a"(low), "=&d"(high), "+r"(ok), "=m"(p->fixup)
			 : "c"(msr)
			 : "memory");
	p->fixup = 0;
	if (ok == 0)
		return false;
	*value = (uint64_t)high << 32 | low;
	return true;
}

uint64_t cpu_tsc_hz(void)
{
	return tsc_hz;
}

uint64_t cpu_wall_seconds(void)
{
	return wall_at_start + (cpu_tsc() - tsc_at_start) / tsc_hz;
}

unsigned int cpu_physical_bits(void)
{
	return cpu_cpuid(0x80000000, 0).eax >= 0x80000008 ? cpu_cpuid(0x80000008, 0).eax & 0xff : 36;
}

/* SDM, "Time Stamp Counter and Nominal Core Crystal Clock": used only where no 8254 answers. */
static uint64_t tsc_by_cpuid(void)
{
	struct cpuid_regs r;

	if (cpu_cpuid(0, 0).eax < 0x15)
		return 0;
	r = cpu_cpuid(0x15, 0);
	if (r.eax != 0 && r.ebx != 0 && r.ecx != 0)
		return (uint64_t)r.ecx * r.ebx / r.eax;
	return cpu_cpuid(0, 0).eax >= 0x16 ? (uint64_t)(cpu_cpuid(0x16, 0).eax & 0xffff) * 1000000 : 0;
}

static uint8_t cmos(uint8_t index)
{
	cpu_out8(0x70, index);
	return cpu_in8(0x71);
}

static unsigned int cmos_number(uint8_t index, bool bcd)
{
	unsigned int v = cmos(index);

	return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

/* Days from 1970-01-01 of a date in the Gregorian calendar. */
static uint64_t days_of(unsigned int year, unsigned int month, unsigned int day)
{
	uint64_t y = month <= 2 ? year - 1 : year;
	uint64_t m = month <= 2 ? month + 9 : month - 3;	/* March = 0 */

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static uint64_t wall_from_cmos(void)
{
	unsigned int second, hour, day, month, year;
	bool bcd = !(cmos(0x0b) & 4);

	for (unsigned int i = 0; i < 100000 && (cmos(0x0a) & 0x80); i++)
		cpu_pause();
	second = cmos_number(0, bcd) + 60 * cmos_number(2, bcd);
	hour = cmos(4);
	if (!(cmos(0x0b) & 2)) {	/* 12-hour clock */
		bool pm = (hour & 0x80) != 0;

		hour &= 0x7f;
		hour = (bcd ? (hour >> 4) * 10 + (hour & 15) : hour) % 12 + (pm ? 12 : 0);
	} else if (bcd) {
		hour = (hour >> 4) * 10 + (hour & 15);
	}
	day = cmos_number(7, bcd);
	month = cmos_number(8, bcd);
	year = 2000 + cmos_number(9, bcd) % 100;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23)
		return days_of(2000, 1, 1) * 86400;	/* a clock that was never set */
	return days_of(year, month, day) * 86400 + hour * 3600u + second;
}

void processor_init_time(void)
{
	tsc_hz = pit_measure_tsc();
	if (tsc_hz == 0)
		tsc_hz = tsc_by_cpuid();
	if (tsc_hz == 0)
		tsc_hz = 1000000000;	/* nothing here tells the time: call it 1 GHz */
	tsc_at_start = cpu_tsc();
	wall_at_start = wall_from_cmos();
}

void cpu_idle(uint64_t until)
{
	if (until != TIME_NEVER && cpu_tsc() >= until)
		return;
	if (until != TIME_NEVER && !apic_has_timer()) {	/* nothing would end a HLT in time */
		uint64_t taken = percpu()->interrupts;

		__asm__ volatile("sti" : : : "memory");
		while (cpu_tsc() < until && *(volatile uint64_t *)&percpu()->interrupts == taken)
			cpu_pause();
		__asm__ volatile("cli" : : : "memory");
		return;
	}
	apic_timer(until);
	/* SDM, "STI": the shadow keeps an interrupt from slipping in between */
	__asm__ volatile("sti; hlt; cli" : : : "memory");
	apic_timer(TIME_NEVER);
}

void processor_set_panic_hook(processor_panic_hook hook)
{
	panic_hook = hook;
}

static void __attribute__((noreturn)) halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/*
 * Emulators first: each of these ports does nothing on a real machine. Then the ways a PC knows.
 * Bochs: port 8900h; QEMU: isa-debug-exit at F4h where scripts/vm64 has put it, ACPI PM1a of PIIX4 and Q35.
 */
static void leave_emulator(int code)
{
	for (const char *s = "Shutdown"; *s != '\0'; s++)
		cpu_out8(0x8900, (uint8_t)*s);
	cpu_out32(0xf4, code == 0 ? 0x31 : 0x33);
	cpu_out16(0x604, 0x2000);
}

void cpu_power_off(int code)
{
	console_panic_write("", 0);	/* what was said before must be out */
	leave_emulator(code);
	static const char text[] = "IT IS NOW SAFE TO SWITCH THE MACHINE OFF\n";

	console_panic_write(text, sizeof(text) - 1);
	halt();
}

void cpu_reboot(void)
{
	struct descriptor_table none = { 0, 0 };

	cpu_out8(0xcf9, 0x06);
	for (unsigned int i = 0; i < 100000; i++)
		cpu_pause();
	cpu_out8(0x64, 0xfe);
	for (unsigned int i = 0; i < 100000; i++)
		cpu_pause();
	__asm__ volatile("lidt %0; int3" : : "m"(none));
	halt();
}

void cpu_panic(const char *format, ...)
{
	static int depth;
	char text[600];
	va_list args;
	int n;

	__asm__ volatile("cli");
	n = text_format(text, sizeof(text), "\nV64PAN900W CP STOPS: ");
	va_start(args, format);
	n += text_vformat(text + n, sizeof(text) - (size_t)n, format, args);
	va_end(args);
	if (n > (int)sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n++] = '\n';
	/* A panic while telling a panic: the screen is the suspect, the serial line gets one more word. */
	depth++;
	if (depth == 1) {
		console_panic_write(text, (size_t)n);
		if (panic_hook != NULL)
			panic_hook();
	} else if (depth == 2) {
		console_panic_line(text, (size_t)n);
	}
	leave_emulator(1);
	halt();
}
