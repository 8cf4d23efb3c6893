/* CRC-32 of Ethernet and zlib, with the same seeding as zlib.crc32(bytes, seed). */
#ifndef TP_CRC32_H
#define TP_CRC32_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the CRC of `size` bytes that follow bytes whose CRC is `seed`; seed 0 for none. `data` is
 * in RAM; may be NULL when size is 0. */
uint32_t tp_crc32(uint32_t seed, const uint8_t *data, uint16_t size);

#ifdef __cplusplus
}
#endif

#endif
