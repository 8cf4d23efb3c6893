/* One tp_wire_t with fakes on both sides: send requests, look at answers. */
#ifndef CONVERSATION_H
#define CONVERSATION_H

#include "check.h"
#include "fakes.h"
#include "peer.h"
#include "tp_wire.h"
#include <stdbool.h>

enum { NONCE = 0x12345678 };

extern tp_wire_t wire;
extern uint16_t chunk; /* how many bytes a push gets; 0: all at once */

/* A board after boot, its started event taken away. */
void boot(void);

/* boot(), then a session with NONCE. */
void open_session(void);

/* Pushes bytes in the current chunking. */
void push(const uint8_t *src, size_t size);

/* Sends a request and forgets earlier answers. */
void ask_as(uint8_t version, uint8_t type, uint16_t sequence, uint32_t seed, const void *payload,
            size_t size);
void ask(uint8_t type, const void *payload, size_t size);

/* The next answer, whole or one part of it, CRC seeded with `seed`. */
bool answer_as(peer_frame_t *frame, uint32_t seed);
bool answer(peer_frame_t *frame);

/* The next answer, joined if it comes in parts; checks their numbering. Returns its size, -1
 * without an answer of this type. */
long whole_answer(uint8_t type, uint8_t *dst);

/* Whether the next answer is this error to `request`, and the last. */
bool is_error(uint8_t request, uint8_t code, uint32_t detail);

/* Whether no answer came. */
bool is_silent(void);

/* Samples. */

extern uint8_t sample[FAKE_ARENA + 2];
extern uint8_t got[1 << 18]; /* for answers that come whole */

/* open_session() with fakes that do as they are told, and a sample of no pattern of 2^n. */
void fresh(void);

/* Sends one part of a sample, and forgets earlier answers. */
void ask_part_as(uint8_t type, uint16_t sequence, uint16_t index, uint16_t count,
                 const uint8_t *data, size_t size);
void ask_part(uint16_t index, uint16_t count, const uint8_t *data, size_t size);

/* Whether the next answer asks for this part, and is the last. */
bool wants(uint8_t type, uint16_t next);

/* Whether these are the fake engine's outputs for `sample`. */
bool outputs_are_right(const uint8_t *outputs);

uint32_t u32(const uint8_t *src);
uint16_t u16(const uint8_t *src);

#endif
