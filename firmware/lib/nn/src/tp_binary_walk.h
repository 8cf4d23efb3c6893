/* Operators of two broadcast operands, written once for all of them.
 *
 * Included by one source per operator and element type, which defines TP_ELEMENT, TP_BINARY (the
 * function), TP_BINARY_T (its parameters), TP_RULE_T (their member `rule`), and tp_apply(), which
 * gives one result.
 */
#include "tp_walk.h"

/* avr-gcc 5.4 takes two loads of a float through __memx pointers in one function for the same one:
 * a + b becomes a + a. So each load is a call there. */
#ifdef __AVR__
#define TP_LOAD __attribute__((noinline, noclone))
#else
#define TP_LOAD inline
#endif

static TP_LOAD TP_ELEMENT tp_load(const TP_ANY TP_ELEMENT *from) {
    return *from;
}

void TP_BINARY(const TP_FLASH TP_BINARY_T *layer, const TP_ANY TP_ELEMENT *a,
               const TP_ANY TP_ELEMENT *b, TP_ELEMENT *y) {
    const TP_RULE_T rule = layer->rule;
    const size_t count = layer->walk.count;
    const uint8_t step_a = (uint8_t)layer->walk.step_a; /* 0 or 1 */
    const uint8_t step_b = (uint8_t)layer->walk.step_b;
    size_t index[TP_WALK_OUTER] = {0};

    for (;;) {
        const TP_ANY TP_ELEMENT *from_a = a, *from_b = b;
        size_t left;
        uint8_t axis;

        for (left = count; left != 0; left--) {
            *y++ = tp_apply(&rule, tp_load(from_a), tp_load(from_b));
            from_a += step_a;
            from_b += step_b;
        }
        axis = tp_walk_next(&layer->walk, index);
        if (axis == layer->walk.outer) {
            return;
        }
        a += layer->walk.jump_a[axis];
        b += layer->walk.jump_b[axis];
    }
}
