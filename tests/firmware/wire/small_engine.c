/* engine.h for a board without a model: 64 bytes in, 10 out, output i is input[i] + i. */
#include "engine.h"
#include <string.h>

enum { INPUTS = 64, OUTPUTS = 10, LAYERS = 3, ARENA = INPUTS + OUTPUTS };

static uint8_t arena[ARENA];

int tp_engine_init(void) {
    return 0;
}

uint32_t tp_engine_weights_crc32(void) {
    return 0x600DC0DE;
}

uint16_t tp_engine_descriptor(uint16_t offset, uint8_t *dst, uint16_t size) {
    uint16_t count = 0;

    while (count < size && offset < 90) {
        dst[count++] = (uint8_t)offset++;
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
    memcpy(arena + offset, src, size);
}

void tp_engine_read_output(uint32_t offset, uint8_t *dst, uint16_t size) {
    memcpy(dst, arena + INPUTS + offset, size);
}

int tp_engine_invoke(void) {
    uint8_t i;

    for (i = 0; i < OUTPUTS; i++) {
        arena[INPUTS + i] = (uint8_t)(arena[i] + i);
    }
    return 0;
}

uint16_t tp_engine_layer_count(void) {
    return LAYERS;
}

int tp_engine_invoke_observed(const tp_layer_observer_t *observer) {
    uint16_t layer;

    (void)tp_engine_invoke();
    for (layer = 0; layer < LAYERS; layer++) {
        int result;
        observer->before(observer->context, layer);
        result = observer->after(observer->context, layer, arena + INPUTS, OUTPUTS);
        if (result) {
            return result;
        }
    }
    return 0;
}

uint32_t tp_engine_arena_used(void) {
    return ARENA;
}

uint32_t tp_engine_arena_reserved(void) {
    return ARENA;
}

void tp_engine_poison(uint8_t pattern) {
    memset(arena, pattern, sizeof arena);
}
