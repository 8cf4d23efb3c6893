/* Greets, then echoes every byte, both ways at full speed. */
#include <avr/interrupt.h>

#include "serial.h"

static volatile uint8_t ring[256];
static volatile uint8_t head;
static volatile uint8_t tail;

ISR(USART0_RX_vect) {
    ring[head++] = UDR0;
}

int main(void) {
    serial_begin();
    UCSR0B |= 1 << RXCIE0;
    sei();
    serial_text("echo\n");
    for (;;) {
        if (head != tail) {
            serial_put(ring[tail++]);
        }
    }
}
