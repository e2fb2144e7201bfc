/* Loads a Linux kernel into real storage by the plan that guests get, and jumps to it. */
/* Part: ipl/; the bare side of the bench: what runs afterwards is that kernel alone. */
#include "vmm/ipl/bare.h"

#include "arch/api/cpu.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmm/allocator/storage.h"
#include "vmm/ipl/linux.h"

#define FREE_RUNS 64u
#define LOW_FIRST 0x1000u
#define LOW_LAST  0x9f000u

/* Too large for the stack, used once: nothing of CP is left afterwards. */
static struct memory_range e820[LINUX_E820_MAX];
static struct linux_run free_runs[FREE_RUNS];

/*
 * The last instructions, copied below 1 MiB and run there, where CP's tables and the kernel's own
 * both map them. RDI = CR3 for the kernel, RSI = boot_params, RDX = entry, RCX = operand of LGDT,
 * R8 = stack.
 */
__asm__(".pushsection .text\n"
	"bare_trampoline:\n"
	"	cli\n"
	"	cld\n"
	"	mov %r8, %rsp\n"
	"	mov %rdi, %cr3\n"
	"	mov $0x20, %eax\n" /* PAE alone */
	"	mov %rax, %cr4\n"
	"	lgdt (%rcx)\n"
	"	mov $0x18, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %ss\n"
	"	mov %eax, %fs\n"
	"	mov %eax, %gs\n"
	"	pushq $0x10\n"
	"	push %rdx\n"
	"	mov $0xc0000080, %ecx\n" /* EFER: LME and LMA alone */
	"	mov $0x500, %eax\n"
	"	xor %edx, %edx\n"
	"	wrmsr\n"
	"	mov $0x80000011, %eax\n" /* CR0: PG, ET, PE */
	"	mov %rax, %cr0\n"
	"	xor %ebx, %ebx\n"
	"	xor %ebp, %ebp\n"
	"	xor %edi, %edi\n"
	"	lretq\n"
	"bare_trampoline_end:\n"
	".popsection\n");
extern const uint8_t bare_trampoline[], bare_trampoline_end[];

static bool to_real(void *context, uint64_t address, const void *from, uint64_t n)
{
	(void)context;
	memcpy(cpu_direct(HPA(address)), from, n);
	return true;
}

static bool fill_real(void *context, uint64_t address, uint8_t byte, uint64_t n)
{
	(void)context;
	memset(cpu_direct(HPA(address)), byte, n);
	return true;
}

static uint32_t e820_type(uint32_t kind)
{
	switch (kind) {
	case BOOT_MEM_FREE:
	case BOOT_MEM_LOADER:
	case BOOT_MEM_KERNEL:
	case BOOT_MEM_MODULE:
		return E820_USABLE;
	case BOOT_MEM_ACPI:
		return E820_ACPI;
	default:
		return E820_RESERVED;
	}
}

/* The firmware's ranges as the kernel wants them: neighbours of one type joined. */
static uint32_t convert_ranges(const struct boot_info *boot)
{
	uint32_t i, n = 0;

	for (i = 0; i < boot->range_count && i < BOOT_MAX_RANGES; i++) {
		const struct boot_range *r = &boot->ranges[i];
		uint32_t type = e820_type(r->kind);

		if (n > 0 && e820[n - 1].type == type &&
		    e820[n - 1].base + e820[n - 1].size == r->base)
			e820[n - 1].size += r->size;
		else if (n < LINUX_E820_MAX)
			e820[n++] = (struct memory_range){r->base, r->size, type};
	}
	return n;
}

static uint32_t find_free(uint64_t *top)
{
	const struct storage_run *r;
	uint32_t i, n = 0;

	*top = 0;
	for (i = 0; (r = storage_run_at(i)) != NULL; i++) {
		*top = r->base.v + r->size;
		if (r->owner == STORAGE_FREE && r->base.v >= IPL_HIGH_START && n < FREE_RUNS)
			free_runs[n++] = (struct linux_run){r->base.v, *top};
	}
	return n;
}

/*
 * The low area, which CP leaves alone and therefore by the firmware's map: at the address it has in
 * a guest, else as low as there is room. 0 = nowhere.
 */
static uint64_t find_low(const struct boot_info *boot)
{
	uint64_t low = 0;
	uint32_t i;

	for (i = 0; i < boot->range_count && i < BOOT_MAX_RANGES; i++) {
		const struct boot_range *r = &boot->ranges[i];
		uint64_t first = r->base > LOW_FIRST ? r->base : LOW_FIRST, end = r->base + r->size;

		if (r->kind != BOOT_MEM_FREE || r->base >= LOW_LAST)
			continue;
		if (end > LOW_LAST)
			end = LOW_LAST;
		if (first <= LINUX_LOW_DEFAULT && end >= LINUX_LOW_DEFAULT + LINUX_LOW_SIZE)
			return LINUX_LOW_DEFAULT;
		if (low == 0 && ipl_inside(first, LINUX_LOW_SIZE, end))
			low = first;
	}
	return low;
}

/*
 * Says at which TSC tick the kernel begins, and keeps the appointment: the line itself takes ticks.
 * The TSC is not set to 0 instead, since that moves IA32_TSC_ADJUST with it (SDM, "IA32_TSC_ADJUST
 * MSR"), which Linux finds and undoes.
 */
static void announce(void (*say)(const char *text))
{
	uint64_t ahead = cpu_tsc_hz() / 64, at;
	char line[48];

	do {
		ahead *= 2;
		at = cpu_tsc() + ahead;
		text_format(line, sizeof(line), "BARE ENTRY TSC=%lu\r\n", at);
		say(line);
	} while (cpu_tsc() >= at);
	while (cpu_tsc() < at)
		cpu_pause();
}

/* To the trampoline, which needs the low addresses that only identity_root maps. */
static void __attribute__((noreturn))
leave(const struct linux_machine *m, const struct linux_plan *p, uint64_t identity_root)
{
	register uint64_t stack __asm__("r8") = m->low + LINUX_STACK_TOP;

	__asm__ volatile("cli\n\t"
			 "mov %[root], %%cr3\n\t"
			 "jmp *%[to]\n\t"
			 :
			 : [root] "r"(identity_root), [to] "a"(m->low + LINUX_TRAMPOLINE),
			   "D"(m->low + LINUX_TABLES), "S"(m->low + LINUX_BOOT_PARAMS),
			   "d"(p->load + 0x200), "c"(m->low + LINUX_GDTR), "r"(stack)
			 : "memory");
	__builtin_unreachable();
}

int ipl_bare(const struct ipl_request *request, const struct boot_info *boot,
	     uint64_t identity_root, void (*say)(const char *text), char *why, size_t room)
{
	struct ipl_job job = {
	    .request = request,
	    .to = {to_real, fill_real, NULL},
	    .why = why,
	    .room = room,
	};
	struct linux_machine machine = {.e820 = e820, .free = free_runs, .rsdp = boot->rsdp};
	struct linux_plan plan;
	int result;

	machine.e820_count = convert_ranges(boot);
	machine.free_count = find_free(&machine.top);
	machine.low = find_low(boot);
	result = ipl_find_files(&job);
	if (result == 0)
		result = linux_plan(&job, &machine, &plan);
	if (result == 0 && !plan.entry64)
		result = ipl_fail(&job, IPL_LINUX_NO_64, 0, 0);
	if (result == 0 && machine.low == 0)
		result = ipl_fail(&job, IPL_LINUX_NO_LOW, LINUX_LOW_SIZE, 0);
	if (result == 0)
		result = linux_write(&job, &machine, &plan);
	if (result != 0)
		return result;
	to_real(NULL, machine.low + LINUX_TRAMPOLINE, bare_trampoline,
		(uint64_t)(bare_trampoline_end - bare_trampoline));
	announce(say);
	leave(&machine, &plan, identity_root);
}
