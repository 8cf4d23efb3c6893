/* Runs the generated model on samples from stdin, and marks when each inference and layer begins
 * and ends.
 *
 * Input: for each sample a byte 1 and the model's inputs, twice, as an inference may overwrite
 * them; a byte 0 ends. Output: the checksum of the weights, then for each sample the model's
 * outputs, of a plain and of an observed inference.
 */
#include "bare.h"
#include "engine.h"

enum {
    BEGIN = 1,
    END = 2,
    NOTHING = 3, /* marks around no work: what marking costs */
};

static void get_input(void) {
    uint32_t offset;

    for (offset = 0; offset != tp_engine_input_size(); offset++) {
        const uint8_t byte = bare_get();
        tp_engine_write_input(offset, &byte, 1);
    }
}

static void put_output(void) {
    uint32_t offset;

    for (offset = 0; offset != tp_engine_output_size(); offset++) {
        uint8_t byte;
        tp_engine_read_output(offset, &byte, 1);
        bare_put(byte);
    }
}

static void before(void *context, uint16_t layer) {
    (void)context;
    (void)layer;
    BARE_MARK(BEGIN);
}

static int after(void *context, uint16_t layer, const uint8_t *output, uint32_t size) {
    BARE_MARK(END);
    (void)context;
    (void)layer;
    (void)output;
    (void)size;
    return 0;
}

int main(void) {
    const tp_layer_observer_t observer = {before, after, 0};
    const uint32_t crc = tp_engine_weights_crc32();

    BARE_MARK(NOTHING);
    BARE_MARK(NOTHING);
    bare_put_all(&crc, sizeof crc);
    tp_engine_init();
    while (bare_get() != 0) {
        get_input();
        BARE_MARK(BEGIN);
        tp_engine_invoke();
        BARE_MARK(END);
        put_output();
        get_input();
        tp_engine_invoke_observed(&observer);
        put_output();
    }
    bare_end();
}
