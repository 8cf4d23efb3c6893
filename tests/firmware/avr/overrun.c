/* Does not read for 50 byte times after the first byte, then tells what the chip has kept. */
#include "serial.h"
#include <util/delay.h>

int main(void) {
    serial_begin();
    serial_text("ready\n");
    for (;;) {
        while (!(UCSR0A & (1 << RXC0))) {
        }
        _delay_us(50 * 10 * 1e6 / BAUD);
        serial_put((UCSR0A & (1 << DOR0)) ? '!' : '.');
        while (UCSR0A & (1 << RXC0)) {
            serial_put(UDR0);
        }
        serial_put('\n');
    }
}
