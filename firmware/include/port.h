/* The hardware, as the firmware sees it: ten functions, filled by one lib/port_* per family.
 *
 * Nothing else in the firmware knows a board. All functions are called from one thread, never from
 * an interrupt. Sizes are bytes.
 */
#ifndef TP_PORT_H
#define TP_PORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory marks, in bytes. 0 where a port cannot tell. */
typedef struct {
    uint32_t free_ram;   /* not claimed by static data, heap or the deepest stack seen so far */
    uint32_t stack_used; /* high-water mark since boot, measured on a painted stack */
} tp_memory_t;

/* Brings up link, clock and stack paint. Called once, before anything else. Returns why the board
 * started, a tp_start_cause_t (tp_protocol.h); TP_START_UNKNOWN where a port cannot tell. */
uint8_t tp_port_init(void);

/* Copies up to `size` received bytes to `dst` and returns how many; 0 if none came. May wait up to
 * 100 ms for the first byte where the port has an operating system beneath it. */
uint16_t tp_port_read(uint8_t *dst, uint16_t size);

/* Hands `size` bytes to the link; returns when all are accepted, in order. */
void tp_port_write(const uint8_t *src, uint16_t size);

/* An answer ends here: starts the transmission of everything written so far, and does not wait for
 * its end. A port may gather quick answers for a millisecond while more input is at hand. */
void tp_port_flush(void);

/* Free-running counter, wraps at 2^32; starts anywhere. */
uint32_t tp_port_ticks(void);

/* Ticks per second, constant while the program runs. */
uint32_t tp_port_tick_hz(void);

void tp_port_memory(tp_memory_t *marks);

/* Fills the stack that is free now with `pattern`, at least as far down as it was ever used, and
 * leaves the marks of tp_port_memory() as they are. Does nothing where a port does not know the
 * stack's limits. */
void tp_port_poison_stack(uint8_t pattern);

/* Feeds the watchdog, if there is one. Called at least once per frame and per layer. */
void tp_port_alive(void);

/* Sends what was written, then restarts the board as its reset button would; does not return. */
void tp_port_reset(void);

/* src/main.cpp; called by the port, which owns main() (or setup() and loop()): the first once, then
 * the second for ever. */
void tp_firmware_init(void);
void tp_firmware_poll(void);

#ifdef __cplusplus
}
#endif

#endif
