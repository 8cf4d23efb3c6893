/* A port that records and an engine that is told what to be, for tests of lib/wire. */
#ifndef FAKES_H
#define FAKES_H

#include "engine.h"
#include "port.h"
#include <stddef.h>
#include <stdint.h>

enum { FAKE_ARENA = 4096, FAKE_OUTPUT = 1 << 20, FAKE_DESCRIPTOR = 600 };

/* What the port saw and what it says. */
typedef struct {
    const uint8_t *input; /* bytes that tp_port_read() gives */
    size_t input_size;
    size_t chunk;       /* at most so many bytes a read; 0: no limit */
    size_t output_size; /* bytes written, in fake_output_bytes */
    uint32_t flushes;
    uint32_t ticks; /* grows by ticks_step with each reading */
    uint32_t ticks_step;
    uint32_t resets;
    uint32_t alive;
    uint32_t poisonings; /* of the stack */
    uint8_t pattern;     /* of the last one */
    tp_memory_t memory;
} fake_port_t;

/* What the engine is and what happened to it. Outputs are a function of the inputs alone: output i
 * is input[i % input_size] + i + 1, layer k's outputs are k more. */
typedef struct {
    int init_result;
    int invoke_result;
    int invoke_result_at; /* observed: fails after this layer */
    uint32_t input_size;
    uint32_t output_size;
    uint32_t layer_size;
    uint16_t layers;
    uint16_t layers_told; /* may lie */
    uint16_t descriptor_size;
    uint32_t layer_ticks; /* each layer takes this, and one more per layer */
    uint8_t input[FAKE_ARENA];
    uint32_t invocations;
    uint32_t poisonings;
    uint32_t arena_used;
} fake_engine_t;

extern fake_port_t fake_port;
extern uint8_t fake_output_bytes[FAKE_OUTPUT];
extern fake_engine_t fake_engine;

/* A port that lost everything, a small model. */
void fake_all(void);

uint8_t fake_output(uint32_t index);
uint8_t fake_layer_output(uint16_t layer, uint32_t index);
uint8_t fake_descriptor(uint16_t index);

#endif
