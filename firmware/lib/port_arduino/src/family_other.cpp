/* Families without a file of their own: a clock of 1 MHz from micros(); no memory marks, no reset,
 * no poisoned stack: where it ends is the operating system's or the core's own affair. */
#if !defined(__AVR__) && !defined(ARDUINO_ARCH_ESP32) && !defined(ARDUINO_ARCH_MBED) &&            \
    !defined(ARDUINO_ARCH_RENESAS) && !(defined(TEENSYDUINO) && defined(__IMXRT1062__))
#include "tp_core.h"
#include "tp_family.h"
#include "tp_protocol.h"

uint8_t tp_family_init(void) {
    return TP_START_UNKNOWN;
}

uint32_t tp_family_ticks(void) {
    return micros();
}

uint32_t tp_family_tick_hz(void) {
    return 1000000;
}

void tp_family_memory(tp_memory_t *marks) {
    marks->free_ram = 0;
    marks->stack_used = 0;
}

void tp_family_poison_stack(uint8_t pattern) {
    (void)pattern;
}

void tp_family_alive(void) {
}

/* Begins again without a reset: the session is forgotten, and the host is told. */
void tp_family_reset(void) {
    tp_firmware_init();
}
#endif
