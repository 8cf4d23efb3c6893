/* ADD, and SUB of int8: a and b, which LiteRT's rules broadcast to the shape of y. y may be the
 * memory of an operand of its own shape.
 */
#ifndef TP_ADD_H
#define TP_ADD_H

#include <stdint.h>

#include "tp_walk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y = clamp(zero_y + round((round(a x multiplier_a) + round(b x multiplier_b)) x multiplier_y)),
 * operands less their zero points and shifted left by 20 bits. Shifts are 0 or negative; SUB has a
 * negative multiplier_b. */
typedef struct {
    int32_t multiplier_a, multiplier_b, multiplier_y; /* as tp_requantize_twice() takes them */
    int8_t shift_a, shift_b, shift_y;
    int8_t zero_a, zero_b, zero_y;
    int8_t low, high; /* range of the fused activation */
} tp_add_rule_s8_t;

typedef struct {
    tp_add_rule_s8_t rule;
    tp_walk_t walk;
} tp_add_s8_t;

void tp_add_s8(const TP_FLASH tp_add_s8_t *layer, const TP_ANY int8_t *a, const TP_ANY int8_t *b,
               int8_t *y);

typedef struct {
    float low, high; /* range of the fused activation */
} tp_add_rule_f32_t;

typedef struct {
    tp_add_rule_f32_t rule;
    tp_walk_t walk;
} tp_add_f32_t;

void tp_add_f32(const TP_FLASH tp_add_f32_t *layer, const TP_ANY float *a, const TP_ANY float *b,
                float *y);

#ifdef __cplusplus
}
#endif

#endif
