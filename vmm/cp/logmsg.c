/* The operator's line of news, shown to whoever logs on. */
/* Part: cp/. */
#include "vmm/cp/logmsg.h"

#include "lib/string.h"
#include "vmm/cp/cp.h"
#include "vmm/cp/typewriter.h"

static char logmsg[TYPEWRITER_LINE];

void logmsg_set(const char *text)
{
	str_copy(logmsg, text, sizeof(logmsg));
}

void logmsg_show(bool always)
{
	if (logmsg[0] != '\0')
		cp_say("* %s", logmsg);
	else if (always)
		cp_say("THERE IS NO LOGMSG DATA");
}
