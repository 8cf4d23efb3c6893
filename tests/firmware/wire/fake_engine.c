/* engine.h without a model. Aborts when its caller breaks the contract. */
#include "fakes.h"
#include "tp_protocol.h"
#include <stdlib.h>
#include <string.h>

fake_engine_t fake_engine;

void fake_all(void) {
    memset(&fake_port, 0, sizeof fake_port);
    fake_port.memory = (tp_memory_t){1234, 567};
    fake_engine = (fake_engine_t){
        .invoke_result_at = -1,
        .input_size = 64,
        .output_size = 10,
        .layer_size = 72,
        .layers = 3,
        .layers_told = 3,
        .descriptor_size = 90,
        .layer_ticks = 1000,
        .arena_used = 368,
    };
}

static void must(int held) {
    if (!held) {
        abort();
    }
}

uint8_t fake_output(uint32_t index) {
    const uint8_t input =
        fake_engine.input_size ? fake_engine.input[index % fake_engine.input_size] : 0;

    return (uint8_t)(input + index + 1);
}

uint8_t fake_layer_output(uint16_t layer, uint32_t index) {
    return (uint8_t)(fake_output(index) + layer);
}

uint8_t fake_descriptor(uint16_t index) {
    return (uint8_t)(index * 7 + 1);
}

int tp_engine_init(void) {
    return fake_engine.init_result;
}

uint32_t tp_engine_weights_crc32(void) {
    return 0xDEADBEEF;
}

uint16_t tp_engine_descriptor(uint16_t offset, uint8_t *dst, uint16_t size) {
    uint16_t count = 0;

    for (; count < size && offset < fake_engine.descriptor_size; count++) {
        *dst++ = fake_descriptor(offset++);
    }
    return count;
}

uint32_t tp_engine_input_size(void) {
    return fake_engine.input_size;
}

uint32_t tp_engine_output_size(void) {
    return fake_engine.output_size;
}

void tp_engine_write_input(uint32_t offset, const uint8_t *src, uint16_t size) {
    must(!fake_engine.init_result);
    must(offset <= fake_engine.input_size && size <= fake_engine.input_size - offset);
    memcpy(fake_engine.input + offset, src, size);
}

void tp_engine_read_output(uint32_t offset, uint8_t *dst, uint16_t size) {
    must(offset <= fake_engine.output_size && size <= fake_engine.output_size - offset);
    for (; size != 0; size--) {
        *dst++ = fake_output(offset++);
    }
}

int tp_engine_invoke(void) {
    must(!fake_engine.init_result);
    fake_engine.invocations++;
    fake_port.ticks += fake_engine.layers * fake_engine.layer_ticks;
    return fake_engine.invoke_result;
}

uint16_t tp_engine_layer_count(void) {
    return fake_engine.layers_told;
}

int tp_engine_invoke_observed(const tp_layer_observer_t *observer) {
    static uint8_t output[FAKE_ARENA];
    uint16_t layer;

    must(!fake_engine.init_result && fake_engine.layer_size <= sizeof output);
    fake_engine.invocations++;
    for (layer = 0; layer < fake_engine.layers; layer++) {
        uint32_t i;
        int result;
        observer->before(observer->context, layer);
        for (i = 0; i < fake_engine.layer_size; i++) {
            output[i] = fake_layer_output(layer, i);
        }
        fake_port.ticks += fake_engine.layer_ticks + layer;
        result = observer->after(observer->context, layer, output, fake_engine.layer_size);
        if (result) {
            return result;
        }
        if (layer == fake_engine.invoke_result_at) {
            return fake_engine.invoke_result;
        }
    }
    return 0;
}

uint32_t tp_engine_arena_used(void) {
    return fake_engine.arena_used;
}

uint32_t tp_engine_arena_reserved(void) {
    return FAKE_ARENA;
}

void tp_engine_poison(uint8_t pattern) {
    fake_engine.poisonings++;
    memset(fake_engine.input, pattern, sizeof fake_engine.input);
}
