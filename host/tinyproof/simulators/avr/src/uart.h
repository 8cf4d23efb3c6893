/*
 * The chip's first serial port (USART0), and the line to the host.
 *
 * It takes the place of libsimavr's own model, which needs 11 bit times for a byte sent and keeps a
 * 64-byte receive buffer that no chip has. Here, as in the ATmega328P and ATmega2560 data sheets:
 * a frame takes its bits (10 for 8N1) at the rate in UBRR0 and U2X0; one transmit buffer and a
 * shift register; two receive buffers and a shift register, whose byte is lost (DOR0) when the next
 * start bit comes; bytes that arrive while the receiver is off are lost.
 */
#ifndef TP_AVR_UART_H
#define TP_AVR_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <avr_uart.h>
#include <sim_avr.h>

/* Bytes from the host that wait for the line; what does not fit stays with the operating system. */
#define TP_UART_QUEUE_SIZE 1024u
/* Bytes to the host that wait to be fetched. */
#define TP_UART_OUT_SIZE 16384u

/* Counted since power-on, in bytes unless stated. */
typedef struct {
    uint64_t rx;       /* arrived at the chip, lost ones included */
    uint64_t tx;       /* sent by the chip */
    uint64_t overrun;  /* lost: the program did not read in time */
    uint64_t ignored;  /* lost: the receiver was off */
    uint64_t rejected; /* written by the program while the transmit buffer was full */
    uint64_t garbled;  /* read wrongly by either side: the two speeds differ by more than 4 % */
    uint64_t first_rx; /* cycle at which the first byte since the mark began to arrive, 0: none */
    uint64_t last_tx;  /* cycle at which the last byte left, 0: none */
} tp_uart_counts;

typedef struct {
    uint8_t data;
    bool framing_error;
} tp_uart_frame;

/* One port; owned by the caller, filled by tp_uart_attach, read-only to others. */
typedef struct {
    avr_t *avr;
    avr_uart_t *registers;  /* libsimavr's table of register addresses and vectors */
    uint32_t host_baud;     /* the host's line speed in bit/s; 0: same as the chip's */
    uint64_t last_activity; /* cycle of the last byte either way */
    bool burst_ended; /* sent something, then nothing for a frame's time; cleared by whoever acts on
                         it */
    tp_uart_counts counts;

    uint8_t queue[TP_UART_QUEUE_SIZE];
    size_t queue_head;
    size_t queue_size;
    bool receiving;
    tp_uart_frame arriving;
    tp_uart_frame buffer[3]; /* two receive buffers, then the full shift register */
    unsigned buffered;
    bool overrun;

    bool sending;
    bool transmit_full;
    uint8_t transmit_shift;
    uint8_t transmit_buffer;
    uint8_t out[TP_UART_OUT_SIZE];
    size_t out_size;
} tp_uart;

/* Replace libsimavr's USART0 of `avr`, which must outlive `self`. Returns 0, or -1: it has none. */
int tp_uart_attach(tp_uart *self, avr_t *avr);

/* Bring the port to its state after a reset of the chip; call from within the chip's reset. */
void tp_uart_reset(tp_uart *self);

/* Bytes of room in the queue towards the chip. */
size_t tp_uart_room(const tp_uart *self);

/* Queue `size` bytes (at most tp_uart_room) from the host; they arrive one by one at line speed. */
void tp_uart_feed(tp_uart *self, const uint8_t *bytes, size_t size);

/* Forget the bytes queued in both directions, and the one that is arriving. */
void tp_uart_forget(tp_uart *self);

/* Drop the first `size` bytes (at most out_size) of `out`: the host has them, or never will. */
void tp_uart_fetched(tp_uart *self, size_t size);

/* Raise the interrupts whose conditions hold: they are levels, not edges. */
void tp_uart_update_interrupts(tp_uart *self);

#endif
