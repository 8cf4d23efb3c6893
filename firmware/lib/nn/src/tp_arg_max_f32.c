/* ARG_MAX, float32. */
#define TP_ELEMENT float
#define TP_ARG_MAX tp_arg_max_f32
#include "tp_arg_max_walk.h"
