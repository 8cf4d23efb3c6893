/* ESP32's UART driver: buffers of our sizes, which must be set before the port opens. */
#if defined(ARDUINO_ARCH_ESP32)
#include "tp_core.h"
#include "tp_family.h"
#include "tp_wire.h"

enum {
    /* What one interrupt may bring at once: the hardware's own buffer, twice. */
    SPARE = 256,
};

void tp_family_open(uint32_t baud) {
    Serial.setRxBufferSize(TP_RX_WINDOW + SPARE);
    Serial.setTxBufferSize(TP_MAX_FRAME + SPARE);
    Serial.begin(baud);
}

uint16_t tp_family_read(uint8_t *dst, uint16_t size) {
    return (uint16_t)Serial.read(dst, size);
}

void tp_family_write(const uint8_t *src, uint16_t size) {
    Serial.write(src, size);
}

/* The driver sends while the processor works. */
void tp_family_flush(void) {
}

void tp_family_drain(void) {
    Serial.flush();
}
#endif
