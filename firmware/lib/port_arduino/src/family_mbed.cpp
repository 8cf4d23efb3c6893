/* Arduino's boards over Mbed OS (Nano 33 BLE, Portenta, RP2040): cycles, the main thread's stack.
 */
#if defined(ARDUINO_ARCH_MBED)
#include "tp_core.h"
#include "tp_family.h"
#include "tp_protocol.h"
#include "tp_stack.h"
#include <hal/reset_reason_api.h>
#include <rtos/Kernel.h>
#include <rtx_os.h>
#if !defined(__ARM_ARCH_6M__)
#include "tp_cortex_m.h"
#endif

/* The linker script's: where the heap ends at the latest. */
extern "C" uint8_t __HeapLimit[];

/* The core's: moves the end of the heap by so many bytes, and returns where it was. */
extern "C" void *_sbrk(int increment);

enum {
    /* RTX keeps a magic word at the lowest address of each stack, to see it overflow. */
    GUARD = 8,
};

/* The stack of the thread that runs setup() and loop(); interrupts have one of their own. */
static tp_stack_t main_stack(void) {
    const osRtxThread_t *thread = (const osRtxThread_t *)osThreadGetId();
    uint8_t *low = (uint8_t *)thread->stack_mem;

    return {low + GUARD, low + thread->stack_size};
}

static uint8_t start_cause(void) {
#if DEVICE_RESET_REASON
    switch (hal_reset_reason_get()) {
    case RESET_REASON_POWER_ON:
        return TP_START_POWER_ON;
    case RESET_REASON_PIN_RESET:
        return TP_START_EXTERNAL;
    case RESET_REASON_BROWN_OUT:
        return TP_START_BROWN_OUT;
    case RESET_REASON_SOFTWARE:
        return TP_START_SOFTWARE;
    case RESET_REASON_WATCHDOG:
        return TP_START_WATCHDOG;
    case RESET_REASON_LOCKUP:
        return TP_START_PANIC;
    default:
        return TP_START_UNKNOWN;
    }
#else
    return TP_START_UNKNOWN;
#endif
}

/* The idle thread runs this instead of going to sleep, which would stop the cycle counter. */
static void stay_awake(void) {
}

uint8_t tp_family_init(void) {
    const tp_stack_t stack = main_stack();

    tp_stack_paint(&stack);
    rtos::Kernel::attach_idle_hook(stay_awake);
#if !defined(__ARM_ARCH_6M__)
    tp_cycles_start();
#endif
    return start_cause();
}

/* A Cortex-M0+ has no cycle counter. Its SysTick counts cycles too, but is the operating system's,
 * which joins it with the number of its turns. */
uint32_t tp_family_ticks(void) {
#if defined(__ARM_ARCH_6M__)
    return osKernelGetSysTimerCount();
#else
    return tp_cycles();
#endif
}

uint32_t tp_family_tick_hz(void) {
#if defined(__ARM_ARCH_6M__)
    return osKernelGetSysTimerFreq();
#else
    return SystemCoreClock;
#endif
}

void tp_family_memory(tp_memory_t *marks) {
    const tp_stack_t stack = main_stack();

    marks->free_ram = (uint32_t)(__HeapLimit - (const uint8_t *)_sbrk(0));
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
    NVIC_SystemReset();
}
#endif
