/* Planes of every small size and of many kinds, each in memory of exactly its size: for the sanitizers. Holds the kernel's source. */
#include "planes.c"

#include <stdio.h>

static uint64_t state = 1;

static uint32_t chance(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((state >> 32) * below) >> 32);
}

/* As matcher/planes/means.py does it: of a part between two edges in thousandths, which place each of the 65 lies after, and how far. */
static void mark(int32_t side, int64_t *whole, double *after, double *span) {
    const int32_t first = (int32_t)chance(1000), last = first + 1 + (int32_t)chance((uint32_t)(1000 - first));
    for (int at = 0; at <= SIDE; at++) {
        const double place = (first / 1000.0 + (last / 1000.0 - first / 1000.0) * (at / 64.0)) * side;
        whole[at] = LOW((int64_t)place, side - 1);
        after[at] = place - (double)whole[at];
    }
    *span = (last - first) / 1000.0 * side / 64;
}

static void means_of(const uint8_t *plane, int32_t width, int32_t height) {
    enum { MOST_BOXES = 3 };
    int64_t rows[MOST_BOXES * (SIDE + 1)], columns[MOST_BOXES * (SIDE + 1)];
    double below[MOST_BOXES * (SIDE + 1)], beyond[MOST_BOXES * (SIDE + 1)];
    float areas[MOST_BOXES];
    const int64_t boxes = chance(MOST_BOXES + 1);
    for (int64_t box = 0; box < boxes; box++) {
        double down, across;
        mark(height, rows + box * (SIDE + 1), below + box * (SIDE + 1), &down);
        mark(width, columns + box * (SIDE + 1), beyond + box * (SIDE + 1), &across);
        areas[box] = (float)(down * across);
    }
    float *means = malloc((size_t)boxes * SIDE * SIDE * sizeof *means + 1);
    int64_t *qualities = malloc((size_t)boxes * sizeof *qualities + 1);
    const marks_t marks = {rows, below, columns, beyond, areas, boxes};
    if (planes_means(plane, width, height, &marks, means, qualities)) abort();
    for (int64_t box = 0; box < boxes; box++) {
        int32_t total, undecided;
        planes_steepness(means + box * SIDE * SIDE, 0.004f, &total, &undecided);
        if (qualities[box] < 0 || qualities[box] > 100 || undecided > 2 * SIDE * (SIDE - 1)) abort();
    }
    free(qualities);
    free(means);
}

static int32_t lines_of(const uint8_t *plane, int32_t width, int32_t height, int upright) {
    const int32_t length = upright ? height : width, run = HIGH(8, (int32_t)(0.18 * length));
    const lines_t rules = {12, 1 + (int32_t)chance(12), run, (chance(3) ? 0.55 : 0.1) * run};
    int64_t *places = malloc((size_t)(rules.most + 2) * sizeof *places);
    int32_t *seen = malloc((size_t)(rules.most + 2) * (size_t)(length + 1) * sizeof *seen);
    const int32_t lines = planes_lines(plane, width, height, upright, &rules, places, seen);
    if (lines < 2 || lines > rules.most + 2) abort();
    for (int32_t line = 1; line < lines; line++)
        if (places[line] <= places[line - 1] || seen[(line + 1) * (length + 1) - 1] > length) abort();
    free(seen);
    free(places);
    return lines - 2;
}

static void bits_of(void) {
    float waves[2 * WAVES], signs[8 * WAVES];
    int64_t order[8 * WAVES];
    for (int at = 0; at < 2 * WAVES; at++) waves[at] = chance(3) ? (float)(int32_t)chance(1u << 31) - 1e9f : 0;
    for (int at = 0; at < 8 * WAVES; at++) order[at] = chance(WAVES), signs[at] = chance(2) ? 1 : -1;
    const int32_t counts[2] = {(int32_t)chance(9), (int32_t)chance(9)};
    const int32_t all = counts[0] + counts[1];
    uint8_t *turns = malloc((size_t)all + 1), *bits = malloc((size_t)all * WAVES / 8 + 1);
    for (int at = 0; at < all; at++) turns[at] = (uint8_t)chance(8);
    planes_bits(waves, 2, counts, turns, order, signs, bits);
    free(bits);
    free(turns);
}

int main(void) {
    static const border_t rules = {0.85, 0.45, 0.04, 0.15, 14, 3};
    int64_t seen = 0;
    for (int round = 0; round < 1500; round++) {
        const int32_t width = 1 + (int32_t)chance(round % 10 ? 130 : 1024), height = 1 + (int32_t)chance(round % 7 ? 130 : 400);
        const uint32_t kind = chance(5), brightest = 1 + chance(256);
        const int32_t frame = chance(2) ? (int32_t)chance(20) : 0;
        uint8_t *plane = malloc((size_t)width * (size_t)height);
        for (int32_t y = 0; y < height; y++)
            for (int32_t x = 0; x < width; x++)
                plane[y * width + x] = (uint8_t)(x < frame || y < frame ? 255
                                                 : kind == 0            ? chance(brightest)
                                                 : kind == 1            ? 255 * chance(2)
                                                 : kind == 2            ? 77
                                                 : kind == 3            ? y / 9 % 3 * 100
                                                                        : (x / 31 * 7 + y / 23 * 5) % 4 * 60);
        means_of(plane, width, height);
        int32_t inside[4];
        planes_inside(plane, width, height, &rules, inside);
        if (inside[0] < 0 || inside[1] < 0 || inside[0] >= inside[2] || inside[1] >= inside[3] || inside[2] > width || inside[3] > height) abort();
        if (LOW(width, height) >= 48) seen += lines_of(plane, width, height, 0) + lines_of(plane, width, height, 1);
        bits_of();
        free(plane);
    }
    printf("%lld lines\n", (long long)seen);
    return seen == 0;
}
