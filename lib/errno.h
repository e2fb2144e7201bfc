/* Error numbers returned negative by functions that can fail for several reasons. */
/* Part: leaf. */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

#ifdef HOST_TEST
#include <errno.h>
#else
#define ENOENT 2
#define E2BIG 7
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#endif

#endif
