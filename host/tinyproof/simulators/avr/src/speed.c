/* A terminal's line speed: any number of bit/s, which <termios.h> cannot tell. */
#include "speed.h"

/* The kernel's own header; it must not meet <termios.h>, hence this file. */
#include <asm/termbits.h>
#include <sys/ioctl.h>

uint32_t tp_speed_get(int fd) {
    struct termios2 settings;
    return ioctl(fd, TCGETS2, &settings) == 0 ? settings.c_ospeed : 0;
}

int tp_speed_clear(int fd) {
    struct termios2 settings;
    if (ioctl(fd, TCGETS2, &settings) < 0) {
        return -1;
    }
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = CS8 | CREAD | CLOCAL | B0;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return ioctl(fd, TCSETS2, &settings);
}
