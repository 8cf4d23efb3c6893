/* CONV_2D, float32. */
#define TP_ELEMENT float
#define TP_CONV    tp_conv_2d_f32
#define TP_CONV_T  tp_conv_2d_f32_t
#define TP_MATVEC  tp_matvec_f32
#include "tp_conv_2d_walk.h"
