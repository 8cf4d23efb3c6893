/* The host's side of one conversation. */
#include "conversation.h"
#include <string.h>

tp_wire_t wire;
uint8_t sample[FAKE_ARENA + 2];
uint8_t got[1 << 18];
uint16_t chunk;
static size_t answers_read;

uint32_t u32(const uint8_t *src) {
    return (uint32_t)src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16 |
           (uint32_t)src[3] << 24;
}

uint16_t u16(const uint8_t *src) {
    return (uint16_t)(src[0] | src[1] << 8);
}

static void forget_answers(void) {
    fake_port.output_size = 0;
    answers_read = 0;
}

void boot(void) {
    tp_wire_init(&wire, TP_START_POWER_ON);
    forget_answers();
}

void push(const uint8_t *src, size_t size) {
    while (size != 0) {
        const uint16_t limit = chunk ? chunk : UINT16_MAX;
        const uint16_t count = size < limit ? (uint16_t)size : limit;
        tp_wire_push(&wire, src, count);
        src += count;
        size -= count;
    }
}

void ask_as(uint8_t version, uint8_t type, uint16_t sequence, uint32_t seed, const void *payload,
            size_t size) {
    static uint8_t encoded[PEER_MAX];
    const size_t count = peer_encode(encoded, version, type, sequence, seed, payload, size);

    forget_answers();
    push(encoded, count);
}

void ask(uint8_t type, const void *payload, size_t size) {
    ask_as(TP_PROTOCOL_VERSION, type, 0x0100, NONCE, payload, size);
}

void open_session(void) {
    const uint8_t nonce[4] = {0x78, 0x56, 0x34, 0x12};

    boot();
    ask_as(TP_PROTOCOL_VERSION, TP_MESSAGE_HELLO, 0, 0, nonce, sizeof nonce);
    CHECK(fake_port.output_size != 0);
    forget_answers();
}

bool answer_as(peer_frame_t *frame, uint32_t seed) {
    size_t used = 0;
    const bool got = peer_decode(frame, fake_output_bytes + answers_read,
                                 fake_port.output_size - answers_read, seed, &used);

    CHECK(used <= TP_MAX_FRAME);
    answers_read += used;
    return got;
}

bool answer(peer_frame_t *frame) {
    return answer_as(frame, NONCE);
}

long whole_answer(uint8_t type, uint8_t *dst) {
    peer_frame_t frame;
    uint16_t index = 0;
    long size = 0;

    for (;;) {
        if (!answer(&frame) || (frame.type & ~TP_PART) != (type | TP_ANSWER)) {
            return -1;
        }
        if (!(frame.type & TP_PART)) {
            memcpy(dst, frame.payload, frame.size);
            return (long)frame.size;
        }
        CHECK(frame.size > 4 && u16(frame.payload) == index && u16(frame.payload + 2) > index);
        memcpy(dst + size, frame.payload + 4, frame.size - 4);
        size += (long)(frame.size - 4);
        index++;
        if (index == u16(frame.payload + 2)) {
            return size;
        }
    }
}

bool is_error(uint8_t request, uint8_t code, uint32_t detail) {
    peer_frame_t frame;

    return answer(&frame) && frame.type == (TP_MESSAGE_ERROR | TP_ANSWER) && frame.size > 6 &&
           frame.payload[0] == request && frame.payload[1] == code &&
           u32(frame.payload + 2) == detail && is_silent();
}

bool is_silent(void) {
    return answers_read == fake_port.output_size;
}

void fresh(void) {
    size_t i;

    fake_all();
    for (i = 0; i < sizeof sample; i++) {
        sample[i] = (uint8_t)(i * 31 % 251);
    }
    open_session();
}

void ask_part_as(uint8_t type, uint16_t sequence, uint16_t index, uint16_t count,
                 const uint8_t *data, size_t size) {
    uint8_t payload[FAKE_ARENA + 4];

    payload[0] = (uint8_t)index;
    payload[1] = (uint8_t)(index >> 8);
    payload[2] = (uint8_t)count;
    payload[3] = (uint8_t)(count >> 8);
    memcpy(payload + 4, data, size);
    ask_as(TP_PROTOCOL_VERSION, type | TP_PART, sequence, NONCE, payload, size + 4);
}

void ask_part(uint16_t index, uint16_t count, const uint8_t *data, size_t size) {
    ask_part_as(TP_MESSAGE_INFER, 0x0100, index, count, data, size);
}

bool wants(uint8_t type, uint16_t next) {
    peer_frame_t frame;

    return answer(&frame) && frame.type == (type | TP_ANSWER) && frame.size == 3 &&
           frame.payload[0] == TP_STATUS_MORE && u16(frame.payload + 1) == next && is_silent();
}

bool outputs_are_right(const uint8_t *outputs) {
    for (uint32_t i = 0; i < fake_engine.output_size; i++) {
        if (outputs[i] != (uint8_t)(sample[i % fake_engine.input_size] + i + 1)) {
            return false;
        }
    }
    return true;
}
