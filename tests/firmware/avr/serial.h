/* The test programs' serial port: 8N1 at BAUD, polled. */
#ifndef TP_TEST_SERIAL_H
#define TP_TEST_SERIAL_H

#include <avr/io.h>
#include <stdint.h>

#ifndef BAUD
#define BAUD 115200UL
#endif

/* The ATmega328P has one serial port and no number in its vectors' names. */
#ifndef USART0_RX_vect
#define USART0_RX_vect USART_RX_vect
#endif

static inline void serial_begin(void) {
    const uint16_t divisor = (uint16_t)((F_CPU + BAUD * 4UL) / (BAUD * 8UL) - 1UL);
    UBRR0 = divisor;
    UCSR0A = 1 << U2X0;
    UCSR0B = (1 << RXEN0) | (1 << TXEN0);
}

static inline void serial_put(uint8_t byte) {
    while (!(UCSR0A & (1 << UDRE0))) {
    }
    UDR0 = byte;
}

static inline uint8_t serial_get(void) {
    while (!(UCSR0A & (1 << RXC0))) {
    }
    return UDR0;
}

static inline void serial_text(const char *text) {
    for (; *text; text++) {
        serial_put((uint8_t)*text);
    }
}

static inline void serial_number(uint16_t value) {
    if (value >= 10) {
        serial_number(value / 10);
    }
    serial_put((uint8_t)('0' + value % 10));
}

#endif
