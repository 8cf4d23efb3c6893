/* The conversation with the host: takes requests apart, has the engine carry them out, answers.
 *
 * docs/protocol.md is the specification. Bytes come in through tp_wire_push(), answers leave
 * through tp_port_write(). One frame buffer serves both directions: an answer takes the place of
 * its request, and answers that are larger leave in parts while they are made.
 */
#ifndef TP_WIRE_H
#define TP_WIRE_H

#include "tp_cobs.h"
#include "tp_protocol.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A target's build flags set these three. */

/* Largest frame in both directions, encoded, delimiter included; bytes, 64 to 65,535. */
#ifndef TP_MAX_FRAME
#define TP_MAX_FRAME 256
#endif
/* What the port can receive while the board computes; bytes, at least one frame. */
#ifndef TP_RX_WINDOW
#define TP_RX_WINDOW TP_MAX_FRAME
#endif
/* The target's name; UTF-8, at most 255 bytes. */
#ifndef TP_TARGET_NAME
#define TP_TARGET_NAME "unnamed"
#endif

#if TP_MAX_FRAME < 64 || TP_MAX_FRAME > 65535
#error "TP_MAX_FRAME: a frame has 64 to 65,535 bytes; change the target's build flags."
#endif
#if TP_RX_WINDOW < TP_MAX_FRAME
#error "TP_RX_WINDOW: the window holds at least one frame; change the target's build flags."
#endif

/* Bytes of the largest frame before encoding: one code byte for every 254, and the delimiter. */
#define TP_MAX_RAW (TP_MAX_FRAME - 1 - (TP_MAX_FRAME + 253) / 255)

/* All state of the conversation. Owned by the caller, private to lib/wire; zeros are a valid start.
 */
typedef struct {
    /* Receiving. */
    tp_cobs_decoder_t decoder;
    uint8_t skipping; /* dropping bytes until the next zero */

    /* Counters for STATUS. */
    uint32_t dropped;
    uint32_t inferences;

    /* Since boot, and since the last HELLO. */
    uint32_t weights_crc32;
    int16_t engine_fault; /* what tp_engine_init() returned */
    uint16_t clock_cost;  /* ticks between two readings of the clock with nothing between */
    uint32_t nonce;       /* 0: no session */
    uint8_t poison_on;    /* tp_poison_t bits */
    uint8_t poison_pattern;

    /* The request being answered. */
    uint8_t request;   /* its type byte */
    uint16_t sequence; /* its number */
    uint32_t seed;     /* of the answer's CRC */
    uint32_t detail;   /* of the ERROR answer, should there be one */

    /* The answer being made: frame[1] to frame[fill - 1] are written. */
    uint8_t answer; /* its type byte */
    uint16_t fill;
    uint16_t part; /* index of the part being filled */
    uint16_t parts;

    /* The sample being taken, from one request or from parts: its type, 0 for none. */
    uint8_t taking;
    uint16_t taking_sequence;
    uint16_t taking_parts;
    uint16_t next_part;
    uint16_t layer;  /* TRACE's first field */
    uint32_t offset; /* payload bytes taken */

    /* The request, then its answer. frame[0] is the answer's first code byte, the frame itself
     * begins at frame[1], and its encoded form may need one byte more for the delimiter. Last, so
     * that small processors reach all else by short offsets. */
    uint8_t frame[TP_MAX_RAW + 2];
} tp_wire_t;

/* Readies the engine and tells the host that the board started, because of `cause`
 * (tp_start_cause_t). Called once, after tp_port_init(). */
void tp_wire_init(tp_wire_t *wire, uint8_t cause);

/* Takes received bytes, in chunks of any size, and carries out each request that they complete. Any
 * bytes are safe: what is no valid request is dropped or answered with an error. */
void tp_wire_push(tp_wire_t *wire, const uint8_t *src, uint16_t size);

/* One turn of the main loop: reads what the port received, pushes it, feeds the watchdog. */
void tp_wire_poll(tp_wire_t *wire);

#ifdef __cplusplus
}
#endif

#endif
