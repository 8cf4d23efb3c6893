/* Runs many generated models in one program: cases come in on stdin, answers go out on stdout.
 *
 * Request: case u32, poison u8, then all inputs. Answer: weights CRC-32 u32, outputs of the plain
 * run, then outputs of a run layer by layer on the same inputs. Ends at the end of stdin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_runner.h"
#include "tp_crc32.h"

static void read_all(void *to, size_t size) {
    if (fread(to, 1, size, stdin) != size) {
        abort();
    }
}

/* Returns the arena's memory of `span`, or ends the program if it lies outside. */
static uint8_t *locate(const nn_case_t *model, const tp_span_t *span) {
    if (span->offset > model->arena_bytes || span->size > model->arena_bytes - span->offset) {
        abort();
    }
    return (uint8_t *)model->arena + span->offset;
}

static void load(const nn_case_t *model, uint8_t poison, const uint8_t *inputs) {
    memset(model->arena, poison, model->arena_bytes);
    for (uint16_t i = 0; i < model->input_count; i++) {
        memcpy(locate(model, &model->inputs[i]), inputs, model->inputs[i].size);
        inputs += model->inputs[i].size;
    }
}

static void answer(const nn_case_t *model) {
    for (uint16_t i = 0; i < model->output_count; i++) {
        fwrite(locate(model, &model->outputs[i]), 1, model->outputs[i].size, stdout);
    }
}

static void run_case(const nn_case_t *model) {
    uint32_t crc = 0;
    size_t size = 0;
    uint8_t *inputs;
    uint8_t poison;

    for (uint16_t i = 0; i < model->block_count; i++) {
        const uint8_t *bytes = model->blocks[i].data;

        for (uint32_t done = 0; done < model->blocks[i].size; done++) {
            crc = tp_crc32(crc, bytes + done, 1);
        }
    }
    fwrite(&crc, sizeof crc, 1, stdout);
    for (uint16_t i = 0; i < model->input_count; i++) {
        size += model->inputs[i].size;
    }
    inputs = malloc(size);
    read_all(&poison, 1);
    read_all(inputs, size);
    load(model, poison, inputs);
    model->run();
    answer(model);
    load(model, (uint8_t)~poison, inputs);
    for (uint16_t i = 0; i < model->layers; i++) {
        locate(model, &model->steps[i].output);
        model->steps[i].run();
    }
    answer(model);
    free(inputs);
}

int main(void) {
    uint32_t index;

    while (fread(&index, sizeof index, 1, stdin) == 1) {
        run_case(nn_cases[index]);
    }
    return 0;
}
