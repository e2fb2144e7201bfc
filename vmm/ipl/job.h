/* One IPL being done: what every kind's loader gets, the messages, and how it reaches storage. */
/* Part: ipl/, private to it. */
#ifndef VMM_IPL_JOB_H
#define VMM_IPL_JOB_H

#include "vmm/ipl/ipl.h"

/* Where the bytes go: a guest's storage, or real storage when CP steps aside (bare.c). */
struct ipl_target {
	bool (*write)(void *context, uint64_t address, const void *from, uint64_t n);
	bool (*fill)(void *context, uint64_t address, uint8_t byte, uint64_t n);
	void *context;
};

struct ipl_job {
	struct vm *vm; /* NULL when bare */
	const struct ipl_request *request;
	const struct ipl_file *image;
	const struct ipl_file *initrd; /* NULL = none */
	struct ipl_target to;
	char *why;
	size_t room;
};

/* Every reason for which an IPL fails; messages.c has number and text of each. */
enum ipl_message {
	IPL_NO_NAME,
	IPL_NO_FILE,
	IPL_FILE_TOO_BIG,
	IPL_FILE_UNREAD,
	IPL_FILE_EMPTY,
	IPL_NO_INITRD,
	IPL_INITRD_UNREAD,
	IPL_INITRD_TOO_BIG,
	IPL_TOO_MUCH_STORAGE,
	IPL_TOO_LITTLE_STORAGE,
	IPL_PARM_TOO_LONG,
	IPL_NOT_STORED,
	IPL_INITRD_NOT_TAKEN,
	IPL_GZIP,
	IPL_LINUX_SHORT,
	IPL_LINUX_NO_SIGNATURE,
	IPL_LINUX_NO_HEADER,
	IPL_LINUX_OLD,
	IPL_LINUX_ZIMAGE,
	IPL_LINUX_SETUP_CUT,
	IPL_LINUX_KERNEL_CUT,
	IPL_LINUX_PAYLOAD_OUTSIDE,
	IPL_LINUX_HEADER_SIZE,
	IPL_LINUX_ALIGNMENT,
	IPL_LINUX_TOO_BIG,
	IPL_LINUX_NO_LOW,
	IPL_LINUX_NO_64,
	IPL_LINUX_REAL_MODE,
	IPL_MB_NO_HEADER,
	IPL_MB_CHECKSUM,
	IPL_MB_FEATURE,
	IPL_MB_VIDEO,
	IPL_MB_CUT_HEADER,
	IPL_MB_ADDRESSES,
	IPL_MB_DATA_CUT,
	IPL_MB_OUTSIDE,
	IPL_MB_NO_ELF,
	IPL_MB_ELF_MACHINE,
	IPL_MB_ELF_HEADERS,
	IPL_MB_ELF_NOTHING,
	IPL_MB_ENTRY,
	IPL_MB_NO_PLACE,
	IPL_MB2_TAG,
	IPL_MB2_BROKEN,
	IPL_MB2_REQUEST,
	IPL_MB2_ARCHITECTURE,
	IPL_MB2_NO_ENTRY,
	IPL_BOOT_SHORT,
	IPL_FLAT_TOO_BIG,
	IPL_FW_NO_BIOS,
	IPL_FW_NO_OVMF,
	IPL_FW_SIZE,
	IPL_FW_NO_STORAGE,
	IPL_FW_NO_PLACE,
	IPL_DISK_NONE,
	IPL_DISK_SIGNATURE,
	IPL_DISK_NO_DRIVE,
	IPL_CD_SIZE,
	IPL_CD_NO_RECORD,
	IPL_CD_NO_CATALOG,
	IPL_MESSAGES
};

/* Writes the message into job->why and returns its negative errno. a, b: the numbers its text
 * names. */
int ipl_fail(const struct ipl_job *job, enum ipl_message message, uint64_t a, uint64_t b);
/* The same without a job. */
int ipl_tell(char *why, size_t room, enum ipl_message message, const char *file, uint64_t a,
	     uint64_t b);

static inline bool ipl_put(const struct ipl_job *job, uint64_t address, const void *from,
			   uint64_t n)
{
	return n == 0 || job->to.write(job->to.context, address, from, n);
}

static inline bool ipl_clear(const struct ipl_job *job, uint64_t address, uint64_t n)
{
	return n == 0 || job->to.fill(job->to.context, address, 0, n);
}

/* Finds the files that job->request names. 0 or what ipl_fail() gave. */
int ipl_find_files(struct ipl_job *job);

/* One loader for each kind; 0 or what ipl_fail() gave. Registers of job->vm are set when it returns
 * 0. */
int linux_load(const struct ipl_job *job);
int multiboot_load(const struct ipl_job *job);
int multiboot2_load(const struct ipl_job *job);
int flat_load(const struct ipl_job *job);

/* Does the file look like one of this kind? Looks only; the loaders judge. */
bool linux_looks_like(const uint8_t *data, uint64_t size);
bool multiboot_looks_like(const uint8_t *data, uint64_t size);
bool multiboot2_looks_like(const uint8_t *data, uint64_t size);
bool boot_looks_like(const uint8_t *data, uint64_t size);
bool boot_looks_like_cd(const uint8_t *data, uint64_t size);
bool boot_looks_like_flash(const uint8_t *data, uint64_t size);
bool boot_looks_like_gzip(const uint8_t *data, uint64_t size);

/* Fields of files lie at any alignment and are little-endian, as this processor is. */
static inline uint16_t ipl_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ipl_u32(const uint8_t *p)
{
	return (uint32_t)ipl_u16(p) | (uint32_t)ipl_u16(p + 2) << 16;
}

static inline uint64_t ipl_u64(const uint8_t *p)
{
	return (uint64_t)ipl_u32(p) | (uint64_t)ipl_u32(p + 4) << 32;
}

static inline void ipl_set16(uint8_t *p, uint64_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void ipl_set32(uint8_t *p, uint64_t v)
{
	ipl_set16(p, v);
	ipl_set16(p + 2, v >> 16);
}

static inline void ipl_set64(uint8_t *p, uint64_t v)
{
	ipl_set32(p, v);
	ipl_set32(p + 4, v >> 32);
}

/* Does [start, start + size) lie in [0, end)? */
static inline bool ipl_inside(uint64_t start, uint64_t size, uint64_t end)
{
	return start <= end && size <= end - start;
}

/* What a PC without firmware tables says of the storage below and above 1 MiB. */
#define IPL_LOW_END	0x9fc00u /* the extended BIOS data area begins */
#define IPL_HIGH_START	0x100000u
#define IPL_MAX_STORAGE GIB(3)

/* The flat segments that 32-bit and 64-bit entries begin with. selectors: 10h code, 18h data. */
void ipl_flat_segments(struct vm *vm, bool code64);

#endif
