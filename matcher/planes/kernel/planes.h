/* The kernel of matcher.planes: plain C behind ctypes. What it computes is told in the modules of that name beside it, in NumPy, and is the
   same to the bit: the same operations on doubles and floats, in the same order, none of them fused. */
#ifndef STILLWATCH_PLANES_H
#define STILLWATCH_PLANES_H

#include <stdint.h>

#define API __attribute__((visibility("default")))

/* See matcher/planes/means.py. */
typedef struct {
    const int64_t *rows; /* (boxes, 65) */
    const double *below;
    const int64_t *columns;
    const double *beyond;
    const float *areas; /* (boxes) */
    int64_t boxes;
} marks_t;

/* See matcher/planes/border.py. */
typedef struct {
    double uniform, background, content, least;
    int32_t alike, rounds;
} border_t;

/* See matcher/planes/lines.py. */
typedef struct {
    int32_t step;
    int32_t most;
    int32_t run;  /* pixels of the shortest line */
    double least; /* of them that must be seen */
} lines_t;

#endif
