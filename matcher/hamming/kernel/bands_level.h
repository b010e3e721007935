/* The search of bands.c at one level: included once for each, with LEVEL(name), TARGET and NEAR set. No include guard, on purpose. */

/* The first band from which all chains of a pair are short; `differing` are the bits in which its hashes differ. MOST_BANDS if there is none.
 * Loops of a fixed length, which the compiler turns into a few vector instructions. */
TARGET static inline int LEVEL(first_band)(const search_t *search, const uint64_t *differing) {
    uint16_t lanes[MOST_BANDS], apart[MOST_BANDS + CHAIN] = {0}, chained[MOST_BANDS];
    const int bands = search->bands;
    memcpy(lanes, differing, sizeof lanes);
    for (int band = 0; band < MOST_BANDS; band++) {
        uint16_t x = lanes[band];
        x = (uint16_t)(x - ((x >> 1) & 0x5555));
        x = (uint16_t)((x & 0x3333) + ((x >> 2) & 0x3333));
        x = (uint16_t)((x + (x >> 4)) & 0x0f0f);
        lanes[band] = (uint16_t)((x + (x >> 8)) & 0x1f);
    }
    memcpy(apart, lanes, sizeof lanes);
    for (int more = 0; more < CHAIN; more++) apart[bands + more] = apart[more]; /* round the ring */
    for (int band = 0; band < MOST_BANDS; band++) {
        const int16_t one = (int16_t)apart[band], two = (int16_t)(one + apart[band + 1]), three = (int16_t)(two + apart[band + 2]);
        const int16_t four = (int16_t)(three + apart[band + 3]);
        chained[band] = (uint16_t)((one <= search->upto_from[0][band]) & (two <= search->upto_from[1][band]) &
                                   (three <= search->upto_from[2][band]) & (four <= search->upto_from[3][band]));
    }
    int band = 0;
    while (band < MOST_BANDS && !chained[band]) band++;
    return band;
}

/* What is left has its whole hash compared. */
TARGET static void LEVEL(settle)(search_t *search) {
    const int width = search->index->width;
    for (int at = 0; at < search->suspect_count; at++) {
        const suspect_t suspect = search->suspects[at];
        const uint64_t *row = search->index->rows + (int64_t)suspect.row * width;
        const uint64_t *query = search->queries + (int64_t)suspect.query * width;
        uint64_t differing[MOST_BANDS / 4] = {0};
        int distance = 0;
        for (int word = 0; word < width; word++) {
            differing[word] = row[word] ^ query[word];
            distance += __builtin_popcountll(differing[word]);
        }
        if (distance > search->threshold) continue;
        /* A pair is found in several bands, and the first of them tells of it. Where the key is only a part of the band, it may also be that the
         * pair should not be here at all. Not where some buckets are passed over: the first one may be one of those. */
        if (search->fullest > 0 || LEVEL(first_band)(search, differing) == search->band)
            found_add(search->found, (uint32_t)(search->first + suspect.query), suspect.row, (uint32_t)distance);
    }
    search->suspect_count = 0;
}

/* Candidates whose chains of three and four bands are short too are left. */
TARGET static void LEVEL(sift)(search_t *search) {
    const int third = (search->band + 2) % search->bands, fourth = (search->band + 3) % search->bands;
    const uint16_t *lanes = (const uint16_t *)search->queries;
    for (int at = 0; at < search->candidate_count; at++) {
        const candidate_t candidate = search->candidates[at];
        const uint64_t rest = search->rest[candidate.place];
        const uint16_t *query = lanes + (int64_t)candidate.query * search->bands;
        const int of_three = (int)candidate.apart + ones16((uint32_t)(rest >> 32) ^ query[third]);
        const int of_four = of_three + ones16((uint32_t)(rest >> 48) ^ query[fourth]);
        if (of_three > search->upto[2] || of_four > search->upto[3]) continue;
        const uint32_t row = (uint32_t)rest;
        if (row >= search->index->count) continue; /* a damaged file must not lead elsewhere */
        __builtin_prefetch(search->index->rows + (int64_t)row * search->index->width);
        search->suspects[search->suspect_count++] = (suspect_t){row, candidate.query};
        if (search->suspect_count == WAITING) LEVEL(settle)(search);
    }
    search->candidate_count = 0;
}

TARGET static inline void LEVEL(take)(search_t *search, uint32_t place, uint32_t query, int apart) {
    __builtin_prefetch(search->rest + place);
    search->candidates[search->candidate_count++] = (candidate_t){place, query, (uint32_t)apart};
    if (search->candidate_count == WAITING) LEVEL(sift)(search);
}

/* Goes through the buckets of one chunk: an entry whose second band is near enough becomes a candidate. */
TARGET static void LEVEL(scan)(search_t *search, const bucket_t *buckets, int64_t from, int64_t upto, uint32_t query, uint16_t second) {
    int weight = 0;
    while (search->upto_weight[weight] <= from) weight++;
    for (int64_t probe = from; probe < upto; weight++) {
        const int limit = search->upto[1] - weight; /* the key's flipped bits count towards the chain */
        const int64_t same = search->upto_weight[weight] < upto ? search->upto_weight[weight] : upto;
        for (; probe < same; probe++) {
            const bucket_t bucket = buckets[probe - from];
            for (uint32_t place = bucket.start; place < bucket.end; place += 32) {
                uint32_t near = NEAR(search->following + place, bucket.end - place, second, limit);
                for (; near != 0; near &= near - 1) {
                    const uint32_t at = place + (uint32_t)__builtin_ctz(near);
                    LEVEL(take)(search, at, query, weight + ones16((uint32_t)search->following[at] ^ second));
                }
            }
        }
    }
}

/* Every query against one band. Buckets are looked up a few chunks before they are read, so that memory has time to answer. */
TARGET static void LEVEL(band)(search_t *search, int64_t count) {
    const bands_t *index = search->index;
    const int band = search->band, second = (band + 1) % search->bands, shift = 16 - index->key_bits;
    const uint32_t *starts = index->starts + band * (((int64_t)1 << index->key_bits) + 1);
    const uint16_t *lanes = (const uint16_t *)search->queries;
    const int64_t probes = search->upto_weight[search->upto[0]], chunks = (probes + CHUNK - 1) / CHUNK;
    bucket_t ring[AHEAD][CHUNK];
    int64_t query = 0, chunk = 0, asked_query = 0, asked_chunk = 0;
    for (int64_t item = -AHEAD; query < count; item++) {
        if (item >= 0) {
            const int64_t from = chunk * CHUNK, upto = from + CHUNK < probes ? from + CHUNK : probes;
            LEVEL(scan)(search, ring[item % AHEAD], from, upto, (uint32_t)query, lanes[query * search->bands + second]);
            if (++chunk == chunks) chunk = 0, query++;
        }
        if (asked_query < count) {
            bucket_t *buckets = ring[(item + AHEAD) % AHEAD];
            const uint32_t key = (uint32_t)lanes[asked_query * search->bands + band] >> shift;
            const int64_t from = asked_chunk * CHUNK, upto = from + CHUNK < probes ? from + CHUNK : probes;
            for (int64_t probe = from; probe < upto; probe++) {
                const uint32_t at = key ^ search->flips[probe];
                bucket_t bucket = {starts[at], starts[at + 1]};
                if (search->fullest > 0 && bucket.end - bucket.start > search->fullest) bucket.end = bucket.start;
                buckets[probe - from] = bucket;
                __builtin_prefetch(search->following + bucket.start);
                __builtin_prefetch(search->following + bucket.end); /* half of the buckets lie on two lines */
            }
            if (++asked_chunk == chunks) asked_chunk = 0, asked_query++;
        }
    }
    LEVEL(sift)(search);
    LEVEL(settle)(search);
}

/* Every pair, a few rows that stay in the first cache at a time. */
TARGET static void LEVEL(every)(const uint64_t *rows, int64_t count, int width, const uint64_t *queries, int64_t first, int64_t query_count,
                                int threshold, found_t *found) {
    enum { ROWS = 512 };
    for (int64_t from = 0; from < count; from += ROWS) {
        const int64_t upto = from + ROWS < count ? from + ROWS : count;
        for (int64_t query = 0; query < query_count; query++) {
            if (width == 4) {
                const uint64_t a = queries[4 * query], b = queries[4 * query + 1], c = queries[4 * query + 2], d = queries[4 * query + 3];
                for (int64_t row = from; row < upto; row++) {
                    const uint64_t *hash = rows + 4 * row;
                    const int distance = __builtin_popcountll(hash[0] ^ a) + __builtin_popcountll(hash[1] ^ b) +
                                         __builtin_popcountll(hash[2] ^ c) + __builtin_popcountll(hash[3] ^ d);
                    if (__builtin_expect(distance <= threshold, 0)) found_add(found, (uint32_t)(first + query), (uint32_t)row, (uint32_t)distance);
                }
            } else
                for (int64_t row = from; row < upto; row++) {
                    int distance = 0;
                    for (int word = 0; word < width; word++) distance += __builtin_popcountll(rows[row * width + word] ^ queries[query * width + word]);
                    if (__builtin_expect(distance <= threshold, 0)) found_add(found, (uint32_t)(first + query), (uint32_t)row, (uint32_t)distance);
                }
        }
    }
}

#undef LEVEL
#undef TARGET
#undef NEAR
