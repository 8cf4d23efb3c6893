/* Limits of fused activations in float32. */
#ifndef TP_CLAMP_F32_H
#define TP_CLAMP_F32_H

/* Limits `value` to [low, high]. */
static inline float tp_clamp_f32(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

#endif
