/* CONV_2D, int8. */
#define TP_ELEMENT int8_t
#define TP_CONV    tp_conv_2d_s8
#define TP_CONV_T  tp_conv_2d_s8_t
#define TP_MATVEC  tp_matvec_s8
#include "tp_conv_2d_walk.h"
