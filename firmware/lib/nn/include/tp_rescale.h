/* QUANTIZE from int8 to int8 of another scale: x[count] to y[count], which may be the same memory.
 */
#ifndef TP_RESCALE_H
#define TP_RESCALE_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count;
    int32_t multiplier; /* input scale / output scale, as tp_requantize_twice() takes it */
    int8_t shift;
    int8_t input_zero, output_zero; /* zero points */
} tp_rescale_s8_t;

void tp_rescale_s8(const TP_FLASH tp_rescale_s8_t *layer, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif

#endif
