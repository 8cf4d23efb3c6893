/* Consistent overhead byte stuffing (Cheshire and Baker 1999): bytes without a zero among them.
 *
 * Both directions work in the caller's one buffer; nothing here keeps state of its own.
 */
#ifndef TP_COBS_H
#define TP_COBS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A decoder between two bytes. All zeros: before the first byte of a frame. */
typedef struct {
    uint16_t length; /* bytes decoded so far */
    uint8_t code;    /* code byte of the current block; 0 before the first */
    uint8_t left;    /* data bytes of the current block still to come */
} tp_cobs_decoder_t;

/* Decodes bytes from `src` until one is zero, `size` are used up, or `dst` (`capacity` bytes) is
 * full. Returns how many were used; the byte after them is then the zero, or the first that did not
 * fit. */
uint16_t tp_cobs_decode(tp_cobs_decoder_t *decoder, uint8_t *dst, uint16_t capacity,
                        const uint8_t *src, uint16_t size);

/* Whether a frame may end here: all blocks complete, and at least one. */
static inline int tp_cobs_complete(const tp_cobs_decoder_t *decoder) {
    return decoder->code != 0 && decoder->left == 0;
}

/* Encodes the `size` bytes at block[1] (at least one) in place; block[0] is overwritten. Stops
 * early after a full block of 254 bytes. Returns n: block[0] to block[n - 1] are encoded, n - 1
 * bytes of data used. Once those are sent, the rest is encoded by a call for block + n - 1 and size
 * - (n - 1). */
uint16_t tp_cobs_encode(uint8_t *block, uint16_t size);

#ifdef __cplusplus
}
#endif

#endif
