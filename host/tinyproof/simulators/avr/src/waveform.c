/* What one end of a serial line reads when the other sends at another speed. */
#include "waveform.h"

bool tp_waveform_matches(uint32_t sender_bit, uint32_t receiver_bit) {
    const uint32_t difference =
        sender_bit > receiver_bit ? sender_bit - receiver_bit : receiver_bit - sender_bit;
    return difference * 25u <= receiver_bit;
}

/* The level of the line `half_cycles` half cycles after the start edge. */
static bool level_at(uint8_t byte, uint32_t sender_bit, uint64_t half_cycles) {
    const uint64_t bit = half_cycles / (2u * (uint64_t)sender_bit);
    if (bit == 0) {
        return false;
    }
    return bit > 8 || (byte >> (bit - 1) & 1) != 0;
}

uint8_t tp_waveform_read(uint8_t byte, uint32_t sender_bit, uint32_t receiver_bit,
                         bool *framing_error) {
    unsigned value = 0;
    for (unsigned bit = 0; bit < 8; bit++) {
        if (level_at(byte, sender_bit, (uint64_t)receiver_bit * (2 * bit + 3))) {
            value |= 1u << bit;
        }
    }
    *framing_error = !level_at(byte, sender_bit, (uint64_t)receiver_bit * 19);
    return (uint8_t)value;
}
