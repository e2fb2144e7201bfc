/* An image that multiboot loads: pieces of a file and where in storage they go. */
/* Part: ipl/, private; shared by both versions of multiboot. */
#ifndef VMM_IPL_IMAGE_H
#define VMM_IPL_IMAGE_H

#include "vmm/devices/vvga.h"
#include "vmm/ipl/job.h"

#define IMAGE_ELF_MAGIC 0x464c457fu
#define IMAGE_PIECES	48u /* program headers that load something, and sections that are given as information */
#define IMAGE_TEXT	0x200u /* room for a command line; a PARM has 255 characters at most */
#define IMAGE_MAP_RANGES 5u

struct piece {
	uint64_t at, file, bytes, zeros;
};

struct image {
	uint64_t header; /* file offset */
	uint32_t flags;
	uint64_t entry;
	bool floating;	/* may be moved: its addresses are not judged before image_move() */
	struct piece pieces[IMAGE_PIECES];
	uint32_t count;
};

/* Each: 0 or what ipl_fail() gave. */
int image_add(const struct ipl_job *job, struct image *im, const struct piece *p);
int image_check_machine(const struct ipl_job *job);	/* is it ELF, and x86's? */
int image_read_elf(const struct ipl_job *job, struct image *im);
/*
 * The address fields of a header ("a.out kludge"): where one run of the file goes. load_end 0 = to the end of the file,
 * bss_end 0 = nothing to clear.
 */
int image_read_addresses(const struct ipl_job *job, struct image *im, uint64_t header, uint64_t load, uint64_t load_end,
			 uint64_t bss_end);
int image_check_entry(const struct ipl_job *job, const struct image *im);
int image_put(const struct ipl_job *job, const struct image *im);

/* From its lowest to behind its highest byte. */
void image_extent(const struct image *im, uint64_t *start, uint64_t *end);
/* Everything by so much further; wraps for a way down. */
void image_move(struct image *im, uint64_t by);

/* Highest page-aligned place in [from, end) that the image leaves free; 0 = none. */
uint64_t image_place(const struct image *im, uint64_t from, uint64_t end, uint64_t size);

/* "FILE PARM", as GRUB hands it over. */
void image_command_line(const struct ipl_job *job, char *to, size_t room);

/*
 * Sets the display to a picture of that size, or to what comes nearest to it; 0 = no wish. false = there is no display
 * that could; it shows text then.
 */
bool image_graphics(const struct ipl_job *job, uint32_t width, uint32_t height, uint32_t bits, struct vvga_mode *mode);

/* The screen as both versions describe it. mode NULL = EGA text at B8000h, 80x25. Colours: of a mode, IMAGE_COLOURS bytes. */
#define IMAGE_SCREEN  22u
#define IMAGE_COLOURS 6u
void image_screen(uint8_t *to, const struct vvga_mode *mode);
void image_colours(uint8_t *to, const struct vvga_mode *mode);
/*
 * The same as a VESA BIOS would have told it, for older systems: its information of 512 bytes, and that of the mode, 256.
 * at: where the first will lie.
 */
#define IMAGE_VBE	   768u
#define IMAGE_VBE_MODE	   512u
#define IMAGE_VBE_NO_NUMBER 0xffffu	/* no BIOS has given the mode one */
void image_vbe(uint8_t to[IMAGE_VBE], uint64_t at, const struct vvga_mode *mode);

/* The flat segments of 32-bit protected mode, their table at `gdt` (32 bytes), and EAX and EBX. */
bool image_start(const struct ipl_job *job, const struct image *im, uint64_t gdt, uint64_t stack, uint32_t magic,
		 uint64_t info);

#endif
