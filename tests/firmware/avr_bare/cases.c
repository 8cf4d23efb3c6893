/* Runs many generated models in one program, as nn_runner.c does on the host.
 *
 * Input: for each sample the case's number + 1 and a poison u8, then all inputs, twice; a byte 0
 * ends. Output: weights CRC-32 u32, outputs of the plain run, then of a run layer by layer.
 */
#include <string.h>

#include "bare.h"
#include "nn_runner.h"
#include "tp_crc32.h"

static uint8_t *locate(const nn_case_t *model, const TP_FLASH tp_span_t *span) {
    return (uint8_t *)model->arena + (uint16_t)span->offset;
}

static void load(const nn_case_t *model, uint8_t poison) {
    uint16_t i;

    memset(model->arena, poison, (uint16_t)model->arena_bytes);
    for (i = 0; i < model->input_count; i++) {
        bare_get_all(locate(model, &model->inputs[i]), (uint16_t)model->inputs[i].size);
    }
}

static void answer(const nn_case_t *model) {
    uint16_t i;

    for (i = 0; i < model->output_count; i++) {
        bare_put_all(locate(model, &model->outputs[i]), (uint16_t)model->outputs[i].size);
    }
}

static void put_crc(const nn_case_t *model) {
    uint32_t crc = 0;
    uint16_t i;

    for (i = 0; i < model->block_count; i++) {
        const TP_FLASH uint8_t *byte = model->blocks[i].data;
        uint32_t left;

        for (left = model->blocks[i].size; left != 0; left--) {
            const uint8_t copy = *byte++;
            crc = tp_crc32(crc, &copy, 1);
        }
    }
    bare_put_all(&crc, sizeof crc);
}

int main(void) {
    uint8_t number;

    while ((number = bare_get()) != 0) {
        const nn_case_t *model = nn_cases[number - 1];
        const uint8_t poison = bare_get();
        uint16_t i;

        put_crc(model);
        load(model, poison);
        model->run();
        answer(model);
        load(model, (uint8_t)~poison);
        for (i = 0; i < model->layers; i++) {
            model->steps[i].run();
        }
        answer(model);
    }
    bare_end();
}
