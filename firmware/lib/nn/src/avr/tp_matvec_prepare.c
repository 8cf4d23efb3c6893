/* From a matrix in flash to the job in RAM that tp_matvec_job.S does. */
#include <stddef.h>

#include "tp_matvec_job.h"

_Static_assert(offsetof(tp_matvec_job_t, weights) == TP_JOB_WEIGHTS &&
                   offsetof(tp_matvec_job_t, x) == TP_JOB_X &&
                   offsetof(tp_matvec_job_t, requantize) == TP_JOB_REQUANTIZE &&
                   offsetof(tp_matvec_job_t, high) == TP_JOB_HIGH,
               "the assembler's offsets are those of the struct");

/* The 24-bit address of what `pointer` points to in flash. */
#define TP_ADDRESS(pointer) ((__uint24)(const __memx void *)(pointer))

void tp_matvec_prepare(tp_matvec_job_t *job, const TP_FLASH tp_matvec_s8_t *matrix) {
    const tp_matvec_s8_t copy = *matrix;

    job->weights = TP_ADDRESS(copy.weights);
    job->bias = TP_ADDRESS(copy.bias);
    job->multiplier = TP_ADDRESS(copy.multiplier);
    job->shift = TP_ADDRESS(copy.shift);
    job->requantize = copy.requantize == tp_requantize_once ? tp_requantize_once_inner
                                                            : tp_requantize_twice_inner;
    job->depth = (uint16_t)copy.depth;
    job->rows = copy.channels;
    job->per_channel = copy.per_channel;
    job->zero = copy.output_zero;
    job->low = copy.low;
    job->high = copy.high;
}
