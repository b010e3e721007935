/* What the two fuzzers share: chance that is the same every time, hashes that lie where an engine goes wrong, and the slow and obvious
 * answer. Arrays are as large as they must be and no larger, so that the address sanitizer sees each step beyond them.
 *
 * The kernel's source is included, not linked: its types and limits are at hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *at_work = "nothing yet";

static void check(int right, const char *claim, int64_t a, int64_t b, int64_t c) {
    if (right) return;
    fprintf(stderr, "%s: %s does not hold (%lld, %lld, %lld)\n", at_work, claim, (long long)a, (long long)b, (long long)c);
    exit(1);
}

static uint64_t seed;

static uint64_t chance(void) { /* splitmix64, public domain, S. Vigna */
    uint64_t mixed = seed += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

static int64_t below(int64_t most) { return most <= 0 ? 0 : (int64_t)(chance() % (uint64_t)most); }

static void *room(int64_t count, size_t size) {
    void *made = malloc((size_t)count * size);
    check(made != NULL || count == 0, "there is memory", count, (int64_t)size, 0);
    return made;
}

static uint64_t *noise(int64_t words) {
    uint64_t *made = room(words, 8);
    for (int64_t word = 0; word < words; word++) made[word] = chance();
    return made;
}

enum { ANY, ZEROS, ONES, DUPLICATES, CLUSTERS, KINDS };

static uint64_t *hashes_of(int kind, int64_t count, int width) {
    uint64_t centres[4 * 8];
    for (int word = 0; word < 4 * 8; word++) centres[word] = chance();
    uint64_t *made = noise(count * width);
    for (int64_t row = 0; row < count; row++) {
        const int64_t centre = below(4);
        for (int word = 0; word < width; word++) {
            uint64_t *at = made + row * width + word;
            if (kind == ZEROS || kind == ONES) *at = kind == ZEROS ? 0 : UINT64_MAX;
            if (kind == DUPLICATES || kind == CLUSTERS) *at = centres[8 * centre + word];
        }
        for (int flips = kind == CLUSTERS ? (int)below(13) : 0; flips > 0; flips--) {
            const int64_t bit = below(64 * width);
            made[row * width + bit / 64] ^= (uint64_t)1 << bit % 64;
        }
    }
    return made;
}

/* Half of the queries are a hash with as many bits turned over as the threshold says, one fewer or one more. */
static uint64_t *queries_of(int64_t count, const uint64_t *hashes, int64_t of, int width, int threshold) {
    uint64_t *made = noise(count * width);
    for (int64_t query = 0; query < count && of > 0; query++) {
        if (query % 2) continue;
        uint64_t *hash = made + query * width, turned[8] = {0};
        memcpy(hash, hashes + below(of) * width, (size_t)width * 8);
        for (int64_t left = threshold - 1 + below(3), met = 0; left > 0 && met < 64 * width;) {
            const int64_t bit = below(64 * width);
            if (turned[bit / 64] >> bit % 64 & 1) continue;
            turned[bit / 64] |= (uint64_t)1 << bit % 64;
            hash[bit / 64] ^= (uint64_t)1 << bit % 64;
            left--, met++;
        }
    }
    return made;
}

static uint32_t apart(const uint64_t *a, const uint64_t *b, int width) {
    uint32_t bits = 0;
    for (int word = 0; word < width; word++)
        for (uint64_t differing = a[word] ^ b[word]; differing != 0; differing &= differing - 1) bits++;
    return bits;
}

/* Every pair, in order; rows count from `first`. */
static int64_t every_pair(const uint64_t *rows, int64_t count, int width, const uint64_t *queries, int64_t first, int64_t asked, int threshold,
                          pair_t *out) {
    int64_t found = 0;
    for (int64_t query = 0; query < asked; query++)
        for (int64_t row = 0; row < count; row++) {
            const uint32_t distance = apart(rows + row * width, queries + query * width, width);
            if ((int64_t)distance > threshold) continue;
            out[found++] = (pair_t){(uint32_t)(first + query), (uint32_t)row, distance};
        }
    return found;
}

static int in_order(const void *left, const void *right) {
    const pair_t *a = left, *b = right;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    if (a->entry != b->entry) return a->entry < b->entry ? -1 : 1;
    return 0;
}

/* Whether what was searched is sound; or damaged, so that pairs may be missed; or may come twice as well, as where a list of rows is damaged. */
enum { SOUND, MISSING, REPEATED };

static void compare(const found_t *found, const pair_t *expected, int64_t expected_count, int state) {
    if (state == SOUND) check(found->count == expected_count, "as many pairs", found->count, expected_count, 0);
    if (found->count > found->capacity) return;
    qsort(found->pairs, (size_t)found->count, sizeof *found->pairs, in_order);
    int64_t at = 0;
    for (int64_t pair = 0; pair < found->count; pair++) {
        while (at < expected_count && in_order(expected + at, found->pairs + pair) < 0) at++;
        check(at < expected_count && memcmp(expected + at, found->pairs + pair, sizeof *expected) == 0, "a true pair", found->pairs[pair].row,
              found->pairs[pair].entry, found->pairs[pair].distance);
        if (state != REPEATED) at++;
    }
}

/* LEVELS is set where AVX-512 is played by another processor; else what this one can. */
static int levels(void) {
#ifdef LEVELS
    return LEVELS;
#else
    return kernel_level() + 1;
#endif
}
