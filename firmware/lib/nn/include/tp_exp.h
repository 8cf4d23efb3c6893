/* The exponential function, the same on every processor: some bare-metal toolchains have no libm.
 */
#ifndef TP_EXP_H
#define TP_EXP_H

#ifdef __cplusplus
extern "C" {
#endif

/* Returns e^x for x at most 0, within 4e-7 of it; 0 below -104; NaN for NaN. */
float tp_exp_f32(float x);

#ifdef __cplusplus
}
#endif

#endif
