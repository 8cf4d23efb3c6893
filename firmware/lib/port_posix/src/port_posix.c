/* port.h for POSIX systems: the board is this process, its serial port a pseudo-terminal.
 *
 * Prints one line, `port NAME`, and serves whoever opens that terminal, one client after another.
 * The slave end stays open here too: no client then means silence, as on a real line, not an error
 * to poll for, and settings and unread bytes outlive a client as they do on a board. Output that
 * nobody takes for a second is lost.
 *
 * The process ends when its standard input ends (its owner is gone, or said so), when its parent
 * dies (Linux), or by SIGTERM or SIGINT. A reset executes the program anew on the same terminal.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/prctl.h>
#endif
#include "port.h"
#include "posix_stack.h"
#include "tp_protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_HZ = 100000000, /* a tick is 10 ns */
    TICKS_PER_MS = TICK_HZ / 1000,
    GATHER_TICKS = TICKS_PER_MS / 2, /* quick answers leave together after this */
    IDLE_MS = 100,
    UNREAD_MS = 1000,
    IN_BUFFER = 16384,
    OUT_BUFFER = 65536, /* holds any single write */
    SIGNAL_STACK = 65536,
};

static const char restarted[] = "--restarted"; /* followed by both ends' file descriptors */

/* All state of the port. */
static struct {
    char *program;
    int master;
    int slave;
    int watch_stdin;
    uint8_t cause; /* of this start */
    int unread;    /* the last output found no reader: do not wait for one again */
    pid_t parent;
    uint32_t gathering; /* ticks when input was last read, or output last sent */
    size_t in_begin;
    size_t in_end;
    size_t out_size;
    tp_posix_stack_t stack; /* painted from tp_port_init() on */
    uint8_t in[IN_BUFFER];
    uint8_t out[OUT_BUFFER];
} port;

/* -- Life ---------------------------------------------------------------------------------------
 */

static void on_signal(int number) {
    /* The parent's death is told when the thread that started us ends, too: not ours to die of. */
    if (number != SIGUSR1 || getppid() != port.parent) {
        _exit(EXIT_SUCCESS);
    }
}

/* On the stack that sigaltstack() named, lest the kernel's frame, kilobytes, counts as ours. */
static void catch_signal(int number) {
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    (void)sigaction(number, &action, NULL);
}

static void watch_owner(void) {
    port.parent = getppid();
    port.watch_stdin = fcntl(STDIN_FILENO, F_GETFD) != -1;
    catch_signal(SIGTERM);
    catch_signal(SIGINT);
    (void)signal(SIGTTIN, SIG_IGN); /* in the background of a terminal: read() fails instead */
#if defined(__linux__)
    catch_signal(SIGUSR1);
    (void)prctl(PR_SET_PDEATHSIG, SIGUSR1);
#endif
}

static void read_stdin(void) {
    char ignored[256];
    const ssize_t size = read(STDIN_FILENO, ignored, sizeof ignored);

    if (size == 0) {
        exit(EXIT_SUCCESS);
    }
    if (size < 0 && errno != EINTR && errno != EAGAIN) {
        port.watch_stdin = 0;
    }
}

static void die(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

/* -- The terminal -------------------------------------------------------------------------------
 */

static void open_terminal(void) {
    struct termios settings;
    const char *name;

    port.master = posix_openpt(O_RDWR | O_NOCTTY);
    if (port.master < 0 || grantpt(port.master) || unlockpt(port.master)) {
        die("no pseudo-terminal");
    }
    name = ptsname(port.master);
    port.slave = name ? open(name, O_RDWR | O_NOCTTY) : -1;
    if (port.slave < 0 || tcgetattr(port.slave, &settings)) {
        die("the pseudo-terminal does not open");
    }
    cfmakeraw(&settings);
    if (tcsetattr(port.slave, TCSANOW, &settings) || fcntl(port.master, F_SETFL, O_NONBLOCK)) {
        die("the pseudo-terminal takes no settings");
    }
    (void)printf("port %s\n", name);
    (void)fflush(stdout);
}

/* Sends what was gathered; gives up when nobody takes it. */
static void send_gathered(void) {
    size_t sent = 0;

    while (sent != port.out_size) {
        struct pollfd wait = {port.master, POLLOUT, 0};
        const ssize_t size = write(port.master, port.out + sent, port.out_size - sent);
        if (size > 0) {
            sent += (size_t)size;
            port.unread = 0;
        } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        } else if (poll(&wait, 1, port.unread ? 0 : UNREAD_MS) == 0) {
            port.unread = 1;
            break;
        }
    }
    port.out_size = 0;
    port.gathering = tp_port_ticks();
}

/* Waits for input and reads all there is, up to a buffer. */
static void refill(void) {
    struct pollfd wait[2] = {{port.master, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    const nfds_t count = port.watch_stdin ? 2 : 1;

    port.in_begin = 0;
    port.in_end = 0;
    if (poll(wait, count, IDLE_MS) <= 0) {
        return;
    }
    if (wait[1].revents) {
        read_stdin();
    }
    if (wait[0].revents) {
        const ssize_t size = read(port.master, port.in, sizeof port.in);
        if (size > 0) {
            port.in_end = (size_t)size;
        } else {
            (void)poll(NULL, 0,
                       IDLE_MS / 10); /* hung up: does not happen on Linux, must not spin */
        }
    }
    port.gathering = tp_port_ticks();
}

/* -- port.h -------------------------------------------------------------------------------------
 */

uint8_t tp_port_init(void) {
    tp_posix_stack_paint(&port.stack);
    return port.cause;
}

uint16_t tp_port_read(uint8_t *dst, uint16_t size) {
    size_t count;

    if (port.in_begin == port.in_end) {
        send_gathered();
        refill();
    }
    count = port.in_end - port.in_begin;
    if (count > size) {
        count = size;
    }
    memcpy(dst, port.in + port.in_begin, count);
    port.in_begin += count;
    return (uint16_t)count;
}

void tp_port_write(const uint8_t *src, uint16_t size) {
    if (port.out_size + size > sizeof port.out) {
        send_gathered();
    }
    memcpy(port.out + port.out_size, src, size);
    port.out_size += size;
}

void tp_port_flush(void) {
    const int more_input = port.in_begin != port.in_end;

    if (!more_input || tp_port_ticks() - port.gathering > GATHER_TICKS) {
        send_gathered();
    }
}

uint32_t tp_port_ticks(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * TICK_HZ + (uint64_t)now.tv_nsec / 10);
}

uint32_t tp_port_tick_hz(void) {
    return TICK_HZ;
}

/* How much RAM is left, an operating system decides anew each time. */
void tp_port_memory(tp_memory_t *marks) {
    *marks = (tp_memory_t){0, tp_posix_stack_used(&port.stack)};
}

void tp_port_poison_stack(uint8_t pattern) {
    tp_posix_stack_poison(&port.stack, pattern);
}

void tp_port_alive(void) {
}

void tp_port_reset(void) {
    char master[12];
    char slave[12];
    char option[sizeof restarted];
    char *arguments[] = {port.program, option, master, slave, NULL};

    send_gathered();
    memcpy(option, restarted, sizeof restarted);
    (void)snprintf(master, sizeof master, "%d", port.master);
    (void)snprintf(slave, sizeof slave, "%d", port.slave);
    (void)execvp(port.program, arguments);
    die("the program does not start anew");
}

/* A frame of its own, so that what starts the program does not count as the firmware's stack. */
__attribute__((noinline, noreturn)) static void serve(void) {
    port.stack.high = __builtin_frame_address(0);
    tp_firmware_init();
    for (;;) {
        tp_firmware_poll();
    }
}

int main(int count, char **arguments) {
    uint8_t signal_stack[SIGNAL_STACK];
    const stack_t other = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};

    port.program = arguments[0];
    (void)sigaltstack(&other, NULL);
    watch_owner();
    if (count == 4 && strcmp(arguments[1], restarted) == 0) {
        port.master = atoi(arguments[2]);
        port.slave = atoi(arguments[3]);
        port.cause = TP_START_SOFTWARE;
    } else {
        open_terminal();
        port.cause = TP_START_POWER_ON;
    }
    serve();
}
