/* Teensy 4: the core's cycle counter, the stack above the static data in the tightly coupled RAM.
 */
#if defined(TEENSYDUINO) && defined(__IMXRT1062__)
#include "tp_core.h"
#include "tp_cortex_m.h"
#include "tp_family.h"
#include "tp_protocol.h"
#include "tp_stack.h"

/* The linker script's: the end of the static data, and of the RAM that the code has left. */
extern "C" uint8_t _ebss[];
extern "C" uint8_t _estack[];

/* Bits of SRC_SRSR. Source: i.MX RT1060 Processor Reference Manual, System Reset
 * Controller. */
enum {
    POWER_UP = 1 << 0,
    LOCKUP_OR_REQUEST = 1 << 1,
    USER = 1 << 3,
    WATCHDOGS = 1 << 4 | 1 << 7,
};

static tp_stack_t main_stack(void) {
    return {_ebss, _estack};
}

/* The flags stay set until a one is written to them. */
static uint8_t start_cause(void) {
    const uint32_t flags = SRC_SRSR;

    SRC_SRSR = flags;
    if (flags & WATCHDOGS) {
        return TP_START_WATCHDOG;
    }
    if (flags & LOCKUP_OR_REQUEST) {
        return TP_START_SOFTWARE;
    }
    if (flags & USER) {
        return TP_START_EXTERNAL;
    }
    return flags & POWER_UP ? TP_START_POWER_ON : TP_START_UNKNOWN;
}

uint8_t tp_family_init(void) {
    const tp_stack_t stack = main_stack();

    tp_stack_paint(&stack);
    tp_cycles_start();
    return start_cause();
}

uint32_t tp_family_ticks(void) {
    return tp_cycles();
}

uint32_t tp_family_tick_hz(void) {
    return F_CPU_ACTUAL;
}

/* The heap has 512 KiB of RAM of its own, which are not counted. */
void tp_family_memory(tp_memory_t *marks) {
    const tp_stack_t stack = main_stack();

    marks->free_ram = tp_stack_unused(&stack);
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
