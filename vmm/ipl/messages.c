/* Number, error and text of every reason for which an IPL fails. */
/* Part: ipl/; the one place where these texts are. */
#include "vmm/ipl/job.h"

#include "arch/api/cpu.h"
#include "lib/errno.h"
#include "lib/printf.h"

/* The text follows "V64IPLnnnE FILE: ". Its numbers are the two of ipl_fail(), both uint64_t, in
 * that order. */
static const struct {
	uint16_t number;
	int error;
	const char *text;
} messages[IPL_MESSAGES] = {
    [IPL_NO_NAME] = {701, -ENOENT, "no file to load was named"},
    [IPL_NO_FILE] = {702, -ENOENT, "there is no such file on the boot volume"},
    [IPL_FILE_TOO_BIG] = {703, -ENOENT, "the file was too big for the boot loader to read"},
    [IPL_FILE_UNREAD] = {704, -ENOENT, "the boot loader could not read the file"},
    [IPL_FILE_EMPTY] = {705, -EINVAL, "the file is empty"},
    [IPL_NO_INITRD] = {706, -ENOENT, "there is no such file on the boot volume for INITRD"},
    [IPL_INITRD_UNREAD] = {707, -ENOENT, "the boot loader could not read the INITRD"},
    [IPL_INITRD_TOO_BIG] = {708, -E2BIG,
			    "the INITRD of %lu KiB does not fit the storage beside the "
			    "system (%lu KiB in all)"},
    [IPL_TOO_MUCH_STORAGE] = {709, -E2BIG,
			      "storage of %lu MiB is more than a PC can have below its "
			      "device addresses (%lu MiB)"},
    [IPL_TOO_LITTLE_STORAGE] = {710, -E2BIG,
				"needs storage of at least %lu KiB, the machine has %lu KiB"},
    [IPL_PARM_TOO_LONG] = {711, -EINVAL, "the PARM has %lu characters, this system takes %lu"},
    [IPL_NOT_STORED] = {712, -E2BIG, "%lu bytes at %lX do not lie in storage"},
    [IPL_INITRD_NOT_TAKEN] = {713, -EINVAL,
			      "INITRD is for a Linux or multiboot system, not for this one"},
    [IPL_GZIP] = {714, -EINVAL, "compressed by gzip; put the unpacked file on the boot volume"},
    [IPL_LINUX_SHORT] = {721, -EINVAL,
			 "not a Linux kernel: %lu bytes, the setup header alone needs %lu"},
    [IPL_LINUX_NO_SIGNATURE] = {722, -EINVAL,
				"not a Linux kernel: boot flag %04lX at 1FE, not AA55"},
    [IPL_LINUX_NO_HEADER] = {723, -EINVAL,
			     "not a Linux kernel: no \"HdrS\" at 202 (%08lX is there)"},
    [IPL_LINUX_OLD] = {724, -EINVAL, "boot protocol %lu.%02lu is too old, 2.02 is needed"},
    [IPL_LINUX_ZIMAGE] = {725, -EINVAL, "a zImage (loaded low), only a bzImage can be loaded"},
    [IPL_LINUX_SETUP_CUT] = {726, -EINVAL, "truncated: the setup part has %lu bytes, the file %lu"},
    [IPL_LINUX_KERNEL_CUT] = {727, -EINVAL,
			      "truncated: the kernel part has %lu bytes, the file holds %lu of it"},
    [IPL_LINUX_PAYLOAD_OUTSIDE] = {728, -EINVAL,
				   "broken header: payload of %lu bytes at %lu is outside the "
				   "kernel part"},
    [IPL_LINUX_HEADER_SIZE] = {729, -EINVAL,
			       "broken header: it ends at %lX, for this protocol not before %lX"},
    [IPL_LINUX_ALIGNMENT] = {730, -EINVAL, "broken header: kernel alignment %lX"},
    [IPL_LINUX_TOO_BIG] = {731, -E2BIG,
			   "the kernel needs storage up to %lu KiB, the machine has %lu KiB"},
    [IPL_LINUX_NO_LOW] = {732, -E2BIG, "no room below 640 KiB for %lu bytes of boot parameters"},
    [IPL_LINUX_NO_64] = {733, -EINVAL, "the kernel has no 64-bit entry"},
    [IPL_LINUX_REAL_MODE] = {734, -EINVAL, "begins in real mode and calls a BIOS; boot it from a disk or a CD"},
    [IPL_MB_NO_HEADER] = {741, -EINVAL, "no multiboot header in the first %lu bytes"},
    [IPL_MB_CHECKSUM] = {742, -EINVAL, "multiboot header at %lX: wrong checksum %08lX"},
    [IPL_MB_FEATURE] = {743, -EINVAL,
			"multiboot header at %lX: asks for unknown features, flags %08lX"},
    [IPL_MB_VIDEO] = {744, -EINVAL,
		      "multiboot header at %lX: asks for a screen, and the machine has no display"},
    [IPL_MB_CUT_HEADER] = {745, -EINVAL, "truncated: multiboot header at %lX, file of %lu bytes"},
    [IPL_MB_ADDRESSES] =
	{746, -EINVAL, "multiboot header: addresses contradict each other (load %lX, header %lX)"},
    [IPL_MB_DATA_CUT] = {747, -EINVAL,
			 "truncated: %lu bytes to load at file offset %lX are not in the file"},
    [IPL_MB_OUTSIDE] = {748, -E2BIG, "%lu bytes at %lX do not lie in the machine's storage"},
    [IPL_MB_NO_ELF] = {749, -EINVAL, "multiboot header without addresses, and the file is not ELF"},
    [IPL_MB_ELF_MACHINE] = {750, -EINVAL, "ELF of class %lu for machine %lu, not an x86 program"},
    [IPL_MB_ELF_HEADERS] = {751, -EINVAL,
			    "broken ELF: %lu program headers at %lX are not in the file"},
    [IPL_MB_ELF_NOTHING] = {752, -EINVAL, "broken ELF: nothing to load"},
    [IPL_MB_ENTRY] = {753, -EINVAL, "entry %lX is outside what was loaded"},
    [IPL_MB_NO_PLACE] = {754, -E2BIG, "no free storage for %lu bytes of multiboot information"},
    [IPL_MB2_TAG] = {755, -EINVAL, "multiboot2 header: tag %lu of %lu bytes is required and unknown"},
    [IPL_MB2_BROKEN] = {756, -EINVAL, "broken multiboot2 header: tag %lu of %lu bytes"},
    [IPL_MB2_REQUEST] = {757, -EINVAL, "multiboot2 header: requires information of type %lu, which there is not"},
    [IPL_MB2_ARCHITECTURE] = {758, -EINVAL, "multiboot2 header: for architecture %lu, not for a PC"},
    [IPL_MB2_NO_ENTRY] = {759, -EINVAL, "multiboot2 header: has an address tag, but no entry tag"},
    [IPL_BOOT_SHORT] = {761, -EINVAL, "a boot sector has 512 bytes, the file has %lu"},
    [IPL_FLAT_TOO_BIG] = {763, -E2BIG, "a flat system may have %lu bytes, the file has %lu"},
    [IPL_FW_NO_BIOS] = {781, -ENOENT, "needs SeaBIOS, and there is no seabios.bin on the boot volume"},
    [IPL_FW_NO_OVMF] = {782, -ENOENT, "needs OVMF, and there are no ovmf-code.fd and ovmf-vars.fd on the boot volume"},
    [IPL_FW_SIZE] = {783, -EINVAL,
		     "firmware of %lu bytes; it must be a multiple of 4096 from 65536 up to %lu"},
    [IPL_FW_NO_STORAGE] = {784, -E2BIG, "no storage for %lu KiB of firmware"},
    [IPL_FW_NO_PLACE] = {785, -EINVAL, "the addresses from %lX on are in use"},
    [IPL_DISK_NONE] = {786, -ENOENT, "the machine has no disk %03lX"},
    [IPL_DISK_SIGNATURE] = {787, -EINVAL,
			    "not a bootable disk: signature %04lX at the end of its first sector, not AA55"},
    [IPL_DISK_NO_DRIVE] = {788, -E2BIG, "there is no free drive on the machine's ATA bus"},
    [IPL_CD_SIZE] = {793, -EINVAL, "not a CD: %lu bytes, without an ISO 9660 volume descriptor"},
    [IPL_CD_NO_RECORD] = {794, -EINVAL, "no El Torito boot record: the CD is not bootable"},
    [IPL_CD_NO_CATALOG] = {795, -EINVAL, "broken CD: its El Torito boot catalog in sector %lu is not valid"},
};

int ipl_tell(char *why, size_t room, enum ipl_message message, const char *file, uint64_t a,
	     uint64_t b)
{
	int n;

	CHECK(message < IPL_MESSAGES && messages[message].text);
	n = text_format(why, room, "V64IPL%03uE %s: ", (unsigned int)messages[message].number,
			file);
	if (n > 0 && (size_t)n < room)
		text_format(why + n, room - (size_t)n, messages[message].text, a, b);
	return messages[message].error;
}

int ipl_fail(const struct ipl_job *job, enum ipl_message message, uint64_t a, uint64_t b)
{
	const char *file = job->request->file;
	char disk[16];

	if (job->request->address != 0) {
		text_format(disk, sizeof(disk), "DISK %03X", job->request->address);
		file = disk;
	}
	if (message == IPL_NO_INITRD || message == IPL_INITRD_UNREAD ||
	    message == IPL_INITRD_TOO_BIG)
		file = job->request->initrd;
	return ipl_tell(job->why, job->room, message, file ? file : "IPL", a, b);
}
