/* AVERAGE_POOL_2D: shapes as in tp_max_pool_2d.h; padding does not count. A window has at most
 * 2^24 - 1 elements, so 32 bits hold its sum.
 */
#ifndef TP_AVERAGE_POOL_2D_H
#define TP_AVERAGE_POOL_2D_H

#include "tp_max_pool_2d.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef tp_max_pool_2d_s8_t tp_average_pool_2d_s8_t;

/* Halves are rounded away from zero. */
void tp_average_pool_2d_s8(const TP_FLASH tp_average_pool_2d_s8_t *pool, const int8_t *x,
                           int8_t *y);

typedef tp_max_pool_2d_f32_t tp_average_pool_2d_f32_t;

void tp_average_pool_2d_f32(const TP_FLASH tp_average_pool_2d_f32_t *pool, const float *x,
                            float *y);

#ifdef __cplusplus
}
#endif

#endif
