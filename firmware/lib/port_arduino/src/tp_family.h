/* What an Arduino core does not offer alike on all processors: clock, reset, memory marks.
 *
 * One family_*.cpp fills this for each family, one serial_*.cpp for each kind of Serial; they
 * compile to nothing elsewhere. Adding a family adds a file, and its name to the first line of
 * family_other.cpp (and of serial_other.cpp, if its Serial is special). Private to
 * lib/port_arduino.
 */
#ifndef TP_FAMILY_H
#define TP_FAMILY_H

#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Before the serial port opens. Returns the cause of the start, a tp_start_cause_t. */
uint8_t tp_family_init(void);

/* As their namesakes in port.h; tp_port_reset() calls the last when all output is sent. */
uint32_t tp_family_ticks(void);
uint32_t tp_family_tick_hz(void);
void tp_family_memory(tp_memory_t *marks);
void tp_family_poison_stack(uint8_t pattern);
void tp_family_alive(void);
void tp_family_reset(void);

/* Opens Serial at `baud` bits per second, able to hold TP_RX_WINDOW bytes that came. */
void tp_family_open(uint32_t baud);

/* Bytes through the open Serial, in blocks: tp_port_read() and tp_port_write(). */
uint16_t tp_family_read(uint8_t *dst, uint16_t size);
void tp_family_write(const uint8_t *src, uint16_t size);

/* As tp_port_flush(). */
void tp_family_flush(void);

/* Returns when what was written has left the board. */
void tp_family_drain(void);

#ifdef __cplusplus
}
#endif

#endif
