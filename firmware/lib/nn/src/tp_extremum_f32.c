/* MAXIMUM and MINIMUM, float32. */
#include "tp_extremum.h"

static float tp_apply(const tp_extremum_rule_t *rule, float a, float b) {
    return (rule->minimum ? a < b : a > b) ? a : b;
}

#define TP_ELEMENT  float
#define TP_BINARY   tp_extremum_f32
#define TP_BINARY_T tp_extremum_f32_t
#define TP_RULE_T   tp_extremum_rule_t
#include "tp_binary_walk.h"
