/* CRC-32 by a table of 256 words in flash: 1 KiB buys a third of the cycles of a nibble table. */
#include "tp_crc32.h"
#include "tp_flash.h"

/* The table is linear over GF(2): an entry is the XOR of the entries of its bits. */
#define BIT(i, n, word) (((i) >> (n)) & 1 ? (word) : 0)
#define ENTRY(i)                                                                                   \
    (BIT(i, 0, 0x77073096UL) ^ BIT(i, 1, 0xEE0E612CUL) ^ BIT(i, 2, 0x076DC419UL) ^                 \
     BIT(i, 3, 0x0EDB8832UL) ^ BIT(i, 4, 0x1DB71064UL) ^ BIT(i, 5, 0x3B6E20C8UL) ^                 \
     BIT(i, 6, 0x76DC4190UL) ^ BIT(i, 7, 0xEDB88320UL))
#define ENTRIES_4(i)  ENTRY(i), ENTRY((i) + 1), ENTRY((i) + 2), ENTRY((i) + 3)
#define ENTRIES_16(i) ENTRIES_4(i), ENTRIES_4((i) + 4), ENTRIES_4((i) + 8), ENTRIES_4((i) + 12)
#define ENTRIES_64(i)                                                                              \
    ENTRIES_16(i), ENTRIES_16((i) + 16), ENTRIES_16((i) + 32), ENTRIES_16((i) + 48)

static const TP_FLASH uint32_t table[256] = {ENTRIES_64(0), ENTRIES_64(64), ENTRIES_64(128),
                                             ENTRIES_64(192)};

uint32_t tp_crc32(uint32_t seed, const uint8_t *data, uint16_t size) {
    uint32_t crc = ~seed;
    for (; size != 0; size--) {
        crc = table[(uint8_t)crc ^ *data++] ^ (crc >> 8);
    }
    return ~crc;
}
