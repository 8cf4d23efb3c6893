/* RESIZE_NEAREST_NEIGHBOR, float32. */
#define TP_ELEMENT float
#define TP_RESIZE  tp_resize_nearest_neighbor_f32
#include "tp_resize_nearest_neighbor_walk.h"
