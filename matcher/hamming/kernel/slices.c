/* Bit planes: making and searching what matcher/hamming/slices.py describes.
 *
 * A block of 512 hashes is held plane by plane: bit p of all of them, then bit p + 1. Distances are counted for all hashes of a vector at
 * once, bit by bit, by adders made of AND, OR and XOR. Three planes and three bits of a query have only eight cases, so when there are many
 * queries the sums of three are laid out once for each block and every query picks its own: that is less than half the work of adding each
 * plane for each query. Counting begins at 127 - threshold, so that a hash which is too far reaches 128: no comparison at the end.
 *
 * The planes used may be fewer than the bits of a hash; what they leave has its row compared. Whatever is in the planes, nothing outside
 * of the arrays is read, and no pair is reported whose rows do not say so.
 */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_X86
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt,bmi,bmi2")))
#define AVX512 __attribute__((target("avx2,popcnt,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512bitalg")))
#endif
#define INLINE static inline __attribute__((always_inline))

enum {
    BLOCK_LANES = 512, /* hashes of a block */
    BLOCK_BYTES = BLOCK_LANES / 8,
    BLOCK_WORDS = BLOCK_LANES / 64,
    UNIT_GROUPS = 8,   /* groups of three planes that are added in one go */
    UNIT_PLANES = 3 * UNIT_GROUPS,
    MOST_UNITS = 10,   /* used at most: 240 planes; more would not fit the offsets of code_t */
    COUNTER_BITS = 7,
    MOST_THRESHOLD = (1 << COUNTER_BITS) - 1,
    CASES = 10,        /* vectors that three planes need: two for the ones, eight for the twos */
    FEW = 4,           /* queries up to which laying out the cases costs more than it saves */
    TILE = 256,        /* queries whose codes stay in the second cache */
    WAITING = 64,      /* rows between asking memory for them and reading them */
};

/* `planes` is (blocks, planes_held, 8), `rows` is (count, width). */
typedef struct {
    const uint64_t *planes;
    const uint64_t *rows;
    int64_t count;
    int32_t width; /* 64-bit words of a hash */
    int32_t planes_held;
} slices_t;

/* Where the case of a query is in the table: bytes from its beginning. */
typedef struct {
    uint16_t ones, twos;
} code_t;

typedef struct {
    uint32_t entry;
    uint32_t query;
} waiting_t;

typedef struct {
    const slices_t *slices;
    const uint64_t *queries; /* of this tile */
    int64_t first;           /* the row number of the tile's first query */
    int threshold;
    int offset;
    int units;
    found_t *found;
    waiting_t waiting[WAITING];
    int waiting_count;
} search_t;

/* Plane p holds bit (p * step) mod bits: the golden section, so that any first planes are spread over the whole hash. Neighbouring bits
 * resemble each other. The step has no factor in common with 64 * width. */
static inline int place_of(int plane, int width) { return plane * (40 * width - 1) % (64 * width); }

static inline int bit_of(const uint64_t *hash, int width, int plane) {
    const int place = place_of(plane, width);
    return (int)(hash[place >> 6] >> (place & 63) & 1);
}

static inline code_t code_of(const uint64_t *query, int width, int group, int vector_bytes) {
    static const uint8_t ones[8] = {0, 1, 1, 0, 1, 0, 0, 1}, twos[8] = {2, 3, 4, 9, 5, 8, 7, 6};
    const int bits = bit_of(query, width, 3 * group) | bit_of(query, width, 3 * group + 1) << 1 | bit_of(query, width, 3 * group + 2) << 2;
    return (code_t){(uint16_t)((group * CASES + ones[bits]) * vector_bytes), (uint16_t)((group * CASES + twos[bits]) * vector_bytes)};
}

/* ------------------------------------------------------------------------------------------------------------ making */

/* Turns 64 × 64 bits: bit c of word r becomes bit r of word c (H. S. Warren, Hacker's Delight, 2nd ed., 7-3). */
static void turn(uint64_t *square) {
    static const uint64_t masks[6] = {0x00000000ffffffffu, 0x0000ffff0000ffffu, 0x00ff00ff00ff00ffu,
                                      0x0f0f0f0f0f0f0f0fu, 0x3333333333333333u, 0x5555555555555555u};
    for (int round = 0, step = 32; round < 6; round++, step >>= 1)
        for (int from = 0; from < 64; from += 2 * step)
            for (int row = from; row < from + step; row++) {
                const uint64_t swap = (square[row] >> step ^ square[row + step]) & masks[round];
                square[row] ^= swap << step;
                square[row + step] ^= swap;
            }
}

/* rows (count, width) → planes (blocks, planes, 8); lanes behind the last row are 0 */
API void slices_make(const uint64_t *rows, int64_t count, int width, int planes, uint64_t *out) {
    uint64_t square[64];
    for (int64_t from = 0; from < (count + BLOCK_LANES - 1) / BLOCK_LANES * BLOCK_LANES; from += 64) {
        uint64_t *const column = out + from / BLOCK_LANES * planes * BLOCK_WORDS + from / 64 % BLOCK_WORDS;
        const int64_t left = count - from, here = left < 0 ? 0 : left < 64 ? left : 64;
        for (int word = 0; word < width; word++) {
            for (int64_t row = 0; row < 64; row++) square[row] = row < here ? rows[(from + row) * width + word] : 0;
            turn(square);
            for (int plane = 0, place = 0; plane < planes; plane++) { /* place_of(plane), without dividing */
                if (place >> 6 == word) column[(int64_t)plane * BLOCK_WORDS] = square[place & 63];
                place += 40 * width - 1;
                if (place >= 64 * width) place -= 64 * width;
            }
        }
    }
}

/* ------------------------------------------------------------------------------------------------------------ searching */

#define ODD_OF_TWO(a, b, c) ((a) ^ (b) ^ (c))
#define MOST_OF_TWO(a, b, c) (((a) & (b)) | (((a) ^ (b)) & (c)))

#define LEVEL(name) name##_portable
#define TARGET
#define VECTOR_BYTES 16
#define ODD ODD_OF_TWO
#define MOST MOST_OF_TWO
#define ALL(over) ((over[0] & over[1]) == UINT64_MAX)
#include "slices_level.h"

#ifdef HAVE_X86
#define LEVEL(name) name##_avx2
#define TARGET AVX2
#define VECTOR_BYTES 32
#define ODD ODD_OF_TWO
#define MOST MOST_OF_TWO
#define ALL(over) _mm256_testc_si256((__m256i)(over), _mm256_set1_epi64x(-1))
#include "slices_level.h"

#define LEVEL(name) name##_avx512
#define TARGET AVX512
#define VECTOR_BYTES 64
#define TERNARY(a, b, c, of) ((lanes_avx512)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), of))
#define ODD(a, b, c) TERNARY(a, b, c, 0x96)
#define MOST(a, b, c) TERNARY(a, b, c, 0xe8)
#define ALL(over) (_mm512_cmpeq_epi64_mask((__m512i)(over), _mm512_set1_epi64(-1)) == 0xff)
#include "slices_level.h"
#endif

/* All pairs at most `threshold` bits apart with an entry in the blocks from `from` to `upto`, in no order. `planes_used` of those held are looked
 * at, rounded down to whole units. queries (count, width) are plain hashes; rows of the answer count from `first`. Returns 0, or -1 without
 * memory. */
API int slices_search(const slices_t *slices, int64_t from, int64_t upto, const uint64_t *queries, int64_t first, int64_t count, int threshold,
                      int planes_used, found_t *found, int level) {
    const int used = planes_used < slices->planes_held ? planes_used : slices->planes_held;
    search_t search = {.slices = slices, .threshold = threshold, .found = found};
    if (threshold < 0) return 0;
    if (threshold <= MOST_THRESHOLD && used > 0) { /* else nothing is far, and all is settled on the rows */
        search.units = used / UNIT_PLANES < MOST_UNITS ? used / UNIT_PLANES : MOST_UNITS;
        search.offset = MOST_THRESHOLD - threshold;
    }
#ifdef HAVE_X86
    if (level >= LEVEL_AVX512) return search_slices_avx512(&search, queries, first, count, from, upto);
    if (level >= LEVEL_AVX2) return search_slices_avx2(&search, queries, first, count, from, upto);
#endif
    (void)level;
    return search_slices_portable(&search, queries, first, count, from, upto);
}
