/* Copying int8 from the arena. */
#include "tp_copy.h"

#define TP_ELEMENT int8_t
#define TP_COPY    tp_copy_s8
#define TP_SOURCE  const
#include "tp_copy_walk.h"
