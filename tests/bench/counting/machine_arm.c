/* QEMU's mps2 boards (Cortex-M3 and M4): vectors, start-up, CMSDK UART 0, end by semihosting. */
#include "bench.h"

int main(void);
void reset(void);

extern uint32_t stack_top[], bss_start[], bss_end[];

#define UART_DATA (*(volatile uint32_t *)0x40004000)
#define UART_CTRL (*(volatile uint32_t *)0x40004008)
#define UART_BAUD (*(volatile uint32_t *)0x40004010)
#define CPACR     (*(volatile uint32_t *)0xE000ED88)

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    (uintptr_t)stack_top, (uintptr_t)reset, (uintptr_t)machine_end, (uintptr_t)machine_end};

void reset(void) {
    uint32_t *at;

    for (at = bss_start; at != bss_end; at++) {
        *at = 0;
    }
    CPACR |= 0xFu << 20; /* the floating point unit, where there is one */
    UART_BAUD = 16;
    UART_CTRL = 1;
    main();
}

void machine_put(uint8_t byte) {
    UART_DATA = byte;
}

void machine_end(void) {
    __asm__ volatile("movs r0, #0x18\n ldr r1, =0x20026\n bkpt 0xAB" ::: "r0", "r1");
    for (;;) {
    }
}

uint8_t *machine_stack_bottom(void) {
    return (uint8_t *)stack_top - 0x10000;
}

uint8_t *machine_stack_top(void) {
    uint8_t *now;

    __asm__ volatile("mov %0, sp" : "=r"(now));
    return now;
}
