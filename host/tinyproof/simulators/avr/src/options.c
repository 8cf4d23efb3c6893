/* The program's command line. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: avr-simulator --mcu NAME [options]\n"
    "  --mcu NAME         atmega328p (Uno) or atmega2560 (Mega)\n"
    "  --frequency HZ     clock (16000000)\n"
    "  --bootloader HEX   resets start in it; runs in real time\n"
    "  --firmware FILE    application, Intel HEX or ELF\n"
    "  --pty              the port is a pseudo-terminal (default)\n"
    "  --tcp PORT         the port is TCP on 127.0.0.1; 0 takes a free one\n"
    "  --link PATH        symbolic link to the pseudo-terminal\n"
    "  --speed X          simulated seconds per second in the application; 0 is free (default)\n"
    "  --patience MS      at free speed, how long simulated time stands still at most after a "
    "burst\n"
    "                     of output to let the host answer (200)\n"
    "Runs until its standard input ends; `status`, `reset` and `quit` are commands there.\n";

enum { MCU, FREQUENCY, BOOTLOADER, FIRMWARE, PTY, TCP, LINK, SPEED, PATIENCE, HELP };

static const struct option names[] = {
    {"mcu", required_argument, NULL, MCU},
    {"frequency", required_argument, NULL, FREQUENCY},
    {"bootloader", required_argument, NULL, BOOTLOADER},
    {"firmware", required_argument, NULL, FIRMWARE},
    {"pty", no_argument, NULL, PTY},
    {"tcp", required_argument, NULL, TCP},
    {"link", required_argument, NULL, LINK},
    {"speed", required_argument, NULL, SPEED},
    {"patience", required_argument, NULL, PATIENCE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* A number within bounds; complains and returns -1 otherwise. */
static double number(const char *option, const char *text, double least, double most) {
    char *end = NULL;
    errno = 0;
    const double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= least && value <= most)) {
        (void)fprintf(stderr, "avr-simulator: --%s wants a number from %g to %g, got %s.\n", option,
                      least, most, text);
        return -1;
    }
    return value;
}

static int set_number(tp_options *options, int option, const char *text) {
    static const double most[] = {
        [FREQUENCY] = 20e6, [TCP] = 65535, [SPEED] = 1000, [PATIENCE] = 10000};
    const double value = number(names[option].name, text, option == FREQUENCY, most[option]);
    if (value < 0) {
        return -1;
    }
    if (option == FREQUENCY) {
        options->frequency = (uint32_t)value;
    } else if (option == TCP) {
        options->tcp = true;
        options->tcp_port = (uint16_t)value;
    } else if (option == SPEED) {
        options->speed = value;
    } else {
        options->patience_ms = (int)value;
    }
    return 0;
}

static int set(tp_options *options, int option, const char *text) {
    switch (option) {
    case MCU:
        options->mcu = text;
        return 0;
    case BOOTLOADER:
        options->bootloader = text;
        return 0;
    case FIRMWARE:
        options->firmware = text;
        return 0;
    case LINK:
        options->link = text;
        return 0;
    case PTY:
        options->tcp = false;
        return 0;
    case HELP:
        (void)fputs(usage, stdout);
        return 1;
    case '?':
        return -1; /* getopt has complained */
    default:
        return set_number(options, option, text);
    }
}

int tp_options_parse(tp_options *options, int count, char *words[]) {
    *options = (tp_options){.frequency = 16000000, .patience_ms = 200};
    for (int option; (option = getopt_long(count, words, "", names, NULL)) != -1;) {
        const int result = set(options, option, optarg);
        if (result != 0) {
            return result;
        }
    }
    if (optind < count || options->mcu == NULL) {
        (void)fputs(usage, stderr);
        return -1;
    }
    return 0;
}
