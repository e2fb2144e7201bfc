/* Fixed-width types and the address kinds, which are distinct types so that they cannot be mixed. */
/* Part: everything that touches an address of the guest or of the real machine uses these. */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { uint64_t v; } hpa_t;	/* address in real storage (host-physical) */
typedef struct { uint64_t v; } gpa_t;	/* address in a guest's storage (guest-physical) */
typedef struct { uint64_t v; } gva_t;	/* address as a guest program sees it (guest-linear) */

#define HPA(x) ((hpa_t){ (uint64_t)(x) })
#define GPA(x) ((gpa_t){ (uint64_t)(x) })
#define GVA(x) ((gva_t){ (uint64_t)(x) })

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline uint64_t align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

static inline uint64_t align_down(uint64_t x, uint64_t to)
{
	return x & ~(to - 1);
}

#endif
