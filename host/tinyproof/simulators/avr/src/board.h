/*
 * The board: chip, flash, bootloader, resets and crashes, in simulated time.
 *
 * On top of libsimavr's core it has its own serial port (uart.h) and adds the cycles that an
 * interrupt takes before its vector runs (4; 5 with a 3-byte program counter), which libsimavr 1.6
 * leaves out.
 */
#ifndef TP_AVR_BOARD_H
#define TP_AVR_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"
#include "uart.h"

#define TP_BOARD_FAULT_SIZE 160

typedef enum {
    TP_RESET_POWER_ON,
    TP_RESET_OPEN,    /* a client opened the port: DTR pulls the reset pin of an Arduino */
    TP_RESET_COMMAND, /* the owner asked for it */
    TP_RESET_WATCHDOG,
} tp_reset_cause;

typedef enum {
    TP_CPU_RUNNING,
    TP_CPU_HALTED,  /* asleep with interrupts off: only a reset wakes it */
    TP_CPU_CRASHED, /* jumped out of the flash, wrote out of the RAM */
} tp_cpu_state;

/* Called at every reset with the address at which the program was. */
typedef void (*tp_board_on_reset)(void *context, tp_reset_cause cause, uint32_t pc);

/* One board; owned by the caller, must not move after tp_board_create. */
typedef struct {
    avr_t *avr;
    tp_uart uart;
    avr_io_t reset_hook;
    uint32_t boot_start; /* first byte of the bootloader; beyond the flash: there is none */
    uint32_t last_pc;
    uint32_t resets;
    uint16_t lowest_sp;   /* of the application since it began */
    tp_reset_cause cause; /* of the reset that is about to happen */
    uint32_t fault_pc;
    char fault[TP_BOARD_FAULT_SIZE]; /* what libsimavr said last, one line */
    avr_io_write_t watchdog_write;   /* libsimavr's own, and its parameter */
    void *watchdog;
    tp_board_on_reset on_reset;
    void *on_reset_context;
} tp_board;

/*
 * Make a chip ("atmega328p", "atmega2560") running at `frequency` Hz with erased flash.
 * Returns 0, or -1: libsimavr does not know `mcu` or its serial port, or no memory.
 */
int tp_board_create(tp_board *self, const char *mcu, uint32_t frequency);

/* Free what tp_board_create took. */
void tp_board_destroy(tp_board *self);

/* Load the application. Returns 0, or -1 with a sentence in `error`. */
int tp_board_load_firmware(tp_board *self, const char *path, char error[TP_IMAGE_ERROR_SIZE]);

/* Load a bootloader; from now on resets start there (BOOTRST). Returns 0, or -1 with a sentence. */
int tp_board_load_bootloader(tp_board *self, const char *path, char error[TP_IMAGE_ERROR_SIZE]);

/* Reset the chip; flash, EEPROM and RAM keep their content. */
void tp_board_reset(tp_board *self, tp_reset_cause cause);

/* Run for about `cycles` (at most 1,000 more), or until a burst of output ends or the chip stops.
 */
tp_cpu_state tp_board_run(tp_board *self, uint64_t cycles);

/* Bytes of stack that the application took at most since it began. */
uint16_t tp_board_stack(const tp_board *self);

/* Whether the bootloader is running. */
bool tp_board_in_bootloader(const tp_board *self);

#endif
