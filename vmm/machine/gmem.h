/* Guest memory: all-or-nothing copies that tell a guest's fault from our own. */
/* Part: machine/; nobody else turns a guest address into a pointer. */
#ifndef VMM_MACHINE_GMEM_H
#define VMM_MACHINE_GMEM_H

#include "vmm/machine/vm.h"

/* true = all bytes copied; false = some byte is not storage of this machine and nothing was copied. */
bool gmem_read(struct vm *vm, gpa_t from, void *to, size_t n);
bool gmem_write(struct vm *vm, gpa_t to, const void *from, size_t n);
bool gmem_fill(struct vm *vm, gpa_t to, uint8_t byte, size_t n);
/* The storage behind [gpa, gpa + n) if it is one run, else NULL. */
void *gmem_window(struct vm *vm, gpa_t gpa, size_t n);

enum gmem_intent { GMEM_READ = 0, GMEM_WRITE = 1, GMEM_FETCH = 2, GMEM_USER = 4, GMEM_PEEK = 8 };

/* What a page walk found. */
struct gmem_fault {
	bool page_fault;	/* the guest's own: #PF with `error` at `address` */
	bool absent;		/* the walk or the page is not storage of the machine */
	uint32_t error;
	gva_t address;
	gpa_t gpa;		/* when absent: where */
};

/*
 * Translates a linear address as the guest's processor would now (no paging, 32-bit, PAE, 4-level).
 * intent: GMEM_ bits; GMEM_PEEK leaves accessed/dirty bits alone and ignores rights (CP looks).
 */
bool gmem_translate(struct vm *vm, gva_t gva, uint32_t intent, gpa_t *gpa, struct gmem_fault *fault);

/* Copies through linear addresses, page by page; all or nothing. */
bool gmem_read_linear(struct vm *vm, gva_t from, void *to, size_t n, uint32_t intent, struct gmem_fault *fault);
bool gmem_write_linear(struct vm *vm, gva_t to, const void *from, size_t n, uint32_t intent,
		       struct gmem_fault *fault);

#endif
