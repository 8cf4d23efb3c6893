/* RESIZE_NEAREST_NEIGHBOR, int8. */
#define TP_ELEMENT int8_t
#define TP_RESIZE  tp_resize_nearest_neighbor_s8
#include "tp_resize_nearest_neighbor_walk.h"
