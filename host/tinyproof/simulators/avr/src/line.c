/* The host's end of the serial line: a pseudo-terminal, or TCP on the loopback interface. */
#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "speed.h"

static const tp_line nothing = {.data = -1, .watch = -1};

/* --- pseudo-terminal --- */

/* Open the slave for a moment, to drop what nobody read and to forget the last client's settings.
 */
static int clean_slave(const tp_line *self) {
    const int slave = open(self->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        return -1;
    }
    (void)tcflush(slave, TCIOFLUSH);
    const int result = tp_speed_clear(slave);
    (void)close(slave);
    return result;
}

/* Whether the link leads to our own slave. */
static bool is_own_link(const tp_line *self) {
    char target[sizeof(self->name)];
    const ssize_t length = readlink(self->symlink, target, sizeof(target));
    return length >= 0 && (size_t)length == strlen(self->name) &&
           memcmp(target, self->name, (size_t)length) == 0;
}

/* Replace a link left by a killed simulator: one that leads nowhere, or to a slave that is ours by
 * now. Whatever else is there stays.
 */
static int make_link(const tp_line *self) {
    struct stat status;
    const bool is_link = lstat(self->symlink, &status) == 0 && S_ISLNK(status.st_mode);
    if (is_link && (is_own_link(self) || stat(self->symlink, &status) < 0)) {
        (void)unlink(self->symlink);
    }
    return symlink(self->name, self->symlink);
}

static int open_master(tp_line *self) {
    self->data = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (self->data < 0 || grantpt(self->data) < 0 || unlockpt(self->data) < 0 ||
        ptsname_r(self->data, self->name, sizeof(self->name)) != 0) {
        return -1;
    }
    /* A slave that was never opened does not hang up its master: this open and close does. */
    return clean_slave(self);
}

int tp_line_create_pty(tp_line *self, const char *symlink) {
    *self = nothing;
    self->is_pty = true;
    if (open_master(self) < 0) {
        return -1;
    }
    self->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (self->watch < 0 || inotify_add_watch(self->watch, self->name, IN_OPEN | IN_CLOSE) < 0) {
        return -1;
    }
    if (symlink) {
        self->symlink = symlink;
        if (make_link(self) < 0) {
            self->symlink = NULL; /* not ours to remove */
            return -1;
        }
    }
    return 0;
}

/* Count opens and closes; returns whether the first opener came. */
static bool count_openers(tp_line *self) {
    _Alignas(struct inotify_event) char buffer[4096];
    bool opened = false;
    for (ssize_t size; (size = read(self->watch, buffer, sizeof(buffer))) > 0;) {
        for (const char *at = buffer; at < buffer + size;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            at += sizeof(*event) + event->len;
            if (event->mask & IN_OPEN) {
                opened |= self->openers == 0;
                self->openers++;
            } else if (self->openers > 0) {
                self->openers--;
            }
        }
    }
    return opened;
}

/* Whether no client has the slave open and everything that clients wrote has been read. */
static bool hung_up(const tp_line *self) {
    struct pollfd entry = {.fd = self->data, .events = POLLIN};
    return poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP) && !(entry.revents & POLLIN);
}

static tp_line_event check_pty(tp_line *self, const struct pollfd entries[2]) {
    if ((entries[0].revents & POLLIN) && count_openers(self)) {
        self->is_open = true;
        return TP_LINE_OPENED;
    }
    if (self->is_open && (entries[1].revents & POLLHUP) && hung_up(self)) {
        (void)clean_slave(self);
        (void)count_openers(self); /* the open and close that cleaning made */
        self->openers = hung_up(self) ? 0 : 1;
        self->is_open = self->openers > 0;
        return self->is_open ? TP_LINE_OPENED : TP_LINE_CLOSED;
    }
    return TP_LINE_NOTHING;
}

/* --- TCP --- */

int tp_line_create_tcp(tp_line *self, uint16_t port) {
    *self = nothing;
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    self->watch = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->watch < 0 || setsockopt(self->watch, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(self->watch, (struct sockaddr *)&address, size) < 0 || listen(self->watch, 4) < 0 ||
        getsockname(self->watch, (struct sockaddr *)&address, &size) < 0) {
        return -1;
    }
    (void)snprintf(self->name, sizeof(self->name), "socket://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    return 0;
}

static void drop_client(tp_line *self) {
    (void)close(self->data);
    self->data = -1;
    self->is_open = false;
}

static tp_line_event check_tcp(tp_line *self, const struct pollfd entries[2]) {
    if (entries[0].revents & POLLIN) {
        const int client = accept4(self->watch, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0 && self->is_open) {
            (void)close(client); /* a serial port has one user */
        } else if (client >= 0) {
            const int on = 1;
            (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            self->data = client;
            self->is_open = true;
            return TP_LINE_OPENED;
        }
    }
    if (self->is_open && (entries[1].revents & (POLLIN | POLLHUP | POLLERR))) {
        uint8_t byte;
        const ssize_t size = recv(self->data, &byte, 1, MSG_PEEK);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            drop_client(self);
            return TP_LINE_CLOSED;
        }
    }
    return TP_LINE_NOTHING;
}

/* --- both --- */

void tp_line_destroy(tp_line *self) {
    if (self->symlink && is_own_link(self)) {
        (void)unlink(self->symlink);
    }
    if (self->data >= 0) {
        (void)close(self->data);
    }
    if (self->watch >= 0) {
        (void)close(self->watch);
    }
}

void tp_line_prepare(const tp_line *self, struct pollfd entries[2], short events) {
    entries[0] = (struct pollfd){.fd = self->watch, .events = POLLIN};
    entries[1] = (struct pollfd){.fd = self->is_open && events ? self->data : -1, .events = events};
}

tp_line_event tp_line_check(tp_line *self, const struct pollfd entries[2]) {
    return self->is_pty ? check_pty(self, entries) : check_tcp(self, entries);
}

size_t tp_line_read(tp_line *self, uint8_t *bytes, size_t size) {
    const ssize_t taken = self->is_open ? read(self->data, bytes, size) : 0;
    return taken > 0 ? (size_t)taken : 0;
}

size_t tp_line_write(tp_line *self, const uint8_t *bytes, size_t size) {
    const ssize_t taken = self->is_open ? write(self->data, bytes, size) : 0;
    return taken > 0 ? (size_t)taken : 0;
}

uint32_t tp_line_baud(const tp_line *self) {
    return self->is_pty && self->is_open ? tp_speed_get(self->data) : 0;
}
