/* MAXIMUM and MINIMUM, int8. */
#include "tp_extremum.h"

static int8_t tp_apply(const tp_extremum_rule_t *rule, int8_t a, int8_t b) {
    return (rule->minimum ? a < b : a > b) ? a : b;
}

#define TP_ELEMENT  int8_t
#define TP_BINARY   tp_extremum_s8
#define TP_BINARY_T tp_extremum_s8_t
#define TP_RULE_T   tp_extremum_rule_t
#include "tp_binary_walk.h"
