/*
 * One run of the simulator: board, line, pace, commands and messages, until told to end.
 *
 * Time. Without a bootloader, an open holds the board in reset until 50 ms of real time after the
 * client has set its speed, at most 200 ms: clients clear their buffers after opening, and would
 * throw away what the board says at once. While the bootloader runs, simulated time follows real
 * time, since flashers have time-outs. The application runs at the speed asked for. At free speed:
 *  - after each burst of output that leaves the line silent both ways, simulated time stands
 * still for the host's answer, so that a host on a busy machine looks no slower than on an idle
 * one: four times as long as it took of late, 10 ms at least, `patience_ms` at most;
 *  - when the line has been silent for ten simulated seconds, it follows real time.
 * When nobody has the port open it goes on for one simulated second, then stands still: the next
 * open resets the board anyway. Output that the client does not fetch holds simulated time up to
 * 250 ms, then it is dropped.
 *
 * Messages, on stdout, one line each, dropped rather than waited for:
 *   port NAME | open | close | reset CAUSE from 0xPC cycle N | crash 0xPC cycle N: TEXT |
 *   halt 0xPC cycle N | status KEY VALUE ...
 */
#ifndef TP_AVR_SESSION_H
#define TP_AVR_SESSION_H

#include "board.h"
#include "line.h"
#include "options.h"
#include "pace.h"

typedef struct {
    const tp_options *options;
    tp_board board;
    tp_line line;
    tp_pace pace;
    int signals; /* signalfd of SIGINT, SIGTERM and SIGHUP */
    pid_t owner; /* our parent; its death ends us even if somebody else holds our stdin */
    bool quit;
    bool is_open;          /* a client has the port, and it has been said */
    bool stopped;          /* the processor crashed or halted, and it has been said */
    bool await_answer;     /* a burst ended, and the host has not been waited for */
    int64_t burst_ns;      /* real time at which the last burst ended; 0: the host has answered */
    int64_t reaction_ns;   /* the longest that the host took to answer of late */
    int64_t held_until_ns; /* real time until which the reset pin is held down */
    int64_t stalled_ns;    /* real time since which the client fetches nothing, 0: it does */
    uint64_t dropped;      /* bytes sent that nobody fetched */
    uint64_t closed_at;    /* cycle at which the last client went */
    char command[64];      /* the command line being read */
    size_t command_size;
} tp_session;

/* What tp_session_begin returns when the firmware or the bootloader cannot be loaded. */
#define TP_SESSION_BAD_IMAGE (-2)

/* Set everything up. Returns 0, or negative after a sentence on stderr; tp_session_end in any case.
 */
int tp_session_begin(tp_session *self, const tp_options *options);

/* Run until stdin ends, `quit`, a signal, or the owner's death. */
void tp_session_run(tp_session *self);

/* Print the last status, remove the port. */
void tp_session_end(tp_session *self);

#endif
