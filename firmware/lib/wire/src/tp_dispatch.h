/* From a decoded frame to its request, and from that to the function that answers it. Private to
 * lib/wire. */
#ifndef TP_DISPATCH_H
#define TP_DISPATCH_H

#include "tp_wire.h"

/* Checks the `size` bytes (at most TP_MAX_RAW) decoded at frame[1], and answers the request in
 * them; drops what is none. */
void tp_dispatch(tp_wire_t *wire, uint16_t size);

#endif
