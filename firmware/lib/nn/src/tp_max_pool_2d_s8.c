/* MAX_POOL_2D, int8. */
#define TP_ELEMENT int8_t
#define TP_POOL    tp_max_pool_2d_s8
#define TP_POOL_T  tp_max_pool_2d_s8_t
#define TP_LOWEST  INT8_MIN
#include "tp_max_pool_2d_walk.h"
