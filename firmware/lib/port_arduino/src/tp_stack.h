/* A painted stack: how deep it has been, for families that know where it lies. Grows downwards. */
#ifndef TP_STACK_H
#define TP_STACK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What unused bytes hold; FreeRTOS paints with the same (tskSTACK_FILL_BYTE). */
#define TP_STACK_PAINT 0xA5

/* Where it lies: from `low` on it may take bytes, `high` is the first that is not its own. */
typedef struct {
    uint8_t *low;
    uint8_t *high;
} tp_stack_t;

/* Paints what lies below the caller's frame. */
void tp_stack_paint(const tp_stack_t *stack);

/* Bytes from `low` on that were never used. */
uint32_t tp_stack_unused(const tp_stack_t *stack);

/* Bytes from the deepest that was ever used up to `high`. */
uint32_t tp_stack_used(const tp_stack_t *stack);

/* Fills what was used before and is free now with `pattern`, and leaves the deepest byte. */
void tp_stack_poison(const tp_stack_t *stack, uint8_t pattern);

#ifdef __cplusplus
}
#endif

#endif
