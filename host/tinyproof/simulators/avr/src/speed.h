/* A terminal's line speed: any number of bit/s, which <termios.h> cannot tell. */
#ifndef TP_AVR_SPEED_H
#define TP_AVR_SPEED_H

#include <stdint.h>

/* The output speed of terminal `fd` in bit/s; 0: none set, or not a terminal. */
uint32_t tp_speed_get(int fd);

/* Make terminal `fd` raw, with no speed set. Returns 0, or -1 and errno. */
int tp_speed_clear(int fd);

#endif
