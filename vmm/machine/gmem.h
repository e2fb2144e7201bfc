/* Guest memory: all-or-nothing copies that tell a guest's fault from our own. */
/* Part: machine/; nobody else turns a guest address into a pointer. */
#ifndef VMM_MACHINE_GMEM_H
#define VMM_MACHINE_GMEM_H

#include "vmm/machine/vm.h"
#include "vmm/machine/walk.h"

/* After a change of vm->rows: finds the plain runs of storage again. Without them every access looks at all rows. */
void gmem_rows_changed(struct vm *vm);

/* true = all bytes copied; false = some byte is not storage of this machine and nothing was copied. */
bool gmem_read(struct vm *vm, gpa_t from, void *to, size_t n);
bool gmem_write(struct vm *vm, gpa_t to, const void *from, size_t n);
/* Would gmem_write() or gmem_read() of these bytes find storage? */
bool gmem_there(struct vm *vm, gpa_t gpa, size_t n, bool write);
bool gmem_fill(struct vm *vm, gpa_t to, uint8_t byte, size_t n);
/* The storage behind [gpa, gpa + n) if it is one run, else NULL. */
void *gmem_window(struct vm *vm, gpa_t gpa, size_t n);

enum gmem_intent {
	GMEM_READ = WALK_READ,
	GMEM_WRITE = WALK_WRITE,
	GMEM_FETCH = WALK_FETCH,
	GMEM_USER = WALK_USER,
	GMEM_PEEK = WALK_PEEK,
	GMEM_IMPLICIT = WALK_IMPLICIT,
};

/* What a page walk found. Neither flag: the address is not canonical, #GP or #SS. */
struct gmem_fault {
	bool page_fault;	/* the guest's own: #PF with `error` at `address` */
	bool absent;		/* the walk or the page is not storage of the machine */
	uint32_t error;
	gva_t address;
	gpa_t gpa;		/* when absent: where */
};

/*
 * Translates a linear address as the guest's processor would now.
 * intent: GMEM_ bits; GMEM_PEEK leaves accessed/dirty bits alone and ignores rights (CP looks).
 */
bool gmem_translate(struct vm *vm, gva_t gva, uint32_t intent, gpa_t *gpa, struct gmem_fault *fault);

/* Copies through linear addresses, page by page; all or nothing. */
bool gmem_read_linear(struct vm *vm, gva_t from, void *to, size_t n, uint32_t intent, struct gmem_fault *fault);
bool gmem_write_linear(struct vm *vm, gva_t to, const void *from, size_t n, uint32_t intent,
		       struct gmem_fault *fault);

/*
 * 16 bytes of the 64-bit code that the processor has just fetched from `linear`, all in one page; NULL = ask
 * gmem_translate(). The way through the page tables is kept: it is as good as a new walk while every entry on it reads
 * the same. Rights are not looked at, since the fetch was granted.
 */
const uint8_t *gmem_code(struct vm *vm, uint64_t linear);

/* Reads the real processor's features again; without a call they are read at the first walk. */
void gmem_init(void);

#endif
