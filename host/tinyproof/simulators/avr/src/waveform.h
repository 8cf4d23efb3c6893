/* What one end of a serial line reads when the other sends at another speed. */
#ifndef TP_AVR_WAVEFORM_H
#define TP_AVR_WAVEFORM_H

#include <stdbool.h>
#include <stdint.h>

/* Whether two bit durations (cycles) are close enough for eight data bits: within 4 %. */
bool tp_waveform_matches(uint32_t sender_bit, uint32_t receiver_bit);

/*
 * Sample the frame of `byte` (start bit, 8 data bits from the lowest, stop bit, then idle) as a
 * receiver does: in the middle of its own bits, counted from the start edge. Durations in cycles,
 * at least 1. `framing_error` receives whether the stop bit was read as 0.
 */
uint8_t tp_waveform_read(uint8_t byte, uint32_t sender_bit, uint32_t receiver_bit,
                         bool *framing_error);

#endif
