/* The board: chip, flash, bootloader, resets and crashes, in simulated time. */
#include "board.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cycles that libsimavr may run between looking at its surroundings; its timers stay exact. */
#define RUN_LIMIT 1000u

/* The watchdog's control register WDTCSR, the same on both chips, and its bits. */
#define WDTCSR     0x60
#define WDTCSR_WDE 0x08
#define WDTCSR_WDP 0x27
/* What the instruction `wdr` does; the header that names it is not installed. */
#define WATCHDOG_RESTART AVR_IOCTL_DEF('w', 'd', 't', 'r')

/* --- libsimavr's messages --- */

/* Copy `text` without colour escapes and control characters. */
static void clean(char *to, size_t size, const char *text) {
    size_t at = 0;
    for (const char *from = text; *from && at + 1 < size; from++) {
        if (*from == '\033') {
            while (*from && *from != 'm') {
                from++;
            }
            if (!*from) {
                break;
            }
        } else if (*from >= ' ') {
            to[at++] = *from;
        }
    }
    to[at] = '\0';
}

/* libsimavr reports faults only as text, and the program counter is right only while it does. */
static void on_log(avr_t *avr, const int level, const char *format, va_list arguments) {
    if (avr == NULL || level != LOG_ERROR || avr->custom.data == NULL) {
        return;
    }
    tp_board *self = avr->custom.data;
    char text[2 * TP_BOARD_FAULT_SIZE];
    (void)vsnprintf(text, sizeof(text), format, arguments);
    self->fault_pc = avr->pc;
    if (strncmp(text, "avr_sadly_crashed", 17) != 0) {
        clean(self->fault, sizeof(self->fault), text);
    }
}

/* --- interrupts --- */

/* libsimavr enters an interrupt in no time; the data sheets say 4 cycles, 5 with a 22-bit counter.
 */
static void on_interrupt(avr_irq_t *irq, uint32_t running, void *param) {
    (void)irq;
    tp_board *self = param;
    if (!running) {
        tp_uart_update_interrupts(&self->uart);
        return;
    }
    const avr_cycle_count_t entry = 2u + self->avr->address_size;
    self->avr->cycle += entry;
    const avr_cycle_count_t budget = self->avr->run_cycle_count;
    self->avr->run_cycle_count = budget > entry ? budget - entry : 1;
}

static void watch_interrupts(tp_board *self) {
    avr_int_table_t *table = &self->avr->interrupts;
    for (int i = 0; i < table->vector_count; i++) {
        avr_irq_register_notify(table->vector[i]->irq + AVR_INT_IRQ_RUNNING, on_interrupt, self);
    }
}

/* --- watchdog --- */

/* libsimavr compares a new period with itself, and so keeps to the old one until the next `wdr`. */
static void on_watchdog_write(avr_t *avr, avr_io_addr_t address, uint8_t value, void *param) {
    tp_board *self = param;
    const uint8_t before = avr->data[address];
    self->watchdog_write(avr, address, value, self->watchdog);
    const uint8_t after = avr->data[address];
    if ((before & after & WDTCSR_WDE) && ((before ^ after) & WDTCSR_WDP)) {
        (void)avr_ioctl(avr, WATCHDOG_RESTART, NULL);
    }
}

static void mend_watchdog(tp_board *self) {
    const int io = AVR_DATA_TO_IO(WDTCSR);
    self->watchdog_write = self->avr->io[io].w.c;
    self->watchdog = self->avr->io[io].w.param;
    self->avr->io[io].w.c = on_watchdog_write;
    self->avr->io[io].w.param = self;
}

/* --- resets --- */

/* Runs within every reset of the chip, those of its watchdog included. */
static void on_chip_reset(avr_io_t *io) {
    tp_board *self = (tp_board *)((char *)io - offsetof(tp_board, reset_hook));
    self->avr->run_cycle_limit = RUN_LIMIT;
    tp_uart_reset(&self->uart);
    self->resets++;
    self->lowest_sp = self->avr->ramend;
    if (self->on_reset) {
        self->on_reset(self->on_reset_context, self->cause, self->last_pc);
    }
}

void tp_board_reset(tp_board *self, tp_reset_cause cause) {
    self->cause = cause;
    self->fault[0] = '\0';
    self->last_pc = self->avr->pc;
    avr_reset(self->avr);
    self->cause = TP_RESET_WATCHDOG; /* whatever comes without being asked for */
    const bool power = cause == TP_RESET_POWER_ON;
    avr_regbit_set(self->avr, power ? self->avr->reset_flags.porf : self->avr->reset_flags.extrf);
}

/* --- life --- */

/* Move `*memory` (`used` bytes, from malloc) to a larger place; what it does not fill is 0. */
static int enlarge(uint8_t **memory, size_t used, size_t size) {
    uint8_t *larger = calloc(1, size);
    if (larger == NULL) {
        return -1;
    }
    memcpy(larger, *memory, used);
    free(*memory);
    *memory = larger;
    return 0;
}

/*
 * libsimavr reports a write beyond the RAM and then does it, and checks no address in flash: a
 * simulated program gone wrong would destroy the simulator. So there is memory at every address a
 * program can form: 64 KB of data, 16 MB of flash (RAMPZ and Z; untouched pages cost nothing).
 */
static int make_room(avr_t *avr) {
    const size_t flash_used = avr->flashend + 4u;
    if (enlarge(&avr->data, avr->ramend + 1u, 1u << 16) < 0) {
        return -1;
    }
    return enlarge(&avr->flash, flash_used, (1u << 24) + 4u);
}

/* The processor sleeps; the session paces simulated time, so there is nothing to wait for here. */
static void on_sleep(avr_t *avr, avr_cycle_count_t cycles) {
    (void)avr;
    (void)cycles;
}

/* A program that polls another serial port must not put the simulator to sleep or print. */
static void quiet_other_ports(avr_t *avr) {
    for (uint32_t name = '1'; name <= '3'; name++) {
        uint32_t flags = 0;
        (void)avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS(name), &flags);
    }
}

int tp_board_create(tp_board *self, const char *mcu, uint32_t frequency) {
    memset(self, 0, sizeof(*self));
    avr_global_logger_set(on_log);
    self->avr = avr_make_mcu_by_name(mcu);
    if (self->avr == NULL) {
        return -1;
    }
    avr_init(self->avr);
    self->avr->custom.data = self;
    self->avr->frequency = frequency;
    self->avr->log = LOG_ERROR;
    self->avr->sleep = on_sleep;
    self->boot_start = self->avr->flashend + 1;
    if (make_room(self->avr) < 0 || tp_uart_attach(&self->uart, self->avr) < 0) {
        return -1;
    }
    quiet_other_ports(self->avr);
    watch_interrupts(self);
    mend_watchdog(self);
    self->reset_hook.kind = "tinyproof";
    self->reset_hook.reset = on_chip_reset;
    avr_register_io(self->avr, &self->reset_hook);
    return 0;
}

void tp_board_destroy(tp_board *self) {
    if (self->avr) {
        self->avr->custom.data = NULL;
        avr_terminate(self->avr);
    }
}

int tp_board_load_firmware(tp_board *self, const char *path, char error[TP_IMAGE_ERROR_SIZE]) {
    tp_image_range range;
    return tp_image_load(path, self->avr->flash, self->avr->flashend + 1u, &range, error);
}

int tp_board_load_bootloader(tp_board *self, const char *path, char error[TP_IMAGE_ERROR_SIZE]) {
    tp_image_range range;
    if (tp_image_load(path, self->avr->flash, self->avr->flashend + 1u, &range, error) < 0) {
        return -1;
    }
    self->boot_start = range.start;
    self->avr->reset_pc = range.start;
    return 0;
}

static tp_cpu_state state_of(const avr_t *avr) {
    switch (avr->state) {
    case cpu_Running:
    case cpu_Sleeping:
        return TP_CPU_RUNNING;
    case cpu_Done:
        return TP_CPU_HALTED;
    default:
        return TP_CPU_CRASHED;
    }
}

static uint16_t stack_pointer(const avr_t *avr) {
    return (uint16_t)(avr->data[R_SPL] | avr->data[R_SPH] << 8);
}

static void note_stack(tp_board *self) {
    const uint16_t sp = stack_pointer(self->avr);
    if (tp_board_in_bootloader(self)) {
        self->lowest_sp = self->avr->ramend;
    } else if (sp < self->lowest_sp) {
        self->lowest_sp = sp;
    }
}

uint16_t tp_board_stack(const tp_board *self) {
    return (uint16_t)(self->avr->ramend - self->lowest_sp);
}

tp_cpu_state tp_board_run(tp_board *self, uint64_t cycles) {
    avr_t *avr = self->avr;
    const uint64_t end = avr->cycle + cycles;
    while (avr->cycle < end && state_of(avr) == TP_CPU_RUNNING && !self->uart.burst_ended) {
        self->last_pc = avr->pc;
        avr_run(avr);
        note_stack(self);
    }
    return state_of(avr);
}

bool tp_board_in_bootloader(const tp_board *self) {
    return self->avr->pc >= self->boot_start;
}
