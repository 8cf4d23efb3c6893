/* Little-endian integers in byte arrays of any alignment. */
#ifndef TP_BYTES_H
#define TP_BYTES_H

#include <stdint.h>

static inline uint16_t tp_load_u16(const uint8_t *src) {
    return (uint16_t)(src[0] | (uint16_t)src[1] << 8);
}

static inline uint32_t tp_load_u32(const uint8_t *src) {
    return tp_load_u16(src) | (uint32_t)tp_load_u16(src + 2) << 16;
}

static inline void tp_store_u16(uint8_t *dst, uint16_t value) {
    dst[0] = (uint8_t)value;
    dst[1] = (uint8_t)(value >> 8);
}

static inline void tp_store_u32(uint8_t *dst, uint32_t value) {
    tp_store_u16(dst, (uint16_t)value);
    tp_store_u16(dst + 2, (uint16_t)(value >> 16));
}

#endif
