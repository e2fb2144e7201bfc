/* Chooses the frame buffer that the kernel will draw on. */
/* Part: boot/efi, the way in from UEFI. */
#include "boot/efi/loader.h"

#define WISH_WIDTH 1024u
#define WISH_HEIGHT 768u

/* True when MASK is eight ones in a row, as boot_info wants colours. */
static bool shift_of(uint32_t mask, uint8_t *shift)
{
	uint8_t s;

	for (s = 0; s <= 24; s++) {
		if (mask == 0xffu << s) {
			*shift = s;
			return true;
		}
	}
	return false;
}

/* Fills *FB with all but the address; false when the kernel could not draw in such a mode. */
static bool describe(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info, struct boot_framebuffer *fb)
{
	*fb = (struct boot_framebuffer){
		.kind = BOOT_FB_RGB,
		.width = info->HorizontalResolution,
		.height = info->VerticalResolution,
		.pitch = info->PixelsPerScanLine * 4,
		.bits_per_pixel = 32,
	};
	switch (info->PixelFormat) {
	case PixelRedGreenBlueReserved8BitPerColor:
		fb->green_shift = 8;
		fb->blue_shift = 16;
		return true;
	case PixelBlueGreenRedReserved8BitPerColor:
		fb->red_shift = 16;
		fb->green_shift = 8;
		return true;
	case PixelBitMask:
		return shift_of(info->PixelInformation.RedMask, &fb->red_shift) &&
		       shift_of(info->PixelInformation.GreenMask, &fb->green_shift) &&
		       shift_of(info->PixelInformation.BlueMask, &fb->blue_shift);
	default:
		return false;	/* drawing only through the firmware, which will be gone */
	}
}

static EFI_GRAPHICS_OUTPUT_PROTOCOL *find_output(void)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = 0;

	if (ST->ConsoleOutHandle &&
	    !EFI_ERROR(BS->HandleProtocol(ST->ConsoleOutHandle, &guid, (void **)&gop)))
		return gop;
	if (!EFI_ERROR(BS->LocateProtocol(&guid, 0, (void **)&gop)))
		return gop;
	return 0;
}

/* The mode of the wished size, else the largest that is no larger, else the current one. */
static UINT32 best_mode(EFI_GRAPHICS_OUTPUT_PROTOCOL *gop)
{
	UINT32 best = gop->Mode->Mode;
	uint64_t best_area = 0;
	UINT32 mode;

	for (mode = 0; mode < gop->Mode->MaxMode; mode++) {
		EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = 0;
		struct boot_framebuffer fb;
		UINTN len = 0;

		if (EFI_ERROR(gop->QueryMode(gop, mode, &len, &info)))
			continue;
		if (describe(info, &fb) && fb.width <= WISH_WIDTH && fb.height <= WISH_HEIGHT &&
		    (uint64_t)fb.width * fb.height > best_area) {
			best = mode;
			best_area = (uint64_t)fb.width * fb.height;
		}
		BS->FreePool(info);
	}
	return best;
}

void screen_choose(struct boot_framebuffer *fb)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = find_output();
	UINT32 mode;

	*fb = (struct boot_framebuffer){ .kind = BOOT_FB_NONE };
	if (gop == 0 || gop->Mode == 0)
		return;
	mode = best_mode(gop);
	if (mode != gop->Mode->Mode)
		gop->SetMode(gop, mode);	/* when it fails, the old mode goes on */
	if (gop->Mode->Info == 0 || !describe(gop->Mode->Info, fb) ||
	    gop->Mode->FrameBufferBase == 0) {
		*fb = (struct boot_framebuffer){ .kind = BOOT_FB_NONE };
		return;
	}
	fb->base = gop->Mode->FrameBufferBase;
}
