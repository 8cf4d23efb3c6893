/* Runs an AVR program in libsimavr and prints the cycles from one function's entry to another's.
 *
 * avr_count MCU PROGRAM.elf START STOP (byte addresses). Prints to stderr
 * "cycles N", and "sent HEX" for each byte that the program writes to GPIOR0; libsimavr itself
 * writes to stdout. Ends when the chip sleeps with interrupts off, or after 2^40 cycles.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sim_avr.h>
#include <sim_elf.h>
#include <sim_io.h>

#define GPIOR0 0x3E /* the same data address on all chips with one */

static void on_byte(struct avr_t *avr, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)avr;
    (void)address;
    (void)unused;
    fprintf(stderr, "sent %02x\n", value);
}

int main(int argc, char **argv) {
    elf_firmware_t firmware;
    avr_cycle_count_t start = 0;
    avr_flashaddr_t from, to;
    avr_t *avr;
    int state = cpu_Running;

    memset(&firmware, 0, sizeof firmware);
    if (argc != 5 || elf_read_firmware(argv[2], &firmware) != 0) {
        return 2;
    }
    avr = avr_make_mcu_by_name(argv[1]);
    if (avr == NULL || avr_init(avr) != 0) {
        return 2;
    }
    avr->log = LOG_NONE;
    avr->run_cycle_limit = 1; /* one instruction for each call, so that no address is missed */
    avr_load_firmware(avr, &firmware);
    avr_register_io_write(avr, GPIOR0, on_byte, NULL);
    from = (avr_flashaddr_t)strtoul(argv[3], NULL, 0);
    to = (avr_flashaddr_t)strtoul(argv[4], NULL, 0);
    while (state != cpu_Done && state != cpu_Crashed && avr->cycle >> 40 == 0) {
        if (avr->pc == from) {
            start = avr->cycle;
        } else if (avr->pc == to && start != 0) {
            fprintf(stderr, "cycles %" PRIu64 "\n", (uint64_t)(avr->cycle - start));
            start = 0;
        }
        state = avr_run(avr);
    }
    return state == cpu_Done ? 0 : 1;
}
