/* port.h for every Arduino core: bytes go through Serial, the rest is the family's. */
#include "tp_core.h"
#include "tp_family.h"

#ifndef TP_BAUD
#define TP_BAUD 115200
#endif

uint8_t tp_port_init(void) {
    const uint8_t cause = tp_family_init();

    tp_family_open(TP_BAUD);
    return cause;
}

uint16_t tp_port_read(uint8_t *dst, uint16_t size) {
    return tp_family_read(dst, size);
}

void tp_port_write(const uint8_t *src, uint16_t size) {
    tp_family_write(src, size);
}

void tp_port_flush(void) {
    tp_family_flush();
}

uint32_t tp_port_ticks(void) {
    return tp_family_ticks();
}

uint32_t tp_port_tick_hz(void) {
    return tp_family_tick_hz();
}

void tp_port_memory(tp_memory_t *marks) {
    tp_family_memory(marks);
}

void tp_port_poison_stack(uint8_t pattern) {
    tp_family_poison_stack(pattern);
}

void tp_port_alive(void) {
    tp_family_alive();
}

void tp_port_reset(void) {
    tp_family_drain();
    tp_family_reset();
}

void setup() {
    tp_firmware_init();
}

void loop() {
    tp_firmware_poll();
}
