/* The banded index, the scan and the search for duplicates against comparing every pair, at every level; and entries that are noise. The table
 * of buckets is what Bands.fault lets through, whatever stands in it. See test_sanitizers.py. */
#include "bands.c"

#include "fuzz.h"

enum { PAD = 32 }; /* matcher/hamming/bands.py */

static void search(const bands_t *index, const uint64_t *queries, int64_t asked, int threshold, int state) {
    const int64_t first = below(100), most = index->count * asked;
    pair_t *expected = room(most, sizeof *expected);
    const int64_t expected_count = every_pair(index->rows, index->count, index->width, queries, first, asked, threshold, expected);
    for (int level = 0; level < levels(); level++) {
        const int64_t capacity = below(4) ? most : below(expected_count + 1);
        found_t found = {room(capacity, sizeof(pair_t)), capacity, 0};
        check(bands_search(index, queries, first, asked, threshold, 0, &found, level) == 0, "it searches", level, 0, 0);
        compare(&found, expected, expected_count, state);
        found.count = 0;
        scan_search(index->rows, index->count, index->width, queries, first, asked, threshold, &found, level);
        compare(&found, expected, expected_count, SOUND);
        free(found.pairs);
    }
    free(expected);
}

/* Hashes as they are published; the answer is in order where there was room for it. */
static void find(const bands_t *index, const uint64_t *hashes, int64_t asked, int threshold) {
    const int64_t most = index->count * asked;
    uint64_t *queries = room(asked * index->width, 8);
    pair_t *expected = room(most, sizeof *expected);
    bands_diagonals(hashes, asked, index->width, queries, LEVEL_PORTABLE);
    const int64_t expected_count = every_pair(index->rows, index->count, index->width, queries, 0, asked, threshold, expected);
    for (int level = 0; level < levels(); level++) {
        const int64_t capacity = below(4) ? most : below(expected_count + 1);
        found_t found = {room(capacity, sizeof(pair_t)), capacity, 0};
        check(bands_find(index, hashes, asked, threshold, 0, &found, level) == 0, "it finds", level, 0, 0);
        check(found.count == expected_count, "as many found", found.count, expected_count, level);
        check(found.count > capacity || memcmp(found.pairs, expected, (size_t)expected_count * sizeof *expected) == 0, "in order", level, 0, 0);
        free(found.pairs);
    }
    free(queries), free(expected);
}

static void check_diagonals(const uint64_t *hashes, int64_t count, int width) {
    uint64_t *plain = room(count * width, 8), *fast = room(count * width, 8);
    bands_diagonals(hashes, count, width, plain, LEVEL_PORTABLE);
    for (int level = 1; level < levels(); level++) {
        bands_diagonals(hashes, count, width, fast, level);
        check(count == 0 || memcmp(plain, fast, (size_t)(count * width) * 8) == 0, "the same diagonals", level, count, width);
    }
    for (int64_t row = 1; row < count; row++)
        check(apart(hashes, hashes + row * width, width) == apart(plain, plain + row * width, width), "distances stay", row, 0, 0);
    free(plain), free(fast);
}

static void check_distinct(const uint64_t *rows, int64_t count, int width) {
    uint32_t *number = room(count, sizeof *number);
    int64_t expected = 0;
    const int64_t distinct = distinct_rows(rows, count, width, number);
    for (int64_t row = 0; row < count; row++) {
        int64_t same = 0;
        while (memcmp(rows + same * width, rows + row * width, (size_t)width * 8) != 0) same++;
        check(number[row] == (same == row ? expected : number[same]), "equal rows have one number", row, same, number[row]);
        expected += same == row;
    }
    check(distinct == expected, "as many distinct rows", distinct, expected, count);
    free(number);
}

/* Any table that starts at 0, ends at `count` and never goes backwards. */
static void shuffle_starts(uint32_t *starts, int64_t buckets, int64_t count) {
    const int64_t heap = below(buckets);
    for (int64_t key = 1; key < buckets; key++) {
        const int64_t left = count - starts[key - 1];
        starts[key] = starts[key - 1] + (uint32_t)(key == heap ? left : below(3) ? 0 : below(left + 1));
    }
}

int main(int argc, char **argv) {
    static const int sizes[] = {0, 1, 2, 31, 32, 33, 255, 256, 257, 600}, thresholds[] = {0, 1, 3, 6, 10, 15, 16, 30, 31, 32, 45, 63, 80};
    static const int asks[] = {0, 1, 2, 9, 40};
    const int rounds = argc > 1 ? atoi(argv[1]) : 300;
#define ONE_OF(table) table[below((int64_t)(sizeof table / sizeof *table))]
    for (int round = 0; round < rounds; round++) {
        char name[200];
        seed = (uint64_t)round;
        const int width = below(2) ? 4 : 1, kind = (int)below(KINDS), bits = 6 + (int)below(round % 10 ? 4 : 11), bands = 4 * width;
        /* A wide threshold turns over every key: the smallest and largest are enough of those. */
        const int widest = round % 30 == 0 && bits < 8 ? 64 * width - (int)below(2) : -1;
        const int64_t count = ONE_OF(sizes), asked = widest < 0 ? ONE_OF(asks) : 1;
        int threshold = widest < 0 ? ONE_OF(thresholds) : widest;
        if (widest < 0 && threshold > 24 * width) threshold = 24 * width;
        snprintf(name, sizeof name, "round %d: %lld hashes of %d words, kind %d, %lld queries, threshold %d, keys of %d bits", round, (long long)count,
                 width, kind, (long long)asked, threshold, bits);
        at_work = name;
        const int64_t buckets = (int64_t)1 << bits;
        uint64_t *rows = hashes_of(kind, count, width), *queries = queries_of(asked, rows, count, width, threshold);
        uint32_t *starts = room(bands * (buckets + 1), sizeof *starts);
        uint16_t *following = calloc((size_t)(bands * count + PAD), sizeof *following);
        uint64_t *rest = room(bands * count, sizeof *rest);
        const bands_t index = {rows, starts, following, rest, count, width, bits};
        check(bands_build(rows, count, width, bits, starts, following, rest) == 0, "it is built", count, width, bits);
        search(&index, queries, asked, threshold, SOUND);
        find(&index, queries, asked, threshold);
        check_diagonals(rows, count, width);
        check_distinct(rows, count, width);

        for (int64_t place = 0; place < bands * count; place++)
            if (below(2)) rest[place] = below(2) ? chance() : (chance() << 32 | (uint64_t)below(count));
        search(&index, queries, asked, threshold, REPEATED);
        for (int64_t place = 0; place < bands * count; place++) following[place] = (uint16_t)chance();
        for (int band = 0; band < bands; band++) shuffle_starts(starts + band * (buckets + 1), buckets, count);
        search(&index, queries, asked, threshold, REPEATED);
        free(rows), free(queries), free(starts), free(following), free(rest);
    }
    printf("%d rounds at %d levels\n", rounds, levels());
    return 0;
}
