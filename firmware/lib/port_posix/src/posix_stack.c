/* Paints, measures and poisons this process's stack.
 *
 * The system maps stack where it is touched and takes nothing back, so paint below the stack
 * pointer stays until a deeper call overwrites it. Signal handlers must run on another stack.
 */
#include "posix_stack.h"
#include <stddef.h>
#include <string.h>

enum {
    PAINTED = 65536, /* bytes */
    PAINT = 0xA5,
};

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FRAMES_ELSEWHERE
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FRAMES_ELSEWHERE
#endif

/* A frame's address must not leave its function, for all the compiler knows; and somebody reads it.
 * A call would write below the frame. */
__attribute__((always_inline)) static inline uint8_t *leaked(uint8_t *frame) {
    __asm__ volatile("" : "+r"(frame) : : "memory");
    return frame;
}

#if defined(FRAMES_ELSEWHERE)

/* AddressSanitizer widens frames and may keep them on a heap: what it leaves is no mark. */
void tp_posix_stack_paint(tp_posix_stack_t *stack) {
    stack->low = NULL;
}

__attribute__((noinline)) void tp_posix_stack_poison(const tp_posix_stack_t *stack,
                                                     uint8_t pattern) {
    uint8_t frame[PAINTED];

    (void)stack;
    memset(frame, pattern, sizeof frame);
    (void)leaked(frame);
}

#else

/* The system extends a stack to where its pointer is, and need not extend it to an address below:
 * so the paint is a frame. */
__attribute__((noinline)) void tp_posix_stack_paint(tp_posix_stack_t *stack) {
    uint8_t frame[PAINTED];

    memset(frame, PAINT, sizeof frame);
    stack->low = leaked(frame);
}

#endif

/* The deepest byte that was written since the paint; `low` if that is gone. */
static uint8_t *deepest(const tp_posix_stack_t *stack) {
    volatile uint8_t *byte = stack->low;

    while (byte != stack->high && *byte == PAINT) {
        byte++;
    }
    return (uint8_t *)byte;
}

uint32_t tp_posix_stack_used(const tp_posix_stack_t *stack) {
    const uint8_t *byte = stack->low ? deepest(stack) : NULL;

    return byte == stack->low ? 0 : (uint32_t)(stack->high - byte);
}

#if !defined(FRAMES_ELSEWHERE)

/* The poison is a frame, too, that ends where the paint begins; byte by byte, lest the compiler
 * calls memset() and with it writes below. */
__attribute__((noinline)) void tp_posix_stack_poison(const tp_posix_stack_t *stack,
                                                     uint8_t pattern) {
    const uint8_t *const last = deepest(stack);
    const uint8_t *const here = __builtin_frame_address(0);
    const size_t size = here > last ? (size_t)(here - last) : 0;
    volatile uint8_t *const frame = leaked(__builtin_alloca(size));
    size_t i;

    for (i = 0; i != size; i++) {
        if (frame + i > last) {
            frame[i] = pattern;
        }
    }
}

#endif
