/* ARG_MAX: for each of x[outer][size][inner], the first position along the middle axis that holds
 * its largest element, to y[outer][inner]; they must not overlap.
 */
#ifndef TP_ARG_MAX_H
#define TP_ARG_MAX_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t outer, inner;
    size_t size;   /* at least 1 */
    uint8_t words; /* of an element of y: 1 for int32, 2 for int64 (little-endian) */
} tp_arg_max_s8_t;

typedef tp_arg_max_s8_t tp_arg_max_f32_t;

void tp_arg_max_s8(const TP_FLASH tp_arg_max_s8_t *layer, const int8_t *x, int32_t *y);
void tp_arg_max_f32(const TP_FLASH tp_arg_max_f32_t *layer, const float *x, int32_t *y);

#ifdef __cplusplus
}
#endif

#endif
