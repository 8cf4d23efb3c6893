/* One generated model among many: the tables of its model.h, under names of their own. */
#ifndef NN_RUNNER_H
#define NN_RUNNER_H

#include "tp_plan.h"

typedef struct {
    void (*run)(void);
    void *arena;
    uint32_t arena_bytes;
    const TP_FLASH tp_span_t *inputs, *outputs;
    uint16_t input_count, output_count;
    const TP_FLASH tp_step_t *steps;
    uint16_t layers;
    const TP_FLASH tp_block_t *blocks;
    uint16_t block_count;
    const TP_FLASH uint8_t *descriptor;
} nn_case_t;

#define NN_CASE(n)                                                                                 \
    extern const nn_case_t nn_case_##n;                                                            \
    const nn_case_t nn_case_##n = {tp_model_run_##n,                                               \
                                   &tp_arena_##n,                                                  \
                                   sizeof tp_arena_##n,                                            \
                                   tp_inputs_##n,                                                  \
                                   tp_outputs_##n,                                                 \
                                   TP_MODEL_INPUTS_##n,                                            \
                                   TP_MODEL_OUTPUTS_##n,                                           \
                                   tp_steps_##n,                                                   \
                                   TP_MODEL_LAYERS_##n,                                            \
                                   tp_weight_blocks_##n,                                           \
                                   TP_MODEL_WEIGHT_BLOCKS_##n,                                     \
                                   tp_model_descriptor_##n}

extern const nn_case_t *const nn_cases[];

#endif
