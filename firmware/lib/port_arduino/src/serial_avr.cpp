/* AVR's hardware serial port: whole blocks to and from the core's ring buffers.
 *
 * Serial.read() and write() take 55 and 120 cycles a byte, a copy from the ring 15. The interrupts
 * stay the core's own. A derived class may form pointers to protected members; with them the rings
 * of Serial itself can be reached.
 */
#include "tp_core.h"
#include "tp_family.h"
#if defined(__AVR__) && defined(HAVE_HWSERIAL0)

static_assert(sizeof(rx_buffer_index_t) == 1 && sizeof(tx_buffer_index_t) == 1,
              "SERIAL_RX_BUFFER_SIZE and SERIAL_TX_BUFFER_SIZE: at most 256, so that an index is "
              "read and written in one piece");

namespace {
struct Rings : HardwareSerial {
    static constexpr auto rx() -> decltype(&Rings::_rx_buffer) {
        return &Rings::_rx_buffer;
    }
    static constexpr auto rx_head() -> decltype(&Rings::_rx_buffer_head) {
        return &Rings::_rx_buffer_head;
    }
    static constexpr auto rx_tail() -> decltype(&Rings::_rx_buffer_tail) {
        return &Rings::_rx_buffer_tail;
    }
    static constexpr auto tx() -> decltype(&Rings::_tx_buffer) {
        return &Rings::_tx_buffer;
    }
    static constexpr auto tx_head() -> decltype(&Rings::_tx_buffer_head) {
        return &Rings::_tx_buffer_head;
    }
    static constexpr auto tx_tail() -> decltype(&Rings::_tx_buffer_tail) {
        return &Rings::_tx_buffer_tail;
    }
};
} // namespace

uint16_t tp_family_read(uint8_t *dst, uint16_t size) {
    const uint8_t *ring = Serial.*Rings::rx();
    const uint8_t head = Serial.*Rings::rx_head();
    uint8_t tail = Serial.*Rings::rx_tail();
    uint8_t *byte = dst;
    uint8_t left = size > 255 ? 255 : (uint8_t)size;

    for (; left != 0 && tail != head; left--) {
        *byte++ = ring[tail];
        tail = (uint8_t)((tail + 1u) % SERIAL_RX_BUFFER_SIZE);
    }
    Serial.*Rings::rx_tail() = tail;
    return (uint16_t)(byte - dst);
}

/* Copies as many bytes as fit and leave room for one more. Returns how many. */
static uint8_t fill_ring(const uint8_t *src, uint16_t size) {
    uint8_t *ring = Serial.*Rings::tx();
    uint8_t head = Serial.*Rings::tx_head();
    const uint8_t tail = Serial.*Rings::tx_tail();
    const uint8_t room = (uint8_t)((tail - head - 1u) % SERIAL_TX_BUFFER_SIZE);
    uint8_t count = room > 1 ? (uint8_t)(room - 1) : 0;
    uint8_t left;

    if (count > size) {
        count = (uint8_t)size;
    }
    for (left = count; left != 0; left--) {
        ring[head] = *src++;
        head = (uint8_t)((head + 1u) % SERIAL_TX_BUFFER_SIZE);
    }
    Serial.*Rings::tx_head() = head;
    return count;
}

/* Every block ends with a byte through Serial.write(), which waits when the ring is full and starts
 * the interrupt that empties it. */
void tp_family_write(const uint8_t *src, uint16_t size) {
    while (size != 0) {
        const uint8_t count = fill_ring(src, (uint16_t)(size - 1));
        src += count;
        size = (uint16_t)(size - count - 1);
        Serial.write(*src++);
    }
}

/* SERIAL_RX_BUFFER_SIZE gives the ring its size. */
void tp_family_open(uint32_t baud) {
    Serial.begin(baud);
}

/* The core sends while the processor works; its flush() would wait. */
void tp_family_flush(void) {
}

void tp_family_drain(void) {
    Serial.flush();
}
#endif
