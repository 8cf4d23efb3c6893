/* A port that does nothing, so that the firmware links for chips that no test can run. */
#include "port.h"

uint8_t tp_port_init(void) {
    return 0;
}

uint16_t tp_port_read(uint8_t *dst, uint16_t size) {
    (void)dst;
    (void)size;
    return 0;
}

void tp_port_write(const uint8_t *src, uint16_t size) {
    (void)src;
    (void)size;
}

void tp_port_flush(void) {
}

uint32_t tp_port_ticks(void) {
    return 0;
}

uint32_t tp_port_tick_hz(void) {
    return 1;
}

void tp_port_memory(tp_memory_t *marks) {
    marks->free_ram = 0;
    marks->stack_used = 0;
}

void tp_port_poison_stack(uint8_t pattern) {
    (void)pattern;
}

void tp_port_alive(void) {
}

void tp_port_reset(void) {
}

int main(void) {
    tp_firmware_init();
    for (;;) {
        tp_firmware_poll();
    }
}
