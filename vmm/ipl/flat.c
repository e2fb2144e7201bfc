/* Flat systems: the file as it is at 0x10000, entered in real mode at 1000:0000. */
/* Part: ipl/; what no other kind claims ends here. */
#include "vmm/ipl/boot.h"

#define FLAT_ADDRESS 0x10000u
#define FLAT_SEGMENT 0x1000u
#define FLAT_MOST    (IPL_LOW_END - FLAT_ADDRESS) /* up to the extended BIOS data area */

int flat_load(const struct ipl_job *job)
{
	int result;

	if (job->image->size > FLAT_MOST)
		return ipl_fail(job, IPL_FLAT_TOO_BIG, FLAT_MOST, job->image->size);
	result = boot_real_mode(job, FLAT_SEGMENT, 0, FLAT_SEGMENT, 0);
	if (result == 0 && !ipl_put(job, FLAT_ADDRESS, job->image->data, job->image->size))
		result = ipl_fail(job, IPL_NOT_STORED, job->image->size, FLAT_ADDRESS);
	return result;
}
