/* One call of tp_matvec_s8 in RAM, as tp_matvec_job.S reads it. Private to this folder. */
#ifndef TP_MATVEC_JOB_H
#define TP_MATVEC_JOB_H

/* Offsets of the members below, for the assembler. */
#define TP_JOB_BEST       0
#define TP_JOB_WEIGHTS    16
#define TP_JOB_BIAS       19
#define TP_JOB_MULTIPLIER 22
#define TP_JOB_SHIFT      25
#define TP_JOB_X          28
#define TP_JOB_Y          30
#define TP_JOB_DEPTH      32
#define TP_JOB_COUNT      34
#define TP_JOB_ROWS       36
#define TP_JOB_REQUANTIZE 38
#define TP_JOB_SCALES     40
#define TP_JOB_ZERO       41
#define TP_JOB_LOW        42
#define TP_JOB_HIGH       43

#ifndef __ASSEMBLER__
#include "tp_matvec.h"

typedef struct {
    int32_t best[4];                           /* working memory: the rows' largest sums */
    __uint24 weights, bias, multiplier, shift; /* addresses in flash */
    const int8_t *x;
    int8_t *y;
    uint16_t depth, count, rows; /* none is 0 */
    void (*requantize)(void);    /* one of tp_requantize_*_inner */
    uint8_t per_channel;
    int8_t zero, low, high; /* of the output */
} tp_matvec_job_t;

/* Readies the job for the rows of one group of `matrix`, the first; x, y and count are missing. */
void tp_matvec_prepare(tp_matvec_job_t *job, const TP_FLASH tp_matvec_s8_t *matrix);

/* Does the job: rows of products, their maxima over `count` vectors, requantized. Leaves `rows` 0,
 * and y and the addresses behind what was read and written: at the next group. */
void tp_matvec_job(tp_matvec_job_t *job);

/* Rounding rules, with arguments in registers that C does not use for them. */
void tp_requantize_once_inner(void);
void tp_requantize_twice_inner(void);
#endif

#endif
