/* What AVR's port makes of the stack: the mark and the poison, read back below the stack pointer.
 */
#include "family_avr.cpp"
#include "serial.h"

enum { DEEP = 220, LOOKED_AT = 200 };

static __attribute__((noinline)) void use(void) {
    uint8_t frame[DEEP];
    uint8_t i;

    for (i = 0; i != DEEP; i++) {
        frame[i] = i;
    }
    __asm__ volatile("" : : "r"(frame) : "memory");
}

/* Bytes of a fresh frame that hold `pattern`. */
static __attribute__((noinline)) uint8_t count(uint8_t pattern) {
    uint8_t frame[LOOKED_AT];
    uint8_t found = 0;
    uint8_t i;

    __asm__ volatile("" : : "r"(frame) : "memory"); /* written here, for all gcc knows */
    for (i = 0; i != LOOKED_AT; i++) {
        found = (uint8_t)(found + (frame[i] == pattern));
    }
    return found;
}

static __attribute__((noinline)) uint16_t mark(void) {
    tp_memory_t marks;

    tp_family_memory(&marks);
    return (uint16_t)marks.stack_used;
}

static void tell(uint16_t value, char end) {
    serial_number(value);
    serial_put((uint8_t)end);
}

int main(void) {
    static const uint8_t patterns[] = {0x00, 0xA5, PAINT, 0xFF};
    uint8_t i;

    serial_begin();
    use();
    tell(mark(), '\n');
    for (i = 0; i != sizeof patterns; i++) {
        uint8_t found;

        use();
        tp_family_poison_stack(patterns[i]);
        found = count(patterns[i]);
        tell(found, ' ');
        tell(mark(), '\n');
    }
    for (;;) {
    }
}
