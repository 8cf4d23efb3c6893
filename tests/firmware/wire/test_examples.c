/* Reads the example frames that Python wrote, and writes each again byte for byte.
 *
 * Each line of the file named on the command line: seed, then the frame without COBS but with its
 * CRC, then the encoded frame, in hex.
 */
#include "check.h"
#include "tp_cobs.h"
#include "tp_crc32.h"
#include <string.h>

enum { LONGEST = 2048 };

static uint16_t from_hex(uint8_t *dst, const char *text) {
    const size_t size = strlen(text) / 2;

    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        CHECK(sscanf(text + 2 * i, "%2x", &byte) == 1);
        dst[i] = (uint8_t)byte;
    }
    return (uint16_t)size;
}

static void decodes(const uint8_t *raw, uint16_t raw_size, const uint8_t *encoded, uint16_t size) {
    tp_cobs_decoder_t decoder = {0, 0, 0};
    uint8_t back[LONGEST];

    CHECK(tp_cobs_decode(&decoder, back, sizeof back, encoded, size) == size - 1);
    CHECK(tp_cobs_complete(&decoder) && decoder.length == raw_size);
    CHECK(memcmp(back, raw, raw_size) == 0);
}

static void encodes(const uint8_t *raw, uint16_t raw_size, const uint8_t *encoded, uint16_t size) {
    uint8_t buffer[LONGEST];
    uint8_t *block = buffer;

    memcpy(buffer + 1, raw, raw_size);
    while (raw_size != 0) {
        const uint16_t ready = tp_cobs_encode(block, raw_size);
        CHECK(ready < size && memcmp(block, encoded, ready) == 0);
        block += ready - 1;
        raw_size = (uint16_t)(raw_size - (ready - 1));
        encoded += ready;
        size = (uint16_t)(size - ready);
    }
    CHECK(size == 1 && encoded[0] == 0);
}

int main(int count, char **arguments) {
    static char raw_text[2 * LONGEST + 1];
    static char encoded_text[2 * LONGEST + 1];
    uint8_t raw[LONGEST];
    uint8_t encoded[LONGEST];
    unsigned long seed;
    int frames = 0;
    FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;

    CHECK(file);
    while (fscanf(file, "%lu %4096s %4096s", &seed, raw_text, encoded_text) == 3) {
        const uint16_t raw_size = from_hex(raw, raw_text);
        const uint16_t size = from_hex(encoded, encoded_text);
        const uint32_t crc = tp_crc32((uint32_t)seed, raw, (uint16_t)(raw_size - 4));
        CHECK(raw[raw_size - 4] == (uint8_t)crc && raw[raw_size - 1] == (uint8_t)(crc >> 24));
        decodes(raw, raw_size, encoded, size);
        encodes(raw, raw_size, encoded, size);
        frames++;
    }
    (void)fclose(file);
    (void)printf("%d frames\n", frames);
    return EXIT_SUCCESS;
}
