/* PRELU: x[count] to y[count], which may be the same memory; alpha repeats every `period` elements.
 */
#ifndef TP_PRELU_H
#define TP_PRELU_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t count, period; /* at least 1 */
    const TP_FLASH int8_t *alpha;
    int32_t multiplier;       /* input scale / output scale */
    int32_t alpha_multiplier; /* the same times alpha's scale */
    int8_t shift, alpha_shift;
    int8_t input_zero, alpha_zero, output_zero; /* zero points */
} tp_prelu_s8_t;

void tp_prelu_s8(const TP_FLASH tp_prelu_s8_t *layer, const int8_t *x, int8_t *y);

typedef struct {
    size_t count, period; /* at least 1 */
    const TP_FLASH float *alpha;
} tp_prelu_f32_t;

void tp_prelu_f32(const TP_FLASH tp_prelu_f32_t *layer, const float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
