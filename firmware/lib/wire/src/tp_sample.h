/* Requests that carry a sample: INFER, PROFILE, TRACE, whole or in parts. Private to lib/wire. */
#ifndef TP_SAMPLE_H
#define TP_SAMPLE_H

#include "tp_wire.h"

/* Takes the current request's payload (`size` bytes, in the frame buffer) and answers it: runs the
 * inference when the sample is complete, asks for the next part when it is not. Returns 0 or a
 * negative tp_error_t, with wire->detail set. */
int tp_sample_take(tp_wire_t *wire, const uint8_t *payload, uint16_t size);

#endif
