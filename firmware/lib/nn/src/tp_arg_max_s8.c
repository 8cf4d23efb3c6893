/* ARG_MAX, int8. */
#define TP_ELEMENT int8_t
#define TP_ARG_MAX tp_arg_max_s8
#include "tp_arg_max_walk.h"
