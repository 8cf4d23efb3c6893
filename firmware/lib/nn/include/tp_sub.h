/* SUB of float32: y = a - b, which LiteRT's rules broadcast to the shape of y. y may be the memory
 * of an operand of its own shape. int8 is done by tp_add_s8().
 */
#ifndef TP_SUB_H
#define TP_SUB_H

#include "tp_walk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    float low, high; /* range of the fused activation */
} tp_sub_rule_f32_t;

typedef struct {
    tp_sub_rule_f32_t rule;
    tp_walk_t walk;
} tp_sub_f32_t;

void tp_sub_f32(const TP_FLASH tp_sub_f32_t *layer, const TP_ANY float *a, const TP_ANY float *b,
                float *y);

#ifdef __cplusplus
}
#endif

#endif
