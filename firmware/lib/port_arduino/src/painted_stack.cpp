/* Paints, measures and poisons a stack. */
#include "tp_stack.h"

enum {
    /* Frames of the functions here, and what some processors keep below the stack pointer (Xtensa:
     * 16 bytes for each window). */
    MARGIN = 128,
};

/* Byte by byte through a volatile pointer, lest the compiler calls memset() and with it more stack.
 */
static void fill(uint8_t *low, const uint8_t *high, uint8_t pattern) {
    for (volatile uint8_t *byte = low; byte < high; byte++) {
        *byte = pattern;
    }
}

__attribute__((noinline)) void tp_stack_paint(const tp_stack_t *stack) {
    fill(stack->low, (const uint8_t *)__builtin_frame_address(0) - MARGIN, TP_STACK_PAINT);
}

uint32_t tp_stack_unused(const tp_stack_t *stack) {
    const uint8_t *byte = stack->low;

    while (byte < stack->high && *byte == TP_STACK_PAINT) {
        byte++;
    }
    return (uint32_t)(byte - stack->low);
}

uint32_t tp_stack_used(const tp_stack_t *stack) {
    return (uint32_t)(stack->high - stack->low) - tp_stack_unused(stack);
}

__attribute__((noinline)) void tp_stack_poison(const tp_stack_t *stack, uint8_t pattern) {
    const uint8_t *high = (const uint8_t *)__builtin_frame_address(0) - MARGIN;

    fill(stack->low + tp_stack_unused(stack) + 1, high, pattern);
}
