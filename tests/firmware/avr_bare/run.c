/* Runs a bare AVR program on simavr: stdin and stdout through two I/O registers, cycle counts of
 * what it marks through a third. Usage: run MCU program.elf
 *
 * bare.h is the program's side. Each mark becomes a line "value cycle" on stderr. The program ends
 * by sleeping with interrupts off: exit code 0; a crash, or input that is missing: 1.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>

enum { /* data addresses of GPIOR0 to GPIOR2, the same on all ATmega of today */
       MARK = 0x3E,
       OUTPUT = 0x4A,
       INPUT = 0x4B,
};

static void on_mark(avr_t *avr, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)address;
    (void)unused;
    fprintf(stderr, "%u %llu\n", value, (unsigned long long)avr->cycle);
}

static void on_output(avr_t *avr, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)avr;
    (void)address;
    (void)unused;
    putchar(value);
}

static uint8_t on_input(avr_t *avr, avr_io_addr_t address, void *unused) {
    const int byte = getchar();

    (void)unused;
    if (byte == EOF) {
        fputs("the program wants more input than there is\n", stderr);
        avr->state = cpu_Crashed;
        return 0;
    }
    avr->data[address] = (uint8_t)byte;
    return (uint8_t)byte;
}

/* simavr tells of each ELF section on stdout; only what went wrong is worth a line. */
static void on_log(avr_t *avr, const int level, const char *format, va_list arguments) {
    (void)avr;
    if (level <= LOG_WARNING) {
        vfprintf(stderr, format, arguments);
    }
}

int main(int argc, char **argv) {
    elf_firmware_t firmware;
    avr_t *avr;
    int state;

    if (argc != 3) {
        fputs("usage: run MCU program.elf\n", stderr);
        return 2;
    }
    avr_global_logger_set(on_log);
    memset(&firmware, 0, sizeof firmware);
    avr = avr_make_mcu_by_name(argv[1]);
    if (avr == NULL || elf_read_firmware(argv[2], &firmware) != 0) {
        fprintf(stderr, "cannot load %s for %s\n", argv[2], argv[1]);
        return 2;
    }
    avr_init(avr);
    avr->frequency = 16000000;
    avr->log = LOG_WARNING;
    avr_load_firmware(avr, &firmware);
    avr_register_io_write(avr, MARK, on_mark, NULL);
    avr_register_io_write(avr, OUTPUT, on_output, NULL);
    avr_register_io_read(avr, INPUT, on_input, NULL);
    do {
        state = avr_run(avr);
    } while (state != cpu_Done && state != cpu_Crashed);
    fflush(stdout);
    return state == cpu_Done ? 0 : 1;
}
