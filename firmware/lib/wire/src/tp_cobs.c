/* COBS, decoding byte by byte and encoding in place. */
#include "tp_cobs.h"

enum { FULL_BLOCK = 0xFF }; /* the code of 254 data bytes without a zero after them */

uint16_t tp_cobs_decode(tp_cobs_decoder_t *decoder, uint8_t *dst, uint16_t capacity,
                        const uint8_t *src, uint16_t size) {
    uint8_t *out = dst + decoder->length;
    const uint8_t *const full = dst + capacity;
    const uint8_t *in = src;
    const uint8_t *const end = src + size;
    uint8_t left = decoder->left;

    while (in != end && *in != 0) {
        if (left != 0) {
            /* The rest of the block, without looking at anything but zeros. */
            uint8_t run = left;
            if (run > end - in) {
                run = (uint8_t)(end - in);
            }
            if (run > full - out) {
                run = (uint8_t)(full - out);
            }
            left = (uint8_t)(left - run);
            for (; run != 0 && *in != 0; run--) {
                *out++ = *in++;
            }
            left = (uint8_t)(left + run);
            if (out == full && left != 0) {
                break;
            }
            continue;
        }
        if (decoder->code != 0 && decoder->code != FULL_BLOCK) {
            if (out == full) {
                break;
            }
            *out++ = 0;
        }
        decoder->code = *in++;
        left = (uint8_t)(decoder->code - 1);
    }
    decoder->left = left;
    decoder->length = (uint16_t)(out - dst);
    return (uint16_t)(in - src);
}

uint16_t tp_cobs_encode(uint8_t *block, uint16_t size) {
    uint8_t *mark = block; /* where the current block's code byte goes */
    uint8_t *byte = block;
    uint8_t code = 1;

    for (; size != 0; size--) {
        byte++;
        if (*byte == 0) {
            *mark = code;
            mark = byte;
            code = 1;
        } else if (++code == FULL_BLOCK) {
            break;
        }
    }
    *mark = code;
    return (uint16_t)(byte - block + 1);
}
