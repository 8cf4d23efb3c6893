/* One run of the simulator: board, line, pace, commands and messages, until told to end. */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Cycles between two looks at the outside: 250 us at 16 MHz, a 25th of a 74-byte request at
 * 115,200. */
#define SLICE_CYCLES 4000u
/* Real time is kept to this; shorter sleeps cost more than they give. */
#define PACE_GRAIN_NS 1000000
/* How long the reset pin is held down after an open, and after the client has set its speed. */
#define HOLD_OPEN_NS  200000000
#define HOLD_SPEED_NS 50000000
/* Simulated seconds of silence after which free speed gives way to real time. */
#define SILENCE_SECONDS 10u
#define STALL_LIMIT_NS  250000000
/* How often a simulator that stands still looks whether its owner lives. */
#define IDLE_WAIT_NS 200000000
/* The least patience with the host: clients that ask after 20 ms whether a board lives need not. */
#define PATIENCE_NS 10000000

enum { WATCH, DATA, STDIN, SIGNALS, ENTRIES };

/* --- messages --- */

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text) - 1, format, arguments);
    va_end(arguments);
    if (size < 0) {
        return;
    }
    if ((size_t)size > sizeof(text) - 2) {
        size = sizeof(text) - 2;
    }
    text[size] = '\n';
    struct pollfd entry = {.fd = STDOUT_FILENO, .events = POLLOUT};
    /* A line is below PIPE_BUF, so that a writable pipe takes all of it at once. */
    if (poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT)) {
        (void)!write(STDOUT_FILENO, text, (size_t)size + 1);
    }
}

static void say_status(tp_session *self) {
    tp_uart_counts *counts = &self->board.uart.counts;
    say("status frequency %" PRIu32 " cycles %" PRIu64 " rx %" PRIu64 " tx %" PRIu64
        " overrun %" PRIu64 " ignored %" PRIu64 " rejected %" PRIu64 " garbled %" PRIu64
        " dropped %" PRIu64 " first_rx %" PRIu64 " last_tx %" PRIu64 " resets %" PRIu32
        " stack %" PRIu16,
        self->board.avr->frequency, self->board.avr->cycle, counts->rx, counts->tx, counts->overrun,
        counts->ignored, counts->rejected, counts->garbled, self->dropped, counts->first_rx,
        counts->last_tx, self->board.resets, tp_board_stack(&self->board));
    counts->first_rx = 0; /* the next one is counted from here */
}

static void on_reset(void *context, tp_reset_cause cause, uint32_t pc) {
    static const char *const causes[] = {[TP_RESET_POWER_ON] = "power-on",
                                         [TP_RESET_OPEN] = "open",
                                         [TP_RESET_COMMAND] = "command",
                                         [TP_RESET_WATCHDOG] = "watchdog"};
    tp_session *self = context;
    self->stopped = false;
    say("reset %s from 0x%" PRIx32 " cycle %" PRIu64, causes[cause], pc, self->board.avr->cycle);
}

static void say_stopped(tp_session *self, tp_cpu_state state) {
    const tp_board *board = &self->board;
    self->stopped = true;
    if (state == TP_CPU_HALTED) {
        say("halt 0x%" PRIx32 " cycle %" PRIu64, board->last_pc, board->avr->cycle);
    } else {
        say("crash 0x%" PRIx32 " cycle %" PRIu64 ": %s", board->fault_pc, board->avr->cycle,
            board->fault[0] ? board->fault : "the program left the flash");
    }
}

/* --- commands --- */

static void obey(tp_session *self, const char *command) {
    if (strcmp(command, "status") == 0) {
        say_status(self);
    } else if (strcmp(command, "reset") == 0) {
        tp_board_reset(&self->board, TP_RESET_COMMAND);
    } else if (strcmp(command, "quit") == 0) {
        self->quit = true;
    } else {
        say("unknown command");
    }
}

static void read_commands(tp_session *self) {
    char bytes[64];
    const ssize_t size = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) {
        self->quit = true;
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            self->command[self->command_size] = '\0';
            self->command_size = 0;
            obey(self, self->command);
        } else if (self->command_size + 1 < sizeof(self->command)) {
            self->command[self->command_size++] = bytes[i];
        }
    }
}

/* --- the line --- */

/* A host that was slow to answer is so because its machine is busy, and will be again. */
static void note_reaction(tp_session *self) {
    const int64_t took_ns = self->burst_ns ? tp_pace_now_ns() - self->burst_ns : 0;
    if (took_ns <= (int64_t)self->options->patience_ms * 1000000) { /* else it had nothing to say */
        const int64_t fading_ns = self->reaction_ns - self->reaction_ns / 16;
        self->reaction_ns = took_ns > fading_ns ? took_ns : fading_ns;
    }
    self->burst_ns = 0;
}

static void take_input(tp_session *self) {
    uint8_t bytes[TP_UART_QUEUE_SIZE];
    const size_t size = tp_line_read(&self->line, bytes, tp_uart_room(&self->board.uart));
    if (size > 0) {
        self->await_answer = false;
        note_reaction(self);
        tp_uart_feed(&self->board.uart, bytes, size);
    }
}

/* Hand what the chip sent to the client; what no client will fetch is dropped. */
static void give_output(tp_session *self) {
    tp_uart *uart = &self->board.uart;
    const size_t taken = tp_line_write(&self->line, uart->out, uart->out_size);
    tp_uart_fetched(uart, taken);
    if (uart->out_size == 0 || taken > 0) {
        self->stalled_ns = 0;
    } else if (!self->line.is_open) {
        self->dropped += uart->out_size;
        tp_uart_fetched(uart, uart->out_size);
    } else if (self->stalled_ns == 0) {
        self->stalled_ns = tp_pace_now_ns();
    }
    if (self->stalled_ns && tp_pace_now_ns() - self->stalled_ns > STALL_LIMIT_NS) {
        self->dropped += uart->out_size;
        tp_uart_fetched(uart, uart->out_size);
    }
}

/* A bootloader says nothing for long enough; without one, give the client time to set itself up. */
static void hold_reset(tp_session *self) {
    const int64_t hold_ns = self->line.is_pty ? HOLD_OPEN_NS : HOLD_SPEED_NS;
    self->held_until_ns = self->options->bootloader ? 0 : tp_pace_now_ns() + hold_ns;
}

static void handle_line(tp_session *self, const struct pollfd entries[2]) {
    switch (tp_line_check(&self->line, entries)) {
    case TP_LINE_OPENED:
        if (self->is_open) {
            say("close"); /* and opened again before we looked */
        }
        self->is_open = true;
        say("open");
        tp_uart_forget(&self->board.uart);
        self->await_answer = false;
        self->stalled_ns = 0;
        hold_reset(self);
        tp_board_reset(&self->board, TP_RESET_OPEN);
        break;
    case TP_LINE_CLOSED:
        say("close");
        self->is_open = false;
        self->closed_at = self->board.avr->cycle;
        break;
    case TP_LINE_NOTHING:
        break;
    }
    if (tp_uart_room(&self->board.uart) > 0) {
        take_input(self);
    }
}

/* --- time --- */

static bool waits_for_host(const tp_session *self) {
    const tp_uart *uart = &self->board.uart;
    return self->await_answer && self->options->speed <= 0 && self->line.is_open &&
           uart->queue_size == 0 && !uart->receiving && !tp_board_in_bootloader(&self->board);
}

/* Whether nothing can happen to the board until somebody opens the port or gives a command. */
static bool stands_still(const tp_session *self) {
    const tp_board *board = &self->board;
    const bool forgotten = !self->line.is_open && board->uart.queue_size == 0 &&
                           board->avr->cycle - self->closed_at > board->avr->frequency;
    return self->stopped || forgotten;
}

static double speed_now(const tp_session *self) {
    const tp_board *board = &self->board;
    if (tp_board_in_bootloader(board)) {
        return 1;
    }
    const uint64_t silence = board->avr->cycle - board->uart.last_activity;
    const bool silent = silence > (uint64_t)SILENCE_SECONDS * board->avr->frequency;
    return self->options->speed <= 0 && silent ? 1 : self->options->speed;
}

/* Real nanoseconds that the reset pin is still held down. */
static int64_t time_held(tp_session *self) {
    if (self->held_until_ns == 0) {
        return 0;
    }
    const int64_t left_ns = self->held_until_ns - tp_pace_now_ns();
    self->held_until_ns = left_ns > 0 ? self->held_until_ns : 0;
    return left_ns > 0 ? left_ns : 0;
}

/* Take over the client's speed; once it has set one, the reset pin need not be held down for long.
 */
static void take_speed(tp_session *self) {
    tp_uart *uart = &self->board.uart;
    const uint32_t before = uart->host_baud;
    uart->host_baud = tp_line_baud(&self->line);
    if (self->held_until_ns && before == 0 && uart->host_baud != 0) {
        const int64_t end_ns = tp_pace_now_ns() + HOLD_SPEED_NS;
        self->held_until_ns = end_ns < self->held_until_ns ? end_ns : self->held_until_ns;
    }
}

static int64_t patience_ns(const tp_session *self) {
    const int64_t most_ns = (int64_t)self->options->patience_ms * 1000000;
    const int64_t wanted_ns = 4 * self->reaction_ns;
    const int64_t least_ns = wanted_ns > PATIENCE_NS ? wanted_ns : PATIENCE_NS;
    return least_ns < most_ns ? least_ns : most_ns;
}

/* Real nanoseconds until the board may run on; 0: now. */
static int64_t time_to_wait(tp_session *self) {
    const int64_t held_ns = time_held(self);
    if (held_ns > 0) {
        return PACE_GRAIN_NS; /* a speed that is set does not wake us */
    }
    if (stands_still(self)) {
        return IDLE_WAIT_NS;
    }
    if (self->stalled_ns && self->board.uart.out_size > TP_UART_OUT_SIZE / 2) {
        return PACE_GRAIN_NS;
    }
    if (waits_for_host(self)) {
        return patience_ns(self);
    }
    const int64_t ahead_ns = tp_pace_ahead_ns(&self->pace, speed_now(self), self->board.avr->cycle);
    return ahead_ns > PACE_GRAIN_NS ? ahead_ns : 0;
}

/* Look at the outside, and wait for it at most `wait_ns`. */
static void look_outside(tp_session *self, int64_t wait_ns) {
    short events = tp_uart_room(&self->board.uart) > 0 ? POLLIN : 0;
    if (self->board.uart.out_size > 0) {
        events |= POLLOUT;
    }
    struct pollfd entries[ENTRIES];
    tp_line_prepare(&self->line, &entries[WATCH], events);
    entries[STDIN] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    entries[SIGNALS] = (struct pollfd){.fd = self->signals, .events = POLLIN};
    const struct timespec limit = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    const int ready = ppoll(entries, ENTRIES, &limit, NULL);
    if (ready > 0) {
        handle_line(self, &entries[WATCH]);
        if (entries[STDIN].revents) {
            read_commands(self);
        }
        self->quit |= entries[SIGNALS].revents != 0;
    } else if (wait_ns > 0) {
        self->await_answer = false; /* the host had its time */
    }
    take_speed(self);
}

void tp_session_run(tp_session *self) {
    while (!self->quit) {
        const int64_t wait_ns = time_to_wait(self);
        look_outside(self, wait_ns);
        self->quit |= getppid() != self->owner;
        if (wait_ns == 0 && self->held_until_ns == 0 && !self->quit) {
            const tp_cpu_state state = tp_board_run(&self->board, SLICE_CYCLES);
            if (self->board.uart.burst_ended) {
                self->board.uart.burst_ended = false;
                self->await_answer = true;
                self->burst_ns = tp_pace_now_ns();
            }
            if (state != TP_CPU_RUNNING && !self->stopped) {
                say_stopped(self, state);
            }
        }
        give_output(self);
    }
}

/* --- beginning and end --- */

static int complain(const char *what, const char *why) {
    (void)fprintf(stderr, "avr-simulator: %s: %s.\n", what, why);
    return -1;
}

static int open_signals(void) {
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int load_images(tp_session *self) {
    const tp_options *options = self->options;
    char error[TP_IMAGE_ERROR_SIZE];
    if (options->firmware && tp_board_load_firmware(&self->board, options->firmware, error) < 0) {
        return complain("firmware", error);
    }
    if (options->bootloader &&
        tp_board_load_bootloader(&self->board, options->bootloader, error) < 0) {
        return complain("bootloader", error);
    }
    return 0;
}

static int open_line(tp_session *self) {
    const tp_options *options = self->options;
    const int result = options->tcp ? tp_line_create_tcp(&self->line, options->tcp_port)
                                    : tp_line_create_pty(&self->line, options->link);
    return result < 0 ? complain("the port cannot be opened", strerror(errno)) : 0;
}

int tp_session_begin(tp_session *self, const tp_options *options) {
    memset(self, 0, sizeof(*self));
    self->options = options;
    self->owner = getppid();
    self->line.data = -1;
    self->line.watch = -1;
    self->pace.frequency = options->frequency;
    self->signals = open_signals();
    if (tp_board_create(&self->board, options->mcu, options->frequency) < 0) {
        return complain(options->mcu, "libsimavr does not know this chip");
    }
    if (load_images(self) < 0) {
        return TP_SESSION_BAD_IMAGE;
    }
    if (open_line(self) < 0) {
        return -1;
    }
    say("port %s", self->line.name);
    self->board.on_reset = on_reset;
    self->board.on_reset_context = self;
    tp_board_reset(&self->board, TP_RESET_POWER_ON);
    return 0;
}

void tp_session_end(tp_session *self) {
    if (self->board.resets > 0) {
        say_status(self);
    }
    tp_line_destroy(&self->line);
    tp_board_destroy(&self->board);
}
