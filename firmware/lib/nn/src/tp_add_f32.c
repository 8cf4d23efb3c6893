/* ADD, float32. */
#include "tp_add.h"
#include "tp_clamp_f32.h"

static float tp_apply(const tp_add_rule_f32_t *rule, float a, float b) {
    return tp_clamp_f32(a + b, rule->low, rule->high);
}

#define TP_ELEMENT  float
#define TP_BINARY   tp_add_f32
#define TP_BINARY_T tp_add_f32_t
#define TP_RULE_T   tp_add_rule_f32_t
#include "tp_binary_walk.h"
