/* y[count] all of one value: the border that PAD leaves. */
#ifndef TP_FILL_H
#define TP_FILL_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    int8_t value;
} tp_fill_s8_t;

void tp_fill_s8(const TP_FLASH tp_fill_s8_t *layer, int8_t *y);

typedef struct {
    size_t count;
    float value;
} tp_fill_f32_t;

void tp_fill_f32(const TP_FLASH tp_fill_f32_t *layer, float *y);

#ifdef __cplusplus
}
#endif

#endif
