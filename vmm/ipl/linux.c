/* Linux kernels (bzImage) by "The Linux/x86 Boot Protocol" of the kernel's documentation. */
/* Part: ipl/; header checks, the plan of places, the zero page, a guest's first registers. */
#include "vmm/ipl/linux.h"

#include "lib/string.h"
#include "vmm/ipl/tables.h"
#include "vmm/machine/pc.h"

/* Offsets in the setup header; the same in the file and in the zero page. */
#define H_SETUP_SECTS	   0x1f1
#define H_SYSSIZE	   0x1f4
#define H_BOOT_FLAG	   0x1fe
#define H_LENGTH	   0x201
#define H_MAGIC		   0x202
#define H_VERSION	   0x206
#define H_LOADER	   0x210
#define H_LOADFLAGS	   0x211
#define H_CODE32	   0x214
#define H_INITRD	   0x218
#define H_INITRD_SIZE	   0x21c
#define H_HEAP_END	   0x224
#define H_COMMAND_LINE	   0x228
#define H_INITRD_MAX	   0x22c
#define H_ALIGNMENT	   0x230
#define H_RELOCATABLE	   0x234
#define H_XLOADFLAGS	   0x236
#define H_COMMAND_LINE_MAX 0x238
#define H_PAYLOAD	   0x248
#define H_PAYLOAD_SIZE	   0x24c
#define H_PREFERRED	   0x258
#define H_INIT_SIZE	   0x260
#define H_ENOUGH	   0x268 /* every file must reach here */
#define H_MOST		   0x290 /* the zero page has other fields from here on */

/* Other fields of the zero page. */
#define Z_RSDP	     0x070
#define Z_E820_COUNT 0x1e8
#define Z_HEADER     0x1f1
#define Z_E820	     0x2d0
#define Z_E820_ENTRY 20

#define MAGIC	      0x53726448u /* "HdrS" */
#define LOADED_HIGH   0x01
#define KASLR_FLAG    0x02 /* "the decompressor has randomized": not ours to say */
#define CAN_USE_HEAP  0x80
#define XLF_KERNEL_64 0x01
#define ENTRY64	      0x200
#define OTHER_LOADER  0xff
#define HIGHEST	      GIB(4) /* the page tables we give reach so far */

bool linux_looks_like(const uint8_t *data, uint64_t size)
{
	if (size < 0x206 || ipl_u16(data + H_BOOT_FLAG) != 0xaa55)
		return false;
	/* "MZ" before a boot flag is a kernel with an EFI stub even if its own magic is damaged:
	 * say that. */
	return ipl_u32(data + H_MAGIC) == MAGIC || (data[0] == 'M' && data[1] == 'Z');
}

/* Where the header has to end at least for the fields that a version brings. */
static uint32_t header_least(uint32_t version)
{
	if (version >= 0x20a)
		return H_INIT_SIZE + 4;
	if (version >= 0x208)
		return H_PAYLOAD_SIZE + 4;
	if (version >= 0x206)
		return H_COMMAND_LINE_MAX + 4;
	if (version >= 0x205)
		return H_RELOCATABLE + 1;
	return version >= 0x203 ? H_INITRD_MAX + 4 : H_COMMAND_LINE + 4;
}

/* Is this a kernel, of a version we know, whole? */
static int check_header(const struct ipl_job *job, struct linux_plan *p)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size;

	if (size < H_ENOUGH)
		return ipl_fail(job, IPL_LINUX_SHORT, size, H_ENOUGH);
	if (ipl_u16(d + H_BOOT_FLAG) != 0xaa55)
		return ipl_fail(job, IPL_LINUX_NO_SIGNATURE, ipl_u16(d + H_BOOT_FLAG), 0);
	if (ipl_u32(d + H_MAGIC) != MAGIC)
		return ipl_fail(job, IPL_LINUX_NO_HEADER, ipl_u32(d + H_MAGIC), 0);
	p->version = ipl_u16(d + H_VERSION);
	if (p->version < 0x202)
		return ipl_fail(job, IPL_LINUX_OLD, p->version >> 8, p->version & 0xff);
	p->header_end = H_MAGIC + d[H_LENGTH];
	if (p->header_end < header_least(p->version))
		return ipl_fail(job, IPL_LINUX_HEADER_SIZE, p->header_end,
				header_least(p->version));
	if (p->header_end > H_MOST)
		p->header_end = H_MOST;
	if (!(d[H_LOADFLAGS] & LOADED_HIGH))
		return ipl_fail(job, IPL_LINUX_ZIMAGE, 0, 0);
	/* Where its setup part would go on after the change of modes: nowhere, in boot programs that only look like Linux. */
	if (ipl_u32(d + H_CODE32) == 0)
		return ipl_fail(job, IPL_LINUX_REAL_MODE, 0, 0);
	return 0;
}

/* The parts of the file that the header speaks of have to be in it. */
static int check_parts(const struct ipl_job *job, struct linux_plan *p)
{
	const uint8_t *d = job->image->data;
	uint64_t size = job->image->size, kernel, payload;

	/* 0 means 4: the protocol's oldest rule. */
	p->setup_bytes = ((d[H_SETUP_SECTS] ? d[H_SETUP_SECTS] : 4u) + 1u) * 512u;
	if (p->setup_bytes > size)
		return ipl_fail(job, IPL_LINUX_SETUP_CUT, p->setup_bytes, size);
	p->kernel_bytes = size - p->setup_bytes;
	/* Before 2.04 the size has two bytes, which says nothing of a kernel that is loaded high. */
	kernel = p->version >= 0x204 ? (uint64_t)ipl_u32(d + H_SYSSIZE) * 16 : p->kernel_bytes;
	/* syssize is rounded up to a paragraph, the file need not be. */
	if (p->kernel_bytes == 0 || kernel == 0 || p->kernel_bytes + 15 < kernel)
		return ipl_fail(job, IPL_LINUX_KERNEL_CUT, kernel, p->kernel_bytes);
	/* A signature may follow the kernel; it is not loaded. */
	if (p->kernel_bytes > kernel)
		p->kernel_bytes = kernel;
	if (p->version >= 0x208) {
		payload = ipl_u32(d + H_PAYLOAD_SIZE);
		if (!ipl_inside(ipl_u32(d + H_PAYLOAD), payload, p->kernel_bytes))
			return ipl_fail(job, IPL_LINUX_PAYLOAD_OUTSIDE, payload,
					ipl_u32(d + H_PAYLOAD));
	}
	return 0;
}

static int read_wishes(const struct ipl_job *job, struct linux_plan *p)
{
	const uint8_t *d = job->image->data;

	p->relocatable = p->version >= 0x205 && d[H_RELOCATABLE] != 0;
	p->alignment = ipl_u32(d + H_ALIGNMENT);
	if (p->relocatable && (p->alignment < PAGE_SIZE || (p->alignment & (p->alignment - 1))))
		return ipl_fail(job, IPL_LINUX_ALIGNMENT, p->alignment, 0);
	p->preferred = IPL_HIGH_START;
	p->need = p->kernel_bytes;
	if (p->version >= 0x20a) {
		p->preferred = ipl_u64(d + H_PREFERRED);
		if (ipl_u32(d + H_INIT_SIZE) > p->need)
			p->need = ipl_u32(d + H_INIT_SIZE);
	}
	p->entry64 = p->version >= 0x20c && (ipl_u16(d + H_XLOADFLAGS) & XLF_KERNEL_64) &&
		     p->kernel_bytes > ENTRY64;
	p->initrd_end = p->version >= 0x203 ? (uint64_t)ipl_u32(d + H_INITRD_MAX) + 1 : 0x38000000;
	p->command_line_max = p->version >= 0x206 ? ipl_u32(d + H_COMMAND_LINE_MAX) : 255;
	if (p->command_line_max > LINUX_LOW_SIZE - LINUX_COMMAND_LINE - 1)
		p->command_line_max = LINUX_LOW_SIZE - LINUX_COMMAND_LINE - 1;
	if (strlen(job->request->parm ? job->request->parm : "") > p->command_line_max)
		return ipl_fail(job, IPL_PARM_TOO_LONG, strlen(job->request->parm),
				p->command_line_max);
	return 0;
}

static bool fits_run(const struct linux_run *r, uint64_t at, uint64_t size)
{
	uint64_t end = r->end < HIGHEST ? r->end : HIGHEST;

	return at >= r->base && ipl_inside(at, size, end);
}

/*
 * The preferred address, else the lowest aligned place above it. Below it would not help: a kernel
 * loaded lower moves itself up to that address before it unpacks, and so needs the storage there
 * all the same.
 */
static int place_kernel(const struct ipl_job *job, const struct linux_machine *m,
			struct linux_plan *p)
{
	uint64_t at;
	uint32_t i;

	for (i = 0; i < m->free_count; i++) {
		if (fits_run(&m->free[i], p->preferred, p->need)) {
			p->load = p->preferred;
			return 0;
		}
	}
	for (i = 0; p->relocatable && p->preferred < HIGHEST && i < m->free_count; i++) {
		at = m->free[i].base > p->preferred ? m->free[i].base : p->preferred;
		if (at >= HIGHEST)
			break;
		at = align_up(at, p->alignment);
		if (fits_run(&m->free[i], at, p->need)) {
			p->load = at;
			return 0;
		}
	}
	at = p->preferred > UINT64_MAX - p->need ? UINT64_MAX : p->preferred + p->need;
	return ipl_fail(job, IPL_LINUX_TOO_BIG, at >> 10, m->top >> 10);
}

static uint64_t smallest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* As high as the kernel allows, so that it does not lie in the way of its unpacking. */
static int place_initrd(const struct ipl_job *job, const struct linux_machine *m,
			struct linux_plan *p)
{
	uint32_t i, attempt;

	p->initrd = 0;
	p->initrd_bytes = job->initrd ? job->initrd->size : 0;
	if (p->initrd_bytes == 0)
		return 0;
	for (i = m->free_count; i-- > 0;) {
		uint64_t end = smallest(smallest(m->free[i].end, p->initrd_end), HIGHEST);

		/* Second attempt: under the kernel. */
		for (attempt = 0; attempt < 2; attempt++) {
			uint64_t top = attempt == 0 ? end : smallest(end, p->load);
			uint64_t at;

			if (top < p->initrd_bytes)
				continue;
			at = align_down(top - p->initrd_bytes, PAGE_SIZE);
			if (at < m->free[i].base)
				continue;
			if (at + p->initrd_bytes <= p->load || at >= p->load + p->need) {
				p->initrd = at;
				return 0;
			}
		}
	}
	return ipl_fail(job, IPL_INITRD_TOO_BIG, (p->initrd_bytes + 1023) >> 10, m->top >> 10);
}

int linux_plan(const struct ipl_job *job, const struct linux_machine *machine,
	       struct linux_plan *plan)
{
	int result;

	memset(plan, 0, sizeof(*plan));
	result = check_header(job, plan);
	if (result == 0)
		result = check_parts(job, plan);
	if (result == 0)
		result = read_wishes(job, plan);
	if (result == 0)
		result = place_kernel(job, machine, plan);
	if (result == 0)
		result = place_initrd(job, machine, plan);
	return result;
}

static bool put_e820(const struct ipl_job *job, const struct linux_machine *m, uint64_t zero)
{
	uint32_t i, count = m->e820_count < LINUX_E820_MAX ? m->e820_count : LINUX_E820_MAX;
	uint8_t entry[Z_E820_ENTRY], n = (uint8_t)count;

	for (i = 0; i < count; i++) {
		memory_range_put(entry, &m->e820[i]);
		if (!ipl_put(job, zero + Z_E820 + i * Z_E820_ENTRY, entry, sizeof(entry)))
			return false;
	}
	return ipl_put(job, zero + Z_E820_COUNT, &n, 1);
}

/* The setup header with the fields that the protocol gives to the loader filled in. */
static bool put_header(const struct ipl_job *job, const struct linux_machine *m,
		       const struct linux_plan *p, uint64_t zero)
{
	uint8_t h[H_MOST];

	memcpy(h, job->image->data, p->header_end);
	h[H_LOADER] = OTHER_LOADER;
	h[H_LOADFLAGS] = (uint8_t)((h[H_LOADFLAGS] & ~KASLR_FLAG) | CAN_USE_HEAP);
	ipl_set16(h + H_HEAP_END, 0xfe00);
	ipl_set32(h + H_CODE32, p->load);
	ipl_set32(h + H_INITRD, p->initrd);
	ipl_set32(h + H_INITRD_SIZE, p->initrd_bytes);
	ipl_set32(h + H_COMMAND_LINE, m->low + LINUX_COMMAND_LINE);
	return ipl_put(job, zero + Z_HEADER, h + Z_HEADER, p->header_end - Z_HEADER);
}

/* Text mode 3 of a VGA; all zero where there is no screen and the console is serial. */
static bool put_screen(const struct ipl_job *job, const struct linux_machine *m, uint64_t zero)
{
	static const uint8_t screen[0x12] = {
	    [0x06] = 3, [0x07] = 80, [0x0a] = 3, [0x0e] = 25, [0x0f] = 1, [0x10] = 16,
	};

	return !m->vga || ipl_put(job, zero, screen, sizeof(screen));
}

static bool put_zero_page(const struct ipl_job *job, const struct linux_machine *m,
			  const struct linux_plan *p)
{
	uint64_t zero = m->low + LINUX_BOOT_PARAMS;
	uint8_t rsdp[8];

	ipl_set64(rsdp, m->rsdp);
	return ipl_clear(job, zero, PAGE_SIZE) && put_screen(job, m, zero) && put_header(job, m, p, zero) &&
	       ipl_put(job, zero + Z_RSDP, rsdp, sizeof(rsdp)) && put_e820(job, m, zero);
}

/* 10h code, 18h data as the protocol wants them; 20h a task-state segment, which 64-bit mode wants.
 */
static bool put_gdt(const struct ipl_job *job, uint64_t low, bool code64)
{
	uint8_t gdt[40] = {0}, gdtr[10];

	ipl_set64(gdt + 0x10, code64 ? 0x00af9b000000ffffull : 0x00cf9b000000ffffull);
	ipl_set64(gdt + 0x18, 0x00cf93000000ffffull);
	ipl_set64(gdt + 0x20, 0x00008b0000000067ull);
	ipl_set16(gdtr, sizeof(gdt) - 1);
	ipl_set64(gdtr + 2, low + LINUX_GDT);
	return ipl_put(job, low + LINUX_GDT, gdt, sizeof(gdt)) &&
	       ipl_put(job, low + LINUX_GDTR, gdtr, sizeof(gdtr));
}

/* The first 4 GiB one to one, in 2 MiB pages. */
static bool put_tables(const struct ipl_job *job, uint64_t tables)
{
	uint8_t entries[64 * 8];
	uint64_t page = 0;
	uint32_t i, at;

	if (!ipl_clear(job, tables, 6 * PAGE_SIZE))
		return false;
	ipl_set64(entries, (tables + PAGE_SIZE) | 0x3);
	if (!ipl_put(job, tables, entries, 8))
		return false;
	for (i = 0; i < 4; i++)
		ipl_set64(entries + i * 8, (tables + (2 + i) * PAGE_SIZE) | 0x3);
	if (!ipl_put(job, tables + PAGE_SIZE, entries, 4 * 8))
		return false;
	for (at = 0; at < 4 * PAGE_SIZE; at += sizeof(entries)) {
		for (i = 0; i < 64; i++, page += MIB(2))
			ipl_set64(entries + i * 8, page | 0x83);
		if (!ipl_put(job, tables + 2 * PAGE_SIZE + at, entries, sizeof(entries)))
			return false;
	}
	return true;
}

int linux_write(const struct ipl_job *job, const struct linux_machine *machine,
		const struct linux_plan *plan)
{
	const char *parm = job->request->parm ? job->request->parm : "";
	uint64_t low = machine->low;

	if (!put_zero_page(job, machine, plan) || !put_gdt(job, low, plan->entry64) ||
	    !put_tables(job, low + LINUX_TABLES) ||
	    !ipl_put(job, low + LINUX_COMMAND_LINE, parm, strlen(parm) + 1))
		return ipl_fail(job, IPL_NOT_STORED, LINUX_LOW_SIZE, low);
	if (!ipl_put(job, plan->load, job->image->data + plan->setup_bytes, plan->kernel_bytes))
		return ipl_fail(job, IPL_NOT_STORED, plan->kernel_bytes, plan->load);
	if (job->initrd && !ipl_put(job, plan->initrd, job->initrd->data, plan->initrd_bytes))
		return ipl_fail(job, IPL_NOT_STORED, plan->initrd_bytes, plan->initrd);
	return 0;
}

/* Protocol sections "32-bit Boot Protocol" and "64-bit Boot Protocol". */
static void set_registers(struct vm *vm, const struct linux_machine *m, const struct linux_plan *p)
{
	struct arch_vcpu *av = &vm->av;

	if (p->entry64) {
		arch_vcpu_set(av, VREG_CR3, m->low + LINUX_TABLES);
		arch_vcpu_set(av, VREG_CR4, 0x20);	 /* PAE */
		arch_vcpu_set(av, VREG_EFER, 0x500);	 /* LME, LMA */
		arch_vcpu_set(av, VREG_CR0, 0x80000011); /* PG, ET, PE */
	} else {
		arch_vcpu_set(av, VREG_CR0, 0x11);
	}
	ipl_flat_segments(vm, p->entry64);
	arch_vcpu_set(av, VREG_GDTR_BASE, m->low + LINUX_GDT);
	arch_vcpu_set(av, VREG_GDTR_LIMIT, 39);
	arch_vcpu_set(av, VREG_RFLAGS, 2);
	arch_vcpu_set(av, VREG_RSP, m->low + LINUX_STACK_TOP);
	arch_vcpu_set(av, VREG_RIP, p->load + (p->entry64 ? ENTRY64 : 0));
	memset(av->gpr, 0, sizeof(av->gpr));
	av->gpr[RSI] = m->low + LINUX_BOOT_PARAMS;
}

int linux_load(const struct ipl_job *job)
{
	uint64_t b = job->vm->storage_size;
	struct memory_range e820[MEMORY_MAP_RANGES];
	const struct linux_run storage = {IPL_HIGH_START, b};
	const struct linux_machine machine = {
	    .e820 = e820,
	    .e820_count = memory_map(e820, b),
	    .free = &storage,
	    .free_count = 1,
	    .low = LINUX_LOW_DEFAULT,
	    .rsdp = FIRMWARE_RSDP,
	    .top = b,
	    .vga = job->vm->devices->platform.vga,
	};
	struct linux_plan plan;
	int result;

	if (b <= IPL_HIGH_START)
		return ipl_fail(job, IPL_TOO_LITTLE_STORAGE, (IPL_HIGH_START >> 10) + 1, b >> 10);
	result = linux_plan(job, &machine, &plan);
	if (result == 0)
		result = tables_put(job);
	if (result == 0)
		result = linux_write(job, &machine, &plan);
	if (result == 0)
		set_registers(job->vm, &machine, &plan);
	return result;
}
