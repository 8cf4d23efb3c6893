/* AVR: cycles from Timer1, the stack painted before main(), reset through the watchdog.
 *
 * Timer0's interrupt (millis, micros, delay) is masked: it would disturb every measurement and
 * nothing here needs it. The clock counts single cycles and leaves out its own interrupt, so that
 * the same code takes the same ticks at any phase of the counter.
 */
#if defined(__AVR__)
#include "tp_family.h"
#include "tp_protocol.h"
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>

enum {
    PAINT = 0xC5,
    RESTARTED = 0x5AFE,
};

/* All state of the family. Not cleared at the start: the reset flags are saved before that. */
static struct {
    volatile uint32_t overflows; /* of Timer1, that is of the cycle count's lower 16 bits */
    uint8_t overflow_cycles;     /* that one overflow takes from the program */
    uint8_t reset_flags;
    uint16_t restarted; /* RESTARTED: tp_family_reset() was the cause */
} family __attribute__((section(".noinit")));

extern uint8_t __heap_start; /* first byte after the static data */

/* Runs before main(), without a stack frame: saves why the processor started, stops a watchdog that
 * would strike again, and paints all RAM between static data and stack. */
void tp_family_early(void) __attribute__((naked, used, section(".init3")));
void tp_family_early(void) {
    uint8_t *byte = &__heap_start;

    family.reset_flags = MCUSR;
    MCUSR = 0;
    wdt_disable();
    while (byte != (uint8_t *)SP) {
        *byte++ = PAINT;
    }
}

/* Always the same number of cycles: 34 here, 3 for the vector's jump, 4 to enter (which simavr 1.6
 * leaves out; hence the number is measured at the start). */
ISR(TIMER1_OVF_vect, ISR_NAKED) {
    __asm__ volatile("push r24\n\t"
                     "in   r24, __SREG__\n\t"
                     "push r24\n\t"
                     "lds  r24, %[count]\n\t"
                     "subi r24, 0xFF\n\t"
                     "sts  %[count], r24\n\t"
                     "lds  r24, %[count] + 1\n\t"
                     "sbci r24, 0xFF\n\t"
                     "sts  %[count] + 1, r24\n\t"
                     "lds  r24, %[count] + 2\n\t"
                     "sbci r24, 0xFF\n\t"
                     "sts  %[count] + 2, r24\n\t"
                     "lds  r24, %[count] + 3\n\t"
                     "sbci r24, 0xFF\n\t"
                     "sts  %[count] + 3, r24\n\t"
                     "pop  r24\n\t"
                     "out  __SREG__, r24\n\t"
                     "pop  r24\n\t"
                     "reti"
                     :
                     : [count] "i"(&family.overflows));
}

static uint8_t start_cause(void) {
    if (family.restarted == RESTARTED) {
        return TP_START_SOFTWARE;
    }
    if (family.reset_flags & _BV(PORF)) {
        return TP_START_POWER_ON;
    }
    if (family.reset_flags & _BV(BORF)) {
        return TP_START_BROWN_OUT;
    }
    if (family.reset_flags & _BV(EXTRF)) {
        return TP_START_EXTERNAL;
    }
    /* Bootloaders may clear the flags before they start the program. */
    return family.reset_flags & _BV(WDRF) ? TP_START_WATCHDOG : TP_START_UNKNOWN;
}

/* Cycles that the counter sees pass in a fixed piece of code. */
static __attribute__((noinline)) uint16_t cycles_from(uint16_t start) {
    TCNT1 = start;
    __builtin_avr_delay_cycles(80);
    return TCNT1 - start;
}

uint8_t tp_family_init(void) {
    const uint8_t cause = start_cause();

    family.restarted = 0;
    family.overflows = 0;
    family.overflow_cycles = 0;
    TIMSK0 = 0;
    TCCR1A = 0;
    TCCR1B = _BV(CS10);
    TCNT1 = 0;
    TIFR1 = _BV(TOV1);
    TIMSK1 = _BV(TOIE1);
    sei();
    family.overflow_cycles = (uint8_t)(cycles_from(UINT16_MAX - 20) - cycles_from(0));
    family.overflows = 0;
    return cause;
}

uint32_t tp_family_ticks(void) {
    const uint8_t status = SREG;
    uint32_t overflows;
    uint16_t cycles;
    uint8_t pending = 0; /* an interrupt is still to come, and with it its cycles */

    cli();
    cycles = TCNT1;
    overflows = family.overflows;
    if ((TIFR1 & _BV(TOV1)) && cycles < 0x8000) {
        pending = 1;
    }
    SREG = status;
    return ((overflows + pending) << 16 | cycles) - overflows * family.overflow_cycles;
}

uint32_t tp_family_tick_hz(void) {
    return F_CPU;
}

/* The deepest byte that the stack ever took: the first that lost its paint. */
static __attribute__((noinline)) uint8_t *deepest(void) {
    uint8_t *byte = &__heap_start;

    while (*byte == PAINT && byte != (uint8_t *)RAMEND) {
        byte++;
    }
    return byte;
}

void tp_family_memory(tp_memory_t *marks) {
    const uint8_t *byte = deepest();

    marks->free_ram = (uint16_t)(byte - &__heap_start);
    marks->stack_used = (uint16_t)((const uint8_t *)RAMEND + 1 - byte);
}

/* What lies deeper holds nothing but paint. The deepest byte itself stays, and with it the mark,
 * whatever the pattern is. Interrupts may use the same bytes meanwhile: they leave none behind. */
void tp_family_poison_stack(uint8_t pattern) {
    uint8_t *byte = deepest();

    while (++byte < (uint8_t *)SP) {
        *byte = pattern;
    }
}

void tp_family_alive(void) {
    wdt_reset();
}

void tp_family_reset(void) {
    family.restarted = RESTARTED;
    cli();
    wdt_enable(WDTO_15MS);
    for (;;) {
    }
}
#endif
