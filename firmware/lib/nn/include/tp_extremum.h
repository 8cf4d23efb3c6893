/* MAXIMUM and MINIMUM: the larger (smaller) of a and b, which LiteRT's rules broadcast to the shape
 * of y. y may be the memory of an operand of its own shape.
 */
#ifndef TP_EXTREMUM_H
#define TP_EXTREMUM_H

#include <stdint.h>

#include "tp_walk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint8_t minimum; /* 1 for MINIMUM, 0 for MAXIMUM */
} tp_extremum_rule_t;

typedef struct {
    tp_extremum_rule_t rule;
    tp_walk_t walk;
} tp_extremum_s8_t;

typedef tp_extremum_s8_t tp_extremum_f32_t;

void tp_extremum_s8(const TP_FLASH tp_extremum_s8_t *layer, const TP_ANY int8_t *a,
                    const TP_ANY int8_t *b, int8_t *y);

void tp_extremum_f32(const TP_FLASH tp_extremum_f32_t *layer, const TP_ANY float *a,
                     const TP_ANY float *b, float *y);

#ifdef __cplusplus
}
#endif

#endif
