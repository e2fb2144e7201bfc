/* Random numbers of the real processor: RDSEED, RDRAND, or a generator seeded from the jitter of its clock. */
/* Part: arch/x86; cpu_random() of arch/api/cpu.h. */
#include "arch/api/cpu.h"
#include "lib/string.h"

#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_RDSEED (1u << 18)

#define SEED_TRIES 8u	/* RDSEED may be drained by others; RDRAND never for long (SDM, "RDRAND") */
#define RAND_TRIES 10u

static bool known, has_rdrand, has_rdseed;

/* ChaCha20 as a generator: each block's first half is the next key, so what was given out cannot be computed back. */
static uint32_t key[8];
static uint64_t blocks;
static uint64_t ready[4];
static unsigned int left;

static void look(void)
{
	known = true;
	has_rdrand = cpu_cpuid(1, 0).ecx & CPUID_1_ECX_RDRAND;
	has_rdseed = cpu_cpuid(0, 0).eax >= 7 && (cpu_cpuid(7, 0).ebx & CPUID_7_EBX_RDSEED);
}

static bool rdseed(uint64_t *value)
{
	bool ok;

	__asm__ volatile("rdseed %0" : "=r"(*value), "=@ccc"(ok));
	return ok;
}

static bool rdrand(uint64_t *value)
{
	bool ok;

	__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
	return ok;
}

static uint32_t rotate(uint32_t x, unsigned int by)
{
	return x << by | x >> (32 - by);
}

static void quarter(uint32_t *x, unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

/* RFC 8439, "The ChaCha20 Block Function", with the clock as nonce. */
static void next_block(void)
{
	uint64_t now = cpu_tsc();
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, x[16];

	memcpy(in + 4, key, sizeof(key));
	blocks++;
	memcpy(in + 12, &blocks, sizeof(blocks));
	memcpy(in + 14, &now, sizeof(now));
	memcpy(x, in, sizeof(x));
	for (unsigned int round = 0; round < 10; round++) {
		for (unsigned int i = 0; i < 4; i++)
			quarter(x, i, 4 + i, 8 + i, 12 + i);
		for (unsigned int i = 0; i < 4; i++)
			quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (unsigned int i = 0; i < 16; i++)
		x[i] += in[i];
	memcpy(key, x, sizeof(key));
	memcpy(ready, x + 8, sizeof(ready));
	left = 4;
}

/* How long a division and a cache miss take differs by a few ticks each time: a bit or less each, so many are taken. */
static void seed(void)
{
	volatile uint64_t sink = cpu_wall_seconds() | 1;

	for (unsigned int i = 0; i < 1024; i++) {
		uint64_t before = cpu_tsc();

		sink = (sink ^ before) / ((before & 0xff) + 3) + before;
		key[i % 8] = rotate(key[i % 8], 5) ^ (uint32_t)(cpu_tsc() * 0x9e3779b1u) ^ (uint32_t)sink;
		if (i % 8 == 7)
			next_block();
	}
}

static uint64_t generated(void)
{
	if (blocks == 0)
		seed();
	if (left == 0)
		next_block();
	return ready[--left];
}

uint64_t cpu_random(void)
{
	uint64_t value;

	if (!known)
		look();
	for (unsigned int i = 0; has_rdseed && i < SEED_TRIES; i++)
		if (rdseed(&value))
			return value;
	for (unsigned int i = 0; has_rdrand && i < RAND_TRIES; i++)
		if (rdrand(&value))
			return value;
	return generated();
}
