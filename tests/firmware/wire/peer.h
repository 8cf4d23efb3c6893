/* The host's end of the wire for C tests: written a second time, slow and plain, on purpose. */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

enum { PEER_MAX = 1 << 18 };

typedef struct {
    uint8_t version;
    uint8_t type;
    uint16_t sequence;
    uint32_t crc;
    const uint8_t *payload; /* valid until the next call */
    size_t size;
} peer_frame_t;

uint32_t peer_crc32(uint32_t seed, const uint8_t *data, size_t size);

/* Encodes a frame into `dst`, delimiter included; returns its size. */
size_t peer_encode(uint8_t *dst, uint8_t version, uint8_t type, uint16_t sequence, uint32_t seed,
                   const uint8_t *payload, size_t size);

/* Decodes the first frame of `src`, skipping empty ones; `*used` bytes are read. Returns 0 when
 * there is none or it is damaged. */
int peer_decode(peer_frame_t *frame, const uint8_t *src, size_t size, uint32_t seed, size_t *used);

#endif
