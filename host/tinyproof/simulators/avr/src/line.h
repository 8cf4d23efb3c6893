/*
 * The host's end of the serial line: a pseudo-terminal, or TCP on the loopback interface.
 *
 * Says when a client opens or closes it, as a USB serial chip does with DTR. A pseudo-terminal's
 * master side cannot see an open by itself: the slave is watched with inotify (also catches a close
 * and an open between two looks), and POLLHUP says whether anybody has it open.
 */
#ifndef TP_AVR_LINE_H
#define TP_AVR_LINE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum { TP_LINE_NOTHING, TP_LINE_OPENED, TP_LINE_CLOSED } tp_line_event;

typedef struct {
    int data;  /* pty master, or the connected client; -1: none */
    int watch; /* inotify, or the listening socket */
    bool is_pty;
    bool is_open;        /* a client is there */
    int openers;         /* clients that have the slave open, as far as inotify told */
    char name[64];       /* what a client opens: /dev/pts/N, or socket://127.0.0.1:PORT */
    const char *symlink; /* path of the link to the pty, or NULL; not owned */
} tp_line;

/* Open a pty, and make the symbolic link `symlink` to it unless NULL. Returns 0, or -1 and errno.
 */
int tp_line_create_pty(tp_line *self, const char *symlink);

/* Listen on the loopback interface; `port` 0 takes a free one. Returns 0, or -1 and errno. */
int tp_line_create_tcp(tp_line *self, uint16_t port);

/* Close everything and remove the link. */
void tp_line_destroy(tp_line *self);

/* Fill two entries for poll(2): the watch, and the data with `events` while a client is there. */
void tp_line_prepare(const tp_line *self, struct pollfd entries[2], short events);

/* Look at the entries after poll(2): has a client come or gone? */
tp_line_event tp_line_check(tp_line *self, const struct pollfd entries[2]);

/* Read at most `size` bytes without waiting; 0: nothing now. */
size_t tp_line_read(tp_line *self, uint8_t *bytes, size_t size);

/* Write at most `size` bytes without waiting; returns how many were taken. */
size_t tp_line_write(tp_line *self, const uint8_t *bytes, size_t size);

/*
 * The client's speed in bit/s; 0: it has set none, or the line has none. A client not yet seen to
 * open has none either: what the board says until then is nobody's to misread.
 */
uint32_t tp_line_baud(const tp_line *self);

#endif
