/* Engine tflm: engine.h over TensorFlow Lite Micro. */
#include <new>
#include <string.h>

#include "engine.h"
#include "tp_protocol.h"
#include "tp_tflm.h"

#define TP_MODEL_TFLM
#define TP_MODEL_FORMAT_SUPPORTED TP_MODEL_FORMAT
#ifdef TP_MODEL_HEADER
#include TP_MODEL_HEADER
#else
#include "model.h" /* by its name, so that build tools see what this depends on */
#endif

/* Bytes of the arena: as the host found; a build flag may give more, for kernels that take more. */
#ifndef TP_TFLM_ARENA_BYTES
#define TP_TFLM_ARENA_BYTES TP_MODEL_ARENA_BYTES
#endif

namespace {

using tinyproof::Arena;
using tinyproof::Interpreter;
using tinyproof::Layer;
using tinyproof::Profiler;

typedef tflite::MicroMutableOpResolver<TP_MODEL_OPERATORS> Resolver;

const Layer layers[] = TP_MODEL_LAYER_TENSORS;
const uint32_t input_sizes[] = TP_MODEL_INPUT_SIZES;
const uint32_t output_sizes[] = TP_MODEL_OUTPUT_SIZES;

/* Exactly the operators of the model. */
bool add_operators(Resolver *resolver) {
#define TP_ADD(name)                                                                               \
    if (resolver->Add##name() != kTfLiteOk) {                                                      \
        return false;                                                                              \
    }
    TP_MODEL_OPERATOR_LIST(TP_ADD)
#undef TP_ADD
    return true;
}

/* Everything that lives as long as the firmware, in the order of construction. */
struct Parts {
    Resolver resolver;
    Arena arena;
    tflite::GreedyMemoryPlanner planner;
    Interpreter interpreter;
    Profiler profiler;

    Parts(uint8_t *buffer, size_t size)
        : resolver(), arena(buffer, size), planner(),
          interpreter(tflite::GetModel(tp_model_data), resolver,
                      tflite::MicroAllocator::Create(&arena, &planner), nullptr, &profiler),
          profiler(interpreter, layers, TP_MODEL_LAYERS) {
    }
};

/* All state of the engine. No constructor runs before tp_engine_init(), no destructor ever. */
struct {
    alignas(16) uint8_t arena[TP_TFLM_ARENA_BYTES];
    alignas(Parts) uint8_t storage[sizeof(Parts)];
    Parts *parts;
    uint32_t needed; /* bytes of the arena, where it was too small */
} engine;

/* What TFLM asks for before it checks anything: with less it would not fail but crash. */
size_t least_arena() {
    return tflite::MicroAllocator::GetDefaultTailUsage(true) + 64;
}

/* Whether TFLM's tensors are what the host counts with: a library that was compiled with other
 * settings than its headers lays its structs out differently. */
bool fits(const TfLiteTensor *tensor, uint32_t size) {
    return tensor != nullptr && tensor->bytes == size && tensor->data.raw >= (char *)engine.arena &&
           tensor->data.raw + size <= (char *)engine.arena + sizeof engine.arena;
}

bool interface_fits(Interpreter *interpreter) {
    if (interpreter->inputs_size() != TP_MODEL_INPUTS ||
        interpreter->outputs_size() != TP_MODEL_OUTPUTS) {
        return false;
    }
    for (size_t i = 0; i != TP_MODEL_INPUTS; i++) {
        if (!fits(interpreter->input(i), input_sizes[i])) {
            return false;
        }
    }
    for (size_t i = 0; i != TP_MODEL_OUTPUTS; i++) {
        if (!fits(interpreter->output(i), output_sizes[i])) {
            return false;
        }
    }
    return true;
}

/* The largest figure known: the host's, or what was lacking when allocation ended. */
int arena_too_small(size_t lacking) {
    engine.needed = sizeof engine.arena < TP_MODEL_ARENA_BYTES ? TP_MODEL_ARENA_BYTES : 0;
    if (engine.needed < lacking) {
        engine.needed = (uint32_t)lacking;
    }
    engine.parts = nullptr;
    return -TP_ERROR_ARENA;
}

int allocate() {
    Parts *const parts = new (engine.storage) Parts(engine.arena, sizeof engine.arena);

    engine.parts = parts;
    if (!add_operators(&parts->resolver)) {
        return -TP_ERROR_ENGINE;
    }
    if (setjmp(parts->arena.lacking) != 0) {
        return arena_too_small(engine.parts->arena.needed());
    }
    parts->arena.preparing = true;
    if (parts->interpreter.AllocateTensors() != kTfLiteOk) {
        const size_t lacking = parts->arena.needed();
        return lacking != 0 ? arena_too_small(lacking) : -TP_ERROR_ENGINE;
    }
    parts->arena.preparing = false;
    return interface_fits(&parts->interpreter) ? 0 : -TP_ERROR_ENGINE;
}

/* Finds the bytes at `offset` of concatenated tensors of `sizes`: returns the tensor, leaves in
 * `offset` the place within it, and cuts `size` to what is contiguous there. */
size_t locate(const uint32_t *sizes, uint32_t *offset, uint16_t *size) {
    size_t index = 0;

    while (*offset >= sizes[index]) {
        *offset -= sizes[index];
        index++;
    }
    if (*size > sizes[index] - *offset) {
        *size = (uint16_t)(sizes[index] - *offset);
    }
    return index;
}

} /* namespace */

/* TFLM is not tried with less than the host found: in an arena of 900 bytes for the digits it ended
 * on a Cortex-M4 where it should have failed. */
int tp_engine_init(void) {
    if (sizeof engine.arena < least_arena() || sizeof engine.arena < TP_MODEL_ARENA_BYTES) {
        return arena_too_small(least_arena());
    }
    return allocate();
}

uint32_t tp_engine_weights_crc32(void) {
    uint32_t crc = 0xFFFFFFFFu;

    for (uint32_t i = 0; i != TP_MODEL_BYTES; i++) {
        crc ^= tp_model_data[i];
        for (uint8_t bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
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

void tp_engine_write_input(uint32_t offset, const uint8_t *src, uint16_t size) {
    while (size != 0) {
        uint16_t part = size;
        uint32_t place = offset;
        const size_t index = locate(input_sizes, &place, &part);

        memcpy(engine.parts->interpreter.input(index)->data.raw + place, src, part);
        src += part;
        offset += part;
        size = (uint16_t)(size - part);
    }
}

void tp_engine_read_output(uint32_t offset, uint8_t *dst, uint16_t size) {
    while (size != 0) {
        uint16_t part = size;
        uint32_t place = offset;
        const size_t index = locate(output_sizes, &place, &part);

        memcpy(dst, engine.parts->interpreter.output(index)->data.raw + place, part);
        dst += part;
        offset += part;
        size = (uint16_t)(size - part);
    }
}

int tp_engine_invoke(void) {
    return engine.parts->interpreter.Invoke() == kTfLiteOk ? 0 : -TP_ERROR_ENGINE;
}

uint16_t tp_engine_layer_count(void) {
    return TP_MODEL_LAYERS;
}

/* TFLM cannot be stopped between two operators: where the observer ends the inference, the rest of
 * it runs unobserved. */
int tp_engine_invoke_observed(const tp_layer_observer_t *observer) {
    Profiler *const profiler = &engine.parts->profiler;
    int result;

    profiler->observe(observer);
    result = tp_engine_invoke();
    if (profiler->result() != 0) {
        result = profiler->result();
    } else if (result == 0 && profiler->finished() != TP_MODEL_LAYERS) {
        result = -TP_ERROR_ENGINE; /* TF_LITE_STRIP_ERROR_STRINGS takes the profiler away too */
    }
    profiler->observe(nullptr);
    return result;
}

uint32_t tp_engine_arena_used(void) {
    return engine.parts != nullptr ? (uint32_t)engine.parts->arena.GetUsedBytes() : engine.needed;
}

uint32_t tp_engine_arena_reserved(void) {
    return sizeof engine.arena;
}

/* The end of the arena holds what TFLM prepared once and must keep; all before it is filled. */
void tp_engine_poison(uint8_t pattern) {
    memset(engine.arena, pattern,
           sizeof engine.arena - engine.parts->arena.GetPersistentUsedBytes());
}
