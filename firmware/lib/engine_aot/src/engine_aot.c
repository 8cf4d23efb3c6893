/* Engine aot: engine.h over the plan in model.h. */
#include <string.h>

#include "engine.h"
#include "tp_matvec.h" /* makes PlatformIO's dependency finder see the kernels */
#include "tp_plan.h"
#include "tp_protocol.h"

#define TP_MODEL_AOT
#define TP_MODEL_FORMAT_SUPPORTED TP_MODEL_FORMAT
#ifdef TP_MODEL_HEADER
#include TP_MODEL_HEADER
#else
#include "model.h" /* by its name, so that build tools see what this depends on */
#endif

int tp_engine_init(void) {
    return 0;
}

/* CRC-32 over flash, bit by bit: it runs once, and a table would cost memory for ever. */
static uint32_t tp_flash_crc32(uint32_t crc, const TP_FLASH uint8_t *data, uint32_t size) {
    uint8_t bit;

    crc = ~crc;
    for (; size != 0; size--) {
        crc ^= *data++;
        for (bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

uint32_t tp_engine_weights_crc32(void) {
    uint32_t crc = 0;
    uint16_t block;

    for (block = 0; block != TP_MODEL_WEIGHT_BLOCKS; block++) {
        crc = tp_flash_crc32(crc, (const TP_FLASH uint8_t *)tp_weight_blocks[block].data,
                             tp_weight_blocks[block].size);
    }
    return crc;
}

uint16_t tp_engine_descriptor(uint16_t offset, uint8_t *dst, uint16_t size) {
    uint16_t copied = 0;

    while (copied < size && offset < sizeof tp_model_descriptor) {
        dst[copied++] = tp_model_descriptor[offset++];
    }
    return copied;
}

uint32_t tp_engine_input_size(void) {
    return TP_MODEL_INPUT_BYTES;
}

uint32_t tp_engine_output_size(void) {
    return TP_MODEL_OUTPUT_BYTES;
}

/* Finds the bytes at `offset` of the concatenated `spans`; cuts `size` to what is contiguous there.
 */
static uint8_t *tp_locate(const TP_FLASH tp_span_t *spans, uint32_t offset, uint16_t *size) {
    while (offset >= spans->size) {
        offset -= spans->size;
        spans++;
    }
    if (*size > spans->size - offset) {
        *size = (uint16_t)(spans->size - offset);
    }
    return (uint8_t *)tp_arena.s8 + spans->offset + offset;
}

void tp_engine_write_input(uint32_t offset, const uint8_t *src, uint16_t size) {
    while (size != 0) {
        uint16_t part = size;
        uint8_t *to = tp_locate(tp_inputs, offset, &part);

        memcpy(to, src, part);
        src += part;
        offset += part;
        size = (uint16_t)(size - part);
    }
}

void tp_engine_read_output(uint32_t offset, uint8_t *dst, uint16_t size) {
    while (size != 0) {
        uint16_t part = size;
        const uint8_t *from = tp_locate(tp_outputs, offset, &part);

        memcpy(dst, from, part);
        dst += part;
        offset += part;
        size = (uint16_t)(size - part);
    }
}

int tp_engine_invoke(void) {
    tp_model_run();
    return 0;
}

uint16_t tp_engine_layer_count(void) {
    return TP_MODEL_LAYERS;
}

int tp_engine_invoke_observed(const tp_layer_observer_t *observer) {
    uint16_t layer;

    for (layer = 0; layer != TP_MODEL_LAYERS; layer++) {
        const TP_FLASH tp_step_t *step = &tp_steps[layer];
        int result;

        observer->before(observer->context, layer);
        step->run();
        result =
            observer->after(observer->context, layer,
                            (const uint8_t *)tp_arena.s8 + step->output.offset, step->output.size);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

uint32_t tp_engine_arena_used(void) {
    return TP_MODEL_ARENA_BYTES;
}

uint32_t tp_engine_arena_reserved(void) {
    return sizeof tp_arena;
}

void tp_engine_poison(uint8_t pattern) {
    memset(&tp_arena, pattern, sizeof tp_arena);
}
