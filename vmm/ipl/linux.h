/* A Linux kernel's place in a machine: planned first, written when everything is known to fit. */
/* Part: ipl/, private; shared by linux.c (into a guest) and bare.c (into the real machine). */
#ifndef VMM_IPL_LINUX_H
#define VMM_IPL_LINUX_H

#include "vmm/firmware/memory_map.h"
#include "vmm/ipl/job.h"

/* The low area, one run below 640 KiB; offsets from linux_machine.low. */
#define LINUX_BOOT_PARAMS  0x0000u /* the "zero page" */
#define LINUX_GDT	   0x1000u /* five descriptors */
#define LINUX_GDTR	   0x1040u /* operand of LGDT (bare) */
#define LINUX_TABLES	   0x2000u /* PML4, PDPT, four page directories: 4 GiB one to one */
#define LINUX_TRAMPOLINE   0x8000u /* bare */
#define LINUX_STACK_TOP	   0xa000u
#define LINUX_COMMAND_LINE 0xa000u
#define LINUX_LOW_SIZE	   0xb000u
#define LINUX_LOW_DEFAULT  0x10000u

struct linux_run {
	uint64_t base, end;
};
#define LINUX_E820_MAX 128u /* as many as the zero page holds */

/* The machine the kernel will find itself in. */
struct linux_machine {
	const struct memory_range *e820;
	uint32_t e820_count;
	const struct linux_run
	    *free; /* at and above 1 MiB, ascending: where kernel and initrd may go */
	uint32_t free_count;
	uint64_t low;
	uint64_t rsdp;
	uint64_t top; /* end of the storage: for messages */
	bool vga;     /* there is a display, in text mode */
};

struct linux_plan {
	/* from the header */
	uint32_t version, header_end, alignment, command_line_max;
	uint64_t setup_bytes, kernel_bytes, need, preferred, initrd_end;
	bool relocatable, entry64;
	/* where everything goes */
	uint64_t load, initrd, initrd_bytes;
};

int linux_plan(const struct ipl_job *job, const struct linux_machine *machine,
	       struct linux_plan *plan);
int linux_write(const struct ipl_job *job, const struct linux_machine *machine,
		const struct linux_plan *plan);

#endif
