/* The virtual machine: a processor, a storage R = (l, b), a bus with devices, a console, and its account. */
/* Part: machine/; the allocator fills it, the dispatcher runs it, CP shows it. */
#ifndef VMM_MACHINE_VM_H
#define VMM_MACHINE_VM_H

#include "arch/api/vcpu.h"
#include "vmm/machine/bus.h"
#include "vmm/machine/console.h"
#include "vmm/machine/mtrr.h"

#define VM_USERID_LEN 8
#define VM_MAX 64		/* machines logged on at the same time */
#define VM_ROWS (1 + MACHINE_ROWS)	/* rows of the relocation table: R, then those of devices, which lie over it */
#define VM_WHY_LEN 160

enum vm_state {
	VM_NO_SYSTEM,	/* logged on, nothing loaded (or SYSTEM RESET): BEGIN is refused until IPL */
	VM_STOPPED,	/* console function mode: CP holds it (CP READ) */
	VM_RUNNABLE,	/* wants the processor */
	VM_WAITING,	/* in HLT with interrupts enabled: waits for an event */
	VM_ENDED,	/* powered off or stopped by CP; `why` says it; storage is kept for DISPLAY until IPL or FORCE */
};

/* The account. Ticks are the host's TSC. */
struct vm_account {
	uint64_t exits[EXIT_KINDS];
	uint64_t guest_ticks;	/* in the guest: VIRTCPU */
	uint64_t total_ticks;	/* that and the monitor's work for it: TOTCPU */
	uint64_t logon_time;	/* TSC at logon */
	uint64_t ipl_time;	/* TSC at the first instruction after the last IPL; before that, at the IPL */
	uint64_t memory_traps;	/* touches at or beyond b, or of an absent address */
	uint64_t device_touches;	/* exits at the memory of virtual devices */
	uint64_t storage_faults;	/* EPT violations inside [0, b): 0, since storage is mapped at IPL */
	uint64_t events;	/* interrupts and exceptions delivered */
	uint64_t unknown_msrs;	/* RDMSR/WRMSR answered with #GP by default */
};

/* Everything the event engine knows to be pending for the virtual processor. See event.h. */
struct pending {
	bool requeued_valid, nmi;
	bool intr;	/* a controller has an interrupt to be delivered by injection: pc_poll_interrupts() */
	struct event requeued;	/* was being delivered when an exit came */
	struct event held;	/* an interrupt behind it, for the same reason */
	struct event exception;	/* valid = raised by an interpreter routine */
};

/* What was IPLed last, so that a guest that resets itself starts again as a PC does. */
struct vm_loaded {
	char file[48], initrd[48], parm[256];
	uint8_t kind;	/* enum ipl_kind */
	bool uefi;
	uint16_t address;
};

struct vm_devices;	/* the PC's devices: machine/pc.h */
struct directory_user;

struct vm {
	struct arch_vcpu av;	/* first: entry.asm and the exit path start here */
	uint32_t number;	/* index in the table, VPID - 1 */
	enum vm_state state;
	uint32_t work;		/* VM_WORK_ bits; set them with vm_kick() */
	/*
	 * TSC at which the fast path ends: the nearest of the slice's end and the devices' deadlines, or 0 because
	 * there is work. The one thing looked at between an exit and the next entry.
	 */
	uint64_t look_at;
	uint64_t deadline;	/* nearest of the two below */
	uint64_t device_deadline;	/* nearest of the devices' deadlines but for the APIC timer's, absolute */
	uint64_t apic_deadline;	/* apart, since it moves with nearly every timer interrupt */
	uint64_t storage_size;	/* b, bytes */
	hpa_t storage_base;	/* l */
	struct pending pending;
	uint64_t tsc_adjust, misc_enable;	/* MSRs that are only remembered */
	uint64_t tsc_hz;		/* of the guest's TSC: the processor's own rate, or what the directory says */
	uint64_t tsc_multiplier;	/* from the processor's to that: lib/timebase.h */
	struct mtrr mtrr;
	struct npt npt;
	struct npt_row rows[VM_ROWS];	/* [0] is R = (l, b); [1 + enum machine_row]: bound 0 = not set */
	uint32_t row_count;
	struct { uint64_t start, bytes; } plain[2];	/* runs of R under no other row, the largest first: gmem.c */
	struct bus bus;
	struct vm_devices *devices;
	struct vm_console console;
	struct vm_account account;
	const struct directory_user *user;
	char userid[VM_USERID_LEN + 1];
	char system[48];	/* name of what was IPLed, "" = nothing */
	struct vm_loaded loaded;
	char why[VM_WHY_LEN];	/* why it ended, plain words with the message number */
	bool nmi_delivered;	/* since the last reset */
	bool ended_told;	/* CP has told the operator of the end */
	bool halted;		/* it was waiting in HLT when CP stopped it */
	uint64_t turn;		/* ticks charged for the choice of who runs next: dispatcher */
	hpa_t tables;		/* the run that EPT's tables come from */
	uint32_t tables_room, tables_used;	/* pages */
	hpa_t own_pages;	/* CP's own storage for this machine (VMCS, tables, devices): one run */
	uint64_t own_bytes;
	uint64_t own_used;
};

#define VM_WORK_EVENT 0x1u	/* pending changed: merge before entry */
#define VM_WORK_DEADLINE 0x2u	/* a device's deadline changed: look for the nearest again */
#define VM_WORK_STATE 0x4u	/* stop, reset, power-off, console input: leave the fast path */
#define VM_WORK_START 0x10u	/* loaded and not run yet: the TSC starts with the first instruction */
#define VM_WORK_RESET 0x8u	/* the guest asked for a reset: IPL again */

/*
 * Logs a machine on: storage, EPT, virtual processor and devices. state is VM_NO_SYSTEM. On failure
 * nothing is kept, *vm is NULL and `why` (room bytes) says the reason in words. Returns 0 or a negative errno:
 * -EEXIST (already logged on), -ENOSPC (VM_MAX or VPIDs used up), -ENOMEM (no contiguous storage), -EINVAL.
 */
int vm_logon(const struct directory_user *user, struct vm **vm, char *why, size_t room);
/* Takes everything back: every frame returns to the allocator, cleared before another gets it. */
void vm_logoff(struct vm *vm);

struct vm *vm_find(const char *userid);	/* NULL = not logged on; case does not matter */
struct vm *vm_at(uint32_t number);	/* NULL = that place is free; number < VM_MAX */
uint32_t vm_end(void);	/* no number in use is this or greater */

/* Processor, devices and pending events as after power-on; storage cleared to zero if `clear`. NO_SYSTEM. */
void vm_system_reset(struct vm *vm, bool clear);
void vm_stop(struct vm *vm);		/* to VM_STOPPED, if it was runnable or waiting */
int vm_begin(struct vm *vm);		/* from VM_STOPPED on; -EINVAL when there is nothing to run */
void vm_ended(struct vm *vm, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Typed input for the machine's console; returns how many bytes were taken. */
size_t vm_type(struct vm *vm, const char *bytes, size_t n);

/* What the guest's TSC shows when the processor's is `now`. */
static inline uint64_t vm_tsc(struct vm *vm, uint64_t now)
{
	return tsc_scaled(now, vm->tsc_multiplier) + arch_vcpu_get(&vm->av, VREG_TSC_OFFSET);
}

/* Makes the event engine look. */
static inline void vm_kick(struct vm *vm, uint32_t work)
{
	vm->work |= work;
	vm->look_at = 0;
}

/* Exits of all kinds together. */
static inline uint64_t vm_exit_count(const struct vm_account *account)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < EXIT_KINDS; i++)
		sum += account->exits[i];
	return sum;
}

const char *vm_state_name(enum vm_state state);

/* Storage from CP's own run for this machine, 16-byte aligned (page aligned if align is PAGE_SIZE); NULL = used up. */
void *vm_own(struct vm *vm, size_t size, size_t align);

#endif
