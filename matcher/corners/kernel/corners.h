/* The kernel of matcher.corners: plain C behind ctypes. What it computes is told in matcher/corners/numpy_engine.py, step by step the same. */
#ifndef STILLWATCH_CORNERS_H
#define STILLWATCH_CORNERS_H

#include <stdint.h>

#define API __attribute__((visibility("default")))

/* The tables and numbers, made in matcher/corners/tables.py: both engines work from the same ones. */
typedef struct {
    const uint16_t *pattern;    /* (bins, 256, 2): both places of each test in a patch of 32 × 32, turned */
    const int32_t *directions;  /* (bins, 2): x and y of each angle, in 1/2^14 */
    const int16_t *disc;        /* (16, 2, 32): by distance from the middle row, which pixels are inside, and how far right they lie */
    int32_t bins;
    int32_t levels;
    int32_t threshold; /* a score must be above it */
    int32_t faint;     /* the same on a level that has too few */
} tables_t;

/* One corner, in pixels of its level. */
typedef struct {
    int32_t x, y, level, bin;
} corner_t;

#endif
