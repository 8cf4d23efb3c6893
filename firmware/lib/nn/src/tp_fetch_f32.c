/* Copying float32 from flash. */
#include "tp_fetch.h"

#define TP_ELEMENT float
#define TP_COPY    tp_fetch_f32
#define TP_SOURCE  const TP_FLASH
#include "tp_copy_walk.h"
