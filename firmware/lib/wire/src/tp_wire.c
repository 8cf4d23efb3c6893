/* The main loop's side of the conversation: bytes in, complete frames on to the dispatcher. */
#include "tp_wire.h"
#include "engine.h"
#include "port.h"
#include "tp_answer.h"
#include "tp_dispatch.h"

enum {
    READ_CHUNK = 32, /* bytes of stack; what is read ahead widens the window a little */
};

static void end_frame(tp_wire_t *wire) {
    if (wire->skipping || !tp_cobs_complete(&wire->decoder)) {
        /* Two zeros in a row are no frame, and nothing lost. */
        wire->dropped += wire->skipping || wire->decoder.code != 0;
    } else {
        tp_dispatch(wire, wire->decoder.length);
        tp_port_alive();
    }
    wire->skipping = 0;
    wire->decoder = (tp_cobs_decoder_t){0, 0, 0};
}

void tp_wire_push(tp_wire_t *wire, const uint8_t *src, uint16_t size) {
    const uint8_t *const end = src + size;

    while (src != end) {
        if (!wire->skipping) {
            src += tp_cobs_decode(&wire->decoder, wire->frame + 1, TP_MAX_RAW, src,
                                  (uint16_t)(end - src));
            wire->skipping = src != end && *src != 0;
        }
        while (wire->skipping && src != end && *src != 0) {
            src++;
        }
        if (src != end) {
            src++;
            end_frame(wire);
        }
    }
}

void tp_wire_poll(tp_wire_t *wire) {
    uint8_t chunk[READ_CHUNK];
    const uint16_t size = tp_port_read(chunk, READ_CHUNK);

    if (size != 0) {
        tp_wire_push(wire, chunk, size);
    }
    tp_port_alive();
}

/* The least of a few: an interrupt between the readings must not count. */
static uint16_t clock_cost(void) {
    uint16_t least = UINT16_MAX;
    uint8_t tries;

    for (tries = 0; tries < 4; tries++) {
        const uint32_t start = tp_port_ticks();
        const uint32_t ticks = tp_port_ticks() - start;
        if (ticks < least) {
            least = (uint16_t)ticks;
        }
    }
    return least;
}

void tp_wire_init(tp_wire_t *wire, uint8_t cause) {
    const uint8_t delimiter = 0;

    *wire = (tp_wire_t){.engine_fault = (int16_t)tp_engine_init()};
    wire->weights_crc32 = tp_engine_weights_crc32();
    wire->clock_cost = clock_cost();
    tp_port_alive();

    tp_port_write(&delimiter, 1); /* ends what a bootloader may have printed */
    (void)tp_answer_begin(wire, TP_MESSAGE_STARTED, 1);
    tp_answer_u8(wire, cause);
    tp_answer_end(wire);
}
