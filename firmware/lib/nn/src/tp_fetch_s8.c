/* Copying int8 from flash. */
#include "tp_fetch.h"

#define TP_ELEMENT int8_t
#define TP_COPY    tp_fetch_s8
#define TP_SOURCE  const TP_FLASH
#include "tp_copy_walk.h"
