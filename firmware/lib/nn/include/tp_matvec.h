/* A constant matrix times vectors: the core of convolution and fully connected layers.
 *
 * Weights lie as the generator orders them: every four rows interleaved column by column, then the
 * one to three rows that remain, plain; so four sums grow in one pass over the vector.
 */
#ifndef TP_MATVEC_H
#define TP_MATVEC_H

#include <stddef.h>
#include <stdint.h>

#include "tp_flash.h"
#include "tp_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const TP_FLASH int8_t *weights; /* channels x depth, interleaved; for each group */
    const TP_FLASH int32_t *bias;   /* channels, the input's zero point folded in; for each group */
    const TP_FLASH int32_t *multiplier; /* one, or channels for each group */
    const TP_FLASH int8_t *shift;       /* as many as multipliers */
    tp_requantize_t requantize;         /* the rounding rule */
    size_t depth;                       /* columns: 1 to 131071 */
    uint16_t channels;                  /* rows of one group: 1 to 32767 */
    uint8_t per_channel;                /* 1: a multiplier for each row; 0: one for all */
    int8_t output_zero;                 /* zero point of the output */
    int8_t low, high;                   /* range of the output: int8 and fused activation */
} tp_matvec_s8_t;

/* Multiplies the rows of `group` with `count` vectors that lie one after another in `x`, takes each
 * row's largest sum, and writes it requantized: x[count][depth], y[channels]. count is at least 1;
 * more than 1 means max pooling, exact where shifts are not positive. */
void tp_matvec_s8(const TP_FLASH tp_matvec_s8_t *matrix, uint16_t group, const int8_t *x,
                  uint16_t count, int8_t *y);

typedef struct {
    const TP_FLASH float *weights; /* channels x depth, interleaved; for each group */
    const TP_FLASH float *bias;    /* channels; for each group */
    size_t depth;                  /* columns, at least 1 */
    uint16_t channels;             /* rows of one group: 1 to 32767 */
    float low, high;               /* range of the fused activation */
} tp_matvec_f32_t;

/* As tp_matvec_s8, in float32; products are added in the order of the columns. */
void tp_matvec_f32(const TP_FLASH tp_matvec_f32_t *matrix, uint16_t group, const float *x,
                   uint16_t count, float *y);

#ifdef __cplusplus
}
#endif

#endif
