/* Constant int8 matrix times vectors, on AVR. */
#include "tp_matvec.h"
#include "tp_matvec_job.h"

void tp_matvec_s8(const TP_FLASH tp_matvec_s8_t *matrix, uint16_t group, const int8_t *x,
                  uint16_t count, int8_t *y) {
    tp_matvec_job_t job;

    tp_matvec_prepare(&job, matrix);
    if (group != 0) {
        const __uint24 row = (__uint24)group * job.rows;

        job.weights += row * job.depth;
        job.bias += row * sizeof *matrix->bias;
        if (job.per_channel) {
            job.multiplier += row * sizeof *matrix->multiplier;
            job.shift += row;
        }
    }
    job.x = x;
    job.y = y;
    job.count = count;
    tp_matvec_job(&job);
}
