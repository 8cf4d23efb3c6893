/* ATmega under avr_count: bytes leave through GPIOR0, the end is a sleep with interrupts off. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#include "bench.h"

extern uint8_t __heap_start;

void machine_put(uint8_t byte) {
    GPIOR0 = byte;
}

void machine_end(void) {
    cli();
    sleep_enable();
    sleep_cpu();
    for (;;) {
    }
}

uint8_t *machine_stack_bottom(void) {
    return &__heap_start;
}

uint8_t *machine_stack_top(void) {
    return (uint8_t *)SP;
}
