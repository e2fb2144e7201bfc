/* The operator's line of news, shown to whoever logs on. */
/* Part: cp/; SET LOGMSG changes it. */
#ifndef VMM_CP_LOGMSG_H
#define VMM_CP_LOGMSG_H

#include "lib/types.h"

void logmsg_set(const char *text);	/* "" = none */
/* Shows it; says that there is none only if `always`. */
void logmsg_show(bool always);

#endif
