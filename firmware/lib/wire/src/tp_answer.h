/* Makes one answer at a time in the wire's frame buffer and sends it, in parts when it is large.
 *
 * Begin with the payload's size, put exactly that many bytes, end. Private to lib/wire.
 */
#ifndef TP_ANSWER_H
#define TP_ANSWER_H

#include "tp_flash.h"
#include "tp_wire.h"

/* Begins an answer of `size` payload bytes to the current request, of message type `type`; forgets
 * one that was begun before. Overwrites the frame buffer. Returns 0, or -TP_ERROR_BAD_VALUE when
 * that many bytes need more parts than can be numbered (then nothing is begun). */
int tp_answer_begin(tp_wire_t *wire, uint8_t type, uint32_t size);

/* Room for the next payload bytes: at least one, at most `size` (not 0). Tells how many it took in
 * `*room`; all of them must be filled before the next call of any function here. */
uint8_t *tp_answer_room(tp_wire_t *wire, uint32_t size, uint16_t *room);

/* Appends bytes, or little-endian integers. */
void tp_answer_put(tp_wire_t *wire, const uint8_t *src, uint32_t size);
void tp_answer_put_flash(tp_wire_t *wire, const TP_FLASH uint8_t *src, uint16_t size);
void tp_answer_u8(tp_wire_t *wire, uint8_t value);
void tp_answer_u16(tp_wire_t *wire, uint16_t value);
void tp_answer_u32(tp_wire_t *wire, uint32_t value);

/* Sends the answer, or its last part. */
void tp_answer_end(tp_wire_t *wire);

/* A whole ERROR answer: `error` is a negative tp_error_t, the detail is wire->detail. */
void tp_answer_error(tp_wire_t *wire, int error);

#endif
