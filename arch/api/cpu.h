/* What the real processor offers to the monitor and to drivers: ports, time, storage windows, panic. */
/* Part: contract header owned by the monitor; arch/x86 implements it, the unit tests fake it. */
#ifndef ARCH_API_CPU_H
#define ARCH_API_CPU_H

#include "lib/types.h"

#ifndef HOST_TEST
static inline uint8_t cpu_in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t cpu_in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t cpu_in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void cpu_out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void cpu_out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void cpu_out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint64_t cpu_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause");
}
#else
uint8_t cpu_in8(uint16_t port);
uint16_t cpu_in16(uint16_t port);
uint32_t cpu_in32(uint16_t port);
void cpu_out8(uint16_t port, uint8_t v);
void cpu_out16(uint16_t port, uint16_t v);
void cpu_out32(uint16_t port, uint32_t v);
uint64_t cpu_tsc(void);
static inline void cpu_pause(void)
{
}
#endif

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf);

/* Reads an MSR of the real processor; false when the processor raises #GP. */
bool cpu_rdmsr_safe(uint32_t msr, uint64_t *value);

/* Ticks of this processor's TSC in a second, measured at start. Never 0. */
uint64_t cpu_tsc_hz(void);

/* Seconds since 1970-01-01 00:00 UTC by the real clock read at start and the TSC since then. */
uint64_t cpu_wall_seconds(void);

/* 64 random bits: of the processor's generator where it has one, else of one seeded from the clock's jitter. */
uint64_t cpu_random(void);

/* Physical-address width of the processor in bits. */
unsigned int cpu_physical_bits(void);

/*
 * With interrupts off on entry and on return: waits until an interrupt has been taken or the TSC passes
 * `until` (absolute; TIME_NEVER = only an interrupt ends it).
 */
void cpu_idle(uint64_t until);

/* An interrupt of the real machine that a VM exit has acknowledged. */
void cpu_take_interrupt(uint8_t vector);
/* An NMI of the real machine that came as a VM exit. */
void cpu_take_nmi(void);

/* The direct map: any byte of real storage that was in the firmware's map as memory. */
void *cpu_direct(hpa_t address);
hpa_t cpu_direct_address(const void *p);	/* the inverse, for pointers cpu_direct() gave */

enum cpu_map_type { CPU_MAP_UC, CPU_MAP_WC };

/* Maps device memory for the kernel; NULL when there is no room. The mapping is for ever. */
void *cpu_map_mmio(hpa_t base, uint64_t size, enum cpu_map_type type);

/* Switches the machine off, or leaves the emulator; falls back to halting. code: 0 = orderly. */
void cpu_power_off(int code) __attribute__((noreturn));
void cpu_reboot(void) __attribute__((noreturn));

/* Only for our own bugs. Takes no lock and always prints; ends the machine. */
void cpu_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* An invariant of ours, always checked; never for values that come from a guest or the operator. */
#define CHECK(condition)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			cpu_panic("CHECK(%s) failed in %s, %s:%d", #condition, __func__, __FILE__, \
				  __LINE__);                                                       \
	} while (0)

#endif
