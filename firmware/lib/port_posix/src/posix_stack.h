/* The stack of this process, from the firmware's first frame down: painted, measured, poisoned. */
#ifndef TP_POSIX_STACK_H
#define TP_POSIX_STACK_H

#include <stdint.h>

/* Where it lies; grows downwards. */
typedef struct {
    uint8_t *low;           /* the deepest byte that is painted; NULL: no mark would be true */
    const uint8_t *high;    /* the first byte that does not count */
    const uint8_t *deepest; /* that was written before the paint was renewed */
    uint8_t paint;
} tp_posix_stack_t;

/* Paints 64 KiB below the caller and sets all but `high`, which is the caller's to set before, to
 * the frame that the firmware is called from. */
void tp_posix_stack_paint(tp_posix_stack_t *stack);

/* Bytes from the deepest that was written since to `high`; 0 = unknown: not painted, or deeper than
 * the paint. A frame's bytes that nobody wrote, or wrote the paint to, do not count if they are the
 * deepest. */
uint32_t tp_posix_stack_used(const tp_posix_stack_t *stack);

/* Fills what is free now with `pattern`, 64 KiB down like the paint; the mark stays. The caller
 * must not be deeper than the paint. */
void tp_posix_stack_poison(tp_posix_stack_t *stack, uint8_t pattern);

#endif
