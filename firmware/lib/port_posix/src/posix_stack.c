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

__attribute__((noinline)) void tp_posix_stack_poison(tp_posix_stack_t *stack, uint8_t pattern) {
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
    stack->deepest = stack->high;
    stack->paint = PAINT;
}

#endif

/* The deepest byte that was ever written; `low` if the paint is gone. */
static const uint8_t *deepest(const tp_posix_stack_t *stack) {
    const volatile uint8_t *byte = stack->low;

    while (byte != stack->deepest && *byte == stack->paint) {
        byte++;
    }
    return (const uint8_t *)byte;
}

uint32_t tp_posix_stack_used(const tp_posix_stack_t *stack) {
    const uint8_t *byte = stack->low ? deepest(stack) : NULL;

    return byte == stack->low ? 0 : (uint32_t)(stack->high - byte);
}

#if !defined(FRAMES_ELSEWHERE)

/* The poison is the new paint, as far down as the old one: what reads stack that nobody ever wrote
 * shall meet it, too. It is a frame that begins below the paint, lest memset()'s own be above. */
__attribute__((noinline)) void tp_posix_stack_poison(tp_posix_stack_t *stack, uint8_t pattern) {
    const size_t size = (size_t)((const uint8_t *)__builtin_frame_address(0) - stack->low);
    uint8_t *const frame = leaked(__builtin_alloca(size));

    stack->deepest = deepest(stack);
    stack->paint = pattern;
    memset(stack->low, pattern, size - (size_t)(stack->low - frame));
}

#endif
