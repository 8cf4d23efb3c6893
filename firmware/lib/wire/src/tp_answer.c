/* Answers: headers, parts, checksum, encoding in place, sending. */
#include "tp_answer.h"
#include "port.h"
#include "tp_bytes.h"
#include "tp_crc32.h"

enum {
    HEADER = 4,      /* version, type, sequence */
    PART_HEADER = 4, /* index, count */
    CRC = 4,
    FIRST = 1, /* the frame's place in the buffer */
};

static const TP_FLASH char sentences[] =
#define TEXT(code, text) text "\0"
    TP_ERROR_SENTENCES(TEXT);

static void begin_frame(tp_wire_t *wire) {
    uint8_t *frame = wire->frame + FIRST;

    frame[0] = TP_PROTOCOL_VERSION;
    frame[1] = wire->answer;
    tp_store_u16(frame + 2, wire->sequence);
    wire->fill = FIRST + HEADER;
    if (wire->parts > 1) {
        tp_store_u16(frame + 4, wire->part);
        tp_store_u16(frame + 6, wire->parts);
        wire->fill = FIRST + HEADER + PART_HEADER;
    }
}

static void send_encoded(uint8_t *block, uint16_t size) {
    while (size != 0) {
        uint16_t encoded = tp_cobs_encode(block, size);
        size = (uint16_t)(size - (encoded - 1));
        if (size == 0) {
            block[encoded] = 0;
            tp_port_write(block, (uint16_t)(encoded + 1));
            return;
        }
        tp_port_write(block, encoded);
        block += encoded - 1;
    }
}

static void send_frame(tp_wire_t *wire) {
    uint8_t *frame = wire->frame + FIRST;
    const uint16_t size = (uint16_t)(wire->fill - FIRST);

    tp_store_u32(frame + size, tp_crc32(wire->seed, frame, size));
    send_encoded(wire->frame, (uint16_t)(size + CRC));
}

int tp_answer_begin(tp_wire_t *wire, uint8_t type, uint32_t size) {
    const uint16_t whole = TP_MAX_RAW - HEADER - CRC;
    const uint16_t per_part = whole - PART_HEADER;
    uint32_t parts = 1;

    if (size > whole) {
        parts = (size - 1) / per_part + 1;
    }
    if (parts > UINT16_MAX) {
        return -TP_ERROR_BAD_VALUE;
    }
    wire->answer = (uint8_t)(type | TP_ANSWER | (parts > 1 ? TP_PART : 0));
    wire->part = 0;
    wire->parts = (uint16_t)parts;
    begin_frame(wire);
    return 0;
}

uint8_t *tp_answer_room(tp_wire_t *wire, uint32_t size, uint16_t *room) {
    const uint16_t limit = FIRST + TP_MAX_RAW - CRC;
    uint8_t *dst;

    if (wire->fill == limit) {
        send_frame(wire);
        wire->part++;
        begin_frame(wire);
    }
    dst = wire->frame + wire->fill;
    *room = (uint16_t)(limit - wire->fill);
    if (*room > size) {
        *room = (uint16_t)size;
    }
    wire->fill = (uint16_t)(wire->fill + *room);
    return dst;
}

void tp_answer_put(tp_wire_t *wire, const uint8_t *src, uint32_t size) {
    while (size != 0) {
        uint16_t room;
        uint8_t *dst = tp_answer_room(wire, size, &room);
        size -= room;
        for (; room != 0; room--) {
            *dst++ = *src++;
        }
    }
}

void tp_answer_put_flash(tp_wire_t *wire, const TP_FLASH uint8_t *src, uint16_t size) {
    for (; size != 0; size--) {
        tp_answer_u8(wire, *src++);
    }
}

void tp_answer_u8(tp_wire_t *wire, uint8_t value) {
    uint16_t room;

    *tp_answer_room(wire, 1, &room) = value;
}

void tp_answer_u16(tp_wire_t *wire, uint16_t value) {
    tp_answer_u8(wire, (uint8_t)value);
    tp_answer_u8(wire, (uint8_t)(value >> 8));
}

void tp_answer_u32(tp_wire_t *wire, uint32_t value) {
    uint8_t bytes[4];

    tp_store_u32(bytes, value);
    tp_answer_put(wire, bytes, sizeof bytes);
}

void tp_answer_end(tp_wire_t *wire) {
    send_frame(wire);
    tp_port_flush();
}

/* The sentences lie one after another, each with a zero at its end, in the order of their codes. */
static const TP_FLASH char *sentence_of(int code) {
    const TP_FLASH char *text = sentences;

    while (--code > 0) {
        while (*text++ != 0) {
        }
    }
    return text;
}

void tp_answer_error(tp_wire_t *wire, int error) {
    const TP_FLASH char *text = sentence_of(-error);
    uint16_t size = 0;

    while (text[size] != 0) {
        size++;
    }
    (void)tp_answer_begin(wire, TP_MESSAGE_ERROR, 6 + (uint32_t)size);
    tp_answer_u8(wire, wire->request & (uint8_t)~(TP_PART | TP_ANSWER));
    tp_answer_u8(wire, (uint8_t)-error);
    tp_answer_u32(wire, wire->detail);
    tp_answer_put_flash(wire, (const TP_FLASH uint8_t *)text, size);
    tp_answer_end(wire);
}
