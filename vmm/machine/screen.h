/* The screen reader: what appears on a machine's text screen, as lines on its console. */
/* Part: machine/; so that whoever watches a guest's console reads a guest that only knows its display. */
#ifndef VMM_MACHINE_SCREEN_H
#define VMM_MACHINE_SCREEN_H

#include "vmm/devices/vvga.h"
#include "vmm/machine/console.h"

struct screen_text {
	uint8_t length;		/* without blanks at the end, but with those before the cursor */
	char text[VVGA_COLUMNS];
};

struct screen_row {
	struct screen_text last;	/* at the last look */
	struct screen_text shown;	/* what the console has been given */
	uint8_t stable;			/* looks since it changed */
	uint8_t heat;			/* how often it was shown in short order */
	bool waits;			/* differs from what has been shown */
	uint64_t since;			/* TSC since when it does */
	uint64_t shown_at;
};

#define SCREEN_PAGE 8192u	/* bytes of a text page: 80 columns, 50 rows, and some */

struct screen {
	struct vvga_screen seen;	/* of the last look */
	struct screen_row row[VVGA_ROWS];
	struct screen_text now[VVGA_ROWS];	/* of the look under way */
	bool waits;		/* something is still to be shown */
	bool graphics_told;
	uint8_t same_mode;	/* looks since the mode changed */
	int open_row;		/* its text stands at the end of the console's output, without a line end; -1 = none */
	uint64_t open_total;	/* the console's out_total then: another's output ends it */
	uint64_t last_total;	/* the console's out_total at the last look */
	uint8_t put_off;	/* looks that have waited since for the end of a line that is not ours */
	uint8_t still;		/* looks since anything on the page changed */
	size_t page_bytes;	/* of page, 0 = not kept */
	uint8_t page[SCREEN_PAGE] __attribute__((aligned(8)));	/* the cells at the last look */
	uint64_t interval, due;	/* TSC ticks */
	uint64_t ran;		/* the guest's processor time at the last look */
};

void screen_init(struct screen *sc);
/* Looks when it is due, if the guest has run since: ran = its processor time so far, hz = ticks a second. */
void screen_service(struct screen *sc, const struct vvga *vga, struct vm_console *console, uint64_t ran, uint64_t now,
		    uint64_t hz);
/* The machine ends or begins again: what it wrote last is shown now, since nothing will be later. */
void screen_finish(struct screen *sc, const struct vvga *vga, struct vm_console *console, uint64_t now);
/* The guest is about to put a byte on its serial port: if that begins a line, whole rows that it wrote before go before it. */
void screen_before_serial(struct screen *sc, const struct vvga *vga, struct vm_console *console, uint64_t now, uint64_t hz);
uint64_t screen_deadline(const struct screen *sc);
/* Something has been typed: its echo is wanted soon. */
void screen_wake(struct screen *sc);

#endif
