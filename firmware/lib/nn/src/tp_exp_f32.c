/* The exponential function, float32: e^x = 2^n e^r with |r| at most ln(2) / 2, e^r by its series.
 */
#include "tp_exp.h"

#include <stdint.h>

/* Returns 2^n for n from -126 to 0. */
static float tp_power_of_two(int16_t n) {
    union {
        uint32_t bits;
        float value;
    } power;

    power.bits = (uint32_t)(127 + n) << 23;
    return power.value;
}

float tp_exp_f32(float x) {
    int16_t n;
    float r, sum;

    if (!(x >= -104)) {
        return x < 0 ? 0 : x; /* NaN stays */
    }
    n = (int16_t)(x * 1.44269504f - 0.5f);
    /* ln(2) in two parts, n times the first of which is exact. */
    r = x - (float)n * 0.693359375f;
    r -= (float)n * -2.12194440e-4f;
    sum = 1.0f / 720 + r * (1.0f / 5040);
    sum = 1.0f / 120 + r * sum;
    sum = 1.0f / 24 + r * sum;
    sum = 1.0f / 6 + r * sum;
    sum = 1 + r * (1 + r * (0.5f + r * sum));
    /* In two steps, so that results too small for an exponent of their own are right as well. */
    return sum * tp_power_of_two((int16_t)(n / 2)) * tp_power_of_two((int16_t)(n - n / 2));
}
