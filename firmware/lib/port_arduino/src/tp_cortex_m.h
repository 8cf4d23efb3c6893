/* What all Cortex-M3, M4 and M7 have: a counter of the core's cycles, and a reset.
 *
 * Registers by their addresses, which are the architecture's and the same on every chip. Source:
 * ARMv7-M Architecture Reference Manual, C1.6.5 DEMCR, C1.8 DWT, B3.2.3 CPUID, B3.2.6 AIRCR; the
 * lock is CoreSight's, which only the Cortex-M7 has.
 */
#ifndef TP_CORTEX_M_H
#define TP_CORTEX_M_H

#include <stdint.h>

#define TP_CPUID        (*(const volatile uint32_t *)0xE000ED00u)
#define TP_CPUID_PART   0xFFF0u
#define TP_CPUID_M7     0xC270u
#define TP_DEMCR        (*(volatile uint32_t *)0xE000EDFCu)
#define TP_DEMCR_TRCENA (1u << 24)
#define TP_DWT_CTRL     (*(volatile uint32_t *)0xE0001000u)
#define TP_DWT_CYCCNT   (*(volatile uint32_t *)0xE0001004u)
#define TP_DWT_LAR      (*(volatile uint32_t *)0xE0001FB0u)
#define TP_DWT_UNLOCK   0xC5ACCE55u
#define TP_AIRCR        (*(volatile uint32_t *)0xE000ED0Cu)
#define TP_AIRCR_RESET  0x05FA0004u /* the key, and SYSRESETREQ */

/* Starts the counter. It stands still while the core sleeps. */
static inline void tp_cycles_start(void) {
    TP_DEMCR |= TP_DEMCR_TRCENA;
    if ((TP_CPUID & TP_CPUID_PART) == TP_CPUID_M7) {
        TP_DWT_LAR = TP_DWT_UNLOCK;
    }
    TP_DWT_CTRL |= 1u;
}

/* Cycles since any instant, modulo 2^32. */
static inline uint32_t tp_cycles(void) {
    return TP_DWT_CYCCNT;
}

/* Resets the whole chip; does not return. */
static inline void tp_system_reset(void) {
    __asm__ volatile("dsb" ::: "memory");
    TP_AIRCR = TP_AIRCR_RESET;
    __asm__ volatile("dsb" ::: "memory");
    for (;;) {
    }
}

#endif
