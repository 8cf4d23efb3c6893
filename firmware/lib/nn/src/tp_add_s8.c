/* ADD and SUB, int8. */
#include "tp_add.h"
#include "tp_requantize.h"

static int8_t tp_apply(const tp_add_rule_s8_t *rule, int8_t a, int8_t b) {
    int32_t left = (int32_t)(a - rule->zero_a) * ((int32_t)1 << 20);
    int32_t right = (int32_t)(b - rule->zero_b) * ((int32_t)1 << 20);

    left = tp_requantize_twice(left, rule->multiplier_a, rule->shift_a);
    right = tp_requantize_twice(right, rule->multiplier_b, rule->shift_b);
    left = tp_requantize_twice(left + right, rule->multiplier_y, rule->shift_y);
    return (int8_t)tp_clamp_s32(left + rule->zero_y, rule->low, rule->high);
}

#define TP_ELEMENT  int8_t
#define TP_BINARY   tp_add_s8
#define TP_BINARY_T tp_add_s8_t
#define TP_RULE_T   tp_add_rule_s8_t
#include "tp_binary_walk.h"
