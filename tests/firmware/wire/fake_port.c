/* port.h without hardware: input is an array, output is recorded, the clock counts its readings. */
#include "fakes.h"
#include "tp_protocol.h"
#include <assert.h>
#include <string.h>

fake_port_t fake_port;
uint8_t fake_output_bytes[FAKE_OUTPUT];

uint8_t tp_port_init(void) {
    return TP_START_WATCHDOG;
}

uint16_t tp_port_read(uint8_t *dst, uint16_t size) {
    size_t count = fake_port.input_size < size ? fake_port.input_size : size;

    if (fake_port.chunk != 0 && count > fake_port.chunk) {
        count = fake_port.chunk;
    }
    memcpy(dst, fake_port.input, count);
    fake_port.input += count;
    fake_port.input_size -= count;
    return (uint16_t)count;
}

void tp_port_write(const uint8_t *src, uint16_t size) {
    if (fake_port.output_size + size > sizeof fake_output_bytes) {
        fake_port.output_size = 0; /* a long fuzz input; nobody looks */
    }
    memcpy(fake_output_bytes + fake_port.output_size, src, size);
    fake_port.output_size += size;
}

void tp_port_flush(void) {
    fake_port.flushes++;
}

uint32_t tp_port_ticks(void) {
    return fake_port.ticks += fake_port.ticks_step;
}

uint32_t tp_port_tick_hz(void) {
    return 1000000;
}

void tp_port_memory(tp_memory_t *marks) {
    *marks = fake_port.memory;
}

void tp_port_poison_stack(uint8_t pattern) {
    fake_port.poisonings++;
    fake_port.pattern = pattern;
}

void tp_port_alive(void) {
    fake_port.alive++;
}

void tp_port_reset(void) {
    fake_port.resets++;
}
