/* Planes of every small size and of many kinds, each in memory of exactly its size: for the sanitizers. Holds the kernel's source. */
#include "corners.c"

#include <stdio.h>

static uint64_t state = 1;

static uint32_t chance(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((state >> 32) * below) >> 32);
}

int main(void) {
    static uint16_t pattern[64 * TESTS * 2];
    static int32_t directions[64 * 2];
    static int16_t disc[(RADIUS + 1) * 2 * SIDE];
    for (int at = 0; at < 64 * TESTS * 2; at++) pattern[at] = (uint16_t)chance(31 * SIDE);
    for (int at = 0; at < 64 * 2; at++) directions[at] = (int32_t)chance(32769) - 16384;
    for (int at = 0; at < (RADIUS + 1) * 2 * SIDE; at++) disc[at] = (int16_t)((int)chance(31) - 15);
    int64_t seen = 0;
    for (int round = 0; round < 1500; round++) {
        const int32_t width = 1 + (int32_t)chance(round % 10 ? 130 : 700), height = 1 + (int32_t)chance(130);
        const uint32_t kind = chance(4), brightest = 1 + chance(256);
        uint8_t *plane = malloc((size_t)width * (size_t)height);
        for (int32_t at = 0; at < width * height; at++)
            plane[at] = (uint8_t)(kind == 0 ? chance(brightest) : kind == 1 ? 255 * chance(2) : kind == 2 ? 255 * (chance(40) == 0) : at / 7 % 3 * 100);
        const tables_t tables = {pattern, directions, disc, 64, (int32_t)chance(8), (int32_t)chance(256), (int32_t)chance(4)};
        int64_t quotas[8], count = 0;
        for (int level = 0; level < 8; level++) quotas[level] = chance(5) ? chance(60) : chance(3000);
        for (int level = 0; level < tables.levels; level++) count += quotas[level];
        corner_t *corners = malloc((size_t)count * sizeof *corners + 1);
        uint64_t *descriptors = malloc((size_t)count * 32 + 1);
        const int64_t found = corners_extract(plane, width, height, &tables, quotas, 1 + (int32_t)chance(255), corners, descriptors);
        if (found < 0 || found > count) {
            printf("%lld of %lld does not hold\n", (long long)found, (long long)count);
            return 1;
        }
        for (int64_t at = 0; at < found; at++)
            if (corners[at].x < BORDER || corners[at].y < BORDER || corners[at].x >= width - BORDER || corners[at].y >= height - BORDER) {
                printf("%d, %d does not hold\n", corners[at].x, corners[at].y);
                return 1;
            }
        seen += found;
        free(descriptors);
        free(corners);
        free(plane);
    }
    printf("%lld corners\n", (long long)seen);
    return seen == 0;
}
