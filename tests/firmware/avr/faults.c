/* Goes wrong in the way that a command asks for. */
#include <avr/interrupt.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "serial.h"

int main(void) {
    MCUSR = 0; /* else the watchdog stays on after it has bitten */
    wdt_disable();
    serial_begin();
    serial_text("ready\n");
    switch (serial_get()) {
    case 'w': /* hang with the watchdog on */
        wdt_enable(WDTO_15MS);
        break;
    case 'p': /* the same, with another period before */
        wdt_enable(WDTO_2S);
        wdt_enable(WDTO_15MS);
        break;
    case 'c': /* write beyond the RAM */
        *(volatile uint8_t *)0xfff0 = 1;
        break;
    case 's': /* sleep for good */
        cli();
        sleep_mode();
        break;
    default:
        break;
    }
    for (;;) {
    }
}
