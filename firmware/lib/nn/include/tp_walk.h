/* Steps through two tensors at once, whatever their strides: broadcasting, transposing, slicing.
 *
 * The elements are visited in rows; `outer` axes count the rows, innermost first. Steps and jumps
 * are in elements and may be negative. Axes that both tensors walk alike have been merged.
 */
#ifndef TP_WALK_H
#define TP_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#define TP_WALK_OUTER 5

typedef struct {
    size_t count;                    /* elements of a row, at least 1 */
    ptrdiff_t step_a, step_b;        /* from element to element of a row */
    uint8_t outer;                   /* axes in use below, up to TP_WALK_OUTER */
    size_t size[TP_WALK_OUTER];      /* at least 1 */
    ptrdiff_t jump_a[TP_WALK_OUTER]; /* from row to row, when this axis moves on and all */
    ptrdiff_t jump_b[TP_WALK_OUTER]; /* axes before it start again */
} tp_walk_t;

/* Moves `index`, which starts at zeros, to the next row. Returns the axis that moved on, `outer`
 * after the last row. */
static inline uint8_t tp_walk_next(const TP_FLASH tp_walk_t *walk, size_t *index) {
    uint8_t axis = 0;

    while (axis < walk->outer && ++index[axis] == walk->size[axis]) {
        index[axis++] = 0;
    }
    return axis;
}

#endif
