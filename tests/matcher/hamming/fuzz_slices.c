/* Bit planes against comparing every pair, at every level; and planes that are noise. See test_sanitizers.py. */
#include "slices.c"

#ifndef LEVELS
int kernel_level(void);
#endif
#include "fuzz.h"

/* Bit by bit, as the docstring of slices.py has it. */
static void check_planes(const uint64_t *planes, int held, const uint64_t *rows, int64_t count, int width) {
    for (int64_t lane = 0; lane < (count + 511) / 512 * 512; lane++)
        for (int plane = 0; plane < held; plane++) {
            const int bit = plane * (40 * width - 1) % (64 * width);
            const uint64_t expected = lane < count ? rows[lane * width + bit / 64] >> bit % 64 & 1 : 0;
            const uint64_t made = planes[lane / 512 * held * 8 + plane * 8 + lane % 512 / 64] >> lane % 64 & 1;
            check(made == expected, "a plane holds its bit", lane, plane, bit);
        }
}

static void search(const slices_t *slices, const uint64_t *queries, int64_t asked, int threshold, int used, int state) {
    const int64_t first = below(100), most = slices->count * asked, blocks = (slices->count + 511) / 512;
    pair_t *expected = room(most, sizeof *expected);
    const int64_t expected_count = every_pair(slices->rows, slices->count, slices->width, queries, first, asked, threshold, expected);
    for (int level = 0; level < levels(); level++) {
        /* Room for all, for some, for none. */
        const int64_t capacity = below(4) ? most : below(expected_count + 1);
        found_t found = {room(capacity, sizeof(pair_t)), capacity, 0};
        const int64_t middle = below(blocks + 1); /* as two threads share the work */
        check(slices_search(slices, 0, middle, queries, first, asked, threshold, used, &found, level) == 0, "it searches", level, 0, 0);
        check(slices_search(slices, middle, blocks, queries, first, asked, threshold, used, &found, level) == 0, "it searches", level, 0, 0);
        compare(&found, expected, expected_count, state);
        free(found.pairs);
    }
    free(expected);
}

int main(int argc, char **argv) {
    static const int sizes[] = {0, 1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513, 1300}, widths[] = {4, 1, 4, 1, 2, 3};
    static const int thresholds[] = {0, 1, 6, 10, 16, 30, 31, 32, 45, 57, 63, 80, 126, 127, 128, 200, 256, 300, -1};
    static const int asks[] = {0, 1, 2, FEW, FEW + 1, 9, 40}, planes[] = {0, 1, 23, 24, 48, 64, 96, 168, 240, 256};
    const int rounds = argc > 1 ? atoi(argv[1]) : 600;
#define ONE_OF(table) table[below((int64_t)(sizeof table / sizeof *table))]
    for (int round = 0; round < rounds; round++) {
        char name[200];
        seed = (uint64_t)round;
        const int width = ONE_OF(widths), kind = (int)below(KINDS), threshold = ONE_OF(thresholds);
        const int64_t count = ONE_OF(sizes), asked = round % 50 == 0 ? TILE + below(3) : ONE_OF(asks);
        const int held = (int)(below(2) ? ONE_OF(planes) : below(64 * width + 1)) % (64 * width + 1);
        const int used = below(8) ? held : (int)below(600) - 100;
        snprintf(name, sizeof name, "round %d: %lld hashes of %d words, kind %d, %lld queries, threshold %d, %d of %d planes", round, (long long)count,
                 width, kind, (long long)asked, threshold, used, held);
        at_work = name;
        uint64_t *rows = hashes_of(kind, count, width), *queries = queries_of(asked, rows, count, width, threshold);
        const int64_t words = (count + 511) / 512 * held * 8;
        uint64_t *laid = noise(words);
        const slices_t slices = {laid, rows, count, width, held};
        search(&slices, queries, asked, threshold, used, MISSING);
        slices_make(rows, count, width, held, laid);
        check_planes(laid, held, rows, count, width);
        search(&slices, queries, asked, threshold, used, SOUND);
        for (int64_t bit = below(9); words > 0 && bit > 0; bit--) laid[below(words)] ^= (uint64_t)1 << below(64);
        search(&slices, queries, asked, threshold, used, MISSING);
        free(laid), free(rows), free(queries);
    }
    printf("%d rounds at %d levels\n", rounds, levels());
    return 0;
}
