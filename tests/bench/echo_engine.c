/* engine.h for benchmarks and for tests of the host's side: an answer tells its sample, being the
 * sample's CRC-32 and first six bytes. TEST_DESCRIPTOR holds the descriptor, bytes with commas. */
#include "engine.h"
#include "tp_crc32.h"
#include <string.h>

enum { INPUTS = 64, OUTPUTS = 10 };

static const uint8_t descriptor[] = {TEST_DESCRIPTOR};
static uint8_t input[INPUTS];
static uint8_t output[OUTPUTS];

int tp_engine_init(void) {
    return 0;
}

uint32_t tp_engine_weights_crc32(void) {
    return 0x5EED;
}

uint16_t tp_engine_descriptor(uint16_t offset, uint8_t *dst, uint16_t size) {
    uint16_t count = 0;

    while (count < size && offset < sizeof descriptor) {
        dst[count++] = descriptor[offset++];
    }
    return count;
}

uint32_t tp_engine_input_size(void) {
    return INPUTS;
}

uint32_t tp_engine_output_size(void) {
    return OUTPUTS;
}

void tp_engine_write_input(uint32_t offset, const uint8_t *src, uint16_t size) {
    memcpy(input + offset, src, size);
}

void tp_engine_read_output(uint32_t offset, uint8_t *dst, uint16_t size) {
    memcpy(dst, output + offset, size);
}

int tp_engine_invoke(void) {
    const uint32_t crc = tp_crc32(0, input, INPUTS);

    for (int i = 0; i < 4; i++) {
        output[i] = (uint8_t)(crc >> (8 * i));
    }
    memcpy(output + 4, input, OUTPUTS - 4);
    return 0;
}

uint16_t tp_engine_layer_count(void) {
    return 1;
}

int tp_engine_invoke_observed(const tp_layer_observer_t *observer) {
    observer->before(observer->context, 0);
    (void)tp_engine_invoke();
    return observer->after(observer->context, 0, output, OUTPUTS);
}

uint32_t tp_engine_arena_used(void) {
    return INPUTS + OUTPUTS;
}

uint32_t tp_engine_arena_reserved(void) {
    return INPUTS + OUTPUTS;
}

void tp_engine_poison(uint8_t pattern) {
    memset(input, pattern, sizeof input);
    memset(output, pattern, sizeof output);
}
