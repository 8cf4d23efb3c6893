/* Takes samples in any number of parts, and has the engine run them. */
#include "tp_sample.h"
#include "engine.h"
#include "port.h"
#include "tp_answer.h"
#include "tp_bytes.h"

enum {
    PART_HEADER = 4, /* index, count */
    LAYER = 2,       /* TRACE's field before the sample */
    STOPPED = 1,     /* the trace ended the inference on purpose */
};

static int fail(tp_wire_t *wire, int error, uint32_t detail) {
    wire->detail = detail;
    return error;
}

static int engine_failed(tp_wire_t *wire, int result) {
    return fail(wire, -TP_ERROR_ENGINE, 0u - (uint32_t)(int32_t)result);
}

static uint8_t prefix_size(const tp_wire_t *wire) {
    return (wire->request & ~TP_PART) == TP_MESSAGE_TRACE ? LAYER : 0;
}

/* What the parts' payloads must amount to. */
static uint32_t wanted_size(const tp_wire_t *wire) {
    return prefix_size(wire) + tp_engine_input_size();
}

static int bad_length(tp_wire_t *wire) {
    return fail(wire, -TP_ERROR_BAD_LENGTH, wanted_size(wire));
}

/* -- Running ------------------------------------------------------------------------------------
 */

/* Ticks between two readings of the clock, without what a reading takes. */
static uint32_t elapsed(const tp_wire_t *wire, uint32_t start, uint32_t end) {
    const uint32_t ticks = end - start;

    return ticks > wire->clock_cost ? ticks - wire->clock_cost : 0;
}

static int infer(tp_wire_t *wire) {
    const uint32_t size = tp_engine_output_size();
    uint32_t offset = 0;
    const uint32_t start = tp_port_ticks();
    const int result = tp_engine_invoke();
    const uint32_t ticks = elapsed(wire, start, tp_port_ticks());

    if (result) {
        return engine_failed(wire, result);
    }
    if (tp_answer_begin(wire, TP_MESSAGE_INFER, 5 + size)) {
        return -TP_ERROR_BAD_VALUE;
    }
    tp_answer_u8(wire, TP_STATUS_OK);
    tp_answer_u32(wire, ticks);
    while (offset != size) {
        uint16_t room;
        uint8_t *dst = tp_answer_room(wire, size - offset, &room);
        tp_engine_read_output(offset, dst, room);
        offset += room;
    }
    tp_answer_end(wire);
    return 0;
}

/* What the profile's observer knows between two calls. */
typedef struct {
    tp_wire_t *wire;
    uint32_t start;  /* of the current layer, ticks */
    uint32_t paused; /* ticks spent here and not in the engine */
    uint16_t layer;  /* the one expected next */
} profile_t;

static void profile_before(void *context, uint16_t layer) {
    profile_t *profile = context;

    (void)layer;
    tp_port_alive();
    profile->start = tp_port_ticks();
}

static int profile_after(void *context, uint16_t layer, const uint8_t *output, uint32_t size) {
    const uint32_t end = tp_port_ticks();
    profile_t *profile = context;

    (void)output;
    (void)size;
    if (layer != profile->layer || layer >= tp_engine_layer_count()) {
        return -TP_ERROR_ENGINE;
    }
    profile->layer++;
    tp_answer_u32(profile->wire, elapsed(profile->wire, profile->start, end));
    profile->paused += tp_port_ticks() - end;
    return 0;
}

/* The answer begins before the inference and leaves part by part, so that no number of layers needs
 * a larger buffer. */
static int profile(tp_wire_t *wire) {
    const uint16_t layers = tp_engine_layer_count();
    profile_t state = {wire, 0, 0, 0};
    const tp_layer_observer_t observer = {profile_before, profile_after, &state};
    uint32_t start;
    uint32_t ticks;
    int result;

    (void)tp_answer_begin(wire, TP_MESSAGE_PROFILE, 7 + 4 * (uint32_t)layers);
    tp_answer_u8(wire, TP_STATUS_OK);
    tp_answer_u16(wire, layers);
    start = tp_port_ticks();
    result = tp_engine_invoke_observed(&observer);
    ticks = elapsed(wire, start + state.paused, tp_port_ticks());
    if (result || state.layer != layers) {
        return engine_failed(wire, result);
    }
    tp_answer_u32(wire, ticks);
    tp_answer_end(wire);
    return 0;
}

static void trace_before(void *context, uint16_t layer) {
    (void)context;
    (void)layer;
    tp_port_alive();
}

static int trace_after(void *context, uint16_t layer, const uint8_t *output, uint32_t size) {
    tp_wire_t *wire = context;

    if (layer != wire->layer) {
        return 0;
    }
    if (!output || tp_answer_begin(wire, TP_MESSAGE_TRACE, 3 + size)) {
        return -TP_ERROR_BAD_VALUE;
    }
    tp_answer_u8(wire, TP_STATUS_OK);
    tp_answer_u16(wire, layer);
    tp_answer_put(wire, output, size);
    tp_answer_end(wire);
    return STOPPED;
}

static int trace(tp_wire_t *wire) {
    const tp_layer_observer_t observer = {trace_before, trace_after, wire};
    const int result = tp_engine_invoke_observed(&observer);

    return result == STOPPED ? 0 : engine_failed(wire, result);
}

static int run(tp_wire_t *wire) {
    const uint8_t type = wire->request & (uint8_t)~TP_PART;

    wire->taking = 0;
    if (type == TP_MESSAGE_TRACE && wire->layer >= tp_engine_layer_count()) {
        return fail(wire, -TP_ERROR_BAD_LAYER, tp_engine_layer_count());
    }
    wire->inferences++;
    if (wire->poison_on & TP_POISON_STACK) {
        tp_port_poison_stack(wire->poison_pattern);
    }
    switch (type) {
    case TP_MESSAGE_PROFILE:
        return profile(wire);
    case TP_MESSAGE_TRACE:
        return trace(wire);
    default:
        return infer(wire);
    }
}

/* -- Taking -------------------------------------------------------------------------------------
 */

static void start_over(tp_wire_t *wire, uint16_t parts) {
    wire->taking = wire->request;
    wire->taking_sequence = wire->sequence;
    wire->taking_parts = parts;
    wire->next_part = 0;
    wire->layer = 0;
    wire->offset = 0;
    if (wire->poison_on & TP_POISON_ARENA) {
        tp_engine_poison(wire->poison_pattern);
    }
}

/* Takes bytes that are known to fit. */
static void take(tp_wire_t *wire, const uint8_t *src, uint16_t size) {
    const uint8_t prefix = prefix_size(wire);

    for (; size != 0 && wire->offset < prefix; size--) {
        wire->layer = (uint16_t)(wire->layer | (uint16_t)*src++ << (8 * wire->offset));
        wire->offset++;
    }
    if (size != 0) {
        tp_engine_write_input(wire->offset - prefix, src, size);
        wire->offset += size;
    }
}

static int ask_for_next(tp_wire_t *wire) {
    (void)tp_answer_begin(wire, wire->request & (uint8_t)~TP_PART, 3);
    tp_answer_u8(wire, TP_STATUS_MORE);
    tp_answer_u16(wire, wire->next_part);
    tp_answer_end(wire);
    return 0;
}

/* Takes the part that is due. The last one makes the sample complete, no other is empty. */
static int take_part(tp_wire_t *wire, const uint8_t *src, uint16_t size) {
    const uint32_t missing = wanted_size(wire) - wire->offset;
    const int last = wire->next_part + 1u == wire->taking_parts;

    if (size > missing || (last ? size != missing : size == 0)) {
        wire->taking = 0;
        return bad_length(wire);
    }
    take(wire, src, size);
    wire->next_part++;
    return last ? run(wire) : ask_for_next(wire);
}

static int on_part(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    const uint16_t index = size < PART_HEADER ? 0 : tp_load_u16(payload);
    const uint16_t parts = size < PART_HEADER ? 0 : tp_load_u16(payload + 2);

    if (index >= parts) {
        wire->taking = 0;
        return size < PART_HEADER ? bad_length(wire) : fail(wire, -TP_ERROR_BAD_VALUE, 0);
    }
    if (index == 0) {
        start_over(wire, parts);
    } else if (wire->taking != wire->request || wire->taking_sequence != wire->sequence ||
               wire->taking_parts != parts) {
        return fail(wire, -TP_ERROR_PART_ORDER, 0);
    }
    if (index > wire->next_part) {
        return fail(wire, -TP_ERROR_PART_ORDER, wire->next_part);
    }
    if (index < wire->next_part) {
        return ask_for_next(wire);
    }
    return take_part(wire, payload + PART_HEADER, (uint16_t)(size - PART_HEADER));
}

static int no_engine(tp_wire_t *wire) {
    if (wire->engine_fault == -TP_ERROR_ARENA) {
        return fail(wire, -TP_ERROR_ARENA, tp_engine_arena_used());
    }
    return fail(wire, -TP_ERROR_NO_MODEL, 0);
}

int tp_sample_take(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    if (wire->engine_fault) {
        return no_engine(wire);
    }
    if (wire->request & TP_PART) {
        return on_part(wire, payload, size);
    }
    if (size != wanted_size(wire)) {
        wire->taking = 0;
        return bad_length(wire);
    }
    start_over(wire, 1);
    return take_part(wire, payload, size);
}
