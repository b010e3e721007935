/* Building and searching the index of matcher/hamming/bands.py, whose docstring has the layout and why the answer is exact. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#ifdef HAVE_X86
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,popcnt,bmi,bmi2")))
#define AVX512 __attribute__((target("avx2,popcnt,bmi,bmi2,avx512f,avx512bw,avx512vl,avx512bitalg")))
#endif

enum {
    MOST_BANDS = 16,
    MOST_WEIGHT = 65, /* quotas are at most 257 / 4 + 1 */
    CHAIN = 4,      /* bands of a chain compared before the whole hash is */
    CHUNK = 32,     /* buckets looked up together */
    AHEAD = 4,      /* chunks between asking memory for a bucket and reading it: 128 lines are more than a core has under way */
    FEW = 4,        /* queries: with more, one is asked for while another is read */
    WAITING = 64,   /* candidates between asking memory for what they need next and reading it */
};

/* The arrays of matcher.hamming.bands.Bands. */
typedef struct {
    const uint64_t *rows;
    const uint32_t *starts;
    const uint16_t *following;
    const uint64_t *rest;
    int64_t count;
    int32_t width; /* 64-bit words of a hash: 4 or 1 */
    int32_t key_bits;
} bands_t;

API int kernel_level(void) {
#ifdef HAVE_X86
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("popcnt") || !__builtin_cpu_supports("bmi2")) return LEVEL_PORTABLE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bitalg"))
        return LEVEL_AVX512;
    return LEVEL_AVX2;
#else
    return LEVEL_PORTABLE;
#endif
}

/* ------------------------------------------------------------------------------------------------------------ diagonals */

static void diagonal_portable(const uint64_t *hash, int width, uint64_t *out) {
    const int bands = 4 * width;
    for (int word = 0; word < width; word++) out[word] = 0;
    for (int band = 0; band < bands; band++)
        for (int group = 0; group < 16; group++) {
            const int from = group * bands + (band + group) % bands, to = band * 16 + group;
            out[to >> 6] |= ((hash[from >> 6] >> (from & 63)) & 1) << (to & 63);
        }
}

#ifdef HAVE_X86
/* Each group of 16 bits is turned to the right by its number; then band b is bit b of all groups, which movemask collects. */
AVX2 static void diagonals_256(const uint64_t *hashes, int64_t count, uint64_t *out) {
    const __m256i left = _mm256_setr_epi16(1, (short)(1 << 15), 1 << 14, 1 << 13, 1 << 12, 1 << 11, 1 << 10, 1 << 9, 1 << 8, 1 << 7, 1 << 6,
                                           1 << 5, 1 << 4, 1 << 3, 1 << 2, 1 << 1);
    const __m256i first = _mm256_setr_epi16(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i low = _mm256_set1_epi16(0xff);
    for (int64_t at = 0; at < count; at++) {
        const __m256i hash = _mm256_loadu_si256((const __m256i *)(hashes + 4 * at));
        /* x * 2^(16 - j) has the bits that fall off at the right in its low half and the others in its high half; group 0 stays. */
        const __m256i high = _mm256_andnot_si256(first, _mm256_mulhi_epu16(hash, left));
        const __m256i turned = _mm256_or_si256(_mm256_mullo_epi16(hash, left), high);
        /* Bytes: the low ones of all 16 groups, then the high ones. */
        __m256i bytes = _mm256_packus_epi16(_mm256_and_si256(turned, low), _mm256_srli_epi16(turned, 8));
        bytes = _mm256_permute4x64_epi64(bytes, 0xd8);
        uint16_t *to = (uint16_t *)(out + 4 * at);
        for (int bit = 7; bit >= 0; bit--) {
            const uint32_t mask = (uint32_t)_mm256_movemask_epi8(bytes);
            to[bit] = (uint16_t)mask;
            to[bit + 8] = (uint16_t)(mask >> 16);
            bytes = _mm256_add_epi8(bytes, bytes);
        }
    }
}
#endif

/* hashes (count, width) → out (count, width), bits in the order of the bands */
API void bands_diagonals(const uint64_t *hashes, int64_t count, int width, uint64_t *out, int level) {
#ifdef HAVE_X86
    if (level >= LEVEL_AVX2 && width == 4)
        diagonals_256(hashes, count, out);
    else
#endif
        for (int64_t at = 0; at < count; at++) diagonal_portable(hashes + at * width, width, out + at * width);
}

/* ------------------------------------------------------------------------------------------------------------ building */

/* Fills starts (bands, 2^key_bits + 1), following and rest from rows, which are diagonals. 0, or -1 without memory. */
API int bands_build(const uint64_t *rows, int64_t count, int width, int key_bits, uint32_t *starts, uint16_t *following, uint64_t *rest) {
    const int bands = 4 * width, shift = 16 - key_bits;
    const int64_t buckets = (int64_t)1 << key_bits;
    const uint16_t *lanes = (const uint16_t *)rows;
    uint32_t *next = malloc((size_t)buckets * sizeof *next);
    if (next == NULL) return -1;
    for (int band = 0; band < bands; band++) {
        uint32_t *start = starts + band * (buckets + 1);
        memset(start, 0, (size_t)(buckets + 1) * sizeof *start);
        for (int64_t row = 0; row < count; row++) start[(lanes[row * bands + band] >> shift) + 1]++;
        for (int64_t key = 0; key < buckets; key++) start[key + 1] += start[key];
        memcpy(next, start, (size_t)buckets * sizeof *next);
        const int second = (band + 1) % bands, third = (band + 2) % bands, fourth = (band + 3) % bands;
        uint16_t *follow = following + band * count;
        uint64_t *tail = rest + band * count;
        for (int64_t row = 0; row < count; row++) {
            const uint16_t *lane = lanes + row * bands;
            const uint32_t place = next[lane[band] >> shift]++;
            follow[place] = lane[second];
            tail[place] = (uint64_t)row | (uint64_t)lane[third] << 32 | (uint64_t)lane[fourth] << 48;
        }
    }
    free(next);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------ searching */

typedef struct {
    uint32_t place; /* in the band's arrays */
    uint32_t query;
    uint32_t apart; /* differing bits so far: of the key and of the second band */
} candidate_t;

typedef struct {
    uint32_t row;
    uint32_t query;
} suspect_t;

/* One search in one band. */
typedef struct {
    const bands_t *index;
    const uint64_t *queries; /* diagonals */
    const uint16_t *following;
    const uint64_t *rest;
    int64_t first; /* number of the first query */
    int threshold, band, bands;
    int quota[MOST_BANDS];
    int upto[CHAIN]; /* most differing bits of a chain of l + 1 bands that begins in this band */
    int16_t upto_from[CHAIN][MOST_BANDS]; /* and of one that begins in any band; -1 where none does */
    const uint16_t *flips; /* which bits of the key are turned over, few first */
    int64_t upto_weight[MOST_WEIGHT + 1]; /* so many flips turn over at most this many bits */
    candidate_t candidates[WAITING];
    int candidate_count;
    suspect_t suspects[WAITING];
    int suspect_count;
    int64_t fullest; /* entries of a bucket that is looked into; 0: any is */
    found_t *found;
} search_t;

typedef struct {
    uint32_t start, end;
} bucket_t;

static inline int ones16(uint32_t x) { return __builtin_popcount(x & 0xffff); }

/* Which of the entries at `at`, 32 or `left` of them, are at most `limit` bits from `second`: a bit for each. What lies behind the last is
 * read and left out, so the array must go on for 32 lanes. */
static inline uint32_t near_portable(const uint16_t *at, uint32_t left, uint16_t second, int limit) {
    uint32_t near = 0;
    for (uint32_t lane = 0; lane < 32 && lane < left; lane++) near |= (uint32_t)(ones16((uint32_t)at[lane] ^ second) <= limit) << lane;
    return near;
}

#ifdef HAVE_X86
AVX2 static inline __m256i near_16(const uint16_t *at, __m256i second, __m256i limit) {
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    const __m256i ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i apart = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)at), second);
    const __m256i bytes = _mm256_add_epi8(_mm256_shuffle_epi8(ones, _mm256_and_si256(apart, nibble)),
                                          _mm256_shuffle_epi8(ones, _mm256_and_si256(_mm256_srli_epi16(apart, 4), nibble)));
    return _mm256_cmpgt_epi16(limit, _mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1)));
}

AVX2 static inline uint32_t near_avx2(const uint16_t *at, uint32_t left, uint16_t second, int limit) {
    const __m256i seconds = _mm256_set1_epi16((short)second), limits = _mm256_set1_epi16((short)(limit + 1));
    const __m256i near = _mm256_packs_epi16(near_16(at, seconds, limits), near_16(at + 16, seconds, limits));
    return _bzhi_u32((uint32_t)_mm256_movemask_epi8(_mm256_permute4x64_epi64(near, 0xd8)), left < 32 ? left : 32);
}

AVX512 static inline uint32_t near_avx512(const uint16_t *at, uint32_t left, uint16_t second, int limit) {
    const __m512i apart = _mm512_xor_si512(_mm512_loadu_si512(at), _mm512_set1_epi16((short)second));
    return _bzhi_u32(_mm512_cmple_epi16_mask(_mm512_popcnt_epi16(apart), _mm512_set1_epi16((short)limit)), left < 32 ? left : 32);
}
#endif

#define LEVEL(name) name##_portable
#define TARGET
#define NEAR near_portable
#include "bands_level.h"

#ifdef HAVE_X86
#define LEVEL(name) name##_avx2
#define TARGET AVX2
#define NEAR near_avx2
#include "bands_level.h"

#define LEVEL(name) name##_avx512
#define TARGET AVX512
#define NEAR near_avx512
#include "bands_level.h"
#endif

/* Every value of `bits` bits with at most `most` of them set, few first; upto_weight[w] says how many have at most w set. */
static uint16_t *flips_of(int bits, int most, int64_t *upto_weight) {
    int64_t room = 0, choose = 1, count = 0;
    for (int weight = 0; weight <= most && weight <= bits; weight++) {
        room += choose;
        choose = choose * (bits - weight) / (weight + 1);
    }
    uint16_t *flips = malloc((size_t)room * sizeof *flips);
    if (flips == NULL) return NULL;
    for (int weight = 0; weight <= most; weight++) {
        if (weight == 0) flips[count++] = 0;
        else if (weight <= bits)
            for (uint32_t value = (1u << weight) - 1; value < 1u << bits;) { /* Gosper's hack: the next with as many set */
                flips[count++] = (uint16_t)value;
                const uint32_t low = value & -value, ripple = value + low;
                value = ripple | (((value ^ ripple) / low) >> 2);
            }
        upto_weight[weight] = count;
    }
    return flips;
}

/* For a few queries there is nothing to do between asking memory and reading: so all bands are asked for at once, first the tables, then
 * what they lead to. */
static void ask_ahead(const search_t *search, int64_t count) {
    const bands_t *index = search->index;
    const uint16_t *lanes = (const uint16_t *)search->queries;
    const int64_t buckets = (int64_t)1 << index->key_bits;
    for (int step = 0; step < 2; step++)
        for (int band = 0; band < search->bands; band++) {
            if (search->quota[band] == 0 || search->upto_weight[search->upto_from[0][band]] > CHUNK) continue;
            const uint32_t *starts = index->starts + band * (buckets + 1);
            for (int64_t query = 0; query < count; query++) {
                const uint32_t key = (uint32_t)lanes[query * search->bands + band] >> (16 - index->key_bits);
                for (int64_t probe = 0; probe < search->upto_weight[search->upto_from[0][band]]; probe++) {
                    const uint32_t *start = starts + (key ^ search->flips[probe]);
                    if (step == 0)
                        __builtin_prefetch(start);
                    else {
                        __builtin_prefetch(index->following + band * index->count + start[0]);
                        __builtin_prefetch(index->following + band * index->count + start[1]);
                    }
                }
            }
        }
}

/* All pairs at most `threshold` bits apart, each once, in no order. queries (count, width) are diagonals; rows of the answer count from
 * `first`. Returns 0, or -1 without memory. `following` must be readable 32 lanes beyond its end.
 * fullest: 0, or only what lies in buckets of the very same keys that hold at most so many: not all pairs, and some several times. */
API int bands_search(const bands_t *index, const uint64_t *queries, int64_t first, int64_t count, int threshold, int64_t fullest, found_t *found,
                     int level) {
    search_t search = {.index = index, .queries = queries, .first = first, .threshold = threshold, .bands = 4 * index->width,
                       .fullest = fullest, .found = found};
    for (int band = 0; band < search.bands; band++) {
        const int total = threshold + 1;
        search.quota[band] = total * (band + 1) / search.bands - total * band / search.bands;
    }
    int most = 0;
    for (int band = 0; band < MOST_BANDS; band++) {
        for (int length = 0, sum = 0; length < CHAIN; length++) {
            sum += search.quota[(band + length) % search.bands];
            search.upto_from[length][band] = (int16_t)(band < search.bands ? sum - 1 : -1);
        }
        if (fullest > 0 && search.upto_from[0][band] > 0) search.upto_from[0][band] = 0;
        if (search.upto_from[0][band] > most) most = search.upto_from[0][band];
    }
    uint16_t *flips = flips_of(index->key_bits, most, search.upto_weight);
    if (flips == NULL) return -1;
    search.flips = flips;
    if (count <= FEW) ask_ahead(&search, count);
    for (search.band = 0; search.band < search.bands; search.band++) {
        if (search.quota[search.band] == 0) continue;
        for (int length = 0; length < CHAIN; length++) search.upto[length] = search.upto_from[length][search.band];
        search.following = index->following + search.band * index->count;
        search.rest = index->rest + search.band * index->count;
#ifdef HAVE_X86
        if (level >= LEVEL_AVX512)
            band_avx512(&search, count);
        else if (level >= LEVEL_AVX2)
            band_avx2(&search, count);
        else
#endif
            band_portable(&search, count);
    }
    free(flips);
    return 0;
}

static int row_then_entry(const void *left, const void *right) {
    const pair_t *a = left, *b = right;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    return a->entry < b->entry ? -1 : a->entry > b->entry;
}

/* The same for hashes as they are published, and sorted by row, then entry; unsorted where there was no room for all. */
API int bands_find(const bands_t *index, const uint64_t *hashes, int64_t count, int threshold, int64_t fullest, found_t *found, int level) {
    uint64_t *turned = malloc(((size_t)count * (size_t)index->width + 1) * sizeof *turned);
    if (turned == NULL) return -1;
    bands_diagonals(hashes, count, index->width, turned, level);
    const int refused = bands_search(index, turned, 0, count, threshold, fullest, found, level);
    free(turned);
    if (found->count > 1 && found->count <= found->capacity) qsort(found->pairs, (size_t)found->count, sizeof *found->pairs, row_then_entry);
    return refused;
}

/* The same answer without an index: every row is compared with every query. */
API void scan_search(const uint64_t *rows, int64_t count, int width, const uint64_t *queries, int64_t first, int64_t query_count, int threshold,
                     found_t *found, int level) {
#ifdef HAVE_X86
    if (level >= LEVEL_AVX512)
        every_avx512(rows, count, width, queries, first, query_count, threshold, found);
    else if (level >= LEVEL_AVX2)
        every_avx2(rows, count, width, queries, first, query_count, threshold, found);
    else
#endif
        every_portable(rows, count, width, queries, first, query_count, threshold, found);
}

/* ------------------------------------------------------------------------------------------------------------ duplicates */

/* Numbers the distinct rows in the order in which they first come; number[i] is that of row i. Returns how many, or -1 without memory.
 * Open addressing; the mixing is by odd constants of the golden ratio's kind, and rows that collide are compared. */
API int64_t distinct_rows(const uint64_t *rows, int64_t count, int width, uint32_t *number) {
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)count) slots *= 2;
    uint32_t *slot = malloc(slots * sizeof *slot), *first = malloc(((size_t)count + 1) * sizeof *first);
    int64_t found = -1;
    if (slot != NULL && first != NULL) {
        memset(slot, 0xff, slots * sizeof *slot);
        found = 0;
        for (int64_t row = 0; row < count; row++) {
            const uint64_t *hash = rows + row * width;
            uint64_t mixed = 0;
            for (int word = 0; word < width; word++) {
                mixed = (mixed ^ hash[word]) * 0x9e3779b97f4a7c15u;
                mixed ^= mixed >> 32;
            }
            uint64_t at = mixed & (slots - 1);
            while (slot[at] != UINT32_MAX && memcmp(rows + (int64_t)first[slot[at]] * width, hash, (size_t)width * 8) != 0) at = (at + 1) & (slots - 1);
            if (slot[at] == UINT32_MAX) {
                slot[at] = (uint32_t)found;
                first[found++] = (uint32_t)row;
            }
            number[row] = slot[at];
        }
    }
    free(slot);
    free(first);
    return found;
}
