/* MUL: y = a x b, which LiteRT's rules broadcast to the shape of y. y may be the memory of an
 * operand of its own shape.
 */
#ifndef TP_MUL_H
#define TP_MUL_H

#include <stdint.h>

#include "tp_walk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int32_t
        multiplier; /* scale of a x scale of b / scale of y, as tp_requantize_twice() takes it */
    int8_t shift;
    int8_t zero_a, zero_b, zero_y;
    int8_t low, high; /* range of the fused activation */
} tp_mul_rule_s8_t;

typedef struct {
    tp_mul_rule_s8_t rule;
    tp_walk_t walk;
} tp_mul_s8_t;

void tp_mul_s8(const TP_FLASH tp_mul_s8_t *layer, const TP_ANY int8_t *a, const TP_ANY int8_t *b,
               int8_t *y);

typedef struct {
    float low, high; /* range of the fused activation */
} tp_mul_rule_f32_t;

typedef struct {
    tp_mul_rule_f32_t rule;
    tp_walk_t walk;
} tp_mul_f32_t;

void tp_mul_f32(const TP_FLASH tp_mul_f32_t *layer, const TP_ANY float *a, const TP_ANY float *b,
                float *y);

#ifdef __cplusplus
}
#endif

#endif
