/* What a bare AVR program sees of run.c: bytes in, bytes out, marks of the cycle count. */
#ifndef BARE_H
#define BARE_H

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

/* Marks this cycle with a number. Takes the cycles of `ldi` and `out`: see bare_mark_cost. */
#define BARE_MARK(value) (GPIOR0 = (value))

static inline void bare_put(uint8_t byte) {
    GPIOR1 = byte;
}

static inline uint8_t bare_get(void) {
    return GPIOR2;
}

static inline void bare_put_all(const void *from, uint16_t size) {
    const uint8_t *byte = from;

    for (; size != 0; size--) {
        bare_put(*byte++);
    }
}

static inline void bare_get_all(void *to, uint16_t size) {
    uint8_t *byte = to;

    for (; size != 0; size--) {
        *byte++ = bare_get();
    }
}

/* Ends the simulation. */
static inline void bare_end(void) {
    cli();
    sleep_enable();
    sleep_cpu();
}

#endif
