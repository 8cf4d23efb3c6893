/* Any function of one int8 value: x[count] to y[count], which may be the same memory. */
#ifndef TP_LUT_H
#define TP_LUT_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    const TP_FLASH int8_t *table; /* 256 outputs, for the inputs from -128 to 127 */
} tp_lut_s8_t;

void tp_lut_s8(const TP_FLASH tp_lut_s8_t *layer, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif

#endif
