/* Serial of any kind, through the calls that all cores have. */
#include "tp_family.h"
#include <Arduino.h>
#if !defined(__AVR__) || !defined(HAVE_HWSERIAL0)

uint16_t tp_family_read(uint8_t *dst, uint16_t size) {
    uint16_t count = 0;

    for (; count < size; count++) {
        const int byte = Serial.read();
        if (byte < 0) {
            break;
        }
        *dst++ = (uint8_t)byte;
    }
    return count;
}

void tp_family_write(const uint8_t *src, uint16_t size) {
    Serial.write(src, size);
}
#endif
