/* Elements of x to places in y, whatever their strides: all operators that only move data.
 *
 * tp_copy_s8() and tp_copy_f32() read the arena, tp_fetch_s8() and tp_fetch_f32() (tp_fetch.h) a
 * constant. x and y must not overlap; elements of y that the walk does not visit stay.
 */
#ifndef TP_COPY_H
#define TP_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "tp_walk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t from, to; /* where the walk begins in x and in y, in elements */
    tp_walk_t walk;  /* a is x, b is y */
} tp_copy_s8_t;

typedef tp_copy_s8_t tp_copy_f32_t;

void tp_copy_s8(const TP_FLASH tp_copy_s8_t *layer, const int8_t *x, int8_t *y);
void tp_copy_f32(const TP_FLASH tp_copy_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
