/* MAX_POOL_2D, float32. */
#include <float.h>

#define TP_ELEMENT float
#define TP_POOL    tp_max_pool_2d_f32
#define TP_POOL_T  tp_max_pool_2d_f32_t
#define TP_LOWEST  (-FLT_MAX)
#include "tp_max_pool_2d_walk.h"
