/* MUL, int8. */
#include "tp_mul.h"
#include "tp_requantize.h"

static int8_t tp_apply(const tp_mul_rule_s8_t *rule, int8_t a, int8_t b) {
    int32_t product = (int32_t)(a - rule->zero_a) * (b - rule->zero_b);

    product = tp_requantize_twice(product, rule->multiplier, rule->shift);
    return (int8_t)tp_clamp_s32(product + rule->zero_y, rule->low, rule->high);
}

#define TP_ELEMENT  int8_t
#define TP_BINARY   tp_mul_s8
#define TP_BINARY_T tp_mul_s8_t
#define TP_RULE_T   tp_mul_rule_s8_t
#include "tp_binary_walk.h"
