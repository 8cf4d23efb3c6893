/* Copying float32 from the arena. */
#include "tp_copy.h"

#define TP_ELEMENT float
#define TP_COPY    tp_copy_f32
#define TP_SOURCE  const
#include "tp_copy_walk.h"
