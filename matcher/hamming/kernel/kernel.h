/* The kernel of matcher.hamming: plain C behind ctypes, so that it needs no Python header and holds no lock of the interpreter.
 *
 * Layouts are described where they are made: matcher/hamming/bands.py and matcher/hamming/slices.py. Little-endian machines only.
 * Every function is safe to call from many threads at once on the same arrays, and writes nothing but its outputs.
 */
#ifndef STILLWATCH_KERNEL_H
#define STILLWATCH_KERNEL_H

#include <stdint.h>

#define API __attribute__((visibility("default")))

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#endif

/* What the processor can do. Each function takes the level to use, so that a test can compare them. */
enum { LEVEL_PORTABLE = 0, LEVEL_AVX2 = 1, LEVEL_AVX512 = 2 };

/* One found pair. */
typedef struct {
    uint32_t row;      /* of the queries */
    uint32_t entry;    /* of the index */
    uint32_t distance; /* differing bits */
} pair_t;

/* Where found pairs go. `count` goes on counting beyond `capacity`; the caller then asks again with more room. */
typedef struct {
    pair_t *pairs;
    int64_t capacity;
    int64_t count;
} found_t;

static inline void found_add(found_t *found, uint32_t row, uint32_t entry, uint32_t distance) {
    if (found->count < found->capacity) found->pairs[found->count] = (pair_t){row, entry, distance};
    found->count++;
}

#endif
