/* Renesas RA4M1 (Uno R4): the core's cycle counter, the stack between heap and the end of RAM. */
#if defined(ARDUINO_ARCH_RENESAS)
#include "tp_core.h"
#include "tp_cortex_m.h"
#include "tp_family.h"
#include "tp_protocol.h"
#include "tp_stack.h"

/* The linker script's. */
extern "C" uint8_t __StackLimit[];
extern "C" uint8_t __StackTop[];

static tp_stack_t main_stack(void) {
    return {__StackLimit, __StackTop};
}

/* The flags of the last resets stay set until somebody clears them, so they prove nothing. */
uint8_t tp_family_init(void) {
    const tp_stack_t stack = main_stack();

    tp_stack_paint(&stack);
    tp_cycles_start();
    return TP_START_UNKNOWN;
}

uint32_t tp_family_ticks(void) {
    return tp_cycles();
}

uint32_t tp_family_tick_hz(void) {
    return SystemCoreClock;
}

/* What is free lies between the heap and the stack, and no symbol tells where the heap ends. A
 * stack that needs more than its own bytes shows as used up. */
void tp_family_memory(tp_memory_t *marks) {
    const tp_stack_t stack = main_stack();

    marks->free_ram = 0;
    marks->stack_used = tp_stack_used(&stack);
}

void tp_family_poison_stack(uint8_t pattern) {
    const tp_stack_t stack = main_stack();

    tp_stack_poison(&stack, pattern);
}

/* The core starts no watchdog. */
void tp_family_alive(void) {
}

void tp_family_reset(void) {
    tp_system_reset();
}
#endif
