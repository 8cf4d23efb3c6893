/* Serial of any kind, through the calls that all cores have. */
#include "tp_core.h"
#include "tp_family.h"
#if !(defined(__AVR__) && defined(HAVE_HWSERIAL0)) && !defined(ARDUINO_ARCH_ESP32) &&              \
    !defined(ARDUINO_ARCH_MBED)

enum {
    /* USB's flush() does not wait for the host to fetch the bytes, which it does every millisecond.
     */
    FETCH_MS = 10,
};

void tp_family_open(uint32_t baud) {
    Serial.begin(baud);
}

uint16_t tp_family_read(uint8_t *dst, uint16_t size) {
    uint16_t count = 0;

    for (; count < size; count++) {
        const int next = Serial.read();
        if (next < 0) {
            break;
        }
        *dst++ = (uint8_t)next;
    }
    return count;
}

void tp_family_write(const uint8_t *src, uint16_t size) {
    Serial.write(src, size);
}

/* Over USB, the only way to get a packet off that is not full; it does not wait there. */
void tp_family_flush(void) {
    Serial.flush();
}

void tp_family_drain(void) {
    Serial.flush();
    delay(FETCH_MS);
}
#endif
