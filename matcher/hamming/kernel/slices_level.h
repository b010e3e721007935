/* The search of slices.c at one level: included once for each, with LEVEL(name), TARGET, VECTOR_BYTES, ODD, MOST and ALL set.
 * No include guard, on purpose.
 *
 * ODD(a, b, c), MOST(a, b, c)   the sum of three bits in each lane: its ones, its twos
 * ALL(over)                     whether every lane is set
 */

enum { LEVEL(LANES) = 8 * VECTOR_BYTES, LEVEL(WORDS) = VECTOR_BYTES / 8, LEVEL(SLABS) = BLOCK_BYTES / VECTOR_BYTES };

typedef uint64_t LEVEL(lanes) __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t LEVEL(loose) __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias)); /* as planes lie in a file */

/* In each lane a number, bit by bit; `over` is set once it has reached 128. */
typedef struct {
    LEVEL(lanes) bits[COUNTER_BITS];
    LEVEL(lanes) over;
} LEVEL(counts);

/* What a search works with beside its arrays. `table` and `codes` when many queries share the planes of a block, `masks` when few do. */
typedef struct {
    LEVEL(lanes) (*table)[CASES];        /* [group]: how the planes of a block differ from each case of a query */
    code_t *codes;                       /* [query][group] */
    LEVEL(lanes) *masks;                 /* [query][plane]: the query's bit in every lane */
    LEVEL(lanes) offset[COUNTER_BITS];   /* where counting begins, so that one bit too many is 128 */
} LEVEL(desk);

INLINE TARGET LEVEL(lanes) LEVEL(all)(int bit) {
    LEVEL(lanes) none = {0};
    return bit ? ~none : none;
}

/* number of weight 2^w += a + b; returns the carry */
INLINE TARGET LEVEL(lanes) LEVEL(add)(LEVEL(lanes) *sum, LEVEL(lanes) a, LEVEL(lanes) b) {
    const LEVEL(lanes) carry = MOST(*sum, a, b);
    *sum = ODD(*sum, a, b);
    return carry;
}

INLINE TARGET LEVEL(lanes) LEVEL(add_one)(LEVEL(lanes) *sum, LEVEL(lanes) a) {
    const LEVEL(lanes) carry = *sum & a;
    *sum ^= a;
    return carry;
}

/* How three planes differ from a query, as a number of two bits. */
INLINE TARGET void LEVEL(group)(const LEVEL(desk) *desk, const LEVEL(loose) *planes, const code_t *codes, const LEVEL(lanes) *masks, int group,
                                LEVEL(lanes) *ones, LEVEL(lanes) *twos) {
    if (codes != NULL) {
        *ones = *(const LEVEL(lanes) *)((const char *)desk->table + codes[group].ones);
        *twos = *(const LEVEL(lanes) *)((const char *)desk->table + codes[group].twos);
    } else {
        const LEVEL(lanes) a = planes[(3 * group + 0) * LEVEL(SLABS)] ^ masks[3 * group + 0];
        const LEVEL(lanes) b = planes[(3 * group + 1) * LEVEL(SLABS)] ^ masks[3 * group + 1];
        const LEVEL(lanes) c = planes[(3 * group + 2) * LEVEL(SLABS)] ^ masks[3 * group + 2];
        *ones = ODD(a, b, c);
        *twos = MOST(a, b, c);
    }
}

/* Adds a unit of 8 groups to the counts: the carry-save tree of Harley and Seal, in an order that needs few registers. */
INLINE TARGET void LEVEL(unit)(LEVEL(counts) *counts, const LEVEL(desk) *desk, const LEVEL(loose) *planes, const code_t *codes,
                               const LEVEL(lanes) *masks) {
    LEVEL(lanes) ones[2], twos[2], two[2], four[2], eight[2], sixteen[2];
    LEVEL(lanes) *const bits = counts->bits;
#define GROUPS(first)                                                                                                                       \
    LEVEL(group)(desk, planes, codes, masks, first, &ones[0], &twos[0]);                                                                    \
    LEVEL(group)(desk, planes, codes, masks, first + 1, &ones[1], &twos[1])
    GROUPS(0);
    two[0] = LEVEL(add)(&bits[0], ones[0], ones[1]);
    four[0] = LEVEL(add)(&bits[1], twos[0], twos[1]);
    GROUPS(2);
    two[1] = LEVEL(add)(&bits[0], ones[0], ones[1]);
    four[1] = LEVEL(add)(&bits[1], twos[0], twos[1]);
    eight[0] = LEVEL(add)(&bits[2], four[0], four[1]);
    four[0] = LEVEL(add)(&bits[1], two[0], two[1]);
    GROUPS(4);
    two[0] = LEVEL(add)(&bits[0], ones[0], ones[1]);
    four[1] = LEVEL(add)(&bits[1], twos[0], twos[1]);
    eight[1] = LEVEL(add)(&bits[2], four[0], four[1]);
    sixteen[0] = LEVEL(add)(&bits[3], eight[0], eight[1]);
    GROUPS(6);
    two[1] = LEVEL(add)(&bits[0], ones[0], ones[1]);
    four[0] = LEVEL(add)(&bits[1], twos[0], twos[1]);
    four[1] = LEVEL(add)(&bits[1], two[0], two[1]);
    eight[0] = LEVEL(add)(&bits[2], four[0], four[1]);
    sixteen[1] = LEVEL(add_one)(&bits[3], eight[0]);
    const LEVEL(lanes) thirtytwo = LEVEL(add)(&bits[4], sixteen[0], sixteen[1]);
    const LEVEL(lanes) sixtyfour = LEVEL(add_one)(&bits[5], thirtytwo);
    counts->over |= LEVEL(add_one)(&bits[6], sixtyfour);
#undef GROUPS
}

/* Lanes of one slab that are too far from one query on the planes that are used; the others are still to be settled. */
INLINE TARGET LEVEL(lanes) LEVEL(far)(const LEVEL(desk) *desk, const LEVEL(loose) *planes, const code_t *codes, const LEVEL(lanes) *masks, int units) {
    LEVEL(counts) counts;
    for (int bit = 0; bit < COUNTER_BITS; bit++) counts.bits[bit] = desk->offset[bit];
    counts.over = LEVEL(all)(0);
    for (int unit = 0; unit < units; unit++) {
        LEVEL(unit)(&counts, desk, planes, codes, masks);
        if (codes != NULL)
            codes += UNIT_GROUPS;
        else
            planes += UNIT_PLANES * LEVEL(SLABS), masks += UNIT_PLANES;
    }
    return counts.over;
}

/* Each group of three planes a, b, c against the eight cases that three bits of a query can be. The ones of a case are those of a ^ b ^ c or
 * the opposite; the twos of a case and of the opposite case are opposites. */
TARGET static void LEVEL(lay_table)(const LEVEL(desk) *desk, const LEVEL(loose) *planes, const LEVEL(loose) *next, int groups) {
    for (int group = 0; group < groups; group++, planes += 3 * LEVEL(SLABS), next += 3 * LEVEL(SLABS)) {
        for (int plane = 0; plane < 3; plane++) __builtin_prefetch(next + plane * LEVEL(SLABS));
        const LEVEL(lanes) a = planes[0], b = planes[LEVEL(SLABS)], c = planes[2 * LEVEL(SLABS)];
        const LEVEL(lanes) ab = a ^ b, ac = a ^ c;
        LEVEL(lanes) *const cases = desk->table[group];
        cases[0] = ab ^ c;
        cases[1] = ~cases[0];
        cases[2] = a ^ (ab & ac);
        cases[3] = a ^ (ab | ac);
        cases[4] = a ^ (~ab & ac);
        cases[5] = a ^ (ab & ~ac);
        for (int at = 2; at < 6; at++) cases[at + 4] = ~cases[at];
    }
}

/* What the planes left has its whole hash compared. */
TARGET static void LEVEL(settle_waiting)(search_t *search) {
    const int width = search->slices->width;
    for (int at = 0; at < search->waiting_count; at++) {
        const waiting_t waiting = search->waiting[at];
        const uint64_t *row = search->slices->rows + (int64_t)waiting.entry * width;
        const uint64_t *query = search->queries + (int64_t)waiting.query * width;
        int distance = 0;
        for (int word = 0; word < width; word++) distance += __builtin_popcountll(row[word] ^ query[word]);
        if (distance <= search->threshold) found_add(search->found, (uint32_t)(search->first + waiting.query), waiting.entry, (uint32_t)distance);
    }
    search->waiting_count = 0;
}

TARGET static void LEVEL(wait)(search_t *search, LEVEL(lanes) over, int64_t first_entry, uint32_t query) {
    for (int word = 0; word < LEVEL(WORDS); word++) {
        const int64_t entry = first_entry + 64 * word, left = search->slices->count - entry;
        if (left <= 0) break; /* the last block is filled up with lanes that are nobody */
        uint64_t near = ~over[word];
        if (left < 64) near &= ((uint64_t)1 << left) - 1;
        for (; near != 0; near &= near - 1) {
            const uint32_t at = (uint32_t)(entry + __builtin_ctzll(near));
            __builtin_prefetch(search->slices->rows + (int64_t)at * search->slices->width);
            search->waiting[search->waiting_count++] = (waiting_t){at, query};
            if (search->waiting_count == WAITING) LEVEL(settle_waiting)(search);
        }
    }
}

/* The blocks from `from` to `upto` against so few queries that a table would not pay. */
TARGET static void LEVEL(few)(search_t *search, const LEVEL(desk) *desk, int64_t count, int64_t from, int64_t upto) {
    const slices_t *slices = search->slices;
    for (int64_t block = from; block < upto; block++)
        for (int slab = 0; slab < LEVEL(SLABS); slab++) {
            const LEVEL(loose) *planes = (const LEVEL(loose) *)(slices->planes + block * slices->planes_held * BLOCK_WORDS) + slab;
            for (int64_t query = 0; query < count; query++) {
                const LEVEL(lanes) over = LEVEL(far)(desk, planes, NULL, desk->masks + query * search->units * UNIT_PLANES, search->units);
                if (!ALL(over)) LEVEL(wait)(search, over, block * BLOCK_LANES + slab * LEVEL(LANES), (uint32_t)query);
            }
        }
}

TARGET static void LEVEL(many)(search_t *search, const LEVEL(desk) *desk, int64_t count, int64_t from, int64_t upto) {
    const slices_t *slices = search->slices;
    const int groups = search->units * UNIT_GROUPS;
    for (int64_t block = from; block < upto; block++)
        for (int slab = 0; slab < LEVEL(SLABS); slab++) {
            const LEVEL(loose) *planes = (const LEVEL(loose) *)(slices->planes + block * slices->planes_held * BLOCK_WORDS) + slab;
            LEVEL(lay_table)(desk, planes, block + 1 < upto ? planes + slices->planes_held * LEVEL(SLABS) : planes, groups);
            const code_t *codes = desk->codes;
            for (int64_t query = 0; query < count; query++, codes += groups) {
                const LEVEL(lanes) over = LEVEL(far)(desk, NULL, codes, NULL, search->units);
                if (!ALL(over)) LEVEL(wait)(search, over, block * BLOCK_LANES + slab * LEVEL(LANES), (uint32_t)query);
            }
        }
}

/* 0, or -1 without memory */
TARGET static int LEVEL(search_slices)(search_t *search, const uint64_t *queries, int64_t first, int64_t count, int64_t from, int64_t upto) {
    const int width = search->slices->width, groups = search->units * UNIT_GROUPS, planes = 3 * groups;
    const int64_t tile = count <= FEW ? FEW : count < TILE ? count : TILE;
    LEVEL(desk) desk = {.table = NULL};
    for (int bit = 0; bit < COUNTER_BITS; bit++) desk.offset[bit] = LEVEL(all)(search->offset >> bit & 1);
    const size_t table_bytes = sizeof(LEVEL(lanes)) * (size_t)(count <= FEW ? count * planes : groups * CASES);
    char *const room = aligned_alloc(64, (table_bytes + sizeof(code_t) * (size_t)(tile * groups) + 127) & ~(size_t)63);
    if (room == NULL) return -1;
    desk.table = (void *)room;
    desk.masks = (void *)room;
    desk.codes = (void *)(room + table_bytes);
    for (int64_t start = 0; start < count; start += tile) {
        const int64_t here = count - start < tile ? count - start : tile;
        search->queries = queries + start * width;
        search->first = first + start;
        if (count <= FEW) {
            for (int64_t query = 0; query < here; query++)
                for (int plane = 0; plane < planes; plane++)
                    desk.masks[query * planes + plane] = LEVEL(all)(bit_of(search->queries + query * width, width, plane));
            LEVEL(few)(search, &desk, here, from, upto);
        } else {
            for (int64_t query = 0; query < here; query++)
                for (int group = 0; group < groups; group++)
                    desk.codes[query * groups + group] = code_of(search->queries + query * width, width, group, VECTOR_BYTES);
            LEVEL(many)(search, &desk, here, from, upto);
        }
        LEVEL(settle_waiting)(search);
    }
    free(room);
    return 0;
}

#undef LEVEL
#undef TARGET
#undef VECTOR_BYTES
#undef ODD
#undef MOST
#undef ALL
