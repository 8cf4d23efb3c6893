/* Mbed's USB serial port, one packet of 64 bytes after the other. */
#if defined(ARDUINO_ARCH_MBED)
#include "tp_core.h"
#include "tp_family.h"

enum {
    PACKET = 64,
};

/* The core's main() has opened the port; a second begin() would start a second thread for it. */
void tp_family_open(uint32_t baud) {
    (void)baud;
}

uint16_t tp_family_read(uint8_t *dst, uint16_t size) {
    const int waiting = Serial.available();
    const uint16_t count = waiting < (int)size ? (uint16_t)waiting : size;

    for (uint16_t i = 0; i < count; i++) {
        dst[i] = (uint8_t)Serial.read();
    }
    return count;
}

/* Each call of write() sends packets of its own and waits for them. The host's driver waits for
 * more after a full packet, and the core sends no empty one to end the transfer: so the last packet
 * must not be full. */
void tp_family_write(const uint8_t *src, uint16_t size) {
    if (size != 0 && size % PACKET == 0) {
        Serial.write(src, size - 1u);
        src += size - 1u;
        size = 1;
    }
    Serial.write(src, size);
}

void tp_family_flush(void) {
}

void tp_family_drain(void) {
}
#endif
