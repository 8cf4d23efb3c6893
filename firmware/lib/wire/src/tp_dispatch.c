/* Checks frames, and answers every request that carries no sample. */
#include "tp_dispatch.h"
#include "engine.h"
#include "port.h"
#include "tp_answer.h"
#include "tp_bytes.h"
#include "tp_crc32.h"
#include "tp_sample.h"
#if defined(__has_include)
#if __has_include("tp_build.h")
#include "tp_build.h"
#endif
#endif

enum {
    HEADER = 4, /* version, type, sequence */
    CRC = 4,
    NONCE = 4,
    ANY_SIZE = 0xFF,
};

#ifndef TP_BUILD_ID
#define TP_BUILD_ID {0}
#endif
static const TP_FLASH uint8_t build_id[TP_BUILD_ID_BYTES] = TP_BUILD_ID;
static const TP_FLASH uint8_t target_name[] = TP_TARGET_NAME;

enum { TARGET_NAME_SIZE = sizeof target_name - 1 };
typedef char target_name_has_at_most_255_bytes[TARGET_NAME_SIZE <= 255 ? 1 : -1];

/* The descriptor's size, found by reading it into the frame buffer. */
static uint32_t descriptor_size(tp_wire_t *wire) {
    uint16_t size = 0;
    uint16_t got;

    do {
        got = tp_engine_descriptor(size, wire->frame, TP_MAX_RAW);
        size = (uint16_t)(size + got);
    } while (got == TP_MAX_RAW);
    return size;
}

static void put_descriptor(tp_wire_t *wire, uint32_t size) {
    uint16_t offset = 0;

    while (offset != size) {
        uint16_t room;
        uint8_t *dst = tp_answer_room(wire, size - offset, &room);
        (void)tp_engine_descriptor(offset, dst, room);
        offset = (uint16_t)(offset + room);
    }
}

static int on_hello(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    const uint32_t nonce = tp_load_u32(payload);
    tp_memory_t memory;
    uint32_t descriptor;

    (void)size;
    if (nonce == 0) {
        return -TP_ERROR_BAD_VALUE;
    }
    wire->nonce = nonce;
    wire->seed = nonce;
    wire->poison_on = 0;
    wire->taking = 0;
    tp_port_memory(&memory);
    descriptor = descriptor_size(wire);
    (void)tp_answer_begin(wire, TP_MESSAGE_HELLO, 44 + (uint32_t)TARGET_NAME_SIZE + descriptor);
    tp_answer_u8(wire, TP_PROTOCOL_VERSION);
    tp_answer_put_flash(wire, build_id, TP_BUILD_ID_BYTES);
    tp_answer_u32(wire, wire->weights_crc32);
    tp_answer_u32(wire, tp_port_tick_hz());
    tp_answer_u32(wire, tp_engine_arena_used());
    tp_answer_u32(wire, tp_engine_arena_reserved());
    tp_answer_u32(wire, memory.free_ram);
    tp_answer_u16(wire, TP_MAX_FRAME);
    tp_answer_u32(wire, TP_RX_WINDOW);
    tp_answer_u8(wire, TARGET_NAME_SIZE);
    tp_answer_put_flash(wire, target_name, TARGET_NAME_SIZE);
    put_descriptor(wire, descriptor);
    tp_answer_end(wire);
    return 0;
}

static int on_ticks(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    const uint32_t ticks = tp_port_ticks();

    (void)payload;
    (void)size;
    (void)tp_answer_begin(wire, TP_MESSAGE_TICKS, sizeof ticks);
    tp_answer_u32(wire, ticks);
    tp_answer_end(wire);
    return 0;
}

static int on_status(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    tp_memory_t memory;

    (void)payload;
    (void)size;
    tp_port_memory(&memory);
    (void)tp_answer_begin(wire, TP_MESSAGE_STATUS, 16);
    tp_answer_u32(wire, memory.free_ram);
    tp_answer_u32(wire, memory.stack_used);
    tp_answer_u32(wire, wire->dropped);
    tp_answer_u32(wire, wire->inferences);
    tp_answer_end(wire);
    return 0;
}

static int on_poison(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    (void)size;
    if (payload[0] > (TP_POISON_ARENA | TP_POISON_STACK)) {
        return -TP_ERROR_BAD_VALUE;
    }
    wire->poison_on = payload[0];
    wire->poison_pattern = payload[1];
    (void)tp_answer_begin(wire, TP_MESSAGE_POISON, 2);
    tp_answer_u8(wire, wire->poison_on);
    tp_answer_u8(wire, wire->poison_pattern);
    tp_answer_end(wire);
    return 0;
}

static int on_reset(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    (void)payload;
    (void)size;
    (void)tp_answer_begin(wire, TP_MESSAGE_RESET, 0);
    tp_answer_end(wire);
    wire->nonce = 0;
    tp_port_reset();
    return 0;
}

/* One row for each request type; row 0 stands for those that are not. */
typedef struct {
    int (*answer)(tp_wire_t *wire, const uint8_t *payload, uint16_t size);
    uint8_t size; /* of the payload, exactly */
} request_t;

static const TP_FLASH request_t requests[] = {
    {0, 0},
    {on_hello, NONCE},
    {tp_sample_take, ANY_SIZE},
    {tp_sample_take, ANY_SIZE},
    {tp_sample_take, ANY_SIZE},
    {on_ticks, 0},
    {on_status, 0},
    {on_poison, 2},
    {on_reset, 0},
};

enum { REQUESTS = sizeof requests / sizeof requests[0] };

static int answer_request(tp_wire_t *wire, const uint8_t *payload, uint16_t size) {
    const uint8_t type = wire->request & (uint8_t)~TP_PART;
    const TP_FLASH request_t *request = &requests[type < REQUESTS ? type : 0];

    wire->detail = wire->request;
    if (!request->answer || (type != wire->request && request->size != ANY_SIZE)) {
        return -TP_ERROR_UNKNOWN_TYPE;
    }
    wire->detail = request->size;
    if (size != request->size && request->size != ANY_SIZE) {
        return -TP_ERROR_BAD_LENGTH;
    }
    wire->detail = 0;
    return request->answer(wire, payload, size);
}

/* Whether the frame is a request of this session, or a HELLO. */
static int is_request(const tp_wire_t *wire, const uint8_t *frame, uint16_t size) {
    const int hello = size >= HEADER + CRC && frame[1] == TP_MESSAGE_HELLO;

    if (size < HEADER + CRC || (frame[1] & TP_ANSWER)) {
        return 0;
    }
    if (!hello && (frame[0] != TP_PROTOCOL_VERSION || wire->nonce == 0)) {
        return 0;
    }
    size = (uint16_t)(size - CRC);
    return tp_crc32(hello ? 0 : wire->nonce, frame, size) == tp_load_u32(frame + size);
}

void tp_dispatch(tp_wire_t *wire, uint16_t size) {
    const uint8_t *frame = wire->frame + 1;
    int error;

    if (!is_request(wire, frame, size)) {
        wire->dropped++;
        return;
    }
    size = (uint16_t)(size - HEADER - CRC);
    if (frame[0] != TP_PROTOCOL_VERSION && size > NONCE) {
        size = NONCE; /* a HELLO of another version: only its nonce is known to mean the same */
    }
    wire->request = frame[1];
    wire->sequence = tp_load_u16(frame + 2);
    wire->seed = wire->request == TP_MESSAGE_HELLO ? 0 : wire->nonce;
    error = answer_request(wire, frame + HEADER, size);
    if (error) {
        tp_answer_error(wire, error);
    }
}
