#include "planes.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 64,          /* of a square of means */
    WAVES = 256,        /* frequencies of one */
    MIDDLE = 127,       /* which of them, in order, is the published median */
    EDGE = 3,           /* lines so near to the plane's own edge are not looked at */
    PAD = 2,            /* pixels around a plane of steps: a step is compared with those two on */
    WORD = 8,           /* pixels counted together */
};

#define LOW(a, b) ((a) < (b) ? (a) : (b))
#define HIGH(a, b) ((a) > (b) ? (a) : (b))

/* -------------------------------------------------------------------------------------------------------------- means */

static void add_up(const uint8_t *plane, int32_t width, int32_t height, int32_t *sums) {
    const int64_t stride = (int64_t)width + 1;
    memset(sums, 0, (size_t)stride * sizeof *sums);
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *line = plane + (int64_t)y * width;
        const int32_t *above = sums + y * stride + 1;
        int32_t *out = sums + (y + 1) * stride + 1, sum = 0;
        out[-1] = 0;
        for (int32_t x = 0; x < width; x++) out[x] = sum += line[x];
        for (int32_t x = 0; x < width; x++) out[x] += above[x];
    }
}

/* The values of the table between its places, on one line of 65. */
static void between(const int32_t *sums, int64_t stride, const int64_t *columns, double below, const double *beyond, double *out) {
    int32_t upper_left[SIDE + 1], upper_right[SIDE + 1], lower_left[SIDE + 1], lower_right[SIDE + 1];
    for (int at = 0; at <= SIDE; at++) {
        const int32_t *place = sums + columns[at];
        upper_left[at] = place[0], upper_right[at] = place[1];
        lower_left[at] = place[stride], lower_right[at] = place[stride + 1];
    }
    for (int at = 0; at <= SIDE; at++) {
        const double left = (lower_left[at] - upper_left[at]) * below + upper_left[at];
        const double right = (lower_right[at] - upper_right[at]) * below + upper_right[at];
        out[at] = (right - left) * beyond[at] + left;
    }
}

static int64_t quality(const float *square) {
    const float steps = 100.0f / 255.0f;
    int32_t total = 0;
    for (int at = 0; at < SIDE * (SIDE - 1); at++) {
        const float step = (square[at + SIDE] - square[at]) * steps;
        total += (int32_t)(step < 0 ? -step : step);
    }
    for (int row = 0; row < SIDE; row++)
        for (int at = 0; at < SIDE - 1; at++) {
            const float step = (square[row * SIDE + at + 1] - square[row * SIDE + at]) * steps;
            total += (int32_t)(step < 0 ? -step : step);
        }
    return LOW(100, total / 90);
}

/* means (boxes, 64, 64), qualities (boxes). Returns -1 without memory. */
API int planes_means(const uint8_t *plane, int32_t width, int32_t height, const marks_t *marks, float *means, int64_t *qualities) {
    const int64_t stride = (int64_t)width + 1;
    int32_t *sums = malloc((size_t)stride * ((size_t)height + 1) * sizeof *sums);
    if (sums == NULL) return -1;
    add_up(plane, width, height, sums);
    for (int64_t box = 0; box < marks->boxes; box++) {
        const int64_t first = box * (SIDE + 1);
        float *square = means + box * SIDE * SIDE;
        double lines[2][SIDE + 1];
        for (int row = 0; row <= SIDE; row++) {
            double *line = lines[row & 1];
            const double *above = lines[~row & 1];
            between(sums + marks->rows[first + row] * stride, stride, marks->columns + first, marks->below[first + row], marks->beyond + first, line);
            if (row == 0) continue;
            float *out = square + (row - 1) * SIDE;
            for (int at = 0; at < SIDE; at++) out[at] = (float)((line[at + 1] - above[at + 1]) - (line[at] - above[at])) / marks->areas[box];
        }
        qualities[box] = quality(square);
    }
    free(sums);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- steepness */

static inline void count_step(float from, float to, float tie, int32_t *total, int32_t *undecided) {
    const float signed_step = (from - to) * 100.0f / 255.0f, step = signed_step < 0 ? -signed_step : signed_step;
    const float nearest = (step + 12582912.0f) - 12582912.0f; /* 3 * 2^22: what is added lies beyond the last bit, so that this rounds */
    const float off = step - nearest, apart = off < 0 ? -off : off;
    *total += (int32_t)step;
    *undecided += (nearest > 0) & (apart < tie);
}

API void planes_steepness(const float *square, float tie, int32_t *total, int32_t *undecided) {
    int32_t sum = 0, near = 0;
    for (int at = 0; at < SIDE * (SIDE - 1); at++) count_step(square[at], square[at + SIDE], tie, &sum, &near);
    for (int row = 0; row < SIDE; row++)
        for (int at = row * SIDE; at < row * SIDE + SIDE - 1; at++) count_step(square[at], square[at + 1], tie, &sum, &near);
    *total = sum, *undecided = near;
}

/* --------------------------------------------------------------------------------------------------------------- bits */

/* The one in the middle, found bit by bit: the same time whatever the numbers are. */
static float median(const float *values) {
    int32_t keys[WAVES]; /* in the same order as whole numbers */
    memcpy(keys, values, sizeof keys);
    for (int at = 0; at < WAVES; at++) keys[at] ^= (keys[at] >> 31) & INT32_MAX;
    uint32_t found = 0; /* counted from the least number there is */
    for (int bit = 31; bit >= 0; bit--) {
        const uint32_t higher = found | (uint32_t)1 << bit;
        const int32_t limit = (int32_t)(higher ^ 0x80000000u);
        int32_t lower = 0;
        for (int at = 0; at < WAVES; at++) lower += keys[at] < limit;
        if (lower <= MIDDLE) found = higher;
    }
    int32_t key = (int32_t)(found ^ 0x80000000u);
    key ^= (key >> 31) & INT32_MAX;
    float value;
    memcpy(&value, &key, sizeof value);
    return value;
}

/* waves (pictures, 256), counts (pictures): how many turns of each; turns: their numbers, one after the other; order and signs (8, 256).
   bits (all turns, 32) */
API void planes_bits(const float *waves, int64_t pictures, const int32_t *counts, const uint8_t *turns, const int64_t *order, const float *signs,
                     uint8_t *bits) {
    for (int64_t picture = 0; picture < pictures; picture++, waves += WAVES)
        for (int32_t turn = 0; turn < counts[picture]; turn++, turns++, bits += WAVES / 8) {
            float values[WAVES];
            for (int at = 0; at < WAVES; at++) values[at] = waves[order[*turns * WAVES + at]] * signs[*turns * WAVES + at];
            const float middle = median(values);
            for (int byte = 0; byte < WAVES / 8; byte++) {
                const float *eight = values + WAVES - 8 - 8 * byte;
                uint8_t made = 0;
                for (int bit = 0; bit < 8; bit++) made |= (uint8_t)((eight[bit] > middle) << bit);
                bits[byte] = made;
            }
        }
}

/* ------------------------------------------------------------------------------------------------------------- border */

/* Lines one after the other, from whichever side they are counted. */
typedef struct {
    const uint8_t *pixels;
    int64_t next;  /* from one line to the next */
    int64_t along; /* from one pixel of a line to its next */
    int32_t count, length;
} part_t;

static int32_t alike(const part_t *part, int32_t line, uint8_t low, uint8_t span) {
    const uint8_t *p = part->pixels + line * part->next;
    int32_t found = 0;
    if (part->along == 1)
        for (int32_t at = 0; at < part->length; at++) found += (uint8_t)(p[at] - low) <= span;
    else
        for (int32_t at = 0; at < part->length; at++) found += (uint8_t)(p[at * part->along] - low) <= span;
    return found;
}

/* Of the outermost lines, the two pixels in the middle by brightness, and what lies between them. */
static int32_t colour(const part_t *part) {
    int32_t histogram[256] = {0}, lines = part->count / 100 + 1, level = 0;
    for (int32_t line = 0; line < lines; line++)
        for (int32_t at = 0; at < part->length; at++) histogram[part->pixels[line * part->next + at * part->along]]++;
    const int64_t size = (int64_t)lines * part->length, lower = (size - 1) / 2, upper = size / 2;
    int64_t passed = histogram[0];
    while (passed <= lower) passed += histogram[++level];
    int32_t other = level;
    while (passed <= upper) passed += histogram[++other];
    return (level + other) / 2;
}

static int32_t border(const part_t *part, const border_t *rules) {
    const int32_t middle = colour(part), low = HIGH(0, middle - rules->alike), span = LOW(255, middle + rules->alike) - low;
    if (alike(part, 0, (uint8_t)low, (uint8_t)span) < rules->uniform * part->length) return 0;
    const double wanted = part->count * rules->content;
    int32_t run = (int32_t)wanted, row = 0;
    run += run < wanted;
    run = HIGH(2, run);
    for (int32_t line = 0; line < part->count; line++) {
        row = alike(part, line, (uint8_t)low, (uint8_t)span) < rules->background * part->length ? row + 1 : 0;
        if (row == run) return line + 1 - run;
    }
    return 0;
}

/* The first line that is not border, and the one after the last. */
static void content(const part_t *part, const border_t *rules, int32_t *first, int32_t *last) {
    const part_t backwards = {part->pixels + (part->count - 1) * part->next, -part->next, part->along, part->count, part->length};
    *first = border(part, rules);
    *last = part->count - border(&backwards, rules);
    if (*last - *first < rules->least * part->count) *first = 0, *last = part->count;
}

/* inside: left, top, right, bottom */
API void planes_inside(const uint8_t *plane, int32_t width, int32_t height, const border_t *rules, int32_t *inside) {
    int32_t left = 0, top = 0, right = width, bottom = height;
    for (int32_t round = 0; round < rules->rounds; round++) {
        int32_t first, last;
        const int32_t before[4] = {left, top, right, bottom};
        const part_t rows = {plane + (int64_t)top * width + left, width, 1, bottom - top, right - left};
        content(&rows, rules, &first, &last);
        bottom = top + last, top += first;
        const part_t columns = {plane + (int64_t)top * width + left, 1, width, right - left, bottom - top};
        content(&columns, rules, &first, &last);
        right = left + last, left += first;
        if (before[0] == left && before[1] == top && before[2] == right && before[3] == bottom) break;
    }
    inside[0] = left, inside[1] = top, inside[2] = right, inside[3] = bottom;
}

/* -------------------------------------------------------------------------------------------------------------- lines */

/* What lines are looked for in. Planes of a byte a pixel, with PAD of nothing around them. */
typedef struct {
    int32_t width, height;
    int64_t stride;
    uint8_t *step, *steps, *near;
    int64_t *totals; /* how clear each line is; 0: no line */
} desk_t;

/* Which pixels step and hardly change beside it: `across` from one to the next in the direction that is stepped. */
static void find_steps(const uint8_t *plane, const desk_t *desk, int upright, int32_t least) {
    const int32_t width = desk->width, height = desk->height;
    const int64_t stride = desk->stride, across = upright ? 1 : stride, over = upright ? 1 : width;
    const int32_t top = !upright, left = upright;
    for (int32_t y = top; y < height - top; y++) {
        const uint8_t *p = plane + (int64_t)y * width;
        uint8_t *restrict out = desk->step + y * stride;
        for (int32_t x = left; x < width - left; x++) {
            const uint8_t before = p[x - over], after = p[x + over];
            out[x] = (uint8_t)(HIGH(before, after) - LOW(before, after));
        }
    }
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *at = desk->step + y * stride;
        uint8_t *restrict out = desk->steps + y * stride;
        for (int32_t x = 0; x < width; x++) {
            const uint8_t step = at[x], half = step >> 1, before = at[x - 2 * across], after = at[x + 2 * across];
            const uint8_t beside = HIGH(before, after);
            out[x] = (uint8_t)((half >= beside) & (step > (uint8_t)least));
        }
    }
    for (int32_t y = 0; y < height; y++) {
        const uint8_t *at = desk->steps + y * stride;
        uint8_t *restrict out = desk->near + y * stride;
        for (int32_t x = 0; x < width; x++) out[x] = at[x] | at[x - across] | at[x + across];
    }
}

/* Whether so many words in a row hold enough: as many as hold any run. `near` is followed by nothing up to a whole word. */
static int hopeful(const uint8_t *near, int32_t words, int32_t together, double least) {
    int32_t sum = 0, most = 0;
    for (int32_t word = 0; word < words; word++) {
        uint64_t eight;
        memcpy(&eight, near + WORD * word, WORD);
        sum += (int32_t)((eight * 0x0101010101010101u) >> 56);
        if (word >= together) {
            memcpy(&eight, near + WORD * (word - together), WORD);
            sum -= (int32_t)((eight * 0x0101010101010101u) >> 56);
        }
        most = HIGH(most, sum);
    }
    return most >= least;
}

static void weigh_level(const desk_t *desk, const lines_t *rules) {
    const int32_t words = (desk->width + WORD - 1) / WORD, together = (rules->run + 14) / WORD;
    for (int32_t y = EDGE; y < desk->height - EDGE; y++) {
        const uint8_t *near = desk->near + y * desk->stride, *steps = desk->steps + y * desk->stride;
        if (!hopeful(near, words, together, rules->least)) continue;
        int32_t seen = 0, clearest = 0, count = 0;
        for (int32_t x = 0; x < desk->width; x++) {
            seen += near[x];
            if (x >= rules->run) seen -= near[x - rules->run];
            clearest = HIGH(clearest, seen);
        }
        for (int32_t x = 0; x < desk->width; x++) count += steps[x];
        if (clearest >= rules->least) desk->totals[y] = (int64_t)clearest * 1000 + count;
    }
}

/* All columns at once. counts: (3, stride) */
static void weigh_upright(const desk_t *desk, const lines_t *rules, uint16_t *counts) {
    uint16_t *restrict count = counts + 2 * desk->stride;
    uint8_t *restrict seen = (uint8_t *)counts, *restrict clearest = (uint8_t *)(counts + desk->stride); /* a run is shorter than 256 */
    memset(counts, 0, (size_t)(3 * desk->stride) * sizeof *counts);
    for (int32_t y = 0; y < desk->height; y++) {
        const uint8_t *near = desk->near + y * desk->stride, *steps = desk->steps + y * desk->stride;
        if (y >= rules->run) {
            const uint8_t *gone = near - rules->run * desk->stride;
            for (int32_t x = 0; x < desk->width; x++) seen[x] = (uint8_t)(seen[x] - gone[x]);
        }
        for (int32_t x = 0; x < desk->width; x++) {
            const uint8_t now = (uint8_t)(seen[x] + near[x]);
            seen[x] = now;
            clearest[x] = HIGH(clearest[x], now);
        }
        for (int32_t x = 0; x < desk->width; x++) count[x] = (uint16_t)(count[x] + steps[x]);
    }
    for (int32_t x = EDGE; x < desk->width - EDGE; x++)
        if (clearest[x] >= rules->least) desk->totals[x] = (int64_t)clearest[x] * 1000 + count[x];
}

/* Takes the clearest first, of equals the one that comes first, and none beside one that was taken. Returns how many; `places` ascend. */
static int32_t choose(int64_t *totals, int32_t count, int32_t most, int64_t *places) {
    int32_t chosen = 0;
    while (chosen < most) {
        int32_t best = 0;
        for (int32_t at = 1; at < count; at++)
            if (totals[at] > totals[best]) best = at;
        if (totals[best] == 0) break;
        for (int32_t at = HIGH(0, best - 2); at <= LOW(count - 1, best + 2); at++) totals[at] = 0;
        int32_t place = chosen++;
        for (; place > 0 && places[place - 1] > best; place--) places[place] = places[place - 1];
        places[place] = best;
    }
    return chosen;
}

/* places (most + 2), seen (most + 2, length + 1). Returns how many lines, with the plane's own edges, or -1 without memory.
   No side is shorter than `run`, none has more than 1024 pixels. */
API int32_t planes_lines(const uint8_t *plane, int32_t width, int32_t height, int upright, const lines_t *rules, int64_t *places, int32_t *seen) {
    desk_t desk = {.width = width, .height = height, .stride = (width + 2 * PAD + WORD - 1) / WORD * WORD + WORD};
    const int32_t count = upright ? width : height, length = upright ? height : width;
    const int64_t size = desk.stride * (height + 2 * PAD), first = PAD * desk.stride + PAD;
    uint8_t *pixels = calloc(3, (size_t)size);
    uint16_t *counts = malloc((size_t)(3 * desk.stride) * sizeof *counts);
    desk.totals = calloc((size_t)count, sizeof *desk.totals);
    int32_t lines = -1;
    if (pixels != NULL && counts != NULL && desk.totals != NULL) {
        desk.step = pixels + first, desk.steps = desk.step + size, desk.near = desk.steps + size;
        find_steps(plane, &desk, upright, rules->step);
        if (upright) weigh_upright(&desk, rules, counts);
        else weigh_level(&desk, rules);
        lines = choose(desk.totals, count, rules->most, places + 1) + 2;
        places[0] = 0, places[lines - 1] = count;
        const int64_t along = upright ? desk.stride : 1, next = upright ? 1 : desk.stride;
        for (int32_t line = 0; line < lines; line++, seen += length + 1) {
            const int own = line == 0 || line == lines - 1; /* the picture ends there: nothing sharper */
            const uint8_t *near = own ? NULL : desk.near + places[line] * next;
            seen[0] = 0;
            for (int32_t at = 0; at < length; at++) seen[at + 1] = seen[at] + (own ? 1 : near[at * along]);
        }
    }
    free(desk.totals);
    free(counts);
    free(pixels);
    return lines;
}
