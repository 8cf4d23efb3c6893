/* The chip's first serial port (USART0), and the line to the host. */
#include "uart.h"

#include <string.h>

#include "waveform.h"
#include <sim_regbit.h>

/* Bits of UCSR0A and UCSR0B, the same on both chips (data sheets, "Register Description"). */
enum {
    UCSRA_RXC = 0x80,
    UCSRA_TXC = 0x40,
    UCSRA_UDRE = 0x20,
    UCSRA_FE = 0x10,
    UCSRA_DOR = 0x08,
    UCSRA_U2X = 0x02,
    UCSRA_MPCM = 0x01,
    UCSRB_RXEN = 0x10,
    UCSRB_TXEN = 0x08,
    UCSRB_RXB8 = 0x02,
    UCSRC_8N1 = 0x06,
};

#define RECEIVE_BUFFERS 2u

static uint8_t *status_of(const tp_uart *self) {
    return &self->avr->data[self->registers->r_ucsra];
}

static bool enabled(const tp_uart *self, uint8_t mask) {
    return (self->avr->data[self->registers->r_ucsrb] & mask) != 0;
}

/* Cycles of one bit at the chip's speed. */
static uint32_t chip_bit(const tp_uart *self) {
    const avr_uart_t *registers = self->registers;
    const uint8_t *data = self->avr->data;
    const uint32_t ubrr = data[registers->ubrrl.reg] | (uint32_t)(data[registers->ubrrh.reg] & 0x0f)
                                                           << 8;
    return (ubrr + 1u) * ((*status_of(self) & UCSRA_U2X) ? 8u : 16u);
}

/* Cycles of one bit at the host's speed. */
static uint32_t host_bit(const tp_uart *self) {
    if (self->host_baud == 0 || self->host_baud > self->avr->frequency) {
        return chip_bit(self);
    }
    return (self->avr->frequency + self->host_baud / 2) / self->host_baud;
}

/* Bits of one frame: start, 5 to 8 data bits, parity, stop bits, from UCSR0C. */
static uint32_t frame_bits(const tp_uart *self) {
    const uint8_t format = self->avr->data[self->registers->r_ucsrc];
    const uint32_t data = 5u + (format >> 1 & 3u);
    const uint32_t parity = (format & 0x20) ? 1u : 0u;
    const uint32_t stops = (format & 0x08) ? 2u : 1u;
    return 1u + data + parity + stops;
}

/* Write UCSR0A's flags from the state; TXC0, U2X0 and MPCM0 live in the register itself. */
static void publish(tp_uart *self) {
    uint8_t status = *status_of(self) & (UCSRA_TXC | UCSRA_U2X | UCSRA_MPCM);
    if (self->buffered > 0) {
        status |= UCSRA_RXC;
        status |= self->buffer[0].framing_error ? UCSRA_FE : 0;
    }
    status |= self->overrun ? UCSRA_DOR : 0;
    status |= self->transmit_full ? 0 : UCSRA_UDRE;
    *status_of(self) = status;
    tp_uart_update_interrupts(self);
}

static void update(avr_t *avr, avr_int_vector_t *vector) {
    const bool active = avr_regbit_get(avr, vector->raised) && avr_regbit_get(avr, vector->enable);
    if (active && !vector->pending) {
        avr_raise_interrupt(avr, vector);
    } else if (!active) {
        vector->pending = 0; /* libsimavr then drops its queue entry */
    }
}

void tp_uart_update_interrupts(tp_uart *self) {
    update(self->avr, &self->registers->rxc);
    update(self->avr, &self->registers->udrc);
    update(self->avr, &self->registers->txc);
}

/* --- from the host to the chip --- */

static uint8_t dequeue(tp_uart *self) {
    const uint8_t byte = self->queue[self->queue_head];
    self->queue_head = (self->queue_head + 1) % TP_UART_QUEUE_SIZE;
    self->queue_size--;
    return byte;
}

/* The start bit of the next queued byte, at cycle `now`; returns the cycles that its frame takes.
 */
static uint32_t begin_arrival(tp_uart *self, uint64_t now) {
    if (self->buffered > RECEIVE_BUFFERS) {
        self->buffered--;
        self->overrun = true;
        self->counts.overrun++;
        publish(self);
    }
    const uint8_t byte = dequeue(self);
    self->receiving = true;
    if (self->counts.first_rx == 0) {
        self->counts.first_rx = now;
    }
    const uint32_t sender = host_bit(self);
    const uint32_t receiver = chip_bit(self);
    self->arriving = (tp_uart_frame){.data = byte, .framing_error = false};
    if (!enabled(self, UCSRB_RXEN)) {
        return 10u * sender;
    }
    if (tp_waveform_matches(sender, receiver)) {
        return frame_bits(self) * receiver;
    }
    self->counts.garbled++;
    self->arriving.data = tp_waveform_read(byte, sender, receiver, &self->arriving.framing_error);
    return 10u * sender;
}

/* The end of the arriving byte's frame. */
static avr_cycle_count_t on_arrival(avr_t *avr, avr_cycle_count_t when, void *param) {
    (void)avr;
    tp_uart *self = param;
    self->receiving = false;
    self->last_activity = when;
    self->counts.rx++;
    if (enabled(self, UCSRB_RXEN)) {
        self->buffer[self->buffered++] = self->arriving;
        publish(self);
    } else {
        self->counts.ignored++;
    }
    return self->queue_size > 0 ? when + begin_arrival(self, when) : 0;
}

size_t tp_uart_room(const tp_uart *self) {
    return TP_UART_QUEUE_SIZE - self->queue_size;
}

void tp_uart_feed(tp_uart *self, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        self->queue[(self->queue_head + self->queue_size) % TP_UART_QUEUE_SIZE] = bytes[i];
        self->queue_size++;
    }
    if (!self->receiving && self->queue_size > 0) {
        const uint32_t duration = begin_arrival(self, self->avr->cycle);
        avr_cycle_timer_register(self->avr, duration, on_arrival, self);
    }
}

static uint8_t on_data_read(avr_t *avr, avr_io_addr_t address, void *param) {
    tp_uart *self = param;
    if (self->buffered == 0) {
        return avr->data[address];
    }
    avr->data[address] = self->buffer[0].data;
    self->buffered--;
    memmove(&self->buffer[0], &self->buffer[1], self->buffered * sizeof(self->buffer[0]));
    self->overrun = false;
    publish(self);
    return avr->data[address];
}

/* --- from the chip to the host --- */

static void deliver(tp_uart *self, uint64_t now) {
    const uint32_t sender = chip_bit(self);
    const uint32_t receiver = host_bit(self);
    uint8_t byte = self->transmit_shift;
    if (!tp_waveform_matches(sender, receiver)) {
        bool framing_error = false;
        byte = tp_waveform_read(byte, sender, receiver, &framing_error);
        self->counts.garbled++;
    }
    if (self->out_size < TP_UART_OUT_SIZE) {
        self->out[self->out_size++] = byte;
    }
    self->counts.tx++;
    self->counts.last_tx = now;
    self->last_activity = now;
}

/* Nothing was sent for the time of one frame: whatever the program had to say, it has said. */
static avr_cycle_count_t on_silence(avr_t *avr, avr_cycle_count_t when, void *param) {
    (void)avr;
    (void)when;
    tp_uart *self = param;
    self->burst_ended = true;
    return 0;
}

/* The end of a frame sent. */
static avr_cycle_count_t on_sent(avr_t *avr, avr_cycle_count_t when, void *param) {
    tp_uart *self = param;
    deliver(self, when);
    if (self->transmit_full) {
        self->transmit_full = false;
        self->transmit_shift = self->transmit_buffer;
        publish(self);
        return when + frame_bits(self) * chip_bit(self);
    }
    self->sending = false;
    avr_cycle_timer_register(avr, frame_bits(self) * chip_bit(self), on_silence, self);
    *status_of(self) |= UCSRA_TXC;
    publish(self);
    return 0;
}

static void on_data_write(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param) {
    (void)address;
    tp_uart *self = param;
    if (!enabled(self, UCSRB_TXEN) || self->transmit_full) {
        self->counts.rejected++;
        return;
    }
    if (self->sending) {
        self->transmit_full = true;
        self->transmit_buffer = value;
    } else {
        self->sending = true;
        self->transmit_shift = value;
        avr_cycle_timer_cancel(avr, on_silence, self);
        avr_cycle_timer_register(avr, frame_bits(self) * chip_bit(self), on_sent, self);
    }
    publish(self);
}

void tp_uart_fetched(tp_uart *self, size_t size) {
    self->out_size -= size;
    memmove(self->out, self->out + size, self->out_size);
}

void tp_uart_forget(tp_uart *self) {
    avr_cycle_timer_cancel(self->avr, on_arrival, self);
    self->receiving = false;
    self->queue_size = 0;
    self->out_size = 0;
}

/* --- control registers --- */

static void on_status_write(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param) {
    uint8_t kept = avr->data[address] & UCSRA_TXC;
    if (value & UCSRA_TXC) {
        kept = 0; /* cleared by writing a one */
    }
    avr->data[address] = kept | (value & (UCSRA_U2X | UCSRA_MPCM));
    publish(param);
}

static void on_control_write(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param) {
    tp_uart *self = param;
    avr->data[address] = value & (uint8_t)~UCSRB_RXB8;
    if (!(value & UCSRB_RXEN)) {
        self->buffered = 0;
        self->overrun = false;
    }
    publish(self);
}

void tp_uart_reset(tp_uart *self) {
    self->buffered = 0;
    self->overrun = false;
    self->sending = false;
    self->transmit_full = false;
    *status_of(self) = UCSRA_UDRE;
    self->avr->data[self->registers->r_ucsrc] = UCSRC_8N1;
    /* A reset drops libsimavr's timers. The line does not know of it: the byte under way arrives.
     */
    if (self->receiving) {
        avr_cycle_timer_register(self->avr, 10u * host_bit(self), on_arrival, self);
    }
}

/* Take libsimavr's USART0 out of its list of peripherals, so that it is never run. */
static avr_uart_t *detach_original(avr_t *avr) {
    for (avr_io_t **link = &avr->io_port; *link; link = &(*link)->next) {
        avr_io_t *io = *link;
        if (strcmp(io->kind, "uart") == 0 && ((avr_uart_t *)io)->name == '0') {
            *link = io->next;
            return (avr_uart_t *)io;
        }
    }
    return NULL;
}

static void take_register(tp_uart *self, avr_io_addr_t address, avr_io_read_t read,
                          avr_io_write_t write) {
    const int io = AVR_DATA_TO_IO(address);
    self->avr->io[io].r.c = read;
    self->avr->io[io].r.param = self;
    self->avr->io[io].w.c = write;
    self->avr->io[io].w.param = self;
}

int tp_uart_attach(tp_uart *self, avr_t *avr) {
    memset(self, 0, sizeof(*self));
    self->avr = avr;
    self->registers = detach_original(avr);
    if (self->registers == NULL) {
        return -1;
    }
    take_register(self, self->registers->r_udr, on_data_read, on_data_write);
    take_register(self, self->registers->r_ucsra, NULL, on_status_write);
    take_register(self, self->registers->r_ucsrb, NULL, on_control_write);
    take_register(self, self->registers->ubrrl.reg, NULL, NULL);
    return 0;
}
