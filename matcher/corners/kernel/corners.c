#include "corners.h"

#include <stdlib.h>
#include <string.h>

enum {
    BORDER = 19,     /* pixels: the disc, the blur and one more */
    RADIUS = 15,     /* of the disc, and of the farthest point of the pattern */
    BLUR = 3,        /* of the blur */
    MOST_LEVELS = 16,
    LEAST_SIDE = 2 * BORDER + 2,
    CHUNK = 32,      /* pixels scored together */
    SIDE = 2 * RADIUS + 2, /* of the patch that tests are made in */
    TESTS = 256,
};

typedef struct {
    uint8_t *pixels;
    int32_t width, height;
} level_t;

typedef struct {
    int32_t x, y, cell, score;
} candidate_t;

typedef struct {
    candidate_t *all;
    int64_t count, capacity;
} candidates_t;

#define LOW(a, b) ((a) < (b) ? (a) : (b))
#define HIGH(a, b) ((a) > (b) ? (a) : (b))

/* ------------------------------------------------------------------------------------------------------------ pyramid */

static int32_t smaller(int32_t side) { return (int32_t)((3 * (int64_t)side + 2) / 4); }

/* Where the pixels of a line of `to` lie on one of `from`: after which pixel, and how many 32nds after it. The second half mirrors the first. */
static void places(int32_t *pixel, uint16_t *after, int32_t from, int32_t to) {
    for (int32_t at = 0; at < (to + 1) / 2; at++) {
        const int32_t place = (int32_t)((32 * ((2 * (int64_t)at + 1) * from - to) + to) / (2 * (int64_t)to));
        const int32_t mirrored = 32 * (from - 1) - place, other = to - 1 - at;
        pixel[at] = place >> 5, after[at] = (uint16_t)(place & 31);
        pixel[other] = mirrored >> 5, after[other] = (uint16_t)(mirrored & 31);
    }
}

/* What `shrink` works with. */
typedef struct {
    int32_t *x, *y;            /* pixels */
    uint16_t *x_after, *y_after;
    uint8_t *line;             /* one of the larger level, and its last pixel once more */
    uint16_t *pairs;           /* of neighbours on that line */
} desk_t;

/* Two lines become one: `below` 32nds of the lower, the rest of the upper. */
static void between_lines(const uint8_t *restrict upper, const uint8_t *restrict lower, uint16_t below, uint8_t *restrict out, int32_t count) {
    for (int32_t x = 0; x < count; x++) out[x] = (uint8_t)((uint16_t)(upper[x] * (32 - below) + lower[x] * below + 16) >> 5);
}

static void pair_up(const uint8_t *restrict line, const int32_t *restrict pixel, uint16_t *restrict pairs, int32_t count) {
    for (int32_t x = 0; x < count; x++) memcpy(pairs + x, line + pixel[x], 2);
}

static void within_pairs(const uint16_t *restrict pairs, const uint16_t *restrict after, uint8_t *restrict out, int32_t count) {
    for (int32_t x = 0; x < count; x++) {
        const uint16_t left = pairs[x] & 255, right = pairs[x] >> 8;
        out[x] = (uint8_t)((uint16_t)(left * (32 - after[x]) + right * after[x] + 16) >> 5);
    }
}

static void shrink(const level_t *from, const level_t *to, const desk_t *desk) {
    const int32_t width = from->width, narrower = to->width;
    places(desk->x, desk->x_after, width, narrower);
    places(desk->y, desk->y_after, from->height, to->height);
    for (int32_t y = 0; y < to->height; y++) {
        const uint8_t *upper = from->pixels + (int64_t)desk->y[y] * width;
        const uint8_t *lower = desk->y[y] + 1 < from->height ? upper + width : upper;
        between_lines(upper, lower, desk->y_after[y], desk->line, width);
        desk->line[width] = desk->line[width - 1];
        pair_up(desk->line, desk->x, desk->pairs, narrower);
        within_pairs(desk->pairs, desk->x_after, to->pixels + (int64_t)y * narrower, narrower);
    }
}

/* ------------------------------------------------------------------------------------------------------------- scores */

/* For each pixel the largest difference by which nine neighbours in a row, of the sixteen on its circle, are all brighter or all darker. */
static void score_chunk(const uint8_t *restrict at, const int64_t *circle, uint8_t *restrict scores) {
    const uint8_t *c0 = at + circle[0], *c1 = at + circle[1], *c2 = at + circle[2], *c3 = at + circle[3];
    const uint8_t *c4 = at + circle[4], *c5 = at + circle[5], *c6 = at + circle[6], *c7 = at + circle[7];
    const uint8_t *c8 = at + circle[8], *c9 = at + circle[9], *c10 = at + circle[10], *c11 = at + circle[11];
    const uint8_t *c12 = at + circle[12], *c13 = at + circle[13], *c14 = at + circle[14], *c15 = at + circle[15];
    for (int i = 0; i < CHUNK; i++) {
        const uint8_t p0 = c0[i], p1 = c1[i], p2 = c2[i], p3 = c3[i], p4 = c4[i], p5 = c5[i], p6 = c6[i], p7 = c7[i];
        const uint8_t p8 = c8[i], p9 = c9[i], p10 = c10[i], p11 = c11[i], p12 = c12[i], p13 = c13[i], p14 = c14[i], p15 = c15[i];
        const uint8_t middle = at[i];
        /* Eight in a row from each odd place, and the better of the two that may be the ninth. */
#define NINE(out, A, B)                                                                                                                     \
    {                                                                                                                                       \
        const uint8_t a1 = A(p1, p2), a3 = A(p3, p4), a5 = A(p5, p6), a7 = A(p7, p8);                                                       \
        const uint8_t a9 = A(p9, p10), a11 = A(p11, p12), a13 = A(p13, p14), a15 = A(p15, p0);                                              \
        const uint8_t b1 = A(a1, a3), b3 = A(a3, a5), b5 = A(a5, a7), b7 = A(a7, a9);                                                       \
        const uint8_t b9 = A(a9, a11), b11 = A(a11, a13), b13 = A(a13, a15), b15 = A(a15, a1);                                              \
        const uint8_t d1 = A(b1, b5), d3 = A(b3, b7), d5 = A(b5, b9), d7 = A(b7, b11);                                                      \
        const uint8_t d9 = A(b9, b13), d11 = A(b11, b15), d13 = A(b13, b1), d15 = A(b15, b3);                                               \
        const uint8_t n1 = B(p0, p9), n3 = B(p2, p11), n5 = B(p4, p13), n7 = B(p6, p15);                                                    \
        const uint8_t n9 = B(p8, p1), n11 = B(p10, p3), n13 = B(p12, p5), n15 = B(p14, p7);                                                 \
        const uint8_t e1 = A(d1, n1), e3 = A(d3, n3), e5 = A(d5, n5), e7 = A(d7, n7);                                                       \
        const uint8_t e9 = A(d9, n9), e11 = A(d11, n11), e13 = A(d13, n13), e15 = A(d15, n15);                                              \
        const uint8_t f1 = B(e1, e3), f5 = B(e5, e7), f9 = B(e9, e11), f13 = B(e13, e15);                                                   \
        const uint8_t g1 = B(f1, f5), g9 = B(f9, f13);                                                                                      \
        out = B(g1, g9);                                                                                                                    \
    }
        uint8_t bright, dark;
        NINE(bright, LOW, HIGH)
        NINE(dark, HIGH, LOW)
        const uint8_t over = (uint8_t)(HIGH(bright, middle) - middle), under = (uint8_t)(middle - LOW(dark, middle));
        scores[i] = HIGH(over, under);
    }
}

/* Whether any pixel of the chunk may score above the threshold: nine in a row hold one of each two that lie opposite. */
static int hopeful(const uint8_t *restrict at, const int64_t *circle, uint8_t threshold) {
    const uint8_t *c0 = at + circle[0], *c2 = at + circle[2], *c4 = at + circle[4], *c6 = at + circle[6];
    const uint8_t *c8 = at + circle[8], *c10 = at + circle[10], *c12 = at + circle[12], *c14 = at + circle[14];
    uint8_t most = 0;
    for (int i = 0; i < CHUNK; i++) {
        const uint8_t p0 = c0[i], p2 = c2[i], p4 = c4[i], p6 = c6[i], p8 = c8[i], p10 = c10[i], p12 = c12[i], p14 = c14[i];
        const uint8_t middle = at[i];
        const uint8_t h0 = HIGH(p0, p8), h2 = HIGH(p2, p10), h4 = HIGH(p4, p12), h6 = HIGH(p6, p14);
        const uint8_t l0 = LOW(p0, p8), l2 = LOW(p2, p10), l4 = LOW(p4, p12), l6 = LOW(p6, p14);
        const uint8_t h02 = LOW(h0, h2), h46 = LOW(h4, h6), l02 = HIGH(l0, l2), l46 = HIGH(l4, l6);
        const uint8_t bright = LOW(h02, h46), dark = HIGH(l02, l46);
        const uint8_t over = (uint8_t)(HIGH(bright, middle) - middle), under = (uint8_t)(middle - LOW(dark, middle));
        const uint8_t either = HIGH(over, under);
        most = HIGH(most, either);
    }
    return most > threshold;
}

/* Marks what scores above the threshold and more than the neighbours; of equals, the last in reading order. */
static int find_peaks(const uint8_t *above, const uint8_t *middle, const uint8_t *below, uint8_t threshold, uint8_t *restrict peaks) {
    uint8_t any = 0;
    for (int i = 0; i < CHUNK; i++) {
        const uint8_t score = middle[i];
        const uint8_t a = HIGH(above[i - 1], above[i]), b = HIGH(above[i + 1], middle[i - 1]);
        const uint8_t c = HIGH(below[i - 1], below[i]), d = HIGH(below[i + 1], middle[i + 1]);
        const uint8_t before = HIGH(a, b), after0 = HIGH(c, d), after = HIGH(after0, threshold);
        const uint8_t peak = (uint8_t)((score >= before) & (score > after));
        peaks[i] = peak;
        any |= peak;
    }
    return any;
}

static int add(candidates_t *found, int32_t x, int32_t y, int32_t score) {
    if (found->count == found->capacity) {
        const int64_t capacity = 2 * found->capacity + 1024;
        candidate_t *grown = realloc(found->all, (size_t)capacity * sizeof *grown);
        if (grown == NULL) return -1;
        found->all = grown, found->capacity = capacity;
    }
    found->all[found->count++] = (candidate_t){.x = x, .y = y, .score = score};
    return 0;
}

/* Every pixel that scores more than its neighbours; of equals the last. In reading order. `rows` holds three lines. */
static int detect(const level_t *level, int32_t threshold, uint8_t *rows, candidates_t *found) {
    static const int8_t around[16][2] = {{0, -3}, {1, -3}, {2, -2}, {3, -1}, {3, 0},  {3, 1},   {2, 2},   {1, 3},
                                         {0, 3},  {-1, 3}, {-2, 2}, {-3, 1}, {-3, 0}, {-3, -1}, {-2, -2}, {-1, -3}};
    const int32_t width = level->width, height = level->height;
    const int64_t stride = width + 2 * CHUNK;
    int64_t circle[16];
    for (int i = 0; i < 16; i++) circle[i] = around[i][1] * (int64_t)width + around[i][0];
    found->count = 0;
    memset(rows, 0, (size_t)(3 * stride));
    for (int32_t y = BORDER - 1; y <= height - BORDER; y++) {
        uint8_t *scores = rows + (y % 3) * stride;
        memset(scores, 0, (size_t)stride);
        const uint8_t *line = level->pixels + (int64_t)y * width;
        for (int32_t x = BORDER - 1; x <= width - BORDER; x += CHUNK) {
            if (!hopeful(line + x, circle, (uint8_t)threshold)) continue;
            score_chunk(line + x, circle, scores + x);
        }
        /* what the last chunk scored beyond the border is written over or passed by: `upto` ends before it */
        if (y < BORDER + 1) continue;
        const uint8_t *middle = rows + ((y - 1) % 3) * stride, *above = rows + ((y - 2) % 3) * stride, *below = scores;
        for (int32_t from = BORDER; from < width - BORDER; from += CHUNK) {
            uint8_t peaks[CHUNK];
            if (!find_peaks(above + from, middle + from, below + from, (uint8_t)threshold, peaks)) continue;
            const int32_t upto = LOW(CHUNK, width - BORDER - from);
            for (int32_t i = 0; i < upto; i++)
                if (peaks[i] && add(found, from + i, y - 1, middle[from + i])) return -1;
        }
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------- choice */

/* The first of every cell, then the second of every cell … until there are `quota`. The order within a rank stays. */
static int64_t round_robin(candidate_t *sorted, int64_t count, int64_t quota, int32_t *ranks, int32_t cells, int64_t *starts, candidate_t *out) {
    memset(ranks, 0, (size_t)cells * (size_t)cells * sizeof *ranks);
    memset(starts, 0, (size_t)(quota + 1) * sizeof *starts);
    int32_t *rank = ranks + (int64_t)cells * cells;
    for (int64_t at = 0; at < count; at++) {
        rank[at] = ranks[sorted[at].cell]++;
        if (rank[at] < quota) starts[rank[at] + 1]++;
    }
    for (int64_t r = 0; r < quota; r++) starts[r + 1] += starts[r];
    for (int64_t at = 0; at < count; at++) {
        if (rank[at] >= quota) continue;
        const int64_t place = starts[rank[at]]++;
        if (place < quota) out[place] = sorted[at];
    }
    return starts[quota] < quota ? starts[quota] : quota;
}

/* Leaves the `quota` best of a level, spread over its cells. Returns how many, or -1 without memory. */
static int64_t choose(const level_t *level, candidates_t *found, int64_t quota, int32_t cells) {
    const int64_t count = found->count, squares = (int64_t)cells * cells;
    quota = LOW(quota, count);
    if (quota == 0) return 0;
    candidate_t *sorted = malloc((size_t)count * sizeof *sorted);
    int32_t *ranks = malloc((size_t)(squares + count) * sizeof *ranks);
    int64_t *starts = malloc((size_t)(quota + 1) * sizeof *starts);
    int64_t chosen = -1;
    if (sorted != NULL && ranks != NULL && starts != NULL) {
        int64_t places[257] = {0};
        for (int64_t at = 0; at < count; at++) {
            candidate_t *one = found->all + at;
            one->cell = (int32_t)((int64_t)one->y * cells / level->height) * cells + (int32_t)((int64_t)one->x * cells / level->width);
            places[256 - one->score]++;
        }
        for (int score = 0; score < 256; score++) places[score + 1] += places[score];
        for (int64_t at = 0; at < count; at++) sorted[places[255 - found->all[at].score]++] = found->all[at];
        chosen = round_robin(sorted, count, quota, ranks, cells, starts, found->all);
    }
    free(starts);
    free(ranks);
    free(sorted);
    return chosen;
}

/* --------------------------------------------------------------------------------------------------------- description */

/* The angle whose direction points most towards the bright side of the disc. */
static int32_t orientation(const level_t *level, int32_t x, int32_t y, const tables_t *tables) {
    int32_t across = 0, down = 0;
    for (int32_t dy = -RADIUS; dy <= RADIUS; dy++) {
        const uint8_t *p = level->pixels + (int64_t)(y + dy) * level->width + x - RADIUS;
        const int16_t *inside = tables->disc + (dy < 0 ? -dy : dy) * 2 * SIDE, *weights = inside + SIDE;
        int32_t sum = 0;
        for (int i = 0; i < SIDE; i++) across += (int16_t)p[i] * weights[i];
        for (int i = 0; i < SIDE; i++) sum += (int16_t)p[i] * inside[i];
        down += dy * sum;
    }
    int64_t most = INT64_MIN;
    int32_t best = 0;
    for (int32_t bin = 0; bin < tables->bins; bin++) {
        const int64_t along = (int64_t)tables->directions[2 * bin] * across + (int64_t)tables->directions[2 * bin + 1] * down;
        if (along > most) most = along, best = bin;
    }
    return best;
}

/* Two boxes of four, one after the other: 1 2 3 4 3 2 1 both ways. The outermost `BLUR` pixels are not written. */
static void blur(const level_t *level, uint8_t *out, uint16_t *line) {
    const int64_t w = level->width;
    for (int32_t y = BLUR; y < level->height - BLUR; y++) {
        const uint8_t *p = level->pixels + y * w;
        for (int64_t x = 0; x < w; x++)
            line[x] = (uint16_t)(p[x - 3 * w] + p[x + 3 * w] + 2 * (p[x - 2 * w] + p[x + 2 * w]) + 3 * (p[x - w] + p[x + w]) + 4 * p[x]);
        uint8_t *to = out + y * w;
        for (int64_t x = BLUR; x < w - BLUR; x++)
            to[x] = (uint8_t)((uint16_t)(line[x - 3] + line[x + 3] + 2 * (line[x - 2] + line[x + 2]) + 3 * (line[x - 1] + line[x + 1]) + 4 * line[x] + 128) >> 8);
    }
}

static void describe(const uint8_t *blurred, int64_t width, const corner_t *corner, const tables_t *tables, uint64_t *descriptor) {
    const uint8_t *from = blurred + (corner->y - RADIUS) * width + corner->x - RADIUS;
    const uint16_t *test = tables->pattern + (int64_t)corner->bin * TESTS * 2;
    uint8_t patch[SIDE * SIDE], darker[TESTS];
    for (int row = 0; row < SIDE; row++) memcpy(patch + row * SIDE, from + row * width, SIDE);
    for (int at = 0; at < TESTS; at++) darker[at] = patch[test[2 * at]] < patch[test[2 * at + 1]];
    for (int word = 0; word < TESTS / 64; word++) {
        uint64_t bits = 0;
        for (int byte = 0; byte < 8; byte++) {
            uint64_t eight;
            memcpy(&eight, darker + 64 * word + 8 * byte, 8);
            bits |= (eight * 0x0102040810204080) >> 56 << (8 * byte);
        }
        descriptor[word] = bits;
    }
}

/* --------------------------------------------------------------------------------------------------------- all of it */

/* corners (count), descriptors (count, 4); quotas (levels). Coarse levels come first. Returns how many corners, or -1 without memory. */
API int64_t corners_extract(const uint8_t *plane, int32_t width, int32_t height, const tables_t *tables, const int64_t *quotas, int32_t cells,
                            corner_t *corners, uint64_t *descriptors) {
    level_t levels[MOST_LEVELS] = {{(uint8_t *)plane, width, height}};
    int32_t count = 0;
    int64_t total = 0, bytes = 0;
    for (int32_t w = width, h = height; count < LOW(tables->levels, MOST_LEVELS) && LOW(w, h) >= LEAST_SIDE; count++) {
        levels[count].width = w, levels[count].height = h;
        if (count > 0) bytes += (int64_t)w * h;
        w = smaller(w), h = smaller(h);
    }
    if (count == 0) return 0;
    candidates_t found = {0};
    uint8_t *pixels = malloc((size_t)bytes + 1), *blurred = malloc((size_t)width * (size_t)height);
    uint8_t *rows = malloc((size_t)(3 * ((int64_t)width + 2 * CHUNK)));
    int32_t *x = malloc(((size_t)width + (size_t)height) * sizeof *x);
    uint16_t *line = malloc((2 * (size_t)width + (size_t)height) * sizeof *line);
    int64_t carried = 0;
    if (pixels == NULL || blurred == NULL || rows == NULL || x == NULL || line == NULL) goto failed;
    const desk_t desk = {x, x + width, line, line + width, rows, line + width + height};
    bytes = 0;
    for (int32_t at = 1; at < count; at++) {
        levels[at].pixels = pixels + bytes;
        bytes += (int64_t)levels[at].width * levels[at].height;
        shrink(&levels[at - 1], &levels[at], &desk);
    }
    for (int32_t at = count - 1; at >= 0; at--) {
        const level_t *level = &levels[at];
        const int64_t quota = quotas[at] + carried;
        if (detect(level, tables->threshold, rows, &found)) goto failed;
        if (found.count < quota && detect(level, tables->faint, rows, &found)) goto failed;
        const int64_t chosen = choose(level, &found, quota, cells);
        if (chosen < 0) goto failed;
        carried = quota - chosen;
        if (chosen > 0) blur(level, blurred, line);
        for (int64_t i = 0; i < chosen; i++, total++) {
            const candidate_t *one = found.all + i;
            corners[total] = (corner_t){one->x, one->y, at, orientation(level, one->x, one->y, tables)};
            describe(blurred, level->width, &corners[total], tables, descriptors + total * (TESTS / 64));
        }
    }
    goto end;
failed:
    total = -1;
end:
    free(found.all);
    free(line);
    free(x);
    free(rows);
    free(blurred);
    free(pixels);
    return total;
}
