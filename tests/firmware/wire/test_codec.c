/* Tests of lib/wire's COBS and CRC-32 against the slow second writing in peer.c. */
#include "check.h"
#include "peer.h"
#include "tp_cobs.h"
#include "tp_crc32.h"
#include <string.h>

enum { LONGEST = 1100 };

static uint32_t random_state = 1;

static uint32_t next_random(void) {
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

/* Bytes with a zero about once in `zeros`, none for 0. */
static void fill(uint8_t *dst, size_t size, uint32_t zeros) {
    size_t i;

    for (i = 0; i < size; i++) {
        dst[i] = zeros && next_random() % zeros == 0 ? 0 : (uint8_t)(next_random() % 255 + 1);
    }
}

/* Encodes as the firmware does, run by run in one buffer; returns the size with the delimiter. */
static size_t encode(uint8_t *dst, const uint8_t *src, uint16_t size) {
    uint8_t buffer[LONGEST + 2];
    uint8_t *block = buffer;
    size_t out = 0;

    memcpy(buffer + 1, src, size);
    while (size != 0) {
        const uint16_t ready = tp_cobs_encode(block, size);
        memcpy(dst + out, block, ready);
        out += ready;
        block += ready - 1;
        size = (uint16_t)(size - (ready - 1));
    }
    dst[out++] = 0;
    return out;
}

static void crc_equals_the_bitwise_one(void) {
    uint8_t data[300];
    uint16_t size;

    fill(data, sizeof data, 10);
    CHECK(tp_crc32(0, (const uint8_t *)"123456789", 9) == 0xCBF43926);
    CHECK(tp_crc32(0x12345678, NULL, 0) == 0x12345678);
    for (size = 0; size <= sizeof data; size++) {
        const uint32_t seed = next_random() << 8;
        CHECK(tp_crc32(seed, data, size) == peer_crc32(seed, data, size));
    }
}

static void crc_of_two_pieces_is_the_crc_of_the_whole(void) {
    uint8_t data[64];

    fill(data, sizeof data, 0);
    CHECK(tp_crc32(tp_crc32(7, data, 20), data + 20, 44) == tp_crc32(7, data, 64));
}

static void every_length_encodes_as_the_peer_does(void) {
    static uint8_t frame[2 * LONGEST];
    static uint8_t wanted[2 * LONGEST];
    uint8_t payload[LONGEST];
    const uint32_t densities[] = {0, 1, 2, 50, 254, 600};
    size_t size;
    size_t k;

    for (size = 0; size < LONGEST - 8; size++) {
        for (k = 0; k < sizeof densities / sizeof densities[0]; k++) {
            uint8_t raw[LONGEST];
            uint32_t crc;
            size_t count;
            fill(payload, size, densities[k]);
            count = peer_encode(wanted, 1, 2, (uint16_t)size, 3, payload, size);
            raw[0] = 1;
            raw[1] = 2;
            raw[2] = (uint8_t)size;
            raw[3] = (uint8_t)(size >> 8);
            memcpy(raw + 4, payload, size);
            crc = tp_crc32(3, raw, (uint16_t)(size + 4));
            raw[size + 4] = (uint8_t)crc;
            raw[size + 5] = (uint8_t)(crc >> 8);
            raw[size + 6] = (uint8_t)(crc >> 16);
            raw[size + 7] = (uint8_t)(crc >> 24);
            CHECK(encode(frame, raw, (uint16_t)(size + 8)) == count);
            CHECK(memcmp(frame, wanted, count) == 0);
        }
    }
}

/* Decodes in chunks of random sizes up to `chunk`. */
static uint16_t decode(uint8_t *dst, uint16_t capacity, const uint8_t *src, size_t size,
                       uint16_t chunk, int *complete) {
    tp_cobs_decoder_t decoder = {0, 0, 0};
    size_t at = 0;

    while (at < size && src[at] != 0) {
        uint16_t count = (uint16_t)(next_random() % chunk + 1);
        uint16_t used;
        if (count > size - at) {
            count = (uint16_t)(size - at);
        }
        used = tp_cobs_decode(&decoder, dst, capacity, src + at, count);
        at += used;
        if (used != count && src[at] != 0) {
            *complete = 0;
            return decoder.length;
        }
    }
    *complete = tp_cobs_complete(&decoder);
    return decoder.length;
}

static void every_length_decodes_in_every_chunking(void) {
    static uint8_t encoded[2 * LONGEST];
    uint8_t raw[LONGEST];
    uint8_t back[LONGEST];
    uint16_t size;

    for (size = 1; size < LONGEST; size++) {
        const uint16_t chunks[] = {1, 2, 7, 300, 2000};
        size_t count;
        size_t k;
        fill(raw, size, size % 3 ? size : 3);
        count = encode(encoded, raw, size);
        for (k = 0; k < sizeof chunks / sizeof chunks[0]; k++) {
            int complete;
            CHECK(decode(back, size, encoded, count, chunks[k], &complete) == size);
            CHECK(complete && memcmp(back, raw, size) == 0);
        }
    }
}

static void a_frame_longer_than_the_buffer_stops_at_its_end(void) {
    uint8_t raw[40];
    uint8_t encoded[50];
    uint8_t back[40];
    uint16_t capacity;

    fill(raw, sizeof raw, 4);
    for (capacity = 0; capacity < sizeof raw; capacity++) {
        const size_t count = encode(encoded, raw, sizeof raw);
        int complete;
        memset(back, 0xEE, sizeof back);
        CHECK(decode(back, capacity, encoded, count, 3, &complete) == capacity);
        CHECK(!complete && back[capacity] == 0xEE);
    }
}

static void a_cut_block_is_not_complete(void) {
    const uint8_t cut[] = {5, 1, 2, 3};
    tp_cobs_decoder_t decoder = {0, 0, 0};
    uint8_t back[8];

    CHECK(!tp_cobs_complete(&decoder));
    CHECK(tp_cobs_decode(&decoder, back, sizeof back, cut, sizeof cut) == sizeof cut);
    CHECK(!tp_cobs_complete(&decoder));
}

int main(void) {
    RUN(crc_equals_the_bitwise_one);
    RUN(crc_of_two_pieces_is_the_crc_of_the_whole);
    RUN(every_length_encodes_as_the_peer_does);
    RUN(every_length_decodes_in_every_chunking);
    RUN(a_frame_longer_than_the_buffer_stops_at_its_end);
    RUN(a_cut_block_is_not_complete);
    return EXIT_SUCCESS;
}
