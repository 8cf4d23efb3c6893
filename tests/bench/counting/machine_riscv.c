/* QEMU's riscv32 virt board: start-up, 16550 UART, end by the test device. */
#include "bench.h"

extern uint32_t stack_top[];

#define UART_DATA (*(volatile uint8_t *)0x10000000)
#define TEST      (*(volatile uint32_t *)0x100000)

__asm__(".section .start, \"ax\"\n"
        ".globl start\n"
        "start:\n"
        "  la sp, stack_top\n"
        "  la t0, bss_start\n"
        "  la t1, bss_end\n"
        "1: sw zero, 0(t0)\n"
        "  addi t0, t0, 4\n"
        "  bltu t0, t1, 1b\n"
        "  j main\n"
        ".text\n");

void machine_put(uint8_t byte) {
    UART_DATA = byte;
}

void machine_end(void) {
    TEST = 0x5555;
    for (;;) {
    }
}

uint8_t *machine_stack_bottom(void) {
    return (uint8_t *)stack_top - 0x10000;
}

uint8_t *machine_stack_top(void) {
    uint8_t *now;

    __asm__ volatile("mv %0, sp" : "=r"(now));
    return now;
}
