/* The program's command line. */
#ifndef TP_AVR_OPTIONS_H
#define TP_AVR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *mcu;
    uint32_t frequency; /* Hz */
    const char *bootloader;
    const char *firmware;
    bool tcp;
    uint16_t tcp_port;
    double speed;    /* of the application; 0: free */
    int patience_ms; /* see session.h */
    const char *link;
} tp_options;

/* Returns 0; 1 after `--help` (printed on stdout); -1 after a fault (one sentence on stderr). */
int tp_options_parse(tp_options *options, int count, char *words[]);

#endif
