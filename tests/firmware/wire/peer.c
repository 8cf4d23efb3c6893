/* Frames, bit by bit. */
#include "peer.h"
#include <string.h>

uint32_t peer_crc32(uint32_t seed, const uint8_t *data, size_t size) {
    uint32_t crc = ~seed;
    size_t i;
    int bit;

    for (i = 0; i < size; i++) {
        crc ^= data[i];
        for (bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

static size_t stuff(uint8_t *dst, const uint8_t *src, size_t size) {
    size_t mark = 0;
    size_t out = 1;
    size_t i;

    for (i = 0; i < size; i++) {
        if (src[i] != 0) {
            dst[out++] = src[i];
        }
        if (src[i] == 0 || (out - mark == 255 && i + 1 < size)) {
            dst[mark] = (uint8_t)(out - mark);
            mark = out++;
        }
    }
    dst[mark] = (uint8_t)(out - mark);
    dst[out++] = 0;
    return out;
}

size_t peer_encode(uint8_t *dst, uint8_t version, uint8_t type, uint16_t sequence, uint32_t seed,
                   const uint8_t *payload, size_t size) {
    static uint8_t raw[PEER_MAX];
    uint32_t crc;
    int i;

    raw[0] = version;
    raw[1] = type;
    raw[2] = (uint8_t)sequence;
    raw[3] = (uint8_t)(sequence >> 8);
    if (size != 0) {
        memcpy(raw + 4, payload, size);
    }
    crc = peer_crc32(seed, raw, size + 4);
    for (i = 0; i < 4; i++) {
        raw[size + 4 + (size_t)i] = (uint8_t)(crc >> (8 * i));
    }
    return stuff(dst, raw, size + 8);
}

int peer_decode(peer_frame_t *frame, const uint8_t *src, size_t size, uint32_t seed, size_t *used) {
    static uint8_t raw[PEER_MAX];
    size_t in = 0;
    size_t out = 0;

    while (in < size && src[in] == 0) {
        in++;
    }
    while (in < size && src[in] != 0) {
        const uint8_t code = src[in++];
        uint8_t i;
        for (i = 1; i < code; i++) {
            if (in == size || src[in] == 0) {
                return 0;
            }
            raw[out++] = src[in++];
        }
        if (code != 0xFF && in < size && src[in] != 0) {
            raw[out++] = 0;
        }
    }
    if (in == size || out < 8) {
        return 0;
    }
    *used = in + 1;
    frame->version = raw[0];
    frame->type = raw[1];
    frame->sequence = (uint16_t)(raw[2] | raw[3] << 8);
    frame->payload = raw + 4;
    frame->size = out - 8;
    frame->crc = (uint32_t)raw[out - 4] | (uint32_t)raw[out - 3] << 8 |
                 (uint32_t)raw[out - 2] << 16 | (uint32_t)raw[out - 1] << 24;
    return frame->crc == peer_crc32(seed, raw, out - 4);
}
