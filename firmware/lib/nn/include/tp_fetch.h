/* tp_copy.h, but from a constant in flash. */
#ifndef TP_FETCH_H
#define TP_FETCH_H

#include "tp_copy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef tp_copy_s8_t tp_fetch_s8_t;
typedef tp_copy_f32_t tp_fetch_f32_t;

void tp_fetch_s8(const TP_FLASH tp_fetch_s8_t *layer, const TP_FLASH int8_t *x, int8_t *y);
void tp_fetch_f32(const TP_FLASH tp_fetch_f32_t *layer, const TP_FLASH float *x, float *y);

#ifdef __cplusplus
}
#endif

#endif
