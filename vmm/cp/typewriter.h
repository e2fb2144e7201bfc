/* The operator's terminal: lines that wait, the line being typed, and what is on its way out. */
/* Part: cp/; between whoever says something and the real console; only typewriter_flush() waits. */
#ifndef VMM_CP_TYPEWRITER_H
#define VMM_CP_TYPEWRITER_H

#include <stdarg.h>

#include "lib/types.h"

#define TYPEWRITER_LINE 256u	/* a typed line, with its NUL */
#define TYPEWRITER_ATTENTION 0x1d	/* Ctrl-] */

/* Queues one line. When there is no room it is lost, and the loss is told as soon as there is. */
void typewriter_say(const char *text);
void typewriter_vsay(const char *format, va_list args);
/* The same for an error message, as SET EMSG wants it. */
void typewriter_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum typewriter_emsg { EMSG_ON, EMSG_OFF, EMSG_CODE, EMSG_TEXT };
void typewriter_set_emsg(enum typewriter_emsg emsg);
enum typewriter_emsg typewriter_emsg(void);

/* May a command that says much begin? Its answer is bounded by what is free then. */
bool typewriter_calm(void);
/* Does a line wait that typewriter_next() would show? */
bool typewriter_waiting(void);

/* Moves what is on its way to the driver; true: all of it is there, something new may be shown. */
bool typewriter_pump(void);
/* These three need typewriter_pump() to have said true, and put something on its way. */
bool typewriter_next(void);	/* the oldest queued line; false = there is none */
/* a guest's line */
void typewriter_show(const char *name, char mark, const char *text, size_t n);
/* at most TYPEWRITER_RAW bytes, as they are */
void typewriter_raw(const uint8_t *bytes, size_t n);
#define TYPEWRITER_RAW 512u

enum typewriter_typed { TYPED_NOTHING, TYPED_LINE, TYPED_ATTENTION };
/* One typed byte, with editing and echo; needs typewriter_pump() to have said true. */
enum typewriter_typed typewriter_type(uint8_t byte);
/*
 * While a line is being typed nothing else is shown, as on a typewriter terminal: returns the TSC until
 * which that is so, 0 = nobody is typing. Whoever stops in the middle of a line does not stop the rest.
 */
uint64_t typewriter_typing(uint64_t now);
/* The line TYPED_LINE announced; valid until the next typewriter_type(). */
const char *typewriter_line(void);
void typewriter_echo(bool on);	/* off: what is typed is not shown */

/* The status word of the screen: CP READ, VM READ, RUNNING. */
void typewriter_status(const char *word);

/* Shows everything queued, and waits for it, at most that many seconds. */
void typewriter_flush(unsigned int seconds);

#endif
