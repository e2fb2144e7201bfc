/* Starting a Linux kernel on the real machine itself: the bare side of a comparison. */
/* Part: ipl/; main() calls it for the parm word bare=USERID, before any machine exists. */
#ifndef VMM_IPL_BARE_H
#define VMM_IPL_BARE_H

#include "boot/boot_info.h"
#include "vmm/ipl/ipl.h"

/*
 * Loads request's kernel and initrd by the code that loads a guest and leaves VM/64 for good.
 * Expects interrupts off, CP's timers stopped, storage_add()/storage_reserve() done, and
 * identity_root: a value for CR3 that maps the first 4 GiB one to one, writable and executable, and
 * the kernel where it is. `say` prints a line and has drained the serial port when it returns; the
 * line is "BARE ENTRY TSC=<decimal>\r\n", the tick at which the kernel begins within a few hundred
 * (said ahead of time and waited for; should the line have taken longer than that it is said again,
 * and the last one counts). Returns only on failure, `why` as ipl_load() gives it.
 */
int ipl_bare(const struct ipl_request *request, const struct boot_info *boot,
	     uint64_t identity_root, void (*say)(const char *text), char *why, size_t room);

#endif
